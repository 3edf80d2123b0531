//! A commit of a fenced member is never acknowledged. Fenced is, at the moment it sends the commit:
//!
//! * whoever names a generation that is older than the newest that anybody was told of;
//! * the former id of a static member, once JoinGroup has told the new one.
//!
//! A crash undoes what is not written: a generation that nobody was synced in, and a new id that
//! came with it. Apache Kafka promises no more.

use std::collections::BTreeMap;

use crate::group_history::GroupSeen;
use crate::invariants::group_lives::GroupLives;

/// Whether a crash can undo it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Told,
    Written,
}

/// What was told of a life of a group.
#[derive(Debug, Default)]
struct Told<'a> {
    newest: i32,
    kept: i32,
    /// By instance, the id that it was told last.
    holders: BTreeMap<&'a str, &'a str>,
    /// Ids of before, with the id that fenced them.
    fenced: BTreeMap<&'a str, (&'a str, Standing)>,
}

/// Checks a history.
///
/// # Errors
///
/// The commit that should have been refused.
pub fn check(history: &[GroupSeen]) -> Result<(), String> {
    let mut lives = GroupLives::default();
    let mut all: BTreeMap<u64, Told<'_>> = BTreeMap::new();
    let mut not_to_be_done: BTreeMap<u64, String> = BTreeMap::new();
    for seen in history {
        lives.see(seen);
        match seen {
            GroupSeen::Joined { group, generation, member_id, instance_id, .. } => {
                let told = all.entry(lives.of(group)).or_default();
                told.joined(*generation, member_id, instance_id.as_deref());
            }
            GroupSeen::Synced { group, generation, member_id, .. } => {
                all.entry(lives.of(group)).or_default().synced(*generation, member_id);
            }
            GroupSeen::CommitAsked { request, group, generation, member_id, .. } => {
                let told = all.entry(lives.of(group)).or_default();
                if let Some(why) = told.why_fenced(*generation, member_id) {
                    not_to_be_done.insert(*request, format!("commit {request} to {group}: {why}"));
                }
            }
            GroupSeen::Acknowledged { request } => {
                if let Some(why) = not_to_be_done.get(request) {
                    return Err(why.clone());
                }
            }
            GroupSeen::Restarted => all.values_mut().for_each(Told::forget_what_was_not_written),
            _ => {}
        }
    }
    Ok(())
}

impl<'a> Told<'a> {
    fn joined(&mut self, generation: i32, member_id: &'a str, instance_id: Option<&'a str>) {
        self.newest = self.newest.max(generation);
        let Some(instance_id) = instance_id else { return };
        let Some(before) = self.holders.insert(instance_id, member_id) else { return };
        if before != member_id {
            // A new id in a generation that goes on is written before it is told.
            let is_written = generation <= self.kept;
            let standing = if is_written { Standing::Written } else { Standing::Told };
            self.fenced.insert(before, (member_id, standing));
        }
    }

    fn synced(&mut self, generation: i32, member_id: &str) {
        self.newest = self.newest.max(generation);
        self.kept = self.kept.max(generation);
        for (by, standing) in self.fenced.values_mut() {
            if *by == member_id {
                *standing = Standing::Written;
            }
        }
    }

    fn why_fenced(&self, generation: i32, member_id: &str) -> Option<String> {
        if member_id.is_empty() {
            return None;
        }
        if generation < self.newest {
            return Some(format!("{member_id} is of {generation}, the group in {}", self.newest));
        }
        let (by, _) = self.fenced.get(member_id)?;
        Some(format!("{member_id} has become {by}"))
    }

    fn forget_what_was_not_written(&mut self) {
        self.newest = self.kept;
        self.fenced.retain(|_, (_, standing)| *standing == Standing::Written);
        // Who holds an instance is told by its next join.
        self.holders.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(generation: i32, member_id: &str) -> GroupSeen {
        GroupSeen::Joined {
            group: "g".to_owned(),
            generation,
            member_id: member_id.to_owned(),
            instance_id: Some("i".to_owned()),
            leader: "l".to_owned(),
        }
    }

    fn synced(generation: i32, member_id: &str) -> GroupSeen {
        GroupSeen::Synced {
            group: "g".to_owned(),
            generation,
            member_id: member_id.to_owned(),
            partitions: Vec::new(),
        }
    }

    fn committed(generation: i32, member_id: &str) -> [GroupSeen; 2] {
        let commit = GroupSeen::CommitAsked {
            request: 1,
            group: "g".to_owned(),
            generation,
            member_id: member_id.to_owned(),
            partitions: vec![0],
        };
        [commit, GroupSeen::Acknowledged { request: 1 }]
    }

    fn ended(before: &[GroupSeen], end: &[GroupSeen; 2]) -> Result<(), String> {
        check(&[before, end].concat())
    }

    #[test]
    fn a_commit_of_an_old_generation_is_found() {
        let before = [joined(1, "a"), synced(1, "a"), joined(2, "a")];
        assert_eq!(ended(&before, &committed(2, "a")), Ok(()));
        assert!(ended(&before, &committed(1, "a")).is_err());
        assert_eq!(ended(&before, &committed(-1, "")), Ok(()), "nobody is in the way");
        let crashed = [before.as_slice(), &[GroupSeen::Restarted]].concat();
        assert_eq!(ended(&crashed, &committed(1, "a")), Ok(()), "the second is undone");
        let synced = [before.as_slice(), &[synced(2, "a"), GroupSeen::Restarted]].concat();
        assert!(ended(&synced, &committed(1, "a")).is_err());
    }

    #[test]
    fn a_commit_of_a_former_self_is_found() {
        let kept = [joined(1, "a"), synced(1, "a"), joined(1, "b"), GroupSeen::Restarted];
        assert!(ended(&kept, &committed(1, "a")).is_err(), "the new id is written");
        assert_eq!(ended(&kept, &committed(1, "b")), Ok(()));
        let told = [joined(1, "a"), synced(1, "a"), joined(2, "b"), GroupSeen::Restarted];
        assert_eq!(ended(&told, &committed(1, "a")), Ok(()), "the new id is gone");
    }
}
