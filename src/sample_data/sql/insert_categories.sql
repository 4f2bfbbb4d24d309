-- Inserts categories. Parameters: one array per column.
INSERT INTO retail.categories (category_id, category_name)
OVERRIDING SYSTEM VALUE
SELECT r.category_id, r.category_name
FROM unnest($1::integer[], $2::text[]) AS r (category_id, category_name);
