//! Units of the cost analysis: bytes, nodes of the planner's tree, and steps.
//!
//! Invariant: arithmetic saturates, so a sum or a product that does not fit is still an upper
//! bound. A unit becomes another, or a plain number, only by a function that says how.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul};

/// Bytes of values, or of memory that PostgreSQL needs for them. A digit of a number is one byte of
/// its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bytes(u64);

/// Nodes of expressions in PostgreSQL's planner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nodes(u64);

/// Steps of operations during which PostgreSQL checks for no interrupt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Steps(u64);

impl Bytes {
    pub(super) const ZERO: Self = Self(0);
    pub(super) const MAX: Self = Self(u64::MAX);

    pub(super) const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    pub(super) const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// Whole MiB, for messages.
    pub(super) const fn to_mib(self) -> u64 {
        self.0 >> 20
    }

    /// The bytes of a text.
    pub(super) fn from_text(text: &str) -> Self {
        Self(to_u64(text.len()))
    }

    /// How many bytes these are, as a plain number: of times that something is done for each byte,
    /// or for the statement that is printed.
    pub(super) const fn count(self) -> u64 {
        self.0
    }
}

/// How many of a part fit.
impl Div for Bytes {
    type Output = u64;

    fn div(self, part: Self) -> u64 {
        self.0 / part.0
    }
}

impl Div<u64> for Bytes {
    type Output = Self;

    fn div(self, parts: u64) -> Self {
        Self(self.0 / parts)
    }
}

impl Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(bytes: I) -> Self {
        bytes.fold(Self::ZERO, Add::add)
    }
}

impl Steps {
    /// An operation that combines each of `left` parts with each of `right` others.
    pub(super) const fn for_pairs(left: u64, right: u64) -> Self {
        Self(left.saturating_mul(right))
    }
}

/// A number of things in memory; there are never more than 64 bits can count.
pub(super) fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
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

saturating_arithmetic!(Bytes);
saturating_arithmetic!(Nodes);
saturating_arithmetic!(Steps);

#[cfg(test)]
mod tests {
    use super::{Bytes, Nodes, Steps};

    #[test]
    fn arithmetic_saturates() {
        let most = Nodes::new(u64::MAX);
        assert_eq!(most + Nodes::new(1), most);
        assert_eq!(most * 2, most);
        assert_eq!(Nodes::new(1).added_since(most), Nodes::default());
        assert_eq!(Steps::for_pairs(u64::MAX, 2), Steps::new(u64::MAX));
        assert_eq!(Steps::new(30_000_000).to_string(), "30000000");
        assert_eq!(Bytes::MAX + Bytes::new(1), Bytes::MAX);
        assert_eq!(
            [Bytes::MAX, Bytes::kib(1)].into_iter().sum::<Bytes>(),
            Bytes::MAX
        );
        assert_eq!(Bytes::new(1).added_since(Bytes::MAX), Bytes::ZERO);
    }

    #[test]
    fn bytes_are_divided_into_parts() {
        assert_eq!(Bytes::kib(1) / Bytes::new(100), 10);
        assert_eq!(Bytes::mib(3) / 2, Bytes::kib(1_536));
        assert_eq!(Bytes::kib(2_047).to_mib(), 1);
        assert_eq!(Bytes::from_text("é").count(), 2);
    }
}
