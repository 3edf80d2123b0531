//! Truncation: taking back what a leader of a later epoch does not have.
//!
//! It syncs what it changes, names first: a crash afterwards must not bring back a part of what
//! was taken away, to stand behind what was appended since. It runs as a job.

use std::sync::Arc;

use kt_protocol::planted;
use kt_protocol::types::{Now, Offset};

use crate::checkpoints::Promised;
use crate::error::LogError;
use crate::file_names::FileSuffix;
use crate::log::{LoadFacts, RecoveryReport};
use crate::producer_state::ProducerStates;
use crate::recovery::{Recovered, Recovery};
use crate::segment::Segment;
use crate::sparse_index::IndexEnd;

use super::checkpoint::Snapshots;
use super::{Deletion, Log, producers::Replay};

fn check_promised(promised: Promised, end: Offset) -> Result<(), LogError> {
    match promised.offset() {
        promised if end < promised => Err(LogError::Promised { promised, end }),
        _ => Ok(()),
    }
}

impl Log {
    /// Prepares a truncation to `target`, and says where the log will end: checkpoints are to be
    /// written next that say no more, durably. Until the truncation is done,
    /// [`Log::recovery_point_to_checkpoint`] says no more either.
    ///
    /// # Errors
    /// The disk's.
    pub fn prepare_truncation(&mut self, target: Offset) -> Result<Offset, LogError> {
        self.check_usable()?;
        let (end, _) = self.cut_point(target)?;
        self.truncating_to = Some(self.truncating_to.map_or(end, |before| before.min(end)));
        self.cleaned_at_most = Some(self.cleaned_at_most.map_or(end, |before| before.min(end)));
        Ok(end)
    }

    /// Cuts the log so that it ends at `target`, or before it if that lies within a batch. Says
    /// which files are out of the log now.
    ///
    /// `promised` is of the checkpoints that [`Log::prepare_truncation`] asked for.
    ///
    /// # Errors
    /// [`LogError::Promised`] if they were not lowered: nothing has changed. The disk's, after
    /// which the log has failed.
    pub fn truncate_to(
        &mut self,
        now: Now,
        target: Offset,
        promised: Promised,
    ) -> Result<Deletion, LogError> {
        self.check_usable()?;
        if self.log_end_offset <= target {
            self.truncating_to = None;
            return Ok(Deletion::default());
        }
        let (end, _) = self.cut_point(target)?;
        check_promised(promised, end)?;
        let first = self.segments.first().map_or(Offset(0), |first| first.base_offset());
        let result = match target < first {
            true => self.replace_all(now, target),
            false => self.truncate_within(now, target),
        };
        // Half of a truncation is not a log to go on with.
        self.has_failed |= result.is_err();
        self.truncating_to = None;
        result
    }

    /// Takes everything out of the log and begins anew at `offset`.
    ///
    /// `promised` is of checkpoints that were written after [`Log::prepare_truncation`] to the log
    /// start.
    ///
    /// # Errors
    /// As [`Log::truncate_to`].
    pub fn truncate_fully_and_start_at(
        &mut self,
        now: Now,
        offset: Offset,
        promised: Promised,
    ) -> Result<Deletion, LogError> {
        self.check_usable()?;
        check_promised(promised, self.log_start_offset.min(offset))?;
        let result = self.replace_all(now, offset);
        self.has_failed |= result.is_err();
        self.truncating_to = None;
        result
    }

    /// Where a log that is cut at `target` ends, and where in the segment that holds it: batches
    /// are whole.
    fn cut_point(&self, target: Offset) -> Result<(Offset, u64), LogError> {
        let above = self.segments.partition_point(|segment| segment.base_offset() <= target);
        let Some(last) = above.checked_sub(1).and_then(|at| self.segments.get(at)) else {
            return Ok((target, 0));
        };
        if self.log_end_offset <= target {
            return Ok((self.log_end_offset, last.size()?));
        }
        let position = match last.locate(target)? {
            Some(batch) => batch.position,
            None => last.size()?,
        };
        // Not at the next batch: in front of it the cleaner may have left a hole.
        Ok((last.end_below(target, position)?, position))
    }

    fn replace_all(&mut self, now: Now, offset: Offset) -> Result<Deletion, LogError> {
        let deletion = self.take_out(&Arc::clone(&self.segments))?;
        self.remove_snapshots(|_| true)?;
        self.begin_at(now, offset)?;
        self.producers = ProducerStates::new(self.config.producer_id_expiration_ms);
        self.snapshots = Snapshots::new(offset);
        self.epochs.truncate_from_end(Offset(0));
        self.write_epochs()?;
        self.generation += 1;
        Ok(deletion)
    }

    fn sync_names(&self) -> Result<(), LogError> {
        Ok(self.cache.disk().sync_directory(&self.directory.path())?)
    }

    pub(super) fn write_epochs(&mut self) -> Result<(), LogError> {
        Ok(self.epochs.write(&**self.cache.disk(), &self.directory.path())?)
    }

    fn truncate_within(&mut self, now: Now, target: Offset) -> Result<Deletion, LogError> {
        let above = self.segments.partition_point(|segment| segment.base_offset() <= target);
        let (kept, gone) = self.segments.split_at(above);
        let (mut kept, gone) = (kept.to_vec(), gone.to_vec());
        let Some(last) = kept.pop() else { return self.replace_all(now, target) };
        let deletion = self.take_out(&gone)?;
        // With the names of segments: state of what is taken away must not come back either.
        self.remove_snapshots(|offset| target < offset && !planted!("snapshot not truncated"))?;
        self.sync_names()?;
        let Recovered { segments, end, bytes_since_entry, .. } = self.cut(&last, target)?;
        kept.extend(segments);
        self.segments = kept.into();
        self.log_end_offset = end;
        self.log_start_offset = self.log_start_offset.min(end);
        self.recovery_point = self.recovery_point.min(end);
        self.epochs.truncate_from_end(end);
        self.write_epochs()?;
        self.generation += 1;
        self.begin_active(now);
        self.active.bytes_since_entry = bytes_since_entry;
        let replay = Replay { snapshots_up_to: end, rebuilds: false };
        self.load_producers(now, &replay, &mut RecoveryReport::default())?;
        Ok(deletion)
    }

    /// Cuts a segment's files, and gives it anew, to be appended to; the old one stays as it is
    /// for those who hold it.
    fn cut(&self, last: &Segment, target: Offset) -> Result<Recovered, LogError> {
        let base = last.base_offset();
        let (end, position) = self.cut_point(target)?;
        let segment = Segment::writable(&self.home(), base, IndexEnd::Entry);
        if !planted!("index not truncated") {
            last.cut_indexes(end, &segment)?;
        }
        segment.log_file()?.set_len(position)?;
        if last.has_aborted() {
            segment.note_aborted();
            if !planted!("transaction index not truncated") {
                last.cut_transaction_index(end)?;
            }
        }
        segment.sync()?;
        let facts = LoadFacts { clean_shutdown: true, ..LoadFacts::default() };
        let recovery = Recovery {
            facts,
            flushed_below: Offset(i64::MAX),
            index_interval_bytes: self.config.index_interval_bytes,
            may_have_holes: true,
            preallocates: false,
            report: &mut RecoveryReport::default(),
            bytes_since_entry: 0,
        };
        recovery.run(vec![Arc::new(segment)])
    }

    /// Takes segments out of the log, the last one first: never a hole. Their files stay under
    /// other names until the deletion is carried out.
    pub(super) fn take_out(&mut self, segments: &[Arc<Segment>]) -> Result<Deletion, LogError> {
        for segment in segments.iter().rev() {
            segment.rename(FileSuffix::Deleted)?;
        }
        self.sync_names()?;
        Ok(Deletion { segments: segments.to_vec() })
    }
}
