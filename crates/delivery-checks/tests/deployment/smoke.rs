use super::checkout::{CLIENT_ID, Checkout, image};
use super::deploy::deploy;

/// The test itself runs over a server: `tests/it/smoke.rs`.
#[test]
fn a_token_is_sent_to_the_named_server_only() {
    let checkout = Checkout::new();
    for (arguments, words) in [
        (&[][..], "the URL must be https"),
        (&["http://zava.example.com/mcp"], "the URL must be https"),
        (&["https://zava.example.com/"], "the URL must be https"),
        (
            &["--store", "Seattle", "https://zava.example.com/mcp"],
            "--store needs NAME=TENANT-ID",
        ),
        (
            &["https://a.example.com/mcp", "https://b.example.com/mcp"],
            "more than one URL",
        ),
    ] {
        checkout.run("smoke", arguments, &[]).fails(64, words);
    }
    assert_eq!(checkout.commands("az"), Vec::<String>::new());
}

/// The stores come from an option, a variable, or the sample data.
#[test]
fn the_test_calls_for_two_stores() {
    let checkout = Checkout::new();
    checkout.write(
        "scripts/lib/clients.sh",
        "clients_dir=clients\nclients_ensure() { :; }\n",
    );
    checkout.write(
        "scripts/lib/smoke.py",
        "import os, sys\nprint(os.environ['SMOKE_VERSION'], *sys.argv[3:], sep='|')\n",
    );
    let url = "http://127.0.0.1:8000/mcp";
    let id = "00000000-0000-0000-0000-00000000000";
    let [first, second, third] = [1, 2, 3].map(|number| format!("Store {number}={id}{number}"));
    let variable = format!("{first};{second}");
    let options = ["--store", &second, "--store", &third, "--version", "0.1.0"];
    for (options, variable, expected) in [
        (
            &[][..],
            "",
            "|Zava Retail Seattle=f47ac10b-58cc-4372-a567-0e02b2c3d479\
             |Zava Retail Redmond=e7f8a9b0-c1d2-3e4f-5678-90abcdef1234"
                .to_owned(),
        ),
        (&[], &variable, format!("|{first}|{second}")),
        (&options, &variable, format!("0.1.0|{second}|{third}")),
    ] {
        let arguments = [options, &[url]].concat();
        let variables = [("ZAVA_SMOKE_STORES", variable)];
        let run = checkout.run("smoke", &arguments, &variables).succeeds();
        assert_eq!(run.printed().trim(), expected);
    }
    let variables = [("ZAVA_SMOKE_STORES", first.as_str())];
    checkout
        .run("smoke", &[url], &variables)
        .fails(64, "ZAVA_SMOKE_STORES needs two stores");
    checkout
        .run("smoke", &["--store", &first, url], &[])
        .fails(64, "two stores are needed");
    let run = checkout.run("smoke", &["--install-only"], &[]).succeeds();
    assert_eq!(run.printed(), "");
}

/// A client that answers as a server of the version in `version`, which becomes `newer` with the
/// second test.
const CLIENT: &str = r#"
import json, sys
calls = json.load(sys.stdin)
version = open("version").read()
if len(calls) > 1:
    open("version", "w").write(open("newer").read())
stores = {"1": "First", "2": "Second"}
def text(call):
    return json.dumps({"r": [["A"]], "scope": stores[call["tenant"]] + " only"})
tools = ["get_multiple_table_schemas", "execute_sales_query", "semantic_search_products",
         "find_related_products", "get_current_utc_date"]
print(json.dumps({
    "protocolVersion": "2025-06-18",
    "server": {"name": "zava", "version": version},
    "tools": [{"name": name} for name in tools],
    "results": [{"isError": False, "text": text(call)} for call in calls],
}))
"#;

#[test]
fn a_server_of_another_version_does_not_pass() {
    for (newer, tries, wanted, passes) in [
        ("0.1.0", "1", "0.2.0", false),
        ("0.2.0", "2", "0.2.0", true), // the new server answers a little later
        ("0.1.0", "1", "0.1.0", true),
        ("0.1.0", "1", "", true),
    ] {
        let checkout = Checkout::new();
        checkout.write("client.py", CLIENT);
        checkout.write("version", "0.1.0");
        checkout.write("newer", newer);
        let url = "http://127.0.0.1:9/mcp";
        let arguments = [
            "scripts/lib/smoke.py",
            "client.py",
            url,
            "First=1",
            "Second=2",
        ];
        let output = std::process::Command::new("python3")
            .args(arguments)
            .current_dir(checkout.path(""))
            .env("SMOKE_TRIES", tries)
            .env("SMOKE_DELAY_SECONDS", "0")
            .env("SMOKE_VERSION", wanted)
            .env_remove("MCP_ACCESS_TOKEN")
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.success(), passes, "{said}");
        let failed = said.contains("FAIL the server is of version 0.2.0");
        assert_eq!(failed, wanted == "0.2.0", "{said}");
    }
}

#[test]
fn the_test_of_a_server_is_told_its_version() {
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    deploy(&checkout, "dev", "functions", "first", &[]).succeeds();
    checkout.write("scripts/smoke", "#!/bin/sh\necho \"smoke $*\"\n");
    let options = ["dev", "--client-id", CLIENT_ID, "--step", "smoke"];
    for (more, version) in [(&["--release", "first"][..], "--version 0.1.0 "), (&[], "")] {
        let arguments = [&options[..], more].concat();
        let run = checkout.run("deploy", &arguments, &[]).succeeds();
        let expected = format!(
            "smoke --scope api://{CLIENT_ID}/.default {version}https://zava-dev.example.net/mcp"
        );
        assert_eq!(run.printed().trim(), expected);
    }
}

/// Pipelines of other environments may create deployments of the subscription, and so the outputs
/// that name the URL.
#[test]
fn no_token_is_sent_to_a_server_outside_of_the_environments_group() {
    for hosting in ["functions", "containerapp"] {
        let checkout = Checkout::new();
        checkout.release("first", &image('a'));
        checkout.write("scripts/smoke", "#!/bin/sh\necho \"smoke $*\"\n");
        deploy(&checkout, "prod", hosting, "first", &[]).succeeds();
        checkout.change_azure(|azure| {
            azure["gateways"] = serde_json::json!([["apim-zava-prod", "westeurope"]]);
            let mut forged = azure["deployments"][0].clone();
            forged["name"] = "zava-prod-20261231000000".into();
            forged["time"] = "2026-12-31T00:00:00Z".into();
            let deployments = azure["deployments"].as_array_mut();
            deployments.expect("a list").push(forged);
        });
        for (url, is_own) in [
            ("https://zava-prod.example.net/mcp", true),
            ("https://apim-zava-prod.azure-api.net/mcp", true),
            ("https://zava-dev.example.net/mcp", false),
            ("https://apim-zava-dev.azure-api.net/mcp", false),
            (
                "https://zava-prod.example.net@zava-dev.example.net/mcp",
                false,
            ),
            (
                "https://zava-dev.example.net/zava-prod.example.net/mcp",
                false,
            ),
            ("http://zava-prod.example.net/mcp", false),
        ] {
            checkout.change_azure(|azure| {
                azure["deployments"][1]["outputs"]["mcpUrl"]["value"] = url.into();
            });
            let smoke = ["--step", "smoke"];
            let run = deploy(&checkout, "prod", hosting, "first", &smoke);
            let run = match is_own {
                true => run.succeeds(),
                false => run.fails(
                    1,
                    &format!("{url} is not the URL of a server in rg-zava-prod"),
                ),
            };
            assert_eq!(run.printed().contains("smoke "), is_own, "{}", run.said());
        }
    }
}
