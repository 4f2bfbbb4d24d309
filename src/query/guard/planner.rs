/// How PostgreSQL shall plan one statement, where its usual way could take memory without bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannerSettings {
    /// Whether groups may be kept in a hash table. Not where each group collects: its growth is not counted there.
    pub hashed_groups: bool,
    /// Whether joins may keep a side in a hash table. Not where rows multiply: a table of one key cannot be split.
    pub hashed_joins: bool,
    /// The longest values of all sorts together, in bytes: PostgreSQL 18 counts 24 bytes for each value that is sorted by itself,
    /// whatever its length, and keeps each sort until the statement ends, so the longer and the more they can be the earlier it must
    /// stop.
    pub sorted: u64,
    /// The bytes of a row of all sorts and joins together: PostgreSQL merges as many tapes as fit into `work_mem`, at least six, and
    /// holds a row of each, however long it is.
    pub carried: u64,
    /// How many tables and sub-selects there are: PostgreSQL tries the orders of a list of them, all of which it keeps.
    pub joined: u64,
    /// How many comparisons by `=` rows may be joined by: PostgreSQL tries to merge two sides in
    /// many orders of them, and keeps each way for each set of tables.
    pub equalities: u64,
}

impl Default for PlannerSettings {
    fn default() -> Self {
        Self::USUAL
    }
}

/// PostgreSQL's `work_mem` for a statement that needs no less, and the least it accepts, in KiB.
const USUAL_WORK_MEM: u64 = 4 << 10;
const LEAST_WORK_MEM: u64 = 64;

/// What values that are sorted by themselves may take together, and what PostgreSQL counts for each.
const MOST_SORTED: u64 = 64 << 20;
const COUNTED: u64 = 24;

/// Rows of more bytes are merged from few tapes, each of which PostgreSQL counts with 264 KiB.
const MOST_CARRIED_USUALLY: u64 = 2 << 20;
const WORK_MEM_OF_FEW_TAPES: u64 = 1 << 10;

/// Lists of so many tables and more are joined in an order that is searched for, not tried (`geqo_threshold`, usually 12).
const MOST_TRIED: u64 = 8;

/// Joins by more equalities are not merged: 50 columns of nine tables took 2.9 GiB to plan, and 62
/// MiB without.
pub(super) const MAX_MERGED_EQUALITIES: u64 = 16;

impl PlannerSettings {
    /// PostgreSQL's own way.
    pub const USUAL: Self = Self {
        hashed_groups: true,
        hashed_joins: true,
        sorted: 0,
        carried: 0,
        joined: 0,
        equalities: 0,
    };

    /// The settings that differ from the login's own, as names and values of `set_config`.
    pub fn changed(self) -> impl Iterator<Item = (&'static str, String)> {
        let work_mem = self.work_mem();
        let off = |name, on: bool| (!on).then(|| (name, "off".to_owned()));
        [
            off("enable_hashagg", self.hashed_groups),
            off("enable_hashjoin", self.hashed_joins),
            off("enable_mergejoin", self.merges_joins()),
            (self.joined > MOST_TRIED).then(|| ("geqo_threshold", MOST_TRIED.to_string())),
            (work_mem < USUAL_WORK_MEM).then(|| ("work_mem", format!("{work_mem}kB"))),
        ]
        .into_iter()
        .flatten()
    }

    /// Whether joins may merge two sorted sides.
    pub(super) fn merges_joins(self) -> bool {
        self.equalities <= MAX_MERGED_EQUALITIES
    }

    /// In KiB.
    fn work_mem(self) -> u64 {
        let values = MOST_SORTED / self.sorted.max(1);
        let most = if self.carried > MOST_CARRIED_USUALLY {
            WORK_MEM_OF_FEW_TAPES
        } else {
            USUAL_WORK_MEM
        };
        (values.saturating_mul(COUNTED) / 1024).clamp(LEAST_WORK_MEM, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_set() {
        let changed = |settings: PlannerSettings| settings.changed().collect::<Vec<_>>();
        assert_eq!(changed(PlannerSettings::default()), []);
        let sorted = |longest| PlannerSettings {
            sorted: longest,
            ..PlannerSettings::default()
        };
        assert_eq!(changed(sorted(128)), []);
        assert_eq!(changed(sorted(1_024)), [("work_mem", "1536kB".to_owned())]);
        assert_eq!(changed(sorted(1 << 20)), [("work_mem", "64kB".to_owned())]);
        let carried = PlannerSettings {
            carried: 3 << 20,
            ..PlannerSettings::default()
        };
        assert_eq!(changed(carried), [("work_mem", "1024kB".to_owned())]);
        let merged = PlannerSettings {
            hashed_groups: false,
            hashed_joins: false,
            sorted: 0,
            carried: 0,
            joined: 9,
            equalities: 17,
        };
        assert_eq!(
            changed(merged),
            [
                ("enable_hashagg", "off".to_owned()),
                ("enable_hashjoin", "off".to_owned()),
                ("enable_mergejoin", "off".to_owned()),
                ("geqo_threshold", "8".to_owned())
            ]
        );
    }
}
