-- Inserts products. Parameters: one array per column; money in cents, the margin in hundredths of a
-- percent.
INSERT INTO retail.products
    (product_id, sku, product_name, category_id, type_id, cost, base_price, gross_margin_percent, product_description)
OVERRIDING SYSTEM VALUE
SELECT
    r.product_id, r.sku, r.product_name, r.category_id, r.type_id,
    r.cost_cents * 0.01, r.base_price_cents * 0.01, r.margin_basis_points * 0.01, r.product_description
FROM unnest(
    $1::integer[], $2::text[], $3::text[], $4::integer[], $5::integer[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[]
) AS r (
    product_id, sku, product_name, category_id, type_id, cost_cents, base_price_cents, margin_basis_points, product_description
);
