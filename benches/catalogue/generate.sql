-- Synthetic products $1 to $2: each resembles one of the sample in its words and its vector, and has
-- three words of its own in the name and three in the description.
WITH generated AS MATERIALIZED (
    SELECT n.number AS product_id, s.category_id, s.type_id, s.document,
        s.product_name, s.product_description, s.strong,
        concat_ws(' ', pg_temp.word(n.number, 1), pg_temp.word(n.number, 2), pg_temp.word(n.number, 3)) AS name,
        concat_ws(' ', pg_temp.word(n.number, 4), pg_temp.word(n.number, 5), pg_temp.word(n.number, 6)) AS description,
        round((s.base_price * (0.5 + pg_temp.uniform(n.number, 101)))::numeric, 2) AS price
    FROM generate_series($1::bigint, $2::bigint) AS n (number)
    JOIN sample AS s ON s.number = floor(pg_temp.uniform(n.number, 102) * s.products)
),
stored AS (
    INSERT INTO retail.products (product_id, sku, product_name, category_id, type_id, cost, base_price, product_description)
    OVERRIDING SYSTEM VALUE
    SELECT g.product_id, 'SYN' || lpad(g.product_id::text, 8, '0'), g.product_name || ' ' || g.name, g.category_id, g.type_id,
        round(g.price * 0.67, 2), g.price, g.product_description || ' ' || g.description
    FROM generated AS g
),
indexed AS (
    INSERT INTO retail.product_search (product_id, document, content_hash)
    SELECT g.product_id,
        setweight(to_tsvector('pg_catalog.english', 'syn' || lpad(g.product_id::text, 8, '0') || ' ' || g.name), 'A') || g.document
            || setweight(to_tsvector('pg_catalog.english', g.description), 'D'),
        sha256(int8send(g.product_id))
    FROM generated AS g
),
embedded AS (
    INSERT INTO retail.product_description_embeddings (product_id, description_embedding, model, content_hash)
    SELECT g.product_id,
        public.l2_normalize(
            g.strong OPERATOR(public.+) other.weak OPERATOR(public.+) own.vector OPERATOR(public.+) third.vector
        ),
        current_setting('catalogue.model'), sha256(int8send(g.product_id))
    FROM generated AS g
    JOIN sample AS other ON other.number = floor(pg_temp.uniform(g.product_id, 103) * other.products)
    JOIN direction AS own ON own.number = hashint8extended(g.product_id * 256 + 104, 1) & 4095
    JOIN direction AS third ON third.number = hashint8extended(g.product_id * 256 + 105, 1) & 4095
)
INSERT INTO retail.inventory (store_id, product_id, stock_level)
SELECT s.store_id, g.product_id, 1 + floor(20 * pg_temp.uniform(g.product_id, 110 + s.store_id))::integer
FROM generated AS g
CROSS JOIN (VALUES (1, 0.8), (3, 0.1), (6, 0.002)) AS s (store_id, part)
WHERE pg_temp.uniform(g.product_id, 120 + s.store_id) < s.part
