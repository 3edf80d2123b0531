//! What a program hears of the partitions that come and go.

use std::collections::BTreeSet;
use std::future::{Future, ready};
use std::pin::Pin;

use kt_protocol::types::TopicPartition;

use super::GroupConsumer;

/// What a hook does until it is done.
pub type HookFuture<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Hears of rebalances, within the consumer's `poll`, `unsubscribe` and `close`: while a hook runs,
/// no records are given. A call that is dropped in the middle of a hook calls it again next time.
///
/// ```
/// use std::collections::BTreeSet;
///
/// use kt_client::consumer::group::{GroupConsumer, HookFuture, RebalanceListener};
/// use kt_protocol::types::TopicPartition;
///
/// struct Store;
///
/// impl RebalanceListener for Store {
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
