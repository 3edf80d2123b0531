//! What was acknowledged or read of a group's offsets stays: whoever asks afterwards gets that commit
//! or one that was sent later, and never one that was refused.
//!
//! A request is decided when it is sent, so the order of requests is that of decisions. A deletion
//! counts as a commit of nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::group_history::GroupSeen;

const NOTHING: i64 = -1;

/// A commit or a deletion.
struct Change<'a> {
    group: &'a str,
    /// None: all of them, and nothing is there afterwards.
    partitions: Option<&'a [i32]>,
}

#[derive(Default)]
struct Checker<'a> {
    changes: BTreeMap<u64, Change<'a>>,
    refused: BTreeSet<u64>,
    /// By group and partition, the last change that is known to stay.
    kept: BTreeMap<(&'a str, i32), u64>,
    /// For each read that is out, what was known when it was asked.
    reads: BTreeMap<u64, (&'a str, BTreeMap<i32, u64>)>,
}

/// Checks a history.
///
/// # Errors
///
/// The read that shows something older than was known, or something that was refused.
pub fn check(history: &[GroupSeen]) -> Result<(), String> {
    let mut checker = Checker::default();
    history.iter().try_for_each(|seen| checker.see(seen))
}

impl<'a> Checker<'a> {
    fn see(&mut self, seen: &'a GroupSeen) -> Result<(), String> {
        match seen {
            GroupSeen::CommitAsked { request, group, partitions, .. } => {
                let partitions = Some(partitions.as_slice());
                self.changes.insert(*request, Change { group, partitions });
            }
            GroupSeen::DeleteAsked { request, group } => {
                self.changes.insert(*request, Change { group, partitions: None });
            }
            GroupSeen::Refused { request } => {
                self.refused.insert(*request);
            }
            GroupSeen::Acknowledged { request } => self.keep(*request),
            GroupSeen::ReadAsked { request, group } => {
                let of_group = self.kept.iter().filter(|((of, _), _)| of == group);
                let known = of_group.map(|((_, partition), change)| (*partition, *change));
                self.reads.insert(*request, (group, known.collect()));
            }
            GroupSeen::Read { request, offsets } => return self.read(*request, offsets),
            _ => {}
        }
        Ok(())
    }

    fn keep(&mut self, request: u64) {
        let Some(change) = self.changes.get(&request) else { return };
        let group = change.group;
        let partitions: Vec<i32> = match change.partitions {
            Some(partitions) => partitions.to_vec(),
            None => {
                let of_group = self.changes.values().filter(|it| it.group == group);
                of_group.filter_map(|it| it.partitions).flatten().copied().collect()
            }
        };
        for partition in partitions {
            let kept = self.kept.entry((group, partition)).or_default();
            *kept = request.max(*kept);
        }
    }

    fn read(&mut self, request: u64, offsets: &BTreeMap<i32, i64>) -> Result<(), String> {
        let Some((group, known)) = self.reads.remove(&request) else {
            return Err(format!("nobody asked for read {request}"));
        };
        for (partition, offset) in offsets {
            let least = known.get(partition).copied().unwrap_or_default();
            let change = match *offset {
                NOTHING => self.deletion(group, least),
                offset => self.commit(group, *partition, offset).filter(|it| least <= *it),
            };
            let Some(change) = change else {
                return Err(format!(
                    "{group} stood at commit {least} in partition {partition}, now at {offset}"
                ));
            };
            let kept = self.kept.entry((group, *partition)).or_default();
            *kept = change.max(*kept);
        }
        Ok(())
    }

    /// The first deletion that may have taken away what was known.
    fn deletion(&self, group: &str, least: u64) -> Option<u64> {
        if least == 0 {
            return Some(0);
        }
        let later = self.changes.range(least..);
        let deletions =
            later.filter(|(_, change)| change.group == group && change.partitions.is_none());
        deletions.map(|(request, _)| *request).find(|it| !self.refused.contains(it))
    }

    /// The commit of this offset, if there was one that may have been done.
    fn commit(&self, group: &str, partition: i32, offset: i64) -> Option<u64> {
        let request = u64::try_from(offset).ok().filter(|it| !self.refused.contains(it))?;
        let change = self.changes.get(&request).filter(|it| it.group == group)?;
        let partitions = change.partitions?;
        partitions.contains(&partition).then_some(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(request: u64) -> GroupSeen {
        GroupSeen::CommitAsked {
            request,
            group: "g".to_owned(),
            generation: 1,
            member_id: "a".to_owned(),
            partitions: vec![0],
        }
    }

    fn done(request: u64) -> GroupSeen {
        GroupSeen::Acknowledged { request }
    }

    fn delete(request: u64) -> GroupSeen {
        GroupSeen::DeleteAsked { request, group: "g".to_owned() }
    }

    fn ask(request: u64) -> GroupSeen {
        GroupSeen::ReadAsked { request, group: "g".to_owned() }
    }

    fn read(request: u64, offset: i64) -> GroupSeen {
        GroupSeen::Read { request, offsets: BTreeMap::from([(0, offset)]) }
    }

    #[test]
    fn a_commit_that_goes_back_is_found() {
        assert_eq!(check(&[ask(1), read(1, -1), commit(2), ask(3), read(3, 2)]), Ok(()));
        // Not acknowledged: it may be there or not.
        let before = [commit(1), done(1), commit(2), ask(3)];
        for (offset, is_fine) in [(1, true), (2, true), (-1, false), (7, false)] {
            let history = [before.as_slice(), &[read(3, offset)]].concat();
            assert_eq!(check(&history).is_ok(), is_fine, "{offset}");
        }
        // What was read stays too.
        let again = [commit(1), commit(2), ask(3), read(3, 2), ask(4)];
        assert_eq!(check(&[again.as_slice(), &[read(4, 2)]].concat()), Ok(()));
        assert!(check(&[again.as_slice(), &[read(4, 1)]].concat()).is_err());
        // A read that was asked before the acknowledgement may know less.
        assert_eq!(check(&[ask(1), commit(2), done(2), read(1, -1)]), Ok(()));
    }

    #[test]
    fn what_was_deleted_stays_deleted_and_what_was_refused_was_never_there() {
        let deleted = [commit(1), done(1), delete(2)];
        let ended = |end: &[GroupSeen]| check(&[deleted.as_slice(), end].concat());
        assert_eq!(ended(&[ask(3), read(3, 1)]), Ok(()));
        assert_eq!(ended(&[ask(3), read(3, -1)]), Ok(()));
        assert_eq!(ended(&[done(2), ask(3), read(3, -1)]), Ok(()));
        assert!(ended(&[done(2), ask(3), read(3, 1)]).is_err());
        assert!(ended(&[ask(3), read(3, -1), ask(4), read(4, 1)]).is_err());
        assert!(check(&[commit(1), delete(2), done(2), ask(3), read(3, 1)]).is_err());
        assert!(ended(&[GroupSeen::Refused { request: 2 }, ask(3), read(3, -1)]).is_err());
        let refused = GroupSeen::Refused { request: 1 };
        assert!(check(&[commit(1), refused, ask(2), read(2, 1)]).is_err());
    }
}
