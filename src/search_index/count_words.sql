-- Brings the statistics up to date: in how many products each word occurs. The word '' stands for
-- all products. Always counts, because an earlier run may have been killed before it could; writes
-- only what differs. Searches read the old statistics until the statement ends.
-- Returns how many rows were written or deleted.
WITH counted AS MATERIALIZED (
    SELECT s.word, s.ndoc AS products
    FROM ts_stat('SELECT p.document FROM retail.product_search AS p') AS s
    WHERE s.word <> ''
    UNION ALL
    SELECT '', count(*)::integer FROM retail.product_search HAVING count(*) > 0
),
deleted AS (
    DELETE FROM retail.search_words AS w
    WHERE NOT EXISTS (SELECT FROM counted AS c WHERE c.word = w.word)
    RETURNING w.word
),
written AS (
    INSERT INTO retail.search_words AS w (word, products, trigrams)
    SELECT c.word, c.products,
        -- Of words that people may misspell.
        CASE WHEN c.word ~ '^[a-z]{4,32}$' THEN ARRAY(
            SELECT DISTINCT substr('  ' || c.word || ' ', p.start, 3) FROM generate_series(1, length(c.word) + 1) AS p (start)
        ) ELSE '{}' END
    FROM counted AS c
    -- Not in the conflict's condition, which would lock each row that stays as it is.
    WHERE NOT EXISTS (SELECT FROM retail.search_words AS s WHERE s.word = c.word AND s.products = c.products)
    ON CONFLICT (word) DO UPDATE SET products = excluded.products
    RETURNING w.word
)
SELECT (SELECT count(*) FROM deleted) + (SELECT count(*) FROM written)
