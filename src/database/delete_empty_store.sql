-- Deletes a store to which no row refers.
--   $1  the store's id
-- Run by zava_owner, who sees all rows.
DELETE FROM retail.stores AS s
WHERE s.store_id = $1
    AND NOT EXISTS (SELECT FROM retail.customers AS c WHERE c.primary_store_id = s.store_id)
    AND NOT EXISTS (SELECT FROM retail.orders AS o WHERE o.store_id = s.store_id)
    AND NOT EXISTS (SELECT FROM retail.order_items AS i WHERE i.store_id = s.store_id)
    AND NOT EXISTS (SELECT FROM retail.inventory AS i WHERE i.store_id = s.store_id)
