-- What generate.sql needs in its session. Everything random is a hash of a product's number.
-- Settings: catalogue.model, the model of the vectors that are written; catalogue.dimensions, at most as
-- many as the sample's vectors have.
SET work_mem = '256MB';
CREATE FUNCTION pg_temp.uniform(product bigint, place bigint) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(product * 256 + place, 1) & 4503599627370495) / 4503599627370496.0::double precision;
-- A word of three syllables, such as `bakile`; the most frequent ones by Zipf's law, of 100,000.
CREATE FUNCTION pg_temp.word(product bigint, place bigint) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT string_agg(substr('bcdfghjklmnprstvwxyz', 1 + s.number / 5, 1) || substr('aeiou', 1 + s.number % 5, 1), '' ORDER BY d.digit)
    FROM generate_series(0, 2) AS d (digit)
    CROSS JOIN LATERAL (
        SELECT (floor(20 * power(5000, pg_temp.uniform(product, place)))::bigint * 387961 % 1000000 / (100 ^ d.digit)::integer % 100)::integer AS number
    ) AS s
);
-- A vector of the catalogue's dimensions, of this length.
CREATE FUNCTION pg_temp.scaled(vector public.vector, length double precision) RETURNS public.vector LANGUAGE sql STABLE PARALLEL SAFE
RETURN public.l2_normalize($1) OPERATOR(public.*) array_fill($2, ARRAY[public.vector_dims($1)])::public.vector;
-- The products of the sample, numbered from 0, with their vectors as a strong and a weak part of others.
CREATE TEMPORARY TABLE sample AS
SELECT row_number() OVER (ORDER BY p.product_id) - 1 AS number, count(*) OVER () AS products,
    p.product_name, p.product_description, p.category_id, p.type_id, p.base_price, d.document,
    pg_temp.scaled(v.vector, 0.75) AS strong, pg_temp.scaled(v.vector, 0.35) AS weak
FROM retail.products AS p
JOIN retail.product_search AS d USING (product_id)
JOIN retail.product_description_embeddings AS e USING (product_id)
CROSS JOIN LATERAL (
    SELECT public.subvector(e.description_embedding, 1, current_setting('catalogue.dimensions')::integer) AS vector
) AS v
WHERE p.sku NOT LIKE 'SYN%';
ALTER TABLE sample ADD PRIMARY KEY (number);
-- Random directions.
SELECT setseed(0.5);
CREATE TEMPORARY TABLE direction AS
SELECT n.number, pg_temp.scaled(
    ARRAY(SELECT random_normal() + 0 * n.number FROM generate_series(1, current_setting('catalogue.dimensions')::integer))::public.vector, 0.4
) AS vector
FROM generate_series(0, 4095) AS n (number);
ALTER TABLE direction ADD PRIMARY KEY (number);
ANALYZE sample;
ANALYZE direction;
