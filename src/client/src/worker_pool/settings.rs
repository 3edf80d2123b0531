//! What a worker pool is told: order, bounds, and what becomes of a record that fails.

use std::time::Duration;

use crate::backoff::BackoffRange;

/// Which records may not overtake one another.
///
/// ```
/// use kt_client::worker_pool::{Order, WorkerPoolConfig};
///
/// // More than one record of a partition at a time, but one of each customer.
/// let config = WorkerPoolConfig { order: Order::Key, ..WorkerPoolConfig::default() };
/// assert_eq!(Order::default(), Order::Partition);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Those of a partition: it has one record under way at a time.
    #[default]
    Partition,
    /// Those of a partition that have the same key. Records without a key have no order.
    Key,
}

/// What becomes of a record that could not be processed.
///
/// ```
/// use std::time::Duration;
///
/// use kt_client::BackoffRange;
/// use kt_client::worker_pool::{Exhausted, FailurePolicy, WorkerPoolConfig};
///
/// let (first, max) = (Duration::from_millis(100), Duration::from_secs(10));
/// let on_failure = FailurePolicy::Retry {
///     backoff: BackoffRange { first, max },
///     retries: Some(5),
///     then: Exhausted::Skip,
/// };
/// let config = WorkerPoolConfig { on_failure, ..WorkerPoolConfig::default() };
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// The pool stops. The record is not committed and comes again to the next consumer.
    #[default]
    Stop,
    /// The record is reported and counts as finished.
    Skip,
    /// It is tried again. Records behind it in its [`Order`] wait, others go on meanwhile.
    Retry {
        /// Waits between tries.
        backoff: BackoffRange,
        /// Tries after the first; `None`: for ever.
        retries: Option<u32>,
        /// When the last try failed.
        then: Exhausted,
    },
}

/// What becomes of a record whose last try failed.
///
/// Shown at [`FailurePolicy`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exhausted {
    /// As [`FailurePolicy::Stop`].
    #[default]
    Stop,
    /// As [`FailurePolicy::Skip`].
    Skip,
}

/// Settings of a [`WorkerPool`](super::WorkerPool).
///
/// ```
/// use kt_client::worker_pool::{FailurePolicy, Order, WorkerPoolConfig};
///
/// let config = WorkerPoolConfig {
///     workers: 16,
///     order: Order::Key,
///     on_failure: FailurePolicy::Skip,
///     ..WorkerPoolConfig::default()
/// };
/// assert_eq!(config.queue_records_max, 10_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerPoolConfig {
    /// Records that are processed at the same time.
    pub workers: usize,
    /// Which of them wait for one another.
    pub order: Order,
    /// Records in the pool that have not ended. Each partition has an equal share, and room for one
    /// record at least.
    pub queue_records_max: usize,
    /// Their bytes of keys, values and headers, shared in the same way.
    pub queue_bytes_max: usize,
    /// Records of one partition from its first unfinished one on. One record that takes long under
    /// [`Order::Key`] lets so many others pass; all of them come again after a crash.
    pub ahead_max: usize,
    /// What becomes of a record that could not be processed.
    pub on_failure: FailurePolicy,
    /// How long a partition that is taken away may finish what has begun. It should be well below
    /// the group's `max.poll.interval.ms`, which goes on meanwhile.
    pub revoke_timeout: Duration,
    /// How often finished offsets are committed (as `auto.commit.interval.ms`).
    pub commit_interval: Duration,
    /// Where the random spread of waits starts. Pools with different seeds do not retry together.
    pub seed: u64,
}

impl Default for WorkerPoolConfig {
    fn default() -> WorkerPoolConfig {
        WorkerPoolConfig {
            workers: 8,
            order: Order::default(),
            queue_records_max: 10_000,
            queue_bytes_max: 64 << 20,
            ahead_max: 100_000,
            on_failure: FailurePolicy::default(),
            revoke_timeout: Duration::from_secs(10),
            commit_interval: Duration::from_secs(5),
            seed: 0,
        }
    }
}
