-- Inserts a tenant for each store's manager, and one for head office.
--   $1  tenant id of head office
--   $2  name of head office
INSERT INTO guard.tenant (tenant_id, tenant_name, store_id, all_stores)
SELECT s.rls_user_id, s.store_name, s.store_id, false
FROM retail.stores AS s
UNION ALL
SELECT $1::uuid, $2::text, NULL, true;
