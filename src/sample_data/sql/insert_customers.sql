-- Inserts the staged customers.
INSERT INTO retail.customers (customer_id, first_name, last_name, email, phone, primary_store_id, created_at)
OVERRIDING SYSTEM VALUE
SELECT s.customer_id, s.first_name, s.last_name, s.email, s.phone, s.primary_store_id, s.created_at
FROM pg_temp.staged_customers AS s;
