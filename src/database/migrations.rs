//! The migrations in `migrations/`, and which of them run when.
//!
//! A migration either expands the database or contracts it. After one that expands it, the previous
//! release's posture check still passes, so servers of both releases run beside each other, and the
//! previous one can be put back. A contracting migration makes the changes that the previous
//! release's check would refuse: it drops what only that release needs, grants something, or
//! replaces a policy or a function of schema `guard`. The names of their files end in
//! `.contract.sql`.

use std::collections::HashSet;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{PgConnection, SqlSafeStr as _};

use super::AdminError;
use super::connection::become_owner;

/// Embeds files of `migrations/`, named without `.sql`.
macro_rules! embed {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../migrations/", $name, ".sql")))),*]
    };
}

/// Every file in `migrations/`, in order: its name without `.sql`, and its text.
static MIGRATIONS: &[(&str, &str)] = embed![
    "0001_retail"
    "0002_guard"
    "0003_row_security"
    "0004_bounded"
    "0005_shorter_entry"
    "0006_bounded_again"
    "0007_callers"
    "0008_audit"
    "0009_bounded_time"
    "0010_pinned_and_bounded"
    "0011_collected"
    "0012_ignore_inherited"
    "0013_judged_as_read"
    "0014_lazy_context"
    "0015_posture_verdict"
    "0016_small_numbers_and_months"
    "0017_tenant_after_mac"
    "0018_word_boundaries"
    "0019_search"
    "0020_search_upkeep"
    "0021_vector_indexes"
    "0022_denser_vector_indexes"
];

/// What the file name of a contracting migration ends in, without `.sql`.
const CONTRACTING: &str = ".contract";

/// Selects whether the table of applied migrations exists, and the user may act as its owner.
const HAS_TABLE: &str = "SELECT EXISTS (SELECT FROM pg_class AS c \
    JOIN pg_namespace AS n ON n.oid = c.relnamespace \
    WHERE n.nspname = 'migrations' AND c.relname = 'applied' AND pg_has_role(c.relowner, 'SET'))";

/// Which migrations are to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Servers of the previous release may run, or be put back: migrations that contract the
    /// database wait.
    Expand,
    /// All of them: no server of the previous release runs any more.
    Contract,
}

/// How many migrations the database has, and lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) applied: usize,
    pub(super) waiting: usize,
}

/// Checks that the database is of this release or the one before, before anything is changed.
/// Resets the role. If the user may not act as the owner yet, [`apply`] checks it.
///
/// # Errors
/// [`AdminError::NewerRelease`] or [`AdminError::ContractFirst`].
pub(super) async fn check_release(
    connection: &mut PgConnection,
    phase: Phase,
) -> Result<(), AdminError> {
    if !has_table(connection).await? {
        return Ok(());
    }
    become_owner(connection)
        .await
        .map_err(AdminError::NotMigrated)?;
    let applied = applied_versions(connection).await?;
    sqlx::raw_sql("RESET ROLE")
        .execute(connection)
        .await
        .map_err(AdminError::Statement)?;
    let migrations = all();
    let known: HashSet<i64> = migrations
        .iter()
        .map(|migration| migration.version)
        .collect();
    if let Some(&version) = applied.difference(&known).max() {
        return Err(AdminError::NewerRelease(version));
    }
    waiting(&migrations, &applied, phase).map(|_| ())
}

/// Applies the migrations of a phase that have not been applied. The user must be the owner.
///
/// # Errors
/// [`AdminError::ContractFirst`] if one of an earlier release still waits, and
/// [`AdminError::Migrate`] if one fails or differs from what was applied.
pub(super) async fn apply(
    connection: &mut PgConnection,
    phase: Phase,
) -> Result<Progress, AdminError> {
    let migrations = all();
    let applied = if has_table(connection).await? {
        applied_versions(connection).await?
    } else {
        HashSet::new()
    };
    let waiting = waiting(&migrations, &applied, phase)?;
    let chosen = migrations
        .into_iter()
        .filter(|migration| !waiting.contains(&migration.version));
    let mut migrator = Migrator::with_migrations(chosen.collect());
    // A schema of its own: neither `retail`, which clients query, nor `guard`.
    migrator.create_schema("migrations");
    migrator.dangerous_set_table_name("migrations.applied");
    migrator
        .run(connection)
        .await
        .map_err(AdminError::Migrate)?;
    Ok(Progress {
        applied: MIGRATIONS.len() - waiting.len(),
        waiting: waiting.len(),
    })
}

fn all() -> Vec<Migration> {
    let migrations = MIGRATIONS.iter();
    migrations.map(|(name, sql)| migration(name, sql)).collect()
}

/// Builds a migration, whose version and description are in its file's name (`0001_retail`).
fn migration(name: &str, sql: &'static str) -> Migration {
    let (version, description) = name.split_once('_').expect("a number and a description");
    Migration::new(
        version.parse().expect("a number"),
        description.replace('_', " ").into(),
        MigrationType::Simple,
        sql.into_sql_str(),
        false,
    )
}

async fn has_table(connection: &mut PgConnection) -> Result<bool, AdminError> {
    sqlx::query_scalar(HAS_TABLE)
        .fetch_one(connection)
        .await
        .map_err(AdminError::Statement)
}

async fn applied_versions(connection: &mut PgConnection) -> Result<HashSet<i64>, AdminError> {
    let versions: Vec<i64> = sqlx::query_scalar("SELECT version FROM migrations.applied")
        .fetch_all(connection)
        .await
        .map_err(AdminError::Statement)?;
    Ok(versions.into_iter().collect())
}

/// The versions of the contracting migrations that are not applied in this phase: those that no
/// expanding one follows.
///
/// # Errors
/// [`AdminError::ContractFirst`] for one that an expanding one follows. It is of an earlier
/// release, and that release may not even serve yet. A new database has no server to consider.
fn waiting(
    migrations: &[Migration],
    applied: &HashSet<i64>,
    phase: Phase,
) -> Result<HashSet<i64>, AdminError> {
    if phase == Phase::Contract {
        return Ok(HashSet::new());
    }
    let is_contracting = |migration: &&Migration| migration.description.ends_with(CONTRACTING);
    let last_expanding = migrations
        .iter()
        .rfind(|migration| !is_contracting(migration))
        .map(|migration| migration.version);
    let (earlier, waiting): (Vec<i64>, Vec<i64>) = migrations
        .iter()
        .filter(is_contracting)
        .map(|migration| migration.version)
        .filter(|version| !applied.contains(version))
        .partition(|version| Some(*version) < last_expanding);
    match earlier.first() {
        Some(&version) if !applied.is_empty() => Err(AdminError::ContractFirst(version)),
        _ => Ok(waiting.into_iter().collect()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::{AdminError, MIGRATIONS, Phase, migration, waiting};

    #[test]
    fn every_file_in_migrations_is_embedded_in_order() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let files = std::fs::read_dir(folder).expect("the folder");
        let mut files: Vec<_> = files
            .map(|file| file.expect("a file").file_name().into_string())
            .map(|name| name.expect("UTF-8"))
            .collect();
        files.sort();
        let embedded: Vec<_> = MIGRATIONS
            .iter()
            .map(|(name, _)| format!("{name}.sql"))
            .collect();
        assert_eq!(files, embedded);
    }

    #[test]
    fn a_contracting_migration_waits_unless_it_is_of_an_earlier_release() {
        let names = ["1_a", "2_b.contract", "3_c", "4_d.contract", "5_e.contract"];
        for (listed, applied, expected) in [
            (1, &[][..], Ok(&[][..])),
            (2, &[], Ok(&[2])),
            (2, &[1], Ok(&[2])),
            (2, &[1, 2], Ok(&[])),
            // A new database.
            (3, &[], Ok(&[])),
            (5, &[], Ok(&[4, 5])),
            // The next release builds on the contracted database.
            (3, &[1], Err(2)),
            (5, &[1], Err(2)),
            (5, &[1, 2], Ok(&[4, 5])),
            (5, &[1, 2, 3, 4], Ok(&[5])),
            (5, &[1, 2, 3, 4, 5], Ok(&[])),
        ] {
            let migrations: Vec<_> = names[..listed]
                .iter()
                .map(|name| migration(name, "SELECT"))
                .collect();
            let applied: HashSet<i64> = applied.iter().copied().collect();
            let expected = expected.map(|versions: &[i64]| versions.iter().copied().collect());
            let found =
                waiting(&migrations, &applied, Phase::Expand).map_err(|error| match error {
                    AdminError::ContractFirst(version) => version,
                    error => panic!("{error}"),
                });
            assert_eq!(found, expected, "{listed} {applied:?}");
            let contracted = waiting(&migrations, &applied, Phase::Contract);
            assert_eq!(contracted.expect("none waits"), HashSet::new());
        }
    }
}
