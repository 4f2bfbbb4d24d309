use super::victim::Facts;

/// One line of a data file.
#[derive(Debug)]
pub(super) struct Attack {
    pub(super) line: usize,
    pub(super) class: &'static str,
    pub(super) past_guard: Past,
    pub(super) answer: Answer,
    template: &'static str,
}

/// What stops a statement when the guard is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Past {
    /// It ends with this SQLSTATE.
    Error(&'static str),
    /// It may run or fail: it shows nothing foreign, and nothing is left of it.
    Harmless,
    /// Nothing: it shows something of the server or leaves something in its session. No foreign row and no write even so.
    Guard,
}

/// What a client must get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The guard's words.
    Refused,
    /// The database's error with this SQLSTATE.
    Error(&'static str),
    /// A result in which nothing is foreign.
    Runs,
    /// Exactly these rows.
    Rows(&'static str),
}

/// The lines of a data file that are no comments.
pub(super) fn attacks(file: &'static str) -> Vec<Attack> {
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
            .unwrap_or_else(|| panic!("line {line} has less than four parts"))
            .trim()
    };
    let (class, past_guard, answer, template) = (part(), part(), part(), part());
    Attack {
        line,
        class,
        past_guard: match past_guard {
            "read-only" => Past::Error("25006"),
            "privilege" => Past::Error("42501"),
            "protocol" => Past::Error("42601"),
            "signature" => Past::Error("ZV002"),
            "key" => Past::Error("ZV001"),
            "unknown" => Past::Error("ZV003"),
            "expired" => Past::Error("ZV004"),
            "timeout" => Past::Error("57014"),
            "harmless" => Past::Harmless,
            "guard" => Past::Guard,
            other => panic!("line {line}: no layer is called {other}"),
        },
        answer: match answer {
            "refused" => Answer::Refused,
            "runs" => Answer::Runs,
            rows if rows.starts_with("[[") || rows == "[]" => Answer::Rows(rows),
            state if state.len() == 5 => Answer::Error(state),
            other => panic!("line {line}: no answer is called {other}"),
        },
        template,
    }
}

impl Attack {
    /// The text that is sent.
    pub(super) fn sql(&self, facts: &Facts) -> String {
        expand(self.template, |name| facts.named(name))
    }
}

/// Class and text of each line of a file that says no more.
pub(super) fn classified(file: &'static str) -> Vec<(&'static str, String)> {
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

/// Writes out what stands in braces: `{name}` is a fact of this run, `{U+200B}` a character, `{3×text}` a repetition, and
/// `{3∷text}` a chain in which `#` counts from 1 and `@` is one less. Other braces are the statement's own.
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
