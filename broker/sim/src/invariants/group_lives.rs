//! Which life of a group is meant: one that is deleted begins anew under its name, with generations
//! that are counted anew.
//!
//! Answers come in the order of decisions, so the new life begins with the answer to the deletion. If
//! none came, it begins with the restart that took the answer: that may have been no deletion,
//! and then the checks know less than they could.

use std::collections::{BTreeMap, BTreeSet};

use crate::group_history::GroupSeen;

/// The lives of groups, as far as a history was seen.
#[derive(Debug, Default)]
pub(super) struct GroupLives {
    lives: BTreeMap<String, u64>,
    last: u64,
    /// Deletions that were not answered yet.
    open: BTreeMap<u64, String>,
}

impl GroupLives {
    /// Takes the next thing that was seen.
    pub(super) fn see(&mut self, seen: &GroupSeen) {
        match seen {
            GroupSeen::DeleteAsked { request, group } => {
                self.open.insert(*request, group.clone());
            }
            GroupSeen::Refused { request } => {
                self.open.remove(request);
            }
            GroupSeen::Acknowledged { request } => {
                if let Some(group) = self.open.remove(request) {
                    self.begin(group);
                }
            }
            GroupSeen::Restarted => {
                let groups: BTreeSet<String> =
                    std::mem::take(&mut self.open).into_values().collect();
                groups.into_iter().for_each(|group| self.begin(group));
            }
            _ => {}
        }
    }

    fn begin(&mut self, group: String) {
        self.last += 1;
        self.lives.insert(group, self.last);
    }

    /// A number for the life that the group is in, its own alone.
    pub(super) fn of(&mut self, group: &str) -> u64 {
        if !self.lives.contains_key(group) {
            self.begin(group.to_owned());
        }
        self.lives.get(group).copied().unwrap_or_default()
    }
}
