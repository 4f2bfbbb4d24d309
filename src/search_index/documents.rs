//! The texts of products, and what is derived from them.

use sha2::{Digest as _, Sha256};

use crate::search::words;

/// A product whose words or vector may be out of date.
#[derive(Clone, Debug)]
pub(super) struct Product {
    pub(super) product_id: i32,
    sku: String,
    product_name: String,
    product_description: String,
    type_name: String,
    category_name: String,
    /// The hash of the words that are stored, as in [`Document::hash`].
    stored_document_hash: Option<Vec<u8>>,
    /// [`Product::vector_hash`] of the vector that is stored.
    stored_vector_hash: Option<Vec<u8>>,
}

/// The words of a product in normal form, by the weight of where they occur.
pub(super) struct Document {
    pub(super) product_id: i32,
    pub(super) name: String,
    pub(super) group: String,
    pub(super) description: String,
    pub(super) hash: [u8; 32],
}

/// A row of `read_products.sql`.
pub(super) type Row = (
    i32,
    String,
    String,
    String,
    String,
    String,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
);

impl From<Row> for Product {
    fn from(row: Row) -> Self {
        let (
            product_id,
            sku,
            product_name,
            product_description,
            type_name,
            category_name,
            stored_document_hash,
            stored_vector_hash,
        ) = row;
        Self {
            product_id,
            sku,
            product_name,
            product_description,
            type_name,
            category_name,
            stored_document_hash,
            stored_vector_hash,
        }
    }
}

impl Product {
    /// The text whose vector represents the product.
    pub(super) fn embedded_text(&self) -> String {
        format!(
            "{}. {}. {}",
            self.type_name, self.product_name, self.product_description
        )
    }

    /// The SHA-256 of the embedded text.
    pub(super) fn vector_hash(&self) -> [u8; 32] {
        Sha256::digest(self.embedded_text()).into()
    }

    /// The words, unless those that are stored are up to date.
    pub(super) fn outdated_document(&self) -> Option<Document> {
        let name = words::normalize_document(&format!("{} {}", self.product_name, self.sku));
        let group =
            words::normalize_document(&format!("{} {}", self.type_name, self.category_name));
        let description = words::normalize_document(&self.product_description);
        // Of what is written, so that another way to find words makes the stored ones out of date.
        let mut hash = Sha256::new();
        for text in [&name, &group, &description] {
            hash.update(text);
            hash.update([0]);
        }
        let hash: [u8; 32] = hash.finalize().into();
        let is_current = self.stored_document_hash.as_deref() == Some(&hash[..]);
        (!is_current).then_some(Document {
            product_id: self.product_id,
            name,
            group,
            description,
            hash,
        })
    }

    /// Whether the product's vector is missing or that of another text.
    pub(super) fn lacks_vector(&self) -> bool {
        self.stored_vector_hash.as_deref() != Some(&self.vector_hash()[..])
    }
}
