//! Which stores' rows a tenant sees. This labels results; row security alone decides.
use std::fmt;

/// The stores whose rows a tenant sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VisibleStores {
    /// One store.
    One {
        /// Its `store_id`.
        id: String,
        /// Its name.
        name: String,
    },
    /// All stores.
    All {
        /// The number of all stores.
        stores: String,
    },
    /// Unknown: the query returned no usable row.
    #[default]
    Unknown,
    /// Some of the stores, or none.
    Some {
        /// The number of visible stores.
        visible: String,
        /// The number of all stores.
        stores: String,
    },
}

/// The short form, used in results.
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
    /// Reads the row of `visible_stores.sql`; `None` when it does not have four columns.
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
    fn visible_stores_have_a_short_text() {
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
