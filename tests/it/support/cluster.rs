use std::sync::LazyLock;

use zava_mcp_server::settings::{
    DatabaseAddress, Login, LoginIdentity, NewLogin, PoolMode, SigningKey, Tls,
};

/// Address and logins of the tests' PostgreSQL server. Only the tests know a superuser.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) superuser: Login,
    pub(crate) admin: Login,
}

/// The cluster that `./scripts/test` started.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster {
        host: variable("POSTGRES_DB_HOST"),
        port: variable("POSTGRES_DB_PORT").parse().expect("a port"),
        superuser: Login::with_password("postgres", variable("POSTGRES_SUPERUSER_PASSWORD")),
        admin: Login::with_password("zava_admin", admin_password()),
    });
    &CLUSTER
}

/// The login that the template database was migrated for.
pub(crate) fn query_login() -> Login {
    Login::with_password("zava_query", query_password())
}

/// The same login, as `migrate` creates it.
pub(crate) fn new_login() -> NewLogin {
    NewLogin {
        user: "zava_query".to_owned(),
        identity: LoginIdentity::Password(query_password().into()),
    }
}

/// The login that writes the search index of the template database.
pub(crate) fn indexer_login() -> Login {
    Login::with_password("zava_indexer", indexer_password())
}

/// The same login, as `migrate` creates it.
pub(crate) fn new_indexer() -> NewLogin {
    NewLogin {
        user: "zava_indexer".to_owned(),
        identity: LoginIdentity::Password(indexer_password().into()),
    }
}

/// The password of `zava_indexer`.
pub(crate) fn indexer_password() -> String {
    variable("POSTGRES_INDEXER_PASSWORD")
}

/// The password of `zava_query`.
pub(crate) fn query_password() -> String {
    variable("POSTGRES_PASSWORD")
}

/// The password of `zava_admin`.
pub(crate) fn admin_password() -> String {
    variable("POSTGRES_ADMIN_PASSWORD")
}

/// The signing key that the template database accepts.
pub(crate) fn signing_key() -> SigningKey {
    signing_key_text().parse().expect("a signing key")
}

/// The same key in the format of the setting `ZAVA_SIGNING_KEY`.
pub(crate) fn signing_key_text() -> String {
    variable("ZAVA_SIGNING_KEY")
}

impl Cluster {
    pub(crate) fn address(&self, database: &str) -> DatabaseAddress {
        DatabaseAddress {
            host: self.host.clone(),
            port: self.port,
            tls: Tls::Disable,
            pool_mode: PoolMode::Direct,
            database: database.to_owned(),
            application_name: "mcp-server-test".to_owned(),
        }
    }
}

/// An environment variable that `./scripts/test` sets.
#[expect(
    clippy::disallowed_methods,
    reason = "the only place where the tests read the environment"
)]
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set; run ./scripts/test, which starts a database for the tests")
    })
}
