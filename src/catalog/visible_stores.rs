//! Whose rows a tenant sees, in words. It labels results and decides nothing.
use std::fmt;

/// Which stores' rows a tenant sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VisibleStores {
    /// Those of one store.
    One {
        /// Its `store_id`.
        id: String,
        /// Its name.
        name: String,
    },
    /// Those of every store there is.
    All {
        /// How many there are.
        stores: String,
    },
    /// Not known: the database did not answer as expected.
    #[default]
    Unknown,
    /// Those of some of the stores.
    Some {
        /// How many of them.
        visible: String,
        /// How many there are.
        stores: String,
    },
}

/// The short form, as results have it.
impl fmt::Display for VisibleStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One { name, .. } => write!(f, "{name} only"),
            Self::All { stores } => write!(f, "all {stores} stores"),
            Self::Some { visible, stores } => write!(f, "{visible} of {stores} stores"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl VisibleStores {
    /// From a row of `visible_stores.sql`; `None` when it is another one.
    pub(super) fn from_row(row: &[String]) -> Option<Self> {
        let [visible, stores, id, name] = row else {
            return None;
        };
        Some(match visible.as_str() {
            "1" => Self::One {
                id: id.clone(),
                name: name.clone(),
            },
            _ if visible == stores => Self::All {
                stores: stores.clone(),
            },
            _ => Self::Some {
                visible: visible.clone(),
                stores: stores.clone(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_told_in_a_few_words() {
        for (row, expected) in [
            (
                ["1", "8", "6", "Zava Retail Redmond"],
                "Zava Retail Redmond only",
            ),
            (["1", "1", "1", "The Store"], "The Store only"),
            (["8", "8", "1", "Zava Retail Seattle"], "all 8 stores"),
            (["2", "8", "1", "Zava Retail Seattle"], "2 of 8 stores"),
            (["0", "8", "", ""], "0 of 8 stores"),
        ] {
            let stores = VisibleStores::from_row(&row.map(str::to_owned)).expect("four values");
            assert_eq!(stores.to_string(), expected);
        }
        assert_eq!(VisibleStores::from_row(&[]), None);
    }
}
