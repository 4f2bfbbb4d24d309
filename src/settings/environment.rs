use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Names and values the server was started with: the process environment, completed by a `.env` file.
///
/// A value of its own, so that tests hand in a map and nothing deep inside reads a global.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// `.env` is there but cannot be used. Holds no line of the file: lines hold secrets.
#[derive(Debug, thiserror::Error)]
pub enum DotEnvError {
    /// The file cannot be opened or read.
    #[error("the file .env cannot be read")]
    Unreadable(#[source] io::Error),
    /// A line is not an assignment.
    #[error("the file .env holds a line that is not NAME=value (quote values that hold spaces)")]
    Malformed,
}

impl Environment {
    /// The process environment, completed by `.env` in `directory` where a name is not set. Names or values that are
    /// not Unicode are left out: no variable of ours can be one.
    ///
    /// # Errors
    /// When `.env` exists and cannot be read or parsed.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the process environment"
    )]
    pub fn of_process(directory: &Path) -> Result<Self, DotEnvError> {
        let process = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let mut variables: BTreeMap<String, String> = process.collect();
        match dotenvy::from_path_iter(directory.join(".env")) {
            Err(error) if error.not_found() => {}
            Err(error) => return Err(error.into()),
            Ok(lines) => {
                for line in lines {
                    let (name, value) = line?;
                    variables.entry(name).or_insert(value);
                }
            }
        }
        Ok(Self(variables))
    }

    /// The value of a variable; an empty one counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Environment {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        )
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

impl From<dotenvy::Error> for DotEnvError {
    fn from(error: dotenvy::Error) -> Self {
        match error {
            dotenvy::Error::Io(error) => Self::Unreadable(error),
            // The parser's own error quotes the line.
            _ => Self::Malformed,
        }
    }
}
