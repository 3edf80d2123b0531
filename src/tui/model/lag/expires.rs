//! When retention may delete the oldest unread record.

use super::PartitionFacts;
use super::late::Late;

/// What a topic's config says of deleting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Retention {
    /// Whether `cleanup.policy` names `delete`; `None` if the config is not known.
    pub(crate) deletes: Option<bool>,
    /// `retention.ms`; `None` keeps for ever.
    pub(crate) ms: Option<u64>,
    /// `retention.bytes`; `None` keeps any size.
    pub(crate) bytes: Option<u64>,
}

/// Until the oldest unread record may be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expires {
    /// Nothing is unread, or nothing deletes it.
    Never,
    /// In ms.
    In(u64),
    /// So many records are deleted and were not read.
    Lost(u64),
    Unknown,
}

impl Expires {
    /// Larger is worse.
    pub(super) fn urgency(self) -> u64 {
        match self {
            Expires::Never | Expires::Unknown => 0,
            Expires::In(left) => u64::MAX / 2 - left.min(u64::MAX / 2 - 1),
            Expires::Lost(records) => (u64::MAX / 2).saturating_add(records),
        }
    }
}

/// Of one partition.
pub(super) fn of(it: &PartitionFacts, late: Late) -> Expires {
    let (Some(committed), Some(lag)) = (it.committed, it.lag()) else { return Expires::Never };
    if let Some(start) = it.start
        && committed < start
    {
        return Expires::Lost((start - committed).unsigned_abs());
    }
    if lag == 0 {
        return Expires::Never;
    }
    match it.retention.deletes {
        None => return Expires::Unknown,
        Some(false) => return Expires::Never,
        Some(true) => {}
    }
    let by_time = it.retention.ms.map(|ms| match late.age_ms() {
        Some(age) => Expires::In(ms.saturating_sub(age)),
        None => Expires::Unknown,
    });
    let by_size = it.retention.bytes.map(|bytes| by_size(it, lag, bytes));
    least(by_time.into_iter().chain(by_size))
}

/// Whether the oldest unread record has used up half of what retention gives it. Who reads what was
/// just written loses nothing, however short that is kept and however the rates compare.
pub(super) fn is_worn(it: &PartitionFacts, late: Late) -> bool {
    let by_time = it.retention.ms.zip(late.age_ms()).is_some_and(|(ms, age)| ms / 2 <= age);
    let unread = || it.lag().and_then(|lag| Some(lag as f64 * record_bytes(it, lag)?));
    let by_size = it.retention.bytes.zip(unread());
    by_time || by_size.is_some_and(|(keeps, unread)| keeps as f64 / 2.0 <= unread)
}

/// The mean size of a stored record.
fn record_bytes(it: &PartitionFacts, lag: i64) -> Option<f64> {
    let records = (it.end? - it.start?).max(lag).max(1) as f64;
    Some(it.size_bytes? as f64 / records)
}

/// The log keeps its newest `retention.bytes`: what is unread may fill them, and no more.
fn by_size(it: &PartitionFacts, lag: i64, keeps: u64) -> Expires {
    let Some(record_bytes) = record_bytes(it, lag) else { return Expires::Unknown };
    let Some(rate) = it.incoming.per_second() else { return Expires::Unknown };
    let room = keeps as f64 - lag as f64 * record_bytes;
    if room <= 0.0 {
        return Expires::In(0);
    }
    let bytes_per_second = rate * record_bytes;
    if bytes_per_second <= 0.0 {
        return Expires::Never;
    }
    Expires::In((room * 1_000.0 / bytes_per_second) as u64)
}

/// The least: what is lost goes before all, and all of it is counted.
pub(super) fn least(all: impl Iterator<Item = Expires>) -> Expires {
    let (mut least, mut lost, mut is_open) = (None::<u64>, 0_u64, false);
    for it in all {
        match it {
            Expires::Never => {}
            Expires::In(left) => least = Some(least.map_or(left, |it| it.min(left))),
            Expires::Lost(records) => lost = lost.saturating_add(records),
            Expires::Unknown => is_open = true,
        }
    }
    match least {
        _ if 0 < lost => Expires::Lost(lost),
        Some(left) => Expires::In(left),
        None if is_open => Expires::Unknown,
        None => Expires::Never,
    }
}
