use super::execution::Operation;
use super::row_sink::RowCollector;
use super::wire::{Query, WireError};
use super::{Scope, ScopeError};
use crate::identity::TenantId;

/// How many products have vectors of a model.
const READ: &str = "SELECT m.embedded, m.products FROM retail.embedding_models AS m \
                    WHERE m.model = $1 AND m.dimensions = $2::integer";

/// How many products have vectors of a model, as of the last refresh of the search index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EmbeddedProducts {
    /// How many have one.
    pub embedded: u64,
    /// How many there were.
    pub products: u64,
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
            [Some(embedded), Some(products)] => Some(EmbeddedProducts {
                embedded: embedded.parse().ok()?,
                products: products.parse().ok()?,
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
