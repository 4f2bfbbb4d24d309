//! The hint for a name that does not exist.

use crate::catalog::{NameSuggestion, UnknownName};
use crate::query::guard::hints::{ComparedName, Folding, NamedEntity};
use crate::query::guard::visible;

/// For example `no category is called 'Power Tools'; did you mean 'POWER TOOLS'?`
pub(super) fn unknown_name_hint(unknown: &UnknownName) -> String {
    let UnknownName {
        compared:
            ComparedName {
                entity,
                folding,
                value,
            },
        suggestion,
    } = unknown;
    let (kind, name) = (singular(*entity), quoted(value));
    let problem = match folding {
        Folding::None => format!("no {kind} is called {name}"),
        Folding::Lower => format!("no {kind} is called {name} in lower case"),
        Folding::Upper => format!("no {kind} is called {name} in upper case"),
    };
    let folded = |names: &[String], separator: &str| {
        let fold = |name: &String| match folding {
            Folding::None => quoted(name),
            Folding::Lower => quoted(&name.to_lowercase()),
            Folding::Upper => quoted(&name.to_uppercase()),
        };
        names.iter().map(fold).collect::<Vec<_>>().join(separator)
    };
    let suggestion = match suggestion {
        NameSuggestion::Similar(names) => format!("did you mean {}?", folded(names, " or ")),
        NameSuggestion::OtherKind(other, name) => {
            let (kind, column) = (singular(*other), other.column());
            format!("a {kind} is: {column} = {}", quoted(name))
        }
        NameSuggestion::All(names) => format!("existing names: {}", folded(names, ", ")),
        NameSuggestion::Unlisted => {
            let table = match entity {
                NamedEntity::Store => "retail.stores",
                NamedEntity::Category => "retail.categories",
                NamedEntity::ProductType => "retail.product_types",
            };
            format!("get_multiple_table_schemas of {table} lists the names")
        }
    };
    format!("{problem}; {suggestion}")
}

fn singular(entity: NamedEntity) -> &'static str {
    match entity {
        NamedEntity::Store => "store",
        NamedEntity::Category => "category",
        NamedEntity::ProductType => "product type",
    }
}

/// The name as an SQL literal.
fn quoted(name: &str) -> String {
    format!("'{}'", visible(name).replace('\'', "''"))
}
