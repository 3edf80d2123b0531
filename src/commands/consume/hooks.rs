//! What `kt consume -g` does while partitions come and go: commits what was flushed before they go,
//! and lets nothing be read of new ones until it is known where they begin and end.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use kt_client::Error;
use kt_client::consumer::group::{GroupConsumer, HookFuture, RebalanceListener};
use kt_protocol::types::TopicPartition;
use parking_lot::Mutex;

use super::ledger::Ledger;

/// What the reading hears of, in order.
#[derive(Debug)]
pub(super) enum News {
    /// These are ours. They are paused.
    Assigned(BTreeSet<TopicPartition>),
    /// These were given back.
    Revoked(BTreeSet<TopicPartition>),
    /// These were taken away; of the latter something was written that is not committed.
    Lost(BTreeSet<TopicPartition>, Vec<TopicPartition>),
    /// Of these something was written that could not be committed.
    NotCommitted(Vec<TopicPartition>, Error),
}

/// Whether what was flushed is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Commits {
    /// It is.
    On,
    /// It is not (`--no-commit`).
    Off,
}

/// The listener. It runs within the consumer's poll, when all that earlier polls gave was flushed.
pub(super) struct Hooks {
    ledger: Arc<Mutex<Ledger>>,
    commits: Commits,
    news: Mutex<VecDeque<News>>,
}

impl Hooks {
    pub(super) fn new(ledger: Arc<Mutex<Ledger>>, commits: Commits) -> Hooks {
        Hooks { ledger, commits, news: Mutex::default() }
    }

    /// What happened, the oldest first.
    pub(super) fn next(&self) -> Option<News> {
        self.news.lock().pop_front()
    }

    fn tell(&self, consumer: &GroupConsumer, news: News) {
        self.news.lock().push_back(news);
        // Heard of at once, not with the next record.
        consumer.reader().waker().wake();
    }

    async fn commit(&self, consumer: &GroupConsumer, partitions: &BTreeSet<TopicPartition>) {
        let offsets = self.ledger.lock().pending_of(partitions);
        if offsets.is_empty() || self.commits == Commits::Off {
            return;
        }
        match consumer.commit(offsets.clone()).await {
            Ok(()) => self.ledger.lock().committed(&offsets),
            Err(error) => {
                let partitions = offsets.into_keys().collect();
                self.tell(consumer, News::NotCommitted(partitions, error));
            }
        }
    }
}

impl RebalanceListener for Hooks {
    fn assigned<'a>(
        &'a self,
        consumer: &'a GroupConsumer,
        partitions: &'a BTreeSet<TopicPartition>,
    ) -> HookFuture<'a> {
        Box::pin(async move {
            consumer.pause(partitions);
            self.tell(consumer, News::Assigned(partitions.clone()));
        })
    }

    fn revoked<'a>(
        &'a self,
        consumer: &'a GroupConsumer,
        partitions: &'a BTreeSet<TopicPartition>,
    ) -> HookFuture<'a> {
        Box::pin(async move {
            self.commit(consumer, partitions).await;
            self.ledger.lock().forget(partitions);
            self.tell(consumer, News::Revoked(partitions.clone()));
        })
    }

    fn lost<'a>(
        &'a self,
        consumer: &'a GroupConsumer,
        partitions: &'a BTreeSet<TopicPartition>,
    ) -> HookFuture<'a> {
        Box::pin(async move {
            let mut uncommitted = Vec::new();
            if self.commits == Commits::On {
                uncommitted.extend(self.ledger.lock().pending_of(partitions).into_keys());
            }
            self.ledger.lock().forget(partitions);
            self.tell(consumer, News::Lost(partitions.clone(), uncommitted));
        })
    }
}
