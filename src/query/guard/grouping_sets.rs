use pg_query::NodeEnum;
use pg_query::protobuf::{GroupingSet, GroupingSetKind, Node};

use super::refusal::{Refusal, Rule};

/// The most groupings that the grouping sets of one query may come to.
const MOST_GROUPINGS: u64 = 64;

/// How many groupings a GROUP BY comes to.
pub(super) fn groupings(clause: &[Node]) -> Result<u64, Refusal> {
    let mut all = 1_u64;
    let mut place = -1;
    for node in clause {
        if let Some(NodeEnum::GroupingSet(set)) = &node.node {
            place = set.location;
            all = all.saturating_mul(of_set(set));
        }
    }
    if all > MOST_GROUPINGS {
        return Err(Refusal::new(
            Rule::Cost,
            format!("GROUP BY comes to {all} groupings"),
            format!("the most is {MOST_GROUPINGS}; name the GROUPING SETS that are needed"),
        )
        .at(place));
    }
    Ok(all)
}

fn of_set(set: &GroupingSet) -> u64 {
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
                Some(NodeEnum::GroupingSet(inner)) => of_set(inner),
                _ => 1,
            })
            .fold(0, u64::saturating_add),
        GroupingSetKind::Undefined
        | GroupingSetKind::GroupingSetEmpty
        | GroupingSetKind::GroupingSetSimple => 1,
    }
}
