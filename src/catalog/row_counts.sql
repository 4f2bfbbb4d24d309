-- The number of rows of each table that the caller sees. Counting stops at 100,001.
-- Columns: the table, the number.
-- Run by the query login under a tenant, so the row security policies decide which rows count. The
-- planner's statistics cover the rows of all tenants, so they must not be used here.
SELECT 'retail.customers' AS table_name, (SELECT pg_catalog.count(*) FROM (SELECT FROM retail.customers LIMIT 100001) AS r) AS visible
UNION ALL
SELECT 'retail.stores', (SELECT pg_catalog.count(*) FROM (SELECT FROM retail.stores LIMIT 100001) AS r)
UNION ALL
SELECT 'retail.categories', (SELECT pg_catalog.count(*) FROM (SELECT FROM retail.categories LIMIT 100001) AS r)
UNION ALL
SELECT 'retail.product_types', (SELECT pg_catalog.count(*) FROM (SELECT FROM retail.product_types LIMIT 100001) AS r)
UNION ALL
SELECT 'retail.products', (SELECT pg_catalog.count(*) FROM (SELECT FROM retail.products LIMIT 100001) AS r)
UNION ALL
SELECT 'retail.orders', (SELECT pg_catalog.count(*) FROM (SELECT FROM retail.orders LIMIT 100001) AS r)
UNION ALL
SELECT 'retail.order_items', (SELECT pg_catalog.count(*) FROM (SELECT FROM retail.order_items LIMIT 100001) AS r)
UNION ALL
SELECT 'retail.inventory', (SELECT pg_catalog.count(*) FROM (SELECT FROM retail.inventory LIMIT 100001) AS r)
