-- Which stores' rows the caller sees, in one row.
-- Columns: how many; of how many; the id and the name of the first one.
-- Run by the querying login under a tenant. The list of stores is the same for every tenant, so the
-- ids come from the function that the policies ask.
SELECT
    coalesce(pg_catalog.cardinality(a.stores), 0) AS visible,
    (SELECT pg_catalog.count(*) FROM retail.stores AS s) AS stores,
    a.stores[1] AS first_id,
    (SELECT s.store_name FROM retail.stores AS s WHERE s.store_id = a.stores[1]) AS first_name
FROM (SELECT guard.allowed_stores() AS stores OFFSET 0) AS a
