//! Questions about a cluster, and changes to it. One file for each kind.

mod alter_configs;
mod alter_offsets;
mod broker_log_dirs;
mod cluster;
mod committed_offsets;
mod config_resources;
mod configs;
mod coordinator;
mod create_partitions;
mod create_topics;
mod delete_records;
mod delete_topics;
mod describe_groups;
mod describe_topics;
mod groups;
mod list_offsets;
mod log_dirs;
mod producers;
mod propagation;
mod quorum;
mod reassignments;
mod record_times;
mod registered_brokers;
mod remove_members;
mod share_offsets;
#[cfg(test)]
mod tests;

use kt_protocol::ErrorCode;

use crate::client::{Client, Limit, Target};
use crate::connection::Wanted;
use crate::error::{Error, Subject};
use crate::request::Request;

pub use alter_configs::ConfigChange;
pub use alter_offsets::PerPartition;
pub use broker_log_dirs::{Admission, LogDir, ReplicaPlace, StoredReplica};
pub use cluster::ClusterDescription;
pub use committed_offsets::{CommittedOffset, CommittedOffsets};
pub use configs::{
    ConfigEntry, ConfigSource, ConfigSynonym, DocumentedConfig, Resource, ResourceKind,
};
pub use coordinator::PerGroup;
pub use create_topics::{CreatedTopic, NewTopic, Placement};
pub use delete_records::TrimmedPartitions;
pub use describe_groups::{GroupDescription, GroupMember};
pub use groups::{GroupState, GroupType, ListedGroup, ListedGroups};
pub use list_offsets::{FoundOffset, FoundOffsets, Isolation, OffsetQuery};
pub use producers::ActiveProducer;
pub use propagation::Expected;
pub use quorum::{QuorumDescription, QuorumReplica};
pub use reassignments::Reassignment;
pub use record_times::RecordTimes;
pub use registered_brokers::{BrokerScope, BrokerStanding, RegisteredBroker, RegisteredBrokers};
pub use remove_members::MemberName;
pub use share_offsets::{ShareOffset, ShareOffsets};

/// The administrator's side of a [`Client`].
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use kt_client::admin::{Apply, Expected, NewTopic, Placement};
/// use kt_client::{Admin, Client, ClientConfig};
///
/// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
/// let invoices = NewTopic {
///     name: "invoices".to_owned(),
///     placement: Placement::Counts { partitions: Some(3), replication_factor: None },
///     configs: [("retention.ms".to_owned(), "86400000".to_owned())].into(),
/// };
/// for (name, created) in admin.create_topics(&[invoices], Apply::Change).await? {
///     println!("{name}: {:?}", created?.id);
/// }
/// // The controller has it; wait until the brokers have it too.
/// admin.wait_until_known(&[("invoices".to_owned(), Expected::Partitions(3))]).await?;
/// assert_eq!(admin.list_topics().await?.len(), 2);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct Admin {
    client: Client,
}

/// What became of each thing that was named, in the order of naming.
///
/// Shown at [`Admin::create_topics`](crate::Admin::create_topics).
pub type PerItem<T> = Vec<(String, Result<T, Error>)>;

/// Whether a change is made or only checked.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use kt_client::admin::Apply;
/// use kt_client::{Admin, Client, ClientConfig};
///
/// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
/// // A topic can grow, but not shrink: ask first.
/// let counts = [("orders".to_owned(), 12)];
/// for (_, checked) in admin.create_partitions(&counts, Apply::ValidateOnly).await? {
///     checked?;
/// }
/// assert_eq!(admin.list_topics().await?[0].partitions.len(), 1);
/// # Ok(())
/// # });
/// ```
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

    /// Asks whoever takes changes, and again if it was another by then. `codes` are the error codes
    /// of an answer.
    async fn ask_controller<R: Request>(
        &self,
        wanted: Wanted,
        limit: Limit,
        build: impl Fn(i16) -> R,
        codes: impl Fn(&R::Response) -> Vec<i16>,
    ) -> Result<R::Response, Error> {
        self.ask(Target::Controller, wanted, limit, build, codes).await
    }

    /// The same of any target.
    async fn ask<R: Request>(
        &self,
        target: Target,
        wanted: Wanted,
        limit: Limit,
        build: impl Fn(i16) -> R,
        codes: impl Fn(&R::Response) -> Vec<i16>,
    ) -> Result<R::Response, Error> {
        let once = || async {
            let response = self.client.call_once(target, wanted, limit, &build).await?;
            let not_controller = ErrorCode::NotController;
            if codes(&response).iter().any(|it| ErrorCode::from_code(*it) == not_controller) {
                self.client.refresh(Some(&[])).await?;
                return Err(Error::broker(R::API, not_controller, Subject::Request));
            }
            Ok(response)
        };
        self.client.retrying(limit, once).await
    }
}
