//! JSON_TABLE, an item of FROM: its document, its paths and its columns.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    JsonTable, JsonTableColumn, JsonTableColumnType, JsonTablePathSpec, Node,
};

use super::bound::Bound;
use super::call_syntax::json_value;
use super::columns::{Column, Columns};
use super::json_path::check_json_path;
use super::limits::{INTEGER_BYTES, MAX_NESTED_PATHS};
use super::sql_json::{bound_as_type, is_long_number, path_result_bound};
use super::{CostAnalyzer, Item, ItemCost, time_zone};
use crate::name::CheckOutcome;
use crate::refusal::Refusal;

impl CostAnalyzer {
    /// Bounds JSON_TABLE, an item of FROM.
    pub(super) fn bound_json_table(&mut self, table: &JsonTable) -> Result<(Bound, Item), Refusal> {
        let reads_numbers = any_column(&table.columns, &|column| {
            column.type_name.as_ref().is_some_and(is_long_number)
        });
        let context_item = json_value(table.context_item.as_deref());
        let has_zoned_column = any_column(&table.columns, &|column| {
            time_zone::check_json_time(column.type_name.as_ref(), context_item).is_err()
        });
        if has_zoned_column {
            return Err(Refusal::construct_with_hint(
                "a date or time column in JSON_TABLE of a document that is not a literal",
                "declare it as text and cast it",
            )
            .at(table.location));
        }
        let document = self.bound_document(context_item, reads_numbers)?;
        check_table_path(table.pathspec.as_deref())?;
        let mut bound =
            document.with_sibling(self.bound_behavior(table.on_error.as_deref(), None)?);
        let mut columns = Columns::default();
        let columns_bound = self.bound_json_columns(&table.columns, document, &mut columns, 0)?;
        bound = bound.with_sibling(columns_bound);
        let cost = ItemCost {
            append_children: 1,
            row_count_known: false,
        };
        let item = Item::new("json_table", table.alias.as_ref(), columns, cost);
        Ok((bound, item))
    }

    fn bound_json_columns(
        &mut self,
        nodes: &[Node],
        document: Bound,
        columns: &mut Columns,
        depth: usize,
    ) -> Result<Bound, Refusal> {
        let mut bound = Bound::default();
        for node in nodes {
            let Some(NodeEnum::JsonTableColumn(column)) = &node.node else {
                return Err(Refusal::construct("this column of JSON_TABLE"));
            };
            check_table_path(column.pathspec.as_deref())?;
            for behavior in [&column.on_empty, &column.on_error] {
                let target = column.type_name.as_ref();
                bound = bound.with_sibling(self.bound_behavior(behavior.as_deref(), target)?);
            }
            let value = match (column.coltype(), &column.type_name) {
                (JsonTableColumnType::JtcNested, _) => {
                    if depth == MAX_NESTED_PATHS {
                        let hint = "expand the inner documents by jsonb_array_elements";
                        return Err(Refusal::construct_with_hint(
                            "NESTED PATH nested this deep",
                            hint,
                        )
                        .at(column.location));
                    }
                    let inner =
                        self.bound_json_columns(&column.columns, document, columns, depth + 1)?;
                    bound = bound.with_sibling(inner);
                    continue;
                }
                (JsonTableColumnType::JtcForOrdinality, _) => {
                    Bound::leaf(INTEGER_BYTES).as_non_text()
                }
                (
                    JsonTableColumnType::JtcRegular
                    | JsonTableColumnType::JtcExists
                    | JsonTableColumnType::JtcFormatted,
                    Some(target),
                ) => bound_as_type(path_result_bound(document), target),
                _ => {
                    let refusal = Refusal::construct("this column of JSON_TABLE");
                    return Err(refusal.at(column.location));
                }
            };
            bound = bound.with_sibling(value);
            columns.push(Column::new(column.name.clone(), value.fenced()));
        }
        Ok(bound)
    }
}

fn any_column(columns: &[Node], predicate: &dyn Fn(&JsonTableColumn) -> bool) -> bool {
    columns.iter().any(|column| match &column.node {
        Some(NodeEnum::JsonTableColumn(column)) => {
            predicate(column) || any_column(&column.columns, predicate)
        }
        _ => false,
    })
}

/// Checks a path of JSON_TABLE; a column without one uses its own name as the path.
fn check_table_path(path: Option<&JsonTablePathSpec>) -> CheckOutcome {
    path.map_or(Ok(()), |path| {
        check_json_path(path.string.as_deref(), path.location)
    })
}
