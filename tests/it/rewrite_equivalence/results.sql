-- Statements that succeed in PostgreSQL, also as the guard rewrites them. Empty lines separate
-- them.

-- Subqueries whose rows the guard counts or aggregates
SELECT count(*) FROM retail.orders WHERE order_id IN (SELECT order_id FROM retail.orders ORDER BY 1 LIMIT 5) OR store_id < 0

SELECT count(*) FROM retail.orders WHERE (order_id, store_id) IN (SELECT order_id, store_id FROM retail.orders ORDER BY 1 LIMIT 5) OR store_id < 0

SELECT 3 IN (SELECT * FROM unnest(ARRAY[1, 2, 3]))

SELECT 3 NOT IN (SELECT u.* FROM unnest(ARRAY[1, 2, 3]) AS u)

SELECT ARRAY(SELECT * FROM unnest(ARRAY[3, 1, 2]))

SELECT (1, 'a') IN (SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b']))

SELECT ARRAY(SELECT store_id FROM retail.orders GROUP BY 1 ORDER BY 1)

SELECT NULL IN (SELECT order_id FROM retail.orders), 1 IN (SELECT NULL::int WHERE false), ROW(s.*) IN (SELECT store_id, store_name, is_online FROM retail.stores) FROM (SELECT store_id, store_name, is_online FROM retail.stores ORDER BY 1 LIMIT 1) s

-- Casts of computed values
SELECT ARRAY[1, '2.5']::numeric[], ARRAY['1', NULL, '2.5e3']::numeric[], ARRAY[[1, '2.5'], ['3', 4]]::numeric(10, 1)[]

SELECT ARRAY[quantity, '2.5', quantity::text || '.5']::numeric[] FROM retail.order_items ORDER BY order_item_id LIMIT 2

SELECT ARRAY['{"a": 1}', '[' || store_id || ']']::jsonb[] FROM retail.stores ORDER BY store_id LIMIT 2

SELECT ARRAY['[1,2]', '[' || store_id || ',9]']::numrange[] FROM retail.stores ORDER BY store_id LIMIT 2

SELECT ('{"h":"' || md5(store_name) || '"}')::jsonb FROM retail.stores ORDER BY store_id

SELECT ('{"h":"1e234\" 5e678", "n": ' || store_id || '}')::jsonb FROM retail.stores ORDER BY store_id

SELECT (x || '')::jsonb FROM (VALUES ('{"a\\": "1e999", "b": [1.5e3, "\"2e777"]}'), (NULL), ('"1e500"')) AS v(x)

SELECT 't'::boolean::text, 'f'::boolean, 'true'::bool, CAST('t' AS boolean), bool 'f', 'yes'::boolean, true::text

-- Quoted names
SELECT product_id, rank() OVER "By Price" FROM retail.products WINDOW "By Price" AS (ORDER BY base_price) ORDER BY 1 LIMIT 3

SELECT product_id, sum(cost) OVER ("By Price" ROWS 1 PRECEDING), sum(cost) OVER window_1, sum(cost) OVER "order" FROM retail.products WINDOW "By Price" AS (ORDER BY base_price, product_id), window_1 AS ("By Price"), "order" AS (PARTITION BY type_id) ORDER BY 1 LIMIT 3

SELECT (SELECT sum(x) OVER "W W" FROM (VALUES (1)) v(x) WINDOW "W W" AS (ORDER BY x)), count(*) OVER "W W" FROM retail.stores WINDOW "W W" AS (PARTITION BY store_id) LIMIT 1

SELECT s."Store Name" AS "Größe der ""Dinge""" FROM (SELECT store_name AS "Store Name" FROM retail.stores) AS s ORDER BY 1 LIMIT 1

SELECT power(2, NULL), 2 ^ NULL, exp(NULL), repeat('a', NULL), ARRAY[NULL]::numeric[]

-- Samples
SELECT count(*) = (SELECT count(*) FROM retail.orders) AS whole FROM retail.orders TABLESAMPLE BERNOULLI (100)

SELECT count(*) BETWEEN 0 AND 100000 AS some, min(o.order_id) > 0 OR count(*) = 0 AS own FROM retail.orders AS o TABLESAMPLE pg_catalog.system (10 + 5) REPEATABLE (length('abc'))

SELECT count(*) > 0 AS some FROM retail.orders o TABLESAMPLE SYSTEM (100) JOIN retail.stores s TABLESAMPLE BERNOULLI (100) USING (store_id)

-- SQL/JSON
SELECT JSON_OBJECT('id': store_id, 'name' VALUE store_name, 'none': NULL), JSON_OBJECT('a': 1, 'b': NULL ABSENT ON NULL RETURNING jsonb), JSON_OBJECT() FROM retail.stores ORDER BY store_id LIMIT 2

SELECT JSON_ARRAY(1, NULL, 'x'), JSON_ARRAY(1, NULL NULL ON NULL RETURNING text), JSON_ARRAY(), JSON_ARRAY(JSON_OBJECT('a': to_jsonb(store_id))) FROM retail.stores ORDER BY store_id LIMIT 2

SELECT is_online, JSON_ARRAYAGG(store_name ORDER BY store_id), JSON_OBJECTAGG(store_name: store_id) FROM retail.stores GROUP BY 1 ORDER BY 1

SELECT JSON_ARRAYAGG(x ORDER BY x DESC NULL ON NULL RETURNING jsonb), JSON_ARRAYAGG(x), JSON_ARRAYAGG(x) FILTER (WHERE x > 5), JSON_OBJECTAGG(x: x ABSENT ON NULL RETURNING jsonb) FILTER (WHERE x > 0) FROM (VALUES (1), (2), (NULL)) AS v(x)

SELECT store_id, JSON_ARRAYAGG(store_id) OVER (ORDER BY store_id) FROM retail.stores ORDER BY 1 LIMIT 3

SELECT JSON_ARRAYAGG(JSON_OBJECT('name': store_name, 'orders': (SELECT JSON_ARRAYAGG(o.order_id ORDER BY o.order_id) FROM (SELECT order_id FROM retail.orders WHERE store_id = s.store_id ORDER BY 1 LIMIT 2) AS o)) ORDER BY store_name) FROM (SELECT store_id, store_name FROM retail.stores) AS s

SELECT JSON('{"a":  1}'), JSON(store_id::text), JSON(to_jsonb(store_name)) FROM retail.stores ORDER BY store_id LIMIT 1

SELECT JSON_ARRAY(SELECT store_name FROM retail.stores ORDER BY store_id DESC LIMIT 3), JSON_ARRAY(VALUES (1), (NULL), (3)), JSON_ARRAY(SELECT * FROM unnest(ARRAY['a', 'b']) RETURNING jsonb), JSON_ARRAY(SELECT 1 WHERE false) AS none

SELECT s.store_id, JSON_ARRAY(SELECT o.order_id FROM retail.orders o WHERE o.store_id = s.store_id ORDER BY 1 LIMIT 2) FROM (SELECT store_id FROM retail.stores ORDER BY 1 LIMIT 2) AS s

SELECT JSON_SCALAR(1.5), JSON_SCALAR('x'), JSON_SCALAR(store_name) FROM retail.stores ORDER BY store_id LIMIT 1

SELECT JSON_VALUE('{"a": "x"}', '$.a'), JSON_VALUE('{"a": "12.50"}', '$.a' RETURNING numeric), JSON_VALUE('{"a": "1e5"}', '$.a' RETURNING numeric(10, 1)), JSON_VALUE('{}', '$.a' DEFAULT 'none' ON EMPTY), JSON_VALUE('{"a": "x"}', '$.a' RETURNING int DEFAULT -1 ON ERROR), JSON_VALUE('{"d": "2025-01-02"}', '$.d' RETURNING date)

SELECT JSON_QUERY('{"a": [1, 2]}', '$.a'), JSON_QUERY('{"a": [1, 2]}', '$.a[*]' WITH WRAPPER), JSON_QUERY('{"a": "x"}', '$.a' RETURNING text OMIT QUOTES), JSON_QUERY('{}', '$.a' EMPTY ARRAY ON EMPTY)

SELECT JSON_EXISTS('{"a": 1}', '$.a'), JSON_EXISTS('{"a": 1}', '$.b'), JSON_EXISTS('{"a": [1, 5]}', '$.a[*] ? (@ > 3)'), JSON_EXISTS('1', 'strict $.a' TRUE ON ERROR)

SELECT store_id, JSON_VALUE('{"n": "' || store_name || '", "e": 5}', '$.n') AS n, JSON_VALUE(to_jsonb(store_id), '$' RETURNING int), JSON_VALUE(json_build_object('a', store_name), '$.a') FROM retail.stores WHERE JSON_EXISTS('{"n": ' || store_id || '}', '$.n ? (@ < 4)') ORDER BY 1

SELECT jt.* FROM JSON_TABLE('[{"sku": "A", "price": 1.5, "tags": ["x", "y"]}, {"sku": "B", "tags": []}]', '$[*]' COLUMNS (n FOR ORDINALITY, sku text, price numeric(10, 2) PATH '$.price' DEFAULT 0 ON EMPTY, has_price boolean EXISTS PATH '$.price', tags jsonb PATH '$.tags', NESTED PATH '$.tags[*]' COLUMNS (tag varchar(5) PATH '$'))) AS jt ORDER BY 1, 6

SELECT s.store_id, jt.value, jt.place FROM retail.stores AS s, JSON_TABLE(jsonb_build_array(s.store_id, s.store_name), '$[*]' COLUMNS (place FOR ORDINALITY, value text PATH '$')) AS jt ORDER BY 1, 3

SELECT jt.a + 1 AS more FROM LATERAL JSON_TABLE('[{"a": "12.50"}]', '$[*]' COLUMNS (a numeric)) AS jt

SELECT a FROM JSON_TABLE('[{"a": {"b": 1}}]', '$[*]' COLUMNS (a text FORMAT JSON PATH '$.a' KEEP QUOTES)) AS t

SELECT json_table.a FROM JSON_TABLE('[1, 2]', '$[*]' COLUMNS (a int PATH '$')) ORDER BY 1 DESC

-- Types and functions
SELECT total_amount::money, '12.5'::money, sum(unit_price::money), (3::money * 2)::numeric, CAST(1234.5 AS money)::text FROM retail.order_items GROUP BY order_item_id, total_amount ORDER BY order_item_id LIMIT 2

SELECT pg_typeof(1), pg_typeof(store_name) AS type, pg_typeof(NULL), pg_typeof(ARRAY[1.5]) FROM retail.stores ORDER BY store_id LIMIT 1

SELECT pg_typeof(total_amount), count(*) FROM retail.order_items GROUP BY 1 HAVING pg_typeof(total_amount)::text = 'numeric'

SELECT jsonb_pretty('{"a": [1, {"b": null}], "c": []}'), jsonb_pretty(to_jsonb(s)) FROM (SELECT store_id, store_name FROM retail.stores ORDER BY 1 LIMIT 2) AS s

SELECT setweight(to_tsvector('english', 'cordless drill'), 'A') || setweight(to_tsvector('english', 'sharp bits'), 'B'), setweight('a:1 b:2'::tsvector, 'C', ARRAY['b'])

SELECT cardinality(array_sample(ARRAY[1, 2, 3, 4], 2)), array_sample(ARRAY[7], 1), cardinality(array_shuffle(ARRAY[1, 2])), random_normal(0, 0), random_normal(mean => 5, stddev => 0)

SELECT datemultirange(daterange('2025-01-01', '2025-02-01'), daterange('2025-03-01', '2025-04-01')) @> '2025-01-15'::date, '{[1,3), [5,9)}'::int4multirange * int4multirange(int4range(2, 6)), range_agg(daterange(order_date, order_date + 1)) + datemultirange(daterange('2030-01-01', '2030-01-02')) IS NOT NULL FROM retail.orders

SELECT u FROM unnest('{[1,3), [5,9)}'::int8multirange) AS u, multirange(numrange(1, 2)) AS m

-- Recursion by UNION
WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT n + 1 FROM r WHERE n < 5) SELECT n FROM r ORDER BY n

WITH RECURSIVE r AS (SELECT 1 AS a, 'x' AS b UNION SELECT (a + 1) % 3, b FROM r) SELECT count(*), max(a), min(b) FROM r

WITH RECURSIVE pair AS (SELECT a.product_id AS one, b.product_id AS other FROM retail.order_items a JOIN retail.order_items b USING (order_id) WHERE a.product_id < 40 AND b.product_id < 40), reached(product_id) AS (SELECT min(one) FROM pair UNION SELECT p.other FROM pair p JOIN reached r ON p.one = r.product_id) SELECT count(*), min(product_id) FROM reached

SELECT (WITH RECURSIVE r AS (SELECT s.store_id AS n UNION SELECT n / 2 FROM r WHERE n > 0) SELECT count(*) FROM r) FROM (SELECT store_id FROM retail.stores) AS s ORDER BY 1

WITH RECURSIVE a AS (SELECT 1 AS n UNION SELECT n + 1 FROM a WHERE n < 3), b AS (SELECT n FROM a UNION SELECT n + 10 FROM b WHERE n < 20) SELECT a.n, b.n FROM a JOIN b ON b.n = a.n + 10 ORDER BY 1
