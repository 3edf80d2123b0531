//! When each group wants to be looked at again: the earliest deadline of each, in order.

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::types::Millis;

/// One deadline a group. It may be earlier than the group's own, never later.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wakes {
    queue: BTreeSet<(Millis, String)>,
    by_group: BTreeMap<String, Millis>,
}

impl Wakes {
    /// The earliest of all.
    pub(crate) fn next(&self) -> Option<Millis> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Sees to it that the group is woken at `at` at the latest.
    pub(crate) fn no_later(&mut self, group_id: &str, at: Millis) {
        match self.by_group.get(group_id) {
            Some(before) if *before <= at => return,
            Some(_) => self.remove(group_id),
            None => {}
        }
        self.by_group.insert(group_id.to_owned(), at);
        self.queue.insert((at, group_id.to_owned()));
    }

    /// Forgets a group.
    pub(crate) fn remove(&mut self, group_id: &str) {
        if let Some(at) = self.by_group.remove(group_id) {
            self.queue.remove(&(at, group_id.to_owned()));
        }
    }

    /// Takes out the groups whose deadlines have come, the earliest first.
    pub(crate) fn take_due(&mut self, now: Millis) -> Vec<String> {
        let mut due = Vec::new();
        while self.next().is_some_and(|at| at <= now) {
            let Some((_, group_id)) = self.queue.pop_first() else { break };
            self.by_group.remove(&group_id);
            due.push(group_id);
        }
        due
    }
}
