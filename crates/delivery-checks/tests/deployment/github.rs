use std::fs;

use serde_json::{Value, json};

use super::checkout::Checkout;

fn github(checkout: &Checkout, state: &Value) {
    checkout.write("gh.json", &state.to_string());
}

fn fetched(checkout: &Checkout) -> String {
    fs::read_to_string(checkout.path("previous/release.json")).unwrap_or_default()
}

#[test]
fn the_previous_release_is_that_of_the_last_deployment_that_succeeded() {
    let checkout = Checkout::new();
    let deployments = json!([
        [4, "dddd", "main", "in_progress"], // this one
        [3, "cccc", "main", "failure"],
        [2, "bbbb", "main", "success"],
        [1, "aaaa", "main", "inactive"],
    ]);
    github(
        &checkout,
        &json!({"deployments": deployments, "artifacts": ["aaaa", "bbbb", "cccc"]}),
    );
    checkout
        .run("fetch-release", &["--previous", "dev", "previous"], &[])
        .succeeds();
    assert!(
        fetched(&checkout).contains("bbbb"),
        "{}",
        fetched(&checkout)
    );
    // A release is fetched by its tag.
    let checkout = Checkout::new();
    github(
        &checkout,
        &json!({"deployments": [[2, "bbbb", "v0.1.0", "success"]], "tags": ["v0.1.0"]}),
    );
    checkout
        .run("fetch-release", &["--previous", "prod", "previous"], &[])
        .succeeds();
    assert!(
        fetched(&checkout).contains("v0.1.0"),
        "{}",
        fetched(&checkout)
    );
}

#[test]
fn without_an_earlier_deployment_there_is_nothing_to_roll_back_to() {
    let checkout = Checkout::new();
    github(
        &checkout,
        &json!({"deployments": [[4, "dddd", "main", "in_progress"]]}),
    );
    let run = checkout
        .run("fetch-release", &["--previous", "dev", "previous"], &[])
        .succeeds();
    assert!(
        run.said().contains("a roll-back is not possible"),
        "{}",
        run.said()
    );
    assert!(!checkout.path("previous").exists());
}

#[test]
fn a_release_that_the_workflow_has_not_built_is_refused() {
    let checkout = Checkout::new();
    github(&checkout, &json!({"tags": ["v0.1.0"], "forged": true}));
    checkout
        .run("fetch-release", &["v0.1.0", "previous"], &[])
        .fails(1, "was not built by the workflow");
}

#[test]
fn what_cannot_be_fetched_is_named() {
    let checkout = Checkout::new();
    for (arguments, code, words) in [
        (
            &["v9.9.9", "previous"][..],
            1,
            "the release v9.9.9 could not be downloaded",
        ),
        (
            &["latest", "previous"],
            64,
            "'latest' is no tag of a release",
        ),
        (&["v0.1.0"], 64, "a tag and a folder are needed"),
        (&["--previous", "dev"], 64, "the folder is missing"),
        (&["v0.1.0", "scripts"], 1, "scripts exists already"),
    ] {
        checkout
            .run("fetch-release", arguments, &[])
            .fails(code, words);
    }
    github(
        &checkout,
        &json!({"deployments": [[2, "bbbb", "main", "success"]]}),
    );
    let run = checkout.run("fetch-release", &["--previous", "dev", "previous"], &[]);
    run.fails(1, "the build of bbbb is not kept any more");
}

#[test]
fn a_release_is_published_with_checksums_and_notes_of_its_version() {
    let checkout = Checkout::new();
    checkout.write("assets/functions.zip", "zip");
    checkout.write("assets/release.json", "{}");
    // The section of the version is written at the release.
    checkout
        .run("publish-release", &["v0.1.0", "assets"], &[])
        .fails(1, "CHANGELOG.md has no section [0.1.0]");
    checkout
        .run("release-notes", &["v9.9.9"], &[])
        .fails(1, "does not name the version in Cargo.toml");
    fs::remove_file(checkout.path("CHANGELOG.md")).expect("removed");
    checkout.write("CHANGELOG.md", "# Changelog\n\n## [0.1.0] - 2026-12-01\n\n- The first version.\n\n## [0.0.1]\n\n- Older.\n");
    let notes = checkout
        .run("release-notes", &["v0.1.0"], &[])
        .succeeds()
        .printed();
    assert_eq!(notes.trim(), "- The first version.");
    checkout
        .run("publish-release", &["v0.1.0", "assets"], &[])
        .succeeds();
    let sums = fs::read_to_string(checkout.path("assets/SHA256SUMS")).expect("sums");
    assert_eq!(sums.lines().count(), 2);
    let commands = checkout.commands("gh");
    assert!(
        commands[0].contains("release create v0.1.0 --verify-tag"),
        "{commands:?}"
    );
    assert!(commands[0].contains("assets/SHA256SUMS"), "{commands:?}");
}
