//! Taking and giving up the leadership of a partition, as the metadata says.

use std::sync::Arc;

use kt_core::metadata::PartitionRegistration;
use kt_core::replica::LeaderState;
use kt_storage::LogError;

use super::{LogState, Moved, Partition, Service, Writer};
use crate::config::TopicConfig;

impl Partition {
    /// The metadata says something of this partition. Takes effect at once if the log is open,
    /// else when it is opened.
    ///
    /// # Errors
    ///
    /// The log's: its directory is lost.
    pub(crate) fn register(
        &self,
        registration: &Arc<PartitionRegistration>,
    ) -> Result<Moved, LogError> {
        let mut writer = self.writer.lock();
        writer.registration = Arc::clone(registration);
        self.take_turn(&mut writer)
    }

    /// Its topic's configs are others now.
    pub(crate) fn configure(&self, config: &Arc<TopicConfig>, log: &Arc<kt_storage::LogConfig>) {
        self.config.store(Arc::clone(config));
        let mut writer = self.writer.lock();
        if let LogState::Open(open) = &mut writer.state {
            open.log.set_config(Arc::clone(log));
        }
    }

    /// Leads, or stops leading, as the registration says.
    pub(super) fn take_turn(&self, writer: &mut Writer) -> Result<Moved, LogError> {
        let Writer { state: LogState::Open(open), registration } = writer else {
            return Ok(Moved::default());
        };
        let epoch = registration.leader_epoch;
        if registration.leader != Some(self.identity.own) {
            open.leader = None;
            return Ok(self.published.lock().turn(Service::NotLeader, epoch));
        }
        let isr = registration.isr.iter().copied().collect();
        let leads_already = open.leader.as_ref().is_some_and(|leader| leader.epoch() == epoch);
        if leads_already {
            return Ok(self.advance(open, registration.replicas.len()));
        }
        // Whatever is appended from here on is of this epoch; the entry is there before.
        open.log.begin_epoch(epoch)?;
        let known = open.high_watermark;
        let facts = self.facts(&open.log);
        open.leader = Some(LeaderState::new(self.identity.own, epoch, isr, known, &facts));
        let moved = self.advance(open, registration.replicas.len());
        Ok(moved.and(self.published.lock().turn(Service::Leading, epoch)))
    }
}
