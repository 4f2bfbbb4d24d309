//! The result: a unit vector.
use std::fmt;

/// A vector of length one whose direction stands for a text's meaning.
///
/// Of two embeddings of the same model, the nearer (by cosine, inner product or Euclidean
/// distance: they rank alike at unit length) stands for the more similar text.
#[derive(Clone, PartialEq)]
pub struct Embedding(Vec<f32>);

impl Embedding {
    /// Scales numbers to unit length; `None` when they have no direction (all zero, or one is not
    /// finite).
    ///
    /// This is the only constructor, so no other code has to consider NaN.
    pub(in crate::search) fn from_direction(numbers: &[f32]) -> Option<Self> {
        let length = numbers
            .iter()
            .map(|&value| f64::from(value) * f64::from(value))
            .sum::<f64>()
            .sqrt();
        if !length.is_finite() || length < f64::from(f32::MIN_POSITIVE) {
            return None;
        }
        let unit = numbers
            .iter()
            .map(|&value| (f64::from(value) / length) as f32);
        Some(Self(unit.collect()))
    }

    /// The numbers, each finite and between −1 and 1.
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// Prints the vector as pgvector's `vector` type reads it: `[0.1,-0.2,…]`.
    ///
    /// Each number has the fewest digits that read back to the same `f32`: about 12 characters.
    ///
    /// See <https://github.com/pgvector/pgvector#vector-type>.
    pub fn to_pgvector_text(&self) -> String {
        let numbers: Vec<String> = self.0.iter().map(f32::to_string).collect();
        format!("[{}]", numbers.join(","))
    }
}

/// Leaves the numbers out: they would fill a log line and tell about the embedded text.
impl fmt::Debug for Embedding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Embedding").finish_non_exhaustive()
    }
}
