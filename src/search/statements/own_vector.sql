-- Products that are similar to one product, and products that are bought together with it.
--   $1 the product: its SKU or name in any case, or its product_id
--   $2 the name of the server's embedding model, $3 the number of dimensions of its vectors
--   $4 the maximum number of similar products, $5 that of products bought together; 0 omits them
--   $6 how many of the product's orders are looked at: the most recent ones
-- Columns: as in docs/results.md.
-- Rows: first one with the relation 'product' for each product that $1 means, at most six. Its
--   similarity is 100 if the product has a vector of the model, and its orders_together the number
--   of its orders that were looked at. Other rows follow only if $1 means exactly one product.
--
-- Similar: nearest by the product's own stored vector, by an index if there is one. Only vectors of
-- the same model with as many dimensions are compared.
--
-- Bought together: lift says how many times as often two products share an order as they would by
-- chance. Ranked by count, best sellers would come first, which are in many orders of any kind;
-- ranked by lift, two orders by accident would. So the rank is the log-likelihood ratio of the
-- count n against the count by chance, n / lift: n ln(lift) - n + n / lift (Dunning 1993, "Accurate
-- Methods for the Statistics of Surprise and Coincidence", for Poisson counts). It grows with both,
-- and is near 0 for a best seller with a lift near 1. Products with a lift below 1, or with fewer
-- than two common orders, are left out.
--
-- The text continues in related_products.sql, after the distances of all vectors (mod.rs).
--
-- Run by the query login under a tenant, so the row security policies decide which orders count.
-- Plan: order_items by product and by order, through its indexes. The product's orders are sorted,
-- and the most recent $6 of them are looked at; of the hundred candidates with the most common orders
-- all order items are read, and all visible orders are counted. A part that is omitted is not
-- executed, because its LIMIT is 0.
WITH matched AS MATERIALIZED (
    SELECT p.product_id
    FROM retail.products AS p
    WHERE lower(p.sku) = lower($1) OR lower(p.product_name) = lower($1) OR p.product_id::text = $1
    ORDER BY p.product_id
    LIMIT 6
),
product AS MATERIALIZED (
    SELECT min(m.product_id) AS product_id
    FROM matched AS m
    HAVING count(*) = 1
),
own_vector AS MATERIALIZED (
    SELECT d.description_embedding AS vector
    FROM retail.product_description_embeddings AS d
    WHERE
        d.product_id = (SELECT p.product_id FROM product AS p)
        AND d.model = $2
        AND d.dimensions = $3::integer
),
