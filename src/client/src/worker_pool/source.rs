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
