//! Names in ORDER BY, GROUP BY and DISTINCT ON, which may denote output columns.

use pg_query::NodeEnum;
use pg_query::protobuf::Node;

use super::columns::{ColumnData, Columns};
use super::resolver::Resolver;
use super::syntax::{integer_literal, unqualified_name};
use crate::refusal::Refusal;

/// An output column that a number or a name denotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SortKey<C> {
    pub(crate) output: C,
    /// An input column of the same name, which GROUP BY would prefer.
    pub(crate) input: Option<C>,
}

impl<C: ColumnData, I> Resolver<C, I> {
    /// Whether a key of ORDER BY after a set operation is a number or a name. It denotes an output
    /// column, or PostgreSQL refuses it.
    ///
    /// # Errors
    /// Refuses a system column.
    pub(crate) fn is_output_column(&mut self, key: &Node) -> Result<bool, Refusal> {
        if let (Some(NodeEnum::ColumnRef(column)), Some(name)) = (&key.node, unqualified_name(key))
        {
            self.visit_output_name(column, name)?;
            return Ok(true);
        }
        Ok(integer_literal(key).is_some())
    }

    /// The output column that a sort key denotes; `None` if it is an expression. A number denotes
    /// an output column, and so does a name, unless the clause prefers an input column of that
    /// name.
    ///
    /// # Errors
    /// Refuses a system column.
    pub(crate) fn resolve_sort_key(
        &mut self,
        key: &Node,
        output: &Columns<C>,
    ) -> Result<Option<SortKey<C>>, Refusal> {
        let position = integer_literal(key);
        if let Some(output) = position.and_then(|position| output.at_position(position)) {
            return Ok(Some(SortKey {
                output,
                input: None,
            }));
        }
        let (Some(NodeEnum::ColumnRef(column)), Some(name)) = (&key.node, unqualified_name(key))
        else {
            return Ok(None);
        };
        let Some(found) = output.find(name) else {
            return Ok(None);
        };
        self.visit_output_name(column, name)?;
        if self.range_table.any_withholding(name).is_some() {
            // GROUP BY prefers an input column to an output column.
            self.range_table.mark_all_read_whole();
        }
        let input = self.range_table.resolve_known(name);
        Ok(Some(SortKey {
            output: found.data,
            input: input.map(|input| input.data),
        }))
    }
}
