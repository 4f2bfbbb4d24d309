use std::time::SystemTime;

use anyhow::{Context as _, ensure};
use zava_mcp_server::app::{App, MAX_CLOCK_SKEW};
use zava_mcp_server::query::scope::{Finding, PostureRule};
use zava_mcp_server::settings::ServeSettings;

use crate::run::say;

/// Goes through everything that `serve` relies on: settings, embedding model, database, rights, signing key.
pub(crate) async fn check(
    settings: &ServeSettings,
    clock: fn() -> SystemTime,
) -> anyhow::Result<()> {
    let database = &settings.database;
    let unserved = || {
        format!(
            "database {} on {}:{} does not serve {}; check POSTGRES_DB_HOST, POSTGRES_DB_PORT, POSTGRES_DB, POSTGRES_USER, \
             POSTGRES_PASSWORD and ZAVA_SIGNING_KEY, and that `zava-mcp-server migrate` has run with the same values",
            database.database, database.host, database.port, settings.login.user
        )
    };
    say("settings   ok")?;
    let app = App::new(settings, clock)?;
    say(match settings.embedding_model_dir {
        Some(_) => "embedding  ok",
        None => {
            "embedding  none; ZAVA_EMBEDDING_MODEL_DIR is not set, so semantic_search_products answers with an error"
        }
    })?;
    let findings = app.examine_database().await.with_context(unserved)?;
    for line in posture(&findings) {
        say(&line)?;
    }
    ensure!(
        findings.is_empty(),
        "nothing is served until the {} findings above are mended: run each statement after `mend:` as the owner of what it \
         names (SET ROLE zava_owner) or as a superuser",
        findings.len()
    );
    let skew = app.check_database().await.with_context(unserved)?;
    if skew > MAX_CLOCK_SKEW {
        say(&format!(
            "clock      WRONG  the clocks of this server and the database differ by {} s; synchronise both, or beyond 30 s nothing is served",
            skew.as_secs()
        ))?;
    }
    say(&format!(
        "database   ok ({} on {}:{} as {})",
        database.database, database.host, database.port, settings.login.user
    ))
}

/// A line for each rule that holds; for one that does not, what is wrong and below it the statement that mends it.
fn posture(findings: &[Finding]) -> Vec<String> {
    let widest = PostureRule::ALL.iter().map(|rule| rule.name().len()).max();
    let width = widest.unwrap_or_default();
    let mut lines = Vec::new();
    for rule in PostureRule::ALL {
        let name = rule.name();
        let broken: Vec<&Finding> = findings
            .iter()
            .filter(|finding| finding.rule == *rule)
            .collect();
        if broken.is_empty() {
            lines.push(format!(
                "posture    {name:width$}  ok     {}",
                rule.condition()
            ));
        }
        for Finding {
            object,
            problem,
            fix,
            ..
        } in broken
        {
            lines.push(format!(
                "posture    {name:width$}  WRONG  {object}: {problem}"
            ));
            lines.push(format!("           {:width$}         mend: {fix};", ""));
        }
    }
    lines
}
