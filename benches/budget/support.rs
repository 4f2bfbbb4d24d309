//! What the stand-ins of the tests need of the tests.

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/support/certificate.rs"]
mod certificate;

#[path = "../../tests/it/support/http_server.rs"]
mod http_server;

pub(crate) use certificate::certificate_for;
pub(crate) use http_server::serve_http;

/// The password of the query login.
pub(crate) fn query_password() -> String {
    variable("POSTGRES_PASSWORD")
}

/// The password of the administrator.
pub(crate) fn admin_password() -> String {
    variable("POSTGRES_ADMIN_PASSWORD")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the stand-ins get the passwords of the bench's database"
)]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("scripts/bench sets {name}"))
}
