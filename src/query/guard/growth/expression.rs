//! Expressions: how large each can be, from its parts.

use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{AConst, AExpr, AIndirection, BoolExprType, ColumnRef, Node, WindowDef};

use super::cast::MOST_READ;
use super::count::within_of;
use super::operator::{
    Sides, compares_equal, copies, is_equality, is_of_array, may_join, operation, takes_path,
};
use super::size::{MOST_DIGITS, MOST_PLANNED, Parts, SMALL, Size};
use super::sources::Meaning;
use super::sub_link::Fence;
use super::{Measure, made, operator, retained, tree, withheld};
use crate::query::guard::allow_list::FUNCTIONS;
use crate::query::guard::name::names;
use crate::query::guard::refusal::Refusal;

/// What PostgreSQL holds for each byte of a text while it looks whether the keys of an object are unique.
const OF_KEYS: u64 = 30;

/// What an element takes in an array beside its value.
const OF_ELEMENT: u64 = 4;

impl Measure {
    /// Measures an expression. A long value that PostgreSQL would compute while it plans is put where it waits for that.
    pub(super) fn expr(&mut self, node: &mut Node) -> Result<Size, Refusal> {
        let size = self.as_written(node)?;
        if size.varies || size.value <= MOST_PLANNED || !tree::is_computation(node) {
            return Ok(size);
        }
        self.count_item()?;
        made::compute_once(node);
        Ok(size.varying())
    }

    /// The same, and it stays what it is.
    pub(super) fn as_written(&mut self, node: &mut Node) -> Result<Size, Refusal> {
        let Some(known) = &mut node.node else {
            return Ok(Size::default());
        };
        Ok(match known {
            NodeEnum::AConst(constant) => {
                if let Some(Val::Sval(text)) = &constant.val {
                    self.retain(retained::bytes_of_zones(&text.sval));
                }
                literal(constant)
            }
            NodeEnum::ColumnRef(column) => {
                withheld::shorten(column, &self.sources);
                self.column(column)?
            }
            NodeEnum::AExpr(expr) => {
                self.retain(operator::retained_bytes(expr));
                let sides = self.sides(expr)?;
                let mut size = operation(expr, sides)?;
                if expr.rexpr.as_deref().is_some_and(tree::is_twin) {
                    size = size.with_twin();
                }
                size
            }
            NodeEnum::TypeCast(cast) => self.cast(cast)?,
            NodeEnum::FuncCall(_) => {
                let size = self.call(node)?;
                return Ok(if tree::is_twin(node) {
                    size.with_twin()
                } else {
                    size
                });
            }
            NodeEnum::JsonObjectConstructor(_)
            | NodeEnum::JsonArrayConstructor(_)
            | NodeEnum::JsonArrayQueryConstructor(_)
            | NodeEnum::JsonScalarExpr(_)
            | NodeEnum::JsonParseExpr(_)
            | NodeEnum::JsonArrayAgg(_)
            | NodeEnum::JsonObjectAgg(_)
            | NodeEnum::JsonFuncExpr(_) => return self.sql_json(node),
            NodeEnum::SubLink(_) => return self.sub_link(node, Fence::Needed),
            NodeEnum::AIndirection(indirection) => self.indirection(indirection)?,
            NodeEnum::WindowDef(window) => self.window(window)?,
            NodeEnum::BoolExpr(expr) => Size::over(self.parts(&mut expr.args)?.all, 1).no_text(),
            NodeEnum::NullTest(test) => Size::over(self.optional(&mut test.arg)?, 1).no_text(),
            NodeEnum::BooleanTest(test) => Size::over(self.optional(&mut test.arg)?, 1).no_text(),
            NodeEnum::JsonIsPredicate(test) => {
                let mut tested = self.optional(&mut test.expr)?;
                within_of(
                    "what IS JSON looks at",
                    tested.value,
                    MOST_READ,
                    test.location,
                )?;
                // Of each object that is open it keeps the keys.
                let keys = tested.value.saturating_mul(OF_KEYS);
                tested.held = tested.held.saturating_add(keys);
                Size::over(tested, 1).no_text()
            }
            NodeEnum::CoalesceExpr(expr) => longest(self.parts(&mut expr.args)?),
            NodeEnum::MinMaxExpr(expr) => longest(self.parts(&mut expr.args)?),
            NodeEnum::CaseExpr(case) => {
                let (mut parts, mut results) = (Parts::default(), Parts::default());
                if let Some(arg) = &mut case.arg {
                    let size = self.expr(arg)?;
                    // Each WHEN compares with a copy of what is known before (`eval_const_expressions`).
                    let whens = u64::try_from(case.args.len()).unwrap_or(u64::MAX);
                    parts.add(size.times(if size.varies { 1 } else { whens.max(1) }));
                }
                let otherwise = case.defresult.as_deref_mut();
                for result in otherwise.into_iter().chain(&mut case.args) {
                    let size = self.expr(result)?;
                    parts.add(size);
                    results.add(size);
                }
                one_of(&results, parts.all)
            }
            NodeEnum::CaseWhen(when) => {
                let condition = self.optional(&mut when.expr)?;
                let result = self.optional(&mut when.result)?;
                let parts = [condition, result].into_iter().collect::<Parts>();
                one_of(&[result].into_iter().collect(), parts.all)
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
            // Quoted once more for each row or array around it, when it becomes a text.
            NodeEnum::RowExpr(row) => {
                let columns = row.args.iter().map(|arg| self.columns_of(arg)).sum();
                self.retain(retained::bytes_of_record(columns));
                let parts = self.parts(&mut row.args)?;
                let value = parts.sum.saturating_mul(2).saturating_add(SMALL);
                Size::over(parts.all, value)
            }
            NodeEnum::AArrayExpr(array) => {
                let parts = self.parts(&mut array.elements)?;
                let places = u64::try_from(array.elements.len()).unwrap_or(u64::MAX);
                let sum = parts.sum.saturating_mul(2).saturating_add(SMALL);
                let value = places.saturating_mul(OF_ELEMENT).saturating_add(sum);
                Size::over(parts.all, value).as_plain()
            }
            NodeEnum::List(list) => together(self.parts(&mut list.items)?),
            NodeEnum::GroupingSet(set) => together(self.parts(&mut set.content)?),
            NodeEnum::GroupingFunc(grouping) => {
                Size::over(self.parts(&mut grouping.args)?.all, SMALL)
            }
            _ => Size::leaf(SMALL),
        })
    }

    /// Measures a condition of WHERE or ON. Where all of several conditions must hold, PostgreSQL can make a join of each
    /// that is a sub-select, if `fence` says so.
    pub(super) fn condition(&mut self, node: &mut Node, fence: Fence) -> Result<Size, Refusal> {
        match &mut node.node {
            Some(NodeEnum::BoolExpr(expr)) => match (expr.boolop(), expr.args.as_mut_slice()) {
                (BoolExprType::AndExpr, args) => {
                    let mut parts = Parts::default();
                    for arg in args {
                        parts.add(self.condition(arg, fence)?);
                    }
                    Ok(Size::over(parts.all, 1))
                }
                (BoolExprType::NotExpr, [arg]) if tree::is_exists(arg) => {
                    Ok(Size::over(self.sub_link(arg, fence)?, 1))
                }
                _ => self.expr(node),
            },
            Some(NodeEnum::SubLink(_)) => self.sub_link(node, fence),
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

    pub(super) fn retain(&mut self, bytes: u64) {
        self.retained_bytes = self.retained_bytes.saturating_add(bytes);
    }

    fn column(&mut self, column: &ColumnRef) -> Result<Size, Refusal> {
        if let [qualifiers @ .., name] = names(&column.fields).as_slice()
            && let Some(table) = self.sources.withholding(qualifiers.last().copied(), name)
        {
            return Err(withheld::unknown_column(table, name).at(column.location));
        }
        let meaning = match (tree::star_of(column), names(&column.fields).as_slice()) {
            (Some(of), _) => self.sources.rows(of),
            (None, [name]) => self.sources.unqualified(name),
            (None, [.., qualifier, name])
                if FUNCTIONS.contains_key(name) && !self.sources.is_column(qualifier, name) =>
            {
                // PostgreSQL would call it with the whole row.
                return Err(Refusal::construct_with_hint(
                    &format!("a call of {name} by a dot"),
                    format!("write {name}(…), or name a column of {qualifier}"),
                )
                .at(column.location));
            }
            (None, [qualifier, name]) => self.sources.qualified(qualifier, name),
            (None, [.., table, name]) => self.sources.of_table(table, name),
            (None, []) => Meaning {
                size: Size::leaf(SMALL),
                level: None,
            },
        };
        let row = match (tree::star_of(column), names(&column.fields).as_slice()) {
            (Some(of), _) => of.and_then(|name| self.sources.item(name)),
            // A column of this name comes first; what is not known is taken for the larger.
            (None, [name]) => self.sources.item(name),
            _ => None,
        };
        if let Some((_, source)) = row {
            self.retain(retained::bytes_of_record(source.columns.most()));
        }
        self.meant.push(meaning.level);
        Ok(meaning.size)
    }

    fn sides(&mut self, expr: &mut AExpr) -> Result<Sides, Refusal> {
        let before = self.meant.len();
        let (totals, (of_left, of_right)) = (self.totals, copies(expr));
        let left = self.optional(&mut expr.lexpr)?;
        self.count_copies(totals, of_left)?;
        let totals = self.totals;
        let between = self.meant.len();
        let takes_path = takes_path(expr);
        let right = match &mut expr.rexpr {
            Some(path) if takes_path && tree::is_path(path) => path_size(path),
            Some(array) if is_of_array(expr.kind) => {
                let right = self.expr(array)?;
                // A sub-select there would give rows, not an array.
                if matches!(array.node, Some(NodeEnum::SubLink(_))) {
                    made::coalesce(array);
                }
                right
            }
            right => self.optional(right)?,
        };
        self.count_copies(totals, of_right)?;
        // An equality of two items' columns, wherever it stands: PostgreSQL may sort both sides to join by it.
        let has_names = before < between && between < self.meant.len();
        if has_names && may_join(expr) {
            self.sorted([left, right])?;
        }
        if has_names && compares_equal(expr) {
            self.count_equalities(self.values_of(expr.lexpr.as_deref()))?;
        }
        if is_equality(expr) {
            self.equalities += 1;
            for known in [left, right].into_iter().filter(|side| !side.varies) {
                self.longest_equal = self.longest_equal.max(known.value);
            }
        }
        Ok(Sides { left, right })
    }

    /// How many values stand on one side of a comparison: of a row, each is compared by itself.
    pub(super) fn values_of(&self, side: Option<&Node>) -> usize {
        let Some(Some(NodeEnum::RowExpr(row))) = side.map(|side| &side.node) else {
            return 1;
        };
        row.args.iter().map(|arg| self.columns_of(arg)).sum()
    }

    /// How many columns a part of a row stands for.
    fn columns_of(&self, part: &Node) -> usize {
        match tree::star(part) {
            None => 1,
            Some(item) => {
                let item = item.and_then(|name| self.sources.item(name));
                item.map_or(1, |(_, source)| source.columns.most())
            }
        }
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
}

/// How long the text of a literal makes its value.
fn literal(constant: &AConst) -> Size {
    let bytes = |text: &str| u64::try_from(text.len()).unwrap_or(u64::MAX);
    match &constant.val {
        Some(Val::Sval(text)) => {
            Size::leaf(bytes(&text.sval).saturating_add(exponents(&text.sval)))
        }
        Some(Val::Bsval(text)) => Size::leaf(bytes(&text.bsval)),
        Some(Val::Fval(number)) => Size::leaf(digits(&number.fval)).no_text(),
        Some(Val::Ival(_) | Val::Boolval(_)) => Size::leaf(8).no_text(),
        // NULL is of any type.
        None => Size {
            spells: false,
            ..Size::leaf(8)
        },
    }
}

/// What a JSON path makes of nothing: its own texts and numbers.
pub(super) fn path_size(path: &Node) -> Size {
    let text = tree::text_as(path, &["jsonpath"]).unwrap_or_default();
    let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
    Size::leaf(bytes.saturating_add(exponents(text)))
}

/// The digits that the exponents in a text stand for, should it be read as numbers.
fn exponents(text: &str) -> u64 {
    tree::most_of_readings(text, spelled_exponents)
}

fn spelled_exponents(text: &str) -> u64 {
    let spelled = text.split(['e', 'E']).skip(1).map(|rest| {
        // PostgreSQL 16 and newer read 1e1_31000.
        let digits: String = rest
            .trim_start_matches(['+', '-'])
            .chars()
            .take_while(|character| character.is_ascii_digit() || *character == '_')
            .filter(|character| *character != '_')
            .collect();
        match digits.len() {
            0 => 0,
            _ => digits.parse().unwrap_or(u64::MAX).min(MOST_DIGITS),
        }
    });
    spelled.fold(0, u64::saturating_add)
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

fn longest(parts: Parts) -> Size {
    one_of(&parts, parts.all)
}

/// A node over `parts` whose value is one of `values`, which have one type.
fn one_of(values: &Parts, parts: Size) -> Size {
    Size {
        json: values.any_json,
        plain: values.any_plain,
        ..Size::over(parts, parts.value)
    }
}

pub(super) fn together(parts: Parts) -> Size {
    Size::over(parts.all, parts.sum.saturating_add(SMALL))
}
