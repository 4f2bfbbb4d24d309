SELECT c.category_name, count(DISTINCT o.customer_id) AS customers, sum(i.total_amount) AS revenue
FROM retail.orders AS o
JOIN retail.order_items AS i ON i.order_id = o.order_id
JOIN retail.products AS p ON p.product_id = i.product_id
JOIN retail.categories AS c ON c.category_id = p.category_id
WHERE o.order_date >= '2024-06-03' AND o.order_date < '2024-06-10'
GROUP BY c.category_name
ORDER BY revenue DESC, c.category_name
