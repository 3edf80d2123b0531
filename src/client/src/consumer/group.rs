//! Being a member of a group: who coordinates it, joining, sharing out, staying alive, committing.
//!
//! [`GroupConsumer`] is the consumer for programs. Everything that decides is a value without clock,
//! socket or task: [`membership`] and [`commits`], joined in [`machine`]. What they want done are
//! [`request::Effect`]s; answers come back by [`request::RequestId`].

#[doc(hidden)]
pub mod commits;
mod committed;
mod config;
mod consumer;
mod coordinator;
mod driver;
mod errands;
mod listener;
mod loss;
#[doc(hidden)]
pub mod machine;
#[doc(hidden)]
pub mod membership;
mod metrics;
#[doc(hidden)]
pub mod request;
mod subscription;
#[cfg(test)]
mod tests;

pub use commits::{OffsetAndMetadata, OffsetCommitCallback, Offsets};
pub use config::{AutoCommit, GroupConfig};
pub use consumer::{GroupConsumer, GroupMetadata};
pub use listener::{HookFuture, RebalanceListener};
pub use loss::LossCause;
pub use metrics::{CommitCounts, GroupMetrics, MembershipCounts};
pub use subscription::{InternalTopics, KnownTopic, KnownTopics, Subscription};
