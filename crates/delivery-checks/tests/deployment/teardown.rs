use serde_json::json;

use super::checkout::{CLIENT_ID, Checkout, image};

fn deployed(environment: &str) -> Checkout {
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    let arguments = [
        environment,
        "--release",
        "first",
        "--yes",
        "--location",
        "westeurope",
        "--client-id",
        CLIENT_ID,
    ];
    checkout.run("deploy", &arguments, &[]).succeeds();
    checkout
}

#[test]
fn an_environment_is_deleted_after_a_confirmation() {
    let checkout = deployed("dev");
    checkout
        .change_azure(|azure| azure["deleted_accounts"] = json!([["oai-zava-dev", "westeurope"]]));
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
    assert_eq!(checkout.azure()["deleted"], json!(["rg-zava-dev"]));
    assert_eq!(checkout.azure()["purged"], json!(["oai-zava-dev"]));
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
