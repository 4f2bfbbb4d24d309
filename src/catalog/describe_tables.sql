-- Everything about tables that a description needs, in one result.
--   $1 text[]: the tables, with their schema
-- Columns: kind, table, and three texts that depend on the kind: 'table' (purpose),
--   'column' (name, type), 'key' (column, referenced table, referenced column),
--   'value' (a valid value), 'range' (label, from, to).
-- Run by the query login under a tenant. The plan must read orders by index only: the existence of
-- each year's orders is probed, not counted.
WITH requested AS (
    SELECT c.oid, n.nspname || '.' || c.relname AS table_name
    FROM pg_catalog.pg_class AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname || '.' || c.relname = ANY ($1::text[])
)
SELECT 'table' AS kind, a.table_name, pg_catalog.obj_description(a.oid, 'pg_class') AS first, NULL AS second, NULL AS third, 0 AS sort_key
FROM requested AS a
UNION ALL
SELECT 'column', a.table_name, t.attname, pg_catalog.format_type(t.atttypid, t.atttypmod), NULL, t.attnum
FROM requested AS a
JOIN pg_catalog.pg_attribute AS t ON t.attrelid = a.oid AND t.attnum > 0 AND NOT t.attisdropped
WHERE pg_catalog.has_column_privilege(a.oid, t.attnum, 'SELECT')
UNION ALL
SELECT 'key', a.table_name, own.attname, foreign_schema.nspname || '.' || foreign_table.relname, foreign_column.attname, own.attnum
FROM requested AS a
JOIN pg_catalog.pg_constraint AS f ON f.conrelid = a.oid AND f.contype = 'f'
JOIN pg_catalog.pg_attribute AS own ON own.attrelid = f.conrelid AND own.attnum = f.conkey[1]
JOIN pg_catalog.pg_class AS foreign_table ON foreign_table.oid = f.confrelid
JOIN pg_catalog.pg_namespace AS foreign_schema ON foreign_schema.oid = foreign_table.relnamespace
JOIN pg_catalog.pg_attribute AS foreign_column ON foreign_column.attrelid = f.confrelid AND foreign_column.attnum = f.confkey[1]
UNION ALL
SELECT 'value', 'retail.stores', s.store_name, NULL, NULL, s.store_id
FROM retail.stores AS s
WHERE 'retail.stores' = ANY ($1::text[])
UNION ALL
SELECT 'value', 'retail.categories', c.category_name, NULL, NULL, c.category_id
FROM retail.categories AS c
WHERE 'retail.categories' = ANY ($1::text[])
UNION ALL
SELECT 'value', 'retail.product_types', t.type_name, NULL, NULL, t.type_id
FROM retail.product_types AS t
WHERE 'retail.product_types' = ANY ($1::text[])
UNION ALL
SELECT 'value', 'retail.orders', y.year::text, NULL, NULL, y.year
FROM pg_catalog.generate_series(
    (SELECT extract(year FROM min(o.order_date))::integer FROM retail.orders AS o WHERE 'retail.orders' = ANY ($1::text[])),
    (SELECT extract(year FROM max(o.order_date))::integer FROM retail.orders AS o WHERE 'retail.orders' = ANY ($1::text[]))
) AS y (year)
WHERE EXISTS (
    SELECT FROM retail.orders AS o
    WHERE o.order_date >= pg_catalog.make_date(y.year, 1, 1) AND o.order_date < pg_catalog.make_date(y.year + 1, 1, 1)
)
UNION ALL
SELECT 'range', 'retail.orders', 'Order dates you see', d.first::text, d.last::text, 0
FROM (
    SELECT min(o.order_date) AS first, max(o.order_date) AS last
    FROM retail.orders AS o
    WHERE 'retail.orders' = ANY ($1::text[])
) AS d
WHERE d.first IS NOT NULL
ORDER BY sort_key
