-- What one store's manager may see, counted by a superuser from the rules of docs/architecture.md.
--   $1 uuid: the manager's tenant
SELECT
    (SELECT count(*) FROM retail.orders AS o WHERE o.store_id = t.store_id) AS orders,
    (SELECT count(*) FROM retail.order_items AS i WHERE i.store_id = t.store_id) AS order_items,
    (SELECT count(*) FROM retail.inventory AS v WHERE v.store_id = t.store_id) AS inventory,
    (
        SELECT count(*)
        FROM retail.customers AS c
        WHERE c.primary_store_id = t.store_id
            OR c.customer_id IN (SELECT o.customer_id FROM retail.orders AS o WHERE o.store_id = t.store_id)
    ) AS customers
FROM guard.tenant AS t
WHERE t.tenant_id = $1
