-- Writes the words of products.
--   $1 product ids, $2 words of names and SKUs, $3 of types and categories, $4 of descriptions,
--   $5 SHA-256 of these words
INSERT INTO retail.product_search AS s (product_id, document, content_hash)
SELECT r.product_id,
    setweight(to_tsvector('pg_catalog.english', r.name), 'A')
        || setweight(to_tsvector('pg_catalog.english', r.group_name), 'B')
        || setweight(to_tsvector('pg_catalog.english', r.description), 'D'),
    r.content_hash
FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::bytea[])
    AS r (product_id, name, group_name, description, content_hash)
-- A product that was removed meanwhile.
WHERE EXISTS (SELECT FROM retail.products AS p WHERE p.product_id = r.product_id)
ON CONFLICT (product_id) DO UPDATE SET document = excluded.document, content_hash = excluded.content_hash
