//! The age of the oldest unread record, and how we know it.

use jiff::Timestamp;
use kt_protocol::types::Offset;

use super::{Clocks, PartitionFacts};
use crate::group_lag;
use crate::tui::history::AppendedAt;

/// A record that was read to learn its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) offset: Offset,
    pub(crate) time: Timestamp,
}

/// The age of the oldest unread record, in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    /// Nothing is unread.
    CaughtUp,
    /// As the record says.
    Read(u64),
    /// As our own history of end offsets says.
    Estimated(u64),
    /// It is older than our history, and was not read yet.
    OlderThan(u64),
    /// There is no commit.
    NoCommit,
    Unknown,
}

impl Late {
    /// At least so old.
    pub(crate) fn age_ms(self) -> Option<u64> {
        match self {
            Late::CaughtUp => Some(0),
            Late::Read(age) | Late::Estimated(age) | Late::OlderThan(age) => Some(age),
            Late::NoCommit | Late::Unknown => None,
        }
    }

    /// Whether only the record itself can tell.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Late::Unknown | Late::OlderThan(_))
    }

    fn rank(self) -> (u8, u64, u8) {
        match self {
            Late::NoCommit => (0, 0, 0),
            Late::CaughtUp => (1, 0, 0),
            Late::Unknown => (2, 0, 0),
            Late::Estimated(age) => (3, age, 0),
            Late::Read(age) => (3, age, 1),
            Late::OlderThan(age) => (3, age, 2),
        }
    }
}

/// Of one partition.
pub(super) fn of(it: &PartitionFacts, now: Clocks) -> Late {
    let Some(committed) = it.committed else { return Late::NoCommit };
    match it.lag() {
        None if it.is_offline => return Late::NoCommit,
        None => return Late::Unknown,
        Some(0) => return Late::CaughtUp,
        Some(_) => {}
    }
    let probe = it
        .probe
        .map(|probe| (probe.offset, group_lag::age_ms(probe.time, now.wall).unsigned_abs()));
    if let Some((offset, age)) = probe
        && offset == committed
    {
        return Late::Read(age);
    }
    match it.appended {
        AppendedAt::At(at) => Late::Estimated(now.monotonic - at),
        AppendedAt::Before(at) => {
            let watched = now.monotonic - at;
            let between = probe.zip(it.earliest).and_then(|(probe, (_, earliest))| {
                interpolated(probe, (earliest, watched), committed)
            });
            between.map_or(Late::OlderThan(watched), Late::Estimated)
        }
        // Our last sample of the end is older than the commit.
        AppendedAt::NotYet => Late::Estimated(0),
        AppendedAt::Unknown => Late::Unknown,
    }
}

/// The commit moved on since a record was read, and is not yet where our history begins: its age
/// lies between both.
fn interpolated(from: (Offset, u64), to: (Offset, u64), committed: Offset) -> Option<u64> {
    let is_between = from.0 < committed && committed < to.0 && to.1 <= from.1;
    if !is_between {
        return None;
    }
    let share = (committed - from.0) as f64 / (to.0 - from.0) as f64;
    Some(from.1 - ((from.1 - to.1) as f64 * share) as u64)
}

/// The worst of a group.
pub(super) fn worst(all: impl Iterator<Item = Late>) -> Late {
    all.max_by_key(|it| it.rank()).unwrap_or(Late::NoCommit)
}

/// Whether any is older than a limit; `None` if that depends on what is not known.
pub(super) fn is_any_over(limit_ms: u64, all: impl Iterator<Item = Late>) -> Option<bool> {
    let mut is_open = false;
    for it in all {
        if it.age_ms().is_some_and(|age| limit_ms < age) {
            return Some(true);
        }
        is_open |= it.is_open();
    }
    (!is_open).then_some(false)
}
