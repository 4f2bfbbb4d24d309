-- Parameters: one array per column; the date in days since the sample's first, 2020-01-01.
INSERT INTO retail.orders (order_id, customer_id, store_id, order_date)
OVERRIDING SYSTEM VALUE
SELECT r.order_id, r.customer_id, r.store_id, DATE '2020-01-01' + r.day
FROM unnest($1::integer[], $2::integer[], $3::integer[], $4::integer[]) AS r (order_id, customer_id, store_id, day);
