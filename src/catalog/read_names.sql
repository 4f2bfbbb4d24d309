-- The names of the stores, categories and product types that the caller sees.
-- Columns: the column that holds such names, an empty text, the name.
-- Run by the query login under a tenant; a few hundred rows of three small tables.
SELECT 'store_name' AS kind, '' AS table_name, s.store_name AS name FROM retail.stores AS s
UNION ALL
SELECT 'category_name', '', c.category_name FROM retail.categories AS c
UNION ALL
SELECT 'type_name', '', t.type_name FROM retail.product_types AS t
ORDER BY kind, name
