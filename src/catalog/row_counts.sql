-- How many rows of each table the caller sees, up to one more than 100,000.
-- Columns: the table; the number.
-- Run by the querying login under a tenant, so the policies decide what is counted. Statistics of
-- the planner are about the rows of all tenants and must not be used here.
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
