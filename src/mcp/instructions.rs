//! What a model reads about this server before it calls a tool.

use crate::catalog::VisibleStores;

/// What the server is for.
pub(super) const PURPOSE: &str = "Answers questions about Zava, a home-improvement retailer: sales, products, customers, stock. \
Fetch the schemas of the tables you need once, then query; use search for products described in words.";

/// The instructions, including whose rows the client sees: a model that does not know takes a
/// store's average for the company's. `None` if the stores could not be looked up.
pub(super) fn for_stores(stores: Option<&VisibleStores>) -> String {
    let rows = match stores {
        Some(stores @ VisibleStores::One { .. }) => format!(
            "You see the rows of {stores}: totals and averages are this store's, never all stores' or Zava's."
        ),
        Some(stores @ VisibleStores::All { .. }) => {
            format!("You see the rows of {stores}.")
        }
        Some(VisibleStores::Some { .. } | VisibleStores::Unknown) | None => {
            "You see one store's rows, or all for head office; `scope` in each result says whose."
                .to_owned()
        }
    };
    format!("{PURPOSE} {rows}")
}
