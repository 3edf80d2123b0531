//! The sequence numbers of one partition: its records count up from 0 under one identity, and the
//! broker takes them only in that order (KIP-98). After a gap the count starts again under the next
//! epoch, which the client takes by itself (KIP-360). No tokio.
//!
//! The epoch is the partition's own: a broker compares it in the log that it writes to and nowhere
//! else, so a gap in one partition need not stop the others, as it does where all share an epoch.

use kt_protocol::types::{ProducerEpoch, ProducerId};

/// Who the broker thinks a producer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// The id.
    pub(super) id: ProducerId,
    /// How often the count was started again under it.
    pub(super) epoch: ProducerEpoch,
}

/// What is stamped on a batch when it is first sent. A retry carries the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Whose it is.
    pub(super) identity: Identity,
    /// The number of its first record.
    pub(super) base_sequence: i32,
}

impl Stamp {
    /// The stamp of what follows `count` records later in the same batch.
    #[must_use]
    pub(super) fn after(self, count: usize) -> Stamp {
        Stamp { base_sequence: add(self.base_sequence, count), ..self }
    }
}

/// What the next stamp has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Next {
    /// The one that follows.
    #[default]
    Follows,
    /// 0 of the next epoch: the numbers given so far have a gap.
    Epoch,
    /// 0 of another id: the broker refuses this one.
    Id,
}

/// The count of one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequence {
    identity: Option<Identity>,
    number: i32,
    next: Next,
    is_established: bool,
}

impl Sequence {
    /// Nothing has been stamped yet.
    pub(super) fn new() -> Sequence {
        Sequence::default()
    }

    /// Stamps a batch of `count` records. `offered` is the identity that a broker gave the producer
    /// last; `None` if this partition needs one and it was not given yet.
    pub(super) fn stamp(&mut self, offered: Option<Identity>, count: usize) -> Option<Stamp> {
        self.start(offered)?;
        let stamp = Stamp { identity: self.identity?, base_sequence: self.number };
        self.number = add(self.number, count);
        Some(stamp)
    }

    /// Whether a batch could be stamped.
    pub(super) fn can_stamp(&self, offered: Option<Identity>) -> bool {
        match (self.identity, self.next) {
            (Some(_), Next::Follows) => true,
            (Some(it), Next::Epoch) if it.epoch.0 < i16::MAX => true,
            (Some(old), _) => offered.is_some_and(|it| it.id != old.id),
            (None, _) => offered.is_some(),
        }
    }

    /// The identity that no partition should be given any more, if this one cannot go on with it.
    pub(super) fn refused(&self) -> Option<ProducerId> {
        let old = self.identity?;
        (self.next != Next::Follows && !self.can_stamp(None)).then_some(old.id)
    }

    fn start(&mut self, offered: Option<Identity>) -> Option<()> {
        if !self.can_stamp(offered) {
            return None;
        }
        let identity = match (self.identity, self.next) {
            (Some(_), Next::Follows) => return Some(()),
            (Some(it), Next::Epoch) if it.epoch.0 < i16::MAX => {
                Identity { epoch: ProducerEpoch(it.epoch.0 + 1), ..it }
            }
            _ => offered?,
        };
        *self = Sequence { identity: Some(identity), ..Sequence::new() };
        Some(())
    }

    /// The numbers given so far have a gap: what is stamped next begins an epoch.
    pub(super) fn break_off(&mut self) {
        if self.identity.is_some() && self.next == Next::Follows {
            self.next = Next::Epoch;
        }
    }

    /// The broker knows a later epoch of this id than we do: what is stamped next has another id.
    pub(super) fn refuse(&mut self) {
        if self.identity.is_some() {
            self.next = Next::Id;
        }
    }

    /// Whether the next stamp begins an epoch.
    pub(super) fn is_broken_off(&self) -> bool {
        self.next != Next::Follows
    }

    /// A batch with this stamp was written.
    pub(super) fn acknowledge(&mut self, stamp: Stamp) {
        if self.identity == Some(stamp.identity) {
            self.is_established = true;
        }
    }

    /// Whether the broker is known to count this epoch. Where it does not, it takes any number as the
    /// first, and so could take a later batch without the one before.
    pub(super) fn is_established(&self) -> bool {
        self.is_established
    }
}

/// After 2147483647 comes 0 (Kafka's `DefaultRecordBatch.incrementSequence`).
fn add(sequence: i32, count: usize) -> i32 {
    let sum = i64::from(sequence) + i64::try_from(count).expect("a batch counts in 32 bits");
    let wrapped = if i64::from(i32::MAX) < sum { sum - i64::from(i32::MAX) - 1 } else { sum };
    i32::try_from(wrapped).expect("it was brought below 2^31")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(id: i64, epoch: i16) -> Identity {
        Identity { id: ProducerId(id), epoch: ProducerEpoch(epoch) }
    }

    #[test]
    fn records_count_up_once_there_is_an_identity() {
        let mut sequence = Sequence::new();
        assert_eq!(sequence.stamp(None, 5), None);
        let offered = Some(identity(7, 0));
        let mut stamps = [5, 3, 1].map(|count| sequence.stamp(offered, count).unwrap());
        assert_eq!(stamps.map(|it| it.base_sequence), [0, 5, 8]);
        stamps.sort_by_key(|it| it.identity.epoch);
        assert!(stamps.iter().all(|it| it.identity == identity(7, 0)));
    }

    #[test]
    fn a_gap_begins_an_epoch_which_the_broker_has_to_see_first() {
        let mut sequence = Sequence::new();
        let offered = Some(identity(7, 0));
        let first = sequence.stamp(offered, 5).unwrap();
        assert!(!sequence.is_established());
        sequence.acknowledge(first);
        assert!(sequence.is_established());
        sequence.break_off();
        let second = sequence.stamp(offered, 5).unwrap();
        assert_eq!(second, Stamp { identity: identity(7, 1), base_sequence: 0 });
        assert!(!sequence.is_established());
        // Word of the old epoch that comes late says nothing of the new one.
        sequence.acknowledge(first);
        assert!(!sequence.is_established());
    }

    #[test]
    fn an_id_that_is_refused_or_used_up_needs_another() {
        let mut sequence = Sequence::new();
        let offered = Some(identity(7, i16::MAX));
        sequence.stamp(offered, 5).unwrap();
        sequence.break_off();
        assert_eq!(sequence.refused(), Some(ProducerId(7)));
        assert_eq!(sequence.stamp(offered, 5), None);
        let other = Some(identity(8, 0));
        assert_eq!(sequence.stamp(other, 5).unwrap().identity, identity(8, 0));
        sequence.refuse();
        assert_eq!(sequence.stamp(other, 1), None);
        assert_eq!(sequence.stamp(Some(identity(9, 0)), 1).unwrap().identity, identity(9, 0));
    }

    #[test]
    fn numbers_wrap_to_zero() {
        assert_eq!(add(i32::MAX, 1), 0);
        assert_eq!(add(i32::MAX - 1, 1), i32::MAX);
        assert_eq!(add(i32::MAX - 2, 5), 2);
    }
}
