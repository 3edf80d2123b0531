//! The metadata quorum: who leads, who votes, how far each has come (DescribeQuorum, KIP-595).

use kt_protocol::messages::DescribeQuorumRequest;
use kt_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kt_protocol::messages::describe_quorum_response::ReplicaState;
use kt_protocol::types::{LeaderEpoch, NodeId, Offset, Timestamp, Uuid};
use kt_protocol::{ApiKey, ErrorCode};

use super::Admin;
use crate::client::Target;
use crate::connection::Wanted;
use crate::error::{Error, Subject};

/// The log of the metadata quorum.
const METADATA_TOPIC: &str = "__cluster_metadata";

/// The metadata quorum, as its leader sees it.
///
/// Shown at [`Admin::describe_quorum`](crate::Admin::describe_quorum).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct QuorumDescription {
    /// The leader.
    pub leader: NodeId,
    /// Its epoch.
    pub leader_epoch: LeaderEpoch,
    /// The offset up to which the quorum has committed.
    pub high_watermark: Offset,
    /// Who votes.
    pub voters: Vec<QuorumReplica>,
    /// Who only follows.
    pub observers: Vec<QuorumReplica>,
}

/// A node that has the metadata log.
///
/// Shown at [`Admin::describe_quorum`](crate::Admin::describe_quorum).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct QuorumReplica {
    /// Which.
    pub node: NodeId,
    /// The directory that it votes with (KIP-853); zero if the leader does not say.
    pub directory: Uuid,
    /// The end of its log, if the leader knows.
    pub log_end: Option<Offset>,
    /// When it fetched last, by the leader's clock.
    pub last_fetch: Option<Timestamp>,
    /// When it had all that the leader had, by the leader's clock.
    pub last_caught_up: Option<Timestamp>,
}

impl Admin {
    /// Asks for the metadata quorum. Any broker passes the question on to the leader.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&[], async |bootstrap| {
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// let quorum = admin.describe_quorum().await?;
    /// for voter in &quorum.voters {
    ///     println!("{} has {:?} of {:?}", voter.node, voter.log_end, quorum.high_watermark);
    /// }
    /// assert_eq!(quorum.voters[0].node, quorum.leader);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if no broker answers in time, and if the cluster has no quorum.
    pub async fn describe_quorum(&self) -> Result<QuorumDescription, Error> {
        let partitions = vec![PartitionData { partition_index: 0 }];
        let topics = vec![TopicData { topic_name: METADATA_TOPIC.to_owned(), partitions }];
        let request = DescribeQuorumRequest { topics };
        let limit = self.client.limit("DescribeQuorum");
        let wanted = Wanted::any::<DescribeQuorumRequest>();
        let refused = |code: i16, message: Option<String>| Error::Broker {
            api: ApiKey::DescribeQuorum,
            code: ErrorCode::from_code(code),
            subject: Subject::Other("the metadata quorum".to_owned()),
            message,
        };
        let once = || async {
            let response =
                self.client.call_once(Target::Any, wanted, limit, |_| request.clone()).await?;
            if response.error_code != 0 {
                return Err(refused(response.error_code, response.error_message));
            }
            let partitions = response.topics.into_iter().flat_map(|it| it.partitions);
            let Some(quorum) = partitions.into_iter().next() else {
                return Err(Error::protocol(ApiKey::DescribeQuorum, "the answer has no partition"));
            };
            if quorum.error_code != 0 {
                return Err(refused(quorum.error_code, quorum.error_message));
            }
            Ok(QuorumDescription {
                leader: NodeId(quorum.leader_id),
                leader_epoch: LeaderEpoch(quorum.leader_epoch),
                high_watermark: Offset(quorum.high_watermark),
                voters: quorum.current_voters.iter().map(replica).collect(),
                observers: quorum.observers.iter().map(replica).collect(),
            })
        };
        self.client.retrying(limit, once).await
    }
}

fn replica(it: &ReplicaState) -> QuorumReplica {
    let time = |ms: i64| (0 <= ms).then_some(Timestamp(ms));
    QuorumReplica {
        node: NodeId(it.replica_id),
        directory: it.replica_directory_id,
        log_end: (0 <= it.log_end_offset).then_some(Offset(it.log_end_offset)),
        last_fetch: time(it.last_fetch_timestamp),
        last_caught_up: time(it.last_caught_up_timestamp),
    }
}
