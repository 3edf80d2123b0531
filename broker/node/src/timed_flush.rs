//! `flush.ms`: in page-cache mode, un-flushed records of a topic that asks for it are flushed after
//! that time.

use std::collections::BTreeMap;
use std::sync::Arc;

use kt_protocol::types::Millis;

use crate::effect::Effect;
use crate::lock_rank::{Rank, RankedMutex};
use crate::machine::Machine;
use crate::node::Node;
use crate::partition::{Durability, Fault, Partition};

/// Partitions with un-flushed records, by when they are due.
pub(crate) struct TimedFlush {
    due: RankedMutex<BTreeMap<(Millis, u64), Arc<Partition>>>,
}

impl TimedFlush {
    pub(crate) fn new() -> TimedFlush {
        TimedFlush { due: RankedMutex::new(Rank::Waiter, BTreeMap::new()) }
    }

    /// A batch was appended.
    pub(crate) fn appended(
        &self,
        partition: &Arc<Partition>,
        now: Millis,
        effects: &mut Vec<Effect>,
    ) {
        if partition.identity.durability == Durability::Flushed {
            return;
        }
        let flush_ms = u64::try_from(partition.config().flush_ms).unwrap_or(u64::MAX);
        if flush_ms == i64::MAX as u64 || !partition.begin_timed_flush() {
            return;
        }
        let at = now + flush_ms;
        let mut due = self.due.lock();
        let is_first = due.keys().next().is_none_or(|(first, _)| at < *first);
        due.insert((at, partition.identity.number), Arc::clone(partition));
        if is_first {
            effects.push(Effect::WakeAt(Machine::TimedFlush.id(), at));
        }
    }

    fn take_due(&self, now: Millis, effects: &mut Vec<Effect>) -> Vec<Arc<Partition>> {
        let mut waiting = self.due.lock();
        let mut due = Vec::new();
        while let Some(first) = waiting.first_entry() {
            let at = first.key().0;
            if now < at {
                effects.push(Effect::WakeAt(Machine::TimedFlush.id(), at));
                break;
            }
            due.push(first.remove());
        }
        due
    }
}

impl Node {
    pub(crate) fn on_timed_flush_due(&self, now: Millis, effects: &mut Vec<Effect>) {
        for partition in self.timed_flush.take_due(now, effects) {
            partition.end_timed_flush();
            if let Err(error) = partition.flush_now(effects) {
                self.fault(&partition, Fault::from(&error), effects);
            }
        }
    }
}
