-- Parameters: one array per column; money in cents.
INSERT INTO retail.order_items (
    order_item_id, order_id, store_id, product_id, quantity,
    unit_price, discount_percent, discount_amount, total_amount
)
OVERRIDING SYSTEM VALUE
SELECT
    r.order_item_id, r.order_id, r.store_id, r.product_id, r.quantity,
    r.unit_price_cents * 0.01, r.discount_percent, r.discount_cents * 0.01, r.total_cents * 0.01
FROM unnest(
    $1::integer[], $2::integer[], $3::integer[], $4::integer[], $5::integer[],
    $6::bigint[], $7::integer[], $8::bigint[], $9::bigint[]
) AS r (
    order_item_id, order_id, store_id, product_id, quantity,
    unit_price_cents, discount_percent, discount_cents, total_cents
);
