-- Products whose names contain every word of a text, in any case: the shortest names.
--   $1 the text, $2 the maximum number of rows
-- Columns: the id, the SKU, the name.
-- Run by the query login under a tenant, after no product was found. Plan: a scan of the products.
SELECT p.product_id, p.sku, p.product_name
FROM retail.products AS p
WHERE
    NOT EXISTS (
        SELECT
        FROM regexp_split_to_table(lower($1), '[[:space:],]+') AS w (word)
        WHERE position(w.word IN lower(p.product_name)) = 0
    )
ORDER BY length(p.product_name), p.product_name, p.product_id
LIMIT $2::bigint
