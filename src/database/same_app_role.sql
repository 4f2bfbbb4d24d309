-- Selects the name of another tenant that the same app role grants; no row if there is none.
--   $1  the tenant's id
-- The role of a store is its name in lower case with hyphens, as in guard.entitlements. Several
-- tenants that see all stores may share theirs.
WITH roles AS (
    SELECT t.tenant_id, t.tenant_name, t.all_stores,
        CASE
            WHEN t.all_stores THEN 'all'
            ELSE btrim(regexp_replace(lower(t.tenant_name COLLATE "C"), '[^a-z0-9]+', '-', 'g'), '-')
        END AS app_role
    FROM guard.tenant AS t
)
SELECT o.tenant_name
FROM roles AS r
JOIN roles AS o ON o.app_role = r.app_role AND o.tenant_id <> r.tenant_id
WHERE r.tenant_id = $1 AND r.app_role <> '' AND NOT (r.all_stores AND o.all_stores)
LIMIT 1
