//! How large an expression is.

/// The most bytes that one value may have: what aggregates may collect, and a little. A sort merges rows of a dozen tapes at
/// once, whatever it sorts by.
pub(super) const MOST_VALUE: u64 = 12 << 20;

/// The most bytes that a twin in the schema `bounded` lets through when only the running statement knows a size.
pub(super) const MOST_OF_TWIN: u64 = 16 << 10;

/// The most bytes of a value that PostgreSQL may compute while it plans: it copies such a value wherever it is good for
/// something, into each WHEN of a CASE, each branch of a UNION, each equality that follows from others.
pub(super) const MOST_PLANNED: u64 = 4 << 10;

/// The nodes that PostgreSQL puts in the place of a call of a twin, how often its argument is among them, and the most nodes of
/// an argument that it copies so.
const OF_TWIN: u64 = 40;
const COPIES_IN_TWIN: u64 = 5;
const MOST_COPIED_IN_TWIN: u64 = 20;

/// A number as text: PostgreSQL keeps 131,072 digits before the point and 16,383 behind it.
pub(super) const MOST_DIGITS: u64 = 160 << 10;

/// A number, a date, a yes or no.
pub(super) const SMALL: u64 = 64;

/// The longest value that may be sorted: with the least `work_mem` PostgreSQL keeps 2,730 values of one sort in memory,
/// however long they are.
pub(super) const LONGEST_SORTED: u64 = 24 << 10;

/// How large an expression is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Nodes of the tree, once PostgreSQL has put the expression of a sub-query in the place of each of its names.
    pub(super) nodes: u64,
    /// The most bytes that its value can have.
    pub(super) value: u64,
    /// The most bytes that its value and those it is made of have together.
    pub(super) held: u64,
    /// What its operations could take that PostgreSQL does not interrupt.
    pub(super) steps: u64,
    /// Whether it may be a text that spells a number: a short text can spell a long one.
    pub(super) spells: bool,
    /// Whether it surely is JSON already, which is put into other JSON as it is.
    pub(super) json: bool,
    /// Whether it surely is neither a JSON document nor a full-text query, which operators build
    /// anew.
    pub(super) plain: bool,
    /// Whether PostgreSQL has to run the statement to know it. What does not vary it computes while it plans.
    pub(super) varies: bool,
}

impl Size {
    /// Something that stands in the tree once and holds so many bytes.
    pub(super) fn leaf(value: u64) -> Self {
        Self {
            nodes: 1,
            value,
            held: value,
            steps: 0,
            spells: true,
            json: false,
            plain: false,
            varies: false,
        }
    }

    /// A node over `parts` whose value has at most so many bytes.
    pub(super) fn over(parts: Self, value: u64) -> Self {
        Self {
            nodes: parts.nodes.saturating_add(1),
            value,
            held: parts.held.saturating_add(value),
            steps: parts.steps,
            spells: parts.spells,
            json: false,
            plain: false,
            varies: parts.varies,
        }
    }

    /// Two parts of one node; `value` is that of the longer.
    pub(super) fn beside(self, other: Self) -> Self {
        Self {
            nodes: self.nodes.saturating_add(other.nodes),
            value: self.value.max(other.value),
            held: self.held.saturating_add(other.held),
            steps: self.steps.saturating_add(other.steps),
            spells: self.spells || other.spells,
            json: self.json && other.json,
            plain: self.plain && other.plain,
            varies: self.varies || other.varies,
        }
    }

    /// One of two, whichever is larger.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            nodes: self.nodes.max(other.nodes),
            value: self.value.max(other.value),
            held: self.held.max(other.held),
            steps: self.steps.max(other.steps),
            spells: self.spells || other.spells,
            json: self.json && other.json,
            plain: self.plain && other.plain,
            varies: self.varies || other.varies,
        }
    }

    /// So many copies of one; each has the same value.
    pub(super) fn times(self, copies: u64) -> Self {
        Self {
            nodes: self.nodes.saturating_mul(copies),
            held: self.held.saturating_mul(copies),
            steps: self.steps.saturating_mul(copies),
            ..self
        }
    }

    /// The same value, read from a row that was made before: the expression behind it stands elsewhere.
    pub(super) fn fenced(self) -> Self {
        Self {
            spells: self.spells,
            json: self.json,
            plain: self.plain,
            varies: true,
            ..Self::leaf(self.value)
        }
    }

    /// The same, and only the running statement knows it.
    pub(super) fn varying(self) -> Self {
        Self {
            varies: true,
            ..self
        }
    }

    /// The same, and it is JSON.
    pub(super) fn as_json(self) -> Self {
        Self {
            json: true,
            plain: false,
            ..self
        }
    }

    /// The same, and it is neither JSON nor a full-text query.
    pub(super) fn as_plain(self) -> Self {
        Self {
            plain: true,
            ..self
        }
    }

    /// The same, where a twin is called.
    pub(super) fn with_twin(self) -> Self {
        let copies = self.nodes.min(MOST_COPIED_IN_TWIN) * COPIES_IN_TWIN;
        Self {
            nodes: self.nodes.saturating_add(OF_TWIN + copies),
            ..self
        }
    }

    /// The same, and it is a number, a date, a yes or no or the like.
    pub(super) fn no_text(self) -> Self {
        Self {
            spells: false,
            plain: true,
            ..self
        }
    }

    /// The same, and it may be a text of any kind.
    pub(super) fn any_text(self) -> Self {
        Self {
            spells: true,
            ..self
        }
    }
}

/// What several parts of one node have together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts {
    /// All of them beside each other.
    pub(super) all: Size,
    /// The bytes of their values together.
    pub(super) sum: u64,
    /// Whether one is JSON: where all have one type, all are then.
    pub(super) any_json: bool,
    /// The same of what is neither JSON nor a full-text query.
    pub(super) any_plain: bool,
}

impl Parts {
    pub(super) fn add(&mut self, part: Size) {
        self.all = self.all.beside(part);
        self.sum = self.sum.saturating_add(part.value);
        self.any_json |= part.json;
        self.any_plain |= part.plain;
    }
}

impl FromIterator<Size> for Parts {
    fn from_iter<I: IntoIterator<Item = Size>>(sizes: I) -> Self {
        let mut parts = Self::default();
        sizes.into_iter().for_each(|size| parts.add(size));
        parts
    }
}
