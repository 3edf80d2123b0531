//! The machines of a node and their numbers: whom a wake calls, and whose a flush is.

use crate::effect::MachineId;

/// A machine that can be woken, or whose log is flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    /// Applies committed metadata to this broker's partitions, and deals with lost storage.
    Broker,
    /// Looks whether a metadata snapshot is due, and what is kept too long.
    Snapshots,
    /// Writes recovery points and high watermarks.
    Checkpoints,
    /// Rolls, deletes and expires what time has made old.
    Cleanup,
    /// Removes files whose delay is over.
    Removals,
    /// Flushes what `flush.ms` says is due.
    TimedFlush,
    /// The metadata log: flushed, and woken to say that it lives.
    MetadataLog,
    /// Tells the controller that this broker lives.
    Heartbeat,
    /// Answers the poll that waits in a fetch session.
    FetchSession(u64),
    /// Has compacted logs cleaned.
    LogCleaning,
    /// A partition's log.
    Partition(u64),
    /// The groups of a partition of `__consumer_offsets`.
    GroupShard(u64),
}

/// The kind stands in the upper bits, the number below.
const NUMBER_BITS: u32 = 56;
const NUMBER_MASK: u64 = (1 << NUMBER_BITS) - 1;

impl Machine {
    /// The number that effects and inputs carry.
    pub(crate) fn id(self) -> MachineId {
        let (kind, number) = match self {
            Machine::Broker => (0, 0),
            Machine::Snapshots => (1, 0),
            Machine::Checkpoints => (2, 0),
            Machine::Cleanup => (3, 0),
            Machine::Removals => (4, 0),
            Machine::TimedFlush => (5, 0),
            Machine::MetadataLog => (6, 0),
            Machine::Heartbeat => (7, 0),
            Machine::FetchSession(number) => (8, number),
            Machine::Partition(number) => (9, number),
            Machine::GroupShard(number) => (10, number),
            Machine::LogCleaning => (11, 0),
        };
        assert!(number <= NUMBER_MASK, "numbers are given out one by one");
        MachineId(kind << NUMBER_BITS | number)
    }

    /// The machine of this number, if there is such a kind.
    pub(crate) fn from_id(id: MachineId) -> Option<Machine> {
        let number = id.0 & NUMBER_MASK;
        Some(match id.0 >> NUMBER_BITS {
            0 => Machine::Broker,
            1 => Machine::Snapshots,
            2 => Machine::Checkpoints,
            3 => Machine::Cleanup,
            4 => Machine::Removals,
            5 => Machine::TimedFlush,
            6 => Machine::MetadataLog,
            7 => Machine::Heartbeat,
            8 => Machine::FetchSession(number),
            9 => Machine::Partition(number),
            10 => Machine::GroupShard(number),
            11 => Machine::LogCleaning,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back_to_their_machines() {
        for machine in [
            Machine::Broker,
            Machine::Snapshots,
            Machine::Checkpoints,
            Machine::Cleanup,
            Machine::Removals,
            Machine::TimedFlush,
            Machine::MetadataLog,
            Machine::Heartbeat,
            Machine::FetchSession(7),
            Machine::Partition(NUMBER_MASK),
            Machine::GroupShard(49),
            Machine::LogCleaning,
        ] {
            assert_eq!(Machine::from_id(machine.id()), Some(machine));
        }
        assert_eq!(Machine::from_id(MachineId(u64::MAX)), None);
    }
}
