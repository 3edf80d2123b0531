//! Which records are read to learn their age: those that a verdict waits for come first.

use std::cmp::Reverse;

use kt_protocol::types::{Offset, TopicPartition};

use super::Watch;
use crate::group_verdict::Verdict;
use crate::tui::model::lag::{Cells, Lag};

/// More than are asked for at a time.
const AGES_KEPT: usize = 16;

impl Watch {
    /// The oldest unread record of each of these groups, in the order in which they are to be read.
    /// Few are read at a time, so those that our own history tells enough of make way.
    pub(crate) fn ages_of<'a>(
        &self,
        groups: impl Iterator<Item = (&'a str, &'a Cells)>,
    ) -> Vec<(TopicPartition, Offset)> {
        let mut wanted: Vec<(&str, &Cells)> = groups.filter(|(_, it)| is_wanted(it)).collect();
        // How long we have watched says nothing of how late those are that are older.
        wanted.sort_by_key(|(_, it)| match it.late.is_open() {
            true => (0, Reverse(records(it.lag).unsigned_abs())),
            false => (1, Reverse(it.late.age_ms().unwrap_or_default())),
        });
        let position = |(group, it): (&str, &Cells)| {
            let at = it.worst.clone()?;
            let committed = self.committed(group, &at)?;
            self.lacks_age(&at, committed).then_some((at, committed))
        };
        wanted.into_iter().filter_map(position).collect()
    }

    /// The same of all groups that have no verdict yet: the check of groups waits for them, whatever
    /// is in sight.
    pub(super) fn ages_of_open(&self) -> Vec<(TopicPartition, Offset)> {
        let open = self.groups.iter().filter(|(_, it)| it.cells.verdict.is_none() && !it.is_stale);
        let mut ages = self.ages_of(open.map(|(name, it)| (name.as_str(), &it.cells)));
        ages.truncate(AGES_KEPT);
        ages
    }

    /// Whether the age of the record at this commit is to be asked for: it does not change.
    pub(crate) fn lacks_age(&self, at: &TopicPartition, committed: Offset) -> bool {
        !self.cluster.ages.has(at, committed)
    }
}

fn is_wanted(it: &Cells) -> bool {
    it.late.is_open() || (it.verdict != Some(Verdict::Ok) && 0 < records(it.lag))
}

fn records(lag: Lag) -> i64 {
    match lag {
        Lag::Records(records) => records,
        Lag::NoCommit | Lag::Unknown => 0,
    }
}
