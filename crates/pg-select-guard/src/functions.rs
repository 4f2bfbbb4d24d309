//! Which functions of the catalog a statement may call.

use std::collections::HashSet;

use super::catalog;
use super::schema::closest_match;

/// Minimum Jaro-Winkler similarity of a function name that is suggested.
const MIN_SIMILARITY: f64 = 0.9;

/// The functions that statements may call: all of the [`catalog`], or fewer.
///
/// The catalog lists the functions whose calls the guard can bound, so there is no way to add one
/// here. A function that is not allowed is refused like one that does not exist, by whatever syntax
/// a statement calls it: without `timezone` there is no `AT TIME ZONE`, without `now` no
/// `CURRENT_DATE`, and without `json_agg` or `jsonb_agg` no `JSON_ARRAYAGG`. The calls that the
/// guard itself puts into a statement do not count. Operators and casts are no functions here, even
/// if a function does the same.
///
/// ```
/// use pg_select_guard::{Functions, Guard, Limits, Rule, Schema};
///
/// let schema = Schema::parse("shop", "orders: *order_id 8, total 16")?;
/// let guard = Guard::new(schema, Limits::STANDARD)
///     .with_functions(Functions::all().without(["random", "clock_timestamp"])?);
/// assert!(guard.check("SELECT sum(total) FROM orders").is_ok());
/// let refusal = guard.check("SELECT random()").expect_err("withheld");
/// assert_eq!(refusal.rule(), Rule::Function);
///
/// let misspelled = Functions::only(["count", "array_ag"]).expect_err("misspelled");
/// assert_eq!(
///     misspelled.to_string(),
///     "there is no function \"array_ag\" in the catalog; did you mean array_agg?",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Functions(HashSet<&'static str>);

/// A name in a list of functions that is in no row of the [`catalog`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no function {name:?} in the catalog; {hint}")]
pub struct UnknownFunction {
    name: String,
    hint: String,
}

impl UnknownFunction {
    fn new(name: &str) -> Self {
        let hint = Functions::all().nearest(name).map_or_else(
            || {
                "pg_select_guard::catalog::functions() lists those that the guard can bound, \
                 without a schema"
                    .to_owned()
            },
            |nearest| format!("did you mean {nearest}?"),
        );
        Self {
            name: name.to_owned(),
            hint,
        }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Default for Functions {
    fn default() -> Self {
        Self::all()
    }
}

impl Functions {
    /// All functions of the catalog.
    #[must_use]
    pub fn all() -> Self {
        Self(catalog::functions().map(|function| function.name).collect())
    }

    /// These functions and no other.
    ///
    /// # Errors
    /// [`UnknownFunction`] if a name is not in the catalog: it would never be allowed.
    pub fn only<I>(names: I) -> Result<Self, UnknownFunction>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        names
            .into_iter()
            .map(known)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// All but these.
    ///
    /// # Errors
    /// [`UnknownFunction`] if a name is not in the catalog: a misspelled one would withhold
    /// nothing.
    pub fn without<I>(mut self, names: I) -> Result<Self, UnknownFunction>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        for name in names {
            self.0.remove(known(name)?);
        }
        Ok(self)
    }

    /// Whether a statement may call the function of this name, which is given without a schema.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// The names of the functions, in the order of the catalog.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let all = catalog::functions().map(|function| function.name);
        all.filter(|name| self.contains(name))
    }

    /// The function whose name is most similar to an unknown name, if any is similar enough.
    pub(super) fn nearest(&self, name: &str) -> Option<&'static str> {
        closest_match(name, self.names(), MIN_SIMILARITY)
    }
}

/// The name of a function in the catalog.
fn known(name: impl AsRef<str>) -> Result<&'static str, UnknownFunction> {
    let function = catalog::function(name.as_ref());
    function
        .map(|function| function.name)
        .ok_or_else(|| UnknownFunction::new(name.as_ref()))
}
