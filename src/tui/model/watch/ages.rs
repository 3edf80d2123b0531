//! Which records are read to learn their age: those that a verdict waits for come first.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use kt_protocol::types::{Millis, Offset, TopicPartition};

use super::Watch;
use crate::group_verdict::Verdict;
use crate::tui::model::lag::{Cells, Lag};

/// More than are asked for at a time.
const AGES_KEPT: usize = 16;
/// What could not be had is asked for again after so long, in ms.
const ASK_AGAIN_MS: u64 = 60_000;

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

    /// Whether the age of the record at this commit is to be asked for: it does not change, and one
    /// that could not be had makes way for others before it is asked for again.
    pub(crate) fn lacks_age(&self, at: &TopicPartition, committed: Offset) -> bool {
        let now = self.renewed.unwrap_or_default();
        let since = Millis(now.0.saturating_sub(ASK_AGAIN_MS));
        !self.cluster.ages.has(at, committed, since)
    }
}

/// Records whose age a screen shows, and those that verdicts wait for, turn by turn: few are read at
/// a time, and neither are to wait for all of the others.
pub(crate) fn in_turn(in_sight: &[Position], open: &[Position]) -> Vec<Position> {
    let mut seen = BTreeSet::new();
    let longest = in_sight.len().max(open.len());
    let turn = |at: usize| [in_sight.get(at), open.get(at)].into_iter().flatten();
    let all = (0..longest).flat_map(turn).filter(|it| seen.insert(*it));
    all.cloned().collect()
}

/// A partition and an offset in it.
type Position = (TopicPartition, Offset);

fn is_wanted(it: &Cells) -> bool {
    it.late.is_open() || (it.verdict != Some(Verdict::Ok) && 0 < records(it.lag))
}

fn records(lag: Lag) -> i64 {
    match lag {
        Lag::Records(records) => records,
        Lag::NoCommit | Lag::Unknown => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_sight_and_what_is_open_take_turns() {
        let at = |number: i64| (TopicPartition::new("orders", 0), Offset(number));
        let in_sight: Vec<Position> = (0..4).map(at).collect();
        let open: Vec<Position> = [7, 1, 8].map(at).to_vec();
        let asked = in_turn(&in_sight, &open);
        let offsets: Vec<i64> = asked.iter().map(|it| it.1.0).collect();
        assert_eq!(offsets, [0, 7, 1, 2, 8, 3], "each once");
    }
}
