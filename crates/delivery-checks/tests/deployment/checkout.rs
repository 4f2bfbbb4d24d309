use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const STAND_INS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand_ins");

pub(crate) const CLIENT_ID: &str = "44444444-4444-4444-4444-444444444444";

/// An image, by the letter of its digest.
pub(crate) fn image(letter: char) -> String {
    let digest: String = std::iter::repeat_n(letter, 64).collect();
    format!("ghcr.io/owner/zava-mcp-server@sha256:{digest}")
}

/// The digest of that image, with the `@` before it.
pub(crate) fn digest(letter: char) -> String {
    let image = image(letter);
    image[image.find('@').expect("a digest")..].to_owned()
}

/// A copy of the repository's scripts in a folder of its own, so that state of a developer's
/// checkout neither counts nor changes.
pub(crate) struct Checkout(TempDir);

impl Checkout {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        for name in [
            "Cargo.toml",
            "Cargo.lock",
            "CHANGELOG.md",
            "LICENSE",
            "README.md",
            "function",
            "host.json",
            "tests",
        ] {
            symlink(Path::new(REPOSITORY).join(name), root.join(name)).expect("a link");
        }
        // Scripts find the repository beside themselves, without following links.
        copy(
            &Path::new(REPOSITORY).join("scripts"),
            &root.join("scripts"),
        );
        fs::create_dir(root.join("infra")).expect("a folder");
        for profile in ["dev", "test", "prod"] {
            write_parameters(root, profile, &format!("'{profile}'"));
        }
        write_parameters(
            root,
            "main",
            "readEnvironmentVariable('ZAVA_PROFILE', 'dev')",
        );
        fs::write(root.join("gh.json"), "{}").expect("written");
        Self(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, text).expect("written");
        path
    }

    /// A folder with a release of this image.
    pub(crate) fn release(&self, name: &str, image: &str) -> PathBuf {
        let package = format!("package of {image}");
        self.write(&format!("{name}/functions.zip"), &package);
        let program = "import hashlib, sys
print(hashlib.sha256(open(sys.argv[1], 'rb').read()).hexdigest())";
        let sum = Command::new("python3")
            .args(["-c", program])
            .arg(self.path(&format!("{name}/functions.zip")))
            .output();
        let sum = String::from_utf8(sum.expect("it runs").stdout).expect("text");
        let package = format!("sha256:{}", sum.trim());
        let release =
            json!({"version": "0.1.0", "commit": "c", "image": image, "package": package});
        self.write(&format!("{name}/release.json"), &release.to_string());
        self.path(name)
    }

    /// Runs a script with these arguments and variables.
    pub(crate) fn run(&self, script: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let folders = [PathBuf::from(STAND_INS), PYTHON.clone()];
        let path = std::env::var_os("PATH").expect("a PATH");
        let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&path)));
        let output = Command::new(self.path("scripts").join(script))
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .env("PATH", path.expect("a path"))
            .env("HOME", self.0.path())
            .env("AZ_STATE", self.path("az.json"))
            .env("AZ_LOG", self.path("az.log"))
            .env("GH_STATE", self.path("gh.json"))
            .env("GH_LOG", self.path("gh.log"))
            .env("DOCKER_LOG", self.path("docker.log"))
            .env("JOB_POLL_SECONDS", "0")
            .env("PURGE_POLL_SECONDS", "0")
            .env("REVISION_POLL_SECONDS", "0")
            .envs(variables.iter().copied())
            .output();
        Run(output.expect("the script runs"))
    }

    /// The commands that a stand-in got since the last call, each in one text.
    pub(crate) fn commands(&self, name: &str) -> Vec<String> {
        let path = self.path(&format!("{name}.log"));
        let log = fs::read_to_string(&path).unwrap_or_default();
        fs::write(&path, "").expect("written");
        let words = log
            .lines()
            .map(|line| serde_json::from_str::<Vec<String>>(line).expect("words"));
        words.map(|words| words.join(" ")).collect()
    }

    /// Those of the Azure CLI that change something.
    pub(crate) fn changes(&self) -> Vec<String> {
        let reads = [
            " show",
            " exists",
            " list",
            " what-if",
            "--method GET",
            " get-access-token",
            "bicep ",
        ];
        let all = self.commands("az").into_iter();
        all.filter(|command| !reads.iter().any(|read| command.contains(read)))
            .collect()
    }

    /// What the stand-in for Azure keeps.
    pub(crate) fn azure(&self) -> Value {
        let text = fs::read_to_string(self.path("az.json")).unwrap_or_else(|_| "{}".to_owned());
        serde_json::from_str(&text).expect("JSON")
    }

    pub(crate) fn change_azure(&self, change: impl FnOnce(&mut Value)) {
        let mut azure = self.azure();
        change(&mut azure);
        fs::write(self.path("az.json"), azure.to_string()).expect("written");
    }
}

/// The folder of python3 itself. What PATH names may be a program that searches for it, which takes
/// most of the time of these tests.
static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    let program = "import os, sys; print(os.path.dirname(sys.executable))";
    let output = Command::new("python3").args(["-c", program]).output();
    let folder = String::from_utf8(output.expect("python3 runs").stdout).expect("text");
    PathBuf::from(folder.trim())
});

fn write_parameters(root: &Path, name: &str, profile: &str) {
    let text = format!(
        "using 'main.bicep'\n\nparam profile = {profile}\n\
         param containerImage = readEnvironmentVariable('ZAVA_CONTAINER_IMAGE')\n\
         param authClientId = readEnvironmentVariable('ZAVA_AUTH_CLIENT_ID')\n\
         param authTenantId = readEnvironmentVariable('AZURE_TENANT_ID')\n"
    );
    fs::write(root.join(format!("infra/{name}.bicepparam")), text).expect("written");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            if entry.file_name() != "__pycache__" {
                copy(&entry.path(), &target);
            }
        } else {
            let mode = entry.metadata().expect("its metadata").permissions().mode();
            fs::copy(entry.path(), &target).expect("copied");
            fs::set_permissions(&target, fs::Permissions::from_mode(mode)).expect("a mode");
        }
    }
}

/// What a script did.
pub(crate) struct Run(Output);

impl Run {
    /// Its standard output and error.
    pub(crate) fn said(&self) -> String {
        let texts = [&self.0.stdout, &self.0.stderr];
        texts
            .map(|text| String::from_utf8_lossy(text).into_owned())
            .concat()
    }

    pub(crate) fn printed(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        assert_eq!(self.0.status.code(), Some(0), "{}", self.said());
        self
    }

    /// Fails with this exit code, and says this.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, words: &str) -> Self {
        assert_eq!(self.0.status.code(), Some(code), "{}", self.said());
        assert!(self.said().contains(words), "{}", self.said());
        self
    }
}
