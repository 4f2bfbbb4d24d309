//! How large an expression is.

/// The most bytes that one value may have: what aggregates may collect, and a little. A sort merges rows of a dozen tapes at
/// once, whatever it sorts by.
pub(super) const MAX_VALUE_BYTES: u64 = 12 << 20;

/// The most bytes that a twin in the schema `bounded` lets through when only the running statement knows a size.
pub(super) const MAX_WRAPPED_BYTES: u64 = 16 << 10;

/// The most bytes of a value that PostgreSQL may compute while it plans: it copies such a value wherever it is good for
/// something, into each WHEN of a CASE, each branch of a UNION, each equality that follows from others.
pub(super) const MAX_PLAN_TIME_BYTES: u64 = 4 << 10;

/// The nodes that PostgreSQL puts in the place of a call of a twin, how often its argument is among them, and the most nodes of
/// an argument that it copies so.
const WRAPPER_NODES: u64 = 40;
const WRAPPER_ARGUMENT_COPIES: u64 = 5;
const MAX_COPIED_ARGUMENT_NODES: u64 = 20;

/// A number as text: PostgreSQL keeps 131,072 digits before the point and 16,383 behind it.
pub(super) const MAX_NUMERIC_BYTES: u64 = 160 << 10;

/// A number, a date, a yes or no.
pub(super) const SCALAR_BYTES: u64 = 64;

/// The longest value that may be sorted: with the least `work_mem` PostgreSQL keeps 2,730 values of one sort in memory,
/// however long they are.
pub(super) const MAX_SORT_KEY_BYTES: u64 = 24 << 10;

/// How large an expression is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bound {
    /// Nodes of the tree, once PostgreSQL has put the expression of a sub-query in the place of each of its names.
    pub(super) nodes: u64,
    /// The most bytes that its value can have.
    pub(super) max_bytes: u64,
    /// The most bytes that its value and those it is made of have together.
    pub(super) live_bytes: u64,
    /// What its operations could take that PostgreSQL does not interrupt.
    pub(super) uninterruptible_steps: u64,
    /// Whether it may be a text that spells a number: a short text can spell a long one.
    pub(super) may_parse_as_number: bool,
    /// Whether it surely is JSON already, which is put into other JSON as it is.
    pub(super) is_json: bool,
    /// Whether it surely is neither a JSON document nor a full-text query, which operators build
    /// anew.
    pub(super) is_flat: bool,
    /// Whether PostgreSQL has to run the statement to know it. What does not vary it computes while it plans.
    pub(super) is_runtime: bool,
}

impl Bound {
    /// Something that stands in the tree once and holds so many bytes.
    pub(super) fn leaf(max_bytes: u64) -> Self {
        Self {
            nodes: 1,
            max_bytes,
            live_bytes: max_bytes,
            uninterruptible_steps: 0,
            may_parse_as_number: true,
            is_json: false,
            is_flat: false,
            is_runtime: false,
        }
    }

    /// A node over `parts` whose value has at most so many bytes.
    pub(super) fn parent(children: Self, max_bytes: u64) -> Self {
        Self {
            nodes: children.nodes.saturating_add(1),
            max_bytes,
            live_bytes: children.live_bytes.saturating_add(max_bytes),
            uninterruptible_steps: children.uninterruptible_steps,
            may_parse_as_number: children.may_parse_as_number,
            is_json: false,
            is_flat: false,
            is_runtime: children.is_runtime,
        }
    }

    /// Two parts of one node; `value` is that of the longer.
    pub(super) fn with_sibling(self, other: Self) -> Self {
        Self {
            nodes: self.nodes.saturating_add(other.nodes),
            max_bytes: self.max_bytes.max(other.max_bytes),
            live_bytes: self.live_bytes.saturating_add(other.live_bytes),
            uninterruptible_steps: self
                .uninterruptible_steps
                .saturating_add(other.uninterruptible_steps),
            may_parse_as_number: self.may_parse_as_number || other.may_parse_as_number,
            is_json: self.is_json && other.is_json,
            is_flat: self.is_flat && other.is_flat,
            is_runtime: self.is_runtime || other.is_runtime,
        }
    }

    /// One of two, whichever is larger.
    pub(super) fn either(self, other: Self) -> Self {
        Self {
            nodes: self.nodes.max(other.nodes),
            max_bytes: self.max_bytes.max(other.max_bytes),
            live_bytes: self.live_bytes.max(other.live_bytes),
            uninterruptible_steps: self.uninterruptible_steps.max(other.uninterruptible_steps),
            may_parse_as_number: self.may_parse_as_number || other.may_parse_as_number,
            is_json: self.is_json && other.is_json,
            is_flat: self.is_flat && other.is_flat,
            is_runtime: self.is_runtime || other.is_runtime,
        }
    }

    /// So many copies of one; each has the same value.
    pub(super) fn repeated(self, copies: u64) -> Self {
        Self {
            nodes: self.nodes.saturating_mul(copies),
            live_bytes: self.live_bytes.saturating_mul(copies),
            uninterruptible_steps: self.uninterruptible_steps.saturating_mul(copies),
            ..self
        }
    }

    /// The same value, read from a row that was made before: the expression behind it stands elsewhere.
    pub(super) fn fenced(self) -> Self {
        Self {
            may_parse_as_number: self.may_parse_as_number,
            is_json: self.is_json,
            is_flat: self.is_flat,
            is_runtime: true,
            ..Self::leaf(self.max_bytes)
        }
    }

    /// The same, and only the running statement knows it.
    pub(super) fn at_runtime(self) -> Self {
        Self {
            is_runtime: true,
            ..self
        }
    }

    /// The same, and it is JSON.
    pub(super) fn as_json(self) -> Self {
        Self {
            is_json: true,
            is_flat: false,
            ..self
        }
    }

    /// The same, and it is neither JSON nor a full-text query.
    pub(super) fn as_flat(self) -> Self {
        Self {
            is_flat: true,
            ..self
        }
    }

    /// The same, where a twin is called.
    pub(super) fn with_wrapper(self) -> Self {
        let copies = self.nodes.min(MAX_COPIED_ARGUMENT_NODES) * WRAPPER_ARGUMENT_COPIES;
        Self {
            nodes: self.nodes.saturating_add(WRAPPER_NODES + copies),
            ..self
        }
    }

    /// The same, and it is a number, a date, a yes or no or the like.
    pub(super) fn as_non_text(self) -> Self {
        Self {
            may_parse_as_number: false,
            is_flat: true,
            ..self
        }
    }

    /// The same, and it may be a text of any kind.
    pub(super) fn as_text(self) -> Self {
        Self {
            may_parse_as_number: true,
            ..self
        }
    }
}

/// What several parts of one node have together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts {
    /// All of them beside each other.
    pub(super) combined: Bound,
    /// The bytes of their values together.
    pub(super) total_bytes: u64,
    /// Whether one is JSON: where all have one type, all are then.
    pub(super) any_json: bool,
    /// The same of what is neither JSON nor a full-text query.
    pub(super) any_flat: bool,
}

impl Parts {
    pub(super) fn add(&mut self, part: Bound) {
        self.combined = self.combined.with_sibling(part);
        self.total_bytes = self.total_bytes.saturating_add(part.max_bytes);
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
