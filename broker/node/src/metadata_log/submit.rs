//! Deciding, appending, committing: the way of one change through the metadata log.

use kt_core::controller::{Controller, Decision};
use kt_core::metadata::{Provenance, VersionedRecord};
use kt_core::raft::Effect as QuorumEffect;
use kt_core::random::Random;
use kt_protocol::messages::metadata_record::MetadataRecord;
use kt_protocol::planted;
use kt_protocol::types::{Now, Offset};
use kt_storage::LogError;

use super::{Committed, MetadataLog, QuorumLog, Shard, Uncommitted, codec, metadata_partition};
use crate::effect::{Effect, FlushTicket};
use crate::machine::Machine;
use crate::node::Node;

/// What to do once a decision is committed and applied.
pub(crate) type Done = Box<dyn FnOnce(&Node, Now, &mut Vec<Effect>) + Send>;

/// What a decider is given.
pub(crate) struct Deciding<'a> {
    /// The state, up to the log's end.
    pub(crate) controller: &'a mut Controller,
    /// For ids and placements.
    pub(crate) random: &'a mut Random,
    /// Where the decision's first record will be.
    pub(crate) next_offset: Offset,
}

/// The most bytes of one batch (`KafkaRaftClient.MAX_BATCH_SIZE_BYTES`): no follower fetches more
/// at once, and every segment has room for it.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// Why nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotSubmitted {
    /// This node decides nothing any more.
    #[error("the metadata log cannot be written")]
    NotController,
    /// The decision does not fit into a batch.
    #[error("the change makes a batch of {0} bytes, more than the metadata log takes at once")]
    TooLarge(usize),
}

impl MetadataLog {
    /// Decides, appends the records as one batch and replays them; `done` is called once that is
    /// committed and applied to this broker. A decision without records waits for what its decider
    /// had seen.
    ///
    /// # Errors
    ///
    /// [`NotSubmitted`] if an append failed, now or earlier, or cannot be tried: then nothing was
    /// changed, and `done` is dropped.
    pub(crate) fn submit<R: Send + 'static>(
        &self,
        now: Now,
        decide: impl FnOnce(Deciding<'_>) -> Decision<R>,
        done: impl FnOnce(&Node, Now, R, &mut Vec<Effect>) + Send + 'static,
        effects: &mut Vec<Effect>,
    ) -> Result<(), NotSubmitted> {
        let mut shard = self.shard.lock();
        if shard.has_failed {
            return Err(NotSubmitted::NotController);
        }
        let Shard { controller, random, next_offset, .. } = &mut *shard;
        let deciding = Deciding { controller, random, next_offset: *next_offset };
        let Decision { records, response } = decide(deciding);
        let mut publish = None;
        if !records.is_empty() {
            publish = self.append(&mut shard, now, &records, effects)?;
        }
        let done: Done = Box::new(move |node, now, effects| done(node, now, response, effects));
        let end = shard.next_offset;
        shard.uncommitted.push_back(Uncommitted { end, publish, done: Some(done) });
        self.commit(&mut shard, effects);
        Ok(())
    }

    pub(super) fn append(
        &self,
        shard: &mut Shard,
        now: Now,
        records: &[VersionedRecord],
        effects: &mut Vec<Effect>,
    ) -> Result<Option<Publish>, NotSubmitted> {
        let base = shard.next_offset;
        let mut log = self.log.lock();
        let epoch = log.epoch;
        let batch = codec::data_batch(base, epoch, now.wall, records);
        if BATCH_BYTES_MAX < batch.len() {
            return Err(NotSubmitted::TooLarge(batch.len()));
        }
        if let Err(error) = log.log.append(now, &batch) {
            shard.has_failed = true;
            effects.push(fatal(&error));
            return Err(NotSubmitted::NotController);
        }
        let end = log.log.log_end_offset();
        log.quorum.on_appended(end);
        if !records.iter().all(|it| matches!(it.record, MetadataRecord::NoOp(_))) {
            log.checkpoint_need.has_news();
        }
        self.flush(&mut log, effects);
        drop(log);
        for (record, at) in records.iter().zip(base.0..) {
            shard
                .controller
                .replay(&record.record, Offset(at))
                .expect("a decider writes what fits the state that it read");
        }
        shard.next_offset = end;
        shard.last_append = now.monotonic;
        self.snapshots.lock().appended(batch.len() as u64);
        let last_offset = Offset(end.0 - 1);
        let provenance = Provenance { last_offset, last_epoch: epoch, last_timestamp: now.wall };
        Ok(shard.controller.end_batch(provenance))
    }

    /// Asks for a flush of what was appended, unless one is out: its end asks for the next.
    fn flush(&self, log: &mut QuorumLog, effects: &mut Vec<Effect>) {
        if log.is_flushing {
            return;
        }
        let candidates = match log.log.flush_candidates() {
            Ok(Some(candidates)) => candidates,
            Ok(None) => return,
            Err(error) => return effects.push(fatal(&error.into())),
        };
        log.is_flushing = true;
        effects.push(Effect::Flush(FlushTicket {
            partition: metadata_partition(),
            machine: Machine::MetadataLog.id(),
            log_directory: self.log_directory.clone(),
            files: candidates.files,
            directories: candidates.directories,
            up_to: candidates.up_to,
            generation: candidates.generation,
        }));
    }

    /// Asks for the flush of what opening has appended.
    pub(crate) fn flush_what_was_opened(&self, effects: &mut Vec<Effect>) {
        let mut log = self.log.lock();
        self.flush(&mut log, effects);
    }

    /// A flush of the metadata log ended well: what it made durable is this voter's vote.
    pub(crate) fn on_flushed(&self, ticket: &FlushTicket, effects: &mut Vec<Effect>) {
        let mut news = Vec::new();
        {
            let mut log = self.log.lock();
            log.is_flushing = false;
            log.log.flushed(ticket.generation, ticket.up_to);
            log.quorum.on_flushed(ticket.up_to, &mut news);
            self.flush(&mut log, effects);
        }
        for effect in news {
            if let QuorumEffect::HighWatermark(high_watermark) = effect {
                let mut shard = self.shard.lock();
                shard.high_watermark = shard.high_watermark.max(high_watermark);
                self.commit(&mut shard, effects);
            }
        }
    }

    /// Hands over what the high watermark has passed, in order.
    fn commit(&self, shard: &mut Shard, effects: &mut Vec<Effect>) {
        let mut has_some = false;
        while let Some(first) = shard.uncommitted.front() {
            let is_committed = first.end <= shard.high_watermark;
            if !is_committed && !planted!("answered before the commit") {
                break;
            }
            let Some(Uncommitted { publish, done, .. }) = shard.uncommitted.pop_front() else {
                break;
            };
            let publish = publish.map(|(image, delta)| {
                let image = std::sync::Arc::new(image);
                self.image.store(std::sync::Arc::clone(&image));
                (image, delta)
            });
            // A sign of life: nobody waits for it, and nobody has to look at it.
            let is_quiet = publish.as_ref().is_some_and(|(_, delta)| delta.is_empty());
            if is_quiet && done.is_none() {
                continue;
            }
            self.committed.lock().push_back(Committed { publish, done });
            has_some = true;
        }
        if has_some {
            effects.push(Effect::Wake(Machine::Broker.id()));
        }
    }
}

/// An image, and what changed in it.
pub(super) type Publish = (kt_core::metadata::MetadataImage, kt_core::metadata::MetadataDelta);

/// A node whose metadata log fails cannot go on: what it appends nobody could commit.
fn fatal(error: &LogError) -> Effect {
    Effect::Fatal { exit_code: 1, message: format!("the metadata log cannot be written: {error}") }
}
