//! The number of grouping sets of a GROUP BY clause, and its limit.

use pg_query::NodeEnum;
use pg_query::protobuf::{GroupingSet, GroupingSetKind, Node};

use super::refusal::{Refusal, Rule};

/// The most grouping sets that the GROUP BY clause of one query may expand to.
pub(super) const MAX_GROUPING_SETS: u64 = 64;

/// The number of grouping sets that a GROUP BY clause expands to, which PostgreSQL computes as the
/// cross product of its items.
pub(super) fn count_grouping_sets(clause: &[Node]) -> Result<u64, Refusal> {
    let mut all = 1_u64;
    let mut location = -1;
    for node in clause {
        if let Some(NodeEnum::GroupingSet(set)) = &node.node {
            location = set.location;
            all = all.saturating_mul(expanded_sets(set));
        }
    }
    if all > MAX_GROUPING_SETS {
        return Err(Refusal::new(
            Rule::Cost,
            format!("GROUP BY expands to {all} grouping sets"),
            format!("at most {MAX_GROUPING_SETS} are allowed; list only the GROUPING SETS that are needed"),
        )
        .at(location));
    }
    Ok(all)
}

fn expanded_sets(set: &GroupingSet) -> u64 {
    let count = u64::try_from(set.content.len()).unwrap_or(u64::MAX);
    match set.kind() {
        GroupingSetKind::GroupingSetRollup => count.saturating_add(1),
        GroupingSetKind::GroupingSetCube => 1_u64
            .checked_shl(u32::try_from(count).unwrap_or(u32::MAX))
            .unwrap_or(u64::MAX),
        GroupingSetKind::GroupingSetSets => set
            .content
            .iter()
            .map(|node| match &node.node {
                Some(NodeEnum::GroupingSet(inner)) => expanded_sets(inner),
                _ => 1,
            })
            .fold(0, u64::saturating_add),
        GroupingSetKind::Undefined
        | GroupingSetKind::GroupingSetEmpty
        | GroupingSetKind::GroupingSetSimple => 1,
    }
}
