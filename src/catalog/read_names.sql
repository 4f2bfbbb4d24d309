-- What stores, categories and product types are called, as the caller may see them.
-- Columns: the column that holds such names, an empty text, the name.
-- Run by the querying login under a tenant; some hundred rows of three small tables.
SELECT 'store_name' AS kind, '' AS place, s.store_name AS name FROM retail.stores AS s
UNION ALL
SELECT 'category_name', '', c.category_name FROM retail.categories AS c
UNION ALL
SELECT 'type_name', '', t.type_name FROM retail.product_types AS t
ORDER BY kind, name
