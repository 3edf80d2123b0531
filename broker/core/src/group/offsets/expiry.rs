//! Offsets expire when nobody has used them for long (`OffsetMetadataManager.cleanupExpiredOffsets`).

use kt_protocol::types::{Millis, Now, Timestamp};

use super::StoredOffset;
use crate::group::outcome::Outcome;
use crate::group::records::{self, Batch, Fits, GroupRecord};
use crate::group::shard::{Group, Shard};

/// When the time of retention of a group's offsets begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retention {
    /// Not yet: the group is in use, or moving.
    Never,
    /// With each commit.
    FromCommit,
    /// When the group lost its last member.
    FromState(Timestamp),
}

/// Where the scan of all groups is.
#[derive(Clone, Debug)]
pub(crate) enum ExpiryScan {
    /// It begins then.
    At(Millis),
    /// It goes on at this group at once: one batch was not enough.
    From(String),
}

impl Retention {
    fn is_over(self, stored: &StoredOffset, now: Timestamp, retention_ms: i64) -> bool {
        let committed = &stored.committed;
        if let (Some(expire), false) = (committed.expire_timestamp, self == Retention::Never) {
            return expire <= now;
        }
        let begin = match self {
            Retention::Never => return false,
            Retention::FromCommit => committed.commit_timestamp,
            Retention::FromState(timestamp) => timestamp,
        };
        retention_ms <= now.0.saturating_sub(begin.0)
    }
}

impl<T> Shard<T> {
    /// One batch of the scan.
    pub(crate) fn continue_expiry(&mut self, now: Now) -> Outcome<T> {
        let first = match self.expiry() {
            ExpiryScan::At(_) => String::new(),
            ExpiryScan::From(group_id) => group_id.clone(),
        };
        let mut batch = Batch::new(self.config().batch_max_bytes);
        let mut cut = None;
        for (group_id, group) in self.groups_from(&first) {
            let Group::Classic(_) = group else { continue };
            for record in self.expired(group_id, now) {
                if batch.push([record]) == Fits::No {
                    cut = Some(group_id.to_owned());
                    break;
                }
            }
            if cut.is_some() {
                break;
            }
        }
        let records = batch.into_records();
        let next = now.monotonic + self.config().offsets_retention_check_interval_ms;
        // Without a record it would be cut there again.
        let cut = cut.filter(|_| !records.is_empty());
        self.set_expiry(cut.map_or(ExpiryScan::At(next), ExpiryScan::From));
        Outcome { records, answers: Vec::new() }
    }

    /// The tombstones of what has expired in a classic group, and its own if nothing is left.
    fn expired(&self, group_id: &str, now: Now) -> Vec<GroupRecord> {
        let Some(Group::Classic(group)) = self.group(group_id) else { return Vec::new() };
        let retention = group.offset_retention();
        let mut tombstones = Vec::new();
        let mut left = self.transactions().has_group(group_id);
        for (topic, partitions) in self.offsets().of_group(group_id).into_iter().flatten() {
            let is_used = group.is_subscribed_to(topic);
            for (partition, stored) in partitions {
                let retention_ms = self.config().offsets_retention_ms;
                if is_used
                    || !retention.is_over(stored, now.wall, retention_ms)
                    || self.transactions().contains(group_id, topic, *partition)
                {
                    left = true;
                    continue;
                }
                tombstones.push(records::offset_tombstone(group_id, topic, *partition));
            }
        }
        if !left && group.is_empty() {
            tombstones.push(records::group_tombstone(group_id));
        }
        tombstones
    }
}
