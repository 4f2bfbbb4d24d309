//! What a text may not hold, seen before PostgreSQL's grammar reads it.
//!
//! The scanner of PostgreSQL (`scan.l`) looks at the rest of a run of operator characters again for
//! each `/*` in it, and at all of it again for each `+` or `-` at its end: 16,000 times `/*` took
//! 1.6 seconds. What stands around a run, quotes or a comment, is not looked at: a bound that is
//! generous holds everywhere.

use super::refusal::{Refusal, Rule};

/// The characters of operators (`op_chars` of `scan.l`).
const OPERATOR_CHARACTERS: &[u8] = b"~!@#^&|`?+-*/%<>=";

/// The longest run of them: a line of dashes has up to 160, an operator four. 32 KiB of such runs
/// take some 20 ms.
const MAX_RUN_BYTES: usize = 256;

/// Refuses what would be expensive to read.
pub(super) fn prescan(text: &str) -> Result<(), Refusal> {
    if text.contains('\0') {
        return Err(Refusal::nul());
    }
    let is_operator = |byte: &u8| OPERATOR_CHARACTERS.contains(byte);
    let runs = text
        .as_bytes()
        .chunk_by(|one, other| is_operator(one) == is_operator(other));
    let mut start = 0;
    for run in runs {
        if is_operator(&run[0]) && run.len() > MAX_RUN_BYTES {
            return Err(too_long(run.len(), start).locate(text));
        }
        start += run.len();
    }
    Ok(())
}

fn too_long(bytes: usize, start: usize) -> Refusal {
    Refusal::new(
        Rule::Size,
        format!("the SQL text has {bytes} operator characters in a row"),
        format!("the most is {MAX_RUN_BYTES}; shorten lines of dashes or stars"),
    )
    .at(i32::try_from(start).unwrap_or(-1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_of_operator_characters_are_not_parsed() {
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
