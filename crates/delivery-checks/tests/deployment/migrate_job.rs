use super::checkout::{Checkout, digest, image};
use super::deploy::deploy;

#[test]
fn the_database_is_contracted_on_demand_only() {
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    deploy(&checkout, "dev", "functions", "first", &[]).succeeds();
    checkout
        .run("migrate-job", &["dev", "--contract"], &[])
        .succeeds();
    checkout
        .run(
            "migrate-job",
            &["dev", "--contract", "--new-signing-key"],
            &[],
        )
        .fails(64, "--contract and --new-signing-key are two runs");
    let runs = &checkout.azure()["runs"];
    let arguments: Vec<_> = (0..4).map(|run| &runs[run]["args"]).collect();
    assert_eq!(
        arguments,
        [
            &serde_json::json!(["migrate", "--new-signing-key"]),
            &serde_json::json!(["migrate"]),
            &serde_json::json!(["migrate", "--contract"]),
            &serde_json::Value::Null,
        ]
    );
}

/// After a roll-back, the job has the image of the newer release still, whose contracting
/// migrations would lock out the one that serves.
#[test]
fn the_contract_is_that_of_the_release_that_serves() {
    for hosting in ["functions", "containerapp"] {
        let checkout = Checkout::new();
        checkout.release("first", &image('a'));
        checkout.release("second", &image('b'));
        deploy(&checkout, "prod", hosting, "first", &[]).succeeds();
        deploy(&checkout, "prod", hosting, "second", &[]).succeeds();
        let publish = ["--step", "publish"];
        deploy(&checkout, "prod", hosting, "first", &publish).succeeds();
        checkout.commands("az");
        let contract = ["prod", "--contract"];
        checkout
            .run("migrate-job", &contract, &[])
            .fails(1, "Deploy the release of that image again first");
        assert_eq!(checkout.changes(), Vec::<String>::new());
        deploy(&checkout, "prod", hosting, "second", &publish).succeeds();
        checkout.run("migrate-job", &contract, &[]).succeeds();
        // Nor may the image be another one by an option.
        let image = image('a');
        let another = [&contract[..], &["--image", &image]].concat();
        checkout
            .run("migrate-job", &another, &[])
            .fails(1, "Deploy the release of that image again first");
    }
}

/// A release that is older than the database refuses to migrate it.
#[test]
fn an_image_that_cannot_migrate_is_not_kept() {
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    checkout.release("second", &image('b'));
    deploy(&checkout, "dev", "functions", "second", &[]).succeeds();
    checkout.change_azure(|azure| azure["job"] = "Failed".into());
    deploy(&checkout, "dev", "functions", "first", &[]).fails(1, "has ended as Failed");
    checkout.change_azure(|azure| azure["job"] = "Succeeded".into());
    checkout
        .run("migrate-job", &["dev", "--new-signing-key"], &[])
        .succeeds();
    let runs = &checkout.azure()["runs"];
    for (run, letter) in ['b', 'a', 'b'].into_iter().enumerate() {
        let ran = runs[run]["image"].as_str().expect("an image");
        assert!(ran.ends_with(&digest(letter)), "{runs}");
    }
}

/// The platform keeps secrets of the vault across restarts, until it is told to read them again.
#[test]
fn a_new_signing_key_reaches_functions_by_a_refresh_and_a_restart() {
    for (hosting, restarts) in [("functions", 2), ("containerapp", 0)] {
        let checkout = Checkout::new();
        checkout.release("first", &image('a'));
        deploy(&checkout, "dev", hosting, "first", &[]).succeeds();
        checkout
            .run("migrate-job", &["dev", "--new-signing-key"], &[])
            .succeeds();
        let azure = checkout.azure();
        assert_eq!(
            azure["runs"][1]["args"],
            serde_json::json!(["migrate", "--new-signing-key"])
        );
        assert_eq!(azure["restarts"].as_u64().unwrap_or(0), restarts);
        assert_eq!(azure["served_key"].as_u64().unwrap_or(0), restarts);
        for command in ["rest", "functionapp restart"] {
            let variables = [("AZ_FAIL", command)];
            let run = checkout.run("migrate-job", &["dev", "--new-signing-key"], &variables);
            if hosting == "functions" {
                run.fails(1, &format!("Azure rejects {command}"));
            } else {
                run.succeeds();
            }
        }
        // The job runs the image that it had.
        assert!(
            azure["runs"][1]["image"]
                .as_str()
                .expect("an image")
                .ends_with(&digest('a'))
        );
    }
}

/// The key is in the vault, but the platform was not told.
#[test]
fn a_key_of_a_run_that_ended_early_reaches_functions_by_the_next_run() {
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    let provision = ["--step", "provision"];
    deploy(&checkout, "dev", "functions", "first", &provision).succeeds();
    for command in ["rest", "functionapp restart"] {
        checkout
            .run("migrate-job", &["dev"], &[("AZ_FAIL", command)])
            .fails(1, &format!("Azure rejects {command}"));
    }
    assert_eq!(checkout.azure()["served_key"], serde_json::Value::Null);
    checkout.run("migrate-job", &["dev"], &[]).succeeds();
    assert_eq!(checkout.azure()["served_key"], 1);
}

#[test]
fn the_log_of_a_failed_run_is_promised_only_where_it_was_read() {
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    checkout.change_azure(|azure| azure["job"] = "Failed".into());
    let run = deploy(&checkout, "dev", "functions", "first", &[]);
    run.fails(1, "has ended as Failed; its log is above");
    for command in ["extension add", "containerapp job logs"] {
        let run = checkout.run("migrate-job", &["dev"], &[("AZ_FAIL", command)]);
        let run = run.fails(1, "has ended as Failed; its log could not be read");
        assert!(!run.said().contains("is above"), "{}", run.said());
    }
}
