-- Adds a product without orders and without a vector; returns its id. Run by a superuser.
--   $1 text: the SKU; $2 text: the name
INSERT INTO retail.products (
    sku, product_name, category_id, type_id, cost, base_price, product_description
)
SELECT $1, $2, t.category_id, t.type_id, 1, 2, 'A product of a test'
FROM retail.product_types AS t
ORDER BY t.type_id
LIMIT 1
RETURNING product_id
