//! Flushing: when it is due, and what a flush that ended makes true.

use std::sync::atomic::Ordering;

use kt_storage::LogError;

use super::{Durability, LogState, Moved, OpenLog, Partition, Writer};
use crate::effect::{Effect, FlushTicket};

impl Partition {
    /// Asks for a flush if one is due: in flush mode after every append, else as `flush.messages`
    /// says. While one is out, what is appended joins the next.
    pub(super) fn flush_if_due(
        &self,
        open: &mut OpenLog,
        effects: &mut Vec<Effect>,
    ) -> Result<(), LogError> {
        let unflushed = open.log.log_end_offset() - open.log.recovery_point();
        let is_due = match self.identity.durability {
            Durability::Flushed => 0 < unflushed,
            Durability::PageCache => self.config.load().flush_messages <= unflushed,
        };
        if is_due { self.flush(open, effects) } else { Ok(()) }
    }

    fn flush(&self, open: &mut OpenLog, effects: &mut Vec<Effect>) -> Result<(), LogError> {
        if open.ticket_is_out {
            return Ok(());
        }
        let Some(mut candidates) = open.log.flush_candidates()? else { return Ok(()) };
        open.ticket_is_out = true;
        if let Some(file) = open.unsynced.take() {
            candidates.files.push(file);
            let directory = open.log.directory();
            if !candidates.directories.contains(&directory) {
                candidates.directories.push(directory);
            }
        }
        effects.push(Effect::Flush(FlushTicket {
            partition: self.name().clone(),
            machine: self.machine(),
            log_directory: self.identity.directory.path().to_owned(),
            files: candidates.files,
            directories: candidates.directories,
            up_to: candidates.up_to,
            generation: candidates.generation,
        }));
        Ok(())
    }

    /// Asks for a flush of what is not durable, whatever the mode (`flush.ms`).
    ///
    /// # Errors
    ///
    /// The disk's: the log directory is lost.
    pub(crate) fn flush_now(&self, effects: &mut Vec<Effect>) -> Result<(), LogError> {
        let mut writer = self.writer.lock();
        let LogState::Open(open) = &mut writer.state else { return Ok(()) };
        self.flush(open, effects)
    }

    /// How many offsets at the log's end a crash of the machine could undo; 0 while it is not open.
    pub(crate) fn unflushed_records(&self) -> i64 {
        match &self.writer.lock().state {
            LogState::Open(open) => open.log.log_end_offset() - open.log.recovery_point(),
            LogState::Opening | LogState::Offline(_) | LogState::Closed => 0,
        }
    }

    /// `flush.ms` begins to count. False if it does already.
    pub(crate) fn begin_timed_flush(&self) -> bool {
        !self.is_flush_timed.swap(true, Ordering::AcqRel)
    }

    /// `flush.ms` is over: it counts anew from the next append.
    pub(crate) fn end_timed_flush(&self) {
        self.is_flush_timed.store(false, Ordering::Release);
    }

    /// A flush ended well: what it covers counts as kept, and the next may go out.
    ///
    /// # Errors
    ///
    /// The disk's, while asking for the next: the log directory is lost.
    pub(crate) fn flushed(
        &self,
        ticket: &FlushTicket,
        effects: &mut Vec<Effect>,
    ) -> Result<Moved, LogError> {
        let mut writer = self.writer.lock();
        let Writer { state: LogState::Open(open), registration } = &mut *writer else {
            return Ok(Moved::default());
        };
        open.ticket_is_out = false;
        open.log.flushed(ticket.generation, ticket.up_to);
        self.flush_if_due(open, effects)?;
        Ok(self.advance(open, registration.replicas.len()))
    }
}
