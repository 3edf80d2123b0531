//! Sequence numbers of an idempotent producer: in each partition the records count up from 0, and
//! the broker takes them only in that order (KIP-98). No tokio.

use std::collections::BTreeMap;

use kt_protocol::types::{ProducerEpoch, ProducerId, TopicPartition};

/// Who the broker thinks a producer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The id.
    pub id: ProducerId,
    /// How often the id was taken over.
    pub epoch: ProducerEpoch,
}

/// What is stamped on a batch when it is first sent. A retry carries the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Whose it is.
    pub identity: Identity,
    /// The number of its first record.
    pub base_sequence: i32,
}

/// The next number of each partition.
///
/// A new identity starts every partition at 0, each when its next batch is first sent: what is
/// under way then keeps the stamp it has, which is still good for the identity it names.
#[derive(Clone, Debug, Default)]
pub struct Sequences {
    identity: Option<Identity>,
    next: BTreeMap<TopicPartition, Stamp>,
}

impl Sequences {
    /// None has been given yet.
    pub fn new() -> Sequences {
        Sequences::default()
    }

    /// The identity for new batches; `None` until a broker gives one.
    pub fn identity(&self) -> Option<Identity> {
        self.identity
    }

    /// Takes an identity for all batches from now on.
    pub fn adopt(&mut self, identity: Identity) {
        self.identity = Some(identity);
    }

    /// Gives up an identity, because a batch of it may or may not have been appended, or the broker
    /// does not know it any more. Another one that has come since is kept.
    pub fn abandon(&mut self, identity: Identity) {
        if self.identity == Some(identity) {
            self.identity = None;
        }
    }

    /// Stamps the next batch of a partition, of `count` records. `None` without an identity.
    pub fn stamp(&mut self, partition: &TopicPartition, count: usize) -> Option<Stamp> {
        let identity = self.identity?;
        let first = Stamp { identity, base_sequence: 0 };
        let stamp = match self.next.get(partition) {
            Some(next) if next.identity == identity => *next,
            _ => first,
        };
        let next = Stamp { base_sequence: add(stamp.base_sequence, count), ..stamp };
        self.next.insert(partition.clone(), next);
        Some(stamp)
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

    fn identity(id: i64) -> Identity {
        Identity { id: ProducerId(id), epoch: ProducerEpoch(0) }
    }

    #[test]
    fn each_partition_counts_for_itself() {
        let mut sequences = Sequences::new();
        let [a, b] = [TopicPartition::new("t", 0), TopicPartition::new("t", 1)];
        assert_eq!(sequences.stamp(&a, 5), None);
        sequences.adopt(identity(7));
        let base = |it: Option<Stamp>| it.unwrap().base_sequence;
        assert_eq!(base(sequences.stamp(&a, 5)), 0);
        assert_eq!(base(sequences.stamp(&a, 3)), 5);
        assert_eq!(base(sequences.stamp(&b, 1)), 0);
        assert_eq!(base(sequences.stamp(&a, 1)), 8);
    }

    #[test]
    fn a_new_identity_starts_again() {
        let mut sequences = Sequences::new();
        let partition = TopicPartition::new("t", 0);
        sequences.adopt(identity(7));
        sequences.stamp(&partition, 5);
        sequences.abandon(identity(7));
        assert_eq!(sequences.stamp(&partition, 5), None);
        sequences.adopt(identity(8));
        // Word of the old one's end that comes late does not hurt the new one.
        sequences.abandon(identity(7));
        let stamp = sequences.stamp(&partition, 5).unwrap();
        assert_eq!(stamp, Stamp { identity: identity(8), base_sequence: 0 });
    }

    #[test]
    fn numbers_wrap_to_zero() {
        assert_eq!(add(i32::MAX, 1), 0);
        assert_eq!(add(i32::MAX - 1, 1), i32::MAX);
        assert_eq!(add(i32::MAX - 2, 5), 2);
    }
}
