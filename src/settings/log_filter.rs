//! Which events are logged.

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::reader::Reader;
use super::variables as var;

/// `level` or `module=level`, several of them with commas between.
///
/// The filter's own parser also takes a module without a level, for all its events. A misspelt
/// level (`warning`, `verbose`) would be such a module, which has no events, so nothing at all
/// would be logged.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<String> {
    reader.parsed(&var::ZAVA_LOG, |text| {
        // White space would become part of a module's name.
        let text: String = text
            .chars()
            .filter(|letter| !letter.is_whitespace())
            .collect();
        for directive in text.split(',') {
            let (module, level) = match directive.rsplit_once('=') {
                None => (None, directive),
                Some((module, level)) => (Some(module), level),
            };
            // `tracing` also reads digits as levels, which nobody would guess.
            let is_word = level.bytes().all(|byte| byte.is_ascii_alphabetic());
            if level.is_empty() || !is_word || level.parse::<LevelFilter>().is_err() {
                return Err("holds a level other than off, error, warn, info, debug and trace");
            }
            if module.is_some_and(|module| !is_module_path(module)) {
                return Err("names a module that cannot be one; write zava_mcp_server=debug");
            }
        }
        match text.parse::<Targets>() {
            Ok(_) => Ok(text),
            Err(_) => Err("is not a log filter"),
        }
    })
}

fn is_module_path(text: &str) -> bool {
    let is_of_path =
        |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':';
    !text.is_empty() && text.chars().all(is_of_path)
}
