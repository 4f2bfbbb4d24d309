-- Stages orders, in COPY's text format; dates in ISO form.
COPY pg_temp.staged_orders (order_id, customer_id, store_id, order_date)
FROM STDIN;
