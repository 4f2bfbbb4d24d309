use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::checkout::{Checkout, REPOSITORY, image};

/// The first bytes of an executable for Linux on x86-64.
const ELF_HEADER: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0";

/// An executable that needs these symbols of glibc.
fn executable(checkout: &Checkout, name: &str, symbols: &[&str]) -> PathBuf {
    let path = checkout.path(name);
    let names = symbols
        .iter()
        .flat_map(|symbol| [b"\0", symbol.as_bytes()].concat());
    fs::write(
        &path,
        [ELF_HEADER, &names.collect::<Vec<_>>(), b"\0"].concat(),
    )
    .expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("a mode");
    path
}

/// Lists the members of a zip file with mode, time and compression.
fn members(zip: &Path) -> String {
    let program = "import sys, zipfile
for member in zipfile.ZipFile(sys.argv[1]).infolist():
    mode = oct(member.external_attr >> 16)
    print(mode, member.create_system, member.date_time[0], member.filename)";
    let output = Command::new("python3")
        .args(["-c", program])
        .arg(zip)
        .output();
    String::from_utf8(output.expect("it runs").stdout).expect("text")
}

#[test]
fn the_package_for_functions_has_these_files() {
    let checkout = Checkout::new();
    let binary = executable(&checkout, "server", &["GLIBC_2.28", "GLIBC_2.2.5"]);
    let binary = binary.to_str().expect("text");
    let mut archives = Vec::new();
    for name in ["a.zip", "folder/b.zip"] {
        checkout
            .run("package", &["functions", "--binary", binary, name], &[])
            .succeeds();
        archives.push(fs::read(checkout.path(name)).expect("an archive"));
    }
    assert_eq!(archives[0], archives[1], "equal input gives other bytes");
    let expected = "0o100644 3 1980 host.json\n\
                    0o100644 3 1980 mcp/function.json\n\
                    0o100644 3 1980 refresh-embeddings/function.json\n\
                    0o100755 3 1980 zava-mcp-server\n";
    assert_eq!(members(&checkout.path("a.zip")), expected);
}

#[test]
fn an_executable_that_functions_cannot_start_is_not_packaged() {
    let checkout = Checkout::new();
    for (symbols, accepted) in [
        (&["GLIBC_2.28"][..], true),
        (&[], true), // statically linked
        (&["GLIBC_2.4", "GLIBC_2.29"], false),
        (&["GLIBC_2.34"], false),
    ] {
        let binary = executable(&checkout, "server", symbols);
        let arguments = [
            "functions",
            "--binary",
            binary.to_str().expect("text"),
            "package.zip",
        ];
        let run = checkout.run("package", &arguments, &[]);
        if accepted {
            run.succeeds();
            fs::remove_file(checkout.path("package.zip")).expect("removed");
        } else {
            run.fails(1, "it must start with glibc 2.28, or be static");
            assert!(!checkout.path("package.zip").exists());
        }
    }
    // For a machine that has a newer one.
    let binary = executable(&checkout, "server", &["GLIBC_2.34"]);
    let arguments = [
        "functions",
        "--glibc",
        "2.34",
        "--binary",
        binary.to_str().expect("text"),
        "package.zip",
    ];
    checkout.run("package", &arguments, &[]).succeeds();
    checkout
        .run("package", &["--glibc", "3", "package.zip"], &[])
        .fails(64, "--glibc needs a version");
}

#[test]
fn a_release_names_its_package_and_image_and_is_reproducible() {
    let checkout = Checkout::new();
    fs::remove_file(checkout.path("README.md")).expect("removed");
    checkout.write("README.md", "readme");
    commit(&checkout);
    let binary = executable(&checkout, "server", &["GLIBC_2.28"]);
    let binary = binary.to_str().expect("text");
    let image = image('a');
    for folder in ["one", "two"] {
        checkout
            .run(
                "release",
                &["--image", &image, "--binary", binary, folder],
                &[],
            )
            .succeeds();
        let archive = [
            "--archive",
            "aarch64-apple-darwin",
            "--binary",
            binary,
            folder,
        ];
        checkout.run("release", &archive, &[]).succeeds();
    }
    for name in [
        "functions.zip",
        "release.json",
        "server.json",
        "zava-mcp-server-0.1.0-aarch64-apple-darwin.tar.gz",
    ] {
        let read = |folder: &str| fs::read(checkout.path(folder).join(name)).expect("a file");
        assert_eq!(read("one"), read("two"), "{name}");
    }
    let release: Value =
        serde_json::from_slice(&fs::read(checkout.path("one/release.json")).expect("a file"))
            .expect("JSON");
    assert_eq!(release["image"], image);
    assert_eq!(release["version"], "0.1.0");
    // What scripts/deploy accepts.
    let arguments = [
        "dev",
        "--release",
        "one",
        "--what-if-only",
        "--location",
        "westeurope",
        "--client-id",
        super::checkout::CLIENT_ID,
    ];
    checkout.run("deploy", &arguments, &[]).succeeds();
    let server: Value =
        serde_json::from_slice(&fs::read(checkout.path("one/server.json")).expect("a file"))
            .expect("JSON");
    assert_eq!(server["name"], "io.github.owner/zava-mcp-server");
    let package = &server["packages"][0];
    assert_eq!(package["identifier"], "ghcr.io/owner/zava-mcp-server:0.1.0");
    assert_eq!(package["transport"]["type"], "stdio");
    assert!(
        server["description"].as_str().expect("text").len() <= 100,
        "the registry takes 100 characters"
    );
    let secrets = package["environmentVariables"]
        .as_array()
        .expect("variables");
    assert_eq!(
        secrets
            .iter()
            .filter(|variable| variable["isSecret"] == true)
            .count(),
        2
    );
}

fn commit(checkout: &Checkout) {
    for arguments in [
        &["init", "--quiet"][..],
        &[
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "commit",
            "--quiet",
            "--allow-empty",
            "-m",
            "one",
        ],
    ] {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(checkout.path(""))
            .output();
        assert!(output.expect("it runs").status.success());
    }
}

/// A copy of the tracked files, because links are not what a build context has.
fn clone() -> Checkout {
    let checkout = Checkout::new();
    let target = checkout.path("clone");
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(REPOSITORY)
        .output();
    let names = String::from_utf8(output.expect("it runs").stdout).expect("text");
    let wanted = [
        "Cargo",
        "Dockerfile",
        ".dockerignore",
        "benches/",
        "crates/",
        "migrations/",
        "src/",
        "scripts/",
    ];
    for name in names
        .split('\0')
        .filter(|name| wanted.iter().any(|start| name.starts_with(start)))
    {
        let from = Path::new(REPOSITORY).join(name);
        if from.is_file() {
            let to = target.join(name);
            fs::create_dir_all(to.parent().expect("a parent")).expect("a folder");
            fs::copy(&from, &to).expect("copied");
        }
    }
    let output = Command::new("git")
        .args(["init", "--quiet"])
        .current_dir(&target)
        .output();
    assert!(output.expect("it runs").status.success());
    checkout
}

#[test]
fn the_build_context_has_what_the_dockerfile_reads_and_no_settings() {
    let checkout = clone();
    checkout.write("clone/.env", "POSTGRES_PASSWORD=secret");
    checkout.write("clone/src/.env", "POSTGRES_PASSWORD=secret");
    let script = checkout.path("clone/scripts/package");
    let script = script.to_str().expect("text");
    let context = checkout.path("context");
    let target = context.to_str().expect("text");
    for _ in 0..2 {
        checkout.run(script, &["container", target], &[]).succeeds();
    }
    let names = files(&context);
    for name in [
        "Dockerfile",
        "Cargo.lock",
        "src/main.rs",
        "crates/pg-select-guard/src/lib.rs",
        "migrations/0003_row_security.sql",
        "scripts/lib/unpack_wheel.py",
    ] {
        assert!(names.iter().any(|is| is == name), "{name} is missing");
    }
    let is_unwanted = |name: &&String| {
        let parts: Vec<_> = name.split('/').collect();
        let is_top = ["tests", "fuzz", "target", ".git", ".zava", "docs"].contains(&parts[0]);
        let is_of_a_crate = parts[0] == "crates" && ["tests", "fuzz"].contains(&parts[2]);
        is_top || is_of_a_crate || name.starts_with("benches/peers")
    };
    let found = names.iter().find(is_unwanted);
    assert_eq!(found, None);
    assert!(
        names
            .iter()
            .all(|name| name != ".env" && !name.ends_with("/.env")),
        "{names:?}"
    );
    // Of another folder nothing is deleted.
    checkout.write("mine/file", "mine");
    let mine = checkout.path("mine");
    checkout
        .run(script, &["container", mine.to_str().expect("text")], &[])
        .fails(1, "not an earlier build context");

    // The steps of the Dockerfile, as plain commands: the manifests without sources are a
    // workspace that the lock file fits.
    let dockerfile = fs::read_to_string(context.join("Dockerfile")).expect("a file");
    let step = dockerfile
        .split("AS manifests\nCOPY . .\nRUN ")
        .nth(1)
        .expect("the stage");
    let step = step
        .split("\n\n")
        .next()
        .expect("the step")
        .replace("\\\n", " ");
    let output = Command::new("sh")
        .args(["-euc", &step])
        .current_dir(&context)
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let left = files(&context);
    assert!(left.iter().all(|name| !name.ends_with(".sql")), "{left:?}");
    let source = left.iter().filter(|name| name.ends_with(".rs"));
    let length: u64 = source
        .map(|name| fs::metadata(context.join(name)).expect("a file").len())
        .sum();
    assert!(
        length < 100,
        "{length} bytes of sources would be in the layer of the dependencies"
    );
    let cargo = std::env::var_os("CARGO").expect("cargo runs the tests");
    let output = Command::new(cargo)
        .args(["metadata", "--locked", "--offline", "--format-version", "1"])
        .current_dir(&context)
        .env("CARGO_TARGET_DIR", checkout.path("target"))
        .output();
    let output = output.expect("it runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The files below a folder, by their paths in it.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("a file of the folder");
                found.push(name.display().to_string());
            }
        }
    }
    found
}

#[test]
fn the_image_is_named_by_its_digest_and_its_token_is_no_argument() {
    let checkout = clone();
    let target = checkout.path("clone");
    for arguments in [
        &["add", "--all"][..],
        &[
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "commit",
            "--quiet",
            "-m",
            "one",
        ],
    ] {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(&target)
            .output();
        assert!(output.expect("it runs").status.success());
    }
    let script = checkout.path("clone/scripts/build-image");
    let script = script.to_str().expect("text");
    let output = checkout.path("output");
    let repository = "ghcr.io/owner/zava-mcp-server";
    let arguments = [
        "--push",
        "--output",
        output.to_str().expect("text"),
        repository,
    ];
    let variables = [
        ("REGISTRY_USER", "someone"),
        ("REGISTRY_TOKEN", "a-token"),
        ("GITHUB_REPOSITORY", "owner/zava"),
    ];
    let run = checkout.run(script, &arguments, &variables).succeeds();
    let digest = format!("sha256:{}", "d".repeat(64));
    assert_eq!(run.printed().trim(), format!("{repository}@{digest}"));
    let written = fs::read_to_string(&output).expect("a file");
    assert_eq!(
        written,
        format!("image={repository}@{digest}\nname={repository}\ndigest={digest}\n")
    );
    let commands = checkout.commands("docker");
    assert!(
        commands[0].starts_with("login ghcr.io --username someone --password-stdin"),
        "{commands:?}"
    );
    assert!(
        commands.iter().all(|command| !command.contains("a-token")),
        "{commands:?}"
    );
    assert!(
        commands[1].contains(" --push ") && commands[1].contains(":sha-"),
        "{commands:?}"
    );
    // The tag of the version is that of the release, whatever else is built from this version.
    for (reference, expected) in [
        ("", false),
        ("refs/heads/main", false),
        ("refs/tags/v0.2.0", false),
        ("refs/tags/v0.1.0", true),
    ] {
        let variables = [("GITHUB_REF", reference)];
        checkout
            .run(script, &["--push", repository], &variables)
            .succeeds();
        let commands = checkout.commands("docker");
        let is_tagged = commands[0].contains(&format!("--tag {repository}:0.1.0 "));
        assert_eq!(is_tagged, expected, "{reference}: {commands:?}");
    }
    // GitHub keeps the capitals of an owner, registries take none.
    let run = checkout.run(script, &["ghcr.io/Owner/zava-mcp-server"], &[]);
    assert_eq!(
        run.succeeds().printed().trim(),
        format!("{repository}@{digest}")
    );
    for (name, words) in [
        ("ghcr.io/owner/zava mcp", "is no repository"),
        ("zava", "lacks the registry"),
        ("", "is no repository"),
    ] {
        checkout.run(script, &[name], &[]).fails(64, words);
    }
}
