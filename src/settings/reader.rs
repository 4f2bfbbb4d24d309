use std::fmt;
use std::num::NonZeroU32;

use super::environment::Environment;
use super::variables::{VARIABLES, Variable};

/// One thing that is wrong with the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The variable's name.
    pub variable: String,
    /// What is wrong with it, without its value.
    pub what: String,
    /// A value that would do, or the name that was meant.
    pub mend: String,
}

/// Everything that is wrong with the environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    /// In the order of reading; never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings cannot be used")?;
        for problem in &self.problems {
            write!(
                f,
                "\n  {} {}; {}",
                problem.variable, problem.what, problem.mend
            )?;
        }
        Ok(())
    }
}

/// Reads variables one by one and remembers every problem, so that a user mends all of them in one go.
pub(super) struct Reader<'a> {
    environment: &'a Environment,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(environment: &'a Environment) -> Self {
        let mut reader = Self {
            environment,
            problems: Vec::new(),
        };
        reader.refuse_unknown_names();
        reader.refuse_values_that_are_not_text();
        reader
    }

    /// A variable that has a default, or without which the command cannot work.
    pub(super) fn parsed<T>(
        &mut self,
        variable: &'static Variable,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let text = self.environment.get(variable.name).or(variable.default);
        let text = self.required(variable, text)?;
        parse(text)
            .map_err(|what| self.problem(variable, what))
            .ok()
    }

    /// A variable that may be absent.
    pub(super) fn optional<T>(
        &mut self,
        variable: &'static Variable,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let text = self.environment.get(variable.name)?;
        parse(text)
            .map_err(|what| self.problem(variable, what))
            .ok()
    }

    /// A variable whose default depends on others.
    pub(super) fn absent_or<T>(
        &mut self,
        variable: &'static Variable,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        match self.environment.get(variable.name) {
            None => Some(default),
            Some(text) => parse(text)
                .map_err(|what| self.problem(variable, what))
                .ok(),
        }
    }

    /// A whole number from `least` (at least 1) to `most`.
    pub(super) fn number(
        &mut self,
        variable: &'static Variable,
        least: u32,
        most: u32,
    ) -> Option<NonZeroU32> {
        let text = self.environment.get(variable.name).or(variable.default)?;
        let number = text
            .parse::<NonZeroU32>()
            .ok()
            .filter(|number| (least..=most).contains(&number.get()));
        if number.is_none() {
            self.problem(
                variable,
                format!("is not a whole number from {least} to {most}"),
            );
        }
        number
    }

    /// A value that another one makes necessary.
    pub(super) fn required<T>(
        &mut self,
        variable: &'static Variable,
        value: Option<T>,
    ) -> Option<T> {
        let is_wrong = |problem: &Problem| problem.variable == variable.name;
        if value.is_none() && !self.problems.iter().any(is_wrong) {
            self.problem(variable, "is not set");
        }
        value
    }

    /// Whether the environment has a variable that is none of ours.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.environment.is_set(name)
    }

    /// A variable that is none of ours, but means the same to every program.
    pub(super) fn foreign(&self, name: &str) -> Option<&'a str> {
        self.environment.get(name)
    }

    /// Ends the reading: everything that was found wrong.
    pub(super) fn finish(self) -> Vec<Problem> {
        self.problems
    }

    /// Takes note of what is wrong with a variable.
    pub(super) fn problem(&mut self, variable: &'static Variable, what: impl Into<String>) {
        self.problems.push(Problem {
            variable: variable.name.to_owned(),
            what: what.into(),
            mend: format!("for example {}={}", variable.name, variable.example),
        });
    }

    /// A value that cannot be read would leave the default in force without a word.
    fn refuse_values_that_are_not_text(&mut self) {
        for name in self.environment.not_text() {
            let known = VARIABLES.iter().find(|variable| variable.name == name);
            self.problems.push(Problem {
                variable: name.to_owned(),
                what: "has a value that is not UTF-8".to_owned(),
                mend: known.map_or_else(
                    || "unset it".to_owned(),
                    |known| format!("for example {}={}", known.name, known.example),
                ),
            });
        }
    }

    /// A misspelt variable would leave its default in force without a word, so an unknown name of ours is an error.
    fn refuse_unknown_names(&mut self) {
        for name in self
            .environment
            .names()
            .filter(|name| name.starts_with("ZAVA_"))
        {
            if VARIABLES.iter().any(|variable| variable.name == name) {
                continue;
            }
            let nearest = VARIABLES
                .iter()
                .filter(|variable| variable.name.starts_with("ZAVA_"))
                .max_by(|a, b| {
                    strsim::jaro_winkler(a.name, name)
                        .total_cmp(&strsim::jaro_winkler(b.name, name))
                })
                .map_or("", |variable| variable.name);
            self.problems.push(Problem {
                variable: name.to_owned(),
                what: "is not a setting of this server".to_owned(),
                mend: format!("did you mean {nearest}?"),
            });
        }
    }
}
