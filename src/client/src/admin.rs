//! Questions about a cluster, and changes to it. One file for each kind.

mod cluster;
mod configs;
mod create_topics;
mod delete_topics;
mod describe_topics;
mod list_offsets;
mod log_dirs;

use crate::client::Client;
use crate::error::Error;

pub use cluster::ClusterDescription;
pub use configs::{ConfigEntry, ConfigSource, Resource, ResourceKind};
pub use create_topics::{CreatedTopic, NewTopic, Placement};
pub use list_offsets::{FoundOffset, FoundOffsets, Isolation, OffsetQuery};

/// The administrator's side of a [`Client`].
#[derive(Clone, Debug)]
pub struct Admin {
    client: Client,
}

/// What became of each thing that was named, in the order of naming.
pub type PerItem<T> = Vec<(String, Result<T, Error>)>;

/// Whether a change is made or only checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apply {
    /// It is made.
    Change,
    /// The broker checks it and changes nothing.
    ValidateOnly,
}

impl Admin {
    /// The administrator's side of `client`.
    pub fn new(client: Client) -> Admin {
        Admin { client }
    }

    /// The client beneath.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// As Kafka's wire has durations.
fn millis(duration: std::time::Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}
