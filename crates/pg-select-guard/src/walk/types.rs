//! Types and collations that a statement names.

use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{Node, TypeName};

use super::Walk;
use crate::allow_list::COLLATIONS;
use crate::catalog;
use crate::hints;
use crate::name::{CheckOutcome, names};
use crate::refusal::{Refusal, Rule};

impl Walk<'_> {
    pub(super) fn check_type(&self, name: &TypeName) -> CheckOutcome {
        let known = match names(&name.names).as_slice() {
            [name] => catalog::data_type(name).is_some(),
            [schema, name] => {
                catalog::data_type(name).is_some_and(|data_type| data_type.schema.name() == *schema)
            }
            _ => false,
        };
        if !known || name.setof || name.pct_type {
            let message = format!("the type {} is not allowed", names(&name.names).join("."));
            let hint = names(&name.names)
                .last()
                .and_then(|name| hints::foreign_name(self.allowed, hints::ForeignKind::Type, name))
                .unwrap_or_else(|| {
                    "use a numeric, text, date, time, interval, uuid, JSON, range or array type"
                        .to_owned()
                });
            return Err(Refusal::new(Rule::Type, message, hint).at(name.location));
        }
        // The deparser assumes that every type modifier is an integer literal.
        let is_integer = |modifier: &Node| matches!(&modifier.node, Some(NodeEnum::AConst(constant)) if matches!(constant.val, Some(Val::Ival(_))));
        if name.typmods.iter().all(is_integer) {
            return Ok(());
        }
        Err(Refusal::construct("a type modifier that is not an integer").at(name.location))
    }
}

pub(super) fn check_collation(name: &[Node], location: i32) -> CheckOutcome {
    match names(name).as_slice() {
        [name] | ["pg_catalog", name] if COLLATIONS.contains(name) => Ok(()),
        name => Err(Refusal::new(
            Rule::Type,
            format!("the collation {} is not allowed", name.join(".")),
            format!("omit COLLATE, or use one of {}", COLLATIONS.join(", ")),
        )
        .at(location)),
    }
}
