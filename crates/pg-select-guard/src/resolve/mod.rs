//! Resolves names: what each table, column and output name of a statement denotes.
//!
//! PostgreSQL resolves names after parsing, with rules of its own: a WITH query hides a table, an
//! inner query hides an outer one, USING merges columns, ORDER BY prefers output columns. All of
//! these rules are here, and so are the refusals that follow from them:
//!
//! - a dot must not call a function (`dot_notation`);
//! - a column that is withheld from clients, or a system column, does not exist (`withheld`).
//!
//! The analysis that needs the result drives the [`Resolver`]: it enters and leaves queries, adds
//! the items of FROM in the order of the text, and asks for each reference. What it knows of a
//! column or an item is carried along as [`ColumnData`]; this module never looks into it.
//!
//! Knows names, scopes and the relations; must not know costs. Runs on trees that `walk` has
//! accepted. Invariant: every column reference that `walk` has seen was resolved, or the statement
//! is refused ([`Resolver::finish`]). Where only PostgreSQL knows what a name denotes, everything
//! that it could denote counts.
//!
//! `hints` suggests names for texts that do not parse, and works without this module.
mod columns; // the columns of a query's result, or of an item of FROM
mod cte; // WITH queries in scope
mod dot_notation; // the column after a dot, which must not be a function call
mod function_item; // functions in FROM and their columns
mod grouping; // GROUP BY the primary key of a table
mod item; // an item of FROM
mod join; // columns that a join merges or compares
mod output_name; // names of output columns
mod range_table; // the items in scope, and what a name denotes
mod resolver; // column references
mod sort_key; // names in ORDER BY, GROUP BY and DISTINCT ON
mod star; // expansion of `*`, and the columns that a join merges
mod syntax; // queries on the AST of names
mod table; // tables and WITH queries in FROM
mod withheld; // columns that no client may read

pub(crate) use columns::{Column, ColumnData, Columns};
pub(crate) use cte::{CteQuery, CteScope};
pub(crate) use function_item::{FunctionItem, function_count, value_name};
pub(crate) use grouping::DependentColumn;
pub(crate) use item::Item;
pub(crate) use join::{ItemColumn, referred_column, using_pairs};
pub(crate) use output_name::OutputName;
pub(crate) use resolver::{Resolved, Resolver};
pub(crate) use sort_key::SortKey;
pub(crate) use syntax::{
    integer_literal, is_row_constructor_expansion, is_row_expansion, star_qualifier,
};
pub(crate) use table::{qualify, remove_database_name};
