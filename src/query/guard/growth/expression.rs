//! Expressions: how large each can be, from its parts.

use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{
    AConst, AExpr, AExprKind, AIndirection, BoolExprType, ColumnRef, Node, SubLink, SubLinkType,
    TypeCast, WindowDef,
};

use super::call::{bound_pattern, check_pattern};
use super::size::{MOST_DIGITS, MOST_VALUE, Parts, SMALL, Size};
use super::{MOST_COLLECTED, Measure, too_long, tree};
use crate::query::guard::name::{Verdict, names};
use crate::query::guard::refusal::{Refusal, Rule};

/// What PostgreSQL holds for each byte of a text while it reads it as JSON.
const OF_READING_JSON: u64 = 36;

/// Operators whose steps are the product of what stands left and right of them: long numbers, and whether one array or
/// document holds another.
const MULTIPLYING: [&str; 11] = ["*", "/", "%", "^", "@>", "<@", "&&", "-", "?|", "?&", "@@"];

impl Measure {
    /// Measures an expression.
    pub(super) fn expr(&mut self, node: &mut Node) -> Result<Size, Refusal> {
        let Some(known) = &mut node.node else {
            return Ok(Size::default());
        };
        Ok(match known {
            NodeEnum::AConst(constant) => Size::leaf(literal(constant)),
            NodeEnum::ColumnRef(column) => self.column(column),
            NodeEnum::AExpr(expr) => self.operation(expr)?,
            NodeEnum::TypeCast(cast) => self.cast(cast)?,
            NodeEnum::FuncCall(_) => return self.call(node),
            NodeEnum::SubLink(_) => return self.sub_link(node, Fence::Needed),
            NodeEnum::AIndirection(indirection) => self.indirection(indirection)?,
            NodeEnum::WindowDef(window) => self.window(window)?,
            NodeEnum::BoolExpr(expr) => Size::over(self.parts(&mut expr.args)?.all, 1),
            NodeEnum::NullTest(test) => Size::over(self.optional(&mut test.arg)?, 1),
            NodeEnum::BooleanTest(test) => Size::over(self.optional(&mut test.arg)?, 1),
            NodeEnum::JsonIsPredicate(test) => Size::over(self.optional(&mut test.expr)?, 1),
            NodeEnum::CoalesceExpr(expr) => longest(self.parts(&mut expr.args)?),
            NodeEnum::MinMaxExpr(expr) => longest(self.parts(&mut expr.args)?),
            NodeEnum::CaseExpr(case) => {
                let mut parts = Parts::default();
                for part in [&mut case.arg, &mut case.defresult].into_iter().flatten() {
                    parts.add(self.expr(part)?);
                }
                for when in &mut case.args {
                    parts.add(self.expr(when)?);
                }
                longest(parts)
            }
            NodeEnum::CaseWhen(when) => {
                let mut parts = Parts::default();
                for part in [&mut when.expr, &mut when.result].into_iter().flatten() {
                    parts.add(self.expr(part)?);
                }
                longest(parts)
            }
            NodeEnum::CollateClause(collate) => {
                longest([self.optional(&mut collate.arg)?].into_iter().collect())
            }
            NodeEnum::NamedArgExpr(arg) => self.optional(&mut arg.arg)?,
            NodeEnum::ResTarget(target) => self.optional(&mut target.val)?,
            NodeEnum::SortBy(sort) => self.optional(&mut sort.node)?,
            NodeEnum::AIndices(indices) => self
                .optional(&mut indices.lidx)?
                .beside(self.optional(&mut indices.uidx)?),
            NodeEnum::RowExpr(row) => together(self.parts(&mut row.args)?),
            NodeEnum::AArrayExpr(array) => together(self.parts(&mut array.elements)?),
            NodeEnum::List(list) => together(self.parts(&mut list.items)?),
            NodeEnum::GroupingSet(set) => together(self.parts(&mut set.content)?),
            NodeEnum::GroupingFunc(grouping) => {
                Size::over(self.parts(&mut grouping.args)?.all, SMALL)
            }
            _ => Size::leaf(SMALL),
        })
    }

    /// Measures a condition of WHERE or ON. Where a sub-select is one of several conditions that must all hold, PostgreSQL
    /// makes a join of it.
    pub(super) fn condition(&mut self, node: &mut Node) -> Result<Size, Refusal> {
        match &mut node.node {
            Some(NodeEnum::BoolExpr(expr)) if expr.boolop() == BoolExprType::AndExpr => {
                let mut parts = Parts::default();
                for arg in &mut expr.args {
                    parts.add(self.condition(arg)?);
                }
                Ok(Size::over(parts.all, 1))
            }
            Some(NodeEnum::SubLink(_)) => self.sub_link(node, Fence::OfJoin),
            _ => self.expr(node),
        }
    }

    pub(super) fn parts(&mut self, nodes: &mut [Node]) -> Result<Parts, Refusal> {
        nodes.iter_mut().map(|node| self.expr(node)).collect()
    }

    pub(super) fn optional(&mut self, node: &mut Option<Box<Node>>) -> Result<Size, Refusal> {
        node.as_mut()
            .map_or(Ok(Size::default()), |node| self.expr(node))
    }

    fn column(&self, column: &ColumnRef) -> Size {
        match names(&column.fields).as_slice() {
            [name] => self.sources.unqualified(name),
            [.., qualifier, name] => self.sources.qualified(qualifier, name),
            [] => Size::leaf(SMALL),
        }
    }

    fn operation(&mut self, expr: &mut AExpr) -> Result<Size, Refusal> {
        let left = self.optional(&mut expr.lexpr)?;
        let right = self.optional(&mut expr.rexpr)?;
        let both = left.beside(right);
        let sum = left.value.saturating_add(right.value);
        if matches!(expr.kind(), AExprKind::AexprLike | AExprKind::AexprIlike) {
            self.steps("LIKE", left.value, right.value, expr.location)?;
        }
        if expr.kind() == AExprKind::AexprSimilar {
            if let Some(Some(NodeEnum::FuncCall(escaped))) =
                expr.rexpr.as_mut().map(|side| &mut side.node)
            {
                // The pattern itself; around it PostgreSQL has put what makes a regular expression of it.
                regular_expression(escaped.args.first_mut(), expr.location)?;
            }
        } else if matches!(operator_of(expr), "~" | "~*" | "!~" | "!~*") {
            regular_expression(expr.rexpr.as_deref_mut(), expr.location)?;
        }
        if expr.kind() != AExprKind::AexprOp {
            return Ok(Size::over(
                both,
                if expr.kind() == AExprKind::AexprNullif {
                    left.value
                } else {
                    1
                },
            ));
        }
        let operator = operator_of(expr).to_owned();
        let right_text = expr.rexpr.as_deref().and_then(tree::text);
        // A literal is a JSON path here without a cast; behind @@ it may be a full-text query, which has no $.
        if operator == "@?" || operator == "@@" && right_text.is_some_and(|text| text.contains('$'))
        {
            path(expr.rexpr.as_deref(), expr.location)?;
        }
        if MULTIPLYING.contains(&operator.as_str()) {
            // By four digits of a number at a time, by elements of at least four bytes of an array.
            self.steps(
                &format!("the operator {operator}"),
                left.value / 4,
                right.value / 4,
                expr.location,
            )?;
        }
        let value = match operator.as_str() {
            "||" => sum.saturating_add(SMALL),
            "+" | "-" | "%" | "&" | "|" | "#" | "<<" | ">>" | "->" | "->>" | "#>" | "#>>"
            | "#-" | "@" | "!!" => left.value.max(right.value),
            "*" | "/" => sum.saturating_add(16).min(MOST_DIGITS.max(both.value)),
            "^" => match expr.rexpr.as_deref().and_then(tree::integer) {
                Some(exponent) if exponent <= 100 => {
                    left.value.saturating_mul(exponent.max(1)).min(MOST_DIGITS)
                }
                _ => power(left.value, right.value),
            },
            _ => SMALL, // comparisons, distances, roots of doubles
        };
        within(&format!("the operator {operator}"), value, expr.location)?;
        Ok(Size::over(both, value))
    }

    fn cast(&mut self, cast: &mut TypeCast) -> Result<Size, Refusal> {
        let arg = self.optional(&mut cast.arg)?;
        let Some(target) = &cast.type_name else {
            return Ok(arg);
        };
        let size = target.typmods.first().and_then(tree::integer);
        let name = names(&target.names)
            .last()
            .copied()
            .unwrap_or_default()
            .to_owned();
        let times = |times: u64| arg.value.saturating_mul(times).saturating_add(SMALL);
        let value = match (name.as_str(), size) {
            _ if !target.array_bounds.is_empty() => times(8),
            ("bpchar", size) => 4_u64.saturating_mul(size.unwrap_or(1)).max(arg.value),
            ("bit", size) => size.unwrap_or(1).saturating_add(SMALL),
            ("varbit" | "varchar", Some(size)) => {
                times(2).min(4_u64.saturating_mul(size).saturating_add(SMALL))
            }
            ("numeric", size) => arg.value.saturating_add(size.unwrap_or(0)).max(SMALL),
            ("vector", size) => times(4).max(4_u64.saturating_mul(size.unwrap_or(0))),
            // Arrays and rows double what needs quotes.
            ("text" | "varchar" | "varbit" | "bytea", _) => times(2),
            ("json", _) => times(1),
            ("jsonb" | "tsvector" | "tsquery" | "jsonpath", _) => times(6),
            _ => SMALL,
        };
        within(&format!("the type {name}"), value, target.location)?;
        if name == "jsonpath" {
            path(cast.arg.as_deref(), cast.location)?;
        }
        let mut size = Size::over(arg, value);
        if matches!(name.as_str(), "json" | "jsonb") {
            size.held = size
                .held
                .saturating_add(arg.value.saturating_mul(OF_READING_JSON));
        }
        Ok(size)
    }

    fn indirection(&mut self, indirection: &mut AIndirection) -> Result<Size, Refusal> {
        let arg = self.optional(&mut indirection.arg)?;
        let steps = self.parts(&mut indirection.indirection)?;
        Ok(Size::over(arg.beside(steps.all), arg.value))
    }

    pub(super) fn window(&mut self, window: &mut WindowDef) -> Result<Size, Refusal> {
        self.count_window()?;
        let mut parts = Parts::default();
        for expr in window
            .partition_clause
            .iter_mut()
            .chain(&mut window.order_clause)
        {
            let size = self.expr(expr)?;
            self.sorted([size])?;
            parts.add(size);
        }
        for offset in [&mut window.start_offset, &mut window.end_offset]
            .into_iter()
            .flatten()
        {
            parts.add(self.expr(offset)?);
        }
        Ok(Size::over(parts.all, 0))
    }

    /// Measures a sub-select in an expression. It stands in the plan as often as the expression around it does.
    fn sub_link(&mut self, node: &mut Node, fence: Fence) -> Result<Size, Refusal> {
        let Some(NodeEnum::SubLink(link)) = &mut node.node else {
            return self.expr(node);
        };
        let SubLink {
            xpr: _,
            sub_link_type: _,
            sub_link_id: _,
            testexpr,
            oper_name: _,
            subselect,
            location,
        } = link.as_mut();
        let location = *location;
        let tested = self.optional(testexpr)?;
        let Some(NodeEnum::SelectStmt(select)) =
            subselect.as_mut().and_then(|select| select.node.as_mut())
        else {
            return Err(Refusal::construct("this sub-select").at(location));
        };
        self.count_item()?;
        let output = self.query(select)?;
        let of_row: Parts = output.columns.iter().map(|column| column.size).collect();
        let nodes = Size {
            nodes: output.nodes.saturating_add(tested.nodes),
            value: 0,
            held: tested.held,
        };
        match link.sub_link_type() {
            SubLinkType::AnySublink | SubLinkType::AllSublink | SubLinkType::RowcompareSublink => {
                if matches!(fence, Fence::Needed) {
                    tree::fence_rows(select_of(link), output.columns.len(), of_row.sum);
                }
                Ok(Size::over(nodes, 1))
            }
            SubLinkType::ExistsSublink => Ok(Size::over(nodes, 1)),
            SubLinkType::ArraySublink => {
                let weight = self.weight(of_row.sum, 0);
                let value = (MOST_COLLECTED / weight).saturating_mul(of_row.sum.saturating_add(4));
                tree::collect_array(node, weight);
                Ok(Size::over(nodes, value))
            }
            SubLinkType::ExprSublink => Ok(Size::over(nodes, of_row.sum)),
            SubLinkType::Undefined | SubLinkType::MultiexprSublink | SubLinkType::CteSublink => {
                Err(Refusal::construct("this sub-select").at(location))
            }
        }
    }
}

/// Whether the rows of a sub-select must be counted, because PostgreSQL may keep them in a table that knows no bound.
#[derive(Clone, Copy)]
enum Fence {
    Needed,
    OfJoin,
}

/// The right side of a comparison with a regular expression: one that is written down is judged here, another by its twin.
fn regular_expression(pattern: Option<&mut Node>, location: i32) -> Verdict {
    let Some(pattern) = pattern else {
        return Ok(());
    };
    match tree::text(pattern) {
        Some(text) => check_pattern(text, location),
        None => {
            bound_pattern(pattern);
            Ok(())
        }
    }
}

/// Whether one value may be so long.
pub(super) fn within(what: &str, value: u64, location: i32) -> Verdict {
    if value > MOST_VALUE {
        return Err(too_long(what, value, location));
    }
    Ok(())
}

fn operator_of(expr: &AExpr) -> &str {
    names(&expr.name).last().copied().unwrap_or_default()
}

fn select_of(link: &mut SubLink) -> &mut Option<Box<Node>> {
    &mut link.subselect
}

/// How long the text of a literal makes its value.
fn literal(constant: &AConst) -> u64 {
    let bytes = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX);
    match &constant.val {
        Some(Val::Sval(text)) => bytes(&text.sval),
        Some(Val::Bsval(text)) => bytes(&text.bsval),
        Some(Val::Fval(number)) => digits(&number.fval),
        Some(Val::Ival(_) | Val::Boolval(_)) | None => 8,
    }
}

/// A number as it is written may name many digits by its exponent: `1e100000`.
fn digits(number: &str) -> u64 {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent = exponent
        .trim_start_matches(['+', '-'])
        .parse()
        .unwrap_or(u64::MAX);
    u64::try_from(mantissa.len())
        .unwrap_or(u64::MAX)
        .saturating_add(exponent)
        .min(MOST_DIGITS)
}

/// A power of numbers whose exponent is not written down: two doubles give one, and ordinary numbers few digits.
fn power(base: u64, exponent: u64) -> u64 {
    if base <= SMALL && exponent <= SMALL {
        return 1_024;
    }
    MOST_DIGITS
}

fn longest(parts: Parts) -> Size {
    Size::over(parts.all, parts.all.value)
}

fn together(parts: Parts) -> Size {
    Size::over(parts.all, parts.sum.saturating_add(SMALL))
}

/// A JSON path may only be written down, and may not look at the document again and again: `**` behind another one finds as
/// many things as there are ways through it, and so do a filter within a filter and lists of places.
pub(super) fn path(path: Option<&Node>, location: i32) -> Verdict {
    let refusal = |what, mend| Err(Refusal::new(Rule::Size, what, mend).at(location));
    let Some(path) = path.and_then(tree::text) else {
        return refusal(
            "a JSON path that is not written as a literal is not allowed",
            "write it into the statement, as in jsonb_path_query(x, '$.items[*]')",
        );
    };
    let filter = path.split_once('?').map(|(_, filter)| filter);
    if path.contains("**") || path.contains(',') {
        return refusal(
            "a JSON path with ** or a list of places is not allowed",
            "name the way to the value, as in '$.items[*].price'",
        );
    }
    if path.contains("like_regex") {
        return refusal(
            "a JSON path with like_regex is not allowed",
            "take the value out by ->> and compare it by ~",
        );
    }
    if filter.is_some_and(|filter| filter.contains(['?', '$'])) {
        return refusal(
            "a JSON path whose filter holds another filter or $ is not allowed",
            "compare @ with a value, as in '$.items[*] ? (@.price > 10)'",
        );
    }
    Ok(())
}
