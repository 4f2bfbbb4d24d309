//! Extracts the SQL statement from the text that a model sends, by removing Markdown around it.
//!
//! Invariant: only text that cannot start a statement is removed, so a text that PostgreSQL can
//! parse is not changed.

/// The first keywords of the statements that the server accepts.
const FIRST_KEYWORDS: [&str; 5] = ["select", "with", "values", "table", "explain"];

/// The language tags of a code fence.
const LANGUAGE_TAGS: [&str; 6] = ["sql", "postgresql", "postgres", "pgsql", "psql", "plpgsql"];

const FENCES: [&str; 2] = ["```", "~~~"];

/// The statement in a text: the content of the only fenced code block, or the whole text.
pub(super) fn extract(text: &str) -> &str {
    let inner = text.trim_matches(|character: char| {
        character.is_whitespace() || matches!(character, '\u{feff}' | '\u{200b}')
    });
    if starts_like_sql(inner) {
        return text;
    }
    fenced_block(inner)
        .or_else(|| inline_code(inner))
        .or_else(|| strip_language_tag(inner))
        .unwrap_or(text)
}

fn starts_like_sql(text: &str) -> bool {
    let word: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    let starts_with_symbol =
        text.starts_with(['(', ';']) || text.starts_with("--") || text.starts_with("/*");
    starts_with_symbol || FIRST_KEYWORDS.contains(&word.to_ascii_lowercase().as_str())
}

/// The text between the first fence and the next one or the end. Several blocks are ambiguous, so
/// they give `None`.
fn fenced_block(text: &str) -> Option<&str> {
    let (fence, start) = FENCES
        .iter()
        .filter_map(|fence| Some((*fence, text.find(fence)?)))
        .min_by_key(|(_, start)| *start)?;
    let inner = &text[start + fence.len()..];
    let (inner, rest) = inner.split_once(fence).unwrap_or((inner, ""));
    let inner = inner.trim();
    let inner = strip_language_tag(inner).unwrap_or(inner);
    (!rest.contains(fence) && starts_like_sql(inner)).then_some(inner)
}

/// The text between single backticks.
fn inline_code(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('`')?.strip_suffix('`')?;
    starts_like_sql(inner).then_some(inner)
}

/// Removes a language tag before the statement, as in `sql SELECT 1`.
fn strip_language_tag(text: &str) -> Option<&str> {
    let (language, rest) = text.split_once(char::is_whitespace)?;
    let language = language.trim_end_matches(':').to_ascii_lowercase();
    let rest = rest.trim_start();
    (LANGUAGE_TAGS.contains(&language.as_str()) && starts_like_sql(rest)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::extract;

    #[test]
    fn markdown_around_a_statement_is_removed() {
        for text in [
            "```sql\nSELECT 1\n```",
            "```SQL\r\nSELECT 1\r\n```\r\n",
            "```\nSELECT 1\n```",
            "```SELECT 1```",
            "```sql SELECT 1 ```",
            "```postgresql\nSELECT 1",
            "~~~sql\nSELECT 1\n~~~",
            " \n```sql\n\nSELECT 1\n\n```\n",
            "\u{feff}```sql\nSELECT 1\n```",
            "Here is the query:\n```sql\nSELECT 1\n```\nIt counts.",
            "`SELECT 1`",
            "sql\nSELECT 1",
            "SQL: SELECT 1",
        ] {
            assert_eq!(extract(text), "SELECT 1", "{text:?}");
        }
        let with = "```sql\nWITH t AS (SELECT 1)\nSELECT * FROM t;\n```";
        assert_eq!(extract(with), "WITH t AS (SELECT 1)\nSELECT * FROM t;");
    }

    #[test]
    fn text_that_may_be_a_statement_is_unchanged() {
        for text in [
            "",
            "SELECT 1",
            " SELECT 1 ",
            "select '```sql SELECT 2```'",
            "-- ```\nSELECT 1",
            "/* ``` */ SELECT 1",
            "(SELECT 1)",
            "TABLE retail.stores",
            "```sql\nSELECT 1\n```\n```sql\nSELECT 2\n```",
            "```\nrm -rf /\n```",
            "DELETE FROM retail.orders",
            "`order_id`",
            "```",
            "sql",
        ] {
            assert_eq!(extract(text), text);
        }
    }
}
