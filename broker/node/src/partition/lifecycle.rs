//! A partition's log from its opening to its end: opened, closed and deleted by jobs.

use std::sync::Arc;

use kt_protocol::types::Offset;
use kt_storage::{File, Log, LogError};

use super::{LogState, Moved, OpenLog, Partition, Service};

/// What the opening job brought back.
pub(crate) struct OpenedLog {
    pub(crate) log: Log,
    /// What the checkpoint says of the high watermark.
    pub(crate) high_watermark: Offset,
    /// The file that names the topic's id, if it was written just now: the first flush covers it.
    /// Without it a directory could be taken for that of another topic of this name.
    pub(crate) unsynced: Option<Arc<dyn File>>,
}

/// What a partition that is closed leaves.
pub(crate) enum Closing {
    /// Its log, and its high watermark.
    Open(Box<Log>, Offset),
    /// Its log is not open yet. The job that opens it, if there is one, brings it back.
    Opening,
    /// Nothing.
    Gone,
}

/// What becomes of an opened log.
pub(crate) enum OpenTurn {
    /// It is the partition's: served, if it is led here. Or it failed at once.
    Served(Result<Moved, LogError>),
    /// The partition was deleted meanwhile: its files are to go.
    Deleted(Box<Log>),
    /// The partition was lost or stopped meanwhile: its files stay as they are.
    Unwanted,
}

impl Partition {
    /// Its log is open: from here on it is served, if it is led here.
    pub(crate) fn opened(&self, opened: OpenedLog) -> OpenTurn {
        let mut writer = self.writer.lock();
        let OpenedLog { log, high_watermark, unsynced } = opened;
        if !matches!(writer.state, LogState::Opening) {
            return match self.published.lock().service() {
                Service::Deleted => OpenTurn::Deleted(Box::new(log)),
                _ => OpenTurn::Unwanted,
            };
        }
        let high_watermark = high_watermark.min(log.log_end_offset()).max(log.log_start_offset());
        let open = OpenLog { log, leader: None, high_watermark, ticket_is_out: false, unsynced };
        writer.state = LogState::Open(Box::new(open));
        OpenTurn::Served(self.take_turn(&mut writer))
    }

    /// The storage under this partition is lost. What was flushed last is not known, and nothing
    /// is tried again.
    pub(crate) fn lose(&self, why: &str) -> Moved {
        let mut writer = self.writer.lock();
        if matches!(writer.state, LogState::Closed) {
            return Moved::default();
        }
        writer.state = LogState::Offline(why.to_owned());
        let epoch = writer.registration.leader_epoch;
        self.published.lock().turn(Service::Offline, epoch)
    }

    /// Why it is offline, if it is.
    pub(crate) fn offline_reason(&self) -> Option<String> {
        match &self.writer.lock().state {
            LogState::Offline(why) => Some(why.clone()),
            LogState::Opening | LogState::Open(_) | LogState::Closed => None,
        }
    }

    /// Takes the log out, for the job that closes or deletes it. Whoever waits learns that the
    /// partition is not served any more.
    pub(crate) fn close(&self, service: Service) -> (Closing, Moved) {
        let mut writer = self.writer.lock();
        let state = std::mem::replace(&mut writer.state, LogState::Closed);
        let epoch = writer.registration.leader_epoch;
        let moved = self.published.lock().turn(service, epoch);
        let closing = match state {
            LogState::Open(open) => Closing::Open(Box::new(open.log), open.high_watermark),
            LogState::Opening => Closing::Opening,
            LogState::Offline(_) | LogState::Closed => Closing::Gone,
        };
        (closing, moved)
    }
}
