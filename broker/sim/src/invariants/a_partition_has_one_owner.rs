//! In one generation of a group no two members own a partition, by what SyncGroup told them; and no
//! member is told two different shares.

use std::collections::BTreeMap;

use crate::group_history::{GroupSeen, identity};
use crate::invariants::group_lives::GroupLives;

/// Checks a history.
///
/// # Errors
///
/// The partition with two owners, or the member with two shares.
pub fn check(history: &[GroupSeen]) -> Result<(), String> {
    let mut owners: BTreeMap<(u64, i32, i32), &str> = BTreeMap::new();
    let mut shares: BTreeMap<(u64, i32, &str), &[i32]> = BTreeMap::new();
    let mut lives = GroupLives::default();
    for seen in history {
        lives.see(seen);
        let GroupSeen::Synced { group, generation, member_id, partitions } = seen else { continue };
        let (life, who) = (lives.of(group), identity(member_id));
        let share = shares.entry((life, *generation, who)).or_insert(partitions);
        if *share != partitions.as_slice() {
            return Err(format!(
                "{who} has {share:?}, then {partitions:?} in generation {generation} of {group}"
            ));
        }
        for partition in partitions {
            let owner = owners.entry((life, *generation, *partition)).or_insert(who);
            if *owner != who {
                return Err(format!(
                    "{owner} and {who} own {partition} in generation {generation} of {group}"
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn synced(generation: i32, member_id: &str, partitions: &[i32]) -> GroupSeen {
        GroupSeen::Synced {
            group: "g".to_owned(),
            generation,
            member_id: member_id.to_owned(),
            partitions: partitions.to_vec(),
        }
    }

    #[test]
    fn two_owners_and_two_shares_are_found() {
        let history = [synced(1, "a", &[0, 1]), synced(1, "b", &[2]), synced(2, "b", &[0])];
        assert_eq!(check(&history), Ok(()));
        assert!(check(&[synced(1, "a", &[0, 1]), synced(1, "b", &[1])]).is_err());
        assert!(check(&[synced(1, "a", &[0, 1]), synced(1, "a", &[0])]).is_err());
    }

    #[test]
    fn a_group_that_was_deleted_begins_anew() {
        let delete = GroupSeen::DeleteAsked { request: 1, group: "g".to_owned() };
        let deleted = GroupSeen::Acknowledged { request: 1 };
        let (before, after) = (synced(1, "a", &[0]), synced(1, "b", &[0]));
        assert_eq!(check(&[before.clone(), delete.clone(), deleted, after.clone()]), Ok(()));
        let refused = GroupSeen::Refused { request: 1 };
        assert!(check(&[before, delete, refused, after]).is_err());
    }
}
