//! The statements that compare vectors: a pair for each number of dimensions that can be indexed,
//! and one for all others.
//!
//! pgvector indexes vectors of one number of dimensions, so an index is on an expression, and
//! PostgreSQL uses it only for the same expression: the number is part of the text. The planner
//! decides whether an index serves a statement, because it knows the parameters' values.
//!
//! Invariant: the expressions are those of `retail.maintain_vector_index`
//! (migrations/0022_denser_vector_indexes.sql).

use crate::query::guard::{CheckedQuery, PlannerSettings};

/// Statements with `vector`, the distance of each stored vector: `product_id`, `model`,
/// `dimensions`, `distance`.
#[derive(Debug)]
pub struct Statements {
    /// Parameters: `search_products.sql`.
    pub search: CheckedQuery,
    /// Parameters: `own_vector.sql`.
    pub related: CheckedQuery,
}

/// Searches of an index use pgvector's most thorough settings. docs/search.md has how many of the
/// nearest they find.
const SETTINGS: PlannerSettings = PlannerSettings {
    thorough_hnsw: true,
    ..PlannerSettings::DEFAULT
};

/// `vector` with the distances to a vector of a type.
macro_rules! vector {
    ($vector:expr, $to:expr) => {
        concat!(
            "vector AS NOT MATERIALIZED (\n    SELECT e.product_id, e.model, e.dimensions, ",
            $vector,
            " OPERATOR(public.<=>) ",
            $to,
            " AS distance\n    FROM retail.product_description_embeddings AS e\n),\n"
        )
    };
}

macro_rules! statements {
    ($vector:expr, $type:literal) => {
        Statements {
            search: CheckedQuery::summarized_literal(
                concat!(
                    "WITH ",
                    vector!(
                        $vector,
                        concat!("nullif($1::text, '')::public.", $type)
                    ),
                    include_str!("search_products.sql"),
                ),
                "SELECT retail.product_search retail.product_description_embeddings retail.products",
            )
            .with_settings(SETTINGS),
            related: CheckedQuery::summarized_literal(
                concat!(
                    include_str!("own_vector.sql"),
                    vector!(
                        $vector,
                        concat!("(SELECT o.vector::public.", $type, " FROM own_vector AS o)")
                    ),
                    include_str!("related_products.sql"),
                ),
                "SELECT retail.products retail.product_description_embeddings retail.order_items retail.orders",
            )
            .with_settings(SETTINGS),
        }
    };
}

macro_rules! indexable {
    ($($dimensions:literal as $type:literal,)*) => {
        &[$((
            $dimensions,
            statements!(
                concat!("e.description_embedding::public.", $type, "(", $dimensions, ")"),
                $type
            ),
        )),*]
    };
}

/// By the number of dimensions. pgvector indexes at most 2,000 dimensions of the type `vector`, and
/// 4,000 of `halfvec` (<https://github.com/pgvector/pgvector#hnsw>).
static INDEXABLE: &[(usize, Statements)] = indexable![
    64 as "vector",
    128 as "vector",
    256 as "vector",
    384 as "vector",
    512 as "vector",
    768 as "vector",
    1024 as "vector",
    1536 as "vector",
    3072 as "halfvec",
];

/// Compares every vector.
static OTHER: Statements = statements!("e.description_embedding", "vector");

/// The statements for vectors with this number of dimensions.
#[must_use]
pub fn with_dimensions(dimensions: usize) -> &'static Statements {
    let indexable = INDEXABLE.iter().find(|(number, _)| *number == dimensions);
    indexable.map_or(&OTHER, |(_, statements)| statements)
}

/// Whether searches of vectors with this number of dimensions can use an index.
#[must_use]
pub fn is_indexable(dimensions: usize) -> bool {
    INDEXABLE.iter().any(|(number, _)| *number == dimensions)
}
