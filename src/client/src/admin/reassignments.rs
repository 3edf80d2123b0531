//! Partitions that are on their way to other brokers (ListPartitionReassignments).

use std::collections::BTreeMap;

use kt_protocol::messages::ListPartitionReassignmentsRequest;
use kt_protocol::types::TopicPartition;
use kt_protocol::{ApiKey, ErrorCode};

use super::Admin;
use crate::connection::Wanted;
use crate::duration::request_millis;
use crate::error::{Error, Subject};

/// A partition's move.
///
/// Shown at [`Admin::list_reassignments`](crate::Admin::list_reassignments).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Reassignment {
    /// All replicas for now: those that stay, come and go.
    pub replicas: Vec<i32>,
    /// Those that come.
    pub adding: Vec<i32>,
    /// Those that go.
    pub removing: Vec<i32>,
}

impl Admin {
    /// All moves that are under way.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&[], async |bootstrap| {
    /// use kt_client::{Admin, Client, ClientConfig, Error};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// match admin.list_reassignments().await {
    ///     Ok(moves) => println!("{} partitions move", moves.len()),
    ///     // Not every broker can tell.
    ///     Err(error @ Error::Version { .. }) => println!("{error}"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if the controller does not answer in time or refuses.
    pub async fn list_reassignments(
        &self,
    ) -> Result<BTreeMap<TopicPartition, Reassignment>, Error> {
        let limit = self.client.limit("ListPartitionReassignments");
        let request = ListPartitionReassignmentsRequest {
            timeout_ms: request_millis(limit.timeout),
            topics: None,
        };
        let wanted = Wanted::any::<ListPartitionReassignmentsRequest>();
        let response = self
            .ask_controller(wanted, limit, |_| request.clone(), |it| vec![it.error_code])
            .await?;
        let api = ApiKey::ListPartitionReassignments;
        let code = ErrorCode::from_code(response.error_code);
        if !code.is_none() {
            let (subject, message) = (Subject::Request, response.error_message);
            return Err(Error::Broker { api, code, subject, message });
        }
        let mut moves = BTreeMap::new();
        for topic in response.topics {
            for it in topic.partitions {
                let partition = TopicPartition::new(topic.name.clone(), it.partition_index);
                let reassignment = Reassignment {
                    replicas: it.replicas,
                    adding: it.adding_replicas,
                    removing: it.removing_replicas,
                };
                moves.insert(partition, reassignment);
            }
        }
        Ok(moves)
    }
}
