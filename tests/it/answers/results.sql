-- Statements that PostgreSQL answers, in whatever form the guard prints them. Parted by empty lines.

-- Sub-selects that the guard counts or collects the rows of
SELECT count(*) FROM retail.orders WHERE order_id IN (SELECT order_id FROM retail.orders ORDER BY 1 LIMIT 5) OR store_id < 0

SELECT count(*) FROM retail.orders WHERE (order_id, store_id) IN (SELECT order_id, store_id FROM retail.orders ORDER BY 1 LIMIT 5) OR store_id < 0

SELECT 3 IN (SELECT * FROM unnest(ARRAY[1, 2, 3]))

SELECT 3 NOT IN (SELECT u.* FROM unnest(ARRAY[1, 2, 3]) AS u)

SELECT ARRAY(SELECT * FROM unnest(ARRAY[3, 1, 2]))

SELECT (1, 'a') IN (SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b']))

SELECT ARRAY(SELECT store_id FROM retail.orders GROUP BY 1 ORDER BY 1)

SELECT NULL IN (SELECT order_id FROM retail.orders), 1 IN (SELECT NULL::int WHERE false), ROW(s.*) IN (SELECT store_id, store_name, is_online FROM retail.stores) FROM (SELECT store_id, store_name, is_online FROM retail.stores ORDER BY 1 LIMIT 1) s

-- Casts of what is put together
SELECT ARRAY[1, '2.5']::numeric[], ARRAY['1', NULL, '2.5e3']::numeric[], ARRAY[[1, '2.5'], ['3', 4]]::numeric(10, 1)[]

SELECT ARRAY[quantity, '2.5', quantity::text || '.5']::numeric[] FROM retail.order_items ORDER BY order_item_id LIMIT 2

SELECT ARRAY['{"a": 1}', '[' || store_id || ']']::jsonb[] FROM retail.stores ORDER BY store_id LIMIT 2

SELECT ARRAY['[1,2]', '[' || store_id || ',9]']::numrange[] FROM retail.stores ORDER BY store_id LIMIT 2

SELECT ('{"h":"' || md5(store_name) || '"}')::jsonb FROM retail.stores ORDER BY store_id

SELECT ('{"h":"1e234\" 5e678", "n": ' || store_id || '}')::jsonb FROM retail.stores ORDER BY store_id

SELECT (x || '')::jsonb FROM (VALUES ('{"a\\": "1e999", "b": [1.5e3, "\"2e777"]}'), (NULL), ('"1e500"')) AS v(x)

SELECT 't'::boolean::text, 'f'::boolean, 'true'::bool, CAST('t' AS boolean), bool 'f', 'yes'::boolean, true::text

-- Names in quotes
SELECT product_id, rank() OVER "By Price" FROM retail.products WINDOW "By Price" AS (ORDER BY base_price) ORDER BY 1 LIMIT 3

SELECT product_id, sum(cost) OVER ("By Price" ROWS 1 PRECEDING), sum(cost) OVER window_1, sum(cost) OVER "order" FROM retail.products WINDOW "By Price" AS (ORDER BY base_price, product_id), window_1 AS ("By Price"), "order" AS (PARTITION BY type_id) ORDER BY 1 LIMIT 3

SELECT (SELECT sum(x) OVER "W W" FROM (VALUES (1)) v(x) WINDOW "W W" AS (ORDER BY x)), count(*) OVER "W W" FROM retail.stores WINDOW "W W" AS (PARTITION BY store_id) LIMIT 1

SELECT s."Store Name" AS "Größe der ""Dinge""" FROM (SELECT store_name AS "Store Name" FROM retail.stores) AS s ORDER BY 1 LIMIT 1
