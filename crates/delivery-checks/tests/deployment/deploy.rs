use super::checkout::{CLIENT_ID, Checkout, digest, image};

/// Options that every deployment needs.
pub(crate) const OPTIONS: [&str; 4] = ["--location", "westeurope", "--client-id", CLIENT_ID];

/// Deploys a release, without a question.
pub(crate) fn deploy(
    checkout: &Checkout,
    environment: &str,
    hosting: &str,
    release: &str,
    more: &[&str],
) -> super::checkout::Run {
    let mut arguments = vec![
        environment,
        "--hosting",
        hosting,
        "--release",
        release,
        "--yes",
    ];
    arguments.extend(OPTIONS);
    arguments.extend(more);
    checkout.run("deploy", &arguments, &[])
}

#[test]
fn a_deployment_provisions_then_migrates_then_replaces_the_server() {
    for environment in ["dev", "test", "prod"] {
        for hosting in ["functions", "containerapp"] {
            let checkout = Checkout::new();
            checkout.release("first", &image('a'));
            let run = deploy(&checkout, environment, hosting, "first", &[]).succeeds();
            let url = format!("https://zava-{environment}.example.net/mcp");
            assert!(
                run.printed().contains(&format!("\"url\": \"{url}\"")),
                "{}",
                run.printed()
            );
            let changes = checkout.changes();
            let order: Vec<_> = changes.iter().map(|command| first_words(command)).collect();
            let publish = match hosting {
                "functions" => "functionapp deployment source",
                _ => "containerapp update",
            };
            let mut expected = vec![
                "deployment sub create",
                "acr import",
                "containerapp job start",
                "containerapp job update", // the migration's image
                publish,
                "containerapp job update", // the index's image
            ];
            if hosting == "functions" {
                // The first key is in the vault.
                expected.splice(4..4, ["rest", "functionapp restart"]);
            }
            assert_eq!(order, expected);
            // The digest stays the same in the environment's own registry.
            let azure = checkout.azure();
            let expected = format!(
                "crzava{environment}.azurecr.io/zava-mcp-server{}",
                &digest('a')
            );
            assert_eq!(
                azure["images"][format!("caj-index-{environment}")],
                expected
            );
            assert_eq!(
                azure["runs"][0]["args"],
                serde_json::json!(["migrate", "--new-signing-key"])
            );
        }
    }
}

/// The first three words of a command, without options.
fn first_words(command: &str) -> &str {
    let words = command
        .split(' ')
        .take(3)
        .take_while(|word| !word.starts_with('-'));
    let length = words.map(|word| word.len() + 1).sum::<usize>();
    &command[..length - 1]
}

#[test]
fn a_second_deployment_migrates_before_the_new_server_runs_and_keeps_the_key() {
    for hosting in ["functions", "containerapp"] {
        let checkout = Checkout::new();
        checkout.release("first", &image('a'));
        checkout.release("second", &image('b'));
        deploy(&checkout, "test", hosting, "first", &[]).succeeds();
        checkout.commands("az");
        // The migration fails: the old server keeps running, on the old image.
        checkout.change_azure(|azure| azure["job"] = "Failed".into());
        let run = deploy(&checkout, "test", hosting, "second", &[]).fails(1, "has ended as Failed");
        assert!(
            run.said().contains("the log of the failed run"),
            "{}",
            run.said()
        );
        let azure = checkout.azure();
        let served = if hosting == "functions" {
            "caj-index-test"
        } else {
            "ca-zava-test"
        };
        assert!(
            azure["images"][served]
                .as_str()
                .expect("an image")
                .ends_with(&digest('a'))
        );
        if hosting == "functions" {
            assert_eq!(azure["package"], format!("package of {}", image('a')));
        }
        // Run again after the cause was fixed, it continues.
        checkout.change_azure(|azure| azure["job"] = "Succeeded".into());
        deploy(&checkout, "test", hosting, "second", &[]).succeeds();
        let azure = checkout.azure();
        assert!(
            azure["images"][served]
                .as_str()
                .expect("an image")
                .ends_with(&digest('b'))
        );
        let runs = azure["runs"].as_array().expect("runs");
        assert_eq!(runs.len(), 3);
        for run in &runs[1..] {
            assert_eq!(run["args"], serde_json::json!(["migrate"]));
        }
    }
}

#[test]
fn a_roll_back_replaces_the_server_only() {
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    checkout.release("second", &image('b'));
    deploy(&checkout, "prod", "functions", "first", &[]).succeeds();
    deploy(&checkout, "prod", "functions", "second", &[]).succeeds();
    checkout.commands("az");
    // The environment's registry has the image, so that of GitHub may be away.
    let arguments = ["prod", "--release", "first", "--step", "publish"];
    checkout
        .run("deploy", &arguments, &[("AZ_FAIL", "acr import")])
        .succeeds();
    let azure = checkout.azure();
    assert_eq!(azure["package"], format!("package of {}", image('a')));
    assert!(
        azure["images"]["caj-index-prod"]
            .as_str()
            .expect("an image")
            .ends_with(&digest('a'))
    );
    let changes = checkout.changes();
    let changed: Vec<_> = changes.iter().map(|command| first_words(command)).collect();
    assert_eq!(
        changed,
        ["functionapp deployment source", "containerapp job update"]
    );
    // There is nothing to roll back to.
    let arguments = ["prod", "--release", "previous", "--step", "publish"];
    checkout
        .run("deploy", &arguments, &[])
        .fails(1, "release.json is missing");
}

#[test]
fn every_step_that_fails_ends_the_deployment() {
    for (hosting, failures) in [
        (
            "functions",
            &[
                ("account show", "what-if"),
                ("group exists", "what-if"),
                ("containerapp job list", "what-if"),
                ("keyvault list-deleted", "what-if"),
                ("deployment sub list", "what-if"),
                ("deployment sub what-if", "what-if"),
                ("deployment sub create", "provision"),
                ("acr import", "migrate"),
                ("containerapp job list", "migrate"),
                ("containerapp job update", "migrate"),
                ("containerapp job show", "migrate"),
                ("containerapp job execution list", "migrate"),
                ("containerapp job start", "migrate"),
                ("containerapp job execution show", "migrate"),
                ("rest", "migrate"),
                ("functionapp deployment", "publish"),
                ("containerapp job update", "publish"),
                ("functionapp list", "smoke"),
            ][..],
        ),
        (
            "containerapp",
            &[
                ("containerapp update", "publish"),
                ("containerapp list", "smoke"),
                ("containerapp list", "summary"),
            ],
        ),
    ] {
        let checkout = Checkout::new();
        checkout.release("first", &image('a'));
        checkout.release("second", &image('b'));
        deploy(&checkout, "dev", hosting, "first", &["--step", "provision"]).succeeds();
        for (command, step) in failures {
            checkout.commands("az");
            let mut arguments = vec![
                "dev",
                "--hosting",
                hosting,
                "--release",
                "second",
                "--step",
                step,
            ];
            arguments.extend(OPTIONS);
            let run = checkout.run("deploy", &arguments, &[("AZ_FAIL", command)]);
            run.fails(1, &format!("Azure rejects {command}"));
            let commands = checkout.commands("az");
            let last = commands.last().expect("a command");
            assert!(
                last.starts_with(command),
                "{last} runs after {command} has failed"
            );
        }
    }
    // All steps in one run: nothing follows the one that fails.
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    let mut arguments = vec!["dev", "--release", "first", "--yes"];
    arguments.extend(OPTIONS);
    let run = checkout.run(
        "deploy",
        &arguments,
        &[("AZ_FAIL", "containerapp job start")],
    );
    let run = run.fails(1, "Azure rejects containerapp job start");
    assert!(
        !run.printed().contains("claude mcp add"),
        "{}",
        run.printed()
    );
    assert_eq!(checkout.azure()["package"], serde_json::Value::Null);
}

#[test]
fn a_package_that_is_not_the_releases_is_not_deployed() {
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    checkout.write("first/functions.zip", "another");
    let run = deploy(&checkout, "dev", "functions", "first", &[]);
    run.fails(1, "is not the package of this release");
    assert_eq!(checkout.commands("az"), Vec::<String>::new());
}

#[test]
fn sample_data_is_an_explicit_choice() {
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    deploy(&checkout, "dev", "functions", "first", &["--seed", "small"]).succeeds();
    let runs = checkout.azure()["runs"].clone();
    assert_eq!(
        runs[1]["args"],
        serde_json::json!(["seed", "--scale", "small"])
    );
    assert_eq!(runs[2], serde_json::Value::Null);
    checkout
        .run("migrate-job", &["prod", "--seed", "small"], &[])
        .fails(64, "sample data is not for production");
}

#[test]
fn the_summary_links_to_what_runs() {
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    deploy(&checkout, "test", "containerapp", "first", &[]).succeeds();
    let run = checkout.run(
        "deploy",
        &["test", "--release", "first", "--step", "summary"],
        &[],
    );
    let printed = run.succeeds().printed();
    for words in [
        "https://zava-test.example.net/mcp",
        "resourceGroups/rg-zava-test/overview",
        "components/appi-zava-test",
        "sha256:aaaa",
    ] {
        assert!(printed.contains(words), "{printed}");
    }
}

#[test]
fn a_deployment_to_container_apps_waits_until_the_new_revision_serves() {
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    checkout.release("second", &image('b'));
    let run = deploy(&checkout, "dev", "containerapp", "first", &[]).succeeds();
    assert!(
        run.said().contains("ca-zava-dev--0000002 serves"),
        "{}",
        run.said()
    );
    // The previous revision answers, and a test of it would pass.
    checkout.change_azure(|azure| azure["revision_fails"] = true.into());
    deploy(&checkout, "dev", "containerapp", "second", &[])
        .fails(1, "the revision ca-zava-dev--0000003 is not ready")
        .fails(1, "ca-zava-dev--0000002 still serves");
}

#[test]
fn a_missing_output_ends_a_script_at_once() {
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    deploy(&checkout, "dev", "functions", "first", &[]).succeeds();
    checkout.change_azure(|azure| {
        let outputs = azure["deployments"][0]["outputs"].as_object_mut();
        outputs.expect("outputs").remove("migrationJobName");
    });
    checkout.commands("az");
    checkout
        .run("migrate-job", &["dev"], &[])
        .fails(1, "the deployment has no output 'migrationJobName'");
    for command in checkout.commands("az") {
        assert!(!command.starts_with("containerapp"), "{command}");
    }
}
