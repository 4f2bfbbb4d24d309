-- What is indexed of the products: one row.
--   $1 the name of a model, $2 its number of dimensions
-- Columns: model and dimensions, those of $1 and $2 if a vector has them; otherwise those of the
--   most vectors, or NULL if no vector is stored; has_words, whether the words are indexed.
-- Run by the query login under a tenant, after a search that has found nothing by one of its parts.
-- Plan: a look-up in the vectors' primary key; only without such a vector, a scan of all of them.
SELECT v.model, v.dimensions, EXISTS (SELECT FROM retail.search_words) AS has_words
FROM (SELECT) AS one
LEFT JOIN (
    (
        SELECT d.model, d.dimensions
        FROM retail.product_description_embeddings AS d
        WHERE d.model = $1 AND d.dimensions = $2::integer
        LIMIT 1
    )
    UNION ALL
    (
        SELECT d.model, d.dimensions
        FROM retail.product_description_embeddings AS d
        GROUP BY d.model, d.dimensions
        ORDER BY count(*) DESC
        LIMIT 1
    )
    LIMIT 1
) AS v ON true
