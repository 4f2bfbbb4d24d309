//! What to write instead where PostgreSQL found an error in a statement.

use super::column;
use super::tokens::{TokenKind, Tokens};

/// An error by its SQLSTATE and by what its message holds, and the way that works. A test runs
/// every form.
#[derive(Debug)]
pub struct ErrorHint {
    /// The SQLSTATE.
    pub sqlstate: &'static str,
    /// What the message holds, all of it.
    message: &'static [&'static str],
    /// What is wrong, and what to do.
    pub says: &'static str,
    /// A statement that does it.
    pub form: &'static str,
}

const fn error(
    sqlstate: &'static str,
    message: &'static [&'static str],
    says: &'static str,
    form: &'static str,
) -> ErrorHint {
    ErrorHint {
        sqlstate,
        message,
        says,
        form,
    }
}

const ROUND: &str = "it takes a number of digits of numeric only";
const ROUND_FORM: &str = "SELECT round(avg(quantity)::float8::numeric, 2) FROM retail.order_items";
const DAYS: &str = "a difference of dates is a number of days already";
const DAYS_FORM: &str = "SELECT CURRENT_DATE - order_date FROM retail.orders LIMIT 1";
const LIKE_DATE: &str = "LIKE is for text; compare dates";
const LIKE_DATE_FORM: &str = "SELECT count(*) FROM retail.orders WHERE order_date >= '2024-01-01' AND order_date < '2025-01-01'";
const DATE: &str = "write the type before a date in text";
const DATE_FORM: &str = "SELECT date_trunc('month', DATE '2024-01-15'), DATE '2024-01-15' + 30";
const CONCAT: &str = "text is joined by ||, or by concat";
const CONCAT_FORM: &str = "SELECT 'Store: ' || store_name FROM retail.stores";
const WINDOW: &str = "filter on a window function outside a sub-select";
const WINDOW_FORM: &str = "SELECT * FROM (SELECT product_name, rank() OVER (PARTITION BY category_id ORDER BY base_price DESC) AS r FROM retail.products) t WHERE r <= 3";
const TYPES: &str = "cast one of them";
const TYPES_FORM: &str = "SELECT coalesce(quantity::text, 'none') FROM retail.order_items LIMIT 1";
const BOOLEAN: &str = "a condition stands by itself, and is counted by FILTER";
const BOOLEAN_FORM: &str =
    "SELECT count(*) FILTER (WHERE is_online) FROM retail.stores WHERE NOT is_online";

/// All of them; the first that fits is shown.
pub static ERRORS: &[ErrorHint] = &[
    error(
        "22012",
        &[],
        "let nullif make NULL of the divisor 0",
        "SELECT total_amount / nullif(quantity, 0) FROM retail.order_items LIMIT 1",
    ),
    error(
        "42803",
        &["aggregate functions are not allowed in WHERE"],
        "a condition on an aggregate stands in HAVING",
        "SELECT store_id, count(*) FROM retail.orders GROUP BY store_id HAVING count(*) > 10",
    ),
    error(
        "42803",
        &["aggregate function calls cannot be nested"],
        "aggregate in a sub-select first",
        "SELECT avg(n) FROM (SELECT store_id, count(*) AS n FROM retail.orders GROUP BY store_id) t",
    ),
    error(
        "42P20",
        &["window functions are not allowed in"],
        WINDOW,
        WINDOW_FORM,
    ),
    error(
        "42P20",
        &["window function calls cannot be nested"],
        WINDOW,
        WINDOW_FORM,
    ),
    error(
        "42803",
        &["aggregate function calls cannot contain window"],
        WINDOW,
        WINDOW_FORM,
    ),
    error("42883", &["round(double precision, "], ROUND, ROUND_FORM),
    error("42883", &["trunc(double precision, "], ROUND, ROUND_FORM),
    error("42883", &["extract(unknown, integer)"], DAYS, DAYS_FORM),
    error("42883", &["date_part(unknown, integer)"], DAYS, DAYS_FORM),
    error("42883", &["sum(boolean)"], BOOLEAN, BOOLEAN_FORM),
    error("42883", &["avg(boolean)"], BOOLEAN, BOOLEAN_FORM),
    error(
        "42883",
        &["operator does not exist: boolean", "integer"],
        BOOLEAN,
        BOOLEAN_FORM,
    ),
    error(
        "42883",
        &["operator does not exist: integer", "boolean"],
        BOOLEAN,
        BOOLEAN_FORM,
    ),
    error(
        "42883",
        &["function count(", ", "],
        "several columns count as one row",
        "SELECT count(DISTINCT (customer_id, store_id)) FROM retail.orders",
    ),
    error(
        "42883",
        &["operator does not exist: date ~"],
        LIKE_DATE,
        LIKE_DATE_FORM,
    ),
    error(
        "42883",
        &["operator does not exist: date !~"],
        LIKE_DATE,
        LIKE_DATE_FORM,
    ),
    error(
        "42883",
        &["operator does not exist: timestamp", "~"],
        LIKE_DATE,
        LIKE_DATE_FORM,
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
        "a date stands in quotes; 2024-01-01 is a subtraction",
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
        CONCAT_FORM,
    ),
    error(
        "42883",
        &["operator does not exist: character varying +"],
        CONCAT,
        CONCAT_FORM,
    ),
    error(
        "42883",
        &["operator does not exist:", "+ text"],
        CONCAT,
        CONCAT_FORM,
    ),
    error(
        "42883",
        &["operator does not exist:", "+ character varying"],
        CONCAT,
        CONCAT_FORM,
    ),
    error(
        "42725",
        &["operator is not unique: unknown + unknown"],
        CONCAT,
        CONCAT_FORM,
    ),
    error("42725", &["date_trunc(unknown, unknown)"], DATE, DATE_FORM),
    error("42725", &["date_part(unknown, unknown)"], DATE, DATE_FORM),
    error("42725", &["extract(unknown, unknown)"], DATE, DATE_FORM),
    error(
        "42725",
        &["generate_series("],
        DATE,
        "SELECT day FROM generate_series(DATE '2024-01-01', DATE '2024-01-31', INTERVAL '1 day') AS d(day)",
    ),
    error(
        "42883",
        &["date_trunc(", ", unknown)"],
        "the unit stands first",
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
        "write CASE",
        "SELECT CASE store_id WHEN 1 THEN 'one' ELSE 'other' END FROM retail.stores",
    ),
    error(
        "42809",
        &["WITHIN GROUP is required"],
        "the values stand in WITHIN GROUP",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total_amount) FROM retail.order_items",
    ),
    error(
        "42883",
        &["percentile_cont("],
        "the values stand in WITHIN GROUP",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total_amount) FROM retail.order_items",
    ),
    error(
        "0A000",
        &["OVER is not supported for ordered-set aggregate"],
        "group in a sub-select, and join",
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
        "it is a window function",
        "SELECT product_name, rank() OVER (ORDER BY base_price DESC) FROM retail.products LIMIT 10",
    ),
    error(
        "21000",
        &["more than one row returned by a subquery"],
        "compare by IN, or let the sub-select give one row",
        "SELECT store_name FROM retail.stores WHERE store_id IN (SELECT store_id FROM retail.orders)",
    ),
    error(
        "42846",
        &["cannot cast type interval to"],
        "take a part of it",
        "SELECT extract(day FROM now() - order_date) FROM retail.orders LIMIT 1",
    ),
    error("42804", &["COALESCE types"], TYPES, TYPES_FORM),
    error("42804", &["CASE types"], TYPES, TYPES_FORM),
    error("42804", &["CASE/WHEN"], TYPES, TYPES_FORM),
];

/// What to write instead, where PostgreSQL found an error; `at` is the token at fault, if known.
pub(super) fn hint(
    tokens: &Tokens<'_>,
    sqlstate: &str,
    message: &str,
    at: Option<usize>,
) -> Option<String> {
    let special = match sqlstate {
        "42703" => column::missing(tokens, message, at),
        "42702" => column::ambiguous(tokens, message),
        "42P01" if message.contains("FROM-clause entry") => column::from_clause(tokens),
        "22007" | "22P02" => input(tokens, message, at),
        _ => None,
    };
    special.or_else(|| {
        let holds_all = |hint: &&ErrorHint| hint.message.iter().all(|part| message.contains(part));
        let mut of_state = ERRORS.iter().filter(|hint| hint.sqlstate == sqlstate);
        let found = of_state.find(holds_all)?;
        Some(format!("{}, as in {}", found.says, found.form))
    })
}

/// A text that is no value of its type: `invalid input syntax for type date: "3 months"`.
fn input(tokens: &Tokens<'_>, message: &str, at: Option<usize>) -> Option<String> {
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
        return at.and_then(|at| text_for_number(tokens, at));
    }
    None
}

/// `3 months`, `-1 year 2 days`.
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

/// `2024-01-31`, with a time or without.
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

/// The names of what ids stand for.
const NAMES: [(&str, &str); 4] = [
    ("store_id", "retail.stores.store_name"),
    ("category_id", "retail.categories.category_name"),
    ("type_id", "retail.product_types.type_name"),
    ("product_id", "retail.products.product_name"),
];

/// A text where a number must stand: a name that is compared with an id, or the other type of a
/// COALESCE or CASE.
fn text_for_number(tokens: &Tokens<'_>, at: usize) -> Option<String> {
    if tokens.kind(at) != Some(TokenKind::Text) {
        return None;
    }
    let before = || (at.saturating_sub(6)..at).rev();
    let is_compared = ["=", "<>", "!="]
        .iter()
        .any(|sign| tokens.is_before(at, sign))
        || before().any(|at| tokens.is(at, "in"));
    if !is_compared {
        let is_choice = ["coalesce", "then", "else"];
        let is_choice = before().any(|at| is_choice.iter().any(|word| tokens.is(at, word)));
        return is_choice.then(|| format!("{TYPES}, as in {TYPES_FORM}"));
    }
    let mut names = before().filter_map(|at| tokens.name(at));
    let column = names.find(|name| name.ends_with("_id"))?;
    let id = column.trim_start_matches("primary_");
    let (_, name) = NAMES.iter().find(|(column, _)| *column == id)?;
    Some(format!("{column} is a number; the name is in {name}"))
}
