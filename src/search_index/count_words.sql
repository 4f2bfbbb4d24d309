-- Counts in how many products each word occurs. The word '' stands for all products.
INSERT INTO retail.search_words (word, products)
SELECT s.word, s.ndoc FROM ts_stat('SELECT p.document FROM retail.product_search AS p') AS s WHERE s.word <> ''
UNION ALL
SELECT '', count(*)::integer FROM retail.product_search HAVING count(*) > 0
