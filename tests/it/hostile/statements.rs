use super::victim::RunValues;

/// One line of a data file.
#[derive(Debug)]
pub(super) struct Attack {
    pub(super) line: usize,
    pub(super) class: &'static str,
    pub(super) database_defense: DatabaseDefense,
    pub(super) answer: ClientOutcome,
    template: &'static str,
}

/// What stops a statement without the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DatabaseDefense {
    /// PostgreSQL ends it with this SQLSTATE.
    Error(&'static str),
    /// It may run or fail, reveals nothing foreign and leaves nothing behind.
    Harmless,
    /// Nothing: it reveals something of the server or leaves session state, but neither a foreign
    /// row nor a write.
    None,
}

/// The outcome that a client must get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientOutcome {
    /// The guard refuses it.
    Refused,
    /// PostgreSQL's error with this SQLSTATE.
    Error(&'static str),
    /// A result without foreign rows.
    Runs,
    /// Exactly these rows.
    Rows(&'static str),
}

/// Parses a data file; comments and empty lines are skipped.
pub(super) fn parse_attacks(file: &'static str) -> Vec<Attack> {
    let lines = file.lines().enumerate();
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with("--"))
        .map(|(index, line)| attack(index + 1, line))
        .collect()
}

fn attack(line: usize, text: &'static str) -> Attack {
    let mut parts = text.splitn(4, " | ");
    let mut part = || {
        parts
            .next()
            .unwrap_or_else(|| panic!("line {line} has fewer than four parts"))
            .trim()
    };
    let (class, database_defense, answer, template) = (part(), part(), part(), part());
    Attack {
        line,
        class,
        database_defense: match database_defense {
            "read-only" => DatabaseDefense::Error("25006"),
            "privilege" => DatabaseDefense::Error("42501"),
            "protocol" => DatabaseDefense::Error("42601"),
            "signature" => DatabaseDefense::Error("ZV002"),
            "key" => DatabaseDefense::Error("ZV001"),
            "unknown" => DatabaseDefense::Error("ZV003"),
            "expired" => DatabaseDefense::Error("ZV004"),
            "timeout" => DatabaseDefense::Error("57014"),
            "harmless" => DatabaseDefense::Harmless,
            "guard" => DatabaseDefense::None,
            other => panic!("line {line}: unknown defense {other}"),
        },
        answer: match answer {
            "refused" => ClientOutcome::Refused,
            "runs" => ClientOutcome::Runs,
            rows if rows.starts_with("[[") || rows == "[]" => ClientOutcome::Rows(rows),
            state if state.len() == 5 => ClientOutcome::Error(state),
            other => panic!("line {line}: unknown outcome {other}"),
        },
        template,
    }
}

impl Attack {
    /// The SQL that is sent.
    pub(super) fn sql(&self, run_values: &RunValues) -> String {
        expand(self.template, |name| run_values.value(name))
    }
}

/// Parses a data file that holds only a class and a statement per line.
pub(super) fn parse_classified(file: &'static str) -> Vec<(&'static str, String)> {
    let lines = file
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("--"));
    lines
        .map(|line| {
            let (class, template) = line
                .split_once(" | ")
                .unwrap_or_else(|| panic!("no class in {line}"));
            (class, expand(template, |_| None))
        })
        .collect()
}

/// Expands placeholders: `{name}` is a value of this run, `{U+200B}` a character, `{3×text}` a
/// repetition, and `{3∷text}` a chain in which `#` counts from 1 and `@` is one less. Other braces
/// stay as they are.
fn expand(template: &str, named: impl Fn(&str) -> Option<String>) -> String {
    let mut sql = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        sql.push_str(before);
        let known = from.find('}').and_then(|close| {
            let text = generated(&from[1..close]).or_else(|| named(&from[1..close]))?;
            Some((text, &from[close + 1..]))
        });
        let (text, after) = known.unwrap_or_else(|| ("{".to_owned(), &from[1..]));
        sql.push_str(&text);
        rest = after;
    }
    sql + rest
}

fn generated(inside: &str) -> Option<String> {
    if let Some(code) = inside.strip_prefix("U+") {
        let code = u32::from_str_radix(code, 16).ok()?;
        return char::from_u32(code).map(String::from);
    }
    if let Some((count, text)) = inside.split_once('×') {
        return Some(text.repeat(count.parse().ok()?));
    }
    let (count, text) = inside.split_once('∷')?;
    let link = |index: usize| {
        text.replace('#', &index.to_string())
            .replace('@', &(index - 1).to_string())
    };
    Some((1..=count.parse().ok()?).map(link).collect())
}
