-- Stages customers, in COPY's text format; dates in ISO form.
COPY pg_temp.staged_customers (customer_id, first_name, last_name, email, phone, primary_store_id, created_at)
FROM STDIN;
