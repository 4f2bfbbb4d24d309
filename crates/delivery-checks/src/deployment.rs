//! What the workflows do, and in which order: build once, promote, show before applying, test, and
//! roll back.

use serde_yaml_ng::Value;

use crate::files::{Files, elements, text};
use crate::{Claim, claims_of};

pub(crate) const CLAIMS: &[Claim] = claims_of![
    deployment_shows_the_change_migrates_tests_and_rolls_back_in_order,
    a_failed_deployment_is_rolled_back_and_stays_failed,
    a_test_of_a_server_knows_its_stores,
    what_is_deployed_was_built_once,
    production_comes_after_test_and_publication,
    a_release_is_of_a_tested_commit_on_main,
    a_release_does_not_wait_for_another,
    only_dev_is_deployed_from_main,
    production_is_never_torn_down,
    continuous_integration_checks_everything,
    a_release_is_signed_and_lists_its_dependencies,
    binaries_are_built_for_linux_and_macos,
    deployments_to_an_environment_wait_for_each_other,
    what_waits_is_not_cancelled,
];

fn workflow(files: &Files, name: &str) -> Value {
    files.yaml(&format!(".github/workflows/{name}.yml"))
}

/// The commands and actions of a job, in their order.
fn actions_of(job: &Value) -> Vec<&str> {
    let steps = elements(&job["steps"]).iter();
    steps
        .map(|step| step["run"].as_str().unwrap_or_else(|| text(&step["uses"])))
        .collect()
}

fn deployment_shows_the_change_migrates_tests_and_rolls_back_in_order(
    files: &Files,
) -> Vec<String> {
    let deploy = workflow(files, "deploy");
    let actions = actions_of(&deploy["jobs"]["deploy"]);
    let expected = [
        "actions/download-artifact@",
        "azure/login@",
        "./scripts/fetch-release --previous \"$ENVIRONMENT\" previous",
        "./scripts/smoke --install-only",
        "./scripts/deploy \"$ENVIRONMENT\" --release release --step what-if",
        "./scripts/deploy \"$ENVIRONMENT\" --release release --step provision",
        "./scripts/deploy \"$ENVIRONMENT\" --release release --step migrate",
        "./scripts/deploy \"$ENVIRONMENT\" --release release --step publish",
        "./scripts/deploy \"$ENVIRONMENT\" --release release --step smoke",
        "./scripts/deploy \"$ENVIRONMENT\" --release previous --step publish",
        "./scripts/deploy \"$ENVIRONMENT\" --release previous --step smoke",
        "./scripts/deploy \"$ENVIRONMENT\" --release release --step summary",
    ];
    let mut rest = actions.iter();
    let missing = expected
        .iter()
        .filter(|step| !rest.by_ref().any(|is| is.starts_with(**step)));
    missing
        .map(|step| format!("deploy.yml: `{step}` is missing, or out of order"))
        .collect()
}

/// Also one that was cancelled, or took too long, after it had replaced the server; not if there is
/// nothing to put back.
fn a_failed_deployment_is_rolled_back_and_stays_failed(files: &Files) -> Vec<String> {
    const CONDITION: &str = "${{ (failure() || cancelled()) \
                             && steps.publish.outcome != 'skipped' \
                             && hashFiles('previous/release.json') != '' }}";
    let deploy = workflow(files, "deploy");
    let mut found = Vec::new();
    let mut rolls_back = false;
    for step in elements(&deploy["jobs"]["deploy"]["steps"]) {
        if !step["continue-on-error"].is_null() {
            found.push("deploy.yml: a failed step would not fail the deployment".to_owned());
        }
        if text(&step["run"]).contains("--release previous --step publish") {
            rolls_back = text(&step["if"]) == CONDITION;
        }
    }
    if !rolls_back {
        found.push("deploy.yml: a server that fails its test is not rolled back".to_owned());
    }
    found
}

/// In an environment with data of its own, the sample stores do not exist.
fn a_test_of_a_server_knows_its_stores(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (file, workflow) in files.workflows() {
        for (name, job) in crate::files::entries(&workflow["jobs"]) {
            let tests = actions_of(job)
                .iter()
                .any(|action| action.ends_with("--step smoke"));
            let stores = text(&job["env"]["ZAVA_SMOKE_STORES"]);
            if tests && stores != "${{ vars.ZAVA_SMOKE_STORES }}" {
                found.push(format!("{file}: {name} tests the sample stores only"));
            }
        }
    }
    found
}

/// By build.yml, in a workflow's run; every environment that the run deploys to gets that artifact.
fn what_is_deployed_was_built_once(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (file, workflow) in files.workflows() {
        let Some(jobs) = workflow["jobs"].as_mapping() else {
            continue;
        };
        let builders = jobs.values().filter(|job| {
            actions_of(job).iter().any(|action| {
                action.starts_with("./scripts/build-image")
                    || action.starts_with("./scripts/release --image")
                    || action.starts_with("./scripts/package")
            })
        });
        let count = builders.count();
        if count != usize::from(file == "build.yml") {
            found.push(format!("{file}: {count} jobs build what is deployed"));
        }
        for job in jobs.values() {
            let release = text(&job["with"]["release"]);
            let is_promoted = release == "release-${{ github.sha }}"
                || (file == "rollback.yml" && release == "release-to-put-back");
            if text(&job["uses"]).ends_with("/deploy.yml") && !is_promoted {
                found.push(format!(
                    "{file}: deploys `{release}`, not the build of this commit"
                ));
            }
        }
    }
    found
}

fn production_comes_after_test_and_publication(files: &Files) -> Vec<String> {
    let release = workflow(files, "release");
    let jobs = &release["jobs"];
    let mut found = Vec::new();
    for (job, environment, need) in [("test", "test", "build"), ("prod", "prod", "publish")] {
        let is_right = text(&jobs[job]["with"]["environment"]) == environment
            && text(&jobs[job]["needs"]) == need;
        if !is_right {
            found.push(format!(
                "release.yml: {job} must deploy to {environment} after {need}"
            ));
        }
    }
    if !elements(&jobs["publish"]["needs"])
        .iter()
        .any(|need| text(need) == "test")
    {
        found.push("release.yml: is published before it was tested".to_owned());
    }
    if text(&jobs["build"]["needs"]) != "check" {
        found.push("release.yml: is built before its version was checked".to_owned());
    }
    found
}

fn a_release_is_of_a_tested_commit_on_main(files: &Files) -> Vec<String> {
    let release = workflow(files, "release");
    let actions = actions_of(&release["jobs"]["check"]);
    if actions.contains(&"./scripts/check-release \"$GITHUB_SHA\"") {
        Vec::new()
    } else {
        vec!["release.yml: releases a commit that was not tested".to_owned()]
    }
}

/// A run that waits for the approval of prod holds the concurrency group of its workflow.
fn a_release_does_not_wait_for_another(files: &Files) -> Vec<String> {
    let release = workflow(files, "release");
    if text(&release["concurrency"]["group"]).contains("${{ github.ref }}") {
        Vec::new()
    } else {
        vec!["release.yml: a release waits for the approval of another".to_owned()]
    }
}

fn only_dev_is_deployed_from_main(files: &Files) -> Vec<String> {
    let ci = workflow(files, "ci");
    let mut found = Vec::new();
    for (name, job) in crate::files::entries(&ci["jobs"]) {
        let environment = text(&job["with"]["environment"]);
        if !environment.is_empty() && environment != "dev" {
            found.push(format!("ci.yml: {name} deploys to {environment}"));
        }
    }
    let dev = &ci["jobs"]["dev"];
    if text(&dev["needs"]) != "build" || text(&dev["with"]["environment"]) != "dev" {
        found.push("ci.yml: dev is not deployed from the build".to_owned());
    }
    let needed = ["test", "macos", "advisories", "templates"];
    let needs = elements(&ci["jobs"]["build"]["needs"]);
    for need in needed {
        if !needs.iter().any(|is| text(is) == need) {
            found.push(format!("ci.yml: builds without waiting for {need}"));
        }
    }
    found
}

fn production_is_never_torn_down(files: &Files) -> Vec<String> {
    let teardown = workflow(files, "teardown");
    let options = &teardown["on"]["workflow_dispatch"]["inputs"]["environment"]["options"];
    let names: Vec<_> = elements(options).iter().map(text).collect();
    if names == ["dev", "test"] {
        Vec::new()
    } else {
        vec![format!("teardown.yml: offers to delete {names:?}")]
    }
}

fn continuous_integration_checks_everything(files: &Files) -> Vec<String> {
    let ci = workflow(files, "ci");
    let steps = [
        ("test", "./scripts/test"),
        ("macos", "./scripts/up"),
        ("macos", "./scripts/smoke"),
        ("advisories", "cargo deny --locked check"),
        ("advisories", "./scripts/sbom"),
        ("templates", "./scripts/bicep"),
    ];
    let mut found = Vec::new();
    for (job, step) in steps {
        let actions = actions_of(&ci["jobs"][job]);
        if !actions.iter().any(|action| action.starts_with(step)) {
            found.push(format!("ci.yml: {job} does not run `{step}`"));
        }
    }
    for event in ["push", "pull_request"] {
        if ci["on"].get(event).is_none() {
            found.push(format!("ci.yml: does not run on {event}"));
        }
    }
    found
}

fn a_release_is_signed_and_lists_its_dependencies(files: &Files) -> Vec<String> {
    let build = workflow(files, "build");
    let job = &build["jobs"]["build"];
    let mut found = Vec::new();
    let attested = elements(&job["steps"]).iter().filter(|step| {
        text(&step["uses"]).starts_with("actions/attest@")
            && (step["with"]["push-to-registry"].as_bool() == Some(true)
                || text(&step["with"]["subject-path"]) == "release/*")
    });
    if attested.count() != 2 {
        found.push("build.yml: the package and the image need provenance".to_owned());
    }
    for command in ["cosign sign --yes", "./scripts/sbom release/"] {
        if !actions_of(job)
            .iter()
            .any(|action| action.starts_with(command))
        {
            found.push(format!("build.yml: `{command}` is missing"));
        }
    }
    let release = workflow(files, "release");
    let publish = actions_of(&release["jobs"]["publish"]);
    let position = |start: &str| publish.iter().position(|action| action.starts_with(start));
    match (
        position("actions/attest@"),
        position("./scripts/publish-release"),
    ) {
        (Some(attest), Some(publish)) if attest < publish => {}
        _ => found.push("release.yml: publishes without provenance".to_owned()),
    }
    found
}

fn binaries_are_built_for_linux_and_macos(files: &Files) -> Vec<String> {
    let release = workflow(files, "release");
    let job = &release["jobs"]["binaries"];
    let targets = elements(&job["strategy"]["matrix"]["include"]);
    let mut found = Vec::new();
    for (target, system) in [
        ("x86_64-unknown-linux-gnu", "ubuntu-"),
        ("aarch64-unknown-linux-gnu", "ubuntu-"),
        ("aarch64-apple-darwin", "macos-"),
        ("x86_64-apple-darwin", "macos-"),
    ] {
        let is_built = targets.iter().any(|entry| {
            text(&entry["target"]) == target && text(&entry["system"]).starts_with(system)
        });
        if !is_built {
            found.push(format!("release.yml: has no binary for {target}"));
        }
    }
    found
}

fn deployments_to_an_environment_wait_for_each_other(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (file, group) in [
        ("deploy", "azure-${{ inputs.environment }}"),
        ("teardown", "azure-${{ inputs.environment }}"),
        ("contract", "azure-${{ inputs.environment }}"),
    ] {
        if text(&workflow(files, file)["concurrency"]["group"]) != group {
            found.push(format!(
                "{file}.yml: does not wait for others that change the environment"
            ));
        }
    }
    let rotate = workflow(files, "rotate-signing-key");
    if text(&rotate["jobs"]["rotate"]["concurrency"]["group"]) != "azure-${{ matrix.environment }}"
    {
        found.push("rotate-signing-key.yml: does not wait for deployments".to_owned());
    }
    found
}

/// Without `queue: max`, GitHub cancels what waits when something else begins to wait: a roll-back
/// would be lost to a rotation.
fn what_waits_is_not_cancelled(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (file, workflow) in files.workflows() {
        let jobs = crate::files::entries(&workflow["jobs"]);
        let job_groups = jobs.iter().map(|(_, job)| &job["concurrency"]);
        for concurrency in job_groups.chain([&workflow["concurrency"]]) {
            let group = text(&concurrency["group"]);
            let is_of_an_environment = ["azure-", "rollback-", "rotate-"]
                .iter()
                .any(|start| group.starts_with(start));
            if is_of_an_environment && text(&concurrency["queue"]) != "max" {
                found.push(format!("{file}: the group {group} cancels what waits"));
            }
        }
    }
    found
}
