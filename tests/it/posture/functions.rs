use sqlx::Row as _;

use super::{Damaged, FIND};

/// What `migrate` restores.
const DEFINITIONS: &str = include_str!("../../../src/database/guard_functions.sql");

/// A function of the guard.
struct Function {
    name: String,
    signature: String,
    digest: String,
    definition: String,
}

async fn functions(damaged: &mut Damaged) -> Vec<Function> {
    let rows = sqlx::query(
        "SELECT p.proname::text AS name, format('guard.%s(%s)', p.proname, oidvectortypes(p.proargtypes)) AS signature, \
         encode(sha256(convert_to(format('%s %s %s %s %s %s %s %s %s', \
         p.proretset, p.prorettype, p.proallargtypes, p.proargmodes, p.proargnames, p.pronargdefaults, p.prosupport::oid, \
         l.lanname, p.prosrc), 'UTF8')), 'hex') AS digest, \
         pg_get_functiondef(p.oid) AS definition \
         FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang \
         WHERE p.pronamespace = 'guard'::regnamespace ORDER BY 1",
    );
    let rows = rows.fetch_all(&mut damaged.db).await.expect("functions");
    let function = |row: &sqlx::postgres::PgRow| Function {
        name: row.get("name"),
        signature: row.get("signature"),
        digest: row.get("digest"),
        definition: row.get("definition"),
    };
    rows.iter().map(function).collect()
}

/// After all migrations, `find.sql` expects these bodies and `migrate` restores these definitions.
/// A failure says what has to stand there.
#[tokio::test]
async fn guard_function_digests_and_definitions_match_the_migrations() {
    let mut damaged = Damaged::new().await;
    let functions = functions(&mut damaged).await;
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
    let of_others = "a function that the migrations do not make";
    assert_eq!(
        bodies.matches("', '").count(),
        functions.len(),
        "{of_others}"
    );
    let definitions = DEFINITIONS.matches("CREATE OR REPLACE FUNCTION").count();
    assert_eq!(definitions, functions.len(), "{of_others}");
    damaged.drop_roles().await;
}

#[tokio::test]
async fn replaced_function_body_is_found_and_restored_by_migrate() {
    let mut damaged = Damaged::new().await;
    let mut wrong = Vec::new();
    for function in functions(&mut damaged).await {
        let Function {
            signature,
            definition,
            ..
        } = function;
        damaged.store_verdict().await;
        let replaced = definition.replacen("AS $function$", "AS $function$ -- replaced\n", 1);
        assert_ne!(replaced, definition);
        damaged.run(&replaced).await;
        for findings in [damaged.findings().await, damaged.at_start().await] {
            let found: Vec<_> = findings
                .iter()
                .map(|finding| (finding.rule.name(), finding.object.as_str()))
                .collect();
            if found != [("guard_functions", signature.as_str())] {
                wrong.push(format!("{signature} is found as {findings:?}"));
            }
        }
        for finding in damaged.findings().await {
            damaged.mend(&finding).await;
        }
        let left = damaged.findings().await;
        if !left.is_empty() {
            wrong.push(format!("{signature} leaves {left:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    damaged.drop_roles().await;
}

/// A support function takes part in planning each statement that calls the function. No ALTER
/// FUNCTION takes it away again.
#[tokio::test]
async fn support_function_is_found_and_removed_by_migrate() {
    let mut damaged = Damaged::new().await;
    damaged.store_verdict().await;
    damaged
        .run("ALTER FUNCTION guard.allowed_stores() SUPPORT pg_catalog.array_unnest_support")
        .await;
    let findings = damaged.findings().await;
    assert_eq!(damaged.at_start().await, findings);
    let [finding] = &*findings else {
        panic!("{findings:?}");
    };
    assert_eq!(finding.rule.name(), "guard_functions");
    damaged.mend(finding).await;
    assert_eq!(damaged.findings().await, []);
    damaged.drop_roles().await;
}
