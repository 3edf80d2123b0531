//! Positions that are kept outside of Kafka, beside the results: read once from a store, and checked
//! against the log before the first record is given.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use kt_protocol::types::TopicPartition;

use super::Consumer;
use super::fetcher::{Position, Start};
use crate::Admin;
use crate::admin::Resource;
use crate::error::Error;

/// What a store says when it cannot be read.
///
/// Shown at [`OffsetStore`].
pub type StoreError = Box<dyn std::error::Error + Send + Sync>;

/// Where positions are kept outside of Kafka. The caller writes them together with its results, in
/// one transaction of whatever the store is: that is what makes each record count exactly once.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use kt_client::consumer::{OffsetStore, Position, StoreError};
/// use kt_protocol::types::TopicPartition;
///
/// /// Kept in memory.
/// struct Kept(BTreeMap<TopicPartition, Position>);
///
/// impl OffsetStore for Kept {
///     async fn load(
///         &self,
///         partitions: &[TopicPartition],
///     ) -> Result<BTreeMap<TopicPartition, Position>, StoreError> {
///         let wanted = |it: &&TopicPartition| partitions.contains(it);
///         let found = self.0.iter().filter(|(it, _)| wanted(it));
///         Ok(found.map(|(it, position)| (it.clone(), *position)).collect())
///     }
/// }
/// ```
pub trait OffsetStore: Sync {
    /// The next offset to read of each of these partitions, as far as one is stored.
    fn load(
        &self,
        partitions: &[TopicPartition],
    ) -> impl Future<Output = Result<BTreeMap<TopicPartition, Position>, StoreError>> + Send;
}

/// What a log may lack between a stored position and the first batch behind it.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
/// use std::time::Duration;
///
/// use kt_client::consumer::{Consumer, ConsumerConfig, Continuity, Position, Start};
/// use kt_client::{Admin, Client, ClientConfig, Error};
/// use kt_protocol::types::{Offset, TopicPartition};
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let orders = TopicPartition::new("orders", 0);
/// // The store says 0, and the log has lost what was before 2 since.
/// Admin::new(client.clone()).delete_records(&[(orders.clone(), Offset(2))].into()).await?;
/// let consumer = Consumer::new(client, ConsumerConfig::default());
/// consumer.assign([(orders, Start::Stored(Position::from(Offset(0)), Continuity::Whole))]);
/// match consumer.poll(Duration::from_secs(30)).await {
///     Err(Error::OffsetGap { found, .. }) => assert_eq!(found, Offset(2)),
///     other => panic!("{other:?}"),
/// }
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// Nothing: each offset belongs to a batch. Markers of transactions do, and so do records that
    /// were compacted out of a batch.
    Whole,
    /// Whole batches: the topic is compacted.
    Compacted,
}

impl Consumer {
    /// Reads these partitions and no others, each from where the store has it, or from `otherwise`
    /// where it has nothing.
    ///
    /// Before a record of a stored partition is given, the log must go on at the stored offset. If
    /// it begins later, or ends before, the poll fails with both offsets, whatever
    /// `auto.offset.reset` says, and the partition waits for a [`Consumer::seek`]. In a compacted
    /// topic batches may be missing in between.
    ///
    /// ```
    /// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
    /// use std::collections::BTreeMap;
    /// use std::time::Duration;
    ///
    /// use kt_client::consumer::{
    ///     Consumer, ConsumerConfig, OffsetStore, Position, Start, StoreError,
    /// };
    /// use kt_client::{Client, ClientConfig};
    /// use kt_protocol::types::{Offset, TopicPartition};
    ///
    /// /// Stands for a table beside the results.
    /// struct Table;
    ///
    /// impl OffsetStore for Table {
    ///     async fn load(
    ///         &self,
    ///         partitions: &[TopicPartition],
    ///     ) -> Result<BTreeMap<TopicPartition, Position>, StoreError> {
    ///         Ok(partitions.iter().map(|it| (it.clone(), Position::from(Offset(1)))).collect())
    ///     }
    /// }
    ///
    /// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
    /// let consumer = Consumer::new(client, ConsumerConfig::default());
    /// let partitions = [TopicPartition::new("orders", 0)];
    /// consumer.assign_from(&Table, &partitions, Start::Earliest).await?;
    /// let polled = consumer.poll(Duration::from_secs(30)).await?;
    /// assert_eq!(polled.records[0].cursor().next()?.map(|it| it.offset), Some(Offset(1)));
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// Fails if the store does, and if the topics' cleanup policies cannot be asked for.
    pub async fn assign_from(
        &self,
        store: &impl OffsetStore,
        partitions: &[TopicPartition],
        otherwise: Start,
    ) -> Result<(), Error> {
        let stored = store.load(partitions).await;
        let stored = stored.map_err(|reason| Error::Store(reason.to_string()))?;
        let compacted = self.compacted(partitions).await?;
        let starts: BTreeMap<TopicPartition, Start> = partitions
            .iter()
            .map(|it| {
                let continuity = match compacted.contains(it.topic.as_str()) {
                    true => Continuity::Compacted,
                    false => Continuity::Whole,
                };
                let stored = stored.get(it).map(|it| Start::Stored(*it, continuity));
                (it.clone(), stored.unwrap_or(otherwise))
            })
            .collect();
        self.assign(starts);
        Ok(())
    }

    /// The topics that compaction takes batches out of.
    async fn compacted(&self, partitions: &[TopicPartition]) -> Result<BTreeSet<String>, Error> {
        let topics: BTreeSet<&str> = partitions.iter().map(|it| it.topic.as_str()).collect();
        let topics: Vec<Resource> = topics.into_iter().map(Resource::topic).collect();
        let admin = Admin::new(self.client().clone());
        let mut compacted = BTreeSet::new();
        for (topic, entries) in admin.describe_configs(&topics, Some(&["cleanup.policy"])).await? {
            let policy = entries?.into_iter().find_map(|it| it.value);
            if policy.is_some_and(|it| it.contains("compact")) {
                compacted.insert(topic);
            }
        }
        Ok(compacted)
    }
}
