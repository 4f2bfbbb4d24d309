-- The products that a search text asks for: by its words and by its meaning, the best first.
--   $1 the text's embedding, '' to search by words only
--   $2 the name of its model
--   $3 the number of its dimensions
--   $4 the maximum cosine distance of a product that is found by meaning
--   $5 the text's words in the normal form of search/words/, '' to search by meaning only
--   $6 the name of a category or product type in any case, or '' for all
--   $7 the minimum list price, or ''
--   $8 the maximum list price, or ''
--   $9 'true' for products that a store of the caller has in stock, only
--   $10 the maximum number of rows; one more is returned
--   $11 'true' if one of $6 to $9 is set
-- Columns: those of the original sample, then type_name, category_name, matched (why the product was
--   found) and stock_level (units in the stores that the caller sees). similarity_distance and sp
--   (percent) are NULL without an embedding.
-- The text begins with `WITH vector`, the distances of all vectors (mod.rs).
-- Run by the query login under a tenant. Plan: an index scan for the words; an index scan of the
-- nearest vectors, or a scan of all of them where no index is; and two lists of at most 100 products
-- each, which are joined. docs/search.md explains the ranking; its constants were tuned on the judged
-- searches of benches/relevance.
nearest AS MATERIALIZED (
    SELECT v.product_id, v.distance
    FROM vector AS v
    WHERE v.model = $2 AND v.dimensions = $3::integer AND $1::text <> ''
    ORDER BY v.distance
    LIMIT 2000
),
-- The filter. `passing` tests a product; `few` lists those that pass it, if they are few: then each
-- of them is compared, and no index can miss one. OFFSET 0 where `passing` is used keeps the planner
-- from reading all products that pass.
priced AS NOT MATERIALIZED (
    SELECT p.product_id, p.category_id, p.type_id
    FROM retail.products AS p
    WHERE (nullif($7::text, '') IS NULL OR p.base_price >= nullif($7::text, '')::numeric)
        AND (nullif($8::text, '') IS NULL OR p.base_price <= nullif($8::text, '')::numeric)
        AND (
            $9::text <> 'true'
            OR EXISTS (SELECT FROM retail.inventory AS i WHERE i.product_id = p.product_id AND i.stock_level > 0)
        )
),
passing AS NOT MATERIALIZED (
    SELECT p.product_id
    FROM priced AS p
    WHERE $6::text = ''
        OR p.category_id IN (SELECT c.category_id FROM retail.categories AS c WHERE lower(c.category_name) = lower($6::text))
        OR p.type_id IN (SELECT t.type_id FROM retail.product_types AS t WHERE lower(t.type_name) = lower($6::text))
),
few AS MATERIALIZED (
    SELECT DISTINCT f.product_id
    FROM (
        -- LATERAL with LIMIT makes an index scan: the planner does not know how large a group is.
        SELECT p.product_id
        FROM retail.categories AS c
        CROSS JOIN LATERAL (SELECT p.product_id FROM priced AS p WHERE p.category_id = c.category_id LIMIT 3001) AS p
        WHERE $6::text <> '' AND lower(c.category_name) = lower($6::text)
        UNION ALL
        SELECT p.product_id
        FROM retail.product_types AS t
        CROSS JOIN LATERAL (SELECT p.product_id FROM priced AS p WHERE p.type_id = t.type_id LIMIT 3001) AS p
        WHERE $6::text <> '' AND lower(t.type_name) = lower($6::text)
        UNION ALL
        (SELECT p.product_id FROM priced AS p WHERE $6::text = '' LIMIT 3001)
    ) AS f
    WHERE $11::text = 'true'
),
is_few AS MATERIALIZED (
    SELECT $11::text = 'true' AND (SELECT count(*) <= 3000 FROM few) AS is_few
),
total AS MATERIALIZED (
    SELECT w.products::double precision AS products FROM retail.search_words AS w WHERE w.word = ''
),
-- The words of the text, and in how many products they occur. The weight of a word is its inverse
-- document frequency.
query_word AS MATERIALIZED (
    SELECT l.lexeme AS word, min(o.word) AS label, min(w.products)::double precision AS products
    FROM unnest(string_to_array($5::text, ' ')) AS o (word)
    CROSS JOIN LATERAL unnest(to_tsvector('pg_catalog.english', o.word)) AS l
    LEFT JOIN retail.search_words AS w ON w.word = l.lexeme
    GROUP BY l.lexeme
),
-- What occurs in no product: the beginning of a longer word, as of a SKU, or a misspelled one.
unknown AS MATERIALIZED (
    SELECT u.word, ARRAY(
        SELECT DISTINCT substr('  ' || u.word || ' ', p.start, 3) FROM generate_series(1, length(u.word) + 1) AS p (start)
    ) AS trigrams
    -- Each is compared with many words, so not many of them.
    FROM (SELECT a.word FROM query_word AS a WHERE a.products IS NULL ORDER BY length(a.word) DESC, a.word LIMIT 4) AS u
),
corrected AS MATERIALIZED (
    SELECT u.word AS source, u.word AS label, format('%L:*', u.word)::tsquery AS query, p.products, 0.9 AS factor
    FROM unknown AS u
    CROSS JOIN LATERAL (
        SELECT sum(w.products)::double precision AS products, count(*) AS words
        FROM (
            SELECT w.products
            FROM retail.search_words AS w
            -- starts_with() uses no index for a word that is no constant.
            WHERE w.word OPERATOR(pg_catalog.~>=~) u.word AND w.word OPERATOR(pg_catalog.~<~) (u.word || chr(1114111))
            LIMIT 1001
        ) AS w
    ) AS p
    -- The beginning of more words says too little about a product.
    WHERE u.word ~ '^[[:alpha:]]' AND length(u.word) >= 4 AND p.words BETWEEN 1 AND 1000
    UNION ALL
    SELECT u.word, s.word, quote_literal(s.word)::tsquery, s.products, s.factor
    FROM unknown AS u
    CROSS JOIN LATERAL (
        SELECT w.word, w.products::double precision AS products, 0.8 * c.common / (cardinality(w.trigrams) + cardinality(u.trigrams) - c.common) AS factor
        FROM retail.search_words AS w
        CROSS JOIN LATERAL (
            SELECT count(*)::double precision AS common FROM unnest(w.trigrams) AS t (part) WHERE t.part = ANY (u.trigrams)
        ) AS c
        WHERE w.trigrams && u.trigrams
            -- Follows from the next condition, and is cheaper.
            AND cardinality(w.trigrams) BETWEEN 0.35 * cardinality(u.trigrams) AND cardinality(u.trigrams) / 0.35
            AND c.common >= 0.35 * (cardinality(w.trigrams) + cardinality(u.trigrams) - c.common)
        ORDER BY factor DESC, w.word
        LIMIT 2
    ) AS s
    WHERE u.word ~ '^[a-z]{4,32}$'
),
synonym AS MATERIALIZED (
    SELECT s.synonym, s.synonym_query, s.synonym_words, s.term_query
    FROM retail.search_synonyms AS s
    WHERE to_tsvector('retail.all_words', $5::text) @@ s.term_query AND numnode(s.synonym_query) > 0
),
-- What is searched: words, and synonyms as phrases. A phrase occurs in no more products than its
-- rarest word.
search_term AS (
    SELECT a.label, quote_literal(a.word)::tsquery AS query, a.products, 1.0 AS factor
    FROM query_word AS a
    WHERE a.products IS NOT NULL
    UNION ALL
    SELECT c.label, c.query, c.products, c.factor
    FROM corrected AS c
    UNION ALL
    SELECT s.synonym, s.synonym_query, f.products, 0.75
    FROM synonym AS s
    CROSS JOIN LATERAL (
        SELECT min(coalesce(w.products, 0))::double precision AS products
        FROM unnest(s.synonym_words) AS p (word)
        LEFT JOIN retail.search_words AS w ON w.word = p.word
    ) AS f
    WHERE f.products > 0
),
term AS MATERIALIZED (
    SELECT m.query, max(m.factor * ln(1 + t.products / m.products)) AS weight, min(m.products) AS products,
        -- Sizes as they are written.
        regexp_replace(regexp_replace(min(m.label), '([0-9])p([0-9])', '\1-\2'), '([0-9])f([0-9])', '\1/\2') AS label
    FROM search_term AS m
    CROSS JOIN total AS t
    GROUP BY m.query
    -- Each is compared with each product that has one of them.
    ORDER BY weight DESC, m.query
    LIMIT 24
),
-- The score of a product with all words in its name. Of the words that occur in no product, those
-- with synonyms do not count, nor short ones, such as the articles of another language.
full_score AS MATERIALIZED (
    SELECT greatest(sum(ln(1 + t.products / coalesce(a.products, c.products, 1))), (SELECT max(m.weight) FROM term AS m), 1) AS score
    FROM query_word AS a
    CROSS JOIN total AS t
    LEFT JOIN (SELECT c.source, max(c.products) AS products FROM corrected AS c GROUP BY c.source) AS c ON c.source = a.word
    WHERE a.products IS NOT NULL
        OR a.word !~ '^[[:alpha:]]{1,3}$'
            AND NOT EXISTS (SELECT FROM synonym AS s WHERE position(quote_literal(a.word) IN s.term_query::text) > 0)
),
-- Which terms find products; all of them score. Rare terms occur in 2,000 products together.
ranked AS MATERIALIZED (
    SELECT t.query, t.weight,
        sum(t.products) OVER (ORDER BY t.products, t.query) <= 2000 OR (SELECT a.products <= 2000 FROM total AS a) AS is_rare
    FROM term AS t
),
-- Each word of the text with its corrections and synonyms, unless all of them are rare.
common_word AS (
    SELECT string_agg(DISTINCT '(' || r.query::text || ')', ' | ') AS any_term
    FROM (
        SELECT a.word, quote_literal(a.word)::tsquery AS query FROM query_word AS a
        UNION ALL
        SELECT c.source, c.query FROM corrected AS c
        UNION ALL
        SELECT a.word, s.synonym_query
        FROM query_word AS a
        JOIN synonym AS s ON position(quote_literal(a.word) IN s.term_query::text) > 0
    ) AS w
    JOIN ranked AS r ON r.query = w.query
    GROUP BY w.word
    HAVING NOT bool_and(r.is_rare)
),
finder AS MATERIALIZED (
    SELECT
        string_agg(r.query::text, ' | ')::tsquery AS any_term,
        string_agg(r.query::text, ' | ') FILTER (WHERE r.is_rare)::tsquery AS any_rare,
        (SELECT string_agg('(' || w.any_term || ')', ' & ')::tsquery FROM common_word AS w) AS all_common,
        (array_agg(r.query ORDER BY r.weight DESC, r.query) FILTER (WHERE NOT r.is_rare))[1] AS heaviest_common
    FROM ranked AS r
),
with_rare AS MATERIALIZED (
    SELECT d.product_id, d.document
    FROM retail.product_search AS d
    WHERE d.document @@ (SELECT f.any_rare FROM finder AS f)
        AND NOT (SELECT i.is_few FROM is_few AS i)
        AND ($11::text <> 'true' OR EXISTS (SELECT FROM passing AS p WHERE p.product_id = d.product_id OFFSET 0))
    LIMIT 2000
),
with_common_in_name AS MATERIALIZED (
    SELECT d.product_id, d.document
    FROM retail.product_search AS d
    WHERE ts_filter(d.document, '{a}') @@ (SELECT f.all_common FROM finder AS f)
        AND NOT (SELECT i.is_few FROM is_few AS i)
        AND ($11::text <> 'true' OR EXISTS (SELECT FROM passing AS p WHERE p.product_id = d.product_id OFFSET 0))
    LIMIT 1000
),
with_common AS MATERIALIZED (
    SELECT d.product_id, d.document
    FROM retail.product_search AS d
    WHERE d.document @@ (SELECT f.all_common FROM finder AS f)
        AND NOT (SELECT i.is_few FROM is_few AS i)
        AND (SELECT count(*) < 1000 FROM with_common_in_name)
        AND ($11::text <> 'true' OR EXISTS (SELECT FROM passing AS p WHERE p.product_id = d.product_id OFFSET 0))
    LIMIT 1000
),
-- Products that lack some of the common words, but not the one that says most.
with_heaviest AS MATERIALIZED (
    SELECT d.product_id, d.document
    FROM retail.product_search AS d
    WHERE d.document @@ (SELECT f.heaviest_common FROM finder AS f)
        AND NOT (SELECT i.is_few FROM is_few AS i)
        AND (SELECT count(*) < 1000 FROM with_common_in_name)
        AND ($11::text <> 'true' OR EXISTS (SELECT FROM passing AS p WHERE p.product_id = d.product_id OFFSET 0))
    LIMIT 1000
),
with_one_in_name AS MATERIALIZED (
    SELECT n.product_id, n.document
    FROM (SELECT r.query FROM ranked AS r WHERE NOT r.is_rare ORDER BY r.weight DESC, r.query LIMIT 6) AS r
    CROSS JOIN LATERAL (
        SELECT d.product_id, d.document
        FROM retail.product_search AS d
        WHERE ts_filter(d.document, '{a}') @@ r.query
            AND ($11::text <> 'true' OR EXISTS (SELECT FROM passing AS p WHERE p.product_id = d.product_id OFFSET 0))
        LIMIT 300
    ) AS n
    WHERE NOT (SELECT i.is_few FROM is_few AS i) AND (SELECT count(*) < 1000 FROM with_common_in_name)
),
candidate AS MATERIALIZED (
    SELECT c.product_id, any_value(c.document) AS document
    FROM (
        SELECT r.product_id, r.document FROM with_rare AS r
        UNION ALL SELECT n.product_id, n.document FROM with_common_in_name AS n
        UNION ALL SELECT o.product_id, o.document FROM with_common AS o
        UNION ALL SELECT h.product_id, h.document FROM with_heaviest AS h
        UNION ALL SELECT i.product_id, i.document FROM with_one_in_name AS i
    ) AS c
    GROUP BY c.product_id
    UNION ALL
    SELECT f.product_id, d.document
    FROM few AS f
    CROSS JOIN LATERAL (SELECT d.document FROM retail.product_search AS d WHERE d.product_id = f.product_id LIMIT 1) AS d
    WHERE (SELECT i.is_few FROM is_few AS i) AND d.document @@ (SELECT w.any_term FROM finder AS w)
),
scored AS MATERIALIZED (
    SELECT r.product_id, sum(r.score) AS score
    FROM (
        -- A word in a name has the rank 0.6079271; phrases and repeated words rank up to 1.7 times
        -- as high.
        SELECT c.product_id,
            t.weight * ts_rank('{0.35, 0.5, 0.6, 1}'::real[], c.document, t.query) / 0.6079271 AS score
        FROM candidate AS c
        JOIN term AS t ON c.document @@ t.query
        -- Ranks before it sorts: the documents are long.
        OFFSET 0
    ) AS r
    GROUP BY r.product_id
),
keyword AS (
    SELECT s.product_id, least(s.score / f.score, 1) AS score, rank() OVER (ORDER BY s.score DESC) AS rank
    FROM scored AS s
    CROSS JOIN full_score AS f
    CROSS JOIN total AS t
    -- Products that share only common words with the text are noise. Of a long text, the weight of
    -- three rare words is enough to compare with.
    WHERE s.score >= 0.2 * least(f.score, 3 * ln(1 + t.products)) AND s.score >= 0.3 * (SELECT max(s.score) FROM scored AS s)
    ORDER BY s.score DESC, s.product_id
    LIMIT 100
),
-- The nearest vectors whose products pass the filter. If these are fewer than a list has, those of
-- all products that pass it are compared: an index finds the nearest vectors first, whatever the
-- filter, and it may find fewer than 2,000 where many have been deleted since the last vacuum.
near AS MATERIALIZED (
    SELECT n.product_id, n.distance
    FROM nearest AS n
    WHERE NOT (SELECT i.is_few FROM is_few AS i)
        AND ($11::text <> 'true' OR EXISTS (SELECT FROM passing AS p WHERE p.product_id = n.product_id OFFSET 0))
),
compared AS (
    SELECT f.product_id
    FROM few AS f
    WHERE (SELECT i.is_few FROM is_few AS i)
    UNION ALL
    SELECT l.product_id
    FROM (
        SELECT p.product_id
        FROM retail.categories AS c
        CROSS JOIN LATERAL (SELECT p.product_id FROM priced AS p WHERE p.category_id = c.category_id OFFSET 0) AS p
        WHERE $6::text <> '' AND lower(c.category_name) = lower($6::text)
        UNION ALL
        SELECT p.product_id
        FROM retail.product_types AS t
        CROSS JOIN LATERAL (SELECT p.product_id FROM priced AS p WHERE p.type_id = t.type_id OFFSET 0) AS p
        WHERE $6::text <> '' AND lower(t.type_name) = lower($6::text)
        UNION ALL
        SELECT p.product_id FROM priced AS p WHERE $6::text = ''
    ) AS l
    WHERE $1::text <> ''
        AND NOT (SELECT i.is_few FROM is_few AS i)
        AND (SELECT count(*) < 100 FROM near)
        AND (SELECT count(*) < 2000 OR max(n.distance) <= $4::double precision FROM nearest AS n)
),
semantic AS (
    SELECT n.product_id, row_number() OVER (ORDER BY n.distance, n.product_id) AS rank
    FROM (
        SELECT a.product_id, min(a.distance) AS distance
        FROM (
            SELECT n.product_id, n.distance FROM near AS n
            UNION ALL
            SELECT e.product_id, e.description_embedding OPERATOR(public.<=>) nullif($1::text, '')::public.vector
            FROM compared AS c
            JOIN retail.product_description_embeddings AS e ON e.product_id = c.product_id
            WHERE e.model = $2 AND e.dimensions = $3::integer AND $1::text <> ''
        ) AS a
        GROUP BY a.product_id
        ORDER BY min(a.distance), a.product_id
        LIMIT 100
    ) AS n
    WHERE n.distance <= $4::double precision
),
-- Reciprocal rank fusion. A product that has all words outweighs one that is merely similar.
hit AS (
    SELECT product_id, w.rank IS NOT NULL AS has_words, m.rank IS NOT NULL AS is_similar,
        coalesce(3 * w.score / (60 + w.rank), 0) + coalesce(1.0 / (60 + m.rank), 0) AS score
    FROM keyword AS w
    FULL JOIN semantic AS m USING (product_id)
    ORDER BY score DESC, product_id
    -- One more, so that the reader knows whether rows are missing.
    LIMIT $10::integer + 1
)
SELECT
    p.product_id,
    p.sku,
    p.product_name,
    p.category_id,
    p.type_id,
    p.cost,
    p.base_price,
    p.gross_margin_percent,
    p.product_description,
    e.distance AS similarity_distance,
    round(((1 - e.distance) * 100)::numeric, 1)::double precision AS sp,
    t.type_name,
    c.category_name,
    concat_ws('; ', 'words: ' || l.labels, CASE WHEN h.is_similar THEN 'meaning' END) AS matched,
    (SELECT sum(i.stock_level) FROM retail.inventory AS i WHERE i.product_id = p.product_id) AS stock_level
FROM hit AS h
JOIN retail.products AS p ON p.product_id = h.product_id
JOIN retail.product_types AS t ON t.type_id = p.type_id
JOIN retail.categories AS c ON c.category_id = p.category_id
LEFT JOIN LATERAL (
    SELECT v.description_embedding OPERATOR(public.<=>) nullif($1::text, '')::public.vector AS distance
    FROM retail.product_description_embeddings AS v
    WHERE v.product_id = p.product_id AND v.model = $2 AND v.dimensions = $3::integer AND $1::text <> ''
) AS e ON true
LEFT JOIN LATERAL (
    SELECT string_agg(m.label, ', ' ORDER BY m.weight DESC, m.label) AS labels
    FROM retail.product_search AS d
    JOIN term AS m ON d.document @@ m.query
    WHERE h.has_words AND d.product_id = p.product_id
) AS l ON true
ORDER BY h.score DESC, p.product_id
