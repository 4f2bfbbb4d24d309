-- Statements that fail in PostgreSQL, also as the guard rewrites them. Empty lines separate them.

-- Subqueries with a wrong number of columns, whose rows the guard counts or aggregates
SELECT count(*) FROM retail.orders WHERE order_id IN (SELECT order_id, customer_id FROM retail.orders LIMIT 5) OR store_id < 0

SELECT count(*) FROM retail.orders WHERE NOT (order_id IN (SELECT order_id, customer_id FROM retail.orders))

SELECT count(*) FROM retail.orders WHERE order_id NOT IN (SELECT * FROM retail.orders)

SELECT count(*) FROM retail.orders o WHERE (order_id, customer_id) IN (SELECT order_id FROM retail.orders) OR store_id < 0

SELECT count(*) FROM retail.orders o WHERE (order_id, customer_id) IN (SELECT o.order_id, o.store_id, 1 FROM retail.orders) OR store_id < 0

SELECT order_id = ANY (SELECT order_id, 1 FROM retail.orders) FROM retail.orders LIMIT 1

SELECT order_id > ALL (SELECT order_id, 1 FROM retail.orders) FROM retail.orders LIMIT 1

SELECT order_id IN (VALUES (1, 2), (3, 4)) FROM retail.orders LIMIT 1

SELECT order_id IN (WITH w AS (SELECT 1, 2) TABLE w) FROM retail.orders LIMIT 1

SELECT order_id IN (SELECT 1, 2 UNION SELECT 3, 4) FROM retail.orders LIMIT 1

SELECT (order_id, store_id) = (SELECT order_id FROM retail.orders LIMIT 1) FROM retail.orders LIMIT 1

SELECT (order_id, store_id) < (SELECT order_id, store_id, 1 FROM retail.orders LIMIT 1) FROM retail.orders LIMIT 1

SELECT order_id IN (SELECT e.* FROM jsonb_each('{"a": 1}') AS e) FROM retail.orders LIMIT 1

SELECT order_id IN (SELECT DISTINCT order_id, store_id FROM retail.orders ORDER BY 1 LIMIT 3) FROM retail.orders LIMIT 1

SELECT CASE WHEN 1 IN (SELECT store_id, 1 FROM retail.stores) THEN 1 END

SELECT count(*) FILTER (WHERE store_id IN (SELECT store_id, store_name FROM retail.stores)) FROM retail.orders

SELECT store_id FROM retail.orders GROUP BY 1 HAVING store_id IN (SELECT store_id, 1 FROM retail.stores)

SELECT o.order_id FROM retail.orders o LEFT JOIN retail.stores s ON s.store_id IN (SELECT 1, 2)

SELECT ARRAY(SELECT store_id, store_name FROM retail.stores)

SELECT ARRAY(SELECT * FROM retail.order_items)

SELECT ARRAY(VALUES (1, 2))

SELECT (SELECT store_id, store_name FROM retail.stores LIMIT 1)

-- Too many rows, and types that do not fit
SELECT (order_id, store_id) = (SELECT order_id, store_id FROM retail.orders) FROM retail.orders LIMIT 1

SELECT order_id IN (SELECT store_name FROM retail.stores) FROM retail.orders LIMIT 1

SELECT ARRAY[1, 'x']::numeric[]

SELECT ARRAY[store_id, 'x'] FROM retail.stores

SELECT ('{"h":"' || store_name)::jsonb FROM retail.stores

SELECT 'u'::boolean::text

-- SQL/JSON, samples, recursion
SELECT JSON_VALUE('{bad', '$.a' DEFAULT 'x' ON ERROR)

SELECT JSON_VALUE('{"a": [1]}', '$.a' ERROR ON ERROR)

SELECT JSON_OBJECT(NULL: 1)

SELECT JSON_OBJECTAGG(x: 1) FROM (VALUES (NULL::text)) AS v(x)

SELECT * FROM retail.orders TABLESAMPLE BERNOULLI (101)

WITH w AS (SELECT 1) SELECT * FROM w TABLESAMPLE SYSTEM (1)

WITH RECURSIVE r(a, b) AS (SELECT 1 UNION SELECT a + 1 FROM r WHERE a < 3) SELECT * FROM r

WITH RECURSIVE r AS (SELECT 1 AS a UNION SELECT a + 1, a FROM r WHERE a < 3) SELECT * FROM r

SELECT 'x'::money

SELECT pg_typeof(nothing) FROM retail.orders

SELECT row_to_json(t) FROM retail.orders AS o

SELECT JSON('{bad')
