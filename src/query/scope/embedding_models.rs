use super::execution::Operation;
use super::row_sink::RowCollector;
use super::wire::{Query, WireError};
use super::{Scope, ScopeError};
use crate::identity::TenantId;

/// How many products have vectors of a model.
const READ: &str = "SELECT m.embedded, m.products, coalesce(to_char(m.refreshed_at AT TIME ZONE 'UTC', \
                        'YYYY-MM-DD HH24:MI'), '') \
                    FROM retail.embedding_models AS m \
                    WHERE m.model = $1 AND m.dimensions = $2::integer";

/// How many products have vectors of a model, as of the last refresh of the search index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmbeddedProducts {
    /// How many have one.
    pub embedded: u64,
    /// How many there were.
    pub products: u64,
    /// When the last run finished, as `2026-11-29 13:40` in UTC; `None` if none has.
    pub refreshed_at: Option<String>,
}

impl Scope {
    /// How many products have vectors of a model; zeros if no refresh knows the model.
    ///
    /// # Errors
    /// [`ScopeError`] when the query fails.
    pub async fn embedded_products(
        &self,
        model: &str,
        dimensions: usize,
    ) -> Result<EmbeddedProducts, ScopeError> {
        let dimensions = dimensions.to_string();
        let parameters = [model, dimensions.as_str()];
        let mut rows = RowCollector::new(|values| match values {
            [Some(embedded), Some(products), Some(refreshed_at)] => Some(EmbeddedProducts {
                embedded: embedded.parse().ok()?,
                products: products.parse().ok()?,
                refreshed_at: (!refreshed_at.is_empty()).then(|| (*refreshed_at).to_owned()),
            }),
            _ => None,
        });
        let operation = Operation::RunQuery {
            // The table has no tenant's rows, so the context is not verified.
            tenant: TenantId::HEAD_OFFICE,
            query: Query::internal(READ, &parameters),
            statement_timeout: self.limits.for_server().statement_timeout,
            summary: "SELECT retail.embedding_models",
            fingerprint: None,
        };
        self.unless_stopping(self.transact(None, operation, &mut rows))
            .await?;
        let rows = rows.into_rows().ok_or_else(|| {
            ScopeError::from_wire(WireError::Protocol("a row that cannot be parsed"))
        })?;
        Ok(rows.into_iter().next().unwrap_or_default())
    }
}
