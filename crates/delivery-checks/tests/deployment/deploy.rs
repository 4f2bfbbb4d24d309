use super::checkout::{CLIENT_ID, Checkout, digest, image};

/// Options that every deployment needs.
const OPTIONS: [&str; 4] = ["--location", "westeurope", "--client-id", CLIENT_ID];

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
fn what_if_runs_for_every_environment_and_hosting_and_changes_nothing() {
    for environment in ["dev", "test", "prod", "anna7"] {
        for hosting in ["functions", "containerapp"] {
            let checkout = Checkout::new();
            let image = image('a');
            let mut arguments = vec![
                environment,
                "--what-if-only",
                "--hosting",
                hosting,
                "--image",
                &image,
            ];
            arguments.extend(OPTIONS);
            let run = checkout.run("deploy", &arguments, &[]).succeeds();
            assert!(run.said().contains("3 to create"), "{}", run.said());
            let commands = checkout.commands("az");
            assert!(
                commands
                    .iter()
                    .any(|command| command.starts_with("deployment sub what-if"))
            );
            let changing = ["create", "update", "start", "import", "config-zip"];
            let changed = commands.iter().find(|command| {
                changing
                    .iter()
                    .any(|word| command.contains(&format!(" {word} ")))
            });
            assert_eq!(changed, None);
        }
    }
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
fn a_database_that_was_busy_is_configured_by_a_second_try() {
    for (errors, exit_code) in [
        (&["(ServerIsBusy) psql-zava-dev"][..], 0),
        (
            &["(AadAuthOperationCannotBePerformedWhenServerIsNotAccessible)"],
            0,
        ),
        (&["(ServerIsBusy)", "(ServerIsBusy) again"], 1),
        (&["(QuotaExceeded) 12 vCores"], 1),
    ] {
        let checkout = Checkout::new();
        checkout.change_azure(|azure| azure["failures"] = serde_json::json!(errors));
        let arguments = ["--step", "provision"];
        checkout.release("first", &image('a'));
        let run = deploy(&checkout, "dev", "functions", "first", &arguments);
        let last = errors.last().expect("an error");
        // What Azure has said is seen, also if the second try succeeds.
        let run = match exit_code {
            0 => run.succeeds(),
            code => run.fails(code, last),
        };
        assert!(run.said().contains(last), "{}", run.said());
        let tries = checkout.changes();
        let is_repeated = errors[0].contains("Server");
        assert_eq!(tries.len(), if is_repeated { 2 } else { 1 }, "{errors:?}");
    }
}

#[test]
fn an_environment_is_only_described_by_deployments_of_its_own() {
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    checkout.release("second", &image('b'));
    deploy(&checkout, "dev", "functions", "first", &[]).succeeds();
    // Its deployments begin with the prefix of an environment named `zava`, which azd may have
    // made.
    for (name, group) in [
        ("zava-dev-20261201000000", "rg-zava-zava"),
        ("zava-1790000000", "rg-zava-dev"),
    ] {
        checkout.change_azure(|azure| {
            azure["groups"] = serde_json::json!(["rg-zava-dev", "rg-zava-zava"]);
            azure["deployments"][0]["name"] = name.into();
            azure["deployments"][0]["outputs"]["resourceGroupName"]["value"] = group.into();
        });
        checkout
            .run("migrate-job", &["zava"], &[])
            .fails(1, "the environment zava was not found");
        checkout.commands("az");
        let step = ["--step", "provision"];
        deploy(&checkout, "zava", "functions", "second", &step).succeeds();
        assert_eq!(checkout.changes().len(), 1);
        checkout.change_azure(|azure| {
            let deployments = azure["deployments"].as_array_mut().expect("a list");
            deployments.truncate(1);
        });
    }
}

#[test]
fn bad_arguments_are_named_before_anything_happens() {
    let checkout = Checkout::new();
    let release = checkout.release("first", &image('a'));
    let release = release.to_str().expect("text");
    let tag = "ghcr.io/owner/zava-mcp-server:0.1.0";
    for (arguments, words) in [
        (&[][..], "the environment is missing"),
        (&["Prod"], "'Prod' is no environment"),
        (&["a"], "'a' is no environment"),
        (&["dev", "test"], "more than one environment"),
        (
            &["dev", "--hosting", "vm"],
            "the hosting is functions or containerapp",
        ),
        (&["dev", "--step", "seed"], "the steps are"),
        (&["dev", "--image"], "--image needs a value"),
        (&["dev", "--image", tag], "is not named by its digest"),
        (&["dev", "--seed", "large"], "--seed takes small or full"),
        (
            &["prod", "--release", release, "--seed", "small"],
            "sample data is not for production",
        ),
        (&["dev", "--force"], "unknown argument '--force'"),
    ] {
        checkout.run("deploy", arguments, &[]).fails(64, words);
        assert_eq!(checkout.commands("az"), Vec::<String>::new());
    }
    for (arguments, words) in [
        (&["dev", "--what-if-only"][..], "the region is missing"),
        (
            &["dev", "--what-if-only", "--location", "westeurope"],
            "the app registration is missing",
        ),
        (
            &["dev", "--location", "westeurope", "--client-id", CLIENT_ID],
            "the first deployment needs a release",
        ),
        (
            &[
                "dev",
                "--release",
                release,
                "--location",
                "westeurope",
                "--client-id",
                CLIENT_ID,
            ],
            "there is no terminal",
        ),
    ] {
        checkout.run("deploy", arguments, &[]).fails(64, words);
        assert_eq!(checkout.changes(), Vec::<String>::new());
    }
    checkout
        .run("deploy", &["dev", "--step", "smoke"], &[])
        .fails(1, "the environment dev was not found");
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
fn a_person_gets_the_rights_to_deploy_and_a_pipeline_has_them() {
    for (user, expected) in [("user", true), ("servicePrincipal", false)] {
        let checkout = Checkout::new();
        checkout.change_azure(|azure| azure["user"] = user.into());
        checkout.release("first", &image('a'));
        deploy(
            &checkout,
            "dev",
            "functions",
            "first",
            &["--step", "provision"],
        )
        .succeeds();
        let asked = checkout
            .commands("az")
            .iter()
            .any(|command| command.contains("signed-in-user"));
        assert_eq!(asked, expected);
    }
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

/// A script ends when the last command of a line fails, not an earlier one.
#[test]
fn no_line_of_a_script_hides_a_failure_behind_another_assignment() {
    let mut found = Vec::new();
    for folder in ["scripts", "scripts/lib"] {
        let folder = std::path::Path::new(super::checkout::REPOSITORY).join(folder);
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let is_shell =
                text.starts_with("#!/usr/bin/env bash") || text.starts_with("# shellcheck");
            let hides = |line: &&str| {
                let assigned = line.trim_start().split_once("=$(");
                let name = |text: &str| {
                    text.chars()
                        .all(|letter| letter.is_ascii_lowercase() || letter == '_')
                };
                assigned.is_some_and(|(first, rest)| {
                    let another = rest
                        .rsplit_once("=$(")
                        .and_then(|(start, _)| start.rsplit_once(") "));
                    name(first) && another.is_some_and(|(_, second)| name(second))
                })
            };
            let lines = text.lines().filter(hides).filter(|_| is_shell);
            found.extend(lines.map(|line| format!("{}: {line}", path.display())));
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_pipeline_is_known_by_the_subject_that_github_gives_it() {
    for (github, more, subject) in [
        (
            serde_json::json!({"subject": "repo:owner@1/name@2"}),
            &[][..],
            "repo:owner@1/name@2",
        ),
        (serde_json::json!({}), &[], "repo:owner/name"),
        (
            serde_json::json!({}),
            &["--subject-prefix", "repo:owner@3/name@4"],
            "repo:owner@3/name@4",
        ),
    ] {
        let checkout = Checkout::new();
        checkout.write("gh.json", &github.to_string());
        checkout.release("first", &image('a'));
        let options = ["--repository", "owner/name", "--step", "provision"];
        let options = [&options[..], more].concat();
        let run = deploy(&checkout, "dev", "functions", "first", &options).succeeds();
        assert_eq!(checkout.azure()["subject_prefix"], subject);
        let is_guessed = subject == "repo:owner/name";
        assert_eq!(run.said().contains("AADSTS700213"), is_guessed);
        assert_eq!(checkout.commands("gh").is_empty(), !more.is_empty());
    }
    let checkout = Checkout::new();
    checkout.write("gh.json", "{\"subject\": \"custom\"}");
    checkout.release("first", &image('a'));
    deploy(
        &checkout,
        "dev",
        "functions",
        "first",
        &["--repository", "owner/name"],
    )
    .fails(1, "has a subject claim of its own");
    assert_eq!(checkout.changes(), Vec::<String>::new());
    let with_environment = ["--subject-prefix", "repo:owner/name:environment:dev"];
    deploy(&checkout, "dev", "functions", "first", &with_environment)
        .fails(64, "--subject-prefix needs what is before :environment:");
}
