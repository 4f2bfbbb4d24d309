//! Checks of the templates in `infra/`: what the template promises, as properties of its text.
//!
//! Does: parses the `.bicep` files by tree-sitter, reads the `.bicepparam` files, evaluates the
//! expressions that both need, and compares names in templates with those of the server.
//! Must not know how a template is deployed, or any network.
//! Invariant: a check is a function from parsed files to violations, so that a test can pass in a
//! damaged copy and see the check fail.
//!
//! A Bicep compiler does more, and runs in continuous integration; it is in no package registry.

mod checks;
mod evaluate;
mod expression;
mod parameters;
mod syntax;
mod templates;

pub use checks::{CHECKS, Check, Violation};
pub use evaluate::{EvaluationError, Scope, Value};
pub use expression::{Expression, ExpressionError, Part};
pub use parameters::{ParameterFile, ParameterFileError};
pub use syntax::{Block, Declaration, File, Kind, SyntaxError, Text};
pub use templates::{Project, ProjectError};
