use std::fs;

use serde_json::{Value, json};

use super::checkout::{CLIENT_ID, Checkout, digest, image};

fn github(checkout: &Checkout, state: &Value) {
    checkout.write("gh.json", &state.to_string());
}

fn deploy(checkout: &Checkout, release: &str, more: &[&str]) {
    let mut arguments = vec!["prod", "--release", release, "--yes"];
    arguments.extend(["--location", "westeurope", "--client-id", CLIENT_ID]);
    arguments.extend(more);
    checkout.run("deploy", &arguments, &[]).succeeds();
}

/// Fetches what runs in prod, for a roll-back, and returns the commit or tag that was downloaded.
#[track_caller]
fn previous(checkout: &Checkout) -> String {
    let _ = fs::remove_dir_all(checkout.path("previous"));
    checkout
        .run("fetch-release", &["--previous", "prod", "previous"], &[])
        .succeeds();
    let release = fs::read(checkout.path("previous/release.json")).expect("a release");
    let release: Value = serde_json::from_slice(&release).expect("JSON");
    release["commit"].as_str().expect("a commit").to_owned()
}

#[test]
fn the_previous_release_is_the_one_that_runs() {
    for hosting in ["functions", "containerapp"] {
        let hosting = ["--hosting", hosting];
        let checkout = Checkout::new();
        let images = json!({
            &digest('a')[1..]: [["aaaa", "refs/tags/v0.1.0"]],
            &digest('b')[1..]: [["bbbb", "refs/tags/v0.2.0"]],
        });
        github(
            &checkout,
            &json!({"images": images, "artifacts": ["aaaa", "bbbb", "cccc"]}),
        );
        checkout.release("first", &image('a'));
        checkout.release("second", &image('b'));
        deploy(&checkout, "first", &hosting);
        assert_eq!(previous(&checkout), "aaaa");
        // A rotation of the key changes nothing that is deployed.
        checkout
            .run("migrate-job", &["prod", "--new-signing-key"], &[])
            .succeeds();
        assert_eq!(previous(&checkout), "aaaa");
        deploy(&checkout, "second", &hosting);
        assert_eq!(previous(&checkout), "bbbb");
        // Somebody rolls back by hand.
        deploy(
            &checkout,
            "first",
            &[&hosting[..], &["--step", "publish"]].concat(),
        );
        assert_eq!(previous(&checkout), "aaaa");
    }
}

#[test]
fn a_build_that_is_not_kept_any_more_is_that_of_its_release() {
    let checkout = Checkout::new();
    let builds = [["aaaa", "refs/heads/main"], ["aaaa", "refs/tags/v0.1.0"]];
    let images = json!({&digest('a')[1..]: builds});
    github(&checkout, &json!({"images": images, "tags": ["v0.1.0"]}));
    checkout.release("first", &image('a'));
    deploy(&checkout, "first", &[]);
    assert_eq!(previous(&checkout), "v0.1.0");
}

#[test]
fn a_deployment_goes_on_where_a_roll_back_is_not_possible() {
    let built = json!({&digest('a')[1..]: [["aaaa", "refs/heads/main"]]});
    let released = json!({&digest('a')[1..]: [["aaaa", "refs/tags/v0.1.0"]]});
    for (state, is_deployed, words) in [
        (json!({}), false, "prod was not deployed before"),
        (json!({}), true, "has not built the image that runs"),
        (
            json!({"images": built}),
            true,
            "is not kept any more (commit aaaa)",
        ),
        (
            json!({"images": released}),
            true,
            "is not kept any more (commit aaaa)",
        ),
    ] {
        let checkout = Checkout::new();
        github(&checkout, &state);
        if is_deployed {
            checkout.release("first", &image('a'));
            deploy(&checkout, "first", &[]);
        }
        let summary = checkout.path("summary.md");
        let arguments = ["--previous", "prod", "previous"];
        let variables = [("GITHUB_STEP_SUMMARY", summary.to_str().expect("text"))];
        let run = checkout
            .run("fetch-release", &arguments, &variables)
            .succeeds();
        assert!(run.said().contains(words), "{}", run.said());
        assert!(
            run.said()
                .contains("an automatic roll-back is not possible"),
            "{}",
            run.said()
        );
        assert!(!checkout.path("previous").exists());
        let summary = fs::read_to_string(summary).expect("a summary");
        assert!(summary.contains(words), "{summary}");
    }
}

#[test]
fn a_release_that_the_workflow_has_not_built_is_refused() {
    for file in ["functions.zip", "release.json"] {
        let checkout = Checkout::new();
        github(&checkout, &json!({"tags": ["v0.1.0"], "forged": [file]}));
        checkout
            .run("fetch-release", &["v0.1.0", "previous"], &[])
            .fails(1, &format!("{file} was not built by build.yml"));
    }
    let checkout = Checkout::new();
    github(&checkout, &json!({"tags": ["v0.1.0"]}));
    checkout
        .run("fetch-release", &["v0.1.0", "release"], &[])
        .succeeds();
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
}

#[test]
fn a_commit_is_released_from_main_after_its_tests_have_passed() {
    let checkout = Checkout::new();
    let commit = |letter: char| std::iter::repeat_n(letter, 40).collect::<String>();
    let [newest, older, branch, broken] = ['a', 'b', 'c', 'd'].map(commit);
    github(
        &checkout,
        &json!({
            "main": {
                &newest: "identical", &older: "behind", &branch: "diverged", &broken: "behind",
            },
            "passed": [newest, older, branch],
        }),
    );
    for commit in [&newest, &older] {
        checkout.run("check-release", &[commit], &[]).succeeds();
    }
    for (commit, code, words) in [
        (branch.as_str(), 1, "is not on main (diverged)"),
        (&broken, 1, "ci.yml has not succeeded"),
        (&"e".repeat(40), 1, "could not be compared with main"),
        ("v0.1.0", 64, "is no commit"),
        ("aaaa", 64, "one commit is needed"),
    ] {
        checkout
            .run("check-release", &[commit], &[])
            .fails(code, words);
    }
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
