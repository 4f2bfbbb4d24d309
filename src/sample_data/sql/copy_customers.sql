-- Copies customers into the staging table, in COPY's text format with ISO dates.
COPY pg_temp.staged_customers (customer_id, first_name, last_name, email, phone, primary_store_id, created_at)
FROM STDIN;
