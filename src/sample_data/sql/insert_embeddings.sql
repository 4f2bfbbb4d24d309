-- Inserts the products' vectors.
--   $1  product ids
--   $2  vectors
--   $3  SHA-256 hashes of the embedded texts
--   $4  name of the embedding model
INSERT INTO retail.product_description_embeddings (product_id, description_embedding, model, content_hash)
SELECT r.product_id, r.vector, $4::text, r.content_hash
FROM unnest($1::integer[], $2::public.vector[], $3::bytea[]) AS r (product_id, vector, content_hash);
