-- A customer of Seattle who never bought in Redmond buys something there. Run by a superuser;
-- returns the customer and the order.
INSERT INTO retail.orders (customer_id, store_id, order_date)
SELECT min(c.customer_id), redmond.store_id, date '2025-05-05'
FROM retail.customers AS c
JOIN retail.stores AS seattle ON seattle.store_id = c.primary_store_id AND seattle.store_name LIKE '%Seattle'
CROSS JOIN (SELECT store_id FROM retail.stores WHERE store_name LIKE '%Redmond') AS redmond
WHERE NOT EXISTS (
    SELECT FROM retail.orders AS o WHERE o.customer_id = c.customer_id AND o.store_id = redmond.store_id
)
GROUP BY redmond.store_id
RETURNING customer_id, order_id
