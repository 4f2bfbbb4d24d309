-- Parameters: one array per column; money in cents. gross_margin_percent keeps its default of 33.00.
INSERT INTO retail.products
    (product_id, sku, product_name, category_id, type_id, cost, base_price, product_description)
OVERRIDING SYSTEM VALUE
SELECT
    r.product_id, r.sku, r.product_name, r.category_id, r.type_id,
    r.cost_cents * 0.01, r.base_price_cents * 0.01, r.product_description
FROM unnest(
    $1::integer[], $2::text[], $3::text[], $4::integer[], $5::integer[], $6::bigint[], $7::bigint[], $8::text[]
) AS r (product_id, sku, product_name, category_id, type_id, cost_cents, base_price_cents, product_description);
