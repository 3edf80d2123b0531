//! What a program hears of the partitions that come and go.

use std::collections::BTreeSet;
use std::future::{Future, ready};
use std::pin::Pin;

use kt_protocol::types::TopicPartition;

use super::GroupConsumer;

/// What a hook does until it is done.
///
/// Shown at [`RebalanceListener`].
pub type HookFuture<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Hears of rebalances, within the consumer's `poll`, `unsubscribe` and `close`: while a hook runs,
/// no records are given. A call that is dropped in the middle of a hook calls it again next time.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
/// use std::collections::BTreeSet;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use kt_client::consumer::group::{
///     GroupConfig, GroupConsumer, HookFuture, RebalanceListener, Subscription,
/// };
/// use kt_client::consumer::{ConsumerConfig, OffsetReset};
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::types::TopicPartition;
///
/// struct Commit;
///
/// impl RebalanceListener for Commit {
///     fn revoked<'a>(
///         &'a self,
///         consumer: &'a GroupConsumer,
///         partitions: &'a BTreeSet<TopicPartition>,
///     ) -> HookFuture<'a> {
///         Box::pin(async move {
///             // What was polled is done with: commit it while it is still ours.
///             if let Err(error) = consumer.commit_polled().await {
///                 eprintln!("{partitions:?}: {error}");
///             }
///         })
///     }
/// }
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let mut group = GroupConfig::new("billing");
/// group.auto_commit.is_enabled = false;
/// let offset_reset = OffsetReset::Earliest;
/// let reading = ConsumerConfig { offset_reset, ..ConsumerConfig::default() };
/// # let admin = kt_client::Admin::new(client.clone());
/// let consumer = GroupConsumer::new(client, reading, group)?;
/// consumer.subscribe_with(Subscription::names(["orders"]), Arc::new(Commit));
/// while consumer.poll(Duration::from_secs(1)).await?.is_empty() {}
/// // Gives the partitions back.
/// consumer.close(Duration::from_secs(30)).await?;
/// # for (_, committed) in admin.committed_offsets("billing").await? {
/// #     assert_eq!(committed?.offset.0, 2);
/// # }
/// # assert_eq!(admin.committed_offsets("billing").await?.len(), 1);
/// # Ok(())
/// # });
/// ```
pub trait RebalanceListener: Send + Sync {
    /// These go to another member. They may still be committed, and are read until this is done.
    fn revoked<'a>(
        &'a self,
        consumer: &'a GroupConsumer,
        partitions: &'a BTreeSet<TopicPartition>,
    ) -> HookFuture<'a> {
        let _ = (consumer, partitions);
        Box::pin(ready(()))
    }

    /// These are read from now on; a seek takes effect before anything is given. Called at the end
    /// of each rebalance, with what is new, which may be nothing.
    fn assigned<'a>(
        &'a self,
        consumer: &'a GroupConsumer,
        partitions: &'a BTreeSet<TopicPartition>,
    ) -> HookFuture<'a> {
        let _ = (consumer, partitions);
        Box::pin(ready(()))
    }

    /// These are lost: another member may read them already, and a commit would be refused. Does
    /// what [`RebalanceListener::revoked`] does unless it is told apart.
    fn lost<'a>(
        &'a self,
        consumer: &'a GroupConsumer,
        partitions: &'a BTreeSet<TopicPartition>,
    ) -> HookFuture<'a> {
        self.revoked(consumer, partitions)
    }
}

/// Hears of nothing.
pub(super) struct NoListener;

impl RebalanceListener for NoListener {}
