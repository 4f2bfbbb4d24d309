//! Nodes that we add to weigh what aggregates collect.

use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{MinMaxExpr, MinMaxOp, Node, String as Literal, SubLinkType};

use super::made::{
    Width, call, case, cast, column_of_fenced, constant, first_of, name, number, operation, over,
    system_call, twin, wrap,
};

/// By what a value is weighed. Its size in memory alone says little: an array keeps a NULL in one
/// bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Text,
    Json,
    /// The larger of the two: a number of one digit can take eight bytes.
    TextOrMemory,
}

impl Length {
    /// How often the value is computed for it.
    pub(super) fn copies(self) -> u64 {
        match self {
            Self::Text | Self::Json => 1,
            Self::TextOrMemory => 2,
        }
    }

    /// The bytes of a value; nothing of what is NULL.
    pub(super) fn of(self, value: Node) -> Node {
        let of_text = |value| system_call("octet_length", vec![cast(value, "text")]);
        let bytes = match self {
            Self::Text => of_text(value),
            Self::Json => of_text(system_call("to_json", vec![value])),
            Self::TextOrMemory => {
                let of_memory = system_call("pg_column_size", vec![value.clone()]);
                largest_of(vec![of_memory, of_text(value)])
            }
        };
        first_of(vec![bytes, number(0)])
    }
}

/// `beside + of_byte * octet_length(value::text) + …`
pub(super) fn weight(beside: u64, of_byte: u64, values: Vec<Node>, length: Length) -> Node {
    values.into_iter().fold(number(beside), |sum, value| {
        let of_byte = cast(number(of_byte), "int8");
        operation(sum, "+", operation(of_byte, "*", length.of(value)))
    })
}

fn largest_of(args: Vec<Node>) -> Node {
    wrap(NodeEnum::MinMaxExpr(Box::new(MinMaxExpr {
        op: MinMaxOp::IsGreatest.into(),
        args,
        location: -1,
        ..MinMaxExpr::default()
    })))
}

/// Whether what an aggregate has weighed, at so much a byte, comes to at most so many bytes.
pub(super) fn few_collected(weight: Node, of_byte: u64, most: u64) -> Node {
    twin("few_collected", vec![weight, number(of_byte), number(most)])
}

/// `ARRAY(query)` becomes `coalesce((SELECT CASE WHEN bounded.admits(weight) THEN array_agg(value)
/// END FROM (query)), '{}')`: the same array, but weighed while it grows.
pub(super) fn collect_array(
    node: &mut Node,
    width: Width,
    weight: u64,
    of_byte: u64,
    limit: Option<u64>,
) {
    let Some(NodeEnum::SubLink(mut link)) = node.node.take() else {
        return;
    };
    if let Some(query) = link.subselect.take() {
        let (query, columns) = width.checked(query);
        let collected = over(query, columns, |value| {
            let values = vec![column_of_fenced(value)];
            let collected = call(vec![name("array_agg")], values);
            let weight = vec![number(weight)];
            let condition = match limit {
                None => twin("admits", weight),
                Some(most) => few_collected(twin("weighs", weight), of_byte, most),
            };
            case(condition, wrap(NodeEnum::FuncCall(Box::new(collected))))
        });
        link.set_sub_link_type(SubLinkType::ExprSublink);
        link.subselect = Some(Box::new(wrap(NodeEnum::SelectStmt(Box::new(collected)))));
    }
    let empty = constant(Val::Sval(Literal {
        sval: "{}".to_owned(),
    }));
    *node = first_of(vec![wrap(NodeEnum::SubLink(link)), empty]);
}
