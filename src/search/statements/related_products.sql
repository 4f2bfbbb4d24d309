nearest AS MATERIALIZED (
    SELECT v.product_id, v.distance
    FROM vector AS v
    WHERE v.model = $2 AND v.dimensions = $3::integer AND (SELECT count(*) = 1 FROM own_vector)
    ORDER BY v.distance
    -- One is the product itself; others may be as near as the last one.
    LIMIT CASE WHEN $4::bigint > 0 THEN $4::bigint + 100 ELSE 0 END
),
similar_products AS (
    SELECT d.product_id, min(d.distance) AS distance
    FROM (
        SELECT n.product_id, n.distance FROM nearest AS n
        UNION ALL
        -- An index may find fewer, because it also visits vectors that were deleted since the last
        -- vacuum. CASE, because the distance of a vector with other dimensions is an error.
        SELECT e.product_id, CASE WHEN e.dimensions = $3::integer
            THEN e.description_embedding OPERATOR(public.<=>) (SELECT o.vector FROM own_vector AS o) END
        FROM retail.product_description_embeddings AS e
        WHERE e.model = $2 AND e.dimensions = $3::integer AND $4::bigint > 0 AND (SELECT count(*) = 1 FROM own_vector)
            AND (SELECT count(*) < $4::bigint + 100 FROM nearest)
    ) AS d
    -- Not true for NULL, nor for NaN, the distance of a vector of zeros.
    WHERE d.distance <= 2 AND d.product_id <> (SELECT p.product_id FROM product AS p)
    GROUP BY d.product_id
    ORDER BY min(d.distance), d.product_id
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
