//! The group coordinator: who is in which group, and what it has committed (`GroupCoordinatorShard`).
//!
//! A [`Shard`] is the state of one partition of `__consumer_offsets`, and its owner is the leader of
//! that partition. The contract between them:
//!
//! * *Loading.* The owner makes a shard, gives every record of the log to [`Shard::replay`] in
//!   order (tombstones too) and every marker of a transaction to
//!   [`Shard::replay_end_transaction`], and then calls [`Shard::loaded`] once. Before that no
//!   request may be asked; whoever asks is told `COORDINATOR_LOAD_IN_PROGRESS` by the owner.
//! * *Requests.* Each API that may change something takes a token, which says nothing here, and
//!   gives an [`Outcome`]: records, which the owner appends as one batch, and answers by token,
//!   which may leave when that batch is committed; without records, when everything is that was
//!   appended before. The answers may be to tokens of earlier calls: JoinGroup and SyncGroup wait
//!   for other members. Each token is answered exactly once, unless the shard is dropped. Queries
//!   ([`Shard::fetch_offsets`], [`Shard::describe_group`], [`Shard::list_groups`]) answer at once,
//!   and what they say may leave under the same condition.
//! * *Append, then replay.* Right after the append, under the same lock, the owner gives the records
//!   to [`Shard::replay`] too. Offsets and deletions become true only there. The generation of a
//!   classic group does not: its rules had to move on in order to answer, so once loaded
//!   the shard passes over the values of GroupMetadata, as Kafka does: they say what it already
//!   is. If the append fails the owner drops the shard and gives the leadership up.
//! * *Time.* When [`Shard::next_deadline`] has come the owner calls [`Shard::on_deadline`], again
//!   until the deadline lies ahead: each call gives at most one batch. The deadline may move
//!   with every call.
//!
//! Nothing here knows connections: a client that went away stays a member until its session ends.
//!
//! *Bounds.* Groups, offsets and members of generations: each is in a record of the log. Members of
//! a group: `group.max.size`. Member ids that were given out and not used yet:
//! [`PENDING_MEMBERS_MAX`], each for one session timeout. The protocols of one member: a batch, and
//! so is everything a call appends: [`GroupConfig::batch_max_bytes`].
//!
//! Groups of the kinds that are not built yet (consumer, share, streams) are known by name, type and
//! members. They are refused as Kafka refuses a group of another type, and their records are never
//! touched; what stands in their place is said at each call.

mod classic;
mod config;
mod delete_groups;
mod describe;
mod foreign;
mod list;
mod offsets;
mod outcome;
mod records;
mod replay;
mod requests;
mod routing;
mod shard;
mod wakes;

#[cfg(test)]
mod conversation;
#[cfg(test)]
mod owner;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use classic::PENDING_MEMBERS_MAX;
pub use config::GroupConfig;
pub use foreign::GroupType;
pub use offsets::{
    DeletedTopic, OffsetStability, offset_fetch_error, offset_fetch_groups, offset_fetch_response,
};
pub use outcome::{Answer, Outcome};
pub use records::GroupRecord;
pub use requests::Caller;
pub use routing::partition_for;
pub use shard::{Shard, TransactionResult};
