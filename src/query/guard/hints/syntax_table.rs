//! The syntax of other databases, and common slips, with PostgreSQL's own way: data, no logic. A
//! test runs every form.

/// Syntax that PostgreSQL does not have, and its own. A test runs every form.
#[derive(Debug)]
pub struct ForeignSyntax {
    /// Words that follow one another, in lower case: `0` stands for a number, `'` for a text, `_`
    /// for any name.
    pub words: &'static [&'static str],
    pub(super) whereabouts: Whereabouts,
    /// What is wrong, and what to do.
    pub says: &'static str,
    /// A statement in PostgreSQL's own way; may be empty.
    pub form: &'static str,
}

/// Where the words must stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// The first of them is where the parser stopped.
    At,
    /// The parser stopped among them or a little behind: `t PIVOT (sum(` is a table's alias and
    /// columns up to there.
    Near,
    /// Anywhere in the text.
    Anywhere,
}

use Whereabouts::{Anywhere, At, Near};

const fn syntax(
    words: &'static [&'static str],
    whereabouts: Whereabouts,
    says: &'static str,
    form: &'static str,
) -> ForeignSyntax {
    ForeignSyntax {
        words,
        whereabouts,
        says,
        form,
    }
}

const PARAMETER: &str = "there are no parameters here; write the value into the text";

/// All of it; the first entry that fits is shown.
pub static SYNTAX: &[ForeignSyntax] = &[
    syntax(
        &["& lt ;", "& gt ;", "& amp ;", "& quot ;"],
        Anywhere,
        "the text is escaped as HTML; write < > & and quotes as they are",
        "",
    ),
    syntax(
        &["qualify"],
        Near,
        "PostgreSQL has no QUALIFY; filter on a window function outside a sub-select",
        "SELECT * FROM (SELECT product_name, rank() OVER (PARTITION BY category_id ORDER BY base_price DESC) AS r FROM retail.products) t WHERE r <= 3",
    ),
    syntax(
        &["select top", "distinct top", "all top"],
        Near,
        "PostgreSQL has no TOP; the number of rows stands in LIMIT at the end",
        "SELECT product_name FROM retail.products ORDER BY base_price DESC LIMIT 10",
    ),
    syntax(
        &["group by all", "order by all"],
        Near,
        "PostgreSQL has no BY ALL; name the columns, or give their numbers",
        "SELECT category_id, type_id, count(*) FROM retail.products GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    syntax(
        &["ignore nulls", "respect nulls"],
        Near,
        "PostgreSQL has no IGNORE NULLS; count the values so far, and take the value of each such block",
        "SELECT day, max(v) OVER (PARTITION BY block) FROM (SELECT day, v, count(v) OVER (ORDER BY day) AS block FROM (VALUES (1, 10), (2, NULL), (3, 30)) AS x(day, v)) t",
    ),
    syntax(
        &["limit 0 ,"],
        Anywhere,
        "LIMIT takes one number; the rows to skip stand in OFFSET",
        "SELECT product_name FROM retail.products ORDER BY product_name LIMIT 10 OFFSET 20",
    ),
    syntax(
        &["unpivot ("],
        Near,
        "PostgreSQL has no UNPIVOT; make rows of columns with LATERAL (VALUES …)",
        "SELECT p.sku, v.kind, v.amount FROM retail.products p CROSS JOIN LATERAL (VALUES ('cost', p.cost), ('price', p.base_price)) AS v(kind, amount) LIMIT 10",
    ),
    syntax(
        &["pivot ("],
        Near,
        "PostgreSQL has no PIVOT; write one aggregate with FILTER for each column",
        "SELECT category_id, count(*) FILTER (WHERE base_price < 50) AS cheap, count(*) FILTER (WHERE base_price >= 50) AS dear FROM retail.products GROUP BY category_id",
    ),
    syntax(
        &[
            "ilike any",
            "like any",
            "ilike all",
            "like all",
            "ilike some",
            "like some",
        ],
        Near,
        "the patterns stand in an array",
        "SELECT product_name FROM retail.products WHERE product_name ILIKE ANY (ARRAY['%drill%', '%saw%'])",
    ),
    syntax(
        &["= any (", "= some (", "<> all ("],
        Near,
        "a list of values stands behind IN, or in an array",
        "SELECT store_name FROM retail.stores WHERE store_id IN (1, 2)",
    ),
    syntax(
        &["interval 0", "interval '"],
        Near,
        "number and unit of an interval stand in one text",
        "SELECT CURRENT_DATE - INTERVAL '3 months'",
    ),
    syntax(
        &["* except", "* exclude", "* replace", "* rename"],
        Near,
        "PostgreSQL has no * EXCEPT; name the columns",
        "SELECT store_id, store_name FROM retail.stores",
    ),
    syntax(
        &["try_cast (", "safe_cast ("],
        Near,
        "PostgreSQL has no TRY_CAST; test the text first",
        "SELECT CASE WHEN x ~ '^[0-9]+$' THEN x::integer END FROM (VALUES ('12'), ('a')) AS v(x)",
    ),
    syntax(
        &["convert ("],
        Near,
        "PostgreSQL has no CONVERT; write CAST",
        "SELECT CAST(order_date AS text) FROM retail.orders LIMIT 1",
    ),
    syntax(
        &["minus select", "minus ( select", "except all select"],
        Near,
        "MINUS is called EXCEPT",
        "SELECT store_id FROM retail.stores EXCEPT SELECT store_id FROM retail.orders",
    ),
    syntax(
        &["cross apply", "outer apply", "lateral view"],
        Near,
        "it is called LATERAL",
        "SELECT s.store_name, o.order_date FROM retail.stores s LEFT JOIN LATERAL (SELECT order_date FROM retail.orders WHERE store_id = s.store_id ORDER BY order_date DESC LIMIT 1) o ON true",
    ),
    syntax(
        &["with rollup", "with cube", "with totals"],
        Near,
        "it stands in front of the columns",
        "SELECT category_id, type_id, count(*) FROM retail.products GROUP BY ROLLUP (category_id, type_id)",
    ),
    syntax(
        &["nolock", "with ( nolock"],
        Near,
        "leave the lock hint out; reading never waits here",
        "",
    ),
    syntax(
        &["connect by", "start with"],
        Near,
        "PostgreSQL has no CONNECT BY; write a recursive WITH",
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n",
    ),
    syntax(
        &["semi join", "anti join"],
        Near,
        "write EXISTS or NOT EXISTS",
        "SELECT store_name FROM retail.stores s WHERE NOT EXISTS (SELECT 1 FROM retail.orders o WHERE o.store_id = s.store_id)",
    ),
    syntax(
        &["outer join"],
        At,
        "write LEFT JOIN, RIGHT JOIN or FULL JOIN",
        "SELECT s.store_name, o.order_id FROM retail.stores s LEFT JOIN retail.orders o USING (store_id) LIMIT 1",
    ),
    syntax(
        &["rlike", "regexp", "glob", "not rlike", "not regexp"],
        Near,
        "a regular expression stands behind ~, or ~* without regard to case",
        "SELECT product_name FROM retail.products WHERE product_name ~* 'drill|saw'",
    ),
    syntax(
        &["contains '", "starts with", "ends with"],
        Near,
        "write a pattern",
        "SELECT product_name FROM retail.products WHERE product_name ILIKE '%drill%'",
    ),
    syntax(
        &["mod 0", "mod (", "div 0", "div ("],
        Near,
        "they are functions here, or the operators % and /",
        "SELECT quantity % 2, div(quantity, 2) FROM retail.order_items LIMIT 1",
    ),
    syntax(
        &["extract ("],
        Near,
        "the part stands before FROM",
        "SELECT extract(month FROM order_date) FROM retail.orders LIMIT 1",
    ),
    syntax(
        &["timestamp (", "time (", "interval ("],
        Near,
        "write the type before the text, or cast",
        "SELECT TIMESTAMP '2024-03-31 00:00:00', order_date::timestamp FROM retail.orders LIMIT 1",
    ),
    syntax(
        &["distinct on"],
        Near,
        "the columns of DISTINCT ON stand in parentheses",
        "SELECT DISTINCT ON (customer_id) customer_id, order_date FROM retail.orders ORDER BY customer_id, order_date DESC LIMIT 10",
    ),
    syntax(
        &["over partition", "over order"],
        Near,
        "a window stands in parentheses",
        "SELECT product_name, rank() OVER (PARTITION BY category_id ORDER BY base_price) FROM retail.products LIMIT 10",
    ),
    syntax(
        &["filter where"],
        Near,
        "the condition of FILTER stands in parentheses",
        "SELECT count(*) FILTER (WHERE quantity > 1) FROM retail.order_items",
    ),
    syntax(
        &["with offset"],
        Near,
        "it is called WITH ORDINALITY",
        "SELECT x, n FROM unnest(ARRAY['a', 'b']) WITH ORDINALITY AS u(x, n)",
    ),
    syntax(
        &["array <", "struct (", "struct <", "map {"],
        Near,
        "write ARRAY[…], or jsonb_build_object for a structure",
        "SELECT ARRAY[1, 2], jsonb_build_object('a', 1)",
    ),
    syntax(
        &["asof join"],
        Near,
        "PostgreSQL has no ASOF JOIN; write LATERAL with ORDER BY and LIMIT 1",
        "SELECT s.store_name, o.order_date FROM retail.stores s LEFT JOIN LATERAL (SELECT order_date FROM retail.orders WHERE store_id = s.store_id ORDER BY order_date DESC LIMIT 1) o ON true",
    ),
    syntax(
        &["is not in", "is in"],
        Near,
        "write IN or NOT IN",
        "SELECT store_name FROM retail.stores WHERE store_id NOT IN (1, 2)",
    ),
    syntax(
        &["between ' to", "between 0 to"],
        Near,
        "write BETWEEN … AND …",
        "SELECT count(*) FROM retail.orders WHERE order_date BETWEEN '2024-01-01' AND '2024-01-31'",
    ),
    syntax(
        &["else if", "elseif", "elsif"],
        Near,
        "write another WHEN",
        "SELECT CASE WHEN quantity > 5 THEN 'many' WHEN quantity > 1 THEN 'some' ELSE 'one' END FROM retail.order_items LIMIT 1",
    ),
    syntax(
        &["as select"],
        Near,
        "a WITH query stands in parentheses",
        "WITH t AS (SELECT store_id FROM retail.orders) SELECT count(*) FROM t",
    ),
    syntax(
        &["fetch first 0", "fetch next 0"],
        Near,
        "write ROWS ONLY behind the number, or LIMIT",
        "SELECT store_name FROM retail.stores ORDER BY store_name FETCH FIRST 3 ROWS ONLY",
    ),
    syntax(
        &["unsigned", "signed"],
        Near,
        "write bigint or numeric",
        "SELECT CAST(quantity AS bigint) FROM retail.order_items LIMIT 1",
    ),
    syntax(&["#", "//"], At, "a comment begins with --", ""),
    syntax(
        &["not null"],
        Near,
        "write IS NOT NULL",
        "SELECT product_name FROM retail.products WHERE product_description IS NOT NULL LIMIT 1",
    ),
    syntax(
        &["describe", "desc", "show", "\\"],
        At,
        "call get_multiple_table_schemas to see a table's columns",
        "",
    ),
    syntax(
        &["union", "intersect", "except"],
        At,
        "a SELECT with an ORDER BY or LIMIT of its own stands in parentheses",
        "(SELECT store_id FROM retail.stores ORDER BY 1 LIMIT 1) UNION ALL (SELECT store_id FROM retail.stores ORDER BY 1 DESC LIMIT 1)",
    ),
    syntax(
        &[
            ", from", ", select", ", where", ", group", ", order", ", )", ", having", ", limit",
        ],
        Near,
        "there is a comma too many",
        "",
    ),
    syntax(
        &["`"],
        Anywhere,
        "names stand without backticks, or in double quotes",
        "SELECT store_name FROM retail.stores",
    ),
    syntax(
        &["( [", "in [", "= ["],
        Near,
        "write ARRAY[…], or a list in parentheses behind IN",
        "SELECT unnest(ARRAY[1, 2])",
    ),
    syntax(
        &["window _ ("],
        Near,
        "AS stands before a window's parentheses",
        "SELECT product_name, rank() OVER w FROM retail.products WINDOW w AS (ORDER BY base_price DESC) LIMIT 10",
    ),
    syntax(
        &[") _ as ("],
        Near,
        "WITH queries are separated by commas",
        "WITH a AS (SELECT 1 AS x), b AS (SELECT 2 AS y) SELECT * FROM a, b",
    ),
    syntax(
        &["["],
        At,
        "names stand without brackets, or in double quotes",
        "SELECT store_name FROM retail.stores",
    ),
    syntax(
        &[
            "= ?",
            "> ?",
            "< ?",
            ">= ?",
            "<= ?",
            "( ?",
            ", ?",
            "between ?",
        ],
        Near,
        PARAMETER,
        "",
    ),
    syntax(&[":", "{", "%", "?", "$"], At, PARAMETER, ""),
    syntax(
        &[
            "where",
            "group by",
            "having",
            "from",
            "join",
            "left join",
            "inner join",
        ],
        At,
        "the clauses stand in this order: SELECT, FROM, JOIN … ON, WHERE, GROUP BY, HAVING, WINDOW, ORDER BY, LIMIT",
        "",
    ),
];
