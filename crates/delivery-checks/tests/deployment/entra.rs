use serde_json::{Value, json};

use super::checkout::{Checkout, image};
use super::deploy::deploy;

const URL: &str = "https://zava-dev.example.net/mcp";

/// A checkout with a deployed environment that has an identity for the pipeline.
fn deployed() -> Checkout {
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    deploy(&checkout, "dev", "functions", "first", &[]).succeeds();
    checkout.change_azure(|azure| {
        let id = "55555555-5555-5555-5555-555555555555";
        azure["identities"] = json!([[
            "id-zava-pipeline-dev",
            "66666666-6666-6666-6666-666666666666",
            id
        ]]);
    });
    checkout.commands("az");
    checkout
}

fn application(checkout: &Checkout) -> Value {
    checkout.azure()["apps"][0].clone()
}

#[test]
fn registration_has_what_clients_and_the_server_need() {
    let checkout = Checkout::new();
    let run = checkout
        .run(
            "entra",
            &["dev", "--url", URL, "--store", "Zava Retail Portland"],
            &[],
        )
        .succeeds();
    let app = application(&checkout);
    let client_id = app["appId"].as_str().expect("an id").to_owned();
    assert!(
        run.printed()
            .contains(&format!("ZAVA_AUTH_CLIENT_ID={client_id}")),
        "{}",
        run.printed()
    );
    assert_eq!(app["displayName"], "zava-mcp-dev");
    assert_eq!(app["api"]["requestedAccessTokenVersion"], 2);
    assert_eq!(
        app["identifierUris"],
        json!([URL, format!("api://{client_id}")])
    );
    let values = |list: &Value| -> Vec<String> {
        let entries = list.as_array().expect("a list").iter();
        entries
            .map(|entry| entry["value"].as_str().expect("text").to_owned())
            .collect()
    };
    assert_eq!(
        values(&app["api"]["oauth2PermissionScopes"]),
        ["mcp.query", "mcp.search"]
    );
    let roles = values(&app["appRoles"]);
    for role in [
        "mcp.query",
        "store.all",
        "analyst",
        "operator",
        "store.zava-retail-seattle",
        "store.zava-retail-online",
        "store.zava-retail-portland",
    ] {
        assert!(
            roles.iter().any(|is| is == role),
            "{role} is not in {roles:?}"
        );
    }
    assert_eq!(roles.len(), 14);
    let clients = app["api"]["preAuthorizedApplications"]
        .as_array()
        .expect("clients");
    let vscode = clients
        .iter()
        .find(|client| client["appId"] == "aebc6443-996d-45c2-90f0-388ff96faa56");
    assert_eq!(
        vscode.expect("VS Code")["delegatedPermissionIds"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    assert_eq!(checkout.azure()["principals"][0]["appId"], client_id);
}

#[test]
fn a_second_run_changes_nothing() {
    let checkout = deployed();
    let arguments = [
        "dev",
        "--url",
        URL,
        "--repository",
        "owner/zava-mcp-server",
        "--smoke-test",
    ];
    let run = checkout.run("entra", &arguments, &[]).succeeds();
    assert!(run.printed().contains(
        "gh variable set AZURE_CLIENT_ID --repo owner/zava-mcp-server --env dev --body 66666666"
    ));
    assert!(!checkout.changes().is_empty());
    let before = checkout.azure();
    let run = checkout.run("entra", &arguments, &[]).succeeds();
    assert!(run.said().contains("0 changes"), "{}", run.said());
    assert_eq!(checkout.changes(), Vec::<String>::new());
    assert_eq!(checkout.azure(), before);
}

#[test]
fn what_others_have_added_stays() {
    let checkout = Checkout::new();
    checkout.run("entra", &["dev"], &[]).succeeds();
    checkout.change_azure(|azure| {
        let app = &mut azure["apps"][0];
        let role = json!({
            "id": "r", "value": "store.branch", "displayName": "Branch",
            "allowedMemberTypes": ["User"],
        });
        app["appRoles"].as_array_mut().expect("roles").push(role);
        app["identifierUris"] = json!(["https://elsewhere.example.com/mcp"]);
        let client = json!({"appId": "c", "delegatedPermissionIds": []});
        app["api"]["preAuthorizedApplications"]
            .as_array_mut()
            .expect("clients")
            .push(client);
        // A scope whose id somebody else has chosen keeps it.
        let id = "77777777-7777-7777-7777-777777777777";
        app["api"]["oauth2PermissionScopes"][0]["id"] = id.into();
        for client in app["api"]["preAuthorizedApplications"]
            .as_array_mut()
            .expect("clients")
        {
            client["delegatedPermissionIds"] = json!([]);
        }
    });
    checkout
        .run("entra", &["dev", "--url", URL], &[])
        .succeeds();
    let app = application(&checkout);
    let text = app.to_string();
    for kept in [
        "store.branch",
        "https://elsewhere.example.com/mcp",
        "\"appId\":\"c\"",
        "77777777-7777-7777-7777-777777777777",
    ] {
        assert!(text.contains(kept), "{kept} is gone: {text}");
    }
    let clients = &app["api"]["preAuthorizedApplications"];
    assert_eq!(
        clients[0]["delegatedPermissionIds"][0],
        "77777777-7777-7777-7777-777777777777"
    );
}

#[test]
fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let checkout = deployed();
    let before = checkout.azure();
    let arguments = [
        "dev",
        "--url",
        URL,
        "--repository",
        "owner/zava-mcp-server",
        "--smoke-test",
        "--dry-run",
    ];
    let run = checkout.run("entra", &arguments, &[]).succeeds();
    assert!(
        run.said()
            .contains("would register the application zava-mcp-dev"),
        "{}",
        run.said()
    );
    assert_eq!(checkout.azure(), before);
    // With a registration that lacks the rest.
    checkout.run("entra", &["dev"], &[]).succeeds();
    let before = checkout.azure();
    let run = checkout.run("entra", &arguments, &[]).succeeds();
    for change in [
        "would update the registration",
        "would trust GitHub's tokens",
        "would assign the app role mcp.query",
    ] {
        assert!(run.said().contains(change), "{}", run.said());
    }
    assert_eq!(checkout.azure(), before);
}

#[test]
fn pipeline_may_log_in_from_its_environment_and_call_for_two_stores() {
    let checkout = deployed();
    checkout
        .run(
            "entra",
            &["dev", "--repository", "owner/name", "--smoke-test"],
            &[],
        )
        .succeeds();
    let azure = checkout.azure();
    assert_eq!(
        azure["credentials"],
        json!(["repo:owner/name:environment:dev"])
    );
    assert_eq!(azure["assigned"].as_array().map(Vec::len), Some(4));
    // The repository was renamed: GitHub's tokens have another subject.
    checkout.write("gh.json", "{\"subject\": \"repo:owner@1/new@2\"}");
    checkout
        .run("entra", &["dev", "--repository", "owner/new"], &[])
        .succeeds();
    assert_eq!(
        checkout.azure()["credentials"],
        json!(["repo:owner@1/new@2:environment:dev"])
    );
    // An environment without an identity for the pipeline.
    checkout.change_azure(|azure| azure["identities"] = json!([]));
    checkout
        .run("entra", &["dev", "--smoke-test"], &[])
        .fails(1, "has no identity for a pipeline");
}

#[test]
fn the_smoke_test_may_be_of_other_stores() {
    let checkout = deployed();
    let first = "Zava Portland=00000000-0000-0000-0000-00000000000a";
    let second = "Zava Salem=00000000-0000-0000-0000-00000000000b";
    let stores = format!("{first};{second}");
    let variables = [("ZAVA_SMOKE_STORES", stores.as_str())];
    for _ in 0..2 {
        checkout
            .run("entra", &["dev", "--smoke-test"], &variables)
            .succeeds();
    }
    let azure = checkout.azure();
    let roles = azure["apps"][0]["appRoles"].as_array().expect("roles");
    let assigned = azure["assigned"].as_array().expect("assignments");
    let mut values: Vec<_> = roles
        .iter()
        .filter(|role| {
            assigned
                .iter()
                .any(|entry| entry["appRoleId"] == role["id"])
        })
        .map(|role| role["value"].as_str().expect("text"))
        .collect();
    values.sort_unstable();
    assert_eq!(
        values,
        [
            "mcp.query",
            "mcp.search",
            "store.zava-portland",
            "store.zava-salem"
        ]
    );
    for stores in [
        first,
        "Zava Portland;Zava Salem",
        &format!("{stores};{second}"),
    ] {
        checkout
            .run(
                "entra",
                &["dev", "--smoke-test"],
                &[("ZAVA_SMOKE_STORES", stores)],
            )
            .fails(64, "ZAVA_SMOKE_STORES needs two stores");
    }
}

#[test]
fn failures_and_bad_arguments_are_named() {
    let checkout = Checkout::new();
    for (arguments, words) in [
        (&[][..], "the environment is missing"),
        (
            &["dev", "--url", "http://zava.example.com/mcp"],
            "--url needs a URL",
        ),
        (
            &["dev", "--url", "https://zava.example.com/mcp/"],
            "must not end with a slash",
        ),
        (
            &["dev", "--repository", "zava"],
            "--repository needs OWNER/NAME",
        ),
        (
            &["dev", "--repository", "a/b/c"],
            "--repository needs OWNER/NAME",
        ),
        (
            &["dev", "--subject-prefix", "repo:a/b"],
            "--subject-prefix needs --repository",
        ),
        (&["dev", "--subject-prefix"], "--subject-prefix needs what"),
    ] {
        checkout.run("entra", arguments, &[]).fails(64, words);
        assert_eq!(checkout.commands("az"), Vec::<String>::new());
    }
    for command in ["ad app list", "ad app create", "rest", "ad sp create"] {
        let checkout = Checkout::new();
        checkout
            .run("entra", &["dev"], &[("AZ_FAIL", command)])
            .fails(1, &format!("Azure rejects {command}"));
    }
    let twice = Checkout::new();
    twice.run("entra", &["dev"], &[]).succeeds();
    twice.change_azure(|azure| {
        let app = azure["apps"][0].clone();
        azure["apps"].as_array_mut().expect("apps").push(app);
    });
    twice
        .run("entra", &["dev"], &[])
        .fails(1, "several app registrations named zava-mcp-dev");
}
