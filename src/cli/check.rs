use std::time::SystemTime;

use anyhow::{Context as _, Error, ensure};
use zava_mcp_server::app::{App, MAX_CLOCK_SKEW};
use zava_mcp_server::query::scope::{
    EmbeddedProducts, Finding, PostureReport, PostureRule, ServerState,
};
use zava_mcp_server::settings::{AcceptedFinding, ServeSettings};

use super::output::print_line;

/// Checks everything that `serve` relies on: settings, embedding model, database, privileges,
/// signing key.
pub(super) async fn run(settings: ServeSettings, clock: fn() -> SystemTime) -> anyhow::Result<()> {
    let database = &settings.database;
    let unusable_database = || {
        format!(
            "cannot use database {} on {}:{} as {}; check POSTGRES_DB_HOST, POSTGRES_DB_PORT, POSTGRES_DB, POSTGRES_USER, \
             POSTGRES_PASSWORD and ZAVA_SIGNING_KEY, and that `zava-mcp-server migrate` has run with the same values",
            database.database, database.host, database.port, settings.login.user
        )
    };
    print_line("settings   ok")?;
    let app = App::new(&settings, clock)?;
    let embedder = app.check_embedder().await;
    print_line(&match &embedder {
        Ok(Some(embedder)) => format!("embedding  ok ({embedder})"),
        Ok(None) => {
            "embedding  none; neither ZAVA_EMBEDDING_MODEL_DIR nor AZURE_OPENAI_ENDPOINT nor ZAVA_EMBEDDING_URL is set, so semantic_search_products searches by words only".to_owned()
        }
        Err(error) => format!("embedding  WRONG  {:#}", Error::new(error.clone())),
    })?;
    let report = app
        .examine_database()
        .await
        .with_context(unusable_database)?;
    for line in posture_lines(&report, &settings.accepted_findings) {
        print_line(&line)?;
    }
    let findings = report.findings;
    ensure!(
        findings.is_empty(),
        "no query is served until the {} findings above are fixed; run each statement after `fix:` as the owner of the \
         object that it names (SET ROLE zava_owner) or as a superuser",
        findings.len()
    );
    let skew = app.check_database().await.with_context(unusable_database)?;
    if skew > MAX_CLOCK_SKEW {
        print_line(&format!(
            "clock      WRONG  the clocks of this server and the database differ by {} s; synchronize both: beyond 30 s no query is served",
            skew.as_secs()
        ))?;
    }
    print_line(&format!(
        "database   ok ({} on {}:{} as {})",
        database.database, database.host, database.port, settings.login.user
    ))?;
    check_replicas(&app).await?;
    let vectors = app.embedded_products().await;
    let vectors = vectors.with_context(unusable_database)?;
    let has_vectors = print_vectors(vectors)?;
    embedder.context("semantic_search_products searches by words only")?;
    ensure!(
        has_vectors,
        "no product is found by its meaning until it has a vector of this model"
    );
    Ok(())
}

/// Says how many products have vectors of the embedder's model. Returns whether some have, or there
/// is no embedder.
fn print_vectors(vectors: Option<EmbeddedProducts>) -> anyhow::Result<bool> {
    let Some(EmbeddedProducts {
        embedded,
        products,
        refreshed_at,
    }) = vectors
    else {
        return Ok(true);
    };
    let (state, fix) = match embedded {
        0 => ("WRONG  ", "; run `zava-mcp-server embed`"),
        _ if embedded < products => ("warning  ", "; run `zava-mcp-server embed`"),
        _ => ("ok  ", ""),
    };
    let when = match refreshed_at {
        Some(when) => format!("; the last run finished at {when} UTC"),
        None => String::new(),
    };
    print_line(&format!(
        "vectors    {state}{embedded} of {products} products have vectors of this model{when}{fix}"
    ))?;
    Ok(embedded > 0)
}

/// Checks each replica against the posture rules, and whether it is current.
async fn check_replicas(app: &App) -> anyhow::Result<()> {
    let mut is_sound = true;
    for (server, findings) in app.examine_replicas().await {
        // A replica that cannot be examined is reported below.
        for finding in findings.iter().flat_map(|findings| findings.iter()) {
            is_sound = false;
            print_line(&format!(
                "replica    WRONG  {server}: {} {}; fix: {};",
                finding.object, finding.problem, finding.fix
            ))?;
        }
        if let Err(error) = findings {
            is_sound = false;
            print_line(&format!(
                "replica    WRONG  {server}: {:#}",
                anyhow::Error::new(error)
            ))?;
        }
    }
    for status in app.server_statuses().await {
        let (name, state) = (status.name, status.state.as_str());
        match (status.is_primary, status.state, status.lag) {
            (true, ServerState::Ok, _) => {}
            (true, ..) => {
                is_sound = false;
                print_line(&format!("primary    WRONG  {name} {state}"))?;
            }
            (false, ServerState::Ok, Some(lag)) => print_line(&format!(
                "replica    ok ({name}, at most {:.1} s behind)",
                lag.as_secs_f64()
            ))?,
            (false, ..) => {
                is_sound = false;
                print_line(&format!("replica    WRONG  {name} {state}"))?;
            }
        }
        if let Some(skew) = status.clock_skew.filter(|skew| *skew > MAX_CLOCK_SKEW) {
            print_line(&format!(
                "clock      WRONG  the clocks of this server and {name} differ by {} s; synchronize both",
                skew.as_secs()
            ))?;
        }
    }
    ensure!(
        is_sound,
        "the servers above are not used; the others run their queries"
    );
    Ok(())
}

/// The report on the posture rules: a line for each rule that holds, and two for each finding, what
/// is wrong and the statement that fixes it. Then the findings that are accepted, and
/// the entries that match no finding.
fn posture_lines(report: &PostureReport, accepted: &[AcceptedFinding]) -> Vec<String> {
    let widths = PostureRule::ALL.iter().map(|rule| rule.name().len());
    let width = widths.max().unwrap_or_default();
    let mut lines = Vec::new();
    for rule in PostureRule::ALL {
        let name = rule.name();
        let violations: Vec<&Finding> = report
            .findings
            .iter()
            .filter(|finding| finding.rule == *rule)
            .collect();
        if violations.is_empty() {
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
        } in violations
        {
            lines.push(format!(
                "posture    {name:width$}  WRONG  {object}: {problem}"
            ));
            lines.push(format!("           {:width$}         fix: {fix};", ""));
        }
    }
    for Finding {
        rule,
        object,
        problem,
        ..
    } in &report.accepted
    {
        let name = rule.name();
        lines.push(format!(
            "posture    {name:width$}  accepted by ZAVA_POSTURE_ACCEPT  {object}: {problem}"
        ));
    }
    for accepted in accepted {
        let (rule, object) = (accepted.rule(), accepted.object());
        let is_found = |finding: &Finding| finding.rule.name() == rule && finding.object == object;
        if !report.accepted.iter().any(is_found) {
            lines.push(format!(
                "posture    {rule:width$}  unused entry of ZAVA_POSTURE_ACCEPT  {object}: remove it"
            ));
        }
    }
    lines
}
