-- Copies orders into the staging table, in COPY's text format with ISO dates.
COPY pg_temp.staged_orders (order_id, customer_id, store_id, order_date)
FROM STDIN;
