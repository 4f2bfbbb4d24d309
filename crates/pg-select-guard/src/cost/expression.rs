//! Expressions: the bound of each, computed from its parts.

use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{AConst, AExpr, AIndirection, BoolExprType, Node, WindowDef};

use super::bound::{Bound, Parts};
use super::call_syntax::Call;
use super::cast::Cast;
use super::edits::Becomes;
use super::limits::{
    ARRAY_ELEMENT_BYTES, INTEGER_BYTES, MAX_NUMERIC_BYTES, MAX_PLAN_TIME_BYTES, SCALAR_BYTES,
    TRUTH_VALUE_BYTES, UNIQUE_KEYS_BYTES_PER_BYTE,
};
use super::operation::{
    compares_equal, is_array_comparison, is_equality, may_join, may_take_json_path, parser_copies,
};
use super::operator::{Operands, bound_operation};
use super::sub_link::SublinkPlan;
use super::units::{Bytes, to_u64};
use super::{CostAnalyzer, build_ast, inspect, operator, retained};
use crate::refusal::Refusal;
use crate::resolve::Resolved;

impl CostAnalyzer {
    /// Bounds an expression. A long constant, which PostgreSQL would compute while planning, is
    /// moved into an InitPlan, which runs at execution.
    pub(super) fn bound_expr(&mut self, node: &Node) -> Result<Bound, Refusal> {
        let bound = self.bound_expr_in_place(node)?;
        if bound.is_runtime
            || bound.max_bytes <= MAX_PLAN_TIME_BYTES
            || !inspect::is_computation(node)
        {
            return Ok(bound);
        }
        self.add_item()?;
        self.edits
            .replace(node, Becomes::SubLink, build_ast::scalar_subquery);
        Ok(bound.at_runtime())
    }

    /// Bounds an expression that must not be moved into an InitPlan.
    pub(super) fn bound_expr_in_place(&mut self, node: &Node) -> Result<Bound, Refusal> {
        let Some(known) = &node.node else {
            return Ok(Bound::default());
        };
        Ok(match known {
            NodeEnum::AConst(constant) => {
                if let Some(Val::Sval(text)) = &constant.val {
                    self.add_retained_bytes(retained::time_zone_bytes(&text.sval));
                }
                literal_bound(constant)
            }
            NodeEnum::ColumnRef(column) => {
                let resolved = self.resolver.resolve(column)?;
                if resolved.drops_schema {
                    self.edits
                        .change(node, Becomes::Other, build_ast::remove_schema);
                }
                self.bound_resolved(resolved)
            }
            NodeEnum::AExpr(expr) => {
                self.add_retained_bytes(operator::retained_bytes(expr));
                let operands = self.bound_operands(expr)?;
                let mut bound = bound_operation(expr, operands, &mut self.edits)?;
                let right = expr.rexpr.as_deref();
                if right.is_some_and(|right| self.edits.is_wrapper_call(right)) {
                    bound = bound.with_wrapper();
                }
                bound
            }
            NodeEnum::TypeCast(cast) => self.bound_cast(Cast::from_type_cast(cast))?,
            NodeEnum::FuncCall(call) => {
                let bound = self.bound_call(&Call::from_func_call(node, call))?;
                return Ok(if self.edits.is_wrapper_call(node) {
                    bound.with_wrapper()
                } else {
                    bound
                });
            }
            NodeEnum::JsonObjectConstructor(_)
            | NodeEnum::JsonArrayConstructor(_)
            | NodeEnum::JsonArrayQueryConstructor(_)
            | NodeEnum::JsonScalarExpr(_)
            | NodeEnum::JsonParseExpr(_)
            | NodeEnum::JsonArrayAgg(_)
            | NodeEnum::JsonObjectAgg(_)
            | NodeEnum::JsonFuncExpr(_) => return self.bound_sql_json(node),
            NodeEnum::SubLink(link) => {
                return self.bound_sub_link(node, link, SublinkPlan::HashedSubplan);
            }
            NodeEnum::AIndirection(indirection) => self.bound_indirection(indirection)?,
            NodeEnum::WindowDef(window) => self.bound_window(window)?,
            NodeEnum::BoolExpr(expr) => {
                Bound::parent(self.bound_exprs(&expr.args)?.combined, TRUTH_VALUE_BYTES)
                    .as_non_text()
            }
            NodeEnum::NullTest(test) => {
                Bound::parent(self.bound_optional(test.arg.as_deref())?, TRUTH_VALUE_BYTES)
                    .as_non_text()
            }
            NodeEnum::BooleanTest(test) => {
                Bound::parent(self.bound_optional(test.arg.as_deref())?, TRUTH_VALUE_BYTES)
                    .as_non_text()
            }
            NodeEnum::JsonIsPredicate(test) => {
                let mut tested = self.bound_optional(test.expr.as_deref())?;
                // PostgreSQL keeps the keys of each object that is still open.
                tested.live_bytes += tested.max_bytes * UNIQUE_KEYS_BYTES_PER_BYTE;
                Bound::parent(tested, TRUTH_VALUE_BYTES).as_non_text()
            }
            NodeEnum::CoalesceExpr(expr) => choice_of(self.bound_exprs(&expr.args)?),
            NodeEnum::MinMaxExpr(expr) => choice_of(self.bound_exprs(&expr.args)?),
            NodeEnum::CaseExpr(case) => {
                let (mut parts, mut results) = (Parts::default(), Parts::default());
                if let Some(arg) = &case.arg {
                    let bound = self.bound_expr(arg)?;
                    // Each WHEN compares with its own copy of a constant
                    // (`eval_const_expressions`).
                    let whens = to_u64(case.args.len());
                    parts.add(bound.repeated(if bound.is_runtime { 1 } else { whens.max(1) }));
                }
                let else_result = case.defresult.as_deref();
                for result in else_result.into_iter().chain(&case.args) {
                    let bound = self.bound_expr(result)?;
                    parts.add(bound);
                    results.add(bound);
                }
                choice_bound(&results, parts.combined)
            }
            NodeEnum::CaseWhen(when) => {
                let condition = self.bound_optional(when.expr.as_deref())?;
                let result = self.bound_optional(when.result.as_deref())?;
                let parts = [condition, result].into_iter().collect::<Parts>();
                choice_bound(&[result].into_iter().collect(), parts.combined)
            }
            NodeEnum::CollateClause(collate) => choice_of(
                [self.bound_optional(collate.arg.as_deref())?]
                    .into_iter()
                    .collect(),
            ),
            NodeEnum::NamedArgExpr(arg) => self.bound_optional(arg.arg.as_deref())?,
            NodeEnum::ResTarget(target) => self.bound_optional(target.val.as_deref())?,
            NodeEnum::SortBy(sort) => self.bound_optional(sort.node.as_deref())?,
            NodeEnum::AIndices(indices) => self
                .bound_optional(indices.lidx.as_deref())?
                .with_sibling(self.bound_optional(indices.uidx.as_deref())?),
            // The text of a row is quoted once more for each row or array around it.
            NodeEnum::RowExpr(row) => {
                let columns = row
                    .args
                    .iter()
                    .map(|arg| self.resolver.row_columns(arg))
                    .sum();
                self.add_retained_bytes(retained::record_type_bytes(columns));
                let parts = self.bound_exprs(&row.args)?;
                Bound::parent(parts.combined, parts.total_bytes * 2 + SCALAR_BYTES)
            }
            NodeEnum::AArrayExpr(array) => {
                let parts = self.bound_exprs(&array.elements)?;
                let elements = to_u64(array.elements.len());
                let sum = parts.total_bytes * 2 + SCALAR_BYTES;
                let value = ARRAY_ELEMENT_BYTES * elements + sum;
                Bound::parent(parts.combined, value).as_flat()
            }
            NodeEnum::List(list) => tuple_bound(self.bound_exprs(&list.items)?),
            NodeEnum::GroupingSet(set) => tuple_bound(self.bound_exprs(&set.content)?),
            NodeEnum::GroupingFunc(grouping) => {
                Bound::parent(self.bound_exprs(&grouping.args)?.combined, SCALAR_BYTES)
            }
            // The name of a field or `*` behind an expression; CURRENT_DATE and the like.
            NodeEnum::String(_) | NodeEnum::AStar(_) | NodeEnum::SqlvalueFunction(_) => {
                Bound::leaf(SCALAR_BYTES)
            }
            // What the walk admits elsewhere only, and what it does not admit.
            _ => return Err(Refusal::construct("this expression")),
        })
    }

    /// Bounds a condition of WHERE or ON. PostgreSQL can pull up each SubLink among conditions that
    /// are joined by AND and make it a join, if `plan` says so.
    pub(super) fn bound_condition(
        &mut self,
        node: &Node,
        plan: SublinkPlan,
    ) -> Result<Bound, Refusal> {
        match &node.node {
            Some(NodeEnum::BoolExpr(expr)) => match (expr.boolop(), expr.args.as_slice()) {
                (BoolExprType::AndExpr, args) => {
                    let mut parts = Parts::default();
                    for arg in args {
                        parts.add(self.bound_condition(arg, plan)?);
                    }
                    Ok(Bound::parent(parts.combined, TRUTH_VALUE_BYTES))
                }
                (BoolExprType::NotExpr, [arg]) if inspect::is_exists(arg) => {
                    let condition = self.bound_condition(arg, plan)?;
                    Ok(Bound::parent(condition, TRUTH_VALUE_BYTES))
                }
                _ => self.bound_expr(node),
            },
            Some(NodeEnum::SubLink(link)) => self.bound_sub_link(node, link, plan),
            _ => self.bound_expr(node),
        }
    }

    pub(super) fn bound_exprs(&mut self, nodes: &[Node]) -> Result<Parts, Refusal> {
        nodes.iter().map(|node| self.bound_expr(node)).collect()
    }

    pub(super) fn bound_optional(&mut self, node: Option<&Node>) -> Result<Bound, Refusal> {
        node.map_or(Ok(Bound::default()), |node| self.bound_expr(node))
    }

    pub(super) fn add_retained_bytes(&mut self, bytes: Bytes) {
        self.retained_bytes += bytes;
    }

    /// The bound of a reference that has been resolved.
    pub(super) fn bound_resolved(&mut self, resolved: Resolved<Bound>) -> Bound {
        if let Some(columns) = resolved.row_columns {
            self.add_retained_bytes(retained::record_type_bytes(columns));
        }
        self.ref_levels.push(resolved.level);
        resolved.data
    }

    fn bound_operands(&mut self, expr: &AExpr) -> Result<Operands, Refusal> {
        let before = self.ref_levels.len();
        let (totals, (left_copies, right_copies)) = (self.totals, parser_copies(expr));
        let left = self.bound_optional(expr.lexpr.as_deref())?;
        self.add_copies(totals, left_copies)?;
        let totals = self.totals;
        let between = self.ref_levels.len();
        let takes_path = may_take_json_path(expr);
        let right = match expr.rexpr.as_deref() {
            Some(path) if takes_path && inspect::is_json_path(path) => json_path_bound(path),
            Some(array) if is_array_comparison(expr.kind) => {
                let right = self.bound_expr(array)?;
                // In this place, PostgreSQL would read a SubLink as a set of rows, not as an array.
                if self.edits.is_sub_link(array) {
                    let coalesce = |array| build_ast::coalesce(vec![array]);
                    self.edits.replace(array, Becomes::Other, coalesce);
                }
                right
            }
            right => self.bound_optional(right)?,
        };
        self.add_copies(totals, right_copies)?;
        // An equality of columns of two items: PostgreSQL may sort both sides for a merge join,
        // wherever the equality stands.
        let has_column_refs = before < between && between < self.ref_levels.len();
        if has_column_refs && may_join(expr) {
            self.add_sort_keys([left, right])?;
        }
        if has_column_refs && compares_equal(expr) {
            self.add_equalities(self.count_row_values(expr.lexpr.as_deref()))?;
        }
        if is_equality(expr) {
            self.equalities += 1;
            for known in [left, right].into_iter().filter(|side| !side.is_runtime) {
                self.max_equal_constant_bytes = self.max_equal_constant_bytes.max(known.max_bytes);
            }
        }
        Ok(Operands { left, right })
    }

    /// Number of values on one side of a comparison. Rows are compared value by value.
    pub(super) fn count_row_values(&self, side: Option<&Node>) -> usize {
        let Some(Some(NodeEnum::RowExpr(row))) = side.map(|side| &side.node) else {
            return 1;
        };
        row.args
            .iter()
            .map(|arg| self.resolver.row_columns(arg))
            .sum()
    }

    fn bound_indirection(&mut self, indirection: &AIndirection) -> Result<Bound, Refusal> {
        let arg = self.bound_optional(indirection.arg.as_deref())?;
        let steps = self.bound_exprs(&indirection.indirection)?;
        Ok(Bound::parent(
            arg.with_sibling(steps.combined),
            arg.max_bytes,
        ))
    }

    pub(super) fn bound_window(&mut self, window: &WindowDef) -> Result<Bound, Refusal> {
        self.add_window()?;
        let mut parts = Parts::default();
        for expr in window.partition_clause.iter().chain(&window.order_clause) {
            let bound = self.bound_expr(expr)?;
            self.add_sort_keys([bound])?;
            parts.add(bound);
        }
        for offset in [&window.start_offset, &window.end_offset]
            .into_iter()
            .flatten()
        {
            parts.add(self.bound_expr(offset)?);
        }
        Ok(Bound::parent(parts.combined, Bytes::ZERO))
    }
}

/// The bound of a literal, from the length of its text.
fn literal_bound(constant: &AConst) -> Bound {
    match &constant.val {
        Some(Val::Sval(text)) => {
            Bound::literal(Bytes::from_text(&text.sval) + exponent_digits(&text.sval))
        }
        Some(Val::Bsval(text)) => Bound::literal(Bytes::from_text(&text.bsval)),
        Some(Val::Fval(number)) => {
            Bound::literal(numeric_literal_bytes(&number.fval)).as_non_text()
        }
        Some(Val::Ival(_) | Val::Boolval(_)) => Bound::literal(INTEGER_BYTES).as_non_text(),
        // NULL has any type.
        None => Bound {
            may_parse_as_number: false,
            ..Bound::literal(INTEGER_BYTES)
        },
    }
}

/// The bound of a JSON path's own texts and numbers, which it can return for any document.
pub(super) fn json_path_bound(path: &Node) -> Bound {
    let text = inspect::text_literal_as(path, &["jsonpath"]).unwrap_or_default();
    Bound::literal(Bytes::from_text(text) + exponent_digits(text))
}

/// Digits that the exponents in a text add, if the text is parsed as numbers.
fn exponent_digits(text: &str) -> Bytes {
    inspect::max_over_readings(text, sum_exponents)
}

fn sum_exponents(text: &str) -> Bytes {
    let spelled = text.split(['e', 'E']).skip(1).map(|rest| {
        // PostgreSQL 16 and newer accept underscores, as in 1e1_31000.
        let digits: String = rest
            .trim_start_matches(['+', '-'])
            .chars()
            .take_while(|character| character.is_ascii_digit() || *character == '_')
            .filter(|character| *character != '_')
            .collect();
        match digits.len() {
            0 => Bytes::ZERO,
            _ => Bytes::new(digits.parse().unwrap_or(u64::MAX)).min(MAX_NUMERIC_BYTES),
        }
    });
    spelled.sum()
}

/// Bytes of a numeric literal written out: an exponent such as `1e100000` adds many digits.
fn numeric_literal_bytes(number: &str) -> Bytes {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent = exponent
        .trim_start_matches(['+', '-'])
        .parse()
        .unwrap_or(u64::MAX);
    let digits = Bytes::from_text(mantissa) + Bytes::new(exponent);
    digits.min(MAX_NUMERIC_BYTES)
}

fn choice_of(parts: Parts) -> Bound {
    choice_bound(&parts, parts.combined)
}

/// A node over `parts` whose value is one of `values`, which have the same type.
fn choice_bound(values: &Parts, parts: Bound) -> Bound {
    Bound {
        is_json: values.any_json,
        is_flat: values.any_flat,
        ..Bound::parent(parts, parts.max_bytes)
    }
}

pub(super) fn tuple_bound(parts: Parts) -> Bound {
    Bound::parent(parts.combined, parts.total_bytes + SCALAR_BYTES)
}
