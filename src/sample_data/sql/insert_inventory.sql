-- Inserts the stock. Parameters: one array per column.
INSERT INTO retail.inventory (store_id, product_id, stock_level)
SELECT r.store_id, r.product_id, r.stock_level
FROM unnest($1::integer[], $2::integer[], $3::integer[]) AS r (store_id, product_id, stock_level);
