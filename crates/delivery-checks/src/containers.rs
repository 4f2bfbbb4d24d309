//! The images: small, without root or a shell, built from locked dependencies that are cached.

use crate::files::Files;
use crate::{Claim, claims_of};

pub(crate) const CLAIMS: &[Claim] = claims_of![
    the_image_runs_the_server_without_root,
    the_image_checks_its_health_itself,
    the_image_has_no_shell_and_runs_nothing_at_build,
    the_image_has_no_setting_but_its_address,
    dependencies_are_built_in_a_layer_before_the_sources,
    every_build_is_locked,
    images_compile_with_the_pinned_toolchain,
    the_build_context_is_an_allow_list,
    the_server_is_what_a_plain_build_makes,
];

/// The instructions of a Dockerfile, each in one line, without comments.
fn instructions(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut continues = false;
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (part, goes_on) = line
            .strip_suffix('\\')
            .map_or((line, false), |part| (part, true));
        match found.last_mut() {
            Some(last) if continues => {
                last.push(' ');
                last.push_str(part.trim());
            }
            _ => found.push(part.trim().to_owned()),
        }
        continues = goes_on;
    }
    found
}

/// The instructions of the stage with this name, after its FROM.
fn stage(files: &Files, name: &str) -> Vec<String> {
    let all = instructions(files.text("Dockerfile"));
    let is_start =
        |line: &&String| line.starts_with("FROM ") && line.ends_with(&format!(" AS {name}"));
    let from = all
        .iter()
        .position(|line| is_start(&line))
        .map_or(all.len(), |start| start + 1);
    let rest = all.get(from..).unwrap_or_default();
    rest.iter()
        .take_while(|line| !line.starts_with("FROM "))
        .cloned()
        .collect()
}

fn base(files: &Files, name: &str) -> String {
    let all = instructions(files.text("Dockerfile"));
    let ending = format!(" AS {name}");
    let from = all
        .iter()
        .find_map(|line| line.strip_prefix("FROM ")?.strip_suffix(&ending));
    from.unwrap_or_default().to_owned()
}

fn the_image_runs_the_server_without_root(files: &Files) -> Vec<String> {
    let server = stage(files, "server");
    let wanted = [
        "USER 65532:65532",
        "ENTRYPOINT [\"/zava-mcp-server\"]",
        "COPY --from=build /build/target/release/zava-mcp-server /zava-mcp-server",
    ];
    let missing = wanted
        .iter()
        .filter(|line| !server.iter().any(|is| is == **line));
    missing
        .map(|line| format!("Dockerfile: the server's stage lacks `{line}`"))
        .collect()
}

/// It has no other program.
fn the_image_checks_its_health_itself(files: &Files) -> Vec<String> {
    let server = stage(files, "server");
    let is_check = |line: &String| {
        line.starts_with("HEALTHCHECK ") && line.ends_with("CMD [\"/zava-mcp-server\", \"health\"]")
    };
    if server.iter().any(is_check) {
        Vec::new()
    } else {
        vec!["Dockerfile: the image has no health check by the server's program".to_owned()]
    }
}

fn the_image_has_no_shell_and_runs_nothing_at_build(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    if !base(files, "server").starts_with("gcr.io/distroless/cc-") {
        found.push("Dockerfile: the server's image is not distroless".to_owned());
    }
    for name in ["server", "local"] {
        let runs = stage(files, name)
            .into_iter()
            .filter(|line| line.starts_with("RUN"));
        found.extend(runs.map(|line| format!("Dockerfile: {name} has no shell for `{line}`")));
    }
    found
}

/// Settings and secrets come when it starts.
fn the_image_has_no_setting_but_its_address(files: &Files) -> Vec<String> {
    let server = stage(files, "server");
    let set = server
        .iter()
        .filter(|line| line.starts_with("ENV ") || line.starts_with("ARG "));
    let others = set.filter(|line| *line != "ENV ZAVA_LISTEN=0.0.0.0:8000");
    others
        .map(|line| format!("Dockerfile: the image has the setting `{line}`"))
        .collect()
}

fn dependencies_are_built_in_a_layer_before_the_sources(files: &Files) -> Vec<String> {
    let build = stage(files, "build");
    let words: Vec<_> = build
        .iter()
        .map(|line| line.split_whitespace().take(3).collect::<Vec<_>>())
        .collect();
    let order = [
        &["COPY", "--from=manifests", "/build"][..],
        &["RUN", "cargo", "build"],
        &["COPY", ".", "."],
    ];
    if words.iter().take(3).map(Vec::as_slice).eq(order) && build.len() == 4 {
        Vec::new()
    } else {
        vec!["Dockerfile: a change of the sources would build all dependencies again".to_owned()]
    }
}

fn every_build_is_locked(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in files.dockerfiles() {
        for line in instructions(text) {
            for command in line.split("&&").filter(|part| part.contains("cargo build")) {
                if !command.contains("--locked") {
                    found.push(format!("{file}: `{}` is not locked", command.trim()));
                }
            }
            if line.contains("pip download") && !line.contains("--require-hashes") {
                found.push(format!("{file}: a package is not checked against its hash"));
            }
        }
    }
    found
}

fn images_compile_with_the_pinned_toolchain(files: &Files) -> Vec<String> {
    let toolchain = files.text("rust-toolchain.toml").lines();
    let channel = toolchain
        .filter_map(|line| line.strip_prefix("channel = \"")?.strip_suffix('"'))
        .next()
        .unwrap_or("none");
    let minor = channel.rsplit_once('.').map_or(channel, |(minor, _)| minor);
    let mut found = Vec::new();
    for (file, text) in files.dockerfiles() {
        if !text
            .lines()
            .any(|line| line.starts_with(&format!("FROM rust:{minor}-")))
        {
            found.push(format!("{file}: the image's Rust is not {minor}"));
        }
    }
    if !files
        .text("Dockerfile")
        .contains(&format!("RUSTUP_TOOLCHAIN={channel}"))
    {
        found.push(format!("Dockerfile: does not compile with Rust {channel}"));
    }
    found
}

/// Everything is left out but what is named, and nothing that is named holds settings.
fn the_build_context_is_an_allow_list(files: &Files) -> Vec<String> {
    let lines: Vec<_> = files.text(".dockerignore").lines().collect();
    let rules: Vec<_> = lines
        .iter()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let mut found = Vec::new();
    if rules.first().is_none_or(|rule| **rule != "*") {
        found.push(".dockerignore: lets everything through that it does not name".to_owned());
    }
    if !rules.iter().any(|rule| **rule == "**/.env") {
        found.push(".dockerignore: lets .env through".to_owned());
    }
    found
}

fn the_server_is_what_a_plain_build_makes(files: &Files) -> Vec<String> {
    let all = instructions(files.text("Dockerfile"));
    if all.last().is_some_and(|line| line == "FROM server") {
        Vec::new()
    } else {
        vec!["Dockerfile: `docker build .` makes another image than the server's".to_owned()]
    }
}
