//! The statement within the text that a model sends: Markdown around it is taken off.
//!
//! Invariant: only what cannot be the beginning of a statement is taken off, so a text that
//! PostgreSQL can read is not changed.

/// The words that statements begin with which can run here.
const BEGINNINGS: [&str; 5] = ["select", "with", "values", "table", "explain"];

/// What a fence may be called.
const LANGUAGES: [&str; 6] = ["sql", "postgresql", "postgres", "pgsql", "psql", "plpgsql"];

const FENCES: [&str; 2] = ["```", "~~~"];

/// The statement in a text: the whole text, or what stands between the only pair of fences.
pub(super) fn statement(text: &str) -> &str {
    let inner = text.trim_matches(|character: char| {
        character.is_whitespace() || matches!(character, '\u{feff}' | '\u{200b}')
    });
    if begins_like_sql(inner) {
        return text;
    }
    fenced(inner)
        .or_else(|| in_backticks(inner))
        .or_else(|| without_language(inner))
        .unwrap_or(text)
}

fn begins_like_sql(text: &str) -> bool {
    let word: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    let is_sign = text.starts_with(['(', ';']) || text.starts_with("--") || text.starts_with("/*");
    is_sign || BEGINNINGS.contains(&word.to_ascii_lowercase().as_str())
}

/// The text between a fence and the next one, or the end. Several pairs are ambiguous.
fn fenced(text: &str) -> Option<&str> {
    let (fence, start) = FENCES
        .iter()
        .filter_map(|fence| Some((*fence, text.find(fence)?)))
        .min_by_key(|(_, start)| *start)?;
    let inner = &text[start + fence.len()..];
    let (inner, rest) = inner.split_once(fence).unwrap_or((inner, ""));
    let inner = inner.trim();
    let inner = without_language(inner).unwrap_or(inner);
    (!rest.contains(fence) && begins_like_sql(inner)).then_some(inner)
}

fn in_backticks(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('`')?.strip_suffix('`')?;
    begins_like_sql(inner).then_some(inner)
}

/// Without the name of a language in front, as in `sql SELECT 1`.
fn without_language(text: &str) -> Option<&str> {
    let (language, rest) = text.split_once(char::is_whitespace)?;
    let language = language.trim_end_matches(':').to_ascii_lowercase();
    let rest = rest.trim_start();
    (LANGUAGES.contains(&language.as_str()) && begins_like_sql(rest)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::statement;

    #[test]
    fn markdown_around_a_statement_is_taken_off() {
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
            assert_eq!(statement(text), "SELECT 1", "{text:?}");
        }
        let with = "```sql\nWITH t AS (SELECT 1)\nSELECT * FROM t;\n```";
        assert_eq!(statement(with), "WITH t AS (SELECT 1)\nSELECT * FROM t;");
    }

    #[test]
    fn what_may_be_a_statement_stays_as_it_is() {
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
            assert_eq!(statement(text), text);
        }
    }
}
