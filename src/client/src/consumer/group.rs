//! Being a member of a group: who coordinates it, joining, sharing out, staying alive, committing.
//!
//! Everything that decides is a value without clock, socket or task: [`membership`] and
//! [`commits`], joined in [`machine`]. What they want done are [`request::Effect`]s; answers come
//! back by [`request::RequestId`].

pub mod commits;
mod coordinator;
mod loss;
pub mod machine;
pub mod membership;
pub mod request;
mod subscription;

pub use loss::LossCause;
pub use subscription::{InternalTopics, KnownTopic, KnownTopics, Subscription};
