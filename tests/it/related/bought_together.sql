-- What is bought together with a product, counted by a superuser from distinct pairs.
--   $1 integer: the product; $2 integer: the store, or NULL for all stores
-- Columns: the other product, the number of common orders, the lift.
WITH lines AS (
    SELECT DISTINCT i.order_id, i.product_id
    FROM retail.order_items AS i
    WHERE $2 IS NULL OR i.store_id = $2
),
pairs AS (
    SELECT other.product_id, count(*) AS orders_together
    FROM lines AS own
    JOIN lines AS other ON other.order_id = own.order_id AND other.product_id <> own.product_id
    WHERE own.product_id = $1
    GROUP BY other.product_id
    HAVING count(*) >= 2
)
SELECT
    p.product_id,
    p.orders_together,
    p.orders_together::double precision
        * (SELECT count(*) FROM retail.orders AS o WHERE $2 IS NULL OR o.store_id = $2)
        / (SELECT count(*) FROM lines AS l WHERE l.product_id = $1)
        / (SELECT count(*) FROM lines AS l WHERE l.product_id = p.product_id) AS lift
FROM pairs AS p
