-- The products whose descriptions are most similar to a text.
--   $1 the text's embedding, $2 the name of its model, $3 the maximum cosine distance,
--   $4 the maximum number of rows
-- Columns: named as in the original sample; sp is the similarity in percent.
-- Only vectors of the same model with as many dimensions are compared; CASE, because the distance
-- of others is an error.
-- Run by the query login under a tenant. Plan: a scan and a sort of the model's vectors. The search
-- is exact, so it misses no product, as an approximate index could.
SELECT
    p.product_id,
    p.sku,
    p.product_name,
    p.category_id,
    p.type_id,
    p.cost,
    p.base_price,
    p.gross_margin_percent,
    p.product_description,
    e.distance AS similarity_distance,
    round(((1 - e.distance) * 100)::numeric, 1)::double precision AS sp
FROM (
    SELECT
        d.product_id,
        CASE
            WHEN public.vector_dims(d.description_embedding) = public.vector_dims($1::public.vector)
                THEN d.description_embedding OPERATOR(public.<=>) $1::public.vector
        END AS distance
    FROM retail.product_description_embeddings AS d
    WHERE d.model = $2
) AS e
JOIN retail.products AS p ON p.product_id = e.product_id
WHERE e.distance <= $3::double precision
ORDER BY e.distance, p.product_id
LIMIT $4::integer
