//! What must hold of the files that build, deploy and host the server: the workflows, the
//! containers and the azd project.
//!
//! Each [`Claim`] is a function over the text of these files that returns violations. It runs
//! nothing, and knows neither the server nor Azure. The tests apply every claim to the repository,
//! and to a copy of it with one damage each, which must turn the claim red.

mod azd; //        azure.yaml
mod compose; //    compose.yaml
mod containers; // Dockerfiles
mod deployment; // what the workflows do, and in which order
mod files; //      the files, and access to YAML
mod pins; //       actions and images
mod workflows; //  how the workflows are written

pub use files::Files;

/// Something that must hold of the files.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Its name, as a sentence with underscores.
    pub name: &'static str,
    /// Finds the violations, each as a sentence that names the file.
    pub violations: fn(&Files) -> Vec<String>,
}

/// All claims.
#[must_use]
pub fn claims() -> Vec<Claim> {
    [
        workflows::CLAIMS,
        deployment::CLAIMS,
        pins::CLAIMS,
        containers::CLAIMS,
        compose::CLAIMS,
        azd::CLAIMS,
    ]
    .concat()
}

/// Lists claims by the names of their functions.
macro_rules! claims_of {
    ($($name:ident),* $(,)?) => {
        &[$(crate::Claim { name: stringify!($name), violations: $name }),*]
    };
}
pub(crate) use claims_of;
