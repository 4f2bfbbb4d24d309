//! Properties of the guard that hold for every text. The fuzz target runs them over generated
//! texts, a test over the stored corpus.

use std::sync::LazyLock;

use pg_select_guard::{Guard, Limits, Schema};

/// Maximum length of a refusal, in bytes: a model reads it whole.
const MAX_REFUSAL_BYTES: usize = 2_000;

static GUARD: LazyLock<Guard> = LazyLock::new(|| {
    let schema = Schema::parse("retail", include_str!("../src/tests/relations.txt"));
    Guard::new(schema.expect("the tables of the tests"), Limits::STANDARD)
});

/// Any text. An accepted statement is deparsed to text that is accepted and deparsed the same. A
/// refusal is short and has no control characters.
pub(crate) fn check(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    match GUARD.check(text) {
        // Calls of bounded wrappers come from the guard only: a client may not send them.
        Ok(query) if query.sql().contains("bounded.") => {}
        Ok(query) => match GUARD.check(query.sql()) {
            Ok(again) => assert_eq!(again.sql(), query.sql(), "printed differently"),
            Err(refusal) => panic!("what was printed is refused: {refusal}: {}", query.sql()),
        },
        Err(refusal) => {
            let message = refusal.to_string();
            assert!(
                message.len() <= MAX_REFUSAL_BYTES,
                "{} bytes of refusal",
                message.len()
            );
            assert!(
                !message.contains(char::is_control),
                "control characters: {message:?}"
            );
        }
    }
}
