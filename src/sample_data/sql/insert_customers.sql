-- Parameters: one array per column; created_at in seconds since 1970.
INSERT INTO retail.customers (customer_id, first_name, last_name, email, phone, primary_store_id, created_at)
OVERRIDING SYSTEM VALUE
SELECT
    r.customer_id, r.first_name, r.last_name, r.email, r.phone, r.primary_store_id,
    TIMESTAMP '1970-01-01' + make_interval(secs => r.created_at_seconds)
FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::bigint[])
    AS r (customer_id, first_name, last_name, email, phone, primary_store_id, created_at_seconds);
