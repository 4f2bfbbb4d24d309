-- Inserts the staged order lines; their orders must exist.
INSERT INTO retail.order_items (
    order_item_id, order_id, store_id, product_id, quantity,
    unit_price, discount_percent, discount_amount, total_amount
)
OVERRIDING SYSTEM VALUE
SELECT
    s.order_item_id, s.order_id, s.store_id, s.product_id, s.quantity,
    s.unit_price, s.discount_percent, s.discount_amount, s.total_amount
FROM pg_temp.staged_order_items AS s;
