-- Inserts the staged orders; their customers must exist.
INSERT INTO retail.orders (order_id, customer_id, store_id, order_date)
OVERRIDING SYSTEM VALUE
SELECT s.order_id, s.customer_id, s.store_id, s.order_date
FROM pg_temp.staged_orders AS s;
