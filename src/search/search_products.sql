-- The products nearest in meaning to a text.
--   $1 the text's vector, $2 the model that made it, $3 the farthest cosine distance, $4 the most rows
-- Columns as the original sample named them; sp is the similarity in percent.
-- Run by the querying login under a tenant. Plan: a scan of the model's vectors, sorted; exact, so none is missed.
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
    SELECT d.product_id, d.description_embedding OPERATOR(public.<=>) $1::public.vector AS distance
    FROM retail.product_description_embeddings AS d
    WHERE d.model = $2
) AS e
JOIN retail.products AS p ON p.product_id = e.product_id
WHERE e.distance <= $3::double precision
ORDER BY e.distance, p.product_id
LIMIT $4::integer
