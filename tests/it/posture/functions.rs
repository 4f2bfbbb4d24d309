use sqlx::Row as _;

use super::{FIND, PostureTest};

/// The definitions that `migrate` restores.
const DEFINITIONS: &str = include_str!("../../../src/database/guard_functions.sql");

/// A function of schema guard.
struct Function {
    name: String,
    signature: String,
    digest: String,
    definition: String,
}

async fn functions(test: &mut PostureTest) -> Vec<Function> {
    let rows = sqlx::query(
        "SELECT p.proname::text AS name, format('guard.%s(%s)', p.proname, oidvectortypes(p.proargtypes)) AS signature, \
         encode(sha256(convert_to(format('%s %s %s %s %s %s %s %s %s', \
         p.proretset, p.prorettype, p.proallargtypes, p.proargmodes, p.proargnames, p.pronargdefaults, p.prosupport::oid, \
         l.lanname, p.prosrc), 'UTF8')), 'hex') AS digest, \
         pg_get_functiondef(p.oid) AS definition \
         FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang \
         WHERE p.pronamespace = 'guard'::regnamespace ORDER BY 1",
    );
    let rows = rows.fetch_all(&mut test.db).await.expect("functions");
    let function = |row: &sqlx::postgres::PgRow| Function {
        name: row.get("name"),
        signature: row.get("signature"),
        digest: row.get("digest"),
        definition: row.get("definition"),
    };
    rows.iter().map(function).collect()
}

/// After all migrations, `find.sql` expects these digests and `migrate` restores these definitions.
/// A failure prints the expected text.
#[tokio::test]
async fn guard_function_digests_and_definitions_match_the_migrations() {
    let mut test = PostureTest::new().await;
    let functions = functions(&mut test).await;
    let mut wrong = Vec::new();
    for Function {
        name,
        digest,
        definition,
        ..
    } in &functions
    {
        let expected = format!("('{name}', '{digest}')");
        if !FIND.contains(&expected) {
            wrong.push(format!("find.sql: {expected}"));
        }
        if !DEFINITIONS.contains(&format!("{definition};\n")) {
            wrong.push(format!("guard_functions.sql:\n{definition};"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (_, bodies) = FIND.split_once("guard_body (").expect("the digests");
    let (bodies, _) = bodies.split_once("\n),").expect("their end");
    let message = "a function that the migrations do not make";
    assert_eq!(bodies.matches("', '").count(), functions.len(), "{message}");
    let definitions = DEFINITIONS.matches("CREATE OR REPLACE FUNCTION").count();
    assert_eq!(definitions, functions.len(), "{message}");
    test.drop_roles().await;
}

#[tokio::test]
async fn replaced_function_body_is_found_and_restored_by_migrate() {
    let mut test = PostureTest::new().await;
    let mut wrong = Vec::new();
    for function in functions(&mut test).await {
        let Function {
            signature,
            definition,
            ..
        } = function;
        test.store_verdict().await;
        let replaced = definition.replacen("AS $function$", "AS $function$ -- replaced\n", 1);
        assert_ne!(replaced, definition);
        test.run(&replaced).await;
        for findings in [test.findings().await, test.findings_at_start().await] {
            let found: Vec<_> = findings
                .iter()
                .map(|finding| (finding.rule.name(), finding.object.as_str()))
                .collect();
            if found != [("guard_functions", signature.as_str())] {
                wrong.push(format!("{signature} is found as {findings:?}"));
            }
        }
        for finding in test.findings().await {
            test.apply_fix(&finding).await;
        }
        let left = test.findings().await;
        if !left.is_empty() {
            wrong.push(format!("{signature} leaves {left:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    test.drop_roles().await;
}

/// A support function takes part in planning every statement that calls the function. No ALTER
/// FUNCTION removes it.
#[tokio::test]
async fn support_function_is_found_and_removed_by_migrate() {
    let mut test = PostureTest::new().await;
    test.store_verdict().await;
    test.run("ALTER FUNCTION guard.allowed_stores() SUPPORT pg_catalog.array_unnest_support")
        .await;
    let findings = test.findings().await;
    assert_eq!(test.findings_at_start().await, findings);
    let [finding] = &*findings else {
        panic!("{findings:?}");
    };
    assert_eq!(finding.rule.name(), "guard_functions");
    test.apply_fix(finding).await;
    assert_eq!(test.findings().await, []);
    test.drop_roles().await;
}
