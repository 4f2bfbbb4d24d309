-- The victim's data with recognizable markers: every number begins with 7770, every text with Zqx
-- or zqxv, and the number of orders is a prime (7919). Run by a superuser on a test's own database.
-- The store is Redmond's, store 6.
UPDATE retail.stores SET rls_user_id = ('77700000-0000-4000-8000-' || lpad(store_id::text, 12, '0'))::uuid;

INSERT INTO retail.customers (customer_id, first_name, last_name, email, phone, primary_store_id)
VALUES (777000222, 'Zqxfirst', 'Zqxvictim', 'zqxv@example.com', '(777) 000-7770007', 6);

INSERT INTO retail.orders (order_id, customer_id, store_id, order_date)
SELECT 777000110 + n, 777000222, 6, '2031-07-07'
FROM generate_series(1, 7919 - (SELECT count(*) FROM retail.orders WHERE store_id = 6)) AS n;

INSERT INTO retail.order_items (order_item_id, order_id, store_id, product_id, quantity, unit_price, total_amount)
VALUES (777000333, 777000111, 6, 1, 1, 7770005.55, 7770006.66);

UPDATE retail.inventory SET stock_level = 777000444 WHERE store_id = 6;

ANALYZE;
