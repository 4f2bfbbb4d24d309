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

/// A build that is kept: that of a commit of main, or of a tag.
fn build(name: &str, letter: char) -> Value {
    json!({"name": name, "digest": &digest(letter)[1..]})
}

/// The same with other fields (see the stand-in).
fn but(mut build: Value, fields: &Value) -> Value {
    let fields = fields.as_object().expect("fields").clone();
    build.as_object_mut().expect("a build").extend(fields);
    build
}

/// Fetches what runs in prod, for a roll-back, and returns the commit that was downloaded.
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
        let artifacts = [build("aaaa", 'a'), build("bbbb", 'b'), build("cccc", 'c')];
        github(
            &checkout,
            &json!({"images": images, "artifacts": artifacts}),
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
    let commit = json!({"commit": "aaaa", "source": "aaaa"});
    let release = but(build("v0.1.0", 'a'), &commit);
    github(&checkout, &json!({"images": images, "tags": [release]}));
    checkout.release("first", &image('a'));
    deploy(&checkout, "first", &[]);
    assert_eq!(previous(&checkout), "aaaa");
    let commands = checkout.commands("gh");
    let is_download = |command: &String| command.starts_with("release download v0.1.0");
    assert!(commands.iter().any(is_download), "{commands:?}");
}

/// A person who may push a branch can run a different build.yml there, and name its artifact after
/// the commit that runs in prod.
#[test]
fn what_is_put_back_is_the_verified_build_of_the_image_that_runs() {
    let genuine = build("aaaa", 'a');
    let built = json!({&digest('a')[1..]: [["aaaa", "refs/heads/main"]]});
    let branch = json!({"source": "eeee", "ref": "refs/heads/branch"});
    let branch_build = but(genuine.clone(), &branch);
    for another in [
        branch_build.clone(),
        but(branch_build, &json!({"head": "eeee"})),
        but(genuine.clone(), &json!({"commit": "eeee"})),
        but(genuine.clone(), &json!({"forged": ["functions.zip"]})),
        but(genuine.clone(), &json!({"forged": ["release.json"]})),
        build("aaaa", 'b'), // of the same commit, by the workflow of its tag
    ] {
        let checkout = Checkout::new();
        checkout.release("first", &image('a'));
        deploy(&checkout, "first", &[]);
        let artifacts = json!([another, genuine]);
        github(&checkout, &json!({"images": built, "artifacts": artifacts}));
        assert_eq!(previous(&checkout), "aaaa");
        let commands = checkout.commands("gh");
        let mut downloads = commands
            .iter()
            .filter(|command| command.contains("download"));
        let last = downloads.next_back().expect("a download");
        assert!(last.starts_with("run download 1 "), "{commands:?}");
        // Alone, it is no reason not to deploy.
        let artifacts = json!([another]);
        github(&checkout, &json!({"images": built, "artifacts": artifacts}));
        let run = checkout.run("fetch-release", &["--previous", "prod", "none"], &[]);
        let said = run.succeeds().said();
        assert!(said.contains("no verified build"), "{another}: {said}");
        assert!(!checkout.path("none").exists());
    }
}

/// A build.yml of a branch can attest any image, also that of prod.
#[test]
fn provenance_of_an_image_counts_from_main_and_tags_only() {
    let checkout = Checkout::new();
    checkout.release("first", &image('a'));
    deploy(&checkout, "first", &[]);
    let branch = json!(["eeee", "refs/heads/branch"]);
    let artifacts = json!([build("eeee", 'a'), build("aaaa", 'a')]);
    let images = json!({&digest('a')[1..]: [branch, ["aaaa", "refs/heads/main"]]});
    github(
        &checkout,
        &json!({"images": images, "artifacts": artifacts}),
    );
    assert_eq!(previous(&checkout), "aaaa");
    let images = json!({&digest('a')[1..]: [branch]});
    github(
        &checkout,
        &json!({"images": images, "artifacts": artifacts}),
    );
    let run = checkout.run("fetch-release", &["--previous", "prod", "none"], &[]);
    let said = run.succeeds().said();
    assert!(said.contains("from main or the tag of a release"), "{said}");
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
            "no verified build of the image that runs is kept (commit aaaa)",
        ),
        (
            json!({"images": released}),
            true,
            "no verified build of the image that runs is kept (commit aaaa)",
        ),
        (
            json!({"images": released, "tags": [build("v0.1.0", 'a')]}), // of another commit
            true,
            "no verified build of the image that runs is kept (commit aaaa)",
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
    let genuine = build("v0.1.0", 'a');
    let other_ref = "was not built by build.yml of Owner/zava-mcp-server from refs/tags/v0.1.0";
    for (fields, words) in [
        (
            json!({"forged": ["functions.zip"]}),
            "functions.zip was not built by build.yml",
        ),
        (
            json!({"forged": ["release.json"]}),
            "release.json was not built by build.yml",
        ),
        (json!({"ref": "refs/heads/branch"}), other_ref),
        (json!({"ref": "refs/tags/v0.0.9"}), other_ref),
        (
            json!({"version": "0.0.9"}),
            "release.json has the version '0.0.9', not 0.1.0",
        ),
    ] {
        let checkout = Checkout::new();
        let release = but(genuine.clone(), &fields);
        github(&checkout, &json!({"tags": [release]}));
        let run = checkout.run("fetch-release", &["v0.1.0", "previous"], &[]);
        run.fails(1, words).fails(1, "Do not deploy it");
    }
    let checkout = Checkout::new();
    github(&checkout, &json!({"tags": [genuine]}));
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
    checkout.write(
        "CHANGELOG.md",
        "# Changelog\n\n## [0.1.0] - 2026-12-01\n\n- The first version.\n\n\
         ## [0.0.1]\n\n- Older.\n",
    );
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
