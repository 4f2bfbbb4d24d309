-- Inserts stores. Parameters: one array per column.
INSERT INTO retail.stores (store_id, store_name, rls_user_id, is_online)
OVERRIDING SYSTEM VALUE
SELECT r.store_id, r.store_name, r.rls_user_id, r.is_online
FROM unnest($1::integer[], $2::text[], $3::uuid[], $4::boolean[])
    AS r (store_id, store_name, rls_user_id, is_online);
