//! How far groups are behind, in records and in time: the one place that says what lag is.
//!
//! The lag of a partition is its high watermark minus the committed offset. A partition without a
//! commit has none, which is neither 0 nor the whole log.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kt_client::admin::{CommittedOffset, CommittedOffsets, Isolation, OffsetQuery};
use kt_client::{Admin, ErrorKind};
use kt_protocol::types::{Offset, TopicPartition};

use crate::error::CliError;

/// A partition that a group reads or has read.
#[derive(Clone, Debug)]
pub(crate) struct PartitionLag {
    pub(crate) committed: Option<CommittedOffset>,
    pub(crate) end: End,
    /// The time of the oldest record that was not read, where that was asked for and is known.
    pub(crate) oldest_unread: Option<Timestamp>,
}

/// The high watermark of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Known(i64),
    /// The partition was deleted; what was committed of it means nothing.
    Gone,
    /// Why nobody tells it.
    Unknown(CliError),
}

/// All partitions of a group.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupLag {
    pub(crate) partitions: BTreeMap<TopicPartition, PartitionLag>,
    /// Partitions whose commit could not be read.
    pub(crate) failed: Vec<(TopicPartition, CliError)>,
}

/// The sum over all partitions that have a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TotalLag {
    /// In records.
    Known(i64),
    /// No partition has a commit.
    NoCommit,
    /// Why it cannot be told.
    Unknown(CliError),
}

/// The age of the oldest unread record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeLag {
    /// In ms.
    Known(i64),
    /// All is read.
    NothingUnread,
    /// A record could not be read or has no time, or was not asked for.
    Unknown,
}

/// Records between a commit and the high watermark.
pub(crate) fn unread(committed: Offset, high_watermark: Offset) -> i64 {
    high_watermark.0.saturating_sub(committed.0).max(0)
}

/// The age of a record, in ms.
pub(crate) fn age_ms(record: Timestamp, now: Timestamp) -> i64 {
    // A producer's clock may be ahead of ours.
    now.as_millisecond().saturating_sub(record.as_millisecond()).max(0)
}

impl PartitionLag {
    /// In records; `None` without a commit or a known end.
    pub(crate) fn lag(&self) -> Option<i64> {
        match (&self.committed, &self.end) {
            (Some(committed), End::Known(end)) => Some(unread(committed.offset, Offset(*end))),
            _ => None,
        }
    }

    /// The age of the oldest unread record, in ms.
    pub(crate) fn time_lag_ms(&self, now: Timestamp) -> Option<i64> {
        Some(age_ms(self.oldest_unread?, now))
    }

    fn is_behind(&self) -> bool {
        self.lag().is_some_and(|it| 0 < it)
    }
}

impl GroupLag {
    pub(crate) fn total(&self) -> TotalLag {
        if let Some((_, error)) = self.failed.first() {
            return TotalLag::Unknown(error.clone());
        }
        let mut total: Option<i64> = None;
        for it in self.partitions.values().filter(|it| it.committed.is_some()) {
            match &it.end {
                End::Known(_) => {
                    let lag = it.lag().unwrap_or_default();
                    total = Some(total.unwrap_or_default().saturating_add(lag));
                }
                End::Gone => {}
                End::Unknown(error) => return TotalLag::Unknown(error.clone()),
            }
        }
        total.map_or(TotalLag::NoCommit, TotalLag::Known)
    }

    /// The same, where only a number says something.
    pub(crate) fn total_known(&self) -> Option<i64> {
        match self.total() {
            TotalLag::Known(total) => Some(total),
            TotalLag::NoCommit | TotalLag::Unknown(_) => None,
        }
    }

    pub(crate) fn time(&self, now: Timestamp) -> TimeLag {
        if let TotalLag::Unknown(_) = self.total() {
            return TimeLag::Unknown;
        }
        let mut worst = TimeLag::NothingUnread;
        for it in self.partitions.values().filter(|it| it.is_behind()) {
            match (it.time_lag_ms(now), worst) {
                (None, _) => return TimeLag::Unknown,
                (Some(age), TimeLag::Known(known)) if age <= known => {}
                (Some(age), _) => worst = TimeLag::Known(age),
            }
        }
        worst
    }

    /// The same, where only a number says something.
    pub(crate) fn time_known_ms(&self, now: Timestamp) -> Option<i64> {
        match self.time(now) {
            TimeLag::Known(age) => Some(age),
            TimeLag::NothingUnread | TimeLag::Unknown => None,
        }
    }

    /// Partitions with unread records: what the time lag costs to know.
    pub(crate) fn behind(&self) -> usize {
        self.partitions.values().filter(|it| it.is_behind()).count()
    }

    /// Partitions that have a commit.
    pub(crate) fn commits(&self) -> usize {
        self.partitions.values().filter(|it| it.committed.is_some()).count()
    }
}

/// What is known of each group.
pub(crate) type Lags = BTreeMap<String, Result<GroupLag, CliError>>;

/// Partitions that are looked at although a group may have committed nothing of them.
pub(crate) type Assigned = BTreeMap<String, BTreeSet<TopicPartition>>;

/// Asks for commits and ends: one OffsetFetch for up to 200 groups of a coordinator, one
/// ListOffsets for each leader.
pub(crate) async fn ask(
    admin: &Admin,
    groups: &[String],
    assigned: &Assigned,
) -> Result<Lags, CliError> {
    let mut commits = admin.committed_offsets_of(groups).await?;
    let mut partitions: BTreeSet<TopicPartition> = assigned.values().flatten().cloned().collect();
    for of_group in commits.values().flatten() {
        partitions.extend(of_group.keys().cloned());
    }
    let ends = ends(admin, &partitions).await?;
    let lag = |group: &String| {
        let result = match commits.remove(group) {
            Some(Ok(commits)) => Ok(join(commits, assigned.get(group), &ends)),
            Some(Err(error)) => Err(error.into()),
            None => Ok(GroupLag::default()),
        };
        (group.clone(), result)
    };
    Ok(groups.iter().map(lag).collect())
}

fn join(
    commits: CommittedOffsets,
    assigned: Option<&BTreeSet<TopicPartition>>,
    ends: &BTreeMap<TopicPartition, End>,
) -> GroupLag {
    let mut lag = GroupLag::default();
    let end = |it: &TopicPartition| ends.get(it).cloned().unwrap_or(End::Gone);
    for it in assigned.into_iter().flatten() {
        let partition = PartitionLag { committed: None, end: end(it), oldest_unread: None };
        lag.partitions.insert(it.clone(), partition);
    }
    for (partition, commit) in commits {
        match commit {
            Ok(commit) => {
                let end = end(&partition);
                let it = PartitionLag { committed: Some(commit), end, oldest_unread: None };
                lag.partitions.insert(partition, it);
            }
            Err(error) => lag.failed.push((partition, error.into())),
        }
    }
    lag
}

/// The high watermarks.
async fn ends(
    admin: &Admin,
    partitions: &BTreeSet<TopicPartition>,
) -> Result<BTreeMap<TopicPartition, End>, CliError> {
    let mut names: Vec<String> = partitions.iter().map(|it| it.topic.clone()).collect();
    names.dedup();
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let topics = admin.client().topics(&names).await?;
    let mut ends = BTreeMap::new();
    let mut queries = BTreeMap::new();
    for it in partitions {
        let end = match topics.get(&it.topic) {
            Some(Ok(topic)) => match topic.partition(it.partition.0) {
                None => End::Gone,
                // Asking for it would be waiting for a leader.
                Some(known) if known.leader.is_none() => End::Unknown(no_leader(it)),
                Some(_) => {
                    queries.insert(it.clone(), OffsetQuery::Latest);
                    continue;
                }
            },
            Some(Err(error)) if error.kind() != ErrorKind::NotFound => {
                End::Unknown(error.clone().into())
            }
            Some(Err(_)) | None => End::Gone,
        };
        ends.insert(it.clone(), end);
    }
    for (partition, found) in admin.list_offsets(&queries, Isolation::ReadUncommitted).await? {
        let end = match found {
            Ok(found) => End::Known(found.offset.map_or(0, |it| it.0)),
            Err(error) => End::Unknown(error.into()),
        };
        ends.insert(partition, end);
    }
    Ok(ends)
}

fn no_leader(it: &TopicPartition) -> CliError {
    let message = format!("partition {} of topic \"{}\" has no leader", it.partition, it.topic);
    CliError::new(crate::error::Kind::Unreachable, "LEADER_NOT_AVAILABLE", message)
}

/// Different offsets of one partition that are looked at; what is beyond stays unknown.
const OFFSETS_OF_PARTITION_MAX: usize = 32;

/// Asks for the times of the oldest unread records: one Fetch to each leader of partitions that
/// are behind, and one more for each further group that is elsewhere in the same partition.
pub(crate) async fn ask_times<'a>(
    admin: &Admin,
    lags: impl Iterator<Item = &'a mut GroupLag>,
) -> Result<(), CliError> {
    let mut behind: Vec<(&TopicPartition, i64, &mut Option<Timestamp>)> = Vec::new();
    for (partition, it) in lags.flat_map(|it| &mut it.partitions) {
        if it.is_behind()
            && let Some(commit) = &it.committed
        {
            behind.push((partition, commit.offset.0, &mut it.oldest_unread));
        }
    }
    let mut wanted: BTreeMap<TopicPartition, BTreeSet<i64>> = BTreeMap::new();
    for (partition, offset, _) in &behind {
        wanted.entry((*partition).clone()).or_default().insert(*offset);
    }
    let mut times: BTreeMap<(TopicPartition, i64), Timestamp> = BTreeMap::new();
    for _ in 0..OFFSETS_OF_PARTITION_MAX {
        // A request names a partition once.
        let next = |(partition, offsets): (&TopicPartition, &mut BTreeSet<i64>)| {
            Some((partition.clone(), Offset(offsets.pop_first()?)))
        };
        let round: BTreeMap<TopicPartition, Offset> = wanted.iter_mut().filter_map(next).collect();
        if round.is_empty() {
            break;
        }
        for (partition, found) in admin.record_times(&round).await? {
            let offset = round.get(&partition).map_or(0, |it| it.0);
            if let Ok(Some(time)) = found
                && let Ok(time) = Timestamp::from_millisecond(time.0)
            {
                times.insert((partition, offset), time);
            }
        }
    }
    for (partition, offset, oldest) in behind {
        *oldest = times.get(&(partition.clone(), offset)).copied();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn partition(committed: Option<i64>, end: End, oldest: Option<i64>) -> PartitionLag {
        let commit = |offset| CommittedOffset {
            offset: Offset(offset),
            leader_epoch: None,
            metadata: String::new(),
        };
        PartitionLag { committed: committed.map(commit), end, oldest_unread: oldest.map(at) }
    }

    fn group(partitions: Vec<PartitionLag>) -> GroupLag {
        let named = (0..).zip(partitions).map(|(at, it)| (TopicPartition::new("orders", at), it));
        GroupLag { partitions: named.collect(), failed: Vec::new() }
    }

    #[test]
    fn lag_is_what_is_behind_a_commit_and_nothing_else() {
        let behind = partition(Some(3), End::Known(10), Some(400));
        let more = partition(Some(0), End::Known(1), Some(900));
        let done = partition(Some(10), End::Known(10), None);
        let ahead = partition(Some(12), End::Known(10), None);
        let uncommitted = partition(None, End::Known(10), None);
        let deleted = partition(Some(3), End::Gone, None);
        let lag = group(vec![behind, more, done.clone(), ahead, uncommitted.clone(), deleted]);
        assert_eq!(lag.total(), TotalLag::Known(8));
        assert_eq!(lag.time(at(1_000)), TimeLag::Known(600));
        assert_eq!((lag.behind(), lag.commits()), (2, 5));
        assert_eq!(group(vec![uncommitted]).total(), TotalLag::NoCommit);
        assert_eq!(group(vec![done]).time(at(1_000)), TimeLag::NothingUnread);
    }

    #[test]
    fn what_is_not_known_makes_the_sum_unknown() {
        let known = partition(Some(3), End::Known(10), Some(400));
        let offline = partition(Some(3), End::Unknown(CliError::other("offline")), None);
        let lag = group(vec![known.clone(), offline]);
        assert_eq!(lag.total(), TotalLag::Unknown(CliError::other("offline")));
        assert_eq!((lag.total_known(), lag.time(at(1_000))), (None, TimeLag::Unknown));
        let timeless = partition(Some(3), End::Known(4), None);
        assert_eq!(group(vec![known, timeless]).time(at(1_000)), TimeLag::Unknown);
    }

    #[test]
    fn a_record_from_the_future_is_no_lag() {
        let lag = group(vec![partition(Some(3), End::Known(10), Some(5_000))]);
        assert_eq!(lag.time(at(1_000)), TimeLag::Known(0));
    }
}
