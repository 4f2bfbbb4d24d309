-- Writes the vectors of products, and counts the new ones in the row that count_vectors.sql has
-- written.
--   $1 product ids, $2 vectors, $3 SHA-256 of the embedded texts, $4 name of the model, $5 its
--   number of dimensions
WITH written AS (
    INSERT INTO retail.product_description_embeddings AS e (product_id, description_embedding, content_hash, model)
    SELECT r.product_id, r.vector, r.content_hash, $4::text
    FROM unnest($1::integer[], $2::public.vector[], $3::bytea[]) AS r (product_id, vector, content_hash)
    -- A product that was removed meanwhile.
    WHERE EXISTS (SELECT FROM retail.products AS p WHERE p.product_id = r.product_id)
    ON CONFLICT (model, dimensions, product_id) DO UPDATE
    SET description_embedding = excluded.description_embedding, content_hash = excluded.content_hash, created_at = now()
    -- A row that was inserted has no xmax.
    RETURNING e.xmax = 0 AS is_new
)
UPDATE retail.embedding_models AS m
SET embedded = m.embedded + (SELECT count(*) FILTER (WHERE w.is_new) FROM written AS w)
WHERE m.model = $4 AND m.dimensions = $5
