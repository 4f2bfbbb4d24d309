//! What an error of Azure's library says, in a form that is safe to log.

use std::error::Error;

/// How much of the text is kept, in characters.
const MAX_CHARS: usize = 400;

/// Where advice begins that is about the library and not about this server.
const ADVICE: &str = "\nTo troubleshoot";

/// How a token begins: `{"` in base64.
const TOKEN_START: &str = "eyJ";

/// The text of an error of Azure's library without its advice, and the cause at the end of the
/// chain: the text itself may only say that the library has stopped trying.
pub(super) fn text_with_cause(error: &azure_core::Error) -> String {
    let text = error.to_string();
    let text = text.split(ADVICE).next().unwrap_or_default();
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let cause = cause.to_string();
    if text.contains(&cause) {
        text.to_owned()
    } else {
        format!("{text}: {cause}")
    }
}

/// The part of a text that may be logged. The library quotes answers: those of failed requests, and
/// parts of those that it cannot parse. So the text ends where a token could begin, and has no
/// control characters, which could forge lines of the log.
pub(super) fn loggable(text: &str) -> String {
    let text = text.split(TOKEN_START).next().unwrap_or_default().trim();
    let printable = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().map(printable).take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use azure_core::error::ErrorKind;

    use super::*;

    #[test]
    fn the_text_of_an_error_ends_with_its_cause() {
        let text = |cause: &'static str| {
            let cause = azure_core::Error::with_message(ErrorKind::Io, cause);
            let text = format!("gave up{ADVICE}, visit");
            text_with_cause(&azure_core::Error::with_error(ErrorKind::Io, cause, text))
        };
        assert_eq!(text("refused"), "gave up: refused");
        assert_eq!(text("gave up"), "gave up");
    }

    #[test]
    fn loggable_texts_are_short() {
        let text = format!("AADSTS7000215: {}", "x".repeat(1000));
        assert_eq!(loggable(&text).chars().count(), MAX_CHARS);
    }

    /// Azure's library quotes an answer that it cannot parse.
    #[test]
    fn loggable_texts_contain_no_token_and_no_control_characters() {
        let answer = r#""eyJhbGciOiJub25lIn0.e30.signature""#;
        let error = serde_json::from_str::<std::collections::HashMap<String, String>>(answer);
        let error = error.expect_err("no object").to_string();
        assert!(error.contains("e30.signature"), "{error}");
        let text = loggable(&format!("a\r\nb\u{1b}[31m {error}"));
        assert_eq!(text, "a  b [31m invalid type: string \"");
    }
}
