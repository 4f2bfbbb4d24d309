-- Business statements as a model writes them: each is named by the comment above it and ended by an empty line.

-- Monthly revenue of the last twelve months
SELECT date_trunc('month', o.order_date)::date AS month, sum(i.total_amount) AS revenue
FROM retail.orders AS o JOIN retail.order_items AS i USING (order_id)
WHERE o.order_date >= CURRENT_DATE - interval '12 months'
GROUP BY 1 ORDER BY 1;

-- Revenue by store, best first
SELECT s.store_name, sum(i.total_amount) AS revenue, count(DISTINCT i.order_id) AS orders
FROM retail.order_items i JOIN retail.stores s ON s.store_id = i.store_id
GROUP BY s.store_name ORDER BY revenue DESC LIMIT 20;

-- Online against physical stores
SELECT CASE WHEN s.is_online THEN 'online' ELSE 'physical' END AS channel, count(*) AS orders
FROM retail.orders o JOIN retail.stores s USING (store_id) GROUP BY 1;

-- Month over month change in per cent
WITH monthly AS (
    SELECT date_trunc('month', o.order_date) AS month, sum(i.total_amount) AS revenue
    FROM retail.orders o JOIN retail.order_items i ON i.order_id = o.order_id GROUP BY 1
)
SELECT to_char(month, 'YYYY-MM') AS month, revenue,
       round(100 * (revenue - lag(revenue) OVER (ORDER BY month)) / nullif(lag(revenue) OVER (ORDER BY month), 0), 1) AS change_percent
FROM monthly ORDER BY month DESC LIMIT 24;

-- Growth on the year before
WITH yearly AS (
    SELECT extract(year FROM o.order_date)::int AS year, sum(i.total_amount) AS revenue
    FROM retail.orders o JOIN retail.order_items i USING (order_id) GROUP BY 1
)
SELECT cur.year, cur.revenue, prev.revenue AS last_year, round((cur.revenue / prev.revenue - 1) * 100, 2) AS growth
FROM yearly cur LEFT JOIN yearly prev ON prev.year = cur.year - 1 ORDER BY cur.year;

-- Same month in each year side by side
SELECT extract(month FROM o.order_date) AS month,
       sum(i.total_amount) FILTER (WHERE extract(year FROM o.order_date) = 2024) AS y2024,
       sum(i.total_amount) FILTER (WHERE extract(year FROM o.order_date) = 2025) AS y2025,
       sum(i.total_amount) FILTER (WHERE extract(year FROM o.order_date) = 2026) AS y2026
FROM retail.orders o JOIN retail.order_items i USING (order_id) GROUP BY 1 ORDER BY 1;

-- Running total of revenue within the year
SELECT day, revenue, sum(revenue) OVER (PARTITION BY extract(year FROM day) ORDER BY day ROWS UNBOUNDED PRECEDING) AS year_to_date
FROM (SELECT o.order_date AS day, sum(i.total_amount) AS revenue
      FROM retail.orders o JOIN retail.order_items i USING (order_id) GROUP BY 1) d
ORDER BY day DESC LIMIT 30;

-- Seven-day moving average of orders
SELECT order_date, count(*) AS orders,
       round(avg(count(*)) OVER (ORDER BY order_date ROWS BETWEEN 6 PRECEDING AND CURRENT ROW), 2) AS average_of_week
FROM retail.orders GROUP BY order_date ORDER BY order_date DESC LIMIT 60;

-- Moving sum over a range of days
SELECT order_date, sum(count(*)) OVER (ORDER BY order_date RANGE BETWEEN interval '30 days' PRECEDING AND CURRENT ROW) AS orders_in_30_days
FROM retail.orders GROUP BY order_date ORDER BY order_date DESC LIMIT 30;

-- Best three products of each category
SELECT * FROM (
    SELECT c.category_name, p.product_name, sum(i.total_amount) AS revenue,
           row_number() OVER (PARTITION BY c.category_name ORDER BY sum(i.total_amount) DESC) AS place
    FROM retail.order_items i JOIN retail.products p USING (product_id) JOIN retail.categories c USING (category_id)
    GROUP BY c.category_name, p.product_name
) ranked WHERE place <= 3 ORDER BY category_name, place;

-- Worst sellers that still have stock
SELECT p.product_name, coalesce(sum(i.quantity), 0) AS sold, max(v.stock_level) AS on_hand
FROM retail.products p
JOIN retail.inventory v ON v.product_id = p.product_id
LEFT JOIN retail.order_items i ON i.product_id = p.product_id
GROUP BY p.product_name HAVING max(v.stock_level) > 0 ORDER BY sold, p.product_name LIMIT 20;

-- Products that were never sold here
SELECT p.sku, p.product_name FROM retail.products p
WHERE NOT EXISTS (SELECT 1 FROM retail.order_items i WHERE i.product_id = p.product_id) ORDER BY p.sku;

-- Products without stock by NOT IN
SELECT product_name FROM retail.products
WHERE product_id NOT IN (SELECT product_id FROM retail.inventory WHERE stock_level > 5) ORDER BY product_name;

-- Roll-up by category and type
SELECT c.category_name, t.type_name, sum(i.total_amount) AS revenue
FROM retail.order_items i JOIN retail.products p USING (product_id)
JOIN retail.product_types t ON t.type_id = p.type_id JOIN retail.categories c ON c.category_id = p.category_id
GROUP BY ROLLUP (c.category_name, t.type_name) ORDER BY c.category_name NULLS LAST, t.type_name NULLS LAST;

-- Cube over year and category
SELECT extract(year FROM o.order_date) AS year, c.category_name, sum(i.quantity) AS units, grouping(c.category_name) AS is_total
FROM retail.orders o JOIN retail.order_items i USING (order_id) JOIN retail.products p USING (product_id)
JOIN retail.categories c USING (category_id)
WHERE o.order_date >= '2025-01-01' GROUP BY CUBE (1, c.category_name) ORDER BY 1 NULLS LAST, 2 NULLS LAST;

-- Grouping sets of store, month and all
SELECT s.store_name, date_trunc('quarter', o.order_date)::date AS quarter, count(*) AS orders
FROM retail.orders o JOIN retail.stores s USING (store_id) WHERE o.order_date > '2025-06-30'
GROUP BY GROUPING SETS ((s.store_name, date_trunc('quarter', o.order_date)), (s.store_name), ()) ORDER BY 1, 2;

-- Median, quartiles and ninetieth percentile of order lines
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total_amount) AS median,
       percentile_cont(ARRAY[0.25, 0.75, 0.9]) WITHIN GROUP (ORDER BY total_amount) AS quantiles,
       percentile_disc(0.99) WITHIN GROUP (ORDER BY total_amount) AS p99
FROM retail.order_items;

-- Most frequent quantity per category
SELECT c.category_name, mode() WITHIN GROUP (ORDER BY i.quantity) AS usual_quantity
FROM retail.order_items i JOIN retail.products p USING (product_id) JOIN retail.categories c USING (category_id)
GROUP BY 1 ORDER BY 1;

-- Spread of basket values
SELECT count(*) AS baskets, round(avg(total), 2) AS mean, round(stddev_samp(total), 2) AS deviation, min(total), max(total)
FROM (SELECT order_id, sum(total_amount) AS total FROM retail.order_items GROUP BY order_id) b;

-- Average order value by month
SELECT to_char(o.order_date, 'YYYY-MM') AS month, round(sum(i.total_amount) / count(DISTINCT o.order_id), 2) AS average_order
FROM retail.orders o JOIN retail.order_items i USING (order_id) GROUP BY 1 ORDER BY 1 DESC LIMIT 24;

-- Correlation of discount and quantity
SELECT corr(discount_percent, quantity) AS r, regr_slope(quantity, discount_percent) AS slope, regr_r2(quantity, discount_percent) AS fit
FROM retail.order_items;

-- Orders by day of the week
SELECT to_char(order_date, 'Day') AS weekday, extract(isodow FROM order_date) AS n, count(*) AS orders
FROM retail.orders GROUP BY 1, 2 ORDER BY 2;

-- Seasonal share of the year
SELECT extract(quarter FROM order_date) AS quarter, count(*) AS orders,
       round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS share
FROM retail.orders GROUP BY 1 ORDER BY 1;

-- Bar chart of orders by month
SELECT to_char(date_trunc('month', order_date), 'Mon YYYY') AS month, count(*) AS orders,
       repeat('█', (40 * count(*) / max(count(*)) OVER ())::int) AS bar
FROM retail.orders WHERE order_date >= '2026-01-01' GROUP BY date_trunc('month', order_date) ORDER BY date_trunc('month', order_date);

-- Bar chart with a padded label
SELECT rpad(c.category_name, 30, '.') || ' ' || repeat('#', greatest(1, (sum(i.quantity) / 500)::int)) AS chart
FROM retail.order_items i JOIN retail.products p USING (product_id) JOIN retail.categories c USING (category_id)
GROUP BY c.category_name ORDER BY sum(i.quantity) DESC;

-- Every day of a month, also those without orders
SELECT d::date AS day, count(o.order_id) AS orders
FROM generate_series(date '2026-10-01', date '2026-10-31', interval '1 day') AS d
LEFT JOIN retail.orders o ON o.order_date = d::date GROUP BY d ORDER BY d;

-- Month spine with a recursive query
WITH RECURSIVE months AS (
    SELECT date '2025-01-01' AS month
    UNION ALL
    SELECT (month + interval '1 month')::date FROM months WHERE month < date '2025-12-01'
)
SELECT m.month, coalesce(sum(i.total_amount), 0) AS revenue
FROM months m LEFT JOIN retail.orders o ON date_trunc('month', o.order_date)::date = m.month
LEFT JOIN retail.order_items i USING (order_id) GROUP BY m.month ORDER BY m.month;

-- Hours of a day as a calendar
SELECT to_char(h, 'HH24:MI') AS hour FROM generate_series(timestamp '2026-01-01', timestamp '2026-01-01 23:00', interval '1 hour') AS h;

-- Weeks of the last quarter by date_bin
SELECT date_bin(interval '7 days', order_date::timestamp, timestamp '2026-01-05') AS week, count(*) AS orders
FROM retail.orders WHERE order_date >= date '2026-08-01' GROUP BY 1 ORDER BY 1;

-- Histogram of line totals by width_bucket
SELECT width_bucket(total_amount, 0, 1000, 10) AS bucket, count(*) AS lines, min(total_amount), max(total_amount)
FROM retail.order_items GROUP BY 1 ORDER BY 1;

-- Price bands by CASE
SELECT CASE WHEN base_price < 10 THEN 'under 10' WHEN base_price < 50 THEN '10 to 50' WHEN base_price < 200 THEN '50 to 200' ELSE 'over 200' END AS band,
       count(*) AS products, round(avg(gross_margin_percent), 1) AS margin
FROM retail.products GROUP BY 1 ORDER BY min(base_price);

-- Latest order of each customer by DISTINCT ON
SELECT DISTINCT ON (o.customer_id) c.first_name, c.last_name, o.order_date
FROM retail.orders o JOIN retail.customers c USING (customer_id)
ORDER BY o.customer_id, o.order_date DESC LIMIT 20;

-- Latest three orders of the best customers by LATERAL
SELECT c.first_name || ' ' || c.last_name AS customer, l.order_date, l.amount
FROM (SELECT o.customer_id FROM retail.orders o JOIN retail.order_items i USING (order_id)
      GROUP BY 1 ORDER BY sum(i.total_amount) DESC LIMIT 5) best
JOIN retail.customers c USING (customer_id)
CROSS JOIN LATERAL (
    SELECT o.order_date, sum(i.total_amount) AS amount FROM retail.orders o JOIN retail.order_items i USING (order_id)
    WHERE o.customer_id = c.customer_id GROUP BY o.order_id, o.order_date ORDER BY o.order_date DESC LIMIT 3
) l;

-- Customers by spending, with their share
SELECT c.first_name, c.last_name, sum(i.total_amount) AS spent,
       round(100 * sum(i.total_amount) / sum(sum(i.total_amount)) OVER (), 3) AS share_percent
FROM retail.customers c JOIN retail.orders o USING (customer_id) JOIN retail.order_items i USING (order_id)
GROUP BY c.customer_id, c.first_name, c.last_name ORDER BY spent DESC LIMIT 25;

-- Pareto: products that make eighty per cent of revenue
WITH revenue AS (
    SELECT product_id, sum(total_amount) AS amount FROM retail.order_items GROUP BY product_id
), ranked AS (
    SELECT product_id, amount, sum(amount) OVER (ORDER BY amount DESC) / sum(amount) OVER () AS cumulative FROM revenue
)
SELECT count(*) FILTER (WHERE cumulative <= 0.8) AS products, count(*) AS of_all FROM ranked;

-- Recency, frequency and money
WITH rfm AS (
    SELECT o.customer_id, CURRENT_DATE - max(o.order_date) AS recency, count(DISTINCT o.order_id) AS frequency, sum(i.total_amount) AS money
    FROM retail.orders o JOIN retail.order_items i USING (order_id) GROUP BY o.customer_id
), scored AS (
    SELECT customer_id, ntile(5) OVER (ORDER BY recency DESC) AS r, ntile(5) OVER (ORDER BY frequency) AS f, ntile(5) OVER (ORDER BY money) AS m FROM rfm
)
SELECT r, f, m, count(*) AS customers FROM scored GROUP BY r, f, m ORDER BY r DESC, f DESC, m DESC LIMIT 20;

-- Segments named after recency and frequency
WITH activity AS (
    SELECT customer_id, max(order_date) AS last_order, count(*) AS orders FROM retail.orders GROUP BY customer_id
)
SELECT CASE WHEN last_order > CURRENT_DATE - 180 AND orders >= 5 THEN 'champion'
            WHEN last_order > CURRENT_DATE - 180 THEN 'active'
            WHEN orders >= 5 THEN 'at risk' ELSE 'lost' END AS segment, count(*) AS customers
FROM activity GROUP BY 1 ORDER BY 2 DESC;

-- Cohorts by first order and months since
WITH firsts AS (
    SELECT customer_id, date_trunc('month', min(order_date)) AS cohort FROM retail.orders GROUP BY customer_id
)
SELECT to_char(f.cohort, 'YYYY-MM') AS cohort,
       (extract(year FROM age(date_trunc('month', o.order_date), f.cohort)) * 12 + extract(month FROM age(date_trunc('month', o.order_date), f.cohort)))::int AS months_since,
       count(DISTINCT o.customer_id) AS customers
FROM firsts f JOIN retail.orders o USING (customer_id)
WHERE f.cohort >= '2025-01-01' GROUP BY 1, 2 ORDER BY 1, 2;

-- Retention of one year's customers in the next
WITH y25 AS (SELECT DISTINCT customer_id FROM retail.orders WHERE order_date BETWEEN '2025-01-01' AND '2025-12-31'),
     y26 AS (SELECT DISTINCT customer_id FROM retail.orders WHERE order_date >= '2026-01-01')
SELECT count(*) AS customers_2025, count(y26.customer_id) AS returned, round(100.0 * count(y26.customer_id) / count(*), 1) AS retention
FROM y25 LEFT JOIN y26 USING (customer_id);

-- New against returning customers by month
WITH numbered AS (
    SELECT order_date, row_number() OVER (PARTITION BY customer_id ORDER BY order_date, order_id) AS nth FROM retail.orders
)
SELECT date_trunc('month', order_date)::date AS month, count(*) FILTER (WHERE nth = 1) AS new_customers, count(*) FILTER (WHERE nth > 1) AS repeat_orders
FROM numbered WHERE order_date >= '2026-01-01' GROUP BY 1 ORDER BY 1;

-- Days between a customer's orders
SELECT round(avg(gap), 1) AS average_days, percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) AS median_days
FROM (SELECT order_date - lag(order_date) OVER (PARTITION BY customer_id ORDER BY order_date) AS gap FROM retail.orders) g
WHERE gap IS NOT NULL;

-- Customers that have gone quiet
SELECT c.first_name, c.last_name, max(o.order_date) AS last_order, age(CURRENT_DATE, max(o.order_date)) AS quiet_for
FROM retail.customers c JOIN retail.orders o USING (customer_id)
GROUP BY c.customer_id, c.first_name, c.last_name
HAVING max(o.order_date) < CURRENT_DATE - interval '1 year' ORDER BY last_order LIMIT 20;

-- Pairs of products bought together
SELECT a.product_name AS first_product, b.product_name AS second_product, count(*) AS together
FROM retail.order_items x JOIN retail.order_items y ON y.order_id = x.order_id AND y.product_id > x.product_id
JOIN retail.products a ON a.product_id = x.product_id JOIN retail.products b ON b.product_id = y.product_id
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 15;

-- Support and lift of category pairs
WITH baskets AS (
    SELECT DISTINCT i.order_id, p.category_id FROM retail.order_items i JOIN retail.products p USING (product_id)
), totals AS (SELECT count(DISTINCT order_id)::numeric AS n FROM baskets),
single AS (SELECT category_id, count(*) AS n FROM baskets GROUP BY category_id)
SELECT ca.category_name AS a, cb.category_name AS b, count(*) AS baskets,
       round(count(*) * t.n / (sa.n * sb.n), 3) AS lift
FROM baskets x JOIN baskets y ON y.order_id = x.order_id AND x.category_id < y.category_id
JOIN single sa ON sa.category_id = x.category_id JOIN single sb ON sb.category_id = y.category_id
JOIN retail.categories ca ON ca.category_id = x.category_id JOIN retail.categories cb ON cb.category_id = y.category_id
CROSS JOIN totals t GROUP BY 1, 2, t.n, sa.n, sb.n ORDER BY lift DESC LIMIT 10;

-- Size of baskets
SELECT lines, count(*) AS baskets FROM (SELECT order_id, count(*) AS lines FROM retail.order_items GROUP BY order_id) b
GROUP BY lines ORDER BY lines;

-- Discounts given by category
SELECT c.category_name, sum(i.discount_amount) AS given, round(100 * sum(i.discount_amount) / nullif(sum(i.quantity * i.unit_price), 0), 2) AS rate
FROM retail.order_items i JOIN retail.products p ON p.product_id = i.product_id JOIN retail.categories c ON c.category_id = p.category_id
GROUP BY 1 ORDER BY given DESC;

-- Gross profit by product type
SELECT t.type_name, sum(i.total_amount - i.quantity * p.cost) AS profit,
       round(100 * sum(i.total_amount - i.quantity * p.cost) / sum(i.total_amount), 1) AS margin
FROM retail.order_items i JOIN retail.products p USING (product_id) JOIN retail.product_types t USING (type_id)
GROUP BY t.type_name HAVING sum(i.total_amount) > 1000 ORDER BY profit DESC LIMIT 15;

-- Products priced above their category's average
SELECT p.product_name, p.base_price, c.category_name FROM retail.products p JOIN retail.categories c USING (category_id)
WHERE p.base_price > (SELECT 2 * avg(q.base_price) FROM retail.products q WHERE q.category_id = p.category_id)
ORDER BY p.base_price DESC LIMIT 20;

-- Most expensive product of each type with all ties
SELECT t.type_name, p.product_name, p.base_price FROM retail.products p JOIN retail.product_types t USING (type_id)
WHERE (p.type_id, p.base_price) IN (SELECT type_id, max(base_price) FROM retail.products GROUP BY type_id) ORDER BY 1;

-- Dearer than every hand tool
SELECT product_name FROM retail.products
WHERE base_price > ALL (SELECT base_price FROM retail.products JOIN retail.categories USING (category_id) WHERE category_name = 'HAND TOOLS');

-- Any of several categories
SELECT count(*) FROM retail.products p JOIN retail.categories c USING (category_id) WHERE c.category_name = ANY (ARRAY['PLUMBING', 'ELECTRICAL']);

-- Stock value of the store
SELECT s.store_name, sum(v.stock_level * p.cost) AS stock_value, sum(v.stock_level) AS units
FROM retail.inventory v JOIN retail.products p USING (product_id) JOIN retail.stores s USING (store_id) GROUP BY s.store_name;

-- Days that the stock will last
WITH sold AS (
    SELECT i.product_id, sum(i.quantity) / 90.0 AS per_day FROM retail.order_items i JOIN retail.orders o USING (order_id)
    WHERE o.order_date > CURRENT_DATE - 90 GROUP BY i.product_id
)
SELECT p.product_name, v.stock_level, round(v.stock_level / sold.per_day) AS days_left
FROM retail.inventory v JOIN sold USING (product_id) JOIN retail.products p USING (product_id)
WHERE sold.per_day > 0 ORDER BY days_left, p.product_name LIMIT 20;

-- Low stock alert
SELECT p.sku, p.product_name, v.stock_level FROM retail.inventory v JOIN retail.products p USING (product_id)
WHERE v.stock_level < 10 ORDER BY v.stock_level, p.sku LIMIT 50;

-- Stock bands by FILTER
SELECT count(*) FILTER (WHERE stock_level = 0) AS none, count(*) FILTER (WHERE stock_level BETWEEN 1 AND 20) AS low,
       count(*) FILTER (WHERE stock_level > 20) AS enough FROM retail.inventory;

-- ABC classes of the assortment
SELECT class, count(*) AS products, sum(amount) AS revenue FROM (
    SELECT product_id, amount, CASE WHEN share <= 0.7 THEN 'A' WHEN share <= 0.9 THEN 'B' ELSE 'C' END AS class
    FROM (SELECT product_id, sum(total_amount) AS amount,
                 sum(sum(total_amount)) OVER (ORDER BY sum(total_amount) DESC) / sum(sum(total_amount)) OVER () AS share
          FROM retail.order_items GROUP BY product_id) s
) c GROUP BY class ORDER BY class;

-- Products named like a drill
SELECT product_name, base_price FROM retail.products WHERE product_name ILIKE '%drill%' ORDER BY base_price;

-- Description matches a pattern
SELECT product_name FROM retail.products WHERE product_description ~* '\m(cordless|battery)\M' ORDER BY 1 LIMIT 20;

-- Names that do not match, case-insensitively
SELECT count(*) FROM retail.products WHERE product_name !~* 'hammer' AND product_name NOT ILIKE '%saw%';

-- Similar to a pattern of SQL's own
SELECT product_name FROM retail.products WHERE product_name SIMILAR TO '%(Hammer|Wrench)%' ORDER BY 1 LIMIT 10;

-- Size in inches taken from the name
SELECT product_name, (regexp_match(product_name, '(\d+)\s*in'))[1]::int AS inches
FROM retail.products WHERE product_name ~ '\d+\s*in' ORDER BY 2 DESC NULLS LAST LIMIT 20;

-- First word of each product name, counted
SELECT split_part(product_name, ' ', 1) AS word, count(*) AS n FROM retail.products GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 15;

-- Words of the descriptions
SELECT lower(w.word) AS word, count(*) AS n
FROM retail.products p CROSS JOIN LATERAL regexp_split_to_table(p.product_description, '\W+') AS w(word)
WHERE length(w.word) > 5 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20;

-- Words by string_to_table
SELECT s.part, count(*) FROM retail.products, LATERAL string_to_table(product_name, ' ') AS s(part) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10;

-- Full-text search with rank
SELECT product_name, ts_rank(to_tsvector('english', product_description), websearch_to_tsquery('english', 'cordless drill')) AS rank
FROM retail.products WHERE to_tsvector('english', product_description) @@ websearch_to_tsquery('english', 'drill or saw')
ORDER BY rank DESC, 1 LIMIT 10;

-- Lists of products by category
SELECT c.category_name, string_agg(DISTINCT t.type_name, ', ' ORDER BY t.type_name) AS types
FROM retail.product_types t JOIN retail.categories c USING (category_id) GROUP BY 1 ORDER BY 1;

-- Arrays of the dearest products
SELECT c.category_name, (array_agg(p.product_name ORDER BY p.base_price DESC))[1:3] AS dearest
FROM retail.products p JOIN retail.categories c USING (category_id) GROUP BY 1 ORDER BY 1;

-- An object for each category
SELECT jsonb_build_object('category', c.category_name, 'products', count(*), 'prices', jsonb_build_array(min(p.base_price), max(p.base_price))) AS doc
FROM retail.products p JOIN retail.categories c USING (category_id) GROUP BY c.category_name ORDER BY c.category_name;

-- Nested documents by jsonb_agg
SELECT jsonb_agg(jsonb_build_object('sku', sku, 'price', base_price) ORDER BY base_price DESC) AS products
FROM retail.products WHERE category_id = 1;

-- One object keyed by store
SELECT json_object_agg(s.store_name, s.is_online ORDER BY s.store_name) FROM retail.stores s;

-- Rows as JSON
SELECT row_to_json(c) FROM (SELECT category_id, category_name FROM retail.categories ORDER BY 1 LIMIT 3) c;

-- Values taken out of JSON
SELECT doc ->> 'sku' AS sku, (doc -> 'price')::text::numeric AS price, doc #>> '{tags,0}' AS tag
FROM (VALUES ('{"sku": "A1", "price": 12.5, "tags": ["new"]}'::jsonb), ('{"sku": "B2", "price": 3, "tags": []}')) AS v(doc);

-- JSON keys and values as rows
SELECT e.key, e.value FROM jsonb_each_text('{"spring": 0.9, "autumn": 1.2}') AS e ORDER BY e.value::numeric DESC;

-- Percentage pivot of channels by quarter
SELECT date_trunc('quarter', o.order_date)::date AS quarter,
       round(100.0 * sum(CASE WHEN s.is_online THEN i.total_amount ELSE 0 END) / sum(i.total_amount), 1) AS online_percent
FROM retail.orders o JOIN retail.order_items i USING (order_id) JOIN retail.stores s ON s.store_id = o.store_id
WHERE o.order_date >= '2025-01-01' GROUP BY 1 ORDER BY 1;

-- Pivot of categories by CASE
SELECT extract(year FROM o.order_date)::int AS year,
       sum(CASE c.category_name WHEN 'HAND TOOLS' THEN i.total_amount END) AS hand_tools,
       sum(CASE c.category_name WHEN 'POWER TOOLS' THEN i.total_amount END) AS power_tools,
       sum(CASE WHEN c.category_name NOT IN ('HAND TOOLS', 'POWER TOOLS') THEN i.total_amount END) AS others
FROM retail.orders o JOIN retail.order_items i USING (order_id) JOIN retail.products p USING (product_id) JOIN retail.categories c USING (category_id)
GROUP BY 1 ORDER BY 1;

-- Products near in meaning to the first hammer
SELECT p.product_name, e.description_embedding <=> q.description_embedding AS distance
FROM retail.product_description_embeddings e JOIN retail.products p USING (product_id),
     (SELECT description_embedding FROM retail.product_description_embeddings ORDER BY product_id LIMIT 1) q
ORDER BY distance, p.product_name LIMIT 10;

-- Nearest product in another category
SELECT a.product_name, n.product_name AS neighbor, round(n.distance::numeric, 3) AS distance
FROM (SELECT p.product_id, p.product_name, p.category_id, e.description_embedding AS v FROM retail.products p
      JOIN retail.product_description_embeddings e USING (product_id) ORDER BY p.product_id LIMIT 5) a
CROSS JOIN LATERAL (
    SELECT p.product_name, cosine_distance(e.description_embedding, a.v) AS distance
    FROM retail.product_description_embeddings e JOIN retail.products p USING (product_id)
    WHERE p.category_id <> a.category_id ORDER BY distance LIMIT 1
) n;

-- Dimensions and norm of vectors
SELECT model, vector_dims(description_embedding) AS dimensions, round(avg(vector_norm(description_embedding))::numeric, 3) AS norm, count(*)
FROM retail.product_description_embeddings GROUP BY 1, 2;

-- Customers of this and of that year
SELECT customer_id FROM retail.orders WHERE order_date >= '2026-01-01'
INTERSECT SELECT customer_id FROM retail.orders WHERE order_date BETWEEN '2024-01-01' AND '2024-12-31' ORDER BY 1 LIMIT 50;

-- Customers of last year who did not come back
SELECT count(*) FROM (
    SELECT customer_id FROM retail.orders WHERE order_date BETWEEN '2025-01-01' AND '2025-12-31'
    EXCEPT SELECT customer_id FROM retail.orders WHERE order_date >= '2026-01-01'
) gone;

-- Total under the lines by UNION ALL
SELECT category_name, n FROM (
    SELECT c.category_name, count(*) AS n, 0 AS place FROM retail.products p JOIN retail.categories c USING (category_id) GROUP BY 1
    UNION ALL SELECT 'Total', count(*), 1 FROM retail.products
) x ORDER BY place, n DESC;

-- Tables side by side by VALUES
SELECT v.label, v.low, v.high, (SELECT count(*) FROM retail.products p WHERE p.base_price >= v.low AND p.base_price < v.high) AS products
FROM (VALUES ('cheap', 0, 20), ('middle', 20, 100), ('dear', 100, 100000)) AS v(label, low, high);

-- A list by VALUES alone
VALUES (1, 'one'), (2, 'two'), (3, 'three') ORDER BY 1 DESC;

-- A whole small table
TABLE retail.categories;

-- First rows by FETCH
SELECT product_name, base_price FROM retail.products ORDER BY base_price DESC FETCH FIRST 5 ROWS ONLY;

-- First rows with ties
SELECT quantity, product_id FROM retail.order_items ORDER BY quantity DESC FETCH FIRST 3 ROWS WITH TIES;

-- Second page
SELECT sku, product_name FROM retail.products ORDER BY sku LIMIT 10 OFFSET 10;

-- What the date says in several forms
SELECT CURRENT_DATE AS today, date_trunc('week', CURRENT_DATE)::date AS monday, (date_trunc('month', CURRENT_DATE) + interval '1 month - 1 day')::date AS month_end,
       to_char(CURRENT_DATE, 'FMDay, DD Month YYYY') AS spoken, extract(week FROM CURRENT_DATE) AS week, now()::date - 30 AS a_month_ago;

-- Fiscal year that begins in July
SELECT extract(year FROM order_date + interval '6 months')::int AS fiscal_year, count(*) AS orders FROM retail.orders GROUP BY 1 ORDER BY 1;

-- First and last order of the store
SELECT min(order_date) AS first, max(order_date) AS last, max(order_date) - min(order_date) AS days, justify_interval((max(order_date) - min(order_date)) * interval '1 day') AS span
FROM retail.orders;

-- Weekend against weekday
SELECT CASE WHEN extract(dow FROM order_date) IN (0, 6) THEN 'weekend' ELSE 'weekday' END AS part, count(*) AS orders, count(DISTINCT order_date) AS days
FROM retail.orders GROUP BY 1;

-- Holiday season by overlapping periods
SELECT count(*) FROM retail.orders WHERE (order_date, order_date) OVERLAPS (date '2025-11-20', date '2025-12-26');

-- Orders within a range type
SELECT count(*) FROM retail.orders WHERE order_date <@ daterange('2026-03-01', '2026-06-01');

-- Range of each quarter
SELECT daterange(q::date, (q + interval '3 months')::date) AS quarter, count(o.order_id)
FROM generate_series(timestamp '2025-01-01', timestamp '2025-10-01', interval '3 months') AS q
LEFT JOIN retail.orders o ON o.order_date <@ daterange(q::date, (q + interval '3 months')::date) GROUP BY q ORDER BY q;

-- Age of customers' accounts in months
SELECT round(avg(extract(epoch FROM now() - created_at) / 2629800)::numeric, 1) AS months FROM retail.customers;

-- Customers joined by quarter
SELECT to_char(created_at, 'YYYY"-Q"Q') AS quarter, count(*) AS joined FROM retail.customers GROUP BY 1 ORDER BY 1 DESC LIMIT 8;

-- Local hour of registration
SELECT extract(hour FROM created_at AT TIME ZONE 'UTC' AT TIME ZONE 'America/Los_Angeles') AS hour, count(*) FROM retail.customers GROUP BY 1 ORDER BY 1;

-- Domains of e-mail addresses
SELECT split_part(email, '@', 2) AS domain, count(*) FROM retail.customers GROUP BY 1 ORDER BY 2 DESC LIMIT 10;

-- Masked e-mail addresses
SELECT left(email, 2) || repeat('*', greatest(position('@' IN email) - 3, 1)) || substring(email FROM '@.*$') AS masked FROM retail.customers ORDER BY customer_id LIMIT 10;

-- Area codes of telephone numbers
SELECT substring(phone FROM '\((\d{3})\)') AS area, count(*) FROM retail.customers WHERE phone IS NOT NULL GROUP BY 1 ORDER BY 2 DESC;

-- Initials and lengths of names
SELECT upper(left(first_name, 1) || left(last_name, 1)) AS initials, count(*), max(char_length(last_name)) FROM retail.customers GROUP BY 1 ORDER BY 2 DESC LIMIT 10;

-- Most frequent last names
SELECT initcap(lower(last_name)) AS name, count(*) AS n, dense_rank() OVER (ORDER BY count(*) DESC) AS place FROM retail.customers GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10;

-- Customers without a telephone number or an order
SELECT count(*) FILTER (WHERE phone IS NULL) AS no_phone,
       count(*) FILTER (WHERE NOT EXISTS (SELECT 1 FROM retail.orders o WHERE o.customer_id = c.customer_id)) AS no_order
FROM retail.customers c;

-- Customers whose main store is another
SELECT s.store_name, count(*) AS customers FROM retail.customers c JOIN retail.stores s ON s.store_id = c.primary_store_id GROUP BY 1 ORDER BY 2 DESC;

-- Customers with at least ten orders
SELECT c.first_name, c.last_name, count(*) AS orders FROM retail.customers c JOIN retail.orders o ON o.customer_id = c.customer_id
GROUP BY c.customer_id, c.first_name, c.last_name HAVING count(*) >= 3 ORDER BY orders DESC, c.last_name LIMIT 10;

-- Order counts as a distribution
SELECT orders, count(*) AS customers FROM (SELECT customer_id, count(*) AS orders FROM retail.orders GROUP BY 1) x GROUP BY orders ORDER BY orders;

-- Lifetime value in deciles
SELECT decile, count(*) AS customers, round(min(spent), 2) AS from_amount, round(max(spent), 2) AS to_amount
FROM (SELECT o.customer_id, sum(i.total_amount) AS spent, ntile(10) OVER (ORDER BY sum(i.total_amount)) AS decile
      FROM retail.orders o JOIN retail.order_items i USING (order_id) GROUP BY o.customer_id) d
GROUP BY decile ORDER BY decile;

-- Percent rank of products by revenue
SELECT p.product_name, round(percent_rank() OVER (ORDER BY sum(i.total_amount))::numeric, 3) AS rank, round(cume_dist() OVER (ORDER BY sum(i.total_amount))::numeric, 3) AS cumulative
FROM retail.order_items i JOIN retail.products p USING (product_id) GROUP BY p.product_id, p.product_name ORDER BY 2 DESC LIMIT 10;

-- First and last value of a window
SELECT DISTINCT extract(year FROM order_date)::int AS year, first_value(order_date) OVER w AS first, last_value(order_date) OVER w AS last
FROM retail.orders WINDOW w AS (PARTITION BY extract(year FROM order_date) ORDER BY order_date ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
ORDER BY 1;

-- Three windows by one name
SELECT month, n, sum(n) OVER w AS total, avg(n) OVER w AS mean, lead(n, 1, 0) OVER (ORDER BY month) AS next
FROM (SELECT date_trunc('month', order_date)::date AS month, count(*) AS n FROM retail.orders WHERE order_date >= '2025-01-01' GROUP BY 1) m
WINDOW w AS (ORDER BY month ROWS 2 PRECEDING) ORDER BY month;

-- Best month of each year
SELECT year, month, revenue FROM (
    SELECT extract(year FROM o.order_date)::int AS year, to_char(o.order_date, 'Month') AS month, sum(i.total_amount) AS revenue,
           rank() OVER (PARTITION BY extract(year FROM o.order_date)::int ORDER BY sum(i.total_amount) DESC) AS place
    FROM retail.orders o JOIN retail.order_items i USING (order_id) GROUP BY 1, 2
) x WHERE place = 1 ORDER BY year;

-- Days with more than twice the usual orders
WITH days AS (SELECT order_date, count(*) AS n FROM retail.orders GROUP BY order_date),
     usual AS (SELECT avg(n) AS mean, stddev_pop(n) AS deviation FROM days)
SELECT d.order_date, d.n, round((d.n - u.mean) / nullif(u.deviation, 0), 2) AS z
FROM days d CROSS JOIN usual u WHERE d.n > 2 * u.mean ORDER BY z DESC LIMIT 20;

-- Gaps of days without orders
SELECT previous, order_date, order_date - previous - 1 AS days_between
FROM (SELECT order_date, lag(order_date) OVER (ORDER BY order_date) AS previous FROM (SELECT DISTINCT order_date FROM retail.orders) d) g
WHERE order_date - previous > 1 ORDER BY 3 DESC LIMIT 10;

-- Islands of consecutive days
SELECT min(order_date) AS begins, max(order_date) AS ends, count(*) AS days
FROM (SELECT order_date, order_date - (row_number() OVER (ORDER BY order_date))::int AS island FROM (SELECT DISTINCT order_date FROM retail.orders) d) g
GROUP BY island ORDER BY 3 DESC LIMIT 5;

-- Compound growth over the years
WITH y AS (SELECT extract(year FROM o.order_date)::int AS year, sum(i.total_amount) AS revenue
           FROM retail.orders o JOIN retail.order_items i USING (order_id) WHERE o.order_date < '2026-01-01' GROUP BY 1)
SELECT round(((power((max(revenue) FILTER (WHERE year = 2025) / max(revenue) FILTER (WHERE year = 2020))::float8, 1.0 / 5) - 1) * 100)::numeric, 2) AS percent_a_year FROM y;

-- Straight line through monthly revenue
WITH m AS (SELECT row_number() OVER (ORDER BY date_trunc('month', o.order_date)) AS x, sum(i.total_amount)::float8 AS y
           FROM retail.orders o JOIN retail.order_items i USING (order_id) GROUP BY date_trunc('month', o.order_date))
SELECT round(regr_slope(y, x)::numeric, 2) AS slope, round(regr_intercept(y, x)::numeric, 2) AS base, regr_count(y, x) AS months FROM m;

-- Forecast of the next month by the mean of the last three
SELECT round(avg(revenue), 2) AS forecast FROM (
    SELECT date_trunc('month', o.order_date) AS month, sum(i.total_amount) AS revenue FROM retail.orders o JOIN retail.order_items i USING (order_id)
    WHERE o.order_date < date_trunc('month', CURRENT_DATE) GROUP BY 1 ORDER BY 1 DESC LIMIT 3) last_three;

-- Seasonal index of the months
WITH m AS (SELECT extract(month FROM o.order_date)::int AS month, extract(year FROM o.order_date)::int AS year, sum(i.total_amount) AS revenue
           FROM retail.orders o JOIN retail.order_items i USING (order_id) WHERE o.order_date < '2026-01-01' GROUP BY 1, 2)
SELECT month, round(avg(revenue) / (SELECT avg(revenue) FROM m), 3) AS index FROM m GROUP BY month ORDER BY month;

-- Growth by store and year with both totals
SELECT coalesce(s.store_name, 'All stores') AS store, coalesce(extract(year FROM o.order_date)::text, 'all years') AS year, count(*) AS orders
FROM retail.orders o JOIN retail.stores s USING (store_id) GROUP BY CUBE (s.store_name, extract(year FROM o.order_date)) ORDER BY 1, 2;

-- Units by type with subtotals marked
SELECT CASE WHEN grouping(c.category_name) = 1 THEN 'Grand total' ELSE c.category_name END AS category,
       CASE WHEN grouping(t.type_name) = 1 THEN 'Subtotal' ELSE t.type_name END AS type, sum(i.quantity) AS units
FROM retail.order_items i JOIN retail.products p USING (product_id) JOIN retail.product_types t USING (type_id)
JOIN retail.categories c ON c.category_id = t.category_id
GROUP BY ROLLUP (c.category_name, t.type_name) ORDER BY grouping(c.category_name), 1, grouping(t.type_name), 2;

-- Spread of margins by category
SELECT c.category_name, min(p.gross_margin_percent), max(p.gross_margin_percent), round(variance(p.base_price), 1) AS price_variance
FROM retail.products p JOIN retail.categories c USING (category_id) GROUP BY c.category_name;

-- Mark-up and what a discount would leave
SELECT product_name, cost, base_price, round((base_price - cost) / cost * 100, 1) AS markup, round(base_price * (1 - 0.15), 2) AS after_discount,
       greatest(round(base_price * 0.85 - cost, 2), 0) AS left_over
FROM retail.products ORDER BY markup DESC, product_id LIMIT 10;

-- Prices rounded in several ways
SELECT product_name, ceil(base_price) AS up, floor(base_price) AS down, trunc(base_price, 1) AS cut, base_price::int AS whole, mod(base_price::int, 10) AS last_digit
FROM retail.products ORDER BY product_id LIMIT 10;

-- Prices that end in ninety-nine
SELECT count(*) FILTER (WHERE base_price - floor(base_price) = 0.99) AS ninety_nine, count(*) AS all_products FROM retail.products;

-- Money written for people
SELECT c.category_name, to_char(sum(i.total_amount), 'FM$999,999,999.00') AS revenue, to_char(avg(i.discount_percent), '990.0%') AS discount
FROM retail.order_items i JOIN retail.products p USING (product_id) JOIN retail.categories c USING (category_id) GROUP BY 1 ORDER BY sum(i.total_amount) DESC;

-- Logarithmic size classes of orders
SELECT floor(log(10, total))::int AS magnitude, count(*) FROM (SELECT sum(total_amount) AS total FROM retail.order_items GROUP BY order_id) o WHERE total > 0 GROUP BY 1 ORDER BY 1;

-- Geometric mean of prices
SELECT round(exp(avg(ln(base_price)))::numeric, 2) AS geometric_mean, round(sqrt(avg(base_price * base_price))::numeric, 2) AS root_mean_square FROM retail.products;

-- Weighted average discount
SELECT round(sum(discount_percent * quantity)::numeric / sum(quantity), 3) AS weighted FROM retail.order_items;

-- Does a discount sell more units
SELECT discount_percent, count(*) AS lines, round(avg(quantity), 3) AS mean_quantity FROM retail.order_items GROUP BY discount_percent ORDER BY discount_percent;

-- Lines whose total does not fit
SELECT count(*) FROM retail.order_items WHERE abs(quantity * unit_price - discount_amount - total_amount) > 0.01;

-- Price paid against the list price
SELECT p.product_name, p.base_price, min(i.unit_price) AS lowest, max(i.unit_price) AS highest
FROM retail.products p JOIN retail.order_items i USING (product_id) GROUP BY p.product_id, p.product_name, p.base_price
HAVING max(i.unit_price) IS DISTINCT FROM p.base_price ORDER BY 1 LIMIT 10;

-- Substitutes of the same type with a similar price
SELECT a.product_name, b.product_name AS similar, abs(a.base_price - b.base_price) AS difference
FROM retail.products a JOIN retail.products b ON b.type_id = a.type_id AND b.product_id > a.product_id AND b.base_price BETWEEN a.base_price * 0.9 AND a.base_price * 1.1
ORDER BY 3, 1, 2 LIMIT 15;

-- Categories without a sale in a month
SELECT c.category_name FROM retail.categories c
WHERE NOT EXISTS (SELECT FROM retail.order_items i JOIN retail.products p USING (product_id) JOIN retail.orders o USING (order_id)
                  WHERE p.category_id = c.category_id AND o.order_date BETWEEN '2026-10-01' AND '2026-10-31');

-- Every store and category, also where nothing was sold
SELECT s.store_name, c.category_name, coalesce(sum(i.total_amount), 0) AS revenue
FROM retail.stores s CROSS JOIN retail.categories c
LEFT JOIN retail.products p ON p.category_id = c.category_id
LEFT JOIN retail.order_items i ON i.product_id = p.product_id AND i.store_id = s.store_id
GROUP BY s.store_name, c.category_name ORDER BY 1, 2;

-- Full join of two months
WITH a AS (SELECT i.product_id, sum(i.quantity) AS n FROM retail.order_items i JOIN retail.orders o USING (order_id) WHERE to_char(o.order_date, 'YYYY-MM') = '2026-09' GROUP BY 1),
     b AS (SELECT i.product_id, sum(i.quantity) AS n FROM retail.order_items i JOIN retail.orders o USING (order_id) WHERE to_char(o.order_date, 'YYYY-MM') = '2026-10' GROUP BY 1)
SELECT product_id, coalesce(a.n, 0) AS september, coalesce(b.n, 0) AS october, coalesce(b.n, 0) - coalesce(a.n, 0) AS change
FROM a FULL JOIN b USING (product_id) ORDER BY 4 DESC, 1 LIMIT 20;

-- Right join keeps the types
SELECT t.type_name, count(p.product_id) AS products FROM retail.products p RIGHT JOIN retail.product_types t ON t.type_id = p.type_id GROUP BY t.type_name ORDER BY 2 DESC, 1 LIMIT 10;

-- Tree of the assortment as text
WITH RECURSIVE tree AS (
    SELECT category_id AS id, category_name::text AS path, 1 AS level FROM retail.categories
    UNION ALL
    SELECT t.type_id, tree.path || ' > ' || t.type_name, 2 FROM tree JOIN retail.product_types t ON t.category_id = tree.id WHERE tree.level = 1
)
SELECT repeat('  ', level - 1) || path AS line FROM tree ORDER BY path LIMIT 40;

-- A materialized step
WITH recent AS MATERIALIZED (SELECT order_id, customer_id FROM retail.orders WHERE order_date > CURRENT_DATE - 60)
SELECT count(*) AS orders, count(DISTINCT r.customer_id) AS customers, (SELECT sum(total_amount) FROM retail.order_items WHERE order_id IN (SELECT order_id FROM recent)) AS revenue FROM recent r;

-- A step that may be inlined
WITH cheap AS NOT MATERIALIZED (SELECT product_id, product_name FROM retail.products WHERE base_price < 10)
SELECT cheap.product_name, sum(i.quantity) AS units FROM cheap JOIN retail.order_items i USING (product_id) GROUP BY 1 ORDER BY 2 DESC LIMIT 5;

-- Six steps that follow one another
WITH lines AS (SELECT o.order_id, o.customer_id, o.order_date, i.product_id, i.total_amount FROM retail.orders o JOIN retail.order_items i USING (order_id)),
     baskets AS (SELECT order_id, customer_id, order_date, sum(total_amount) AS amount FROM lines GROUP BY 1, 2, 3),
     customers AS (SELECT customer_id, count(*) AS orders, avg(amount) AS average FROM baskets GROUP BY 1),
     bands AS (SELECT customer_id, CASE WHEN average >= 200 THEN 'high' WHEN average >= 80 THEN 'middle' ELSE 'low' END AS band, orders FROM customers),
     summary AS (SELECT band, count(*) AS customers, round(avg(orders), 2) AS orders FROM bands GROUP BY band),
     total AS (SELECT sum(customers) AS n FROM summary)
SELECT s.band, s.customers, s.orders, round(100.0 * s.customers / t.n, 1) AS percent FROM summary s CROSS JOIN total t ORDER BY 2 DESC;

-- Two aggregates of one table joined
SELECT a.store_id, a.orders, b.units FROM (SELECT store_id, count(*) AS orders FROM retail.orders GROUP BY store_id) a
JOIN (SELECT store_id, sum(quantity) AS units FROM retail.order_items GROUP BY store_id) b ON b.store_id = a.store_id ORDER BY 1;

-- Scalar sub-queries as a dashboard
SELECT (SELECT count(*) FROM retail.orders) AS orders, (SELECT count(*) FROM retail.customers) AS customers,
       (SELECT round(sum(total_amount), 2) FROM retail.order_items) AS revenue, (SELECT max(order_date) FROM retail.orders) AS latest;

-- Above the store's own average, correlated
SELECT o.order_id, o.order_date FROM retail.orders o
WHERE (SELECT sum(i.total_amount) FROM retail.order_items i WHERE i.order_id = o.order_id) > 10 * (SELECT avg(total_amount) FROM retail.order_items)
ORDER BY o.order_date DESC, 1 DESC LIMIT 10;

-- Bought in every year since 2024
SELECT customer_id FROM retail.orders WHERE order_date >= '2024-01-01' GROUP BY customer_id
HAVING count(DISTINCT extract(year FROM order_date)) = 3 ORDER BY 1 LIMIT 20;

-- Every flag at once by boolean aggregates
SELECT c.category_name, bool_or(p.base_price > 500) AS has_dear, bool_and(p.gross_margin_percent > 20) AS all_margins_good, every(p.cost > 0) AS all_cost
FROM retail.products p JOIN retail.categories c USING (category_id) GROUP BY 1 ORDER BY 1;

-- Arrays compared and unfolded
SELECT u.n, u.name FROM unnest(ARRAY['spring', 'summer', 'autumn', 'winter']) WITH ORDINALITY AS u(name, n) WHERE u.name = ANY (ARRAY['spring', 'autumn']) ORDER BY u.n;

-- Categories bought by a customer as an array
SELECT o.customer_id, array_agg(DISTINCT c.category_name ORDER BY c.category_name) AS categories, cardinality(array_agg(DISTINCT c.category_name)) AS n
FROM retail.orders o JOIN retail.order_items i USING (order_id) JOIN retail.products p USING (product_id) JOIN retail.categories c USING (category_id)
WHERE o.order_date >= '2026-10-01' GROUP BY o.customer_id HAVING count(DISTINCT c.category_id) >= 3 ORDER BY 3 DESC, 1 LIMIT 10;

-- Baskets that hold two given products
SELECT count(*) FROM (SELECT order_id FROM retail.order_items GROUP BY order_id HAVING array_agg(product_id) @> ARRAY[1, 2]) b;

-- List turned to text and back
SELECT array_to_string(ARRAY(SELECT category_name FROM retail.categories ORDER BY 1), ' | ') AS list, array_length(string_to_array('a,b,c', ','), 1) AS three;

-- Sub-query as an array
SELECT c.category_name, ARRAY(SELECT t.type_name FROM retail.product_types t WHERE t.category_id = c.category_id ORDER BY 1 LIMIT 3) AS some_types FROM retail.categories c ORDER BY 1;

-- Codes of products taken apart
SELECT substring(sku, 1, 2) AS department, count(*) AS products, min(sku), max(right(sku, 4)) FROM retail.products GROUP BY 1 ORDER BY 1;

-- Texts cut, padded, joined
SELECT concat_ws(' - ', upper(c.category_name), left(p.product_name, 20) || '…') AS label, lpad(p.product_id::text, 6, '0') AS code, format('%s at $%s', p.product_name, p.base_price) AS sentence
FROM retail.products p JOIN retail.categories c USING (category_id) ORDER BY p.product_id LIMIT 5;

-- Cleaning of names
SELECT trim(BOTH ' ' FROM replace(product_name, '  ', ' ')) AS name, regexp_replace(product_name, '[^A-Za-z0-9 ]', '', 'g') AS plain, translate(sku, '0123456789', '') AS letters
FROM retail.products ORDER BY product_id LIMIT 5;

-- Number of words in a description
SELECT product_name, array_length(regexp_split_to_array(product_description, '\s+'), 1) AS words, length(product_description) AS characters
FROM retail.products ORDER BY 2 DESC, 1 LIMIT 10;

-- Voltage found in names and descriptions
SELECT (regexp_matches(product_name || ' ' || product_description, '(\d+)\s?V\M', 'g'))[1] AS volts, count(*) FROM retail.products GROUP BY 1 ORDER BY 2 DESC;

-- Counted occurrences of a word
SELECT sum(regexp_count(lower(product_description), 'steel')) AS steel, count(*) FILTER (WHERE starts_with(product_name, 'C')) AS begins_with_c FROM retail.products;

-- Spelling by equality without case
SELECT product_name FROM retail.products WHERE lower(product_name) LIKE ANY (ARRAY['%claw hammer%', '%tape measure%']) ORDER BY 1;

-- First names sorted without regard to case
SELECT lower(first_name) AS name, count(*) FROM retail.customers GROUP BY lower(first_name) ORDER BY lower(first_name) LIMIT 10;

-- NULLs first, and a default for them
SELECT coalesce(nullif(trim(phone), ''), 'no telephone') AS telephone FROM retail.customers ORDER BY phone NULLS FIRST LIMIT 5;

-- Boolean columns written out
SELECT store_name, is_online IS TRUE AS online, CASE WHEN is_online THEN 'web shop' ELSE 'shop' END AS kind FROM retail.stores ORDER BY is_online DESC, store_name;

-- Store names without their prefix
SELECT store_id, replace(store_name, 'Zava Retail ', '') AS town FROM retail.stores ORDER BY 2;

-- Revenue per customer and month as a grid
SELECT to_char(o.order_date, 'YYYY-MM') AS month, count(DISTINCT o.customer_id) AS customers, round(sum(i.total_amount) / nullif(count(DISTINCT o.customer_id), 0), 2) AS revenue_each
FROM retail.orders o JOIN retail.order_items i ON i.order_id = o.order_id WHERE o.order_date >= CURRENT_DATE - interval '6 months' GROUP BY 1 ORDER BY 1;

-- Hot products: this quarter against the last
WITH sales AS (
    SELECT i.product_id, sum(i.quantity) FILTER (WHERE o.order_date > CURRENT_DATE - 90) AS now_sold,
           sum(i.quantity) FILTER (WHERE o.order_date <= CURRENT_DATE - 90) AS before_sold
    FROM retail.order_items i JOIN retail.orders o USING (order_id) WHERE o.order_date > CURRENT_DATE - 180 GROUP BY 1
)
SELECT p.product_name, coalesce(now_sold, 0) AS now_sold, coalesce(before_sold, 0) AS before_sold, round(coalesce(now_sold, 0)::numeric / nullif(before_sold, 0), 2) AS ratio
FROM sales JOIN retail.products p USING (product_id) ORDER BY ratio DESC NULLS LAST, 1 LIMIT 10;

-- Sell-through of stock
SELECT p.product_name, round(100.0 * sum(i.quantity) / nullif(sum(i.quantity) + max(v.stock_level), 0), 1) AS sell_through
FROM retail.order_items i JOIN retail.products p USING (product_id) JOIN retail.inventory v ON v.product_id = i.product_id AND v.store_id = i.store_id
GROUP BY p.product_id, p.product_name ORDER BY 2 DESC, 1 LIMIT 10;

-- Suggestion of what to order
SELECT p.product_name, v.stock_level, greatest(0, 30 - v.stock_level) AS to_order, greatest(0, 30 - v.stock_level) * p.cost AS costs
FROM retail.inventory v JOIN retail.products p USING (product_id) WHERE v.stock_level < 30 ORDER BY 4 DESC, 1 LIMIT 20;

-- Revenue of a single week
SELECT o.order_date, s.store_name, sum(i.total_amount) AS revenue FROM retail.orders o JOIN retail.order_items i ON i.order_id = o.order_id
JOIN retail.stores s ON s.store_id = o.store_id WHERE o.order_date >= date '2026-11-02' AND o.order_date < date '2026-11-09' GROUP BY 1, 2 ORDER BY 1, 2;

-- Natural join of orders and lines
SELECT count(*), sum(total_amount) FROM retail.orders NATURAL JOIN retail.order_items;

-- Sample of rows at random
SELECT product_name FROM retail.products ORDER BY random() LIMIT 5;

-- Tables named without their schema
SELECT count(*) FROM orders o JOIN order_items i USING (order_id) JOIN products p USING (product_id);

-- Comments and odd spacing
SELECT /* all of them */ count(*) -- orders
FROM    retail.orders
	  WHERE order_date>'2025-12-31';

-- Parenthesized union with limits of its own
(SELECT product_name, base_price FROM retail.products ORDER BY base_price LIMIT 3) UNION ALL (SELECT product_name, base_price FROM retail.products ORDER BY base_price DESC LIMIT 3);

-- Ratio guarded against nothing
SELECT s.store_name, count(o.order_id) AS orders, round(count(DISTINCT o.customer_id)::numeric / nullif(count(o.order_id), 0), 3) AS ratio
FROM retail.stores s LEFT JOIN retail.orders o ON o.store_id = s.store_id GROUP BY s.store_name ORDER BY 2 DESC;

-- Heat map of month and weekday
SELECT extract(month FROM order_date)::int AS month,
       count(*) FILTER (WHERE extract(isodow FROM order_date) = 1) AS mon, count(*) FILTER (WHERE extract(isodow FROM order_date) = 2) AS tue,
       count(*) FILTER (WHERE extract(isodow FROM order_date) = 3) AS wed, count(*) FILTER (WHERE extract(isodow FROM order_date) = 4) AS thu,
       count(*) FILTER (WHERE extract(isodow FROM order_date) = 5) AS fri, count(*) FILTER (WHERE extract(isodow FROM order_date) = 6) AS sat,
       count(*) FILTER (WHERE extract(isodow FROM order_date) = 7) AS sun
FROM retail.orders GROUP BY 1 ORDER BY 1;

-- Calendar with the holidays named
SELECT d::date AS day, CASE to_char(d, 'MM-DD') WHEN '12-24' THEN 'Christmas Eve' WHEN '12-25' THEN 'Christmas' ELSE trim(to_char(d, 'Day')) END AS name
FROM generate_series('2025-12-22'::date, '2025-12-26'::date, '1 day') AS g(d);

-- Cross table of two categories bought by one customer
WITH bought AS (SELECT DISTINCT o.customer_id, p.category_id FROM retail.orders o JOIN retail.order_items i USING (order_id) JOIN retail.products p USING (product_id))
SELECT a.category_id AS row_category, count(*) FILTER (WHERE b.category_id = 1) AS with_1, count(*) FILTER (WHERE b.category_id = 2) AS with_2, count(*) FILTER (WHERE b.category_id = 3) AS with_3
FROM bought a JOIN bought b USING (customer_id) GROUP BY 1 ORDER BY 1;

-- Time to the second order
WITH nth AS (SELECT customer_id, order_date, row_number() OVER (PARTITION BY customer_id ORDER BY order_date, order_id) AS n FROM retail.orders)
SELECT round(avg(b.order_date - a.order_date), 1) AS days, count(*) AS customers FROM nth a JOIN nth b ON b.customer_id = a.customer_id AND b.n = 2 WHERE a.n = 1;

-- Churn by month of last order
SELECT to_char(last, 'YYYY-MM') AS month, count(*) AS customers FROM (SELECT customer_id, max(order_date) AS last FROM retail.orders GROUP BY 1) l
WHERE last < CURRENT_DATE - interval '6 months' GROUP BY 1 ORDER BY 1 DESC LIMIT 12;

-- Dates made of parts
SELECT make_date(extract(year FROM CURRENT_DATE)::int, 1, 1) AS new_year, CURRENT_DATE - make_date(extract(year FROM CURRENT_DATE)::int, 1, 1) AS days_since, make_interval(months => 3, days => 2) AS span,
       to_date('31.12.2025', 'DD.MM.YYYY') AS parsed, to_timestamp(1767225600)::date AS from_epoch;

-- A number read from text
SELECT to_number('1,234.50', '9,999.99') AS n, '12'::int + 1 AS thirteen, CAST('3.7' AS numeric)::int AS four, 7 / 2 AS whole, 7 % 2 AS rest, 7 / 2.0 AS exact, 2 ^ 10 AS power;

-- IS DISTINCT FROM, BETWEEN SYMMETRIC, and row comparison
SELECT count(*) FROM retail.products WHERE base_price BETWEEN SYMMETRIC 50 AND 20 AND type_id IS DISTINCT FROM 1 AND (category_id, base_price) > (1, 25);

-- Orders of customers found by name
SELECT c.first_name, c.last_name, o.order_date, sum(i.total_amount) AS total FROM retail.customers c JOIN retail.orders o USING (customer_id) JOIN retail.order_items i USING (order_id)
WHERE c.last_name ILIKE 'h%' AND c.first_name IN ('Wei', 'Terry', 'Maria') GROUP BY o.order_id, c.first_name, c.last_name, o.order_date ORDER BY o.order_date DESC LIMIT 10;

-- Share of the biggest order in a day
SELECT order_date, round(100 * max(total) / sum(total), 1) AS biggest_share FROM (SELECT o.order_date, o.order_id, sum(i.total_amount) AS total FROM retail.orders o JOIN retail.order_items i USING (order_id) GROUP BY 1, 2) t
GROUP BY order_date HAVING count(*) > 1 ORDER BY order_date DESC LIMIT 10;

-- Documents of documents
SELECT json_agg(t) AS catalogue FROM (SELECT c.category_name, json_agg(p.product_name ORDER BY p.product_name) AS products
FROM retail.categories c JOIN retail.products p USING (category_id) GROUP BY c.category_name ORDER BY 1) t;

-- Lists as texts, joined and sorted
WITH names AS (SELECT category_id, array_to_string(array_agg(product_name ORDER BY product_name), ', ') AS products FROM retail.products GROUP BY category_id)
SELECT c.category_name, n.products FROM retail.categories c JOIN names n USING (category_id) ORDER BY c.category_name;

-- Months by the clock of a place
SELECT generate_series('2024-01-01'::timestamptz, '2024-12-31'::timestamptz, '1 month'::interval, 'America/Los_Angeles') AS month;

-- A JSON path with a text that has a comma
SELECT jsonb_path_query('{"a": [{"n": "x, y"}]}', '$.a[*] ? (@.n == "x, y")') AS found;

-- Some hundred numbers
SELECT count(*) FROM retail.orders WHERE order_id = ANY (ARRAY[100000, 100001, 100002, 100003, 100004, 100005, 100006, 100007, 100008, 100009, 100010, 100011, 100012, 100013, 100014, 100015, 100016, 100017, 100018, 100019, 100020, 100021, 100022, 100023, 100024, 100025, 100026, 100027, 100028, 100029, 100030, 100031, 100032, 100033, 100034, 100035, 100036, 100037, 100038, 100039, 100040, 100041, 100042, 100043, 100044, 100045, 100046, 100047, 100048, 100049, 100050, 100051, 100052, 100053, 100054, 100055, 100056, 100057, 100058, 100059, 100060, 100061, 100062, 100063, 100064, 100065, 100066, 100067, 100068, 100069, 100070, 100071, 100072, 100073, 100074, 100075, 100076, 100077, 100078, 100079, 100080, 100081, 100082, 100083, 100084, 100085, 100086, 100087, 100088, 100089, 100090, 100091, 100092, 100093, 100094, 100095, 100096, 100097, 100098, 100099, 100100, 100101, 100102, 100103, 100104, 100105, 100106, 100107, 100108, 100109, 100110, 100111, 100112, 100113, 100114, 100115, 100116, 100117, 100118, 100119, 100120, 100121, 100122, 100123, 100124, 100125, 100126, 100127, 100128, 100129, 100130, 100131, 100132, 100133, 100134, 100135, 100136, 100137, 100138, 100139, 100140, 100141, 100142, 100143, 100144, 100145, 100146, 100147, 100148, 100149, 100150, 100151, 100152, 100153, 100154, 100155, 100156, 100157, 100158, 100159, 100160, 100161, 100162, 100163, 100164, 100165, 100166, 100167, 100168, 100169, 100170, 100171, 100172, 100173, 100174, 100175, 100176, 100177, 100178, 100179, 100180, 100181, 100182, 100183, 100184, 100185, 100186, 100187, 100188, 100189, 100190, 100191, 100192, 100193, 100194, 100195, 100196, 100197, 100198, 100199, 100200, 100201, 100202, 100203, 100204, 100205, 100206, 100207, 100208, 100209, 100210, 100211, 100212, 100213, 100214, 100215, 100216, 100217, 100218, 100219, 100220, 100221, 100222, 100223, 100224, 100225, 100226, 100227, 100228, 100229, 100230, 100231, 100232, 100233, 100234, 100235, 100236, 100237, 100238, 100239, 100240, 100241, 100242, 100243, 100244, 100245, 100246, 100247, 100248, 100249, 100250, 100251, 100252, 100253, 100254, 100255, 100256, 100257, 100258, 100259, 100260, 100261, 100262, 100263, 100264, 100265, 100266, 100267, 100268, 100269, 100270, 100271, 100272, 100273, 100274, 100275, 100276, 100277, 100278, 100279, 100280, 100281, 100282, 100283, 100284, 100285, 100286, 100287, 100288, 100289, 100290, 100291, 100292, 100293, 100294, 100295, 100296, 100297, 100298, 100299]);

-- A document of numbers and of another query's document
SELECT jsonb_build_object('total', count(*), 'by_store', (SELECT jsonb_object_agg(store_name, n)
FROM (SELECT s.store_name, count(*) AS n FROM retail.orders o JOIN retail.stores s USING (store_id) GROUP BY 1) x)) FROM retail.orders;

-- Orders with their items, as one document
SELECT json_agg(json_build_object('order', o.order_id, 'items', (SELECT json_agg(json_build_object('p', oi.product_id, 'q', oi.quantity))
FROM retail.order_items oi WHERE oi.order_id = o.order_id))) FROM (SELECT order_id FROM retail.orders ORDER BY order_id LIMIT 20) o;

-- Categories, their types, their products
SELECT c.category_name, jsonb_agg(jsonb_build_object('type', t.type_name, 'products', (SELECT jsonb_agg(p.product_name ORDER BY p.product_name)
FROM retail.products p WHERE p.type_id = t.type_id))) FROM retail.categories c JOIN retail.product_types t USING (category_id) GROUP BY 1;

-- The best sellers of a store in a document
SELECT json_build_object('store', s.store_name, 'top', (SELECT json_agg(t) FROM (SELECT p.product_name, sum(oi.quantity) AS q
FROM retail.order_items oi JOIN retail.products p USING (product_id) WHERE oi.store_id = s.store_id GROUP BY 1 ORDER BY 2 DESC LIMIT 5) t)) FROM retail.stores s;

-- What was found, by a configuration
SELECT ts_headline('english', product_description, to_tsquery('english', 'drill')) FROM retail.products
WHERE to_tsvector('english', product_description) @@ to_tsquery('english', 'drill') LIMIT 5;

-- All stores, as they are written most often
SELECT * FROM retail.stores ORDER BY store_name;

-- Orders with their whole store
SELECT o.order_id, o.order_date, s.* FROM retail.orders o JOIN retail.stores s ON s.store_id = o.store_id ORDER BY o.order_date DESC LIMIT 10;

-- Stores as JSON rows
SELECT row_to_json(s) FROM retail.stores s ORDER BY s.store_name;

-- Revenue as money
SELECT s.store_name, sum(i.total_amount)::money AS revenue FROM retail.order_items i JOIN retail.stores s USING (store_id) GROUP BY 1 ORDER BY sum(i.total_amount) DESC;

-- Average order value of a sample
SELECT avg(t.total) FROM (SELECT o.order_id, sum(i.total_amount) AS total FROM retail.orders o TABLESAMPLE BERNOULLI (50) JOIN retail.order_items i USING (order_id) GROUP BY 1) t;

-- A quick look at some order items
SELECT * FROM retail.order_items TABLESAMPLE SYSTEM (10) LIMIT 5;

-- Categories with their types as standard JSON
SELECT JSON_OBJECT('category': c.category_name, 'types': JSON_ARRAYAGG(t.type_name ORDER BY t.type_name))
FROM retail.categories c JOIN retail.product_types t USING (category_id) GROUP BY c.category_name ORDER BY 1::text;

-- Stock by product as one JSON object
SELECT JSON_OBJECTAGG(p.sku: i.stock_level) FROM retail.inventory i JOIN (SELECT product_id, sku FROM retail.products ORDER BY product_id LIMIT 5) p USING (product_id) WHERE i.store_id = 1;

-- A price out of a JSON document
SELECT JSON_VALUE(to_jsonb(p), '$.base_price' RETURNING numeric) AS price, JSON_EXISTS(to_jsonb(p), '$.sku') AS has_sku
FROM retail.products p ORDER BY p.product_id LIMIT 3;

-- A list of targets given as JSON, beside what was sold
SELECT t.store_id, t.target, sum(i.total_amount) AS revenue
FROM JSON_TABLE('[{"store": 1, "target": 100000.00}, {"store": 2, "target": 80000.00}]', '$[*]' COLUMNS (store_id int PATH '$.store', target numeric(12, 2) PATH '$.target')) AS t
LEFT JOIN retail.order_items i ON i.store_id = t.store_id GROUP BY 1, 2 ORDER BY 1;

-- A document to look at
SELECT jsonb_pretty(jsonb_build_object('store', s.store_name, 'online', s.is_online)) FROM retail.stores s ORDER BY s.store_id LIMIT 1;

-- Which type an expression has
SELECT pg_typeof(sum(total_amount)), pg_typeof(max(quantity)) FROM retail.order_items;

-- Five random order numbers out of an array
SELECT array_sample(array_agg(order_id), 5) FROM (SELECT order_id FROM retail.orders LIMIT 100) o;

-- Simulated demand
SELECT product_id, round((100 + 15 * random_normal())::numeric, 1) AS demand FROM retail.products ORDER BY product_id LIMIT 5;

-- Weighted text search
SELECT product_name FROM retail.products
WHERE setweight(to_tsvector('english', product_name), 'A') || setweight(to_tsvector('english', product_description), 'B') @@ to_tsquery('english', 'drill')
LIMIT 5;

-- Which order days fall into two seasons
SELECT count(*) FROM retail.orders WHERE order_date <@ datemultirange(daterange('2025-03-01', '2025-04-01'), daterange('2025-10-01', '2025-11-01'));

-- Products bought together, reached from one of them
WITH RECURSIVE reached(product_id, steps) AS (
    SELECT min(product_id), 0 FROM retail.order_items
    UNION
    SELECT b.product_id, r.steps + 1 FROM reached r JOIN retail.order_items a ON a.product_id = r.product_id
    JOIN retail.order_items b ON b.order_id = a.order_id WHERE r.steps < 2
)
SELECT steps, count(*) FROM reached GROUP BY steps ORDER BY steps;

-- A window with a name in quotes
SELECT product_name, rank() OVER "By Price" FROM retail.products WINDOW "By Price" AS (ORDER BY base_price DESC) LIMIT 5;

-- Texts and numbers in one list of numbers
SELECT ARRAY[1, '2.5']::numeric[], 't'::boolean::text;

-- A fingerprint in JSON made of texts
SELECT ('{"store": "' || md5(store_name) || '"}')::jsonb FROM retail.stores;

-- Store names in a document
SELECT json_build_object('names', string_agg(store_name, ', ')) FROM retail.stores;

-- Rows collected into an array, as JSON
SELECT to_json(array_agg(t)) FROM (SELECT store_id, store_name FROM retail.stores) t;

-- Baskets that are bought most
SELECT basket, count(*) FROM (SELECT order_id, array_agg(product_id ORDER BY product_id) AS basket FROM retail.order_items GROUP BY 1) b GROUP BY basket ORDER BY 2 DESC LIMIT 10;

-- Types of each category, sorted by their list
SELECT c.category_name, string_agg(type_name, ', ') AS types FROM retail.categories c JOIN retail.product_types t USING (category_id) GROUP BY 1 ORDER BY types;

-- Lists of products as rows of JSON
SELECT row_to_json(t) FROM (SELECT category_id, string_agg(product_name, ', ') AS products FROM retail.products GROUP BY 1) t;

-- Where each product is kept, sorted by its name
SELECT p.product_id, p.product_name, (SELECT string_agg(s.store_name, ', ') FROM retail.inventory i JOIN retail.stores s USING (store_id) WHERE i.product_id = p.product_id) AS stores FROM retail.products p ORDER BY p.product_name LIMIT 100;

-- The same with every column of the product
SELECT p.*, (SELECT string_agg(s.store_name, ', ') FROM retail.inventory i JOIN retail.stores s USING (store_id) WHERE i.product_id = p.product_id) AS stores FROM retail.products p ORDER BY p.product_name LIMIT 100;

-- Store names in jsonb
SELECT jsonb_build_object('names', string_agg(store_name, ', ' ORDER BY store_name)) FROM retail.stores;

-- Identifiers in a document
SELECT json_build_object('ids', array_agg(store_id)) FROM retail.stores;

-- Names as jsonb
SELECT to_jsonb(array_agg(store_name)) FROM retail.stores;

-- An array as JSON
SELECT array_to_json(array_agg(product_id)) FROM retail.products;

-- Rows of a table as a JSON array
SELECT array_to_json(array_agg(t)) FROM (SELECT product_id, product_name FROM retail.products) t;

-- Documents of rows as a JSON array
SELECT array_to_json(array_agg(row_to_json(t))) FROM (SELECT product_id, product_name FROM retail.products LIMIT 50) t;

-- Categories sorted by their products
SELECT category_id, array_agg(product_name) AS names FROM retail.products GROUP BY 1 ORDER BY names;

-- The same by the place of the column
SELECT category_id, array_agg(product_name ORDER BY product_name) AS names FROM retail.products GROUP BY 1 ORDER BY 2 DESC;

-- A document in each row, the first of them
SELECT category_id, json_agg(product_name) AS names FROM retail.products GROUP BY 1 ORDER BY category_id LIMIT 5;

-- Different lists of types
SELECT DISTINCT types FROM (SELECT category_id, string_agg(type_name, ', ' ORDER BY type_name) AS types FROM retail.product_types GROUP BY 1) t;

-- Lists of types counted
SELECT types, count(*) FROM (SELECT category_id, string_agg(type_name, ', ' ORDER BY type_name) AS types FROM retail.product_types GROUP BY 1) t GROUP BY types ORDER BY types;

-- Lists put together in their order
SELECT string_agg(x, '; ' ORDER BY x) FROM (SELECT category_id, string_agg(type_name, ', ') AS x FROM retail.product_types GROUP BY 1) t;

-- The last list
SELECT max(types) FROM (SELECT category_id, string_agg(type_name, ', ') AS types FROM retail.product_types GROUP BY 1) t;

-- Lists in capitals, sorted
SELECT upper(types) FROM (SELECT category_id, string_agg(type_name, ', ') AS types FROM retail.product_types GROUP BY 1) t ORDER BY 1;

-- A line for each category
SELECT c.category_name || ': ' || string_agg(t.type_name, ', ') AS line FROM retail.categories c JOIN retail.product_types t USING (category_id) GROUP BY c.category_name ORDER BY 1;

-- The same by format
SELECT format('%s: %s', c.category_name, string_agg(t.type_name, ', ')) FROM retail.categories c JOIN retail.product_types t USING (category_id) GROUP BY c.category_name ORDER BY 1;

-- The same by concat
SELECT concat(category_id, ': ', string_agg(product_name, ', ')) AS line FROM retail.products GROUP BY category_id ORDER BY line LIMIT 20;

-- Spaces in a long list
SELECT replace(string_agg(product_name, ', '), ' ', '_') FROM retail.products;

-- The beginning of a long list
SELECT left(string_agg(product_name, ', '), 200) FROM retail.products;

-- A long list in small letters
SELECT lower(string_agg(product_name, ', ')) FROM retail.products;

-- Stores where customers buy, as a key
SELECT array_to_string(array_agg(DISTINCT store_id ORDER BY store_id), '-') AS stores, count(*) FROM retail.orders GROUP BY customer_id ORDER BY 1 LIMIT 10;

-- Customers by where they buy
SELECT stores, count(*) FROM (SELECT customer_id, array_to_string(array_agg(DISTINCT store_id ORDER BY store_id), '-') AS stores FROM retail.orders GROUP BY customer_id) t GROUP BY stores ORDER BY 2 DESC;

-- The same by string_agg
SELECT stores, count(*) FROM (SELECT customer_id, string_agg(DISTINCT store_id::text, ',' ORDER BY store_id::text) AS stores FROM retail.orders GROUP BY customer_id) t GROUP BY stores ORDER BY 2 DESC;

-- Baskets bought more than once
WITH baskets AS (SELECT order_id, array_agg(DISTINCT product_id ORDER BY product_id) AS basket FROM retail.order_items GROUP BY order_id HAVING count(*) > 1) SELECT basket, count(*) AS n FROM baskets GROUP BY basket HAVING count(*) > 1 ORDER BY n DESC, basket LIMIT 20;

-- One order for each basket
SELECT DISTINCT ON (basket) basket, order_id FROM (SELECT order_id, array_agg(product_id ORDER BY product_id) AS basket FROM retail.order_items GROUP BY 1) b ORDER BY basket, order_id LIMIT 10;

-- Categories with arrays of types in a document
SELECT json_agg(json_build_object('category', category_name, 'types', types) ORDER BY category_name) FROM (SELECT c.category_name, array_agg(t.type_name ORDER BY t.type_name) AS types FROM retail.categories c JOIN retail.product_types t USING (category_id) GROUP BY 1) x;

-- Types by category in an object
SELECT jsonb_object_agg(category_name, types) FROM (SELECT c.category_name, string_agg(t.type_name, ', ') AS types FROM retail.categories c JOIN retail.product_types t USING (category_id) GROUP BY 1) x;

-- Two lists in a document
SELECT jsonb_build_object('stores', (SELECT json_agg(s) FROM (SELECT store_id, store_name FROM retail.stores) s), 'categories', (SELECT json_agg(c) FROM (SELECT category_id, category_name FROM retail.categories) c));

-- Products inside their categories
SELECT json_build_object('category', c.category_name, 'products', json_agg(json_build_object('id', p.product_id, 'name', p.product_name, 'price', p.base_price))) FROM retail.categories c JOIN retail.products p USING (category_id) GROUP BY c.category_name ORDER BY c.category_name;

-- Lists ranked
SELECT rank() OVER (ORDER BY types) AS r, types FROM (SELECT category_id, string_agg(type_name, ', ') AS types FROM retail.product_types GROUP BY 1) t;

-- Categories of equal types
SELECT a.category_id, b.category_id FROM (SELECT category_id, string_agg(type_name, ', ') AS types FROM retail.product_types GROUP BY 1) a JOIN (SELECT category_id, string_agg(type_name, ', ') AS types FROM retail.product_types GROUP BY 1) b ON a.types = b.types AND a.category_id < b.category_id;

-- The dearest of each category, sorted by their list
SELECT c.category_name, x.names FROM retail.categories c JOIN LATERAL (SELECT string_agg(p.product_name, ', ') AS names FROM (SELECT product_name FROM retail.products WHERE category_id = c.category_id ORDER BY base_price DESC LIMIT 3) p) x ON true ORDER BY x.names;

-- Orders with two views of their items
SELECT o.order_id, json_build_object('items', json_agg(json_build_object('product', p.product_name, 'qty', i.quantity)), 'names', string_agg(p.product_name, ', ')) FROM retail.orders o JOIN retail.order_items i USING (order_id) JOIN retail.products p USING (product_id) GROUP BY 1 ORDER BY 1 LIMIT 10;

-- Two lists in a union
SELECT string_agg(store_name, ', ') FROM retail.stores UNION SELECT string_agg(category_name, ', ') FROM retail.categories;

-- The same, sorted
SELECT string_agg(store_name, ', ') AS x FROM retail.stores UNION ALL SELECT string_agg(category_name, ', ') FROM retail.categories ORDER BY x;

-- A row of an array as JSON
SELECT to_json(x) FROM (SELECT array_agg(store_name) AS names, count(*) AS n FROM retail.stores) x;

-- Rows of arrays as JSON
SELECT json_agg(x) FROM (SELECT category_id, array_agg(product_name ORDER BY product_name) AS names FROM retail.products GROUP BY 1 ORDER BY 1) x;

-- Customers with their orders and stores
SELECT c.customer_id, c.first_name, array_agg(o.order_id ORDER BY o.order_date DESC) AS orders, string_agg(DISTINCT s.store_name, ', ') AS stores FROM retail.customers c JOIN retail.orders o USING (customer_id) JOIN retail.stores s USING (store_id) GROUP BY 1, 2 ORDER BY cardinality(array_agg(o.order_id)) DESC, stores LIMIT 10;

-- The longest journeys
SELECT c.customer_id, string_agg(p.product_name, ' > ' ORDER BY o.order_date) AS journey FROM retail.customers c JOIN retail.orders o USING (customer_id) JOIN retail.order_items i USING (order_id) JOIN retail.products p USING (product_id) GROUP BY 1 ORDER BY length(string_agg(p.product_name, ' > ' ORDER BY o.order_date)) DESC LIMIT 5;

-- An array of a sub-select, sorted
SELECT ARRAY(SELECT store_name FROM retail.stores ORDER BY 1) AS names ORDER BY names;

-- An array of a sub-select in a document
SELECT json_build_object('names', ARRAY(SELECT store_name FROM retail.stores ORDER BY 1));

-- Lines of lists, put together
SELECT string_agg(names, E'\n' ORDER BY names) FROM (SELECT c.category_name || ': ' || array_to_string(ARRAY(SELECT t.type_name FROM retail.product_types t WHERE t.category_id = c.category_id ORDER BY 1), ', ') AS names FROM retail.categories c) x;

-- Best sellers of each month in a line
SELECT month, string_agg(product_name || ' (' || q || ')', ', ' ORDER BY q DESC) AS top FROM (SELECT date_trunc('month', o.order_date) AS month, p.product_name, sum(i.quantity) AS q, row_number() OVER (PARTITION BY date_trunc('month', o.order_date) ORDER BY sum(i.quantity) DESC) AS rn FROM retail.orders o JOIN retail.order_items i USING (order_id) JOIN retail.products p USING (product_id) GROUP BY 1, 2) t WHERE rn <= 3 GROUP BY month ORDER BY month DESC LIMIT 12;

-- Documents of lists in jsonb
SELECT jsonb_agg(row_to_json(x)) FROM (SELECT store_id, string_agg(DISTINCT sku, ',') AS skus FROM retail.inventory JOIN retail.products USING (product_id) GROUP BY store_id) x;

-- Stock levels as documents
SELECT row_to_json(x) FROM (SELECT store_id, json_agg(stock_level) AS levels FROM retail.inventory GROUP BY store_id ORDER BY store_id) x;

-- Documents as text, put together
SELECT string_agg(t.line, E'\n') FROM (SELECT category_id, json_build_object('c', category_id, 'n', array_agg(product_id))::text AS line FROM retail.products GROUP BY 1 ORDER BY 1) t;

-- The longest lists of article numbers
SELECT sku_list, length(sku_list) FROM (SELECT string_agg(sku, ',') AS sku_list FROM retail.products GROUP BY type_id) s ORDER BY length(sku_list) DESC, sku_list LIMIT 5;

-- The most frequent basket
SELECT mode() WITHIN GROUP (ORDER BY basket) FROM (SELECT array_agg(product_id ORDER BY product_id) AS basket FROM retail.order_items GROUP BY order_id) b;

-- Baskets by their size
SELECT basket[1] AS first, basket FROM (SELECT array_agg(product_id ORDER BY product_id) AS basket FROM retail.order_items GROUP BY order_id) b ORDER BY cardinality(basket) DESC, basket LIMIT 5;

-- How many different baskets
SELECT count(DISTINCT basket) FROM (SELECT array_agg(product_id ORDER BY product_id) AS basket FROM retail.order_items GROUP BY order_id) b;

-- Baskets made longer, counted
SELECT basket || ARRAY[0], count(*) FROM (SELECT array_agg(product_id ORDER BY product_id) AS basket FROM retail.order_items GROUP BY order_id) b GROUP BY 1 ORDER BY 2 DESC LIMIT 3;

-- Baskets as texts, counted
SELECT basket::text, count(*) FROM (SELECT array_agg(product_id ORDER BY product_id) AS basket FROM retail.order_items GROUP BY order_id) b GROUP BY 1 ORDER BY 2 DESC LIMIT 3;

-- The list of the store before
SELECT store_id, LAG(names) OVER (ORDER BY store_id) FROM (SELECT store_id, string_agg(sku, ',') AS names FROM retail.inventory JOIN retail.products USING (product_id) GROUP BY store_id) x;

-- Names in an SQL/JSON object
SELECT JSON_OBJECT('names': string_agg(store_name, ', ')) FROM retail.stores;

-- Names in an SQL/JSON array, sorted
SELECT JSON_ARRAYAGG(store_name RETURNING jsonb) AS x FROM retail.stores GROUP BY is_online ORDER BY x;

-- Types in an SQL/JSON object
SELECT JSON_OBJECT('types': JSON_ARRAYAGG(type_name), 'n': count(*)) FROM retail.product_types GROUP BY category_id;

-- Categories with the types of each, as rows of JSON
SELECT row_to_json(r) FROM (SELECT c.category_name, (SELECT array_agg(t.type_name ORDER BY t.type_name) FROM retail.product_types t WHERE t.category_id = c.category_id) AS types FROM retail.categories c) r;

-- What is lowest in each store, as a document
SELECT json_agg(r) FROM (SELECT s.store_name, (SELECT json_agg(x) FROM (SELECT p.product_name, i.stock_level FROM retail.inventory i JOIN retail.products p USING (product_id) WHERE i.store_id = s.store_id ORDER BY i.stock_level LIMIT 5) x) AS lowest FROM retail.stores s ORDER BY s.store_name) r;

-- The largest orders with their items
SELECT o.order_id, o.order_date, string_agg(p.product_name, ', ' ORDER BY p.product_name) AS items, sum(i.total_amount) AS total FROM retail.orders o JOIN retail.order_items i USING (order_id) JOIN retail.products p USING (product_id) GROUP BY o.order_id, o.order_date ORDER BY total DESC LIMIT 200;

-- Orders with their items, a thousand of them
SELECT o.order_id, string_agg(p.product_name, ', ' ORDER BY p.product_name) AS items FROM retail.orders o JOIN retail.order_items i USING (order_id) JOIN retail.products p USING (product_id) GROUP BY o.order_id ORDER BY o.order_id LIMIT 1000;

-- Orders with their items as documents
SELECT o.order_id, json_agg(json_build_object('product', p.product_name, 'quantity', i.quantity, 'total', i.total_amount)) AS items FROM retail.orders o JOIN retail.order_items i USING (order_id) JOIN retail.products p USING (product_id) GROUP BY o.order_id ORDER BY o.order_id DESC LIMIT 50;

-- Which categories are bought together, with shares
WITH b AS (SELECT order_id, string_agg(DISTINCT c.category_name, ' + ' ORDER BY c.category_name) AS combo FROM retail.order_items i JOIN retail.products p USING (product_id) JOIN retail.categories c USING (category_id) GROUP BY order_id HAVING count(DISTINCT c.category_name) >= 2) SELECT combo, count(*) AS orders, round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS share FROM b GROUP BY combo ORDER BY orders DESC LIMIT 10;

-- Customers by the categories they buy from
WITH b AS (SELECT customer_id, array_agg(DISTINCT p.category_id ORDER BY p.category_id) AS cats FROM retail.orders o JOIN retail.order_items i USING (order_id) JOIN retail.products p USING (product_id) GROUP BY customer_id) SELECT cats, cardinality(cats) AS n, count(*) FROM b GROUP BY cats ORDER BY 3 DESC LIMIT 20;

-- Customers of equal tastes
WITH b AS (SELECT customer_id, array_agg(DISTINCT p.category_id) AS cats FROM retail.orders o JOIN retail.order_items i USING (order_id) JOIN retail.products p USING (product_id) GROUP BY customer_id) SELECT count(*) FROM b x JOIN b y ON x.cats = y.cats AND x.customer_id < y.customer_id;

-- Baskets that hold two products
WITH b AS (SELECT order_id, array_agg(product_id) AS items FROM retail.order_items GROUP BY 1) SELECT count(*) FROM b WHERE items @> ARRAY[1, 2];

-- What else is in the baskets with a product
WITH b AS (SELECT order_id, array_agg(product_id) AS items FROM retail.order_items GROUP BY 1) SELECT unnest(items) AS product_id, count(*) FROM b WHERE 5 = ANY (items) GROUP BY 1 ORDER BY 2 DESC LIMIT 10;

-- Categories with their types, a line each
SELECT string_agg(t.line, E'\n' ORDER BY t.line) FROM (SELECT category_name || ' (' || string_agg(type_name, ', ' ORDER BY type_name) || ')' AS line FROM retail.categories JOIN retail.product_types USING (category_id) GROUP BY category_name) t;

-- Products with the stores that keep them
SELECT p.product_name, array_to_string(array_agg(DISTINCT s.store_name ORDER BY s.store_name), ', ') AS stores FROM retail.inventory i JOIN retail.products p USING (product_id) JOIN retail.stores s USING (store_id) GROUP BY p.product_name ORDER BY stores, p.product_name LIMIT 50;

-- Revenue of the months as an object
SELECT json_object_agg(month, revenue ORDER BY month) FROM (SELECT to_char(o.order_date, 'YYYY-MM') AS month, sum(i.total_amount) AS revenue FROM retail.orders o JOIN retail.order_items i USING (order_id) GROUP BY 1) m;

-- The same for each store
SELECT s.store_name, json_object_agg(m.month, m.revenue) AS by_month FROM retail.stores s JOIN (SELECT o.store_id, to_char(o.order_date, 'YYYY-MM') AS month, sum(i.total_amount) AS revenue FROM retail.orders o JOIN retail.order_items i USING (order_id) GROUP BY 1, 2) m USING (store_id) GROUP BY s.store_name ORDER BY s.store_name;

-- The same in jsonb
SELECT jsonb_build_object('store', s.store_name, 'months', jsonb_object_agg(m.month, m.revenue)) FROM retail.stores s JOIN (SELECT o.store_id, to_char(o.order_date, 'YYYY-MM') AS month, sum(i.total_amount) AS revenue FROM retail.orders o JOIN retail.order_items i USING (order_id) GROUP BY 1, 2) m USING (store_id) GROUP BY s.store_name ORDER BY s.store_name;

-- Categories, pretty
SELECT jsonb_pretty(jsonb_agg(jsonb_build_object('c', category_name))) FROM retail.categories;

-- Types, pretty
SELECT jsonb_pretty(jsonb_build_object('types', jsonb_agg(type_name ORDER BY type_name))) FROM retail.product_types;

-- A list, or none
SELECT COALESCE(string_agg(product_name, ', '), 'none') AS names FROM retail.products WHERE base_price > 10000 ORDER BY names;

-- A list where there are enough
SELECT CASE WHEN count(*) > 3 THEN string_agg(product_name, ', ') ELSE 'few' END AS names FROM retail.products GROUP BY type_id ORDER BY names LIMIT 5;

-- The beginning of lists, sorted
SELECT substring(string_agg(product_name, ', ') FROM 1 FOR 100) AS names FROM retail.products GROUP BY type_id ORDER BY 1;

-- The dearest of each category by a list
SELECT split_part(string_agg(product_name, '|' ORDER BY base_price DESC), '|', 1) AS dearest, category_id FROM retail.products GROUP BY category_id ORDER BY dearest;

-- The same by an array
SELECT (array_agg(product_name ORDER BY base_price DESC))[1] AS dearest, category_id FROM retail.products GROUP BY category_id ORDER BY dearest;

-- The three dearest
SELECT (array_agg(product_name ORDER BY base_price DESC))[1:3] AS dearest, category_id FROM retail.products GROUP BY category_id ORDER BY dearest;

-- Fingerprints of lists
SELECT category_id, md5(string_agg(product_name, ',' ORDER BY product_name)) FROM retail.products GROUP BY 1 ORDER BY 2;

-- Lists without double spaces
SELECT regexp_replace(string_agg(product_name, ', '), '\s+', ' ', 'g') FROM retail.products GROUP BY type_id;

-- Lists by their length
SELECT length(string_agg(product_name, ', ')) AS n, string_agg(product_name, ', ') AS names FROM retail.products GROUP BY type_id HAVING length(string_agg(product_name, ', ')) > 50 ORDER BY n DESC, names;

-- Customers with the dates of their orders
SELECT c.first_name || ' ' || c.last_name AS name, string_agg(o.order_date::text, ', ' ORDER BY o.order_date) AS dates FROM retail.customers c JOIN retail.orders o USING (customer_id) GROUP BY c.customer_id, name ORDER BY count(*) DESC, dates LIMIT 10;

-- Months in which customers buy
SELECT dates, count(*) FROM (SELECT customer_id, string_agg(to_char(order_date, 'YYYY-MM'), ',' ORDER BY order_date) AS dates FROM retail.orders GROUP BY 1) t GROUP BY dates HAVING count(*) > 1 ORDER BY 2 DESC LIMIT 10;

-- What customers buy one after the other
SELECT path, count(*) FROM (SELECT customer_id, string_agg(category_name, ' > ' ORDER BY order_date, order_id) AS path FROM retail.orders JOIN retail.order_items USING (order_id, store_id) JOIN retail.products USING (product_id) JOIN retail.categories USING (category_id) GROUP BY 1) t GROUP BY path ORDER BY 2 DESC, path LIMIT 10;

-- Two lists side by side
SELECT a.names, b.names FROM (SELECT string_agg(store_name, ', ' ORDER BY store_name) AS names FROM retail.stores) a, (SELECT string_agg(category_name, ', ' ORDER BY category_name) AS names FROM retail.categories) b ORDER BY 1, 2;

-- A union of lists by name
SELECT names FROM (SELECT string_agg(store_name, ', ') AS names FROM retail.stores) a UNION SELECT names FROM (SELECT string_agg(category_name, ', ') AS names FROM retail.categories) b ORDER BY names;

-- Arrays without others
SELECT names FROM (SELECT array_agg(store_id) AS names FROM retail.stores) a EXCEPT SELECT names FROM (SELECT array_agg(category_id) AS names FROM retail.categories) b;

-- Lists ranked in partitions
SELECT x.n, x.names, rank() OVER (PARTITION BY x.names ORDER BY x.n) FROM (SELECT type_id, count(*) AS n, string_agg(product_name, ', ') AS names FROM retail.products GROUP BY 1) x ORDER BY x.names;

-- The list of the largest
SELECT first_value(names) OVER (ORDER BY n DESC) AS most FROM (SELECT type_id, count(*) AS n, string_agg(product_name, ', ') AS names FROM retail.products GROUP BY 1) x LIMIT 1;

-- What is out of stock and what is low
SELECT store_id, string_agg(product_name, ', ') FILTER (WHERE stock_level = 0) AS out_of_stock, string_agg(product_name, ', ') FILTER (WHERE stock_level BETWEEN 1 AND 5) AS low FROM retail.inventory JOIN retail.products USING (product_id) GROUP BY 1 ORDER BY out_of_stock NULLS LAST, low;

-- The same in a document
SELECT json_build_object('out', json_agg(product_name) FILTER (WHERE stock_level = 0), 'low', json_agg(product_name) FILTER (WHERE stock_level BETWEEN 1 AND 5), 'ok', count(*)) FROM retail.inventory JOIN retail.products USING (product_id);

-- Stores with their best types
SELECT s.*, (SELECT json_agg(p) FROM (SELECT pt.type_name, count(*) AS n FROM retail.products JOIN retail.product_types pt USING (type_id) GROUP BY 1 ORDER BY 2 DESC LIMIT 3) p) AS top FROM retail.stores s ORDER BY s.store_name;

-- Products with their stock, five hundred of them
SELECT p.product_id, p.product_name, p.product_description, (SELECT string_agg(s.store_name || ': ' || i.stock_level, ', ' ORDER BY i.stock_level DESC) FROM retail.inventory i JOIN retail.stores s USING (store_id) WHERE i.product_id = p.product_id) AS stock FROM retail.products p ORDER BY p.product_name LIMIT 500;

-- Different lists of sub-selects
SELECT DISTINCT (SELECT string_agg(s.store_name, ', ') FROM retail.stores s WHERE s.store_id <= p.category_id) AS x FROM retail.products p ORDER BY 1;

-- The members of a document of lists
SELECT k, v FROM (SELECT json_build_object('a', string_agg(store_name, ','), 'b', count(*)) AS j FROM retail.stores) t, json_each_text(t.j) AS e(k, v) ORDER BY k;

-- The length of an array of rows
SELECT jsonb_array_length(jsonb_agg(x)) FROM (SELECT row_to_json(p) AS x FROM (SELECT product_id, product_name FROM retail.products) p) y;

-- The words of long lists as a vector
SELECT to_tsvector('english', string_agg(product_description, ' ')) FROM retail.products GROUP BY type_id LIMIT 1;

-- Groups rolled up, sorted by an array
SELECT count(*), array_agg(DISTINCT is_online) FROM retail.stores GROUP BY ROLLUP (is_online) ORDER BY 2;

-- Stores with all their columns and how many orders they have
SELECT s.*, count(*) AS orders FROM retail.stores s JOIN retail.orders o USING (store_id) GROUP BY s.store_id;

-- How many orders each store has, counted by their rows
SELECT s.store_name, count(o) FROM retail.stores s LEFT JOIN retail.orders o USING (store_id) GROUP BY s.store_id;

-- The orders of each store as documents
SELECT s.store_name, json_agg(o) FROM retail.stores s JOIN (SELECT store_id, order_id FROM retail.orders LIMIT 3) o USING (store_id) GROUP BY s.store_id;

-- Each store as a document beside its orders
SELECT row_to_json(s), count(*) FROM retail.stores s JOIN retail.orders o USING (store_id) GROUP BY s.store_id;

-- The same by a natural join
SELECT s.store_name, count(*) FROM retail.stores s NATURAL JOIN retail.orders o GROUP BY s.store_id;
