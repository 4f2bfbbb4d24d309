use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::Path;

use super::dot_env::{self, DotEnvError};
use super::service_links::is_service_link;
use super::variables::{FUNCTIONS_CUSTOMHANDLER_PORT, is_setting};

/// The environment variables of the process, completed by a `.env` file.
///
/// The environment is a value, so that tests can pass a map and no other code reads a global.
#[derive(Clone, Default)]
pub struct Environment {
    values: BTreeMap<String, String>,
    /// Settings whose values in the process environment are not UTF-8.
    not_utf8: BTreeSet<String>,
    /// The text of `host.json`.
    host_json: Option<Vec<u8>>,
}

impl Environment {
    /// Reads the process environment and completes it by the file `.env` in `directory`. If the
    /// Azure Functions host has started this process, reads its `host.json` there too.
    ///
    /// # Errors
    /// If `.env` exists and cannot be read or parsed.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the process environment"
    )]
    pub fn from_process(directory: &Path) -> Result<Self, DotEnvError> {
        let dot_env = match std::fs::read(directory.join(".env")) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(DotEnvError::Unreadable(error)),
        };
        let environment = Self::new(std::env::vars_os(), &dot_env)?;
        if !environment.is_set(FUNCTIONS_CUSTOMHANDLER_PORT.name) {
            return Ok(environment);
        }
        // The host starts its handler in the folder of the app. Without the file, nothing that
        // depends on it is enabled.
        match std::fs::read(directory.join("host.json")) {
            Ok(text) => Ok(environment.with_host_json(text)),
            Err(_) => Ok(environment),
        }
    }

    /// The same with the text of `host.json`.
    #[must_use]
    pub fn with_host_json(self, text: impl Into<Vec<u8>>) -> Self {
        Self {
            host_json: Some(text.into()),
            ..self
        }
    }

    /// Completes the variables of a process by the text of a `.env` file, which provides the names
    /// that are absent or empty in the process. Variables that Kubernetes sets for services are
    /// ignored.
    ///
    /// # Errors
    /// If the text is not a valid `.env` file.
    pub fn new(
        process: impl IntoIterator<Item = (OsString, OsString)>,
        dot_env: &[u8],
    ) -> Result<Self, DotEnvError> {
        let mut environment = Self::default();
        for (name, value) in process {
            // A name that is not UTF-8 belongs to another program, unless it begins with `ZAVA_`:
            // then it is reported as a misspelled setting.
            let name = name.to_string_lossy().into_owned();
            match value.into_string() {
                Ok(value) if is_setting(&name) && is_service_link(&name, &value) => {}
                Ok(value) => {
                    environment.values.insert(name, value);
                }
                Err(_) if is_setting(&name) => {
                    environment.not_utf8.insert(name);
                }
                Err(_) => {}
            }
        }
        for (name, value) in dot_env::parse(dot_env)? {
            if !environment.is_set(&name) {
                environment.values.insert(name, value);
            }
        }
        Ok(environment)
    }

    /// The value of a variable; `None` if it is absent or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The same with another value of a variable.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut environment = self.clone();
        environment.values.insert(name.to_owned(), value.to_owned());
        environment
    }

    /// The text of `host.json`; `None` unless the Functions host has started this server.
    pub(super) fn host_json(&self) -> Option<&[u8]> {
        self.host_json.as_deref()
    }

    /// Whether a variable has a value, valid UTF-8 or not.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some() || self.not_utf8.contains(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// The names of settings whose values are not UTF-8.
    pub(super) fn not_utf8(&self) -> impl Iterator<Item = &str> {
        self.not_utf8.iter().map(String::as_str)
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Environment {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            values: pairs.into_iter().map(owned).collect(),
            not_utf8: BTreeSet::new(),
            host_json: None,
        }
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}
