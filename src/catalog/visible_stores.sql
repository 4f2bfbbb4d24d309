-- The stores whose rows the caller sees, in one row.
-- Columns: the number of visible stores, the number of all stores, the id and the name of the first
--   visible one.
-- Run by the query login under a tenant. Every tenant sees the whole list of stores, so the ids
-- come from the function that the row security policies call.
SELECT
    coalesce(pg_catalog.cardinality(a.stores), 0) AS visible,
    (SELECT pg_catalog.count(*) FROM retail.stores AS s) AS stores,
    a.stores[1] AS first_id,
    (SELECT s.store_name FROM retail.stores AS s WHERE s.store_id = a.stores[1]) AS first_name
FROM (SELECT guard.allowed_stores() AS stores OFFSET 0) AS a
