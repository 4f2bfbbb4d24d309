use serde_json::json;

use super::checkout::{Checkout, image};
use super::deploy::deploy;

fn deployed(environment: &str) -> Checkout {
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    deploy(&checkout, environment, "functions", "first", &[]).succeeds();
    checkout
}

#[test]
fn an_environment_is_deleted_after_a_confirmation() {
    let checkout = deployed("dev");
    checkout.change_azure(|azure| {
        azure["gateways"] = json!([["apim-zava-dev", "westeurope"]]);
        // Of an earlier run that could not purge it, and of another environment.
        azure["deleted_accounts"] = json!([
            ["oai-zava-dev-old", "northeurope", "rg-zava-dev"],
            ["oai-zava-test", "westeurope", "rg-zava-test"],
        ]);
        azure["deleted_gateways"] = json!([
            ["apim-zava-dev-old", "westeurope", "rg-zava-dev"],
            ["apim-zava-test", "westeurope", "rg-zava-test"],
        ]);
    });
    checkout
        .run("tear-down", &["dev"], &[])
        .fails(64, "confirm it: --confirm dev");
    checkout
        .run("tear-down", &["dev", "--confirm", "test"], &[])
        .fails(64, "confirm it");
    assert_eq!(checkout.azure()["deleted"], json!(null));
    checkout
        .run("tear-down", &["dev", "--confirm", "dev"], &[])
        .succeeds();
    let azure = checkout.azure();
    assert_eq!(azure["deleted"], json!(["apim-zava-dev", "rg-zava-dev"]));
    assert_eq!(
        azure["purged"],
        json!([
            "oai-zava-dev",
            "oai-zava-dev-old",
            "apim-zava-dev",
            "apim-zava-dev-old"
        ])
    );
    assert_eq!(azure["deleted_accounts"][0][0], "oai-zava-test");
}

/// Such an environment has no outputs.
#[test]
fn an_environment_whose_first_deployment_has_failed_is_deleted() {
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    checkout.change_azure(|azure| azure["failures"] = json!(["(QuotaExceeded)"]));
    deploy(&checkout, "dev", "functions", "first", &[]).fails(1, "QuotaExceeded");
    let confirmed = ["dev", "--confirm", "dev"];
    checkout.run("tear-down", &confirmed, &[]).succeeds();
    assert_eq!(checkout.azure()["deleted"], json!(["rg-zava-dev"]));
    assert_eq!(checkout.azure()["purged"], json!(["oai-zava-dev"]));
    deploy(&checkout, "dev", "functions", "first", &[]).succeeds();
}

/// With the group, a pipeline loses its identity.
#[test]
fn names_are_freed_before_the_group_is_deleted() {
    let checkout = deployed("dev");
    let conflicts = [1, 2];
    checkout.change_azure(|azure| azure["purge_conflicts"] = json!(conflicts));
    checkout.commands("az");
    let arguments = ["dev", "--confirm", "dev"];
    checkout.run("tear-down", &arguments, &[]).succeeds();
    let changes = checkout.changes();
    let words: Vec<_> = changes
        .iter()
        .map(|command| command.split(" --").next().expect("words"))
        .collect();
    assert_eq!(
        words,
        [
            "cognitiveservices account deployment delete",
            "cognitiveservices account delete",
            "cognitiveservices account purge",
            "cognitiveservices account purge",
            "cognitiveservices account purge",
            "group delete",
        ]
    );
    // A name that cannot be freed leaves the group, so that the script can be run again.
    let checkout = deployed("dev");
    let failing = [("AZ_FAIL", "cognitiveservices account purge")];
    let run = checkout.run("tear-down", &arguments, &failing);
    run.fails(1, "Run this again, or: az cognitiveservices account purge");
    assert_eq!(checkout.azure()["deleted"], json!(null));
    checkout.run("tear-down", &arguments, &[]).succeeds();
    assert_eq!(checkout.azure()["deleted"], json!(["rg-zava-dev"]));
}

#[test]
fn an_environment_is_deployed_again_after_it_was_deleted() {
    for hosting in ["functions", "containerapp"] {
        let checkout = Checkout::new();
        checkout.release("first", &image('a'));
        deploy(&checkout, "dev", hosting, "first", &[]).succeeds();
        let confirmed = ["dev", "--confirm", "dev"];
        checkout.run("tear-down", &confirmed, &[]).succeeds();
        // Deployments of the subscription outlive the group that they describe.
        assert_ne!(checkout.azure()["deployments"], json!(null));
        for (script, arguments) in [
            ("tear-down", &confirmed[..]),
            ("migrate-job", &["dev"]),
            ("deploy", &["dev", "--step", "summary"]),
        ] {
            let run = checkout.run(script, arguments, &[]);
            run.fails(1, "the environment dev was not found");
        }
        // The first try fails after the group exists again, and before anything runs there.
        checkout
            .change_azure(|azure| azure["failures"] = json!(["(ServerIsBusy)", "(QuotaExceeded)"]));
        let run = deploy(&checkout, "dev", hosting, "first", &[]);
        let run = run.fails(1, "QuotaExceeded");
        assert!(run.said().contains("Key Vault kv-dev-x1"), "{}", run.said());
        let run = deploy(&checkout, "dev", hosting, "first", &[]).succeeds();
        assert!(!run.said().contains("Key Vault kv-"), "{}", run.said());
        assert_eq!(checkout.azure()["deleted_vaults"], json!(null));
    }
}

#[test]
fn production_is_not_deleted_whatever_its_name() {
    let checkout = deployed("prod");
    checkout
        .run("tear-down", &["prod", "--confirm", "prod"], &[])
        .fails(64, "is a production environment");
    // By its parameters, and by its tag in Azure.
    let named = deployed("shop");
    let profile = [("ZAVA_PROFILE", "prod")];
    named
        .run("tear-down", &["shop", "--confirm", "shop"], &profile)
        .fails(64, "is a production environment");
    named.change_azure(|azure| azure["profile"] = "prod".into());
    named
        .run("tear-down", &["shop", "--confirm", "shop"], &[])
        .fails(1, "has the tag profile=prod");
    assert_eq!(named.azure()["deleted"], json!(null));
}
