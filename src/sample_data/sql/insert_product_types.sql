-- Inserts product types. Parameters: one array per column.
INSERT INTO retail.product_types (type_id, category_id, type_name)
OVERRIDING SYSTEM VALUE
SELECT r.type_id, r.category_id, r.type_name
FROM unnest($1::integer[], $2::integer[], $3::text[]) AS r (type_id, category_id, type_name);
