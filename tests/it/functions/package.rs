//! `scripts/package` lays out what is deployed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::json;
use tempfile::TempDir;

use super::app::FunctionApp;
use super::{FunctionsHost, app_settings, key};
use crate::support::TestDatabase;

/// The first bytes of an executable for Linux on x86-64.
const ELF_HEADER: &[u8] = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0";

/// Unpacks a zip file, with the modes of its members.
const UNPACK_ZIP: &str = "import os, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
for member in archive.infolist():
    os.chmod(archive.extract(member, sys.argv[2]), member.external_attr >> 16 & 0o777)";

/// Runs `scripts/package` for an executable.
fn package(executable: &Path, target: &Path) -> Output {
    Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/package"))
        .arg("--binary")
        .arg(executable)
        .arg(target)
        .output()
        .expect("the script runs")
}

/// The folder that is deployed, with the server of this build. All tests share it.
pub(crate) fn packaged() -> &'static Path {
    static PACKAGE: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("package");
        let executable = Path::new(env!("CARGO_BIN_EXE_zava-mcp-server"));
        let output = package(executable, &folder);
        assert!(output.status.success(), "{output:?}");
        (parent, folder)
    });
    &PACKAGE.1
}

/// The files below a folder, with their permissions.
fn files(folder: &Path) -> Vec<(String, u32)> {
    fn collect(root: &Path, folder: &Path, found: &mut Vec<(String, u32)>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(root, &path, found);
            } else {
                let mode = path.metadata().expect("its metadata").permissions().mode();
                let name = path.strip_prefix(root).expect("a file of the folder");
                found.push((name.display().to_string(), mode & 0o777));
            }
        }
    }
    let mut found = Vec::new();
    collect(folder, folder, &mut found);
    found.sort();
    found
}

#[test]
fn package_is_three_files_and_the_executable() {
    let expected = [
        ("host.json", 0o644),
        ("mcp/function.json", 0o644),
        ("refresh-embeddings/function.json", 0o644),
        ("zava-mcp-server", 0o755),
    ];
    let expected = expected.map(|(name, mode)| (name.to_owned(), mode));
    assert_eq!(files(packaged()), expected);
    let app = FunctionApp::read(packaged()).expect("the host can read it");
    assert_eq!(app.check(), Ok(()));
}

#[test]
fn earlier_package_is_replaced_and_foreign_files_are_not_deployed() {
    let folder = tempfile::tempdir().expect("a folder");
    let executable = folder.path().join("server");
    let target = folder.path().join("a package");
    for content in ["first", "second"] {
        fs::write(&executable, content).expect("written");
        fs::set_permissions(&executable, fs::Permissions::from_mode(0o700)).expect("executable");
        let output = package(&executable, &target);
        assert!(output.status.success(), "{output:?}");
        let packaged = fs::read_to_string(target.join("zava-mcp-server"));
        assert_eq!(packaged.expect("the executable"), content);
        assert_eq!(files(&target).len(), 4);
    }
    fs::write(target.join("mcp/.env"), "POSTGRES_PASSWORD=x").expect("written");
    let output = package(&executable, &target);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(said.contains("not part of the package: mcp/.env"), "{said}");
    // Also in a folder with so many files that their names do not fit into a pipe.
    let full = folder.path().join("full");
    fs::create_dir(&full).expect("a folder");
    for number in 0..2_000 {
        fs::write(full.join(format!("{number:0100}")), "").expect("written");
    }
    let output = package(&executable, &full);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(said.contains("not part of the package: 0"), "{said}");
}

/// What is deployed, as the deployment gets it: the zip file, unpacked in another place.
#[tokio::test]
async fn zip_file_unpacked_elsewhere_answers_a_question() {
    let folder = tempfile::tempdir().expect("a folder");
    let zip = folder.path().join("package.zip");
    let server = Path::new(env!("CARGO_BIN_EXE_zava-mcp-server"));
    // This build runs on this machine only; `scripts/package` builds one for glibc 2.28.
    let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/package"))
        .args(["functions", "--glibc", "2.99", "--binary"])
        .args([server, &zip])
        .output();
    let output = output.expect("the script runs");
    assert!(output.status.success(), "{output:?}");
    let target = folder.path().join("unpacked");
    let unpacked = Command::new("python3")
        .args(["-c", UNPACK_ZIP])
        .args([&zip, &target])
        .status();
    assert!(unpacked.expect("it runs").success());
    assert_eq!(files(&target), files(packaged()));

    let database = TestDatabase::new().await;
    let key = key(&database, "unpacked", "Zava Retail Seattle").await;
    let host = FunctionsHost::start(&target, app_settings(&database.name)).await;
    let host = host.expect("the host starts the server");
    let rows = host.rows(&key, "SELECT count(DISTINCT store_id) FROM retail.orders");
    assert_eq!(rows.await, json!([[1]]));
}

#[test]
fn executable_for_a_newer_glibc_is_not_packaged_for_a_deployment() {
    let folder = tempfile::tempdir().expect("a folder");
    let executable = folder.path().join("server");
    let target = folder.path().join("package.zip");
    fs::write(
        &executable,
        [ELF_HEADER, b"\0GLIBC_2.34\0GLIBC_2.4\0"].concat(),
    )
    .expect("written");
    fs::set_permissions(&executable, fs::Permissions::from_mode(0o700)).expect("executable");
    let output = package(&executable, &target);
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("needs glibc 2.34; it must start with glibc 2.28"),
        "{said}"
    );
    assert!(!target.exists());
}

#[test]
fn wrong_executables_and_arguments_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("script");
    fs::write(&script, "#!/bin/sh\n").expect("written");
    let target = folder.path().join("package.zip");
    let refused = |executable: &Path, words: &str| {
        let output = package(executable, &target);
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(!target.exists());
    };
    refused(&script, "is not an executable file");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("executable");
    refused(&script, "not for Linux on x86-64");
    refused(&folder.path().join("nothing"), "is not an executable file");
    for (arguments, words) in [
        (&[][..], "the folder or the .zip file to write is missing"),
        (&["a", "b"], "more than one folder or file"),
        (&["--binary"], "--binary needs the path"),
        (&["--zip"], "unknown argument '--zip'"),
    ] {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/package");
        let output = Command::new(script)
            .args(arguments)
            .current_dir(folder.path())
            .output();
        let output = output.expect("it runs");
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains(words), "{said}");
    }
}
