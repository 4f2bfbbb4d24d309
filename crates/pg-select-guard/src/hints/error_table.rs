//! Errors that PostgreSQL finds in a statement, each with a hint: data, no logic.

/// A hint for errors of one SQLSTATE with certain words in the message. A test runs every example.
#[derive(Debug)]
pub(super) struct ErrorHint {
    /// The SQLSTATE.
    pub(super) sqlstate: &'static str,
    /// The message contains all of these.
    pub(super) message_parts: &'static [&'static str],
    /// What is wrong and what to do.
    pub(super) advice: &'static str,
    /// The template of a statement that does it.
    pub(super) example: &'static str,
}

const fn error(
    sqlstate: &'static str,
    message_parts: &'static [&'static str],
    advice: &'static str,
    example: &'static str,
) -> ErrorHint {
    ErrorHint {
        sqlstate,
        message_parts,
        advice,
        example,
    }
}

const ROUND: &str = "cast to numeric; only its round and trunc take a number of digits";
const ROUND_EXAMPLE: &str = "SELECT round(avg({number})::float8::numeric, 2) FROM {table}";
const DAYS: &str = "the difference of two dates is already a number of days";
const DAYS_EXAMPLE: &str = "SELECT CURRENT_DATE - {date} FROM {table} LIMIT 1";
const LIKE_DATE: &str = "LIKE is for text; compare dates with >= and <";
const LIKE_DATE_EXAMPLE: &str =
    "SELECT count(*) FROM {table} WHERE {date} >= '2024-01-01' AND {date} < '2025-01-01'";
const DATE: &str = "write the type before a date string";
const DATE_EXAMPLE: &str = "SELECT date_trunc('month', DATE '2024-01-15'), DATE '2024-01-15' + 30";
const CONCAT: &str = "concatenate text with || or concat";
const CONCAT_EXAMPLE: &str = "SELECT 'Name: ' || {text} FROM {table}";
const WINDOW: &str = "compute the window function in a subquery and filter in the outer query";
const WINDOW_EXAMPLE: &str = "SELECT * FROM (SELECT {text}, rank() OVER (PARTITION BY {group} ORDER BY {number} DESC) AS r FROM {table}) t WHERE r <= 3";
pub(super) const TYPES: &str = "cast one of the values to the type of the others";
pub(super) const TYPES_EXAMPLE: &str =
    "SELECT coalesce({number}::text, 'none') FROM {table} LIMIT 1";
const BOOLEAN: &str = "a boolean is a condition by itself; count rows with FILTER";
const BOOLEAN_EXAMPLE: &str =
    "SELECT count(*) FILTER (WHERE {boolean}) FROM {table} WHERE NOT {boolean}";

/// All entries. The first that matches is shown, so the order counts.
pub(super) static ERROR_HINTS: &[ErrorHint] = &[
    error(
        "22012",
        &[],
        "use nullif to turn a divisor of 0 into NULL",
        "SELECT 100 / nullif({number}, 0) FROM {table} LIMIT 1",
    ),
    error(
        "42803",
        &["aggregate functions are not allowed in WHERE"],
        "put a condition on an aggregate in HAVING",
        "SELECT {group}, count(*) FROM {table} GROUP BY {group} HAVING count(*) > 10",
    ),
    error(
        "42803",
        &["aggregate function calls cannot be nested"],
        "compute the inner aggregate in a subquery",
        "SELECT avg(n) FROM (SELECT {group}, count(*) AS n FROM {table} GROUP BY {group}) t",
    ),
    error(
        "42P20",
        &["window functions are not allowed in"],
        WINDOW,
        WINDOW_EXAMPLE,
    ),
    error(
        "42P20",
        &["window function calls cannot be nested"],
        WINDOW,
        WINDOW_EXAMPLE,
    ),
    error(
        "42803",
        &["aggregate function calls cannot contain window"],
        WINDOW,
        WINDOW_EXAMPLE,
    ),
    error("42883", &["round(double precision, "], ROUND, ROUND_EXAMPLE),
    error("42883", &["trunc(double precision, "], ROUND, ROUND_EXAMPLE),
    error("42883", &["extract(unknown, integer)"], DAYS, DAYS_EXAMPLE),
    error(
        "42883",
        &["date_part(unknown, integer)"],
        DAYS,
        DAYS_EXAMPLE,
    ),
    error("42883", &["sum(boolean)"], BOOLEAN, BOOLEAN_EXAMPLE),
    error("42883", &["avg(boolean)"], BOOLEAN, BOOLEAN_EXAMPLE),
    error(
        "42883",
        &["operator does not exist: boolean", "integer"],
        BOOLEAN,
        BOOLEAN_EXAMPLE,
    ),
    error(
        "42883",
        &["operator does not exist: integer", "boolean"],
        BOOLEAN,
        BOOLEAN_EXAMPLE,
    ),
    error(
        "42883",
        &["function count(", ", "],
        "to count several columns, write them as one row",
        "SELECT count(DISTINCT ({group}, {group2})) FROM {table}",
    ),
    error(
        "42883",
        &["operator does not exist: date ~"],
        LIKE_DATE,
        LIKE_DATE_EXAMPLE,
    ),
    error(
        "42883",
        &["operator does not exist: date !~"],
        LIKE_DATE,
        LIKE_DATE_EXAMPLE,
    ),
    error(
        "42883",
        &["operator does not exist: timestamp", "~"],
        LIKE_DATE,
        LIKE_DATE_EXAMPLE,
    ),
    error(
        "42883",
        &["operator does not exist: integer ~"],
        "cast to text",
        "SELECT count(*) FROM {table} WHERE {key}::text LIKE '12%'",
    ),
    error(
        "42883",
        &["operator does not exist: numeric ~"],
        "cast to text",
        "SELECT count(*) FROM {table} WHERE {number}::text LIKE '12%'",
    ),
    error(
        "42883",
        &["operator does not exist: date", "integer"],
        "put a date in quotes; 2024-01-01 without quotes is a subtraction",
        "SELECT count(*) FROM {table} WHERE {date} >= '2024-01-01'",
    ),
    error(
        "42883",
        &["operator does not exist: interval", "integer"],
        "compare with an interval",
        "SELECT count(*) FROM {table} WHERE now() - {date} > INTERVAL '30 days'",
    ),
    error(
        "42883",
        &["operator does not exist: text +"],
        CONCAT,
        CONCAT_EXAMPLE,
    ),
    error(
        "42883",
        &["operator does not exist: character varying +"],
        CONCAT,
        CONCAT_EXAMPLE,
    ),
    error(
        "42883",
        &["operator does not exist:", "+ text"],
        CONCAT,
        CONCAT_EXAMPLE,
    ),
    error(
        "42883",
        &["operator does not exist:", "+ character varying"],
        CONCAT,
        CONCAT_EXAMPLE,
    ),
    error(
        "42725",
        &["operator is not unique: unknown + unknown"],
        CONCAT,
        CONCAT_EXAMPLE,
    ),
    error(
        "42725",
        &["date_trunc(unknown, unknown)"],
        DATE,
        DATE_EXAMPLE,
    ),
    error(
        "42725",
        &["date_part(unknown, unknown)"],
        DATE,
        DATE_EXAMPLE,
    ),
    error("42725", &["extract(unknown, unknown)"], DATE, DATE_EXAMPLE),
    error(
        "42725",
        &["generate_series("],
        DATE,
        "SELECT day FROM generate_series(DATE '2024-01-01', DATE '2024-01-31', INTERVAL '1 day') AS d(day)",
    ),
    error(
        "42883",
        &["date_trunc(", ", unknown)"],
        "write the unit first",
        "SELECT date_trunc('month', {date}) FROM {table} LIMIT 1",
    ),
    error(
        "42883",
        &["string_agg("],
        "string_agg takes text and a separator",
        "SELECT string_agg({key}::text || ' ' || {text}, ', ' ORDER BY {key}) FROM {table}",
    ),
    error(
        "42883",
        &["decode("],
        "PostgreSQL's decode is a different function; write CASE",
        "SELECT CASE {key} WHEN 1 THEN 'one' ELSE 'other' END FROM {table} LIMIT 1",
    ),
    error(
        "42809",
        &["WITHIN GROUP is required"],
        "put the values in WITHIN GROUP",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY {number}) FROM {table}",
    ),
    error(
        "42883",
        &["percentile_cont("],
        "put the values in WITHIN GROUP",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY {number}) FROM {table}",
    ),
    error(
        "0A000",
        &["OVER is not supported for ordered-set aggregate"],
        "group in a subquery and join it",
        "SELECT x.{text}, m.median FROM {table} x JOIN (SELECT {group}, percentile_cont(0.5) WITHIN GROUP (ORDER BY {number}) AS median FROM {table} GROUP BY {group}) m USING ({group}) LIMIT 10",
    ),
    error(
        "0A000",
        &["DISTINCT is not implemented for window functions"],
        "rank first, and take the highest rank",
        "SELECT {group}, max(n) OVER (PARTITION BY {group}) FROM (SELECT {group}, dense_rank() OVER (PARTITION BY {group} ORDER BY {group2}) AS n FROM {table}) t LIMIT 10",
    ),
    error(
        "42809",
        &["requires an OVER clause"],
        "add OVER (…): it is a window function",
        "SELECT {text}, rank() OVER (ORDER BY {number} DESC) FROM {table} LIMIT 10",
    ),
    error(
        "21000",
        &["more than one row returned by a subquery"],
        "compare with IN, or let the subquery return one row",
        "SELECT {parent_text} FROM {parent} WHERE {group} IN (SELECT {group} FROM {table})",
    ),
    error(
        "42846",
        &["cannot cast type interval to"],
        "extract a field of it",
        "SELECT extract(day FROM now() - {date}) FROM {table} LIMIT 1",
    ),
    error("42804", &["COALESCE types"], TYPES, TYPES_EXAMPLE),
    error("42804", &["CASE types"], TYPES, TYPES_EXAMPLE),
    error("42804", &["CASE/WHEN"], TYPES, TYPES_EXAMPLE),
];
