-- Makes a tenant of each store's manager and of head office.
--   $1  head office's tenant id
--   $2  head office's name
INSERT INTO guard.tenant (tenant_id, tenant_name, store_id, all_stores)
SELECT s.rls_user_id, s.store_name, s.store_id, false
FROM retail.stores AS s
UNION ALL
SELECT $1::uuid, $2::text, NULL, true;
