use super::checkout::{CLIENT_ID, Checkout, image};
use super::deploy::{OPTIONS, deploy};

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
