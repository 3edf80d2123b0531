//! The client's end of a connection.

mod error;
mod link;

pub use error::LinkError;
pub use link::{Link, LinkLimits, PendingReply, PendingWrite};
