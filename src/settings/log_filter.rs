//! Which events are logged.

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::reader::Reader;
use super::variables as var;

/// Which log events are written: one or more of `level` and `module=level`, separated by commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// The filter in the syntax of `tracing`, without white space.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        reader.parsed(&var::ZAVA_LOG, Self::parse)
    }

    /// Parses the text of a setting.
    ///
    /// `tracing`'s own parser also accepts a module without a level and enables all its events. It
    /// would take a misspelled level (`warning`, `verbose`) for such a module. That module has no
    /// events, so nothing would be logged.
    ///
    /// # Errors
    /// What is wrong with the text, as a predicate after the variable's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        // `tracing` would take white space for a part of the module's name.
        let text: String = text
            .chars()
            .filter(|letter| !letter.is_whitespace())
            .collect();
        for directive in text.split(',') {
            let (module, level) = match directive.rsplit_once('=') {
                None => (None, directive),
                Some((module, level)) => (Some(module), level),
            };
            // `tracing` also accepts digits as levels; they are rejected as too obscure.
            let is_word = level.bytes().all(|byte| byte.is_ascii_alphabetic());
            if level.is_empty() || !is_word || level.parse::<LevelFilter>().is_err() {
                return Err(
                    "contains an unknown level (known are off, error, warn, info, debug and trace)",
                );
            }
            if module.is_some_and(|module| !is_module_path(module)) {
                return Err(
                    "contains an invalid module path (a valid one is zava_mcp_server::query)",
                );
            }
        }
        match text.parse::<Targets>() {
            Ok(_) => Ok(Self(text)),
            Err(_) => Err("must be a log filter"),
        }
    }
}

fn is_module_path(text: &str) -> bool {
    let is_path_character =
        |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    !text.is_empty() && text.chars().all(is_path_character)
}
