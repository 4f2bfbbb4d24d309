SELECT o.order_id, o.order_date, o.store_id, c.customer_id, c.first_name, c.last_name, c.email
FROM retail.orders AS o
JOIN retail.customers AS c ON c.customer_id = o.customer_id
ORDER BY o.order_id
LIMIT 1000
