//! The files that the checks look at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::expression::Expression;
use crate::parameters::{ParameterFile, ParameterFileError};
use crate::syntax::{Declaration, File, Kind, SyntaxError};

/// The templates, the parameter files, and the files of the server whose names they use.
#[derive(Clone, Debug)]
pub struct Project {
    texts: BTreeMap<String, String>,
    /// The templates by their path in the repository.
    pub files: BTreeMap<String, File>,
    /// The parameter files.
    pub parameter_files: Vec<ParameterFile>,
}

/// The files cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// A file cannot be read.
    #[error("{}: {error}", path.display())]
    Io {
        /// Path of the file or folder.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A template cannot be parsed.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// A parameter file cannot be read.
    #[error(transparent)]
    Parameters(#[from] ParameterFileError),
}

/// The folders and files that are read.
const READ: [&str; 6] = [
    "infra",
    "src",
    "docs/settings.md",
    "docs/operations.md",
    "tests/releases",
    "Cargo.toml",
];

impl Project {
    /// Reads the files of a repository.
    ///
    /// # Errors
    /// [`ProjectError`] has the first file that cannot be read.
    pub fn load(root: &Path) -> Result<Self, ProjectError> {
        let mut texts = BTreeMap::new();
        for path in READ {
            read(root, Path::new(path), &mut texts)?;
        }
        Self::from_texts(texts)
    }

    /// Parses files that were read, by their path in the repository.
    ///
    /// # Errors
    /// [`ProjectError`] has the first file that cannot be parsed.
    pub fn from_texts(texts: BTreeMap<String, String>) -> Result<Self, ProjectError> {
        let mut project = Self {
            texts: BTreeMap::new(),
            files: BTreeMap::new(),
            parameter_files: Vec::new(),
        };
        for (path, text) in &texts {
            if path.ends_with(".bicep") {
                project.files.insert(path.clone(), File::parse(path, text)?);
            } else if path.ends_with(".bicepparam") {
                let file = ParameterFile::parse(path, text)?;
                project.parameter_files.push(file);
            }
        }
        project.texts = texts;
        Ok(project)
    }

    /// A copy in which one file has another text.
    ///
    /// # Errors
    /// [`ProjectError`] if that text cannot be parsed.
    pub fn with_text(&self, path: &str, text: String) -> Result<Self, ProjectError> {
        let mut copy = self.clone();
        if path.ends_with(".bicep") {
            copy.files
                .insert(path.to_owned(), File::parse(path, &text)?);
        } else if path.ends_with(".bicepparam") {
            let file = ParameterFile::parse(path, &text)?;
            copy.parameter_files.retain(|file| file.path != path);
            copy.parameter_files.push(file);
        }
        copy.texts.insert(path.to_owned(), text);
        Ok(copy)
    }

    /// The text of a file; empty if there is none.
    #[must_use]
    pub fn text(&self, path: &str) -> &str {
        self.texts.get(path).map_or("", String::as_str)
    }

    /// The texts whose path begins with `prefix`.
    pub fn texts_in(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.texts.iter();
        texts
            .filter(move |(path, _)| path.starts_with(prefix))
            .map(|(path, text)| (&**path, &**text))
    }

    /// The resources of all templates, each with its file, without references to existing ones.
    pub fn resources(&self) -> impl Iterator<Item = (&File, &Declaration)> {
        self.files.values().flat_map(|file| {
            let resources = file.with_kind(Kind::Resource);
            resources
                .filter(|resource| !resource.is_existing)
                .map(move |resource| (file, resource))
        })
    }

    /// The resources of a type, each with its file.
    pub fn with_type<'a>(
        &'a self,
        resource_type: &'a str,
    ) -> impl Iterator<Item = (&'a File, &'a Declaration)> {
        self.resources()
            .filter(move |(_, resource)| resource.resource_type() == resource_type)
    }

    /// The main template.
    #[must_use]
    pub fn main(&self) -> Option<&File> {
        self.files.get("infra/main.bicep")
    }
}

impl File {
    /// The variables of the file as expressions. Those that are none are left out.
    #[must_use]
    pub fn variables(&self) -> BTreeMap<String, Expression> {
        let variables = self.with_kind(Kind::Variable);
        variables
            .filter_map(|variable| {
                let text = &variable.value.as_ref()?.text;
                Some((variable.name.clone(), Expression::parse(text).ok()?))
            })
            .collect()
    }
}

fn read(
    root: &Path,
    path: &Path,
    texts: &mut BTreeMap<String, String>,
) -> Result<(), ProjectError> {
    let full = root.join(path);
    let error = |error| ProjectError::Io {
        path: full.clone(),
        error,
    };
    if full.is_dir() {
        for entry in fs::read_dir(&full).map_err(error)? {
            read(root, &path.join(entry.map_err(error)?.file_name()), texts)?;
        }
        return Ok(());
    }
    let is_read = path.extension().is_some_and(|extension| {
        ["bicep", "bicepparam", "json", "rs", "md", "toml"]
            .iter()
            .any(|known| extension == *known)
    }) || path.ends_with("settings");
    if is_read {
        let text = fs::read_to_string(&full).map_err(error)?;
        texts.insert(path.to_string_lossy().into_owned(), text);
    }
    Ok(())
}
