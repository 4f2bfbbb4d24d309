//! Upper bounds of one expression.

use super::limits::{WRAPPER_ARGUMENT_COPIES, WRAPPER_NODES};
use super::units::{Bytes, Nodes, Steps};

/// Upper bounds of an expression's size and of what it costs to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bound {
    /// Nodes of the expression after the planner has inlined subqueries.
    pub(super) nodes: Nodes,
    /// Bytes of the value.
    pub(super) max_bytes: Bytes,
    /// Bytes of the value together with all values that it is computed from.
    pub(super) live_bytes: Bytes,
    /// Bytes of the literals in the expression, each as often as it occurs. The planner copies them
    /// with the expression.
    pub(super) literal_bytes: Bytes,
    /// Steps of its operations during which PostgreSQL checks for no interrupt.
    pub(super) uninterruptible_steps: Steps,
    /// Whether the value may be a text that parses as a number: a short text can denote a long
    /// number.
    pub(super) may_parse_as_number: bool,
    /// Whether the value certainly is JSON, which is embedded into other JSON without quoting.
    pub(super) is_json: bool,
    /// Whether the value certainly is neither a JSON document nor a `tsquery`. Operators rebuild
    /// those two as trees of nodes; flat values are copied.
    pub(super) is_flat: bool,
    /// Whether the value is known only at run time. PostgreSQL computes all others while planning.
    pub(super) is_runtime: bool,
}

impl Bound {
    /// A single node whose value has at most this many bytes.
    pub(super) fn leaf(max_bytes: Bytes) -> Self {
        Self {
            nodes: Nodes::new(1),
            max_bytes,
            live_bytes: max_bytes,
            literal_bytes: Bytes::ZERO,
            uninterruptible_steps: Steps::default(),
            may_parse_as_number: true,
            is_json: false,
            is_flat: false,
            is_runtime: false,
        }
    }

    /// A node over `children` whose value has at most this many bytes.
    pub(super) fn parent(children: Self, max_bytes: Bytes) -> Self {
        Self {
            nodes: children.nodes + Nodes::new(1),
            max_bytes,
            live_bytes: children.live_bytes + max_bytes,
            literal_bytes: children.literal_bytes,
            uninterruptible_steps: children.uninterruptible_steps,
            may_parse_as_number: children.may_parse_as_number,
            is_json: false,
            is_flat: false,
            is_runtime: children.is_runtime,
        }
    }

    /// Two children of one node; `max_bytes` is that of the longer.
    pub(super) fn with_sibling(self, other: Self) -> Self {
        Self {
            nodes: self.nodes + other.nodes,
            max_bytes: self.max_bytes.max(other.max_bytes),
            live_bytes: self.live_bytes + other.live_bytes,
            literal_bytes: self.literal_bytes + other.literal_bytes,
            uninterruptible_steps: self.uninterruptible_steps + other.uninterruptible_steps,
            may_parse_as_number: self.may_parse_as_number || other.may_parse_as_number,
            is_json: self.is_json && other.is_json,
            is_flat: self.is_flat && other.is_flat,
            is_runtime: self.is_runtime || other.is_runtime,
        }
    }

    /// The larger of two alternatives, field by field.
    pub(super) fn either(self, other: Self) -> Self {
        Self {
            nodes: self.nodes.max(other.nodes),
            max_bytes: self.max_bytes.max(other.max_bytes),
            live_bytes: self.live_bytes.max(other.live_bytes),
            literal_bytes: self.literal_bytes.max(other.literal_bytes),
            uninterruptible_steps: self.uninterruptible_steps.max(other.uninterruptible_steps),
            may_parse_as_number: self.may_parse_as_number || other.may_parse_as_number,
            is_json: self.is_json && other.is_json,
            is_flat: self.is_flat && other.is_flat,
            is_runtime: self.is_runtime || other.is_runtime,
        }
    }

    /// Several copies of an expression, all with the same value.
    pub(super) fn repeated(self, copies: u64) -> Self {
        Self {
            nodes: self.nodes * copies,
            live_bytes: self.live_bytes * copies,
            literal_bytes: self.literal_bytes * copies,
            uninterruptible_steps: self.uninterruptible_steps * copies,
            ..self
        }
    }

    /// The bound of a reference to the value behind an optimization fence: the expression itself
    /// stands elsewhere.
    pub(super) fn fenced(self) -> Self {
        Self {
            may_parse_as_number: self.may_parse_as_number,
            is_json: self.is_json,
            is_flat: self.is_flat,
            is_runtime: true,
            ..Self::leaf(self.max_bytes)
        }
    }

    /// The same bound, known only at run time.
    pub(super) fn at_runtime(self) -> Self {
        Self {
            is_runtime: true,
            ..self
        }
    }

    /// The same bound, and the value is JSON.
    pub(super) fn as_json(self) -> Self {
        Self {
            is_json: true,
            is_flat: false,
            ..self
        }
    }

    /// The same bound, and the value is neither JSON nor a `tsquery`.
    pub(super) fn as_flat(self) -> Self {
        Self {
            is_flat: true,
            ..self
        }
    }

    /// The same bound with a bounded wrapper around the expression. The planner puts copies of the
    /// argument into the query, with the literals in it.
    pub(super) fn with_wrapper(self) -> Self {
        let nodes = self.nodes * WRAPPER_ARGUMENT_COPIES;
        let literal_bytes = self.literal_bytes * WRAPPER_ARGUMENT_COPIES;
        Self {
            nodes: self.nodes + WRAPPER_NODES + nodes,
            live_bytes: self.live_bytes + literal_bytes,
            literal_bytes: self.literal_bytes + literal_bytes,
            ..self
        }
    }

    /// A literal of this size.
    pub(super) fn literal(bytes: Bytes) -> Self {
        Self {
            literal_bytes: bytes,
            ..Self::leaf(bytes)
        }
    }

    /// The same bound, and the value is a number, date, boolean or the like.
    pub(super) fn as_non_text(self) -> Self {
        Self {
            may_parse_as_number: false,
            is_flat: true,
            ..self
        }
    }

    /// The same bound, and the value may be any text.
    pub(super) fn as_text(self) -> Self {
        Self {
            may_parse_as_number: true,
            ..self
        }
    }
}

/// The bounds of several children of one node, together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts {
    /// All children as siblings.
    pub(super) combined: Bound,
    /// Sum of the sizes of their values.
    pub(super) total_bytes: Bytes,
    /// Whether any of them is JSON. If all have the same type, all are JSON then.
    pub(super) any_json: bool,
    /// The same for values that are neither JSON nor a `tsquery`.
    pub(super) any_flat: bool,
}

impl Parts {
    pub(super) fn add(&mut self, part: Bound) {
        self.combined = self.combined.with_sibling(part);
        self.total_bytes += part.max_bytes;
        self.any_json |= part.is_json;
        self.any_flat |= part.is_flat;
    }
}

impl FromIterator<Bound> for Parts {
    fn from_iter<I: IntoIterator<Item = Bound>>(bounds: I) -> Self {
        let mut parts = Self::default();
        bounds.into_iter().for_each(|bound| parts.add(bound));
        parts
    }
}
