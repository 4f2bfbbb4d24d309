//! Units of the cost analysis that are not bytes: nodes of the planner's tree, and steps.
//!
//! Invariant: arithmetic saturates, so a sum or a product that does not fit is still an upper
//! bound. A unit becomes another only by a constructor that says how.

use std::fmt;
use std::ops::{Add, AddAssign, Mul};

/// Nodes of expressions in PostgreSQL's planner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nodes(u64);

/// Steps of operations during which PostgreSQL checks for no interrupt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Steps(u64);

impl Steps {
    /// An operation that combines each of `left` parts with each of `right` others.
    pub(super) const fn for_pairs(left: u64, right: u64) -> Self {
        Self(left.saturating_mul(right))
    }
}

macro_rules! saturating_arithmetic {
    ($unit:ident) => {
        impl $unit {
            pub(super) const fn new(count: u64) -> Self {
                Self(count)
            }

            /// What has been added since the total was `before`.
            pub(super) const fn added_since(self, before: Self) -> Self {
                Self(self.0.saturating_sub(before.0))
            }
        }

        impl Add for $unit {
            type Output = Self;

            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }

        impl AddAssign for $unit {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        impl Mul<u64> for $unit {
            type Output = Self;

            fn mul(self, times: u64) -> Self {
                Self(self.0.saturating_mul(times))
            }
        }

        impl fmt::Display for $unit {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

saturating_arithmetic!(Nodes);
saturating_arithmetic!(Steps);

#[cfg(test)]
mod tests {
    use super::{Nodes, Steps};

    #[test]
    fn arithmetic_saturates() {
        let most = Nodes::new(u64::MAX);
        assert_eq!(most + Nodes::new(1), most);
        assert_eq!(most * 2, most);
        assert_eq!(Nodes::new(1).added_since(most), Nodes::default());
        assert_eq!(Steps::for_pairs(u64::MAX, 2), Steps::new(u64::MAX));
        assert_eq!(Steps::new(30_000_000).to_string(), "30000000");
    }
}
