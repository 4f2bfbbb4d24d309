use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_yaml_ng::Value;

/// The files that the claims are about, by their paths in the repository.
#[derive(Clone, Debug, Default)]
pub struct Files(BTreeMap<String, String>);

/// Folders of which every file belongs to them, and single files.
const FOLDERS: [&str; 2] = [".github/workflows", ".devcontainer"];
const SINGLE: [&str; 8] = [
    ".dockerignore",
    ".github/dependabot.yml",
    "CHANGELOG.md",
    "Cargo.toml",
    "Dockerfile",
    "azure.yaml",
    "compose.yaml",
    "rust-toolchain.toml",
];

impl Files {
    /// Reads the files of a checkout.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub fn read(root: &Path) -> Result<Self, std::io::Error> {
        let mut files = BTreeMap::new();
        for folder in FOLDERS {
            for entry in fs::read_dir(root.join(folder))? {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                files.insert(format!("{folder}/{name}"), fs::read_to_string(&path)?);
            }
        }
        for name in SINGLE {
            files.insert(name.to_owned(), fs::read_to_string(root.join(name))?);
        }
        Ok(Self(files))
    }

    /// The text of a file; empty if there is none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Replaces the text of a file.
    pub fn set(&mut self, name: &str, text: String) {
        self.0.insert(name.to_owned(), text);
    }

    /// A file as YAML; null if it is none.
    pub(crate) fn yaml(&self, name: &str) -> Value {
        let mut value: Value = serde_yaml_ng::from_str(self.text(name)).unwrap_or_default();
        // `<<` in compose files.
        let _ = value.apply_merge();
        value
    }

    /// The workflows, with their names without folder.
    pub(crate) fn workflows(&self) -> impl Iterator<Item = (&str, Value)> {
        let names = self
            .0
            .keys()
            .filter_map(|path| path.strip_prefix(".github/workflows/"));
        names.map(|name| (name, self.yaml(&format!(".github/workflows/{name}"))))
    }

    /// The Dockerfiles.
    pub(crate) fn dockerfiles(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self
            .0
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()));
        all.filter(|(name, _)| name.ends_with("Dockerfile"))
    }

    /// All files with their texts.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
    }
}

/// The entries of a mapping; nothing if it is none.
pub(crate) fn entries(value: &Value) -> Vec<(&str, &Value)> {
    let Some(mapping) = value.as_mapping() else {
        return Vec::new();
    };
    let named = mapping
        .iter()
        .map(|(key, value)| (key.as_str().unwrap_or_default(), value));
    named.collect()
}

/// The elements of a sequence; nothing if it is none.
pub(crate) fn elements(value: &Value) -> &[Value] {
    value.as_sequence().map_or(&[], Vec::as_slice)
}

/// A text; empty if it is none.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
