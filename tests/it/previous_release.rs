//! Servers of the previous release serve data from the database as this release's `migrate` leaves
//! it, so both run beside each other during a roll-out, and the previous one can be put back.
//!
//! `tests/releases/` has a folder for each release with its examination of the database. That of
//! the version in `Cargo.toml` equals the present one, until the release freezes it.

use std::path::{Path, PathBuf};

use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use zava_mcp_server::database::{self, AdminError};
use zava_mcp_server::query::guard;

use crate::support::{TestDatabase, connect, settings};

/// The examination of a release.
struct Examination {
    version: String,
    /// `src/query/scope/posture/find.sql`.
    find: String,
    /// The tables that the release lets clients query, one per line.
    exposed_tables: String,
}

impl Examination {
    fn read(version: &str) -> Self {
        let folder = releases().join(version);
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        Self {
            version: version.to_owned(),
            find: read("find.sql"),
            exposed_tables: read("exposed_tables"),
        }
    }

    /// What it finds on a connection of the query login.
    async fn findings(&self, connection: &mut PgConnection) -> Vec<String> {
        let tables: Vec<&str> = self.exposed_tables.lines().collect();
        let rows = sqlx::query(AssertSqlSafe(self.find.as_str()))
            .bind(tables)
            .fetch_all(connection)
            .await
            .expect("the findings");
        rows.iter()
            .map(|row| {
                let column = |name: &str| row.get::<String, _>(name);
                format!(
                    "{}: {} {}",
                    column("rule"),
                    column("object"),
                    column("problem")
                )
            })
            .collect()
    }
}

fn releases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/releases")
}

/// The version as numbers, which compare.
fn numbers(version: &str) -> Vec<u32> {
    version
        .split('.')
        .map(|number| number.parse().expect("a number"))
        .collect()
}

/// The newest release before this version; before the first release, this version.
fn previous_release() -> String {
    let this = env!("CARGO_PKG_VERSION");
    std::fs::read_dir(releases())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().into_string())
        .map(|name| name.expect("UTF-8"))
        .filter(|version| numbers(version) < numbers(this))
        .max_by_key(|version| numbers(version))
        .unwrap_or_else(|| this.to_owned())
}

#[test]
fn the_examination_of_this_version_is_kept() {
    let kept = Examination::read(env!("CARGO_PKG_VERSION"));
    let version = &kept.version;
    assert!(
        kept.find == include_str!("../../src/query/scope/posture/find.sql"),
        "cp src/query/scope/posture/find.sql tests/releases/{version}/"
    );
    let names = guard::schema().relations().iter();
    let names: Vec<&str> = names.map(|relation| relation.name.as_str()).collect();
    assert_eq!(
        kept.exposed_tables.lines().collect::<Vec<_>>(),
        names,
        "tests/releases/{version}/exposed_tables"
    );
}

/// After a release, the first change raises the version. Otherwise it would change what is kept of
/// the release.
#[test]
fn a_release_is_followed_by_the_next_version() {
    let changes = include_str!("../../CHANGELOG.md");
    let version = env!("CARGO_PKG_VERSION");
    let (_, unreleased) = changes
        .split_once("## [Unreleased]")
        .expect("a section for what is not released");
    let unreleased = unreleased.split("\n## ").next().unwrap_or_default();
    let is_released = changes.contains(&format!("\n## [{version}]"));
    assert!(
        !is_released || unreleased.trim().is_empty(),
        "version {version} is released; raise the version in Cargo.toml, and cp -r tests/releases/{version} to the new one"
    );
}

#[tokio::test]
async fn the_previous_release_serves_data_from_the_migrated_database() {
    let database = TestDatabase::new().await;
    let previous = Examination::read(&previous_release());
    let settings = settings(&database.name);
    let mut login = connect(&settings.database, &settings.login).await;
    // The driver of the tests sets this, and the examination expects the default.
    sqlx::raw_sql("SET extra_float_digits = 1")
        .execute(&mut login)
        .await
        .expect("the default");
    assert_eq!(previous.findings(&mut login).await, [""; 0]);

    // What only a contracting migration may change.
    let mut db = database.superuser().await;
    for (rule, change) in [
        (
            "reads",
            "GRANT SELECT ON retail.product_search TO zava_reader",
        ),
        (
            "other_policy",
            "CREATE POLICY more ON retail.orders FOR SELECT USING (true)",
        ),
        (
            "functions",
            "CREATE FUNCTION retail.more() RETURNS integer LANGUAGE sql SECURITY DEFINER RETURN 1",
        ),
    ] {
        sqlx::raw_sql(change).execute(&mut db).await.expect(change);
        let findings = previous.findings(&mut login).await;
        let is_found = findings.iter().any(|finding| finding.starts_with(rule));
        assert!(is_found, "{change}: {findings:?}");
    }
}

/// `migrate` of a release that was put back must not undo what the newer one has done.
#[tokio::test]
async fn migrate_of_an_older_release_changes_nothing() {
    let database = TestDatabase::new().await;
    sqlx::raw_sql(
        "INSERT INTO migrations.applied (version, description, success, checksum, execution_time) \
         VALUES (9999, 'of a newer release', true, '\\x00', 0)",
    )
    .execute(&mut database.superuser().await)
    .await
    .expect("a newer release");
    for result in [
        database::migrate(&database.admin_settings()).await,
        database::migrate_and_contract(&database.admin_settings()).await,
    ] {
        let error = result.expect_err("refused");
        assert!(matches!(error, AdminError::NewerRelease(9999)), "{error:?}");
        assert!(error.to_string().contains("newer release"), "{error}");
    }
}
