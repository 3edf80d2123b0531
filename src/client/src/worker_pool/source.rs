//! What a worker pool needs of the consumer that it works for.

use std::future::Future;

use kt_protocol::types::TopicPartition;

use super::effect::Commit;
use crate::consumer::FetchedRecords;
use crate::error::Error;

/// A consumer, as a [`WorkerPool`](super::WorkerPool) sees it.
///
/// Partitions that it gets it tells a [`WorkerPoolHandle`](super::WorkerPoolHandle), before it gives
/// records of them; partitions that it must give away too, and it commits what the handle says
/// before it gives them away.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
/// use std::time::Duration;
///
/// use kt_client::consumer::{Consumer, ConsumerConfig, FetchedRecords, Start};
/// use kt_client::worker_pool::{Commit, OwnedRecord, Source, WorkerPool, WorkerPoolConfig};
/// use kt_client::{Client, ClientConfig, Error};
/// use kt_protocol::types::{Offset, TopicPartition};
///
/// /// Partitions that were assigned by hand, and positions that are kept elsewhere.
/// struct ByHand {
///     consumer: Consumer,
///     kept: Vec<Commit>,
/// }
///
/// impl Source for ByHand {
///     async fn poll(&mut self) -> Result<Vec<FetchedRecords>, Error> {
///         Ok(self.consumer.poll(Duration::MAX).await?.records)
///     }
///
///     fn pause(&mut self, partition: &TopicPartition) {
///         self.consumer.pause([partition]);
///     }
///
///     fn resume(&mut self, partition: &TopicPartition) {
///         self.consumer.resume([partition]);
///     }
///
///     async fn commit(&mut self, commits: &[Commit]) -> Result<(), Error> {
///         self.kept.extend_from_slice(commits);
///         Ok(())
///     }
/// }
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let orders = TopicPartition::new("orders", 0);
/// let consumer = Consumer::new(client, ConsumerConfig::default());
/// consumer.assign([(orders.clone(), Start::Earliest)]);
/// let (done, mut is_done) = tokio::sync::mpsc::unbounded_channel();
/// let pool = WorkerPool::new(WorkerPoolConfig::default(), move |record: OwnedRecord| {
///     let done = done.clone();
///     async move { done.send(record.offset) }
/// });
/// pool.handle().assigned(&orders, Offset(0));
/// let mut source = ByHand { consumer, kept: Vec::new() };
/// pool.run(&mut source, async { drop(is_done.recv().await) }).await?;
/// assert_eq!(source.kept.last().map(|it| it.offset), Some(Offset(1)));
/// # Ok(())
/// # });
/// ```
pub trait Source {
    /// Waits for records. The wait may be dropped at any time: that must lose none of them, and the
    /// next call goes on with what was under way, such as a rebalance.
    fn poll(&mut self) -> impl Future<Output = Result<Vec<FetchedRecords>, Error>> + Send;

    /// Gives no records of a partition from now on.
    fn pause(&mut self, partition: &TopicPartition);

    /// Gives records of a paused partition again.
    fn resume(&mut self, partition: &TopicPartition);

    /// Commits offsets: all of them or none.
    fn commit(&mut self, commits: &[Commit]) -> impl Future<Output = Result<(), Error>> + Send;
}
