-- The products that a search text asks for: by its words and by its meaning, the best first.
--   $1 the text's embedding, '' to search by words only
--   $2 the name of its model
--   $3 the number of its dimensions
--   $4 the maximum cosine distance of a product that is found by meaning
--   $5 the text's words in the normal form of words.rs, '' to search by meaning only
--   $6 the name of a category or product type in any case, or '' for all
--   $7 the minimum list price, or ''
--   $8 the maximum list price, or ''
--   $9 'true' for products that a store of the caller has in stock, only
--   $10 the maximum number of rows
-- Columns: those of the original sample, then type_name, category_name, matched (why the product was
--   found) and stock_level (units in the stores that the caller sees). similarity_distance and sp
--   (percent) are NULL without an embedding.
-- Run by the query login under a tenant. Plan: an index scan for the words, a scan and a sort of the
-- model's vectors, and two lists of at most 100 products each, which are joined. An exact search by
-- meaning misses no product, as an approximate index could. docs/search.md explains the ranking; its
-- constants were tuned on the judged searches of benches/relevance.
WITH
product AS (
    SELECT p.product_id
    FROM retail.products AS p
    WHERE (
            $6::text = ''
            OR p.category_id IN (SELECT c.category_id FROM retail.categories AS c WHERE lower(c.category_name) = lower($6::text))
            OR p.type_id IN (SELECT t.type_id FROM retail.product_types AS t WHERE lower(t.type_name) = lower($6::text))
        )
        AND (nullif($7::text, '') IS NULL OR p.base_price >= nullif($7::text, '')::numeric)
        AND (nullif($8::text, '') IS NULL OR p.base_price <= nullif($8::text, '')::numeric)
        AND (
            $9::text <> 'true'
            OR EXISTS (SELECT FROM retail.inventory AS i WHERE i.product_id = p.product_id AND i.stock_level > 0)
        )
),
total AS MATERIALIZED (
    SELECT w.products::double precision AS products FROM retail.search_words AS w WHERE w.word = ''
),
-- The words of the text, and in how many products they occur. The weight of a word is its inverse
-- document frequency.
query_word AS MATERIALIZED (
    SELECT l.lexeme AS word, min(o.word) AS label, min(w.products) AS products
    FROM unnest(string_to_array($5::text, ' ')) AS o (word)
    CROSS JOIN LATERAL unnest(to_tsvector('pg_catalog.english', o.word)) AS l
    LEFT JOIN retail.search_words AS w ON w.word = l.lexeme
    GROUP BY l.lexeme
),
-- What occurs in no product: the beginning of a longer word, as of a SKU, or a misspelled one.
corrected AS (
    SELECT c.word, c.factor
    -- The words are compared with all others, so not many of them.
    FROM (SELECT a.word FROM query_word AS a WHERE a.products IS NULL ORDER BY length(a.word) DESC, a.word LIMIT 8) AS a
    CROSS JOIN LATERAL (
        (
            SELECT w.word, 0.9 AS factor
            FROM retail.search_words AS w
            WHERE length(a.word) >= 4 AND starts_with(w.word, a.word)
            ORDER BY w.products DESC, w.word
            LIMIT 20
        )
        UNION ALL
        (
            SELECT w.word, 0.8 * public.similarity(w.word, a.word)
            FROM retail.search_words AS w
            WHERE a.word ~ '^[a-z]{4,32}$' AND w.word OPERATOR(public.%) a.word
                AND public.similarity(w.word, a.word) >= 0.35
            ORDER BY public.similarity(w.word, a.word) DESC, w.word
            LIMIT 2
        )
    ) AS c
),
synonym AS MATERIALIZED (
    SELECT s.synonym, s.synonym_query, s.synonym_words, s.term_query
    FROM retail.search_synonyms AS s
    WHERE to_tsvector('retail.all_words', $5::text) @@ s.term_query AND numnode(s.synonym_query) > 0
),
-- What is searched: words, and synonyms as phrases.
search_term AS (
    SELECT a.label, quote_literal(a.word)::tsquery AS query, ARRAY[a.word] AS words, 1.0 AS factor
    FROM query_word AS a
    WHERE a.products IS NOT NULL
    UNION ALL
    SELECT c.word, quote_literal(c.word)::tsquery, ARRAY[c.word], c.factor
    FROM corrected AS c
    UNION ALL
    SELECT s.synonym, s.synonym_query, s.synonym_words, 0.75
    FROM synonym AS s
),
term AS MATERIALIZED (
    SELECT min(m.label) AS label, m.query, max(m.factor) * ln(1 + t.products / f.products) AS weight
    FROM search_term AS m
    CROSS JOIN total AS t
    -- A phrase occurs in no more products than its rarest word.
    CROSS JOIN LATERAL (
        SELECT min(coalesce(w.products, 0)) AS products
        FROM unnest(m.words) AS p (word)
        LEFT JOIN retail.search_words AS w ON w.word = p.word
    ) AS f
    WHERE f.products > 0
    GROUP BY m.query, t.products, f.products
),
-- The score of a product with all words in its name. Of the words that occur in no product, those
-- with synonyms do not count, nor short ones, such as the articles of another language.
full_score AS MATERIALIZED (
    SELECT greatest(sum(ln(1 + t.products / coalesce(a.products, 1))), (SELECT max(m.weight) FROM term AS m), 1) AS score
    FROM query_word AS a
    CROSS JOIN total AS t
    WHERE a.products IS NOT NULL
        OR a.word !~ '^[[:alpha:]]{1,3}$'
            AND NOT EXISTS (SELECT FROM synonym AS s WHERE position(quote_literal(a.word) IN s.term_query::text) > 0)
),
scored AS MATERIALIZED (
    SELECT d.product_id, string_agg(t.label, ', ' ORDER BY t.weight DESC, t.label) AS labels,
        -- A single occurrence in a name has the rank 0.6079271.
        sum(t.weight * ts_rank('{0.35, 0.5, 0.6, 1}'::real[], d.document, t.query) / 0.6079271) AS score
    FROM retail.product_search AS d
    JOIN term AS t ON d.document @@ t.query
    WHERE d.document @@ (SELECT string_agg(t.query::text, ' | ')::tsquery FROM term AS t)
        AND d.product_id IN (SELECT p.product_id FROM product AS p)
    GROUP BY d.product_id
),
keyword AS (
    SELECT s.product_id, s.labels, s.score / f.score AS score, rank() OVER (ORDER BY s.score DESC) AS rank
    FROM scored AS s
    CROSS JOIN full_score AS f
    CROSS JOIN total AS t
    -- Products that share only common words with the text are noise. Of a long text, the weight of
    -- three rare words is enough to compare with.
    WHERE s.score >= 0.2 * least(f.score, 3 * ln(1 + t.products)) AND s.score >= 0.3 * (SELECT max(s.score) FROM scored AS s)
    ORDER BY s.score DESC, s.product_id
    LIMIT 100
),
semantic AS (
    SELECT n.product_id, row_number() OVER (ORDER BY n.distance, n.product_id) AS rank
    FROM (
        SELECT e.product_id, e.description_embedding OPERATOR(public.<=>) nullif($1::text, '')::public.vector AS distance
        FROM retail.product_description_embeddings AS e
        WHERE e.model = $2 AND e.dimensions = $3::integer AND $1::text <> ''
            AND e.product_id IN (SELECT p.product_id FROM product AS p)
        ORDER BY distance, e.product_id
        LIMIT 100
    ) AS n
    WHERE n.distance <= $4::double precision
),
-- Reciprocal rank fusion. A product that has all words outweighs one that is merely similar.
hit AS (
    SELECT product_id, w.labels, m.rank IS NOT NULL AS is_similar,
        coalesce(3 * w.score / (60 + w.rank), 0) + coalesce(1.0 / (60 + m.rank), 0) AS score
    FROM keyword AS w
    FULL JOIN semantic AS m USING (product_id)
    ORDER BY score DESC, product_id
    LIMIT $10::integer
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
    concat_ws('; ', 'words: ' || h.labels, CASE WHEN h.is_similar THEN 'meaning' END) AS matched,
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
ORDER BY h.score DESC, p.product_id
