//! Hints for errors that PostgreSQL finds in a statement.

use super::callable::is_callable;
use super::column;
use super::tokens::{TokenKind, Tokens};
use crate::allowed::Allowed;
use crate::schema::Schema;

/// A hint for errors of one SQLSTATE with certain words in the message. A test runs every example.
#[derive(Debug)]
pub struct ErrorHint {
    /// The SQLSTATE.
    pub sqlstate: &'static str,
    /// The message contains all of these.
    message_parts: &'static [&'static str],
    /// What is wrong and what to do.
    pub advice: &'static str,
    /// A statement that does it.
    pub example: &'static str,
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
const ROUND_EXAMPLE: &str =
    "SELECT round(avg(quantity)::float8::numeric, 2) FROM retail.order_items";
const DAYS: &str = "the difference of two dates is already a number of days";
const DAYS_EXAMPLE: &str = "SELECT CURRENT_DATE - order_date FROM retail.orders LIMIT 1";
const LIKE_DATE: &str = "LIKE is for text; compare dates with >= and <";
const LIKE_DATE_EXAMPLE: &str = "SELECT count(*) FROM retail.orders WHERE order_date >= '2024-01-01' AND order_date < '2025-01-01'";
const DATE: &str = "write the type before a date string";
const DATE_EXAMPLE: &str = "SELECT date_trunc('month', DATE '2024-01-15'), DATE '2024-01-15' + 30";
const CONCAT: &str = "concatenate text with || or concat";
const CONCAT_EXAMPLE: &str = "SELECT 'Store: ' || store_name FROM retail.stores";
const WINDOW: &str = "compute the window function in a subquery and filter in the outer query";
const WINDOW_EXAMPLE: &str = "SELECT * FROM (SELECT product_name, rank() OVER (PARTITION BY category_id ORDER BY base_price DESC) AS r FROM retail.products) t WHERE r <= 3";
const TYPES: &str = "cast one of the values to the type of the others";
const TYPES_EXAMPLE: &str =
    "SELECT coalesce(quantity::text, 'none') FROM retail.order_items LIMIT 1";
const BOOLEAN: &str = "a boolean is a condition by itself; count rows with FILTER";
const BOOLEAN_EXAMPLE: &str =
    "SELECT count(*) FILTER (WHERE is_online) FROM retail.stores WHERE NOT is_online";

/// All entries. The first that matches is shown, so the order counts.
pub static ERROR_HINTS: &[ErrorHint] = &[
    error(
        "22012",
        &[],
        "use nullif to turn a divisor of 0 into NULL",
        "SELECT total_amount / nullif(quantity, 0) FROM retail.order_items LIMIT 1",
    ),
    error(
        "42803",
        &["aggregate functions are not allowed in WHERE"],
        "put a condition on an aggregate in HAVING",
        "SELECT store_id, count(*) FROM retail.orders GROUP BY store_id HAVING count(*) > 10",
    ),
    error(
        "42803",
        &["aggregate function calls cannot be nested"],
        "compute the inner aggregate in a subquery",
        "SELECT avg(n) FROM (SELECT store_id, count(*) AS n FROM retail.orders GROUP BY store_id) t",
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
        "SELECT count(DISTINCT (customer_id, store_id)) FROM retail.orders",
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
        "SELECT count(*) FROM retail.orders WHERE order_id::text LIKE '12%'",
    ),
    error(
        "42883",
        &["operator does not exist: numeric ~"],
        "cast to text",
        "SELECT count(*) FROM retail.products WHERE base_price::text LIKE '12%'",
    ),
    error(
        "42883",
        &["operator does not exist: date", "integer"],
        "put a date in quotes; 2024-01-01 without quotes is a subtraction",
        "SELECT count(*) FROM retail.orders WHERE order_date >= '2024-01-01'",
    ),
    error(
        "42883",
        &["operator does not exist: interval", "integer"],
        "compare with an interval",
        "SELECT count(*) FROM retail.orders WHERE now() - order_date > INTERVAL '30 days'",
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
        "SELECT date_trunc('month', order_date) FROM retail.orders LIMIT 1",
    ),
    error(
        "42883",
        &["string_agg("],
        "string_agg takes text and a separator",
        "SELECT string_agg(store_id::text, ', ' ORDER BY store_id) FROM retail.stores",
    ),
    error(
        "42883",
        &["decode("],
        "PostgreSQL's decode is a different function; write CASE",
        "SELECT CASE store_id WHEN 1 THEN 'one' ELSE 'other' END FROM retail.stores",
    ),
    error(
        "42809",
        &["WITHIN GROUP is required"],
        "put the values in WITHIN GROUP",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total_amount) FROM retail.order_items",
    ),
    error(
        "42883",
        &["percentile_cont("],
        "put the values in WITHIN GROUP",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total_amount) FROM retail.order_items",
    ),
    error(
        "0A000",
        &["OVER is not supported for ordered-set aggregate"],
        "group in a subquery and join it",
        "SELECT p.product_name, m.median FROM retail.products p JOIN (SELECT category_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY base_price) AS median FROM retail.products GROUP BY category_id) m USING (category_id) LIMIT 10",
    ),
    error(
        "0A000",
        &["DISTINCT is not implemented for window functions"],
        "rank first, and take the highest rank",
        "SELECT category_id, max(n) OVER (PARTITION BY category_id) FROM (SELECT category_id, dense_rank() OVER (PARTITION BY category_id ORDER BY type_id) AS n FROM retail.products) t LIMIT 10",
    ),
    error(
        "42809",
        &["requires an OVER clause"],
        "add OVER (…): it is a window function",
        "SELECT product_name, rank() OVER (ORDER BY base_price DESC) FROM retail.products LIMIT 10",
    ),
    error(
        "21000",
        &["more than one row returned by a subquery"],
        "compare with IN, or let the subquery return one row",
        "SELECT store_name FROM retail.stores WHERE store_id IN (SELECT store_id FROM retail.orders)",
    ),
    error(
        "42846",
        &["cannot cast type interval to"],
        "extract a field of it",
        "SELECT extract(day FROM now() - order_date) FROM retail.orders LIMIT 1",
    ),
    error("42804", &["COALESCE types"], TYPES, TYPES_EXAMPLE),
    error("42804", &["CASE types"], TYPES, TYPES_EXAMPLE),
    error("42804", &["CASE/WHEN"], TYPES, TYPES_EXAMPLE),
];

/// The hint for an error of PostgreSQL; `at` is the index of the token at fault, if known.
pub(super) fn hint(
    allowed: Allowed<'_>,
    tokens: &Tokens<'_>,
    sqlstate: &str,
    message: &str,
    at: Option<usize>,
) -> Option<String> {
    let schema = allowed.schema;
    let specific = match sqlstate {
        "42703" => column::unknown_column(allowed, tokens, message, at),
        "42702" => column::ambiguous_column(schema, tokens, message),
        "42P01" if message.contains("FROM-clause entry") => {
            column::missing_from_item(schema, tokens)
        }
        "22007" | "22P02" => invalid_value(schema, tokens, message, at),
        _ => None,
    };
    specific.or_else(|| {
        let matches = |hint: &&ErrorHint| {
            let mut parts = hint.message_parts.iter();
            hint.sqlstate == sqlstate && parts.all(|part| message.contains(part))
        };
        let found = ERROR_HINTS.iter().find(matches)?;
        if !is_callable(allowed.functions, found.example) {
            return None;
        }
        Some(format!("{}, as in {}", found.advice, found.example))
    })
}

/// A string that is not a valid value of its type, as in
/// `invalid input syntax for type date: "3 months"`.
fn invalid_value(
    schema: &Schema,
    tokens: &Tokens<'_>,
    message: &str,
    at: Option<usize>,
) -> Option<String> {
    let (kind, value) = message.split_once(": \"")?;
    let value = value.strip_suffix('"')?;
    let is_for = |types: &[&str]| {
        types
            .iter()
            .any(|name| kind.ends_with(&format!("type {name}")))
    };
    let times = ["date", "timestamp", "timestamp with time zone", "time"];
    if is_for(&times) && is_interval(value) {
        return Some(format!(
            "write it as an interval: INTERVAL '{}'",
            value.trim()
        ));
    }
    if is_for(&[
        "interval",
        "integer",
        "numeric",
        "double precision",
        "bigint",
    ]) && is_date(value)
    {
        return Some(format!("write it as a date: DATE '{}'", value.trim()));
    }
    if is_for(&["integer", "bigint"]) {
        return at.and_then(|at| string_for_number(schema, tokens, at));
    }
    None
}

/// Whether a string looks like `3 months` or `-1 year 2 days`.
fn is_interval(value: &str) -> bool {
    let value = value.trim().to_lowercase();
    let units = [
        "second", "minute", "hour", "day", "week", "month", "mon", "quarter", "year", "decade",
    ];
    let has_unit = value
        .split(|character: char| !character.is_alphabetic())
        .any(|word| {
            units
                .iter()
                .any(|unit| word == *unit || word.strip_suffix('s') == Some(unit))
        });
    has_unit && value.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first))
}

/// Whether a string looks like `2024-01-31`, with or without a time.
fn is_date(value: &str) -> bool {
    let digits: Vec<&str> = value.trim().splitn(3, '-').collect();
    let [year, month, day] = digits.as_slice() else {
        return false;
    };
    let are_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let starts_with_digit = day.starts_with(|first: char| first.is_ascii_digit());
    year.len() == 4 && are_digits(year) && are_digits(month) && starts_with_digit
}

/// A string in the place of a number: a name that is compared with an id, or a value of another
/// type in COALESCE or CASE.
fn string_for_number(schema: &Schema, tokens: &Tokens<'_>, at: usize) -> Option<String> {
    if tokens.kind(at) != Some(TokenKind::String) {
        return None;
    }
    let before = || (at.saturating_sub(6)..at).rev();
    let is_compared = ["=", "<>", "!="]
        .iter()
        .any(|sign| tokens.follows(at, sign))
        || before().any(|at| tokens.is(at, "in"));
    if !is_compared {
        let keywords = ["coalesce", "then", "else"];
        let is_choice = before().any(|at| keywords.iter().any(|word| tokens.is(at, word)));
        return is_choice.then(|| format!("{TYPES}, as in {TYPES_EXAMPLE}"));
    }
    let mut names = before().filter_map(|at| tokens.name(at));
    let column = names.find(|name| name.ends_with("_id"))?;
    let id = column.trim_start_matches("primary_");
    let name = name_column(schema, id)?;
    Some(format!("{column} is a number; the name is in {name}"))
}

/// The column with the names of the things that have this id: `shop.stores.store_name` for
/// `store_id`, if that is the primary key of `stores`.
fn name_column(schema: &Schema, id: &str) -> Option<String> {
    let name = format!("{}_name", id.strip_suffix("_id")?);
    let mut relations = schema.relations().iter();
    let relation = relations.find(|relation| {
        relation.key == [id] && relation.columns.iter().any(|column| column.name == name)
    })?;
    Some(format!("{}.{name}", schema.qualified(&relation.name)))
}
