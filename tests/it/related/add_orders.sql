-- Adds orders of one customer. Run by a superuser.
--   $1 integer: the store; $2 text: the date; $3 integer: how many orders;
--   $4 integer[]: the product of each line
WITH added AS (
    INSERT INTO retail.orders (customer_id, store_id, order_date)
    SELECT (SELECT min(c.customer_id) FROM retail.customers AS c), $1, $2::date
    FROM generate_series(1, $3)
    RETURNING order_id
)
INSERT INTO retail.order_items (order_id, store_id, product_id, quantity, unit_price, total_amount)
SELECT a.order_id, $1, p.product_id, 1, 10, 10
FROM added AS a
CROSS JOIN unnest($4) AS p (product_id)
