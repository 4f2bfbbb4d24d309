//! Refuses texts that would be expensive to parse, before PostgreSQL's parser reads them.
//!
//! PostgreSQL's scanner (`scan.l`) takes quadratic time for long runs of operator characters: it
//! scans the rest of the run again for each `/*` in it, and the whole run again for each `+` or `-`
//! at its end. A run of 16,000 times `/*` took 1.6 seconds. The check ignores whether a run is
//! inside quotes or a comment, because the limit is generous enough to apply everywhere.

use super::refusal::{Refusal, Rule};

/// The characters that operators consist of (`op_chars` in `scan.l`).
const OPERATOR_CHARACTERS: &[u8] = b"~!@#^&|`?+-*/%<>=";

/// Longest run of operator characters. People write lines of up to 160 dashes and operators of up
/// to four characters. Parsing 32 KiB of runs of this length takes about 20 ms.
const MAX_RUN_BYTES: usize = 256;

/// Refuses a text with a NUL byte or with too long a run of operator characters.
pub(super) fn prescan(text: &str) -> Result<(), Refusal> {
    if text.contains('\0') {
        return Err(Refusal::nul_byte());
    }
    let is_operator = |byte: &u8| OPERATOR_CHARACTERS.contains(byte);
    let runs = text
        .as_bytes()
        .chunk_by(|one, other| is_operator(one) == is_operator(other));
    let mut start = 0;
    for run in runs {
        if is_operator(&run[0]) && run.len() > MAX_RUN_BYTES {
            return Err(run_too_long(run.len(), start).locate(text));
        }
        start += run.len();
    }
    Ok(())
}

fn run_too_long(bytes: usize, start: usize) -> Refusal {
    Refusal::new(
        Rule::Size,
        format!("the SQL text contains {bytes} operator characters in a row"),
        format!(
            "at most {MAX_RUN_BYTES} are allowed; shorten separator lines of dashes or asterisks"
        ),
    )
    .at(i32::try_from(start).unwrap_or(-1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_of_operator_characters_are_refused_before_parsing() {
        for unit in ["/*", "+", "-", "*", "/**/", "/*****", "+-", "@"] {
            for (before, after) in [
                ("SELECT ", " 1"),
                ("SELECT '", "'"),
                ("SELECT 1 /* ", " */"),
            ] {
                let run = unit.repeat(2_000);
                let refusal = prescan(&format!("{before}{run}{after}")).expect_err(unit);
                assert_eq!(refusal.rule(), Rule::Size);
                assert!(
                    refusal.to_string().contains("in a row (line 1, column "),
                    "{refusal}"
                );
            }
        }
        let line = "-".repeat(160);
        for text in [
            format!("-- {line}\n-- Sales\n-- {line}\nSELECT 1"),
            format!("/* {line} */ SELECT '{line}'"),
            "SELECT 1".repeat(1_000),
            String::new(),
        ] {
            assert_eq!(prescan(&text), Ok(()));
        }
    }
}
