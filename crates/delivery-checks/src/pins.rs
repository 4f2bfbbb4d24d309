//! Actions are pinned by commit and images by digest, each with its version beside it.

use std::collections::BTreeMap;

use crate::files::Files;
use crate::{Claim, claims_of};

pub(crate) const CLAIMS: &[Claim] = claims_of![
    actions_are_pinned_by_commit_with_their_version,
    every_use_of_an_action_is_of_one_commit,
    images_are_pinned_by_digest_with_their_version,
    pinned_versions_are_kept_up_to_date,
];

/// Actions and images for which no commit or digest was found, with their exact tags. Pin these
/// first before a release.
const BY_TAG: [&str; 0] = [];

/// `NAME@REFERENCE # VERSION` of every `uses:` that is not of this repository.
fn uses(files: &Files) -> Vec<(&str, &str)> {
    let workflows = files
        .all()
        .filter(|(name, _)| name.starts_with(".github/workflows/"));
    let lines = workflows.flat_map(|(name, text)| text.lines().map(move |line| (name, line)));
    lines
        .filter_map(|(name, line)| {
            Some((
                name,
                line.trim()
                    .trim_start_matches("- ")
                    .strip_prefix("uses: ")?,
            ))
        })
        .filter(|(_, action)| !action.starts_with("./"))
        .collect()
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn actions_are_pinned_by_commit_with_their_version(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (file, action) in uses(files) {
        let (reference, version) = action.split_once(" # ").unwrap_or((action, ""));
        let commit = reference.split_once('@').map_or("", |(_, commit)| commit);
        let has_version = version.starts_with('v') && version.matches('.').count() == 2;
        let is_pinned = is_hex(commit, 40) && has_version;
        if !is_pinned && !BY_TAG.contains(&reference) {
            found.push(format!(
                "{file}: `{action}` is not pinned as NAME@COMMIT # vN.N.N"
            ));
        }
    }
    found
}

fn every_use_of_an_action_is_of_one_commit(files: &Files) -> Vec<String> {
    let mut commits: BTreeMap<&str, &str> = BTreeMap::new();
    let mut found = Vec::new();
    for (file, action) in uses(files) {
        let (name, pin) = action.split_once('@').unwrap_or((action, ""));
        let first = *commits.entry(name).or_insert(pin);
        if first != pin {
            found.push(format!(
                "{file}: {name} is pinned to `{pin}`, elsewhere to `{first}`"
            ));
        }
    }
    found
}

/// The images that Dockerfiles and the compose file name, without those that they build.
fn images(files: &Files) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for (file, text) in files.dockerfiles() {
        let from = text.lines().filter_map(|line| line.strip_prefix("FROM "));
        let mut stages = Vec::new();
        for line in from {
            let mut words = line.split_whitespace();
            let image = words.next().unwrap_or_default();
            if !stages.contains(&image) {
                found.push((file, image));
            }
            stages.extend(words.last());
        }
    }
    for line in files.text("compose.yaml").lines() {
        let Some(image) = line.trim().strip_prefix("image: ") else {
            continue;
        };
        let image = image.split_whitespace().last().unwrap_or_default();
        if !image.starts_with('*') && image != "zava-mcp-server:local" {
            found.push(("compose.yaml", image));
        }
    }
    found
}

fn images_are_pinned_by_digest_with_their_version(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (file, image) in images(files) {
        let (name, digest) = image.split_once("@sha256:").unwrap_or((image, ""));
        let tag = name
            .rsplit('/')
            .next()
            .and_then(|last| last.split_once(':'));
        let has_tag = tag.is_some_and(|(_, tag)| tag != "latest");
        let is_pinned = is_hex(digest, 64) && has_tag;
        if !is_pinned && !BY_TAG.contains(&image) {
            found.push(format!(
                "{file}: `{image}` is not pinned as NAME:TAG@sha256:…"
            ));
        }
    }
    if images(files).len() < 4 {
        found.push("Dockerfile, compose.yaml: some images were not found".to_owned());
    }
    found
}

fn pinned_versions_are_kept_up_to_date(files: &Files) -> Vec<String> {
    let text = files.text(".github/dependabot.yml");
    let ecosystems = ["cargo", "github-actions", "docker", "docker-compose", "npm"];
    let missing = ecosystems.iter().filter(|name| {
        let line = format!("package-ecosystem: {name}");
        !text.lines().any(|is| is.ends_with(&line))
    });
    missing
        .map(|name| format!(".github/dependabot.yml: does not watch {name}"))
        .collect()
}
