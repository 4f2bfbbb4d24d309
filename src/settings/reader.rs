use std::fmt;
use std::num::NonZeroU32;

use super::azure::AzureCredential;
use super::environment::Environment;
use super::variables::{VARIABLES, Variable};

/// One invalid or missing environment variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The variable's name.
    pub variable: String,
    /// What is wrong, as a predicate after the variable's name; never contains the value.
    pub message: String,
    /// How to fix it: a valid example, or the name that was probably meant.
    pub hint: String,
}

/// Every invalid or missing environment variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    /// In the order in which the variables are read; never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid settings")?;
        for problem in &self.problems {
            write!(
                f,
                "\n  {} {}; {}",
                problem.variable, problem.message, problem.hint
            )?;
        }
        Ok(())
    }
}

/// Reads variables one by one and collects every problem, so that a user can fix all of them at
/// once.
pub(super) struct Reader<'a> {
    environment: &'a Environment,
    problems: Vec<Problem>,
    /// The server's identity, once a setting needs it; `None` inside if it is invalid.
    pub(super) azure_credential: Option<Option<AzureCredential>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(environment: &'a Environment) -> Self {
        let mut reader = Self {
            environment,
            problems: Vec::new(),
            azure_credential: None,
        };
        reader.reject_unknown_names();
        reader.reject_values_that_are_not_utf8();
        reader
    }

    /// Reads a variable that has a default or is required.
    pub(super) fn parsed<T>(
        &mut self,
        variable: &'static Variable,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let text = self.environment.get(variable.name).or(variable.default);
        let text = self.required(variable, text)?;
        parse(text)
            .map_err(|message| self.add_problem(variable, message))
            .ok()
    }

    /// Reads a variable that may be absent.
    pub(super) fn optional<T>(
        &mut self,
        variable: &'static Variable,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let text = self.environment.get(variable.name)?;
        parse(text)
            .map_err(|message| self.add_problem(variable, message))
            .ok()
    }

    /// Reads a variable whose default depends on other variables.
    pub(super) fn parsed_or<T>(
        &mut self,
        variable: &'static Variable,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        match self.environment.get(variable.name) {
            None => Some(default),
            Some(text) => parse(text)
                .map_err(|message| self.add_problem(variable, message))
                .ok(),
        }
    }

    /// Reads a whole number from `min` (at least 1) to `max`.
    pub(super) fn number(
        &mut self,
        variable: &'static Variable,
        min: u32,
        max: u32,
    ) -> Option<NonZeroU32> {
        let text = self.environment.get(variable.name).or(variable.default)?;
        let number = text
            .parse::<NonZeroU32>()
            .ok()
            .filter(|number| (min..=max).contains(&number.get()));
        if number.is_none() {
            self.add_problem(
                variable,
                format!("must be a whole number from {min} to {max}"),
            );
        }
        number
    }

    /// Reports a variable as missing unless it has a value or was reported already.
    pub(super) fn required<T>(
        &mut self,
        variable: &'static Variable,
        value: Option<T>,
    ) -> Option<T> {
        let is_reported = |problem: &Problem| problem.variable == variable.name;
        if value.is_none() && !self.problems.iter().any(is_reported) {
            self.add_problem(variable, "is not set");
        }
        value
    }

    /// Whether the environment has a variable that is not one of this server's settings.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.environment.is_set(name)
    }

    /// The value of a variable that is not specific to this server, such as `HTTPS_PROXY`.
    pub(super) fn foreign(&self, name: &str) -> Option<&'a str> {
        self.environment.get(name)
    }

    /// The names of all variables.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.environment.names()
    }

    /// The text of `host.json`, if the Azure Functions host has started this server.
    pub(super) fn host_json(&self) -> Option<&'a [u8]> {
        self.environment.host_json()
    }

    /// Ends reading: returns the settings, or every problem.
    pub(super) fn finish<T>(self, settings: Option<T>) -> Result<T, SettingsError> {
        match settings {
            Some(settings) if self.problems.is_empty() => Ok(settings),
            _ => Err(SettingsError {
                problems: self.problems,
            }),
        }
    }

    /// Adds a problem with a variable; its hint is the variable's example.
    pub(super) fn add_problem(&mut self, variable: &'static Variable, message: impl Into<String>) {
        self.problems.push(Problem {
            variable: variable.name.to_owned(),
            message: message.into(),
            hint: format!("for example {}={}", variable.name, variable.example),
        });
    }

    /// A value that is not UTF-8 is an error: ignoring it would silently apply the default.
    fn reject_values_that_are_not_utf8(&mut self) {
        for name in self.environment.not_utf8() {
            let known = VARIABLES.iter().find(|variable| variable.name == name);
            self.problems.push(Problem {
                variable: name.to_owned(),
                message: "is not valid UTF-8".to_owned(),
                hint: known.map_or_else(
                    || "unset it".to_owned(),
                    |known| format!("for example {}={}", known.name, known.example),
                ),
            });
        }
    }

    /// An unknown name with the prefix `ZAVA_` is an error: ignoring a misspelled variable would
    /// silently apply its default.
    fn reject_unknown_names(&mut self) {
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
                message: "is not a setting of this server".to_owned(),
                hint: format!("did you mean {nearest}?"),
            });
        }
    }
}
