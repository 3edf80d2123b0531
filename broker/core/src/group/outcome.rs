//! What a call of the shard brings about: records to append, and answers to give afterwards.

use kt_protocol::messages::delete_groups_response::DeletableGroupResult;
use kt_protocol::messages::{
    HeartbeatResponse, JoinGroupResponse, LeaveGroupResponse, OffsetCommitResponse,
    OffsetDeleteResponse, SyncGroupResponse,
};

use super::records::{self, Fits, GroupRecord};

/// Nothing of it is true until the records are committed.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "records are to be appended, answers to be given"]
pub struct Outcome<T> {
    /// What to append, as one batch; often nothing.
    pub records: Vec<GroupRecord>,
    /// What to answer afterwards, and to whom.
    pub answers: Vec<(T, Answer)>,
}

/// The answer to a request that carried a token.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is the answer to the request of its name")]
pub enum Answer {
    JoinGroup(JoinGroupResponse),
    SyncGroup(SyncGroupResponse),
    Heartbeat(HeartbeatResponse),
    LeaveGroup(LeaveGroupResponse),
    OffsetCommit(OffsetCommitResponse),
    OffsetDelete(OffsetDeleteResponse),
    /// Of this shard's part of the groups.
    DeleteGroups(Vec<DeletableGroupResult>),
}

impl<T> Outcome<T> {
    /// Nothing happens.
    pub(crate) fn nothing() -> Outcome<T> {
        Outcome { records: Vec::new(), answers: Vec::new() }
    }

    /// An answer that changes nothing.
    pub(crate) fn only(token: T, answer: Answer) -> Outcome<T> {
        Outcome { records: Vec::new(), answers: vec![(token, answer)] }
    }

    /// Whether there is nothing to append and nobody to answer.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.answers.is_empty()
    }

    pub(crate) fn answer(&mut self, token: T, answer: Answer) {
        self.answers.push((token, answer));
    }

    /// Adds a record if the batch stays within `batch_max_bytes`.
    pub(crate) fn append_within(&mut self, record: GroupRecord, batch_max_bytes: usize) -> Fits {
        self.records.push(record);
        if records::batch_len(&self.records) <= batch_max_bytes {
            return Fits::Yes;
        }
        self.records.pop();
        Fits::No
    }
}
