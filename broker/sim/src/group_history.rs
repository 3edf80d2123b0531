//! What members of groups asked and heard, in the order in which it happened.

use std::collections::BTreeMap;

/// One thing that a client did or saw. Requests have numbers that go up; the number of a commit is
/// also the offset that it commits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of requests and answers")]
pub enum GroupSeen {
    /// A request left, at this time in milliseconds.
    Asked { request: u64, at: u64 },
    /// Its answer came.
    Answered { request: u64, at: u64 },
    /// Its connection ended before the answer came, at this time.
    ConnectionLost { request: u64, at: u64 },
    /// A JoinGroup went well.
    Joined {
        group: String,
        generation: i32,
        member_id: String,
        instance_id: Option<String>,
        leader: String,
    },
    /// A SyncGroup went well.
    Synced { group: String, generation: i32, member_id: String, partitions: Vec<i32> },
    /// A commit left.
    CommitAsked {
        request: u64,
        group: String,
        generation: i32,
        member_id: String,
        partitions: Vec<i32>,
    },
    /// Somebody asked to delete the group.
    DeleteAsked { request: u64, group: String },
    /// A commit or a deletion was done.
    Acknowledged { request: u64 },
    /// A commit or a deletion was refused by the rules: it has changed nothing.
    Refused { request: u64 },
    /// An OffsetFetch of all partitions left.
    ReadAsked { request: u64, group: String },
    /// What it answered: -1 where nothing is committed.
    Read { request: u64, offsets: BTreeMap<i32, i64> },
    /// The node came back from a crash.
    Restarted,
    /// The run is over.
    End { at: u64 },
}

/// How instance ids begin: a member id begins with its instance id.
pub const INSTANCE_PREFIX: &str = "static-";

/// How long the part of a member id is that is made anew with each id, and the dash before it.
const UUID_LEN: usize = 37;

/// Who stands behind a member id. A static member stays the same through new ids.
pub fn identity(member_id: &str) -> &str {
    let instance_id = member_id.len().checked_sub(UUID_LEN).and_then(|at| member_id.get(..at));
    instance_id.filter(|it| it.starts_with(INSTANCE_PREFIX)).unwrap_or(member_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_static_member_is_its_instance() {
        let uuid = "01234567-0123-0123-0123-0123456789ab";
        assert_eq!(identity(&format!("static-1-{uuid}")), "static-1");
        assert_eq!(identity(&format!("simulation-{uuid}")), format!("simulation-{uuid}"));
        assert_eq!(identity(""), "");
    }
}
