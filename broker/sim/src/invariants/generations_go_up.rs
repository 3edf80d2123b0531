//! The generation of a group never goes back, and each has one leader.
//!
//! A generation is kept once a SyncGroup of it was answered: the record is committed then. What a
//! JoinGroup told of a generation that nobody was synced in may be undone by a crash, as in
//! Apache Kafka: its members are asked to join again, and its number is used again.

use std::collections::BTreeMap;

use crate::group_history::{GroupSeen, identity};
use crate::invariants::group_lives::GroupLives;

/// What was told of a life of a group.
#[derive(Debug, Default)]
struct Told<'a> {
    /// The newest generation that anybody was told of.
    newest: i32,
    /// The newest that anybody was synced in.
    kept: i32,
    leaders: BTreeMap<i32, &'a str>,
}

/// Checks a history.
///
/// # Errors
///
/// The generation that went back, or has two leaders.
pub fn check(history: &[GroupSeen]) -> Result<(), String> {
    let mut lives = GroupLives::default();
    let mut all: BTreeMap<u64, Told<'_>> = BTreeMap::new();
    for seen in history {
        lives.see(seen);
        let (group, generation) = match seen {
            GroupSeen::Joined { group, generation, .. }
            | GroupSeen::Synced { group, generation, .. } => (group, *generation),
            GroupSeen::Restarted => {
                all.values_mut().for_each(Told::forget_what_was_not_kept);
                continue;
            }
            _ => continue,
        };
        let told = all.entry(lives.of(group)).or_default();
        if generation < told.newest {
            let newest = told.newest;
            return Err(format!("{group} went from generation {newest} to {generation}"));
        }
        told.newest = generation;
        match seen {
            GroupSeen::Joined { leader, .. } => {
                let leader = identity(leader);
                let known = *told.leaders.entry(generation).or_insert(leader);
                if known != leader {
                    return Err(format!(
                        "generation {generation} of {group} is led by {known}, and by {leader}"
                    ));
                }
            }
            _ => told.kept = generation,
        }
    }
    Ok(())
}

impl Told<'_> {
    fn forget_what_was_not_kept(&mut self) {
        self.newest = self.kept;
        let kept = self.kept;
        self.leaders.retain(|generation, _| *generation <= kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(generation: i32, leader: &str) -> GroupSeen {
        GroupSeen::Joined {
            group: "g".to_owned(),
            generation,
            member_id: "a".to_owned(),
            instance_id: None,
            leader: leader.to_owned(),
        }
    }

    fn synced(generation: i32) -> GroupSeen {
        GroupSeen::Synced {
            group: "g".to_owned(),
            generation,
            member_id: "a".to_owned(),
            partitions: Vec::new(),
        }
    }

    #[test]
    fn a_generation_that_goes_back_is_found() {
        assert_eq!(check(&[joined(1, "a"), joined(2, "b"), synced(2)]), Ok(()));
        assert!(check(&[joined(2, "a"), joined(1, "a")]).is_err());
        // A crash undoes what nobody was synced in, and no more.
        let restarted = GroupSeen::Restarted;
        let undone = [synced(1), joined(2, "a"), restarted.clone(), joined(2, "b")];
        assert_eq!(check(&undone), Ok(()));
        assert!(check(&[joined(2, "a"), synced(2), restarted, joined(1, "a")]).is_err());
    }

    #[test]
    fn a_second_leader_is_found() {
        assert!(check(&[joined(1, "a"), joined(1, "b")]).is_err());
        assert!(check(&[joined(1, "a"), synced(1), GroupSeen::Restarted, joined(1, "b")]).is_err());
    }
}
