//! Syntax of other databases and common mistakes, each with PostgreSQL's syntax: data, no logic.

/// Syntax that PostgreSQL does not have, and what to write instead. A test runs every example.
#[derive(Debug)]
pub(super) struct ForeignSyntax {
    /// Alternatives, each a sequence of tokens in lower case, separated by spaces. `0` stands for
    /// any number, `'` for any string, `_` for any name.
    pub(super) words: &'static [&'static str],
    pub(super) position: MatchPosition,
    /// What is wrong and what to do.
    pub(super) advice: &'static str,
    /// The template of a statement in PostgreSQL's syntax, or an empty text.
    pub(super) example: &'static str,
}

/// Where the words must be, relative to the token at which the parser stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MatchPosition {
    /// The first of the words is that token.
    AtError,
    /// That token is one of the words or follows soon after them: the parser reads `t PIVOT (sum(`
    /// as a table's alias and column names before it fails.
    NearError,
    /// Anywhere in the text.
    Anywhere,
}

use MatchPosition::{Anywhere, AtError, NearError};

const fn syntax(
    words: &'static [&'static str],
    position: MatchPosition,
    advice: &'static str,
    example: &'static str,
) -> ForeignSyntax {
    ForeignSyntax {
        words,
        position,
        advice,
        example,
    }
}

/// Replaced by what the schema says of descriptions of its tables.
pub(super) const DESCRIBE: &str = "{describe}";

const PARAMETER: &str = "parameters are not supported; write the value as a literal";

/// All entries. The first that matches is shown, so the order counts.
pub(super) static FOREIGN_SYNTAX: &[ForeignSyntax] = &[
    syntax(
        &["& lt ;", "& gt ;", "& amp ;", "& quot ;"],
        Anywhere,
        "the text is escaped as HTML; write <, >, & and quotes unescaped",
        "",
    ),
    syntax(
        &["qualify"],
        NearError,
        "PostgreSQL has no QUALIFY; compute the window function in a subquery and filter in the outer query",
        "SELECT * FROM (SELECT {text}, rank() OVER (PARTITION BY {group} ORDER BY {number} DESC) AS r FROM {table}) t WHERE r <= 3",
    ),
    syntax(
        &["select top", "distinct top", "all top"],
        NearError,
        "PostgreSQL has no TOP; put the number of rows in LIMIT at the end",
        "SELECT {text} FROM {table} ORDER BY {number} DESC LIMIT 10",
    ),
    syntax(
        &["group by all", "order by all"],
        NearError,
        "PostgreSQL has no BY ALL; list the columns or their positions",
        "SELECT {group}, {group2}, count(*) FROM {table} GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    syntax(
        &["ignore nulls", "respect nulls"],
        NearError,
        "PostgreSQL has no IGNORE NULLS; number the blocks by a running count of values, and take the value of each block",
        "SELECT day, max(v) OVER (PARTITION BY block) FROM (SELECT day, v, count(v) OVER (ORDER BY day) AS block FROM (VALUES (1, 10), (2, NULL), (3, 30)) AS x(day, v)) t",
    ),
    syntax(
        &["limit 0 ,"],
        Anywhere,
        "LIMIT takes one number; put the number of rows to skip in OFFSET",
        "SELECT {text} FROM {table} ORDER BY {text} LIMIT 10 OFFSET 20",
    ),
    syntax(
        &["unpivot ("],
        NearError,
        "PostgreSQL has no UNPIVOT; turn columns into rows with LATERAL (VALUES …)",
        "SELECT x.{key}, v.kind, v.amount FROM {table} x CROSS JOIN LATERAL (VALUES ('{number}', x.{number}), ('{number2}', x.{number2})) AS v(kind, amount) LIMIT 10",
    ),
    syntax(
        &["pivot ("],
        NearError,
        "PostgreSQL has no PIVOT; write one aggregate with FILTER for each column",
        "SELECT {group}, count(*) FILTER (WHERE {number} < 50) AS low, count(*) FILTER (WHERE {number} >= 50) AS high FROM {table} GROUP BY {group}",
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
        NearError,
        "put the patterns in an array",
        "SELECT {text} FROM {table} WHERE {text} ILIKE ANY (ARRAY['%north%', '%south%'])",
    ),
    syntax(
        &["= any (", "= some (", "<> all ("],
        NearError,
        "put a list of values after IN, or in an array",
        "SELECT {text} FROM {table} WHERE {key} IN (1, 2)",
    ),
    syntax(
        &["interval 0", "interval '"],
        NearError,
        "write the number and the unit of an interval in one string",
        "SELECT CURRENT_DATE - INTERVAL '3 months'",
    ),
    syntax(
        &["* except", "* exclude", "* replace", "* rename"],
        NearError,
        "PostgreSQL has no * EXCEPT; list the columns",
        "SELECT {key}, {text} FROM {table}",
    ),
    syntax(
        &["try_cast (", "safe_cast ("],
        NearError,
        "PostgreSQL has no TRY_CAST; test the string first",
        "SELECT CASE WHEN x ~ '^[0-9]+$' THEN x::integer END FROM (VALUES ('12'), ('a')) AS v(x)",
    ),
    syntax(
        &["convert ("],
        NearError,
        "PostgreSQL has no CONVERT; write CAST",
        "SELECT CAST({date} AS text) FROM {table} LIMIT 1",
    ),
    syntax(
        &["minus select", "minus ( select", "except all select"],
        NearError,
        "PostgreSQL has no MINUS; write EXCEPT",
        "SELECT {group} FROM {parent} EXCEPT SELECT {group} FROM {table}",
    ),
    syntax(
        &["cross apply", "outer apply", "lateral view"],
        NearError,
        "write LATERAL",
        "SELECT p.{parent_text}, c.{date} FROM {parent} p LEFT JOIN LATERAL (SELECT {date} FROM {table} WHERE {group} = p.{group} ORDER BY {date} DESC LIMIT 1) c ON true",
    ),
    syntax(
        &["with rollup", "with cube", "with totals"],
        NearError,
        "write it before the columns",
        "SELECT {group}, {group2}, count(*) FROM {table} GROUP BY ROLLUP ({group}, {group2})",
    ),
    syntax(
        &["nolock", "with ( nolock"],
        NearError,
        "omit the lock hint; reads never wait for writers",
        "",
    ),
    syntax(
        &["connect by", "start with"],
        NearError,
        "PostgreSQL has no CONNECT BY; write a recursive WITH",
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n",
    ),
    syntax(
        &["semi join", "anti join"],
        NearError,
        "write EXISTS or NOT EXISTS",
        "SELECT p.{parent_text} FROM {parent} p WHERE NOT EXISTS (SELECT 1 FROM {table} c WHERE c.{group} = p.{group})",
    ),
    syntax(
        &["outer join"],
        AtError,
        "write LEFT JOIN, RIGHT JOIN or FULL JOIN",
        "SELECT p.{parent_text}, c.{key} FROM {parent} p LEFT JOIN {table} c USING ({group}) LIMIT 1",
    ),
    syntax(
        &["rlike", "regexp", "glob", "not rlike", "not regexp"],
        NearError,
        "write a regular expression after ~, or after ~* to ignore case",
        "SELECT {text} FROM {table} WHERE {text} ~* 'north|south'",
    ),
    syntax(
        &["contains '", "starts with", "ends with"],
        NearError,
        "write a LIKE or ILIKE pattern",
        "SELECT {text} FROM {table} WHERE {text} ILIKE '%north%'",
    ),
    syntax(
        &["mod 0", "mod (", "div 0", "div ("],
        NearError,
        "use the functions mod and div, or the operators % and /",
        "SELECT {number} % 2, div({number}, 2) FROM {table} LIMIT 1",
    ),
    syntax(
        &["extract ("],
        NearError,
        "write the field before FROM",
        "SELECT extract(month FROM {date}) FROM {table} LIMIT 1",
    ),
    syntax(
        &["timestamp (", "time (", "interval ("],
        NearError,
        "write the type before the string, or cast",
        "SELECT TIMESTAMP '2024-03-31 00:00:00', {date}::timestamp FROM {table} LIMIT 1",
    ),
    syntax(
        &["distinct on"],
        NearError,
        "put the columns of DISTINCT ON in parentheses",
        "SELECT DISTINCT ON ({group}) {group}, {date} FROM {table} ORDER BY {group}, {date} DESC LIMIT 10",
    ),
    syntax(
        &["over partition", "over order"],
        NearError,
        "put the window definition in parentheses",
        "SELECT {text}, rank() OVER (PARTITION BY {group} ORDER BY {number}) FROM {table} LIMIT 10",
    ),
    syntax(
        &["filter where"],
        NearError,
        "put the condition of FILTER in parentheses",
        "SELECT count(*) FILTER (WHERE {number} > 1) FROM {table}",
    ),
    syntax(
        &["with offset"],
        NearError,
        "write WITH ORDINALITY",
        "SELECT x, n FROM unnest(ARRAY['a', 'b']) WITH ORDINALITY AS u(x, n)",
    ),
    syntax(
        &["array <", "struct (", "struct <", "map {"],
        NearError,
        "write ARRAY[…], or jsonb_build_object for a structure",
        "SELECT ARRAY[1, 2], jsonb_build_object('a', 1)",
    ),
    syntax(
        &["asof join"],
        NearError,
        "PostgreSQL has no ASOF JOIN; write LATERAL with ORDER BY and LIMIT 1",
        "SELECT p.{parent_text}, c.{date} FROM {parent} p LEFT JOIN LATERAL (SELECT {date} FROM {table} WHERE {group} = p.{group} ORDER BY {date} DESC LIMIT 1) c ON true",
    ),
    syntax(
        &["is not in", "is in"],
        NearError,
        "write IN or NOT IN",
        "SELECT {text} FROM {table} WHERE {key} NOT IN (1, 2)",
    ),
    syntax(
        &["between ' to", "between 0 to"],
        NearError,
        "write BETWEEN … AND …",
        "SELECT count(*) FROM {table} WHERE {date} BETWEEN '2024-01-01' AND '2024-01-31'",
    ),
    syntax(
        &["else if", "elseif", "elsif"],
        NearError,
        "write another WHEN",
        "SELECT CASE WHEN {number} > 5 THEN 'many' WHEN {number} > 1 THEN 'some' ELSE 'one' END FROM {table} LIMIT 1",
    ),
    syntax(
        &["as select"],
        NearError,
        "put a WITH query in parentheses",
        "WITH t AS (SELECT {key} FROM {table}) SELECT count(*) FROM t",
    ),
    syntax(
        &["fetch first 0", "fetch next 0"],
        NearError,
        "write ROWS ONLY after the number, or use LIMIT",
        "SELECT {text} FROM {table} ORDER BY {text} FETCH FIRST 3 ROWS ONLY",
    ),
    syntax(
        &["unsigned", "signed"],
        NearError,
        "write bigint or numeric",
        "SELECT CAST({number} AS bigint) FROM {table} LIMIT 1",
    ),
    syntax(&["#", "//"], AtError, "begin a comment with --", ""),
    syntax(
        &["not null"],
        NearError,
        "write IS NOT NULL",
        "SELECT {text} FROM {table} WHERE {text} IS NOT NULL LIMIT 1",
    ),
    syntax(&["describe", "desc", "show", "\\"], AtError, DESCRIBE, ""),
    syntax(
        &["union", "intersect", "except"],
        AtError,
        "put a SELECT that has its own ORDER BY or LIMIT in parentheses",
        "(SELECT {key} FROM {table} ORDER BY 1 LIMIT 1) UNION ALL (SELECT {key} FROM {table} ORDER BY 1 DESC LIMIT 1)",
    ),
    syntax(
        &[
            ", from", ", select", ", where", ", group", ", order", ", )", ", having", ", limit",
        ],
        NearError,
        "there is an extra comma",
        "",
    ),
    syntax(
        &["`"],
        Anywhere,
        "write names without backticks, or in double quotes",
        "SELECT {text} FROM {table}",
    ),
    syntax(
        &["( [", "in [", "= ["],
        NearError,
        "write ARRAY[…], or a list in parentheses after IN",
        "SELECT unnest(ARRAY[1, 2])",
    ),
    syntax(
        &["window _ ("],
        NearError,
        "write AS before the parentheses of a window",
        "SELECT {text}, rank() OVER w FROM {table} WINDOW w AS (ORDER BY {number} DESC) LIMIT 10",
    ),
    syntax(
        &[") _ as ("],
        NearError,
        "separate WITH queries by commas",
        "WITH a AS (SELECT 1 AS x), b AS (SELECT 2 AS y) SELECT * FROM a, b",
    ),
    syntax(
        &["["],
        AtError,
        "write names without brackets, or in double quotes",
        "SELECT {text} FROM {table}",
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
        NearError,
        PARAMETER,
        "",
    ),
    syntax(&[":", "{", "%", "?", "$"], AtError, PARAMETER, ""),
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
        AtError,
        "write the clauses in this order: SELECT, FROM, JOIN … ON, WHERE, GROUP BY, HAVING, WINDOW, ORDER BY, LIMIT",
        "",
    ),
];
