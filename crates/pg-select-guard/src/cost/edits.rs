//! The changes that the analysis wants in a statement, and their application.
//!
//! The analysis reads a borrowed tree and may run several times over it. What must change is
//! recorded here, by the place of a node, and only the edits of the accepted analysis are applied,
//! once. Children are edited before the node around them, and several edits of one node in the
//! order in which they were recorded. So an edit sees a node whose parts are finished, as if each
//! node had been rewritten right after its analysis.
//!
//! A place is the address of a [`Node`] or of a [`SelectStmt`]. Between the analysis and the
//! application nothing touches the tree. While edits are applied, an address stays valid until its
//! place is visited:
//!
//! - Every node is an element of a `Vec` or the content of a `Box`, so it stays where it is when
//!   the node around it is moved.
//! - An edit changes what a place and the places inside it hold, and all of these have been visited
//!   before. Nothing is added to a list before all of its elements have been visited.
//!
//! Invariant: each recorded edit is applied exactly once, or the statement is refused. A tree that
//! is built for the analysis has edits of its own, which are applied to it before it is dropped.
//!
//! Must not know why something is edited.
use std::collections::HashMap;

use pg_query::protobuf::{Node, SelectStmt};

use super::build_ast;
use super::edit_tree::{self, Visitor};
use super::inspect;
use crate::name::CheckOutcome;
use crate::refusal::Refusal;

/// What a node is after an edit, as far as the analysis of the node around it depends on that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Becomes {
    WrapperCall,
    SubLink,
    Other,
}

type NodeEdit = Box<dyn FnOnce(&mut Node) -> CheckOutcome>;
type QueryEdit = Box<dyn FnOnce(&mut SelectStmt)>;

/// The edits of one tree.
#[derive(Default)]
pub(super) struct Edits {
    /// By address.
    nodes: HashMap<usize, NodeEdits>,
    /// By address.
    queries: HashMap<usize, Vec<QueryEdit>>,
    /// Number of edits recorded so far.
    count: usize,
}

/// The edits of one node.
struct NodeEdits {
    /// What the node is after all of them.
    becomes: Becomes,
    all: Vec<NodeEdit>,
}

/// Recording.
impl Edits {
    /// Records a change of a node.
    ///
    /// # Errors
    /// `edit` returns a refusal if it cannot be applied.
    pub(super) fn change(
        &mut self,
        node: &Node,
        becomes: Becomes,
        edit: impl FnOnce(&mut Node) -> CheckOutcome + 'static,
    ) {
        let edits = self.nodes.entry(address(node));
        let edits = edits.or_insert_with(|| NodeEdits {
            becomes,
            all: Vec::new(),
        });
        edits.becomes = becomes;
        edits.all.push(Box::new(edit));
        self.count += 1;
    }

    /// Records a node that takes the place of another, and may contain it.
    pub(super) fn replace(
        &mut self,
        node: &Node,
        becomes: Becomes,
        build: impl FnOnce(Node) -> Node + 'static,
    ) {
        self.change(node, becomes, |node| {
            *node = build(std::mem::take(node));
            Ok(())
        });
    }

    /// Records `bounded.wrapper(node, others)`.
    pub(super) fn wrap(&mut self, node: &Node, wrapper: &'static str, others: Vec<Node>) {
        self.replace(node, Becomes::WrapperCall, move |inner| {
            let args = std::iter::once(inner).chain(others);
            build_ast::wrapper_call(wrapper, args.collect())
        });
    }

    /// Records a change of a query.
    pub(super) fn change_query(
        &mut self,
        query: &SelectStmt,
        edit: impl FnOnce(&mut SelectStmt) + 'static,
    ) {
        let edits = self.queries.entry(address(query)).or_default();
        edits.push(Box::new(edit));
        self.count += 1;
    }

    /// Number of edits recorded so far.
    pub(super) fn count(&self) -> usize {
        self.count
    }
}

/// What a node is after its edits.
impl Edits {
    pub(super) fn is_edited(&self, node: &Node) -> bool {
        self.becomes(node).is_some()
    }

    /// Whether it is a call of a bounded wrapper. A client cannot write one.
    pub(super) fn is_wrapper_call(&self, node: &Node) -> bool {
        self.becomes(node) == Some(Becomes::WrapperCall)
    }

    pub(super) fn is_sub_link(&self, node: &Node) -> bool {
        match self.becomes(node) {
            Some(becomes) => becomes == Becomes::SubLink,
            None => inspect::is_sub_link(node),
        }
    }

    /// Whether it is a literal, with or without casts.
    pub(super) fn is_literal(&self, node: &Node) -> bool {
        inspect::is_literal(node) && self.keeps_literal(node)
    }

    /// The value of a text literal, with or without a cast that leaves it unchanged.
    pub(super) fn text_literal<'a>(&self, node: &'a Node) -> Option<&'a str> {
        inspect::text_literal(node).filter(|_| self.keeps_literal(node))
    }

    /// The value of a text literal that may be cast to one of these types without a type modifier.
    pub(super) fn text_literal_as<'a>(&self, node: &'a Node, types: &[&str]) -> Option<&'a str> {
        inspect::text_literal_as(node, types).filter(|_| self.keeps_literal(node))
    }

    /// Whether it is a literal that takes its type from its context: without a cast, or with one
    /// that leaves a text unchanged.
    pub(super) fn is_untyped_literal(&self, node: &Node) -> bool {
        self.text_literal(node).is_some() || inspect::is_constant(node) && !self.is_edited(node)
    }

    /// The elements of an array constructor.
    pub(super) fn array_elements<'a>(&self, node: &'a Node) -> Option<&'a [Node]> {
        inspect::array_elements(node).filter(|_| !self.is_edited(node))
    }

    /// Whether it is `(row).*`, which denotes all columns of a row.
    pub(super) fn is_row_expansion(&self, node: &Node) -> bool {
        inspect::is_row_expansion(node) && !self.is_edited(node)
    }

    /// Whether nothing is put around a literal or between it and its casts.
    fn keeps_literal(&self, literal: &Node) -> bool {
        !self.is_edited(literal)
            && inspect::cast_operand(literal).is_none_or(|inner| self.keeps_literal(inner))
    }

    fn becomes(&self, node: &Node) -> Option<Becomes> {
        let edits = self.nodes.get(&address(node));
        edits.map(|edits| edits.becomes)
    }
}

/// Application.
impl Edits {
    /// Applies all edits to the query that was analyzed.
    ///
    /// # Errors
    /// Refuses the statement if an edit could not be applied.
    pub(super) fn apply(mut self, query: &mut SelectStmt) -> CheckOutcome {
        if self.count > 0 {
            edit_tree::visit_query(query, &mut self)?;
        }
        self.finish()
    }

    /// Applies all edits to the expression that was analyzed.
    ///
    /// # Errors
    /// Refuses the statement if an edit could not be applied.
    pub(super) fn apply_to_expr(mut self, expr: &mut Node) -> CheckOutcome {
        edit_tree::visit_node(expr, &mut self)?;
        self.finish()
    }

    /// Verifies that no edit is left: without it, something unbounded would run.
    fn finish(self) -> CheckOutcome {
        if self.nodes.is_empty() && self.queries.is_empty() {
            return Ok(());
        }
        Err(Refusal::unprintable())
    }
}

impl Visitor for Edits {
    fn leave_node(&mut self, node: &mut Node) -> CheckOutcome {
        let edits = self.nodes.remove(&address(node));
        let mut edits = edits.into_iter().flat_map(|edits| edits.all);
        edits.try_for_each(|edit| edit(node))
    }

    fn leave_query(&mut self, query: &mut SelectStmt) {
        let edits = self.queries.remove(&address(query));
        edits.into_iter().flatten().for_each(|edit| edit(query));
    }
}

fn address<T>(place: &T) -> usize {
    std::ptr::from_ref(place).addr()
}
