-- Short statements that try to exhaust memory or time: class | statement. Sent over HTTP as a
-- store's manager. Only the cost of a statement matters, not whether it is refused, fails or
-- succeeds (see resource_exhaustion.rs). statements.sql explains the braces.
recursion | WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r
recursion | WITH RECURSIVE r AS (SELECT 1::bigint AS n UNION SELECT n + 1 FROM r) SELECT max(n) FROM r
recursion | WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r CROSS JOIN (VALUES (1), (2)) AS v(x)) SELECT count(*) FROM r
recursion | WITH RECURSIVE r AS (SELECT 'x'::text AS t UNION ALL SELECT t || t FROM r) SELECT max(length(t)) FROM r
recursion | WITH RECURSIVE r AS (SELECT ARRAY[1] AS a UNION ALL SELECT a || a FROM r) SELECT max(cardinality(a)) FROM r
recursion | WITH RECURSIVE r AS (SELECT '[1]'::jsonb AS j UNION ALL SELECT jsonb_build_array(j, j) FROM r) SELECT count(*) FROM r
recursion | WITH RECURSIVE r AS (SELECT random() AS x UNION SELECT random() FROM r CROSS JOIN generate_series(1, 10)) SELECT count(*) FROM r
recursion | WITH RECURSIVE r AS (SELECT 1::bigint AS n UNION SELECT n + g FROM r CROSS JOIN generate_series(1, 1000) AS g) SELECT count(*) FROM r
recursion | WITH RECURSIVE r AS (SELECT 1::numeric AS n, repeat('x', 2000) AS t UNION SELECT n + g, t FROM r CROSS JOIN generate_series(1, 1000) AS g) SELECT max(n) FROM r
recursion | WITH RECURSIVE r AS (SELECT 'x'::text AS t UNION SELECT t || g FROM r CROSS JOIN generate_series(1, 100) AS g) SELECT count(*) FROM r
recursion | WITH RECURSIVE r AS (SELECT 1 AS n UNION SELECT n + g FROM r, generate_series(1, 100) AS g), s AS (SELECT 1 AS n UNION SELECT n + g FROM s, generate_series(1, 100) AS g) SELECT count(*) FROM r, s
recursion | SELECT 1 IN (WITH RECURSIVE r AS (SELECT 1 AS n UNION SELECT n + g FROM r, generate_series(1, 100) AS g) SELECT n FROM r WHERE n < 0)
recursion | WITH RECURSIVE r AS (SELECT 1 AS n UNION SELECT n + g FROM r, generate_series(1, 100) AS g) SELECT 1 FROM r LIMIT 1 OFFSET 100000000
recursion | WITH RECURSIVE r AS (SELECT 1::numeric AS n UNION ALL SELECT n * 999999999999 FROM r) SELECT max(n) FROM r
recursion | WITH RECURSIVE r AS (SELECT order_id FROM retail.orders UNION ALL SELECT order_id FROM r) SELECT count(*) FROM r
cross join | SELECT count(*) FROM retail.order_items AS a, retail.order_items AS b, retail.order_items AS c
cross join | SELECT a.*, b.* FROM retail.order_items AS a CROSS JOIN retail.order_items AS b ORDER BY random()
cross join | SELECT count(DISTINCT (a.order_id, b.order_id, c.order_id)) FROM retail.orders AS a, retail.orders AS b, retail.orders AS c
cross join | SELECT a.order_id, b.order_id, sum(c.quantity) FROM retail.orders AS a, retail.orders AS b, retail.order_items AS c GROUP BY 1, 2
cross join | SELECT rank() OVER (ORDER BY a.order_id + b.order_id) FROM retail.orders AS a, retail.orders AS b
cross join | SELECT DISTINCT a.product_description, b.product_description, c.product_name FROM retail.products AS a, retail.products AS b, retail.products AS c
expanding function | SELECT repeat('x', 1000000000)
expanding function | SELECT length(repeat('x', 1000000000))
expanding function | SELECT repeat(repeat(repeat('x', 1000), 1000), 1000)
expanding function | SELECT length(repeat(repeat(repeat('x', 1000), 1000), 900))
expanding function | SELECT repeat(product_description, 5000000) FROM retail.products
expanding function | SELECT max(length(repeat(product_description, 3000000))) FROM retail.products
expanding function | SELECT length(lpad('x', 300000000)), length(rpad('x', 260000000, 'yz'))
expanding function | SELECT length(lpad(lpad('x', 30000), 200000000, lpad('y', 30000)))
expanding function | SELECT length(format('%300000000s', 'x'))
expanding function | SELECT length(format('%1$s%1$s%1$s%1$s%1$s%1$s%1$s%1$s%1$s%1$s', repeat('x', 90000000)))
expanding function | SELECT length(format('%*s', 500000000, 'x'))
expanding function | SELECT length(replace(repeat('x', 1000000), 'x', repeat('y', 900)))
expanding function | SELECT length(regexp_replace(repeat('x', 1000000), 'x', repeat('y', 900), 'g'))
expanding function | SELECT length(regexp_replace(repeat('x', 20000), '(x+)', '\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1{2000×\1}'))
expanding function | SELECT length(translate(repeat('x', 300000000), 'x', 'y'))
expanding function | SELECT length(overlay(repeat('x', 400000000) PLACING repeat('y', 400000000) FROM 1))
expanding function | SELECT length(concat(repeat('x', 300000000), repeat('y', 300000000)))
expanding function | SELECT length(concat_ws(repeat('x', 100000000), 'a', 'b', 'c', 'd', 'e', 'f'))
expanding function | SELECT length(encode(convert_to(repeat('x', 300000000), 'UTF8'), 'hex'))
expanding function | SELECT length(encode(repeat('x', 250000000)::bytea, 'base64'))
expanding function | SELECT length(decode(repeat('00', 300000000), 'hex'))
expanding function | SELECT length(upper(reverse(initcap(repeat('x', 250000000)))))
expanding function | SELECT length(quote_literal(repeat('''', 400000000))), length(quote_ident(repeat('"', 300000000)))
expanding function | SELECT length(normalize(repeat('Å', 90000000), NFD))
expanding function | SELECT length(to_char(1, repeat('9', 300000000)))
expanding function | SELECT length(to_char(now(), repeat('Day, ', 20000000)))
expanding function | SELECT cardinality(array_fill(1, ARRAY[100000000]))
expanding function | SELECT array_fill(repeat('x', 1000), ARRAY[900000])
expanding function | SELECT cardinality(array_cat(array_fill(1::bigint, ARRAY[60000000]), array_fill(1::bigint, ARRAY[60000000])))
expanding function | SELECT cardinality(string_to_array(repeat('x,', 50000000), ','))
expanding function | SELECT cardinality(string_to_array(repeat('x', 20000000), NULL))
expanding function | SELECT count(*) FROM string_to_table(repeat('x,', 90000000), ',')
expanding function | SELECT length(array_to_string(array_fill(1, ARRAY[10000000]), repeat('x', 90)))
expanding function | SELECT cardinality(regexp_split_to_array(repeat('x,', 30000000), ','))
expanding function | SELECT count(*) FROM regexp_matches(repeat('x', 30000000), '(x)', 'g')
expanding function | SELECT count(*) FROM regexp_split_to_table(repeat('x,', 30000000), ',')
expanding function | SELECT length(to_tsvector(repeat('lamp shade ', 20000000))::text)
expanding function | SELECT length(ts_headline(repeat('lamp ', 20000000), to_tsquery('lamp')))
expanding function | SELECT length(lower(repeat('İ', 100000000)))
expanding function | SELECT length(unistr(repeat('\0041', 100000000)))
expanding function | SELECT sha256(repeat('x', 900000000)::bytea), md5(repeat('x', 900000000))
expanding function | SELECT jsonb_set(to_jsonb(repeat('x', 200000000)), '{a}', '1')
expanding function | SELECT length(to_json(repeat(chr(1), 150000000))::text)
expanding function | SELECT length(jsonb_build_array(repeat('x', 100000000), repeat('x', 100000000))::text)
expanding function | SELECT length(row_to_json(ROW(repeat('x', 200000000), repeat('x', 200000000)))::text)
expanding function | SELECT trim_array(array_fill(0, ARRAY[60000000]), 59999999)
expanding function | SELECT length(string_agg(repeat('x', 1000), '')) FROM generate_series(1, 900000)
collecting aggregates | SELECT length(string_agg(product_description, '')) FROM retail.products AS a, retail.order_items AS b
collecting aggregates | SELECT cardinality(array_agg(a.order_id)) FROM retail.orders AS a, retail.orders AS b
collecting aggregates | SELECT jsonb_array_length(jsonb_agg(a)) FROM retail.orders AS a, retail.orders AS b
collecting aggregates | SELECT json_agg(a) FROM retail.orders AS a, retail.orders AS b
collecting aggregates | SELECT json_object_agg(a.order_id, b.order_id) FROM retail.orders AS a, retail.orders AS b
collecting aggregates | SELECT jsonb_object_agg(a.order_id || '-' || b.order_id, 1) FROM retail.orders AS a, retail.orders AS b
collecting aggregates | SELECT JSON_ARRAYAGG(a.order_id) FROM retail.orders AS a, retail.orders AS b
collecting aggregates | SELECT JSON_OBJECTAGG(a.order_id: b.order_id) FROM retail.orders AS a, retail.orders AS b
collecting aggregates | SELECT JSON_ARRAYAGG(a.order_id ORDER BY b.order_id NULL ON NULL RETURNING jsonb) FROM retail.orders AS a, retail.orders AS b
collecting aggregates | SELECT JSON_ARRAYAGG(a.product_description) OVER (ORDER BY a.product_id) FROM retail.products AS a, retail.orders AS b
collecting aggregates | SELECT JSON_OBJECTAGG(a.order_id || '-' || b.order_id: a.order_date RETURNING jsonb) FROM retail.orders AS a, retail.orders AS b
collecting aggregates | SELECT array_agg(ARRAY[a.order_id, b.order_id]) FROM retail.orders AS a, retail.orders AS b
collecting aggregates | SELECT ARRAY(SELECT a.order_id FROM retail.orders AS a, retail.orders AS b)
collecting aggregates | SELECT JSON_ARRAY(SELECT a.order_id FROM retail.orders AS a, retail.orders AS b)
collecting aggregates | SELECT array_agg(a.order_id) OVER (ORDER BY a.order_id) FROM retail.orders AS a, retail.orders AS b
collecting aggregates | SELECT array_agg(product_description) OVER (ORDER BY product_id ROWS UNBOUNDED PRECEDING) FROM retail.products, generate_series(1, 200) AS g
collecting aggregates | SELECT string_agg(a.email, ',') OVER (ORDER BY a.customer_id) FROM retail.customers AS a, retail.customers AS b
collecting aggregates | SELECT a.store_id, array_agg(DISTINCT b.order_id || a.order_id::text) FROM retail.orders AS a, retail.orders AS b GROUP BY 1
collecting aggregates | SELECT range_agg(int4range(a.order_id * 2, a.order_id * 2 + 1)) FROM retail.orders AS a, retail.orders AS b
collecting aggregates | SELECT range_agg(int8range(g * 2, g * 2 + 1)) FROM generate_series(1, 10000000) AS g
collecting aggregates | SELECT array_agg(g) FROM generate_series(1, 30000000) AS g
collecting aggregates | SELECT percentile_cont(array_fill(0.5::float8, ARRAY[10000000])) WITHIN GROUP (ORDER BY quantity) FROM retail.order_items
collecting aggregates | SELECT string_agg(x, '') FROM (SELECT string_agg(product_description, '') AS x FROM retail.products, generate_series(1, 2000) AS g GROUP BY g) AS y
collecting aggregates | SELECT sum(description_embedding) FROM retail.product_description_embeddings, generate_series(1, 100000) AS g
doubling chain | WITH c0 AS (SELECT 1 AS v){20∷, c# AS (SELECT v + v AS v FROM c@)} SELECT v FROM c20
doubling chain | WITH c0 AS (SELECT 1 AS v){23∷, c# AS (SELECT v + v AS v FROM c@)} SELECT v FROM c23
doubling chain | WITH c0 AS (SELECT store_id AS v FROM retail.orders LIMIT 1){21∷, c# AS (SELECT v + v AS v FROM c@)} SELECT v FROM c21
doubling chain | WITH c0 AS (SELECT 'x' AS v){28∷, c# AS (SELECT v || v AS v FROM c@)} SELECT length(v) FROM c28
doubling chain | WITH c0 AS (SELECT product_name AS v FROM retail.products){21∷, c# AS (SELECT v || v AS v FROM c@)} SELECT max(length(v)) FROM c21
doubling chain | WITH c0 AS (SELECT store_id AS v FROM retail.stores){20∷, c# AS (SELECT CASE WHEN v > 0 THEN v ELSE v - 1 END AS v FROM c@)} SELECT sum(v) FROM c20
doubling chain | WITH c0 AS (SELECT store_id AS v FROM retail.stores){20∷, c# AS (SELECT greatest(v, v) AS v FROM c@)} SELECT sum(v) FROM c20
doubling chain | WITH c0 AS (SELECT store_id AS v FROM retail.stores){20∷, c# AS (SELECT coalesce(v, v) AS v FROM c@)} SELECT sum(v) FROM c20
doubling chain | WITH c0 AS (SELECT store_id AS v FROM retail.stores){20∷, c# AS (SELECT (ARRAY[v, v])[1] AS v FROM c@)} SELECT sum(v) FROM c20
doubling chain | WITH c0 AS (SELECT ARRAY[1] AS v){26∷, c# AS (SELECT v || v AS v FROM c@)} SELECT cardinality(v) FROM c26
doubling chain | WITH c0 AS (SELECT '[1]'::jsonb AS v){24∷, c# AS (SELECT v || v AS v FROM c@)} SELECT jsonb_array_length(v) FROM c24
doubling chain | WITH c0 AS (SELECT store_id = 1 AS v FROM retail.stores){20∷, c# AS (SELECT v AND NOT v AS v FROM c@)} SELECT count(*) FROM c20 WHERE v
doubling chain | WITH c0 AS (SELECT ROW(1, 2) AS v){20∷, c# AS (SELECT ROW(v, v) AS v FROM c@)} SELECT v::text FROM c20
doubling chain | WITH c0 AS (SELECT ARRAY[store_id] AS v FROM retail.stores){18∷, c# AS (SELECT ARRAY[v, v] AS v FROM c@)} SELECT v FROM c18
doubling chain | WITH c0 AS (SELECT store_id AS v FROM retail.stores){15∷, c# AS (SELECT v + v + v + v AS v FROM c@)} SELECT sum(v) FROM c15
doubling chain | WITH c0 AS (SELECT store_id AS a, 2 AS b FROM retail.stores){24∷, c# AS (SELECT a + b AS a, a - b AS b FROM c@)} SELECT sum(a) FROM c24
doubling chain | WITH c0 AS (SELECT store_id AS v FROM retail.stores){20∷, c# AS (SELECT concat(v, v)::text AS v FROM c@)} SELECT max(length(v)) FROM c20
doubling chain | WITH c0 AS (SELECT store_id AS v FROM retail.stores){22∷, c# AS (SELECT v FROM c@ WHERE v + v > 0 OR v IN (v, v))} SELECT count(*) FROM c22
doubling chain | WITH c0 AS (SELECT 1 AS v){14∷, c# AS (SELECT a.v FROM c@ AS a CROSS JOIN c@ AS b)} SELECT count(*) FROM c14
doubling chain | WITH c0 AS (SELECT 1 AS v){20∷, c# AS (SELECT v FROM c@ UNION ALL SELECT v FROM c@)} SELECT count(*) FROM c20
doubling chain | WITH c0 AS NOT MATERIALIZED (SELECT store_id AS v FROM retail.orders){14∷, c# AS NOT MATERIALIZED (SELECT v FROM c@ UNION ALL SELECT v + 1 FROM c@)} SELECT count(*) FROM c14
doubling chain | WITH c0 AS (SELECT 1 AS v){18∷, c# AS NOT MATERIALIZED (SELECT (SELECT v FROM c@) + (SELECT v FROM c@) AS v)} SELECT v FROM c18
doubling chain | WITH c0 AS MATERIALIZED (SELECT repeat('x', 1000000) AS v){9∷, c# AS MATERIALIZED (SELECT v || v AS v FROM c@)} SELECT length(v) FROM c9
doubling chain | WITH c0 AS (SELECT generate_series(1, 10) AS v){12∷, c# AS (SELECT v, generate_series(1, 10) AS w# FROM c@)} SELECT count(*) FROM c12
nested doubling | SELECT length(v) FROM {24×(SELECT v || v AS v FROM }(SELECT product_name AS v FROM retail.products) AS s{24×) AS s}
nested doubling | SELECT v FROM {22×(SELECT v + v AS v FROM }(SELECT store_id AS v FROM retail.stores) AS s{22×) AS s}
nested doubling | SELECT v FROM {20×(SELECT CASE v WHEN v THEN v END AS v FROM }(SELECT store_id AS v FROM retail.stores) AS s{20×) AS s}
nested doubling | SELECT s.v FROM retail.stores AS t{20∷, LATERAL (SELECT s@.v + s@.v AS v) AS s#}, LATERAL (SELECT s20.v) AS s
nested doubling | SELECT s20.v FROM (SELECT store_id AS v FROM retail.stores) AS s0{20∷, LATERAL (SELECT s@.v + s@.v AS v) AS s#}
nested doubling | SELECT s22.v FROM (SELECT store_name AS v FROM retail.stores) AS s0{22∷ CROSS JOIN LATERAL (VALUES (s@.v || s@.v)) AS s#(v)}
nested doubling | SELECT count(*) FROM (SELECT 1){12∷ AS t@(x) CROSS JOIN (VALUES (1), (2), (3), (4))} AS z(x)
nested doubling | SELECT 1 FROM retail.stores AS t0{11∷ JOIN retail.stores AS t# ON t#.store_id = t@.store_id OR t#.is_online}
nested doubling | SELECT count(*) FROM retail.stores AS t0{9∷, retail.stores AS t#}
nested doubling | SELECT count(*) FROM retail.products AS t0{40∷ NATURAL JOIN retail.products AS t#}
series | SELECT count(*) FROM generate_series(1, 1000000000000)
series | SELECT * FROM generate_series(1, 1000000000000) AS g ORDER BY g DESC
series | SELECT generate_series(1, 1000000000000)
series | SELECT DISTINCT g FROM generate_series(1, 100000000) AS g
series | SELECT count(*) FROM generate_series('0001-01-01'::timestamp, '294000-01-01', '1 second') AS g
series | SELECT count(*) FROM retail.orders WHERE order_id IN (SELECT generate_series(1, 50000000))
series | SELECT count(*) FROM generate_series(1, 100000) AS a, generate_series(1, 100000) AS b
series | SELECT a, count(*) FROM generate_series(1, 20000000) AS a GROUP BY a
series | SELECT generate_series(1, 10000), generate_series(1, 9999), generate_series(1, 9997)
series | SELECT count(*) FROM generate_subscripts(array_fill(1, ARRAY[50000000]), 1)
series | SELECT count(*) FROM unnest(array_fill(1, ARRAY[50000000]))
series | SELECT lag(g, 100000000) OVER (ORDER BY g) FROM generate_series(1, 50000000) AS g
series | SELECT g FROM generate_series(1, 100000000) AS g EXCEPT SELECT g FROM generate_series(1, 50000000) AS g
series | SELECT g FROM generate_series(1, 100000000) AS g INTERSECT SELECT g FROM generate_series(1, 50000000) AS g
series | SELECT g::text || random() FROM generate_series(1, 100000000) AS g UNION SELECT 'x'
json | SELECT jsonb_path_query_array('{100×[}1{100×]}'::jsonb, '$.**.**.**')
json | SELECT count(*) FROM jsonb_path_query('{60×[}{60×]}'::jsonb, '$.**.**.**.**')
json | SELECT jsonb_path_exists('{90×[}1{90×]}'::jsonb, '$.**.**.**.** ? (@ == 2)')
json | SELECT '{90×[}1{90×]}'::jsonb @? '$.**.**.**.**.** ? (@ == 2)'
json | SELECT length(jsonb_pretty('{5000×[}{5000×]}'::jsonb))
json | SELECT length(jsonb_pretty(('{400×[}' || repeat('1,', 100000) || '1{400×]}')::jsonb))
json | SELECT jsonb_path_query_array('[1]', '$[0 to 2147483647]')
json | SELECT jsonb_array_length((repeat('[', 1) || repeat('0,', 20000000) || '0]')::jsonb)
json | SELECT ('[' || repeat('"x",', 20000000) || '"x"]')::json
json | SELECT ('{"a":' || repeat('{"a":', 6000) || '1' || repeat('}', 6001))::jsonb
json | SELECT jsonb_path_query('"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"', '$ ? (@ like_regex "(((a{1,100}){1,100}){1,100})b")')
json | SELECT count(*) FROM JSON_TABLE(('[' || repeat('1,', 20000000) || '1]')::jsonb, '$[*]' COLUMNS (a int PATH '$'))
json | SELECT count(*) FROM JSON_TABLE('[' || repeat('1,', 140000) || '1]', '$[*]' COLUMNS (a int PATH '$', b text PATH '$', c jsonb PATH '$'))
json | SELECT count(*) FROM (SELECT '[' || repeat('[1,1,1],', 30000) || '1]' AS d OFFSET 0) AS s, JSON_TABLE(s.d, '$[*]' COLUMNS (NESTED PATH '$[*]' COLUMNS (a int PATH '$'), NESTED PATH '$' COLUMNS (b jsonb PATH '$'))) AS t
json | SELECT count(*) FROM JSON_TABLE('[{2000×1,}1]', '$[*]' COLUMNS (NESTED PATH '$' COLUMNS (NESTED PATH '$' COLUMNS (NESTED PATH '$' COLUMNS (NESTED PATH '$' COLUMNS (NESTED PATH '$' COLUMNS (a int PATH '$'))))))) AS t
json | SELECT count(*) FROM retail.orders AS o, JSON_TABLE('[' || repeat('1,', 10000) || '1]', '$[*]' COLUMNS (a int PATH '$')) AS t
json | SELECT length(repeat(JSON_VALUE('["1e131000"]', '$[0]' RETURNING numeric)::text, 7000))
json | SELECT sum(length(t.n::text)) FROM generate_series(1, 5000), JSON_TABLE('[{2000×"1e131000",}1]', '$[*]' COLUMNS (n numeric PATH '$')) AS t
json | SELECT JSON_OBJECT('a': repeat('x', 9000000), 'b': repeat('y', 9000000), 'c': repeat('z', 9000000))
json | SELECT JSON_ARRAY({300×repeat(product_description, 100), }1) FROM retail.products
json | SELECT JSON_QUERY('[{20000×1,}1]', '$[*]' WITH WRAPPER), JSON_EXISTS('{90×[}1{90×]}', '$.**.**.**.** ? (@ == 2)')
json | SELECT length(jsonb_pretty(('[' || repeat('{8×[}1{8×]},', 12000) || '1]')::jsonb))
json | SELECT (x || '{5000×"1e131000",}1]')::jsonb::text FROM (SELECT '[' || store_id || ',' AS x FROM retail.stores) AS s
json | SELECT length((('[1e13' || '1000]')::jsonb)::text), length((('{"a": "\\", "b": 1e13' || '1000, "c": "\""}')::jsonb)::text)
json | SELECT json_object(array_fill('x'::text, ARRAY[20000000]))
regular expression | SELECT 'x' ~ '(((a{1,255}){1,255}){1,255})'
regular expression | SELECT product_name ~ '(((a{1,200}){1,200}){1,200})' FROM retail.products
regular expression | SELECT 'x' ~ '((((((((a|b){2}){2}){2}){2}){2}){2}){255}){255}'
regular expression | SELECT repeat('a', 40) ~ '(a*)*(a*)*(a*)*b'
regular expression | SELECT repeat('a', 5000) ~ '(a+)+\1\1\1b'
regular expression | SELECT regexp_count(repeat('ab', 50000), '(a|b|ab)*c')
regular expression | SELECT regexp_replace(repeat('a', 30000), '(.*)(.*)(.*)(.*)\4\3\2\1b', '')
regular expression | SELECT 'x' ~ repeat('(a|b)?', 20000)
regular expression | SELECT 'x' ~ ('[' || repeat('a-z', 3000000) || ']')
regular expression | SELECT regexp_matches('x', '(?=.*(?=.*(?=.*(?=.*a{255}){255}){255}))x')
regular expression | SELECT 'x' SIMILAR TO '((a{1,255}){1,255}){1,255}'
regular expression | SELECT 'x' ~* '(\w{1,255}){1,255}'
regular expression | SELECT substring('x' FROM '(([[:alpha:]]{1,255}){1,255})')
regular expression | SELECT regexp_split_to_array('x', '((x{0,255}){0,255}){0,255}')
regular expression | SELECT count(*) FROM retail.products WHERE product_description LIKE repeat('%a', 10000)
regular expression | SELECT repeat('a', 20000) LIKE repeat('%a', 2000) || 'b'
regular expression | SELECT 'x' ~ product_name FROM retail.products, generate_series(1, 100000) AS g
text search | SELECT to_tsvector(repeat('a b c d e f g h ', 10000000)) @@ to_tsquery('a <-> b')
text search | SELECT to_tsquery(repeat('a & ', 100000) || 'b')
text search | SELECT phraseto_tsquery(repeat('lamp shade ', 100000))
text search | SELECT ts_rank_cd(to_tsvector(repeat('a b ', 8000)), to_tsquery('a <-> b <-> a <-> b <-> a'))
text search | SELECT length(to_tsvector('simple', repeat('a b ', 390000))), length(to_tsvector('simple', repeat('c d ', 390000)))
text search | SELECT websearch_to_tsquery(repeat('lamp or ', 1000000))
long character sets | SELECT length(translate(repeat('x', 1000000), repeat('abcdefghij', 100000), repeat('y', 1000000)))
long character sets | SELECT length(trim(BOTH repeat('абвгд', 20000) FROM repeat('д', 100000)))
long character sets | SELECT length(btrim(repeat('é', 400000), repeat('a', 400000) || 'é'))
long character sets | SELECT position(repeat('a', 50000) || 'b' IN repeat('a', 5000000))
long character sets | SELECT count(*) FROM retail.orders WHERE order_id IN (1{5000×, 1})
long character sets | SELECT array_positions(array_fill(1, ARRAY[20000000]), 1)
long character sets | SELECT array_replace(array_fill(1, ARRAY[50000000]), 1, 2)
long character sets | SELECT array_fill(1, ARRAY[30000]) <@ array_fill(2, ARRAY[30000])
long character sets | SELECT array_sort(array_fill(random(), ARRAY[20000000]))
numbers | SELECT 10::numeric ^ 100000
numbers | SELECT 9.9 ^ 131071.0::numeric
numbers | SELECT power(7.77777777777777777777, 100000.5)
numbers | SELECT factorial(32000)
numbers | SELECT factorial(100000000)
numbers | SELECT exp(5999::numeric), ln(exp(5999::numeric))
numbers | SELECT length((1e130000::numeric * 1e1000::numeric)::text)
numbers | SELECT sqrt(2::numeric(1000, 1000 - 1)), sqrt(1e130000::numeric)
numbers | SELECT round(1::numeric / 3, 16383), pow(1.0000000001, 1000000000)
numbers | SELECT (repeat('9', 130000)::numeric * repeat('9', 130000)::numeric) % 7
numbers | SELECT gcd(repeat('9', 100000)::numeric, repeat('7', 99999)::numeric)
numbers | SELECT sum(repeat('9', 100000)::numeric * g) FROM generate_series(1, 100000) AS g
numbers | SELECT string_agg((g ^ 20000.0)::text, '') FROM generate_series(1::numeric, 3000) AS g
numbers | SELECT to_char(1e130000::numeric, repeat('9', 1000000))
numbers | SELECT width_bucket(5, array_fill(1, ARRAY[50000000]))
wide types | SELECT 'x'::char(10000000)
wide types | SELECT length('x'::char(10485760) || 'y'::char(10485760))
wide types | SELECT '1'::bit(80000000)
wide types | SELECT '1'::bit(83886080) | '1'::bit(83886080)
wide types | SELECT product_name::char(10000000) FROM retail.products
wide types | SELECT max(product_name::char(10000000) || sku::char(10000000)) FROM retail.products
wide types | SELECT ARRAY['a'::char(10000000), 'b'::char(10000000){30×, 'c'::char(10000000)}]
wide types | SELECT count(DISTINCT g::text::char(1000000)) FROM generate_series(1, 100000) AS g
wide types | SELECT array_fill('x'::char(1000000), ARRAY[1000])
wide types | SELECT array_agg(sku::char(5000000)) FROM retail.products
wide types | SELECT array_fill(0::real, ARRAY[16000])::vector <-> array_fill(1::real, ARRAY[16000])::vector FROM retail.orders AS a, retail.orders AS b
wide types | SELECT sum(length(description_embedding::text)) FROM retail.product_description_embeddings, generate_series(1, 100000) AS g
wide types | SELECT JSON_SERIALIZE(JSON_OBJECT('a': repeat('x', 300000000)))
windows | SELECT sum(a.quantity) OVER (ORDER BY a.order_item_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM retail.order_items AS a, retail.order_items AS b
windows | SELECT max(g) OVER (ORDER BY g ROWS BETWEEN 1000000 PRECEDING AND 1000000 FOLLOWING EXCLUDE CURRENT ROW) FROM generate_series(1, 3000000) AS g
windows | SELECT nth_value(repeat('x', 10000), 1000000) OVER (ORDER BY g ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM generate_series(1, 1000000) AS g
grouping sets | SELECT count(*) FROM retail.order_items GROUP BY CUBE (order_item_id, order_id, store_id, product_id, quantity, unit_price, discount_percent, discount_amount, total_amount)
grouping sets | SELECT count(*) FROM retail.products GROUP BY CUBE (1, 2, 3, 4, 5, 6, 7, 8, 9), CUBE (product_id, sku)
grouping sets | SELECT product_description, count(*) FROM retail.products, generate_series(1, 1000000) AS g GROUP BY product_description, g
grouping sets | SELECT count(DISTINCT product_description || g) FROM retail.products, generate_series(1, 1000000) AS g
grouping sets | SELECT mode() WITHIN GROUP (ORDER BY product_description || g) FROM retail.products, generate_series(1, 1000000) AS g
nesting | SELECT {60×repeat(}'x'{60×, 2)}
nesting | SELECT length({40×concat(}'xxxxxxxx'{40×, repeat('y', 10000000))})
nesting | SELECT {90×(SELECT max(x) FROM (SELECT }1 AS x{90× AS x) AS s)}
nesting | SELECT 1 WHERE {4000×(1 = 1 OR }true{4000×)}
nesting | SELECT {1400×array_cat(}ARRAY[1]{1400×, ARRAY[2])}
nesting | SELECT 1{900× UNION ALL SELECT order_id FROM retail.orders}
indirect growth | SELECT (SELECT array_agg(i.order_item_id) FROM retail.stores LIMIT 1) FROM retail.order_items AS i, retail.order_items AS j
indirect growth | WITH RECURSIVE a AS (SELECT v || v AS v FROM b), b AS (SELECT c.v || c.v AS v FROM c), c AS (SELECT repeat('x', 8000000) AS v) SELECT length(v) FROM a
indirect growth | WITH RECURSIVE r AS (SELECT 1 AS n, 'x' || n::text AS v FROM (SELECT 1 AS n) s UNION ALL SELECT * FROM (SELECT n + 1, v || v FROM r WHERE n < 30) AS s) SELECT max(length(v)) FROM r
indirect growth | SELECT length(percentile_disc(array_fill(0.5::float8, ARRAY[300])) WITHIN GROUP (ORDER BY repeat('x', 20000) || order_id)::text) FROM retail.orders
indirect growth | SELECT regexp_count('x', '((x{0,255}){0,255}){0,255}'), regexp_like('x', '((x{0,254}){0,255}){0,255}')
indirect growth | SELECT substring('x' FROM '((x{0,255}){0,255}){0,255}')
indirect growth | SELECT 'x' ~ ANY (ARRAY['((x{0,255}){0,255}){0,255}', '((x{0,254}){0,255}){0,255}'])
indirect growth | SELECT regexp_count(pattern => repeat('(x|', 1000) || repeat(')', 1000), string => 'x')
indirect growth | SELECT repeat('a', 20000) OPERATOR(pg_catalog.~~) repeat('%a', 2000) || 'b'
indirect growth | SELECT repeat('a', 20000) LIKE ANY (ARRAY[repeat('%a', 2000) || 'b', repeat('%a', 2000) || 'c'])
indirect growth | SELECT count(*) FROM retail.stores AS s WHERE EXISTS (SELECT 1 FROM retail.order_items AS a, retail.order_items AS b WHERE a.order_item_id + b.order_item_id = s.store_id + 9) OR s.store_id < 0
indirect growth | SELECT count(*) FROM retail.stores AS s WHERE ROW(s.store_id, s.store_name) NOT IN (SELECT a.order_item_id, b.product_name FROM retail.order_items AS a, retail.products AS b)
indirect growth | SELECT count(*) FROM retail.stores AS s LEFT JOIN retail.customers AS c ON s.store_id IN (SELECT a.order_id + b.order_id FROM retail.orders AS a, retail.orders AS b)
indirect growth | SELECT count(*) FROM retail.order_items AS a JOIN retail.stores AS s ON s.store_id = a.store_id JOIN retail.order_items AS b ON s.store_id = b.store_id
indirect growth | SELECT count(*) FROM (SELECT store_id, repeat('x', 20000) || order_id AS t FROM retail.orders) AS a JOIN (SELECT repeat('x', 20000) || order_id AS t FROM retail.orders) AS b USING (t)
indirect growth | SELECT max(length(t)) FROM (SELECT repeat('x', 20000) || order_id AS t FROM retail.orders OFFSET 0) AS s GROUP BY ROLLUP (t)
indirect growth | SELECT ('{' || repeat('a,', 100000) || 'a}')::char(10000)[]
indirect growth | SELECT 'a' @@ repeat('lamp shade ', 100000)
numbers | SELECT length(repeat('1e131000'::numeric::text, 7000))
numbers | SELECT length(repeat(('1e131' || '000')::numeric::text, 7000))
numbers | SELECT length((('[' || repeat('1e131' || '000,', 7000) || '1]')::jsonb)::text)
numbers | SELECT length(repeat((10.0 ^ (99999 + 1))::text, 9000))
numbers | SELECT length(repeat(exp((99999 + 1)::numeric)::text, 9000))
numbers | SELECT length(repeat(g::text, 9000)) FROM generate_series(1e131000, 1e131000) AS g
indirect growth | SELECT a.array_agg FROM retail.order_items AS a, retail.order_items AS b
indirect growth | SELECT order_item_id, max(CASE WHEN quantity > 0 THEN repeat('x', 20000) || unit_price ELSE '' END) FROM retail.order_items GROUP BY 1
indirect growth | SELECT repeat('x', 20000) || order_id FROM retail.orders UNION ALL SELECT 'y' ORDER BY 1
indirect growth | SELECT count(*) FROM retail.stores WHERE 'x' NOT IN (SELECT repeat('x', 20000) || order_id FROM retail.orders)
indirect growth | SELECT count(*) FROM retail.orders AS s WHERE EXISTS (SELECT 1 FROM retail.orders AS o WHERE repeat('x', 20000) || o.order_id = repeat('x', 20000) || s.order_id) OR s.order_id < 0
indirect growth | SELECT string_agg(DISTINCT lower('A'), repeat('y', 10000) || order_id) FROM retail.orders
indirect growth | SELECT jsonb_path_exists(jsonb_build_object('a', (SELECT jsonb_agg(order_id) FROM retail.orders WHERE order_id < 30000)), '$.a[*] == $.a[*] + 100000')
indirect growth | SELECT length((SELECT repeat(value, 1000) FROM (SELECT (jsonb_each_text(jsonb_build_object('a', repeat('x', 60000)))).*) AS q)) FROM (SELECT 'y'::text AS value) AS o
copied expressions | SELECT {10×(}true{10×) BETWEEN SYMMETRIC false AND true}
copied expressions | SELECT {12×(}is_online{12× IN (is_online, is_online))} FROM retail.stores
copied expressions | SELECT count(*) FROM (SELECT store_name AS a FROM retail.stores) AS s WHERE {90×concat(1, }a{90×)} IN (a{3000×, a})
repeated sorts and groups | SELECT count(DISTINCT order_item_id + 0), count(DISTINCT order_item_id + 1), count(DISTINCT order_item_id + 2) FROM retail.order_items GROUP BY GROUPING SETS ((){60×, ()})
repeated sorts and groups | SELECT {7×(SELECT count(*) FROM (SELECT repeat('x', 8000) || g || 'i' AS t FROM generate_series(1, 30000) AS g ORDER BY 1 OFFSET 0) AS s) + }0
repeated sorts and groups | SELECT count(*) FROM ROWS FROM (generate_series(1, 100000){60×, generate_series(1, 100000)}) AS g
repeated sorts and groups | SELECT count(*) FROM retail.stores WHERE {8×store_name NOT IN (SELECT repeat('x', 9000) || order_id || '0' FROM retail.orders WHERE (order_id + 0) % 7 = order_id % 7 AND order_id < 7000) AND }true
repeated sorts and groups | SELECT {60×length(normalize(repeat('á', 1900) || '0', NFD)) + }0
repeated sorts and groups | SELECT count(*) FROM retail.order_items AS a, retail.order_items AS b, retail.order_items AS c, retail.order_items AS d, retail.order_items AS e, retail.order_items AS f, retail.order_items AS g, retail.order_items AS h, retail.order_items AS i, retail.order_items AS j, retail.order_items AS k WHERE a.order_id = b.order_id AND b.order_id = c.order_id AND c.order_id = d.order_id AND d.order_id = e.order_id AND e.order_id = f.order_id AND f.order_id = g.order_id AND g.order_id = h.order_id AND h.order_id = i.order_id AND i.order_id = j.order_id AND j.order_id = k.order_id AND a.product_id = b.product_id AND b.product_id = c.product_id AND c.product_id = d.product_id AND d.product_id = e.product_id AND e.product_id = f.product_id AND f.product_id = g.product_id AND g.product_id = h.product_id AND h.product_id = i.product_id AND i.product_id = j.product_id AND j.product_id = k.product_id
parsing | SELECT cardinality(('{' || repeat('a,', 1400000) || 'a}')::tsvector[])
parsing | SELECT to_number('1', repeat('9', 30000000))
parsing | SELECT jsonb_array_length(v - 0 - 0 - 0 - 0 - 0 - 0 - 0 - 0) FROM (SELECT ('[' || repeat('[],', 200000) || '[]]')::jsonb AS v OFFSET 0) AS s
parsing | SELECT length(ts_headline(repeat('q ', 300000), 'q'::tsquery, 'MaxFragments=300000,MaxWords=2,MinWords=1'))
parsing | SELECT stddev(x - 0), stddev(x - 1), stddev(x - 2) FROM (SELECT 1e130000 - g AS x FROM generate_series(1, 3) AS g OFFSET 0) AS s
parsing | SELECT (ROW(1 + 1{1500×, 1 + 1})).*
grouping sets | SELECT k, min(v), max(v) FROM (SELECT g AS k, 'a' AS v FROM generate_series(1, 50000) AS g UNION ALL SELECT g, repeat('x', 1000000) FROM generate_series(1, 50000) AS g) AS s GROUP BY k
copied expressions | SELECT count(*) FROM retail.stores WHERE {2×(}(store_name NOT IN (SELECT repeat('x', 9000) || order_id || '0' FROM retail.orders WHERE (order_id + 0) % 7 = order_id % 7 AND order_id < 7000)){2×) BETWEEN SYMMETRIC false AND true}
constants | SELECT CASE repeat('x', 1000000) {1000×WHEN first_name THEN 1 }END FROM retail.customers LIMIT 1
constants | SELECT CASE repeat('x', 4000) {1200×WHEN first_name THEN 1 }END FROM retail.customers LIMIT 1
constants | SELECT count(*) FROM (SELECT first_name AS x FROM retail.customers{59× UNION ALL SELECT first_name FROM retail.customers}) AS t WHERE x <> repeat('x', 10000000)
constants | SELECT count(*) FROM (SELECT first_name AS x FROM retail.customers{59× UNION ALL SELECT first_name FROM retail.customers}) AS t WHERE {200×x <> repeat('x', 4000) AND }true
constants | SELECT count(*) FROM (SELECT first_name AS x, store_id FROM retail.customers, retail.stores{30× UNION ALL SELECT first_name, 1 FROM retail.customers}) AS t GROUP BY store_id HAVING {200×store_id::text <> repeat('x', 4000) AND }true
constants | SELECT 1 FROM retail.customers WHERE first_name = repeat('x', 1000000){600∷ AND first_name = now()::text || '#'}
constants | SELECT 1 FROM retail.customers WHERE first_name = repeat('x', 4000){600∷ AND first_name = now()::text || '#'}
constants | SELECT count(*) FROM (SELECT first_name AS x FROM retail.customers{59× UNION ALL SELECT first_name FROM retail.customers}) AS t WHERE x = repeat('x', 4000){300∷ AND x = now()::text || '#'}
constants | SELECT 1 FROM retail.customers AS c0{19∷, retail.customers AS c#} WHERE c0.first_name = repeat('x', 12000000){19∷ AND c0.first_name = c#.first_name}
constants | SELECT count(*) FROM retail.orders WHERE order_id = ANY(('{1' || repeat(',1', 1900000) || '}')::int[])
constants | SELECT {4×length(repeat(repeat('x', 12000000), store_id)) + }0 FROM retail.stores
constants | SELECT {4×length(repeat(v, 3000)) + }0 FROM (SELECT repeat('x', 4000) AS v) AS s
constants | SELECT CASE repeat(v, 3000) {1000×WHEN first_name THEN 1 }END FROM (SELECT repeat('x', 4000) AS v) AS s, retail.customers
constants | SELECT CASE repeat(v, 3000) {1000×WHEN first_name THEN 1 }END FROM repeat('x', 4000) AS s(v), retail.customers
constants | WITH s AS (SELECT repeat('x', 4000) AS v) SELECT CASE repeat(v, 3000) {1000×WHEN first_name THEN 1 }END FROM s, retail.customers
constants | SELECT CASE repeat(v, 3000) {1000×WHEN first_name THEN 1 }END FROM (VALUES (repeat('x', 4000))) AS s(v), retail.customers
parsing | SELECT cardinality(('{' || repeat('a,', 1900000) || 'a}')::tsquery[])
parsing | SELECT cardinality(('{' || repeat('"(1,2)",', 390000) || '"(1,2)"}')::int4range[])
parsing | SELECT cardinality(('{' || repeat('"(1,2)",', 2000) || '"(1,2)"}')::int4range[])
parsing | SELECT cardinality(('{' || repeat('1,', 1400000) || '1}')::numeric[])
grouping sets | SELECT max(repeat('x', 1000000) || first_name || '0'){14∷, max(repeat('x', 1000000) || first_name || '#')} FROM retail.customers GROUP BY GROUPING SETS ((){63×, ()})
grouping sets | SELECT count(a) FROM (SELECT g % 5000 AS k, avg(CASE WHEN g > 5000 THEN 1e131000 + g END) AS a FROM generate_series(1, 10000) AS g GROUP BY 1) AS t
sorts | SELECT repeat('x', 12000000) || first_name AS x FROM retail.customers WHERE customer_id < 30 ORDER BY last_name
sorts | SELECT x{20∷, row_number() OVER (ORDER BY k % #)} FROM (SELECT repeat('x', 2000000) || first_name AS x, customer_id AS k FROM retail.customers WHERE customer_id < 10 OFFSET 0) AS t
sorts | SELECT x, row_number() OVER (ORDER BY k % 2), row_number() OVER (ORDER BY k % 3) FROM (SELECT repeat('x', 5000000) || first_name AS x, customer_id AS k FROM retail.customers WHERE customer_id < 10 OFFSET 0) AS t
set-returning functions | SELECT string_to_table(x, ','){107×, string_to_table(x, ',')} FROM (SELECT repeat('aa,', 98000) AS x OFFSET 0) AS t
set-returning functions | SELECT json_array_elements(x){149×, json_array_elements(x)} FROM (SELECT ('[' || repeat('1,', 100000) || '1]')::json AS x OFFSET 0) AS t LIMIT 100000 OFFSET 99999
nested row types | {6×SELECT t.*{19×, t.*} FROM (}SELECT '', '', ''{6×) AS t}
nested row types | SELECT {10×(}t{10×, t)} FROM (SELECT '' AS a, '' AS b) AS t
nested exists | SELECT EXISTS(SELECT FROM retail.orders a1 WHERE a1.order_id=a0.order_id AND (EXISTS(SELECT FROM retail.orders a2 WHERE a2.order_id=a1.order_id AND (EXISTS(SELECT FROM retail.orders a3 WHERE a3.order_id=a2.order_id AND (EXISTS(SELECT FROM retail.orders a4 WHERE a4.order_id=a3.order_id AND (EXISTS(SELECT FROM retail.orders a5 WHERE a5.order_id=a4.order_id AND (EXISTS(SELECT FROM retail.orders a6 WHERE a6.order_id=a5.order_id AND (EXISTS(SELECT FROM retail.orders b0,retail.orders b1,retail.orders b2,retail.orders b3,retail.orders b4,retail.orders b5,retail.orders b6 WHERE b0.order_id=a6.order_id AND b0.order_id=b1.order_id AND b0.order_id=b2.order_id AND b0.order_id=b3.order_id AND b0.order_id=b4.order_id AND b0.order_id=b5.order_id AND b0.order_id=b6.order_id) OR EXISTS(SELECT FROM retail.orders c0,retail.orders c1,retail.orders c2,retail.orders c3,retail.orders c4,retail.orders c5,retail.orders c6 WHERE c0.order_id=a6.order_id AND c0.order_id=c1.order_id AND c0.order_id=c2.order_id AND c0.order_id=c3.order_id AND c0.order_id=c4.order_id AND c0.order_id=c5.order_id AND c0.order_id=c6.order_id) OR EXISTS(SELECT FROM retail.orders d0,retail.orders d1,retail.orders d2,retail.orders d3,retail.orders d4,retail.orders d5,retail.orders d6 WHERE d0.order_id=a6.order_id AND d0.order_id=d1.order_id AND d0.order_id=d2.order_id AND d0.order_id=d3.order_id AND d0.order_id=d4.order_id AND d0.order_id=d5.order_id AND d0.order_id=d6.order_id) OR EXISTS(SELECT FROM retail.orders e0,retail.orders e1,retail.orders e2,retail.orders e3,retail.orders e4,retail.orders e5,retail.orders e6 WHERE e0.order_id=a6.order_id AND e0.order_id=e1.order_id AND e0.order_id=e2.order_id AND e0.order_id=e3.order_id AND e0.order_id=e4.order_id AND e0.order_id=e5.order_id AND e0.order_id=e6.order_id) OR EXISTS(SELECT FROM retail.orders f0,retail.orders f1,retail.orders f2,retail.orders f3,retail.orders f4,retail.orders f5,retail.orders f6 WHERE f0.order_id=a6.order_id AND f0.order_id=f1.order_id AND f0.order_id=f2.order_id AND f0.order_id=f3.order_id AND f0.order_id=f4.order_id AND f0.order_id=f5.order_id AND f0.order_id=f6.order_id) OR a6.store_id=0)) OR a5.store_id=0)) OR a4.store_id=0)) OR a3.store_id=0)) OR a2.store_id=0)) OR a1.store_id=0)) FROM retail.orders a0 LIMIT 1
parsing | SELECT x IS JSON WITH UNIQUE KEYS, x IS JSON ARRAY WITH UNIQUE KEYS, x IS JSON VALUE WITH UNIQUE KEYS FROM (SELECT '[' || repeat('{"":1},', 1420000) AS x FROM retail.stores OFFSET 0) AS t
parsing | SELECT (('[' || repeat('{"":1},', 140000)) || '1]') IS JSON WITH UNIQUE KEYS
parsing | SELECT length(to_tsvector('simple', repeat('a-', 2095000)))
parsing | SELECT length(to_tsvector('simple', repeat('a-', 400000)))
regular expression | SELECT regexp_count(repeat('x', 31000000), 'x')
regular expression | SELECT regexp_count(repeat('x', 4500000), 'x')
regular expression | SELECT repeat('{170×x}', 300) ~ '(?:{170×x}){U+007B}250}z'
regular expression | SELECT repeat('{170×x}', 300) ~ '(?:{170×x}){U+007B}57}z'
sorts | SELECT repeat('x', 10000000) || first_name, repeat('y', 10000000) || last_name FROM retail.customers WHERE customer_id < 40 ORDER BY last_name
grouping sets | SELECT any_value(repeat('x', 1000000) || first_name){14×, any_value(repeat('x', 1000000) || first_name)} FROM retail.customers GROUP BY ROLLUP (customer_id{29×, customer_id})
constants | SELECT count(*) FROM retail.customers WHERE first_name <> ALL(string_to_array(repeat(',', 900000), ','))
constants | SELECT count(*) FROM retail.customers WHERE customer_id <> ALL(array_fill(1, ARRAY[1500000]))
nested row types | WITH w AS (SELECT ''{1599×, ''}) SELECT 1 FROM (w AS a0{30∷ CROSS JOIN w AS a#}) NATURAL JOIN (w AS b0{30∷ CROSS JOIN w AS b#})
json path | SELECT length(string_agg(v, '')) FROM (SELECT jsonb_path_query_first(j, '1e131000') #>> '{}' AS v FROM (SELECT '{}'::jsonb AS j, order_id FROM retail.orders OFFSET 0) AS s) AS t
json path | SELECT length(string_agg(v, '')) FROM (SELECT jsonb_path_query_first(j, '"{28000×a}"') #>> '{}' AS v FROM (SELECT '{}'::jsonb AS j, order_id FROM retail.orders OFFSET 0) AS s) AS t
json path | SELECT length(string_agg(v, '')) FROM (SELECT jsonb_path_query_first(j, '$ {900× * $}') #>> '{}' AS v FROM (SELECT '1e99'::jsonb AS j, order_id FROM retail.orders OFFSET 0) AS s) AS t
wide numbers in json | SELECT length(json_agg(x)::text) FROM (SELECT 1e131000::numeric AS x FROM retail.orders LIMIT 3000) AS t
wide numbers in json | SELECT length(jsonb_agg(x)::text) FROM (SELECT '1e131000'::jsonb AS x FROM retail.orders LIMIT 3000) AS t
wide numbers in json | SELECT length(array_agg(x)::text) FROM (SELECT 1e131000::numeric AS x FROM retail.orders LIMIT 3000) AS t
wide numbers in json | SELECT length(array_agg(x)::text) FROM (SELECT * FROM (SELECT array_fill(NULL::int, ARRAY[170000]) AS x FROM retail.customers OFFSET 0) AS t LIMIT 130) AS u
wide numbers in json | SELECT length(jsonb_agg(x)::text) FROM (SELECT * FROM (SELECT array_fill(NULL::int, ARRAY[170000]) AS x FROM retail.customers OFFSET 0) AS t LIMIT 70) AS u
wide numbers in json | SELECT length(array_to_string(array_agg(x), ',', 'NULL')) FROM (SELECT * FROM (SELECT array_fill(NULL::int, ARRAY[170000]) AS x FROM retail.customers OFFSET 0) AS t LIMIT 130) AS u
wide numbers in json | WITH w AS (SELECT NULL AS {50×a}0{400∷, NULL AS {50×a}#}) SELECT length(jsonb_agg(x)::text) FROM (SELECT t AS x FROM (SELECT w.*, w.*, w.* FROM w) AS t CROSS JOIN generate_series(1, 5800) AS g OFFSET 0) AS q
wide numbers in json | WITH RECURSIVE t AS (SELECT array_fill(NULL::int, ARRAY[120]) AS a, 1 AS i UNION ALL SELECT a || a, i + 1 FROM t WHERE i < 11) SELECT length(array_to_string(a, '', repeat('x', 1000))), length(array_to_string(a, '', repeat('x', 1000) || 'a')) FROM t
repeated planning | SELECT min(order_id), max(order_id), min(customer_id), max(customer_id), min(order_date), max(order_date), min(store_id), max(store_id) FROM (SELECT *, coalesce((customer_id || '')::numeric{149×, (customer_id || '')::numeric}) AS v FROM retail.orders) AS t WHERE {30∷v > -# AND }true
repeated planning | SELECT bool_and(order_id > 0), bool_or(order_id > 1), every(order_id > 2), bool_and(customer_id > 3), bool_or(customer_id > 4), every(store_id > 5), bool_and(store_id > 6), bool_or(store_id > 7) FROM (SELECT *, coalesce((customer_id || '')::numeric{149×, (customer_id || '')::numeric}) AS v FROM retail.orders) AS t WHERE {30∷v > -# AND }true
repeated planning | SELECT v{47×, v} FROM (SELECT coalesce(first_name::numeric{299×, first_name::numeric}) AS v FROM retail.customers) AS t LIMIT 1
numbers in texts | SELECT count(*) FROM (SELECT v || i AS w FROM (SELECT i, (s || '')::numeric::text AS v FROM (SELECT '1e1_31000' AS s, order_id AS i FROM retail.orders OFFSET 0) AS a) AS t ORDER BY 1 OFFSET 0) AS u
numbers in texts | SELECT length(string_agg(v, '')) FROM (SELECT i, (s || '')::numeric::text AS v FROM (SELECT '1e1_31000' AS s, order_id AS i FROM retail.orders OFFSET 0) AS a) AS t
numbers in texts | SELECT length(('{' || repeat('1e1_31000,', 2000) || '1}')::numeric[]::text)
numbers in texts | SELECT CASE '1e1_31000'::numeric::text {1300×WHEN first_name THEN 1 }END FROM retail.customers
multirange | SELECT ('{{' || repeat('[1,2),', 150000) || '[3,4)}}')::int4multirange
multirange | SELECT length(('{' || (SELECT string_agg('[' || g * 2 || ',' || g * 2 + 1 || ')', ',') FROM generate_series(1, 20000) AS g) || '}')::int4multirange::text)
multirange | WITH {20∷c# AS (SELECT m + m AS m FROM c@), }x AS (SELECT 1) SELECT 1 FROM x
multirange | WITH c0 AS (SELECT range_agg(int4range(order_id * 2, order_id * 2 + 1)) AS m FROM retail.orders){12∷, c# AS (SELECT m + (SELECT range_agg(int4range(g * 3, g * 3 + #)) FROM generate_series(1, 2000) AS g) AS m FROM c@)} SELECT length(m::text) FROM c12
tablesample | SELECT count(*) FROM retail.order_items TABLESAMPLE SYSTEM (100) AS a, retail.order_items AS b TABLESAMPLE BERNOULLI (100), retail.order_items AS c
tablesample | SELECT count(*) FROM retail.order_items TABLESAMPLE BERNOULLI ((SELECT count(*) FROM retail.order_items AS a, retail.order_items AS b))
tablesample | SELECT count(*) FROM retail.order_items TABLESAMPLE BERNOULLI (length(repeat(repeat('x', 10000), 10000)))
volatile | SELECT array_sample(array_fill(1, ARRAY[3000000]), 1000000), array_shuffle(array_fill(1, ARRAY[3000000]))
volatile | SELECT count(*) FROM generate_series(1, 1000000) AS a, generate_series(1, 1000) AS b WHERE random_normal(a, b) > 3
whole row | SELECT count(DISTINCT a), count(DISTINCT b) FROM retail.stores AS a, retail.stores AS b, retail.orders AS o, retail.orders AS p
whole row | SELECT max(a::text || b::text || c::text) FROM retail.stores AS a, retail.stores AS b, retail.stores AS c, retail.orders AS o, retail.orders AS p
new types | SELECT repeat('9', 1000000)::money
new types | SELECT sum((g::text || repeat('0', 15))::money) FROM generate_series(1, 1000000) AS g
new types | SELECT setweight(to_tsvector('english', repeat('a1 b2 c3 d4 ', 20000)), 'A', array_fill('a1'::text, ARRAY[100000]))
new types | SELECT count(setweight(to_tsvector('english', product_description), 'A') || setweight(to_tsvector('english', product_description), 'B')) FROM retail.products, generate_series(1, 100000)
new types | SELECT max(jsonb_pretty(to_jsonb(a))) FROM retail.products AS a, retail.orders AS b
new types | SELECT count(DISTINCT pg_typeof(a)) FROM retail.orders AS a, retail.orders AS b
json | SELECT JSON_ARRAY(SELECT a.product_description FROM retail.products AS a, retail.orders AS b)
json | SELECT JSON('[' || repeat('1,', 5000000) || '1]')
time zones | SELECT count(now() AT TIME ZONE ('<A' || g || '>1')) FROM generate_series(1, 1000000) AS g
time zones | SELECT count(timezone('A' || chr(97 + g % 26) || chr(97 + g / 26 % 26) || chr(97 + g / 676 % 26) || '1', now())) FROM generate_series(1, 1000000) AS g
time zones | SELECT count(date_trunc('day', now(), '<A' || g || '>1')) FROM generate_series(1, 1000000) AS g
time zones | SELECT count(date_add(now(), '1 day', '<A' || g || '>1')), count(date_subtract(now(), '1 day', '<A' || g || '>1')) FROM generate_series(1, 1000000) AS g
time zones | SELECT count(make_timestamptz(2025, 1, 1, 0, 0, 0, '<A' || g || '>1')) FROM generate_series(1, 1000000) AS g
time zones | SELECT count(make_timestamptz(year => 2025, month => 1, mday => 1, hour => 0, min => 0, sec => 0, timezone => '<A' || g || '>1')) FROM generate_series(1, 1000000) AS g
time zones | SELECT count(s) FROM generate_series(1, 1000000) AS g, LATERAL generate_series(now(), now(), '1 day', '<A' || g || '>1') AS s
time zones | SELECT count(('2025-01-01 00:00 z' || chr(97 + g % 26) || chr(97 + g / 26 % 26) || chr(97 + g / 676 % 26) || '1')::timestamptz) FROM generate_series(1, 1000000) AS g
time zones | SELECT count(('2025-01-01 00:00 z' || chr(97 + g % 26) || chr(97 + g / 26 % 26) || chr(97 + g / 676 % 26) || '1')::timestamp) FROM generate_series(1, 1000000) AS g
time zones | SELECT count(('2025-01-01 00:00 z' || chr(97 + g % 26) || chr(97 + g / 26 % 26) || chr(97 + g / 676 % 26) || '1')::date) FROM generate_series(1, 1000000) AS g
time zones | SELECT count(('00:00 z' || chr(97 + g % 26) || chr(97 + g / 26 % 26) || chr(97 + g / 676 % 26) || '1')::timetz), count(('00:00 z' || chr(97 + g % 26) || chr(97 + g / 26 % 26) || chr(97 + g / 676 % 26) || '2')::time) FROM generate_series(1, 1000000) AS g
time zones | SELECT count(CAST('{"2025-01-01 00:00 z' || chr(97 + g % 26) || chr(97 + g / 26 % 26) || chr(97 + g / 676 % 26) || '1"}' AS timestamptz[])) FROM generate_series(1, 1000000) AS g
time zones | SELECT count(ARRAY['2025-01-01', '2025-01-01 00:00 z' || chr(97 + g % 26) || chr(97 + g / 26 % 26) || chr(97 + g / 676 % 26) || '1']::date[]) FROM generate_series(1, 1000000) AS g
time zones | SELECT count(('["2025-01-01 00:00 z""' || chr(97 + g % 26) || chr(97 + g / 26 % 26) || chr(97 + g / 676 % 26) || '1",)')::tstzrange) FROM generate_series(1, 1000000) AS g
time zones | SELECT count(('{"2025-01-01 00:00 z\' || chr(97 + g % 26) || chr(97 + g / 26 % 26) || chr(97 + g / 676 % 26) || '\1"}')::timestamptz[]) FROM generate_series(1, 1000000) AS g
time zones | SELECT count(timestamptz('2025-01-01 00:00 z' || chr(97 + g % 26) || chr(97 + g / 26 % 26) || chr(97 + g / 676 % 26) || '1')), count(date('2025-01-01 00:00 z' || chr(97 + g % 26) || chr(97 + g / 26 % 26) || chr(97 + g / 676 % 26) || '2')) FROM generate_series(1, 1000000) AS g
time zones | SELECT count(('2025-01-01 jan-' || g % 168 || ':' || g / 168 % 60 || ':' || g / 10080 % 60)::timestamptz) FROM generate_series(1, 600000) AS g
equivalence classes | WITH w AS (SELECT store_id + 0 AS a0{299∷, store_id + # AS a#} FROM retail.stores) SELECT 1 FROM w AS t0{4∷ NATURAL JOIN w AS t#}
equivalence classes | WITH w AS (SELECT store_id + 0 AS a0{49∷, store_id + # AS a#} FROM retail.stores) SELECT 1 FROM w AS t0{8∷ NATURAL JOIN w AS t#}
equivalence classes | WITH w AS (SELECT store_id + 0 AS a0{11∷, store_id + # AS a#} FROM retail.stores) SELECT 1 FROM w AS t JOIN w AS u USING (a0{11∷, a#}) JOIN w AS v USING (a0{11∷, a#})
equivalence classes | WITH w AS (SELECT store_id + 0 AS a0{49∷, store_id + # AS a#} FROM retail.stores) SELECT 1 FROM w AS t, w AS u, w AS v WHERE ROW(t.*) = ROW(u.*) AND ROW(u.*) = ROW(v.*)
equivalence classes | WITH w AS (SELECT store_id + 0 AS a0{49∷, store_id + # AS a#} FROM retail.stores) SELECT 1 FROM w AS t WHERE (a0{49∷, a#}) IN (SELECT * FROM w)
equivalence classes | WITH w AS (SELECT store_id + 0 AS a0{49∷, store_id + # AS a#} FROM retail.stores) SELECT 1 FROM w AS t NATURAL FULL JOIN w AS u NATURAL FULL JOIN w AS v
equivalence classes | WITH w AS (SELECT store_id + 0 AS a0{15∷, store_id + # AS a#} FROM retail.stores) SELECT 1 FROM w AS t NATURAL FULL JOIN w AS u
equivalence classes | SELECT 1 FROM retail.order_items AS t0{39∷, retail.order_items AS t#} WHERE true{24∷ AND t0.order_id = t#.order_id}
equivalence classes | SELECT 1 FROM retail.order_items AS t0{7∷, retail.order_items AS t#} WHERE true{7∷ AND t@.order_id = t#.order_id AND t@.product_id = t#.product_id AND t@.store_id = t#.store_id}
long numbers | SELECT (x + 0) ^ 255 > 1{380∷, (x + #) ^ 255 > 1} FROM (SELECT repeat('9', 500)::numeric + order_id AS x FROM retail.orders LIMIT 1000) AS t
long numbers | SELECT 1 FROM (SELECT repeat('9', 500)::numeric + order_id AS x FROM retail.orders LIMIT 1000) AS t WHERE (x + 0) ^ 255 < 1{380∷ OR (x + #) ^ 255 < 1}
long numbers | SELECT 1 FROM (SELECT repeat('9', 500)::numeric + order_id AS x FROM retail.orders LIMIT 1000) AS t WHERE power(x + 0, 255) < 1{380∷ OR power(x + #, 255) < 1}
long numbers | SELECT 1 FROM (SELECT ('0.' || repeat('9', 990))::numeric(1000, 999) + order_id AS x FROM retail.orders LIMIT 1000) AS t WHERE ln(x + 0) < 1{380∷ AND ln(x + #) < 0}
long numbers | SELECT 1 FROM (SELECT ('0.' || repeat('9', 990))::numeric(1000, 999) + order_id AS x FROM retail.orders LIMIT 1000) AS t WHERE exp(x / 9) < 1{380∷ OR exp(x / (9 + #)) < 0}
long numbers | SELECT 1 FROM (SELECT 1e130000 + order_id AS x FROM retail.orders LIMIT 1000) AS t WHERE (x + 0)::text = ''{380∷ OR (x + #)::text = ''}
long numbers | SELECT factorial(30000 + order_id % 2) FROM retail.orders
series | SELECT count(*) FROM generate_series('2025-01-01'::timestamp, '2026-01-01', '12 months -365 days -6 hours')
series | SELECT count(*) FROM generate_series('2025-01-01'::timestamptz, '2026-01-01', '1 day -24 hours')
series | SELECT count(*) FROM generate_series('2025-01-01'::timestamptz, '2026-01-01', '1 day -23 hours', 'America/New_York')
series | SELECT count(*) FROM generate_series('2025-01-01'::timestamp, '2024-01-01', '1 month -31 days')
series | SELECT count(*) FROM generate_series('-infinity'::timestamp, '2024-01-01', '1 month')
time zones | SELECT count(JSON_VALUE(jsonb_build_object('a', '2025-01-01 00:00 z' || chr(97 + g % 26) || chr(97 + g / 26 % 26) || chr(97 + g / 676 % 26) || '1'), '$.a' RETURNING timestamptz)) FROM generate_series(1, 1000000) AS g
time zones | SELECT count(a) FROM generate_series(1, 1000000) AS g, JSON_TABLE(jsonb_build_array('2025-01-01 00:00 z' || chr(97 + g % 26) || chr(97 + g / 26 % 26) || chr(97 + g / 676 % 26) || '1'), '$[*]' COLUMNS (a timestamptz PATH '$'))
time zones | SELECT count(JSON_VALUE('{}'::jsonb, '$.a' RETURNING timestamptz DEFAULT '2025-01-01 00:00 z' || chr(97 + g % 26) || chr(97 + g / 26 % 26) || chr(97 + g / 676 % 26) || '1' ON EMPTY)) FROM generate_series(1, 1000000) AS g
aggregated, then used | SELECT json_build_object('a', string_agg(md5(g::text), ', ')) FROM generate_series(1, 420010) AS g
aggregated, then used | SELECT length(json_build_object('a', string_agg(chr(1), ''), 'b', string_agg(chr(2), ''), 'c', string_agg(chr(3), ''))::text) FROM generate_series(1, 420010) AS g
aggregated, then used | SELECT length(jsonb_build_object('a', array_agg(g), 'b', array_agg(-g))::text) FROM generate_series(1, 420010) AS g
aggregated, then used | SELECT length(to_jsonb(array_agg(NULL::int))::text) FROM generate_series(1, 420010) AS g
aggregated, then used | SELECT length(to_json(array_agg(t))::text) FROM (SELECT * FROM retail.order_items, generate_series(1, 10) AS g) AS t
aggregated, then used | SELECT length(jsonb_build_object({40∷'k#', string_agg(chr(1), ''), }'k', string_agg(chr(1), ''))::text) FROM generate_series(1, 420010) AS g
aggregated, then used | SELECT basket, count(*) FROM (SELECT g % 5000 AS k, array_agg(g ORDER BY g) AS basket FROM generate_series(1, 420010) AS g GROUP BY 1) AS b GROUP BY basket ORDER BY 2 DESC LIMIT 10
aggregated, then used | SELECT basket, count(*) FROM (SELECT g % 300 AS k, array_agg(g) AS basket FROM generate_series(1, 420010) AS g GROUP BY 1) AS b GROUP BY basket ORDER BY 1 LIMIT 10
aggregated, then used | SELECT count(*) FROM (SELECT string_agg(md5(h::text), '') AS x FROM generate_series(1, 20000) AS g, generate_series(1, 21) AS h GROUP BY g ORDER BY x OFFSET 0) AS t
aggregated, then used | SELECT count(*) FROM (SELECT string_agg(md5(h::text), '') AS x FROM generate_series(1, 3000) AS g, generate_series(1, 700) AS h GROUP BY g ORDER BY x OFFSET 0) AS t
aggregated, then used | SELECT count(DISTINCT x) FROM (SELECT string_agg(md5((g + h)::text), '') AS x FROM generate_series(1, 3000) AS g, generate_series(1, 700) AS h GROUP BY g) AS t
aggregated, then used | SELECT count(*) FROM (SELECT DISTINCT x, y FROM (SELECT string_agg(md5(h::text), '') AS x, array_agg(h) AS y FROM generate_series(1, 3000) AS g, generate_series(1, 140) AS h GROUP BY g) AS t) AS u
aggregated, then used | SELECT max(x), min(x), max(x || x), min(x || 'a') FROM (SELECT string_agg(md5((g + h)::text), '') AS x FROM generate_series(1, 3000) AS g, generate_series(1, 140) AS h GROUP BY g) AS t
aggregated, then used | SELECT rank() OVER (ORDER BY x), lag(x) OVER (ORDER BY x DESC), x FROM (SELECT string_agg(md5((g + h)::text), '') AS x FROM generate_series(1, 3000) AS g, generate_series(1, 140) AS h GROUP BY g) AS t LIMIT 5
aggregated, then used | SELECT count(*) FROM (SELECT string_agg(md5((g + h)::text), '') AS x FROM generate_series(1, 3000) AS g, generate_series(1, 140) AS h GROUP BY g) AS a JOIN (SELECT string_agg(md5((g + h)::text), '') AS x FROM generate_series(1, 3000) AS g, generate_series(1, 140) AS h GROUP BY g) AS b ON a.x = b.x
aggregated, then used | SELECT string_agg(x, '' ORDER BY x) FROM (SELECT string_agg(md5((g + h)::text), '') AS x FROM generate_series(1, 3000) AS g, generate_series(1, 140) AS h GROUP BY g) AS t
aggregated, then used | SELECT array_agg(x ORDER BY x DESC) FROM (SELECT array_agg(g + h) AS x FROM generate_series(1, 3000) AS g, generate_series(1, 140) AS h GROUP BY g) AS t
aggregated, then used | SELECT mode() WITHIN GROUP (ORDER BY x) FROM (SELECT array_agg(g + h) AS x FROM generate_series(1, 30000) AS g, generate_series(1, 14) AS h GROUP BY g) AS t
aggregated, then used | SELECT p.*, (SELECT string_agg(md5((p.product_id + g)::text), '') FROM generate_series(1, 19000) AS g) AS x FROM retail.products AS p ORDER BY p.product_name LIMIT 100
aggregated, then used | SELECT p.product_id, (SELECT string_agg(md5((p.product_id + g)::text), '') FROM generate_series(1, 3000) AS g) AS x FROM retail.products AS p, generate_series(1, 100) AS h ORDER BY 1 LIMIT 600
aggregated, then used | SELECT jsonb_agg(x) FROM (SELECT string_agg(md5((g + h)::text), '') AS x FROM generate_series(1, 3000) AS g, generate_series(1, 140) AS h GROUP BY g) AS t
aggregated, then used | SELECT json_agg(row_to_json(t)) FROM (SELECT g, array_agg(g + h) AS x, string_agg(h::text, ',') AS y FROM generate_series(1, 3000) AS g, generate_series(1, 140) AS h GROUP BY g) AS t
aggregated, then used | SELECT length(row_to_json(t)::text) FROM (SELECT {40∷array_agg(g) AS a#, }count(*) FROM generate_series(1, 420010) AS g) AS t
aggregated, then used | SELECT ARRAY(SELECT g FROM generate_series(1, 420010) AS g) AS x ORDER BY x
aggregated, then used | SELECT json_build_object('a', ARRAY(SELECT g FROM generate_series(1, 420010) AS g), 'b', ARRAY(SELECT md5(g::text) FROM generate_series(1, 420010) AS g))
aggregated, then used | SELECT length(to_jsonb(array_agg(x))::text) FROM (SELECT array_fill(NULL::int, ARRAY[100]) AS x FROM generate_series(1, 420010) AS g OFFSET 0) AS t
aggregated, then used | SELECT count(*) FROM (SELECT array_agg(x) AS y FROM (SELECT g, array_fill(NULL::int, ARRAY[60]) AS x FROM generate_series(1, 420010) AS g OFFSET 0) AS t GROUP BY g / 40 ORDER BY y OFFSET 0) AS u
aggregated, then used | SELECT count(*) FROM (SELECT array_agg(x) AS y FROM (SELECT g, 10::numeric ^ 100 AS x FROM generate_series(1, 420010) AS g OFFSET 0) AS t GROUP BY g / 100 ORDER BY y OFFSET 0) AS u
aggregated, then used | SELECT count(*) FROM (SELECT jsonb_agg(g) AS y FROM generate_series(1, 420010) AS g GROUP BY g / 100 ORDER BY y OFFSET 0) AS u
aggregated, then used | SELECT x, count(*) FROM (SELECT range_agg(int4range(g * 2, g * 2 + 1)) AS x FROM generate_series(1, 420010) AS g GROUP BY g / 50) AS t GROUP BY x ORDER BY x LIMIT 5
aggregated, then used | SELECT string_agg(md5(g::text), '') OVER (ORDER BY g) AS x FROM generate_series(1, 2000) AS g ORDER BY x
aggregated, then used | SELECT x, count(*) FROM (SELECT string_agg(md5(g::text), '') OVER (ORDER BY g ROWS 20 PRECEDING) AS x FROM generate_series(1, 420010) AS g) AS t GROUP BY x ORDER BY 2 LIMIT 5
aggregated, then used | SELECT count(*) FROM (SELECT string_agg(md5(g::text), '') OVER (ORDER BY g ROWS 600 PRECEDING) AS x FROM generate_series(1, 5000) AS g ORDER BY x OFFSET 0) AS t
aggregated, then used | SELECT (SELECT length(string_agg(md5((o.order_id + g)::text), '')::text) FROM generate_series(1, 20000) AS g) AS x FROM retail.orders AS o ORDER BY x LIMIT 5
aggregated, then used | SELECT upper(lower(upper(string_agg(repeat(chr(304), 30), '')))) AS x FROM generate_series(1, 420010) AS g GROUP BY g / 100 ORDER BY x LIMIT 3
aggregated, then used | SELECT replace(string_agg('x', ''), 'x', 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy') AS x FROM generate_series(1, 420010) AS g
aggregated, then used | SELECT array_to_string(array_agg(NULL::int), ',', 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy') AS x FROM generate_series(1, 420010) AS g GROUP BY g / 5000 ORDER BY x LIMIT 3
aggregated, then used | WITH w AS (SELECT g / 5 AS k, array_agg(g) AS x FROM generate_series(1, 420010) AS g GROUP BY 1) SELECT count(*) FROM w AS a, w AS b WHERE a.x < b.x AND a.x || b.x > ARRAY[5]
aggregated, then used | WITH w AS MATERIALIZED (SELECT g / 100 AS k, string_agg(md5(g::text), '') AS x FROM generate_series(1, 420010) AS g GROUP BY 1) SELECT a.x FROM w AS a CROSS JOIN w AS b ORDER BY a.x || b.x LIMIT 5
aggregated, then used | SELECT x FROM (SELECT string_agg(md5(g::text), '') AS x FROM generate_series(1, 420010) AS g GROUP BY g / 100) AS t UNION SELECT x FROM (SELECT string_agg(md5((-g)::text), '') AS x FROM generate_series(1, 420010) AS g GROUP BY g / 100) AS u
aggregated, then used | SELECT x FROM (SELECT string_agg(md5(g::text), '') AS x FROM generate_series(1, 420010) AS g GROUP BY g / 600) AS t EXCEPT SELECT x FROM (SELECT string_agg(md5((-g)::text), '') AS x FROM generate_series(1, 420010) AS g GROUP BY g / 600) AS u
aggregated, then used | SELECT basket, count(*) FROM (SELECT g / 3 AS k, array_agg(g % 400 ORDER BY g) AS basket FROM generate_series(1, 420010) AS g GROUP BY 1) AS b GROUP BY basket ORDER BY 2 DESC LIMIT 10
aggregated, then used | SELECT basket, count(*) FROM (SELECT g / 3 AS k, string_agg(md5((g % 400)::text), ',' ORDER BY g) AS basket FROM generate_series(1, 420010) AS g GROUP BY 1) AS b GROUP BY basket ORDER BY 2 DESC LIMIT 10
aggregated, then used | SELECT json_agg(t) FROM (SELECT basket, count(*) FROM (SELECT g / 3 AS k, array_agg(g % 400 ORDER BY g) AS basket FROM generate_series(1, 420010) AS g GROUP BY 1) AS b GROUP BY basket ORDER BY 2 DESC LIMIT 1000) AS t
json path | SELECT jsonb_path_exists(('{"a":[1' || repeat(',1', 14000) || ']}')::jsonb, '$ ? (@.a[ * ] < @.a[ * ])')
json path | SELECT jsonb_path_exists(('{"a":[1' || repeat(',1', 14000) || ']}')::jsonb, '$.a[0	to	last] < $.a[0 to last]')
json path | SELECT jsonb_path_exists(('{"a":[1' || repeat(',1', 14000) || ']}')::jsonb, '$ ? (@.a < @.a)')
json path | SELECT ('[[1' || repeat(',1', 14000) || ']]')::jsonb @? '$ ? (@. * < @. *)'
json path | SELECT JSON_EXISTS(('{"a":[1' || repeat(',1', 14000) || ']}')::jsonb, '($.a[*] < $.a[*]) ? (@ == true)')
json path | SELECT sum(length(jsonb_path_query_first('"1e131000"', '$.number ()')::text)) FROM generate_series(1, 5000)
json path | SELECT sum(length(JSON_QUERY('"1e131000"', '$.n\u0075mber()')::text)) FROM generate_series(1, 5000)
json path | SELECT count(jsonb_path_query_array('{"a":{"b":1}}', '$.keyvalu\u0065().keyvalue ()')) FROM generate_series(1, 5000)
regular expression | SELECT 'Zava' ~ '(?x)((x{1,2 5 5}){1,1 3 0})一'
regular expression | SELECT regexp_like('Zava', '((x{1,2 5 5}){1,1 3 0})一', 'x')
recursion | WITH RECURSIVE t(n, j) AS (SELECT 1, ('[1' || repeat(',1', 999) || ']')::jsonb UNION SELECT n + 1, j FROM t WHERE n < 21000) SELECT count(*) FROM t
computed time zones | SELECT count(tstzrange('[2000-01-01 00:00 XYZ' || translate(g::text, '0123456789', 'abcdefghij') || '1,)')) FROM generate_series(1, 1000000) AS g
computed time zones | SELECT count(tsrange('[2000-01-01 00:00 XYZ' || translate(g::text, '0123456789', 'abcdefghij') || '1,)')) FROM generate_series(1, 1000000) AS g
computed time zones | SELECT count(daterange('[2000-01-01 00:00 XYZ' || translate(g::text, '0123456789', 'abcdefghij') || '1,)')) FROM generate_series(1, 1000000) AS g
computed time zones | SELECT count(tstzmultirange('{[2000-01-01 00:00 XYZ' || translate(g::text, '0123456789', 'abcdefghij') || '1,)}')) FROM generate_series(1, 1000000) AS g
computed time zones | SELECT count(tsmultirange('{[2000-01-01 00:00 XYZ' || translate(g::text, '0123456789', 'abcdefghij') || '1,)}')) FROM generate_series(1, 1000000) AS g
computed time zones | SELECT count(datemultirange('{[2000-01-01 00:00 XYZ' || translate(g::text, '0123456789', 'abcdefghij') || '1,)}')) FROM generate_series(1, 1000000) AS g
computed time zones | SELECT upper(numrange('[0,9e' || 131000 + g % 70 || ']')) AS x FROM generate_series(1, 20000) AS g ORDER BY x DESC LIMIT 5
computed time zones | SELECT upper(nummultirange('{[0,9e' || 131000 + g % 70 || ']}')) AS x FROM generate_series(1, 20000) AS g ORDER BY x DESC LIMIT 5
computed time zones | SELECT ('{9e13\1000}'::numeric[])[1] - g % 2 AS x FROM generate_series(1, 20000) AS g ORDER BY x DESC LIMIT 5
computed time zones | SELECT (('{1e13\1000}'::jsonb[])[1])::numeric - g % 2 AS x FROM generate_series(1, 20000) AS g ORDER BY x DESC LIMIT 5
computed time zones | SELECT upper('[0,9e13"1000"]'::numrange) - g % 2 AS x FROM generate_series(1, 20000) AS g ORDER BY x DESC LIMIT 5
computed time zones | SELECT (('{9e13\' || 1000 + g % 70 || '}')::numeric[])[1] - g % 2 AS x FROM generate_series(1, 20000) AS g ORDER BY x DESC LIMIT 5
computed time zones | SELECT upper(('[0,9e13"' || 1000 + g % 70 || '"]')::numrange) - g % 2 AS x FROM generate_series(1, 20000) AS g ORDER BY x DESC LIMIT 5
computed time zones | SELECT JSON_VALUE(to_jsonb(g), '$.x' RETURNING numeric DEFAULT ('9e13' || '1000') ON EMPTY) - g % 2 AS x FROM generate_series(1, 20000) AS g ORDER BY x DESC LIMIT 5
computed time zones | SELECT t.n - g % 2 AS x FROM generate_series(1, 20000) AS g, JSON_TABLE(to_jsonb(g), '$' COLUMNS (n numeric PATH '$.x' DEFAULT ('9e13' || '1000') ON EMPTY)) AS t ORDER BY x DESC LIMIT 5
computed time zones | SELECT upper(JSON_VALUE(to_jsonb('[0,9e' || 131000 + g % 70 || ']'), '$' RETURNING numrange)) AS x FROM generate_series(1, 20000) AS g ORDER BY x DESC LIMIT 5
computed time zones | SELECT cardinality('{{400∷"0:0 aa#x\1",}"0:0 aaaa\1"}'::timetz[])
computed time zones | SELECT isempty(int4multirange('{' || repeat('(,),', 2500000) || '(,)}')) FROM generate_series(1, 1)
negative exponents | SELECT length(('[1' || repeat(',1e-16000', 24000) || ']')::jsonb::text)
negative exponents | SELECT length(('[1' || repeat(',1e-16' || '000', 24000) || ']')::jsonb::text)
negative exponents | SELECT max(length(x)) FROM (SELECT (order_id::text || 'e-16000')::numeric::text AS x FROM retail.orders ORDER BY 1 OFFSET 0) AS t
negative exponents | SELECT count(*) FROM (SELECT DISTINCT (g::text || 'e-16000')::numeric::text AS x FROM generate_series(1, 60000) AS g OFFSET 0) AS t
negative exponents | SELECT count(*) FROM retail.orders WHERE order_id::text NOT IN (SELECT (g::text || 'e-16000')::numeric::text FROM generate_series(1, 60000) AS g)
negative exponents | SELECT max(length(x)) FROM (SELECT JSON_VALUE(concat('"', g, 'e-16000"')::jsonb, '$' RETURNING numeric)::text AS x FROM generate_series(1, 60000) AS g ORDER BY 1 OFFSET 0) AS t
negative exponents | SELECT length(concat(v || v, v || v, v || v, v || v)) FROM (SELECT '{{800×1e-16000,}1}'::numeric[] AS v OFFSET 0) AS t
negative exponents | SELECT length(v::text) FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT '[{100×1e-16000,}1]'::jsonb AS v OFFSET 0) AS a OFFSET 0) AS b OFFSET 0) AS c OFFSET 0) AS d OFFSET 0) AS e OFFSET 0) AS f
negative exponents | SELECT CASE '[{30×1e-16000,}1]'::jsonb::text {200∷WHEN store_name || '@' THEN # }END FROM retail.stores
negative exponents | SELECT count(DISTINCT x::text) FROM (SELECT '1e-16000'::numeric * g AS x FROM generate_series(1, 60000) AS g) AS t
numbers in other bases | SELECT cardinality(('{' || repeat('0x' || repeat('F', 108000) || ',', 13) || '1}')::numeric[])
numbers in other bases | SELECT cardinality(('{' || repeat('0b' || repeat('1', 400000) || ',', 3) || '1}')::numeric[])
numbers in other bases | SELECT isempty(('{' || repeat('[0,0x' || repeat('F', 108000) || '],', 13) || '[0,1]}')::nummultirange)
full-text queries | SELECT (repeat('a|', 300000) || 'a')::tsquery IS NULL
full-text queries | SELECT tsquery(repeat('a|', 900000) || 'a') IS NULL
full-text queries | SELECT ('{' || repeat('a|', 300000) || 'a}')::tsquery[] IS NULL
full-text queries | SELECT repeat('b ', 5900000) @@ 'b' AS x
full-text queries | SELECT repeat('b ', 5900000) @@ to_tsquery('b') AS x
full-text queries | SELECT repeat('b ', 450000) @@ 'b' AS x
full-text queries | SELECT v IS NULL FROM (SELECT v <-> v AS v FROM (SELECT v <-> v AS v FROM (SELECT v <-> v AS v FROM (SELECT v <-> v AS v FROM (SELECT v <-> v AS v FROM (SELECT v <-> v AS v FROM (SELECT v <-> v AS v FROM (SELECT v <-> v AS v FROM (SELECT '{600×a&}a'::tsquery AS v OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a
full-text queries | SELECT v IS NULL FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT '{1000×a&}a'::tsquery AS v OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a
full-text queries | SELECT v IS NULL FROM (SELECT v && v AS v FROM (SELECT v && v AS v FROM (SELECT v && v AS v FROM (SELECT v && v AS v FROM (SELECT '{600×a&}a'::tsquery AS v OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a
full-text queries | SELECT {24×!! }'{2000×a&}a'::tsquery IS NULL
capture groups | SELECT regexp_substr(repeat('a', 400000), 'a|b{245×()}', 1, 1, '', 1)
capture groups | SELECT regexp_instr(repeat('a', 400000), 'a|b{245×()}', 1, 1, 0, '', 1)
capture groups | SELECT count(*) FROM (SELECT regexp_matches(repeat('a', 40000), 'a|b{245×()}', 'g'), regexp_matches(repeat('a', 40000), 'a|b{245×()}', 'g'), regexp_matches(repeat('a', 40000), 'a|b{245×()}', 'g'), regexp_matches(repeat('a', 40000), 'a|b{245×()}', 'g')) AS t
capture groups | SELECT count(*) FROM (SELECT regexp_matches(repeat('a', 40000), lower('A|B') || '{245×()}', 'g'), regexp_matches(repeat('a', 40000), lower('A|B') || '{245×()}', 'g')) AS t
capture groups | SELECT regexp_substr(repeat('a', 250000), 'a|b{15×()}', 1, 1, '', 1), regexp_substr(repeat('a', 250000), 'a|b{15×()}', 1, 1, '', 1)
json concatenation | SELECT jsonb_array_length(v) FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT ('[' || repeat('{120×[}{120×]},', 32) || '1]')::jsonb AS v OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a
json concatenation | SELECT jsonb_array_length(v) FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT v || v AS v FROM (SELECT ('[' || repeat('{120×[}{120×]},', 32) || '1]')::jsonb AS v OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a OFFSET 0) AS a
json concatenation | SELECT count(v || v) FROM (SELECT ('[' || repeat('[[]],', 300000) || '1]')::jsonb AS v OFFSET 0) AS a
json concatenation | SELECT count(CASE WHEN g > 0 THEN v ELSE '[]' END || '[1]') FROM (SELECT 1 AS g, ('[' || repeat('[[]],', 300000) || '1]')::jsonb AS v OFFSET 0) AS a
full-text queries | SELECT repeat('b ', 5900000) @@ 'b $' AS x
random numbers | SELECT length(repeat(random(0::numeric, 1e130000)::text, 6000))
random numbers | SELECT count(*) FROM (SELECT random(0::numeric, 1e130000) AS x FROM generate_series(1, 20000) AS g ORDER BY 1 OFFSET 0) AS t
random numbers | SELECT count(*) FROM (SELECT DISTINCT random(-1e20000, 1e-16000) AS x FROM generate_series(1, 20000) AS g OFFSET 0) AS t
numbers in json | SELECT length(to_jsonb(('[' || repeat('1e13' || '0000,', 3000) || '1]')::json)::text)
numbers in json | SELECT length(jsonb_build_array(('[' || repeat('1e13' || '0000,', 3000) || '1]')::json)::text)
numbers in json | SELECT length(jsonb_agg(('[' || repeat('1e13' || '0000,', 3000) || '1]')::json)::text)
numbers in json | SELECT length(jsonb_object_agg('a', ('[' || repeat('1e13' || '0000,', 3000) || '1]')::json)::text)
numbers in json | SELECT length(JSON_ARRAY(('[' || repeat('1e13' || '0000,', 3000) || '1]')::json RETURNING jsonb)::text)
numbers in json | SELECT length(JSON_OBJECT('a': ('[' || repeat('1e13' || '0000,', 3000) || '1]')::json RETURNING jsonb)::text)
numbers in json | SELECT length(JSON_ARRAYAGG(('[' || repeat('1e13' || '0000,', 3000) || '1]')::json RETURNING jsonb)::text)
numbers in json | SELECT length(JSON_OBJECTAGG('a': ('[' || repeat('1e13' || '0000,', 3000) || '1]')::json RETURNING jsonb)::text)
numbers in json | SELECT length(to_jsonb(JSON('[' || repeat('1e13' || '0000,', 3000) || '1]'))::text)
numbers in json | SELECT length(to_jsonb(t)::text) FROM (SELECT ('[' || repeat('1e13' || '0000,', 3000) || '1]')::json AS j) AS t
numbers in json | SELECT length(JSON_QUERY(to_jsonb('[' || repeat('1e13' || '0000,', 3000) || '1]'), '$' RETURNING jsonb OMIT QUOTES)::text)
numbers in json | SELECT length(JSON_VALUE(to_jsonb('[' || repeat('1e13' || '0000,', 3000) || '1]'), '$' RETURNING jsonb)::text)
numbers in json | SELECT count(*) FROM (SELECT concat(to_jsonb(j)) AS s FROM (SELECT g, ('[' || repeat('1e99,', 1000) || g || ']')::json AS j FROM generate_series(1, 8000) AS g OFFSET 0) AS t ORDER BY 1 OFFSET 0) AS u
numbers in json | SELECT count(*) FROM (SELECT concat(j) AS s FROM (SELECT g, ('[' || repeat('1e99,', 1000) || g || ']')::jsonb AS j FROM generate_series(1, 8000) AS g OFFSET 0) AS t ORDER BY 1 OFFSET 0) AS u
numbers in json | SELECT count(*) FROM (SELECT concat(v) AS s FROM (SELECT g, ('{' || repeat('1e99,', 500) || g || '}')::numeric[] AS v FROM generate_series(1, 8000) AS g OFFSET 0) AS t ORDER BY 1 OFFSET 0) AS u
numbers from floats | SELECT count(*) FROM (SELECT concat(C, C, C, C, g) AS s FROM (SELECT g, concat({90×x, }'') AS C FROM (SELECT g, (1e308::float8)::numeric AS x FROM generate_series(1, 8000) AS g OFFSET 0) AS t) AS t ORDER BY 1 OFFSET 0) AS u
numbers from floats | SELECT count(*) FROM (SELECT concat(C, C, C, C, g) AS s FROM (SELECT g, concat({90×x, }'') AS C FROM (SELECT g, (1e308::float8)::numeric + (1e-300::float8)::numeric AS x FROM generate_series(1, 8000) AS g OFFSET 0) AS t) AS t ORDER BY 1 OFFSET 0) AS u
compiled regular expressions | SELECT 'Zava' ~ '(\w?\d?\s?.?){250}' FROM retail.stores
compiled regular expressions | SELECT 'Zava' ~ ANY (ARRAY['(\w?\d?\s?.?){100}a', '(\w?\d?\s?.?){100}b', '(\w?\d?\s?.?){100}c', '(\w?\d?\s?.?){100}d'])
compiled regular expressions | SELECT 'Zava' ~ '(\w?\d?\s?.?){30}a', 'Zava' ~ '(\w?\d?\s?.?){30}b', 'Zava' ~ '{120×.?}a', 'Zava' ~ '{120×.*}b', 'Zava' ~ '{230×.?}c'
compiled regular expressions | SELECT 'Zava' ~ repeat('\y', 20)
compiled regular expressions | SELECT 'Zava' ~ repeat('\m', 100), 'Zava' ~ repeat('\M', 100)
compiled regular expressions | SELECT 'Zava' ~ '{8×(?:\ya?)*}', 'Zava' ~ '{8×(?:\yb?)*}', 'Zava' ~ '{30×(\ya?)*}'
windows | SELECT count(*) OVER (ORDER BY order_id + 0){700∷ + count(*) OVER (ORDER BY order_id + #)} FROM retail.orders
grouping sets | SELECT count(*) FROM retail.orders GROUP BY GROUPING SETS ((order_id % 2, order_id % 3, order_id % 4, order_id % 5, order_id % 6, order_id % 7, order_id % 8, order_id % 9, order_id % 10, order_id % 11), (order_id % 11, order_id % 10, order_id % 9, order_id % 8, order_id % 7)), GROUPING SETS ((order_id % 12, order_id % 13, order_id % 14, order_id % 15, order_id % 16, order_id % 17, order_id % 18, order_id % 19, order_id % 20, order_id % 21), (order_id % 21, order_id % 20, order_id % 19, order_id % 18, order_id % 17)), GROUPING SETS ((order_id % 22, order_id % 23, order_id % 24, order_id % 25, order_id % 26, order_id % 27, order_id % 28, order_id % 29, order_id % 30, order_id % 31), (order_id % 31, order_id % 30, order_id % 29, order_id % 28, order_id % 27)), GROUPING SETS ((order_id % 32, order_id % 33, order_id % 34, order_id % 35, order_id % 36, order_id % 37, order_id % 38, order_id % 39, order_id % 40, order_id % 41), (order_id % 41, order_id % 40, order_id % 39, order_id % 38, order_id % 37)), GROUPING SETS ((order_id % 42, order_id % 43, order_id % 44, order_id % 45, order_id % 46, order_id % 47, order_id % 48, order_id % 49, order_id % 50, order_id % 51), (order_id % 51, order_id % 50, order_id % 49, order_id % 48, order_id % 47)), GROUPING SETS ((order_id % 52, order_id % 53, order_id % 54, order_id % 55, order_id % 56, order_id % 57, order_id % 58, order_id % 59, order_id % 60, order_id % 61), (order_id % 61, order_id % 60, order_id % 59, order_id % 58, order_id % 57)), GROUPING SETS ((order_id % 62, order_id % 63, order_id % 64, order_id % 65, order_id % 66, order_id % 67, order_id % 68, order_id % 69, order_id % 70, order_id % 71), (order_id % 71, order_id % 70, order_id % 69, order_id % 68, order_id % 67)), GROUPING SETS ((order_id % 72, order_id % 73, order_id % 74, order_id % 75, order_id % 76, order_id % 77, order_id % 78, order_id % 79, order_id % 80, order_id % 81), (order_id % 81, order_id % 80, order_id % 79, order_id % 78, order_id % 77)), GROUPING SETS ((order_id % 82, order_id % 83, order_id % 84, order_id % 85, order_id % 86, order_id % 87, order_id % 88, order_id % 89, order_id % 90, order_id % 91), (order_id % 91, order_id % 90, order_id % 89, order_id % 88, order_id % 87)), GROUPING SETS ((order_id % 92, order_id % 93, order_id % 94, order_id % 95, order_id % 96, order_id % 97, order_id % 98, order_id % 99, order_id % 100, order_id % 101), (order_id % 101, order_id % 100, order_id % 99, order_id % 98, order_id % 97)), GROUPING SETS ((order_id % 102, order_id % 103, order_id % 104, order_id % 105, order_id % 106, order_id % 107, order_id % 108, order_id % 109, order_id % 110, order_id % 111), (order_id % 111, order_id % 110, order_id % 109, order_id % 108, order_id % 107)), GROUPING SETS ((order_id % 112, order_id % 113, order_id % 114, order_id % 115, order_id % 116, order_id % 117, order_id % 118, order_id % 119, order_id % 120, order_id % 121), (order_id % 121, order_id % 120, order_id % 119, order_id % 118, order_id % 117))
set-returning functions | SELECT string_to_table(x, ','){119×, string_to_table(x, ',')} FROM (SELECT string_agg('a', ',') AS x FROM generate_series(1, 120000) OFFSET 0) AS s LIMIT 1
constants | SELECT order_id FROM (SELECT order_id FROM retail.orders{37× UNION ALL SELECT order_id FROM retail.orders}) AS t WHERE repeat('x', 12000000) || order_id <> 'x' AND repeat('y', 12000000) || order_id <> 'x' ORDER BY order_id LIMIT 1
repeated planning | SELECT min(order_id), max(order_id), min(customer_id), max(customer_id), min(store_id), max(store_id), min(order_date), max(order_date) FROM retail.orders WHERE repeat('x', 12000000) || order_id <> 'x' AND repeat('y', 12000000) || order_id <> 'x'
json path | SELECT count(*) FROM jsonb_path_query('{"a": 1}', '${14×.keyvalue()}')
json path | SELECT count(*) FROM jsonb_path_query('{22×[}1{22×]}', '${15×[0, 0, 0]}')
json path | SELECT jsonb_path_exists(jsonb_agg(g), '$[*] ? (exists($[*] ? (@ == -1)))') FROM generate_series(1, 8000) AS g
json path | SELECT ('{"a": [1' || repeat(',1', 14000) || ']}')::jsonb @@ '$ ? (@.a[*] < @.a[*])'
formats | SELECT to_timestamp('2025', repeat('x', 12000000)), length(repeat('y', 12000000)), length(repeat('z', 12000000))
ordered-set aggregates | SELECT {5∷cardinality(percentile_cont(array_fill(0.5::float8, ARRAY[70000#])) WITHIN GROUP (ORDER BY order_id)), }1 FROM retail.orders
expanding function | SELECT length({28×ROW(}'"'{28×)}::text)
expanding function | SELECT array_to_string(array_fill(0, ARRAY[10000]), repeat('x', 10000))
expanding function | SELECT {11∷cardinality(string_to_array(repeat('x', 400000#), NULL)), }1
expanding function | SELECT length('1'::bit(83886080)::text)
parsing | SELECT cardinality(('{' || repeat('a,', 140000) || 'a}')::tsvector[])
numbers in texts | SELECT length(repeat(upper('[0,1e\-16"000"]'::numrange)::text, 7000))
copies | SELECT 1 FROM retail.customers WHERE {30×concat(1, }first_name{30×)} IN (first_name{1400×, first_name})
constants | SELECT {110∷length(f || '#'), }1 FROM repeat('x', 3000000) AS f, (SELECT order_id FROM retail.orders LIMIT 1) AS o
constants | SELECT count(*) FROM (SELECT greatest({9×v, }v) AS v FROM (SELECT CASE '{29000×x}' {20×WHEN a THEN 1 }END AS v FROM (SELECT first_name AS a FROM retail.customers) AS s) AS s) AS s GROUP BY greatest({39×v, }v) > 0
constants | SELECT count(*) FROM (SELECT greatest(v, v, v) AS v FROM (SELECT concat(a{40×, l})::numeric AS v FROM (SELECT email AS a, '{7000×x}' AS l FROM retail.customers) AS s) AS s) AS s GROUP BY greatest({29×v, }v) IS NULL
constants | SELECT count(*) FROM (SELECT greatest({7×v, }v) AS v FROM (SELECT (a ~ concat(a{8×, l}))::int AS v FROM (SELECT email AS a, '{7000×x}' AS l FROM retail.customers) AS s) AS s) AS s GROUP BY greatest({29×v, }v) IS NULL
text functions | SELECT max(length(normalize(concat(repeat(E'\u0344', 2250), repeat(E'\u0316', 1500), repeat(E'\u0334', 1450), store_id), NFD))) FROM retail.stores
expanding function | WITH c0 AS (SELECT ARRAY[''{8000×, ''}] AS v OFFSET 0){12∷, c# AS (SELECT v || v AS v FROM c@ OFFSET 0)} SELECT cardinality(v) FROM c12
