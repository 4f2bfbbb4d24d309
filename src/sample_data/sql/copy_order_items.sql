-- Copies order lines into the staging table, in COPY's text format.
COPY pg_temp.staged_order_items (
    order_item_id, order_id, store_id, product_id, quantity,
    unit_price, discount_percent, discount_amount, total_amount
)
FROM STDIN;
