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
-- Similar: nearest by the product's own stored vector. Only vectors of the same model with as many
-- dimensions are compared; CASE, because the distance of others is an error.
--
-- Bought together: lift says how many times as often two products share an order as they would by
-- chance. Ranked by count, best sellers would come first, which are in many orders of any kind;
-- ranked by lift, two orders by accident would. So the rank is the log-likelihood ratio of the
-- count n against the count by chance, n / lift: n ln(lift) - n + n / lift (Dunning 1993, "Accurate
-- Methods for the Statistics of Surprise and Coincidence", for Poisson counts). It grows with both,
-- and is near 0 for a best seller with a lift near 1. Products with a lift below 1, or with fewer
-- than two common orders, are left out.
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
        AND public.vector_dims(d.description_embedding) = $3::integer
),
similar_products AS (
    SELECT d.product_id, d.distance
    FROM (
        SELECT
            e.product_id,
            CASE
                WHEN public.vector_dims(e.description_embedding) = $3::integer
                    THEN
                        e.description_embedding
                        OPERATOR(public.<=>) (SELECT v.vector FROM own_vector AS v)
            END AS distance
        FROM retail.product_description_embeddings AS e
        WHERE e.model = $2
    ) AS d
    -- Not true for NULL, nor for NaN, the distance of a vector of zeros.
    WHERE d.distance <= 2 AND d.product_id <> (SELECT p.product_id FROM product AS p)
    ORDER BY d.distance, d.product_id
    LIMIT $4::bigint
),
own_orders AS MATERIALIZED (
    SELECT o.order_id
    FROM retail.orders AS o
    WHERE o.order_id IN (
        SELECT i.order_id
        FROM retail.order_items AS i
        WHERE i.product_id = (SELECT p.product_id FROM product AS p)
    )
    ORDER BY o.order_date DESC, o.order_id DESC
    LIMIT $6::bigint
),
candidates AS MATERIALIZED (
    SELECT i.product_id, count(DISTINCT i.order_id) AS orders_together
    FROM own_orders AS o
    JOIN retail.order_items AS i ON i.order_id = o.order_id
    WHERE i.product_id <> (SELECT p.product_id FROM product AS p)
    GROUP BY i.product_id
    HAVING count(DISTINCT i.order_id) >= 2
    ORDER BY orders_together DESC, i.product_id
    LIMIT 100
),
lifts AS MATERIALIZED (
    SELECT
        c.product_id,
        c.orders_together,
        c.orders_together::double precision * (SELECT count(*) FROM retail.orders AS o)
            / ((SELECT count(*) FROM own_orders AS o) * count(DISTINCT i.order_id)) AS lift
    FROM candidates AS c
    JOIN retail.order_items AS i ON i.product_id = c.product_id
    GROUP BY c.product_id, c.orders_together
),
bought_together AS (
    SELECT
        l.product_id,
        l.orders_together,
        l.lift,
        l.orders_together * ln(l.lift) - l.orders_together + l.orders_together / l.lift AS score
    FROM lifts AS l
    WHERE l.lift >= 1
    ORDER BY score DESC, l.product_id
    LIMIT $5::bigint
)
SELECT
    r.relation,
    p.product_id,
    p.sku,
    p.product_name,
    c.category_name,
    t.type_name,
    p.base_price,
    r.similarity,
    r.orders_together,
    r.lift
FROM (
    SELECT
        1 AS part,
        0::double precision AS rank,
        'product' AS relation,
        m.product_id,
        (SELECT 100::double precision FROM own_vector) AS similarity,
        CASE WHEN $5::bigint > 0 THEN (SELECT count(*) FROM own_orders) END AS orders_together,
        NULL::double precision AS lift
    FROM matched AS m
    UNION ALL
    SELECT
        2,
        s.distance,
        'similar',
        s.product_id,
        round(((1 - s.distance) * 100)::numeric, 1)::double precision,
        NULL,
        NULL
    FROM similar_products AS s
    UNION ALL
    SELECT
        3,
        -b.score,
        'bought_together',
        b.product_id,
        NULL,
        b.orders_together,
        round(b.lift::numeric, 2)::double precision
    FROM bought_together AS b
) AS r
JOIN retail.products AS p ON p.product_id = r.product_id
JOIN retail.categories AS c ON c.category_id = p.category_id
JOIN retail.product_types AS t ON t.type_id = p.type_id
ORDER BY r.part, r.rank, r.product_id
