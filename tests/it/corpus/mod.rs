//! Business statements as models write them for this schema. The guard must accept each, and each
//! must run.

use crate::support::{SEATTLE, TestServer};

const STATEMENTS: &str = include_str!("statements.sql");

/// The statements, each with the comment that names it.
fn statements() -> Vec<(&'static str, &'static str)> {
    let blocks = STATEMENTS.split("\n\n").filter(|block| block.contains(';'));
    blocks
        .map(|block| {
            let (name, sql) = block
                .trim()
                .split_once('\n')
                .expect("a name and a statement");
            let name = name.strip_prefix("-- ").expect("a comment that names it");
            (name, sql.trim_end().trim_end_matches(';'))
        })
        .collect()
}

#[tokio::test]
async fn ordinary_business_statements_run() {
    let statements = statements();
    assert!(statements.len() >= 170, "{}", statements.len());
    let server = TestServer::shared();
    let mut failures = Vec::new();
    for (name, sql) in statements {
        let answer = server.query(SEATTLE, sql).await;
        if answer.is_error {
            failures.push(format!("{name}: {}", answer.error()));
        }
    }
    assert!(
        failures.is_empty(),
        "{} fail\n{}",
        failures.len(),
        failures.join("\n")
    );
}
