//! All that a broker stores, directory by directory (DescribeLogDirs).

use kt_protocol::messages::describe_log_dirs_response::DescribeLogDirsResult;
use kt_protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use kt_protocol::types::{NodeId, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};

use super::Admin;
use crate::client::Target;
use crate::connection::Wanted;
use crate::error::{Error, Subject};

/// A log directory of a broker.
///
/// Shown at [`Admin::broker_log_dirs`](crate::Admin::broker_log_dirs).
#[derive(Clone, Debug)]
pub struct LogDir {
    /// Its path on the broker.
    pub path: String,
    /// What it holds, or why that is not known: an offline directory has `KAFKA_STORAGE_ERROR`.
    pub replicas: Result<Vec<StoredReplica>, Error>,
    /// Bytes of the volume that it is on; told by brokers from 3.3 on.
    pub total_bytes: Option<u64>,
    /// Bytes of the volume that are free for it; told by brokers from 3.3 on.
    pub usable_bytes: Option<u64>,
    /// Whether it takes new replicas.
    pub admission: Admission,
}

/// Whether a log directory takes new replicas (KIP-1066).
///
/// Shown at [`Admin::broker_log_dirs`](crate::Admin::broker_log_dirs).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Admission {
    /// It takes them.
    Open,
    /// It is kept as it is.
    Cordoned,
}

/// A replica in a log directory.
///
/// Shown at [`Admin::broker_log_dirs`](crate::Admin::broker_log_dirs).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StoredReplica {
    /// Of which partition.
    pub partition: TopicPartition,
    /// The bytes of its segments.
    pub size: u64,
    /// Records that it is behind: of the high watermark, or a copy on its way behind its original.
    pub offset_lag: i64,
    /// Which of the two a partition can have on one broker.
    pub place: ReplicaPlace,
}

/// Whether a replica is the one that serves.
///
/// Shown at [`Admin::broker_log_dirs`](crate::Admin::broker_log_dirs).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ReplicaPlace {
    /// It serves.
    Current,
    /// It is on its way here from another directory, and serves once it is whole.
    Future,
}

impl Admin {
    /// All log directories of a broker with all replicas, in one request and without another try.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
    /// use kt_client::{Admin, Client, ClientConfig};
    ///
    /// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
    /// for broker in admin.describe_cluster().await?.brokers {
    ///     for directory in admin.broker_log_dirs(broker.id).await? {
    ///         let replicas = directory.replicas?;
    ///         println!("{}: {} replicas", directory.path, replicas.len());
    ///         assert!(replicas.iter().any(|it| it.partition.topic == "orders" && 0 < it.size));
    ///     }
    /// }
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if the broker does not answer or refuses; each directory has its own result.
    pub async fn broker_log_dirs(&self, node: NodeId) -> Result<Vec<LogDir>, Error> {
        self.client.know_brokers().await?;
        let limit = self.client.limit("DescribeLogDirs");
        let wanted = Wanted::any::<DescribeLogDirsRequest>();
        let build = |_| DescribeLogDirsRequest { topics: None };
        let response = self.client.call_once(Target::Node(node), wanted, limit, build).await?;
        log_dirs(node, response)
    }
}

fn log_dirs(node: NodeId, response: DescribeLogDirsResponse) -> Result<Vec<LogDir>, Error> {
    let code = ErrorCode::from_code(response.error_code);
    if !code.is_none() {
        let subject = Subject::Other(format!("the log directories of broker {node}"));
        return Err(Error::broker(ApiKey::DescribeLogDirs, code, subject));
    }
    // Before version 3 who may not ask is told nothing at all.
    Ok(response.results.into_iter().map(|it| log_dir(node, it)).collect())
}

fn log_dir(node: NodeId, it: DescribeLogDirsResult) -> LogDir {
    let code = ErrorCode::from_code(it.error_code);
    let replicas = match code.is_none() {
        true => Ok(it.topics.into_iter().flat_map(|topic| {
            topic.partitions.into_iter().map(move |it| StoredReplica {
                partition: TopicPartition::new(topic.name.clone(), it.partition_index),
                size: u64::try_from(it.partition_size).unwrap_or(0),
                offset_lag: it.offset_lag,
                place: if it.is_future_key { ReplicaPlace::Future } else { ReplicaPlace::Current },
            })
        })),
        false => {
            let subject = Subject::Other(format!("{} on broker {node}", it.log_dir));
            Err(Error::broker(ApiKey::DescribeLogDirs, code, subject))
        }
    };
    LogDir {
        path: it.log_dir,
        replicas: replicas.map(Iterator::collect),
        // The wire writes -1 for unknown.
        total_bytes: u64::try_from(it.total_bytes).ok(),
        usable_bytes: u64::try_from(it.usable_bytes).ok(),
        admission: if it.is_cordoned { Admission::Cordoned } else { Admission::Open },
    }
}
