//! What a producer counts. Plain numbers, as they were when they were asked for.

use super::queue::Taken;

/// Counts since the producer was made; times are sums, for whoever asks twice to divide.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use kt_client::producer::{AsBytes, Producer, ProducerConfig, Record};
/// use kt_client::{Client, ClientConfig};
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let producer = Producer::new(client, ProducerConfig::default(), AsBytes, AsBytes)?;
/// for value in ["tea", "coffee"] {
///     producer.send_and_forget(Record::<&str, _>::new("orders", value)).await?;
/// }
/// producer.flush().await;
/// let metrics = producer.metrics();
/// println!("{} records in each batch", metrics.batch_records / metrics.batches.max(1));
/// assert_eq!((metrics.delivered, metrics.failed, metrics.buffer_bytes), (2, 0, 0));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Records that were taken.
    pub records: u64,
    /// Records that were delivered.
    pub delivered: u64,
    /// Records that failed.
    pub failed: u64,
    /// Batches that were sent, each once.
    pub batches: u64,
    /// Records in them.
    pub batch_records: u64,
    /// Batches that an answer sent back.
    pub retries: u64,
    /// Batches that were too large for the broker and were halved.
    pub splits: u64,
    /// Requests that were sent.
    pub requests: u64,
    /// Requests that were answered or given up.
    pub answers: u64,
    /// Requests that have no answer yet.
    pub in_flight: u64,
    /// Milliseconds from the begin of each batch to its first sending.
    pub queue_ms: u64,
    /// Milliseconds from the sending of each request to its answer.
    pub request_ms: u64,
    /// Bytes of `buffer.memory` in use.
    pub buffer_bytes: u64,
}

impl Metrics {
    pub(super) fn count_sent(&mut self, batch: &Taken) {
        if batch.is_first_try {
            self.batches += 1;
            self.batch_records += batch.records as u64;
            self.queue_ms += batch.waited_ms;
        }
    }
}
