//! The grammar of generated statements. Choices are numbers, taken modulo the number of
//! alternatives, so that every combination is a statement and a smaller number is a simpler one.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};

pub(super) type Choice = u8;

/// A whole statement.
#[derive(Clone, Debug)]
pub(super) enum Statement {
    Select(Block),
    /// Two blocks combined by a set operation.
    Set(Choice, Block, Block),
    /// A block in a CTE or subquery, and the outer query over it.
    Over(Wrapping, Block, Choice),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Wrapping {
    With,
    WithMaterialized,
    Parentheses,
    Lateral,
}

/// One SELECT over joined tables.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) table: Choice,
    pub(super) child: Option<Join>,
    pub(super) parents: Vec<Join>,
    pub(super) filters: Vec<Filter>,
    pub(super) shape: Shape,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Join {
    pub(super) key: Choice,
    pub(super) kind: Choice,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Filter {
    pub(super) column: Choice,
    pub(super) test: Choice,
    pub(super) value: Choice,
    pub(super) or: bool,
    pub(super) not: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Shape {
    Plain {
        outputs: Vec<Output>,
        distinct: bool,
        limit: Choice,
    },
    Grouped {
        by: Vec<Choice>,
        grouping: Choice,
        aggregates: Vec<Output>,
        having: Option<Choice>,
    },
    Windowed {
        outputs: Vec<Output>,
        windows: Vec<Output>,
    },
}

/// A column and the expression over it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub(super) column: Choice,
    pub(super) how: Choice,
    pub(super) other: Choice,
}

pub(super) fn statement() -> impl Strategy<Value = Statement> {
    prop_oneof![
        4 => block().prop_map(Statement::Select),
        2 => (any::<Choice>(), block(), block()).prop_map(|(how, left, right)| Statement::Set(how, left, right)),
        3 => (wrapping(), block(), any::<Choice>()).prop_map(|(wrapping, block, outer)| Statement::Over(wrapping, block, outer)),
    ]
}

fn wrapping() -> impl Strategy<Value = Wrapping> {
    prop_oneof![
        proptest::strategy::Just(Wrapping::With),
        proptest::strategy::Just(Wrapping::WithMaterialized),
        proptest::strategy::Just(Wrapping::Parentheses),
        proptest::strategy::Just(Wrapping::Lateral),
    ]
}

fn block() -> impl Strategy<Value = Block> {
    (
        any::<Choice>(),
        proptest::option::of(join()),
        vec(join(), 0..3),
        vec(filter(), 0..4),
        shape(),
    )
        .prop_map(|(table, child, parents, filters, shape)| Block {
            table,
            child,
            parents,
            filters,
            shape,
        })
}

fn join() -> impl Strategy<Value = Join> {
    (any::<Choice>(), any::<Choice>()).prop_map(|(key, kind)| Join { key, kind })
}

fn filter() -> impl Strategy<Value = Filter> {
    let choices = (any::<Choice>(), any::<Choice>(), any::<Choice>());
    (choices, any::<bool>(), any::<bool>()).prop_map(|((column, test, value), or, not)| Filter {
        column,
        test,
        value,
        or,
        not,
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    let plain = (vec(output(), 1..5), any::<bool>(), any::<Choice>()).prop_map(
        |(outputs, distinct, limit)| Shape::Plain {
            outputs,
            distinct,
            limit,
        },
    );
    let grouped = (
        vec(any::<Choice>(), 1..3),
        any::<Choice>(),
        vec(output(), 1..4),
        proptest::option::of(any::<Choice>()),
    )
        .prop_map(|(by, grouping, aggregates, having)| Shape::Grouped {
            by,
            grouping,
            aggregates,
            having,
        });
    let windowed = (vec(output(), 1..3), vec(output(), 1..3))
        .prop_map(|(outputs, windows)| Shape::Windowed { outputs, windows });
    prop_oneof![2 => plain, 3 => grouped, 1 => windowed]
}

fn output() -> impl Strategy<Value = Output> {
    (any::<Choice>(), any::<Choice>(), any::<Choice>()).prop_map(|(column, how, other)| Output {
        column,
        how,
        other,
    })
}
