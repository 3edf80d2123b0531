//! The cluster as a whole: its id, its brokers, who takes changes.

use kt_protocol::types::NodeId;

use super::Admin;
use crate::error::Error;
use crate::metadata::Broker;

/// A cluster, as one of its brokers sees it.
///
/// Shown at [`Admin::describe_cluster`](crate::Admin::describe_cluster).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDescription {
    /// Its id; old brokers have none.
    pub cluster_id: Option<String>,
    /// Who takes changes.
    pub controller: Option<NodeId>,
    /// The brokers that are up, in the order of their numbers.
    pub brokers: Vec<Broker>,
}

impl Admin {
    /// Asks any broker for the cluster.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&[], async |bootstrap| {
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// let cluster = admin.describe_cluster().await?;
    /// for broker in &cluster.brokers {
    ///     println!("{} {}", broker.id, broker.address());
    /// }
    /// assert_eq!(cluster.brokers.len(), 1);
    /// assert_eq!(admin.cluster_id(), cluster.cluster_id);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if no broker answers in time.
    pub async fn describe_cluster(&self) -> Result<ClusterDescription, Error> {
        self.client.refresh(Some(&[])).await?;
        let metadata = self.client.metadata();
        Ok(ClusterDescription {
            cluster_id: metadata.cluster_id.clone(),
            controller: metadata.controller,
            brokers: metadata.brokers.values().cloned().collect(),
        })
    }

    /// The id of the cluster, if some answer has told it already.
    pub fn cluster_id(&self) -> Option<String> {
        self.client.metadata().cluster_id.clone()
    }
}
