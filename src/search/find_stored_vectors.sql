-- Of which model the stored vectors are: one row, or none if no vector is stored.
--   $1 the name of a model, $2 a number of dimensions
-- Columns: model and dimensions, those of $1 and $2 if a vector has them; otherwise those of the
-- most vectors.
-- Run by the query login under a tenant, after a search that has found nothing. Plan: a scan.
SELECT d.model, public.vector_dims(d.description_embedding) AS dimensions
FROM retail.product_description_embeddings AS d
GROUP BY d.model, public.vector_dims(d.description_embedding)
ORDER BY
    d.model = $1 AND public.vector_dims(d.description_embedding) = $2::integer DESC,
    count(*) DESC
LIMIT 1
