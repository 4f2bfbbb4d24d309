-- Counts the products, and those that have vectors of a model.
--   $1 name of the model, $2 its number of dimensions, $3 whether a refresh has finished
INSERT INTO retail.embedding_models AS m (model, dimensions, products, embedded, refreshed_at)
SELECT $1::text, $2::integer, (SELECT count(*) FROM retail.products), count(*), CASE WHEN $3::boolean THEN now() END
FROM retail.product_description_embeddings AS e
WHERE e.model = $1 AND e.dimensions = $2
ON CONFLICT (model, dimensions) DO UPDATE
SET products = excluded.products, embedded = excluded.embedded,
    refreshed_at = coalesce(excluded.refreshed_at, m.refreshed_at)
