//! The planner settings with which one statement runs.

/// Planner settings for one statement. They differ from the defaults where a default plan could use
/// memory without bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannerSettings {
    /// Whether hash aggregation is allowed (`enable_hashagg`). Not allowed for aggregates whose
    /// state accumulates values: PostgreSQL does not account for the growth of that state in a hash
    /// table.
    pub allow_hash_agg: bool,
    /// Whether hash joins are allowed (`enable_hashjoin`). Not allowed where a join multiplies
    /// rows: a hash table cannot be split into batches if all its rows have the same key.
    pub allow_hash_join: bool,
    /// The longest values of all sorts, added up, in bytes.
    ///
    /// For a sort of single values PostgreSQL 18 counts 24 bytes per value, whatever the value's
    /// length, and it keeps each sort until the statement ends. The longer the values and the more
    /// sorts there are, the lower `work_mem` must be, so that sorts spill to disk earlier.
    pub sort_value_bytes: u64,
    /// The row widths of all sorts and joins, added up, in bytes.
    ///
    /// A sort merges as many tapes as fit into `work_mem`, at least six, and keeps one row of each
    /// in memory, whatever its length.
    pub sort_row_bytes: u64,
    /// The number of tables and subqueries. PostgreSQL tries the join orders of a list of them,
    /// and keeps the paths of all orders in memory.
    pub from_items: u64,
    /// The number of comparisons by `=` that rows may be joined by. For merge joins PostgreSQL
    /// tries many orders of them, and keeps a path for each order and each set of tables.
    pub equalities: u64,
    /// Whether a search of an HNSW index keeps 1,000 candidates (`hnsw.ef_search`), pgvector's
    /// maximum, and scans on until the statement has enough rows or `hnsw.max_scan_tuples` is
    /// reached (`hnsw.iterative_scan`, pgvector 0.8). Rows come nearly in order.
    /// <https://github.com/pgvector/pgvector#iterative-index-scans>
    pub thorough_hnsw: bool,
}

impl Default for PlannerSettings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// `work_mem` of a statement that needs no lower value: PostgreSQL's default.
const DEFAULT_WORK_MEM_KIB: u64 = 4 << 10;

/// The lowest `work_mem` that PostgreSQL accepts.
const MIN_WORK_MEM_KIB: u64 = 64;

/// The most memory that sorts of single values may take together.
const MAX_SORTED_BYTES: u64 = 64 << 20;

/// What PostgreSQL counts against `work_mem` for each value in a sort of single values.
const COUNTED_BYTES_PER_VALUE: u64 = 24;

/// Wider rows are merged from few tapes. PostgreSQL counts 264 KiB for each tape.
pub(super) const MAX_ROW_BYTES_FOR_MANY_TAPES: u64 = 2 << 20;

/// `work_mem` with which a sort merges few tapes.
pub(super) const FEW_TAPES_WORK_MEM_KIB: u64 = 1 << 10;

/// `geqo_threshold` of a statement with more tables and subqueries than this: lists of this many
/// are joined by the genetic optimizer instead of an exhaustive search (PostgreSQL's default is
/// 12).
const GEQO_THRESHOLD: u64 = 8;

/// With more equalities, merge joins are disabled: 50 columns of nine tables took 2.9 GiB to plan,
/// and 62 MiB without merge joins.
pub(super) const MAX_MERGED_EQUALITIES: u64 = 16;

impl PlannerSettings {
    /// PostgreSQL's defaults.
    pub const DEFAULT: Self = Self {
        allow_hash_agg: true,
        allow_hash_join: true,
        sort_value_bytes: 0,
        sort_row_bytes: 0,
        from_items: 0,
        equalities: 0,
        thorough_hnsw: false,
    };

    /// The settings that differ from those of the login, as names and values for `set_config`.
    pub fn changed(self) -> impl Iterator<Item = (&'static str, String)> {
        let work_mem = self.work_mem_kib();
        let off = |name, is_allowed: bool| (!is_allowed).then(|| (name, "off".to_owned()));
        [
            off("enable_hashagg", self.allow_hash_agg),
            off("enable_hashjoin", self.allow_hash_join),
            off("enable_mergejoin", self.allows_merge_join()),
            (self.from_items > GEQO_THRESHOLD)
                .then(|| ("geqo_threshold", GEQO_THRESHOLD.to_string())),
            (work_mem < DEFAULT_WORK_MEM_KIB).then(|| ("work_mem", format!("{work_mem}kB"))),
            self.thorough_hnsw
                .then(|| ("hnsw.ef_search", "1000".to_owned())),
            self.thorough_hnsw
                .then(|| ("hnsw.iterative_scan", "relaxed_order".to_owned())),
        ]
        .into_iter()
        .flatten()
    }

    /// Whether merge joins are allowed (`enable_mergejoin`).
    pub(super) fn allows_merge_join(self) -> bool {
        self.equalities <= MAX_MERGED_EQUALITIES
    }

    fn work_mem_kib(self) -> u64 {
        let values = MAX_SORTED_BYTES / self.sort_value_bytes.max(1);
        let most = if self.sort_row_bytes > MAX_ROW_BYTES_FOR_MANY_TAPES {
            FEW_TAPES_WORK_MEM_KIB
        } else {
            DEFAULT_WORK_MEM_KIB
        };
        (values.saturating_mul(COUNTED_BYTES_PER_VALUE) / 1024).clamp(MIN_WORK_MEM_KIB, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_that_differ_from_the_defaults_are_changed() {
        let changed = |settings: PlannerSettings| settings.changed().collect::<Vec<_>>();
        assert_eq!(changed(PlannerSettings::default()), []);
        let sorted = |longest| PlannerSettings {
            sort_value_bytes: longest,
            ..PlannerSettings::default()
        };
        assert_eq!(changed(sorted(128)), []);
        assert_eq!(changed(sorted(1_024)), [("work_mem", "1536kB".to_owned())]);
        assert_eq!(changed(sorted(1 << 20)), [("work_mem", "64kB".to_owned())]);
        let long_rows = PlannerSettings {
            sort_row_bytes: 3 << 20,
            ..PlannerSettings::default()
        };
        assert_eq!(changed(long_rows), [("work_mem", "1024kB".to_owned())]);
        let restricted = PlannerSettings {
            allow_hash_agg: false,
            allow_hash_join: false,
            sort_value_bytes: 0,
            sort_row_bytes: 0,
            from_items: 9,
            equalities: 17,
            thorough_hnsw: true,
        };
        assert_eq!(
            changed(restricted),
            [
                ("enable_hashagg", "off".to_owned()),
                ("enable_hashjoin", "off".to_owned()),
                ("enable_mergejoin", "off".to_owned()),
                ("geqo_threshold", "8".to_owned()),
                ("hnsw.ef_search", "1000".to_owned()),
                ("hnsw.iterative_scan", "relaxed_order".to_owned()),
            ]
        );
    }
}
