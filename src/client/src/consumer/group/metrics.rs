//! What a member counts. Plain numbers, as they were when they were asked for.

use std::time::Duration;

use kt_protocol::types::Millis;

use crate::consumer::FetcherCounts;

/// Counts since the consumer was made, from [`GroupConsumer::metrics`]; times are sums, for
/// whoever asks twice to divide.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea"], async |bootstrap| {
/// # use kt_client::{Client, ClientConfig};
/// # use kt_client::consumer::{ConsumerConfig, OffsetReset};
/// # use kt_client::consumer::group::{GroupConfig, GroupConsumer, Subscription};
/// # let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// # let config =
/// #     ConsumerConfig { offset_reset: OffsetReset::Earliest, ..ConsumerConfig::default() };
/// let consumer = GroupConsumer::new(client, config, GroupConfig::new("billing"))?;
/// consumer.subscribe(Subscription::names(["orders"]));
/// while consumer.metrics().fetcher.records == 0 {
///     consumer.poll(std::time::Duration::from_secs(1)).await?;
/// }
/// let metrics = consumer.metrics();
/// assert_eq!(metrics.membership.rebalances, 1);
/// assert_eq!(metrics.membership.assigned, 1);
/// # Ok(())
/// # });
/// ```
///
/// [`GroupConsumer::metrics`]: super::GroupConsumer::metrics
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupMetrics {
    /// Of the membership.
    pub membership: MembershipCounts,
    /// Of the commits.
    pub commits: CommitCounts,
    /// Of the reading.
    pub fetcher: FetcherCounts,
}

/// What a membership counts.
///
/// Shown at [`GroupMetrics`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MembershipCounts {
    /// JoinGroup requests (`join-total`).
    pub joins: u64,
    /// Rebalances that ended with an assignment (`rebalance-total`).
    pub rebalances: u64,
    /// Milliseconds that these took, each from its first JoinGroup (`rebalance-latency-total`).
    pub rebalance_ms: u64,
    /// Tries to take part that came to nothing (`failed-rebalance-total`).
    pub failed_rebalances: u64,
    /// Heartbeats (`heartbeat-total`).
    pub heartbeats: u64,
    /// How often partitions were taken away without being given back.
    pub losses: u64,
    /// Partitions that it reads now (`assigned-partitions`).
    pub assigned: u64,
}

/// What a consumer counts of its commits.
///
/// Shown at [`GroupMetrics`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitCounts {
    /// OffsetCommit requests (`commit-total`).
    pub requests: u64,
    /// Commits that the coordinator stored.
    pub stored: u64,
    /// Commits that failed for good.
    pub failed: u64,
}

/// Since when a member is between two assignments.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RebalanceClock(Option<Millis>);

impl RebalanceClock {
    /// A JoinGroup leaves; a first one if none has since the last assignment.
    pub(super) fn begin(&mut self, now: Millis) {
        self.0.get_or_insert(now);
    }

    /// There is an assignment: how long it took.
    pub(super) fn end(&mut self, now: Millis) -> Duration {
        let since = self.0.take().unwrap_or(now);
        Duration::from_millis(now - since)
    }
}
