SELECT p.product_name, sum(i.quantity) AS units, sum(i.total_amount) AS revenue
FROM retail.orders AS o
JOIN retail.order_items AS i ON i.order_id = o.order_id
JOIN retail.products AS p ON p.product_id = i.product_id
WHERE o.order_date >= '2024-06-03' AND o.order_date < '2024-06-10'
GROUP BY p.product_name
ORDER BY revenue DESC, p.product_name
LIMIT 20
