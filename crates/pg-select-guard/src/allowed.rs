//! What the calling program lets a statement name: tables and functions.

use super::functions::Functions;
use super::schema::Schema;

/// The tables that a statement may read and the functions that it may call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed<'a> {
    pub(super) schema: &'a Schema,
    pub(super) functions: &'a Functions,
}
