use std::fmt::Write as _;
use std::time::Duration;

use crate::samples::Rates;

/// A Markdown table, and lines below it.
pub(crate) struct Table(String);

impl Table {
    pub(crate) fn new() -> Self {
        Self("| what | budget | measured | |\n|---|---|---|---|\n".to_owned())
    }

    /// Only lines, to follow a table of another form.
    pub(crate) fn facts_only() -> Self {
        Self("\n".to_owned())
    }

    pub(crate) fn row(&mut self, what: &str, budget: &str, measured: &str, detail: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "| {what} | {budget} | {measured} | {detail} |");
    }

    /// A line below the table.
    pub(crate) fn fact(&mut self, name: &str, value: &str) {
        if self.0.ends_with("|\n") {
            self.0.push('\n');
        }
        let _ = writeln!(self.0, "- {name}: {value}");
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

pub(crate) fn rate(rates: &Rates) -> String {
    format!("{}/s", whole(rates.median()))
}

pub(crate) fn spread(rates: &Rates) -> String {
    format!("{} to {}/s", whole(rates.min()), whole(rates.max()))
}

pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1000.0)
}

pub(crate) fn mebibytes(kib: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "far smaller than 2^52 KiB")]
    let mebibytes = kib as f64 / 1024.0;
    format!("{mebibytes:.1} MiB")
}

/// A positive number rounded, with separators.
pub(crate) fn whole(number: f64) -> String {
    thousands(format!("{number:.0}"))
}

/// A whole number with separators.
pub(crate) fn thousands(number: impl ToString) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Whole microseconds.
pub(crate) fn micros(duration: Duration) -> String {
    format!("{} µs", thousands(duration.as_micros()))
}

/// A part of a whole.
pub(crate) fn percent(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}
