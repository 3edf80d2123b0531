//! What a poll has begun for an event and the next one goes on with, whether the first was out of
//! time or dropped.

use std::collections::BTreeSet;

use kt_protocol::types::TopicPartition;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::commits::{Committed, Offsets};
use super::committed::Seeker;
use crate::consumer::panic_guard::guarded;
use crate::error::Error;

/// For the event that is not acknowledged.
#[derive(Default)]
pub(super) struct Errands {
    pub(super) start: StartErrand,
    pub(super) last_commit: LastCommit,
}

/// Beginning to read what was assigned.
#[derive(Default)]
pub(super) enum StartErrand {
    #[default]
    NotBegun,
    /// The coordinator is asked where the group has come to.
    Asking(Asking),
    /// The partitions are read.
    Done,
}

/// Committing what is done before it is given back.
#[derive(Default)]
pub(super) enum LastCommit {
    #[default]
    NotBegun,
    Asked(oneshot::Receiver<Committed>),
    /// It has ended, well or not.
    Done,
}

/// A question that goes on until this is dropped.
pub(super) struct Asking(JoinSet<Result<Offsets, Error>>);

impl Asking {
    pub(super) fn begin(seeker: Seeker, partitions: BTreeSet<TopicPartition>) -> Asking {
        let mut task = JoinSet::new();
        task.spawn(async move { guarded("an OffsetFetch", seeker.committed(&partitions)).await });
        Asking(task)
    }

    /// The answer, once. May be waited for again if the wait was given up.
    pub(super) async fn answer(&mut self) -> Result<Offsets, Error> {
        match self.0.join_next().await {
            Some(Ok(answer)) => answer,
            Some(Err(_)) | None => Err(Error::Closed("consumer")),
        }
    }
}
