SELECT c.category_name, count(*) AS products, avg(p.base_price) AS price, avg(p.gross_margin_percent) AS margin
FROM retail.products AS p
JOIN retail.categories AS c ON c.category_id = p.category_id
GROUP BY c.category_name
ORDER BY c.category_name
