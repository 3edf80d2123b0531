//! Which partition a record goes to: that of its key, as every Java client has it, or a sticky one.
//! No tokio.

use kt_protocol::records::crc32;

use crate::random::Random;

/// How records find their partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Partitioner {
    /// Keys by murmur2, as Kafka's own clients have it; the rest stick to a partition for a batch.
    #[default]
    Murmur2,
    /// Keys by CRC-32, as librdkafka's `consistent_random` has it; the rest as above.
    Crc32,
    /// All stick to a partition for a batch, regardless of keys.
    Sticky,
    /// One after the other, regardless of keys.
    RoundRobin,
}

/// Kafka's murmur2 (`Utils.murmur2`), by which all Java clients spread keys.
pub fn murmur2(bytes: &[u8]) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const MIX: u32 = 0x5bd1_e995;
    let length = u32::try_from(bytes.len()).expect("a record is far below 4 GiB");
    let mut hash = SEED ^ length;
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        let word = u32::from_le_bytes(word.try_into().expect("chunks of four"));
        let mut mixed = word.wrapping_mul(MIX);
        mixed ^= mixed >> 24;
        hash = hash.wrapping_mul(MIX) ^ mixed.wrapping_mul(MIX);
    }
    let tail = words.remainder();
    if !tail.is_empty() {
        for (index, byte) in tail.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * index);
        }
        hash = hash.wrapping_mul(MIX);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MIX);
    (hash ^ (hash >> 15)).cast_signed()
}

/// The partition of a key among `partitions`, at least one.
pub fn partition_of_key(key: &[u8], partitions: usize) -> usize {
    assert!(partitions != 0, "a topic has partitions");
    let positive = usize::try_from(murmur2(key) & i32::MAX).expect("the sign bit is gone");
    positive % partitions
}

/// The same as librdkafka computes it.
pub fn partition_by_crc32(key: &[u8], partitions: usize) -> usize {
    assert!(partitions != 0, "a topic has partitions");
    crc32(key) as usize % partitions
}

/// The partition of records without a key: one for a batch's worth of bytes, then another at
/// random (KIP-794's uniform sticky partitioner, without its slowing of slow brokers).
#[derive(Clone, Debug)]
pub struct Sticky {
    batch_bytes: usize,
    current: Option<usize>,
    bytes: usize,
    random: Random,
}

impl Sticky {
    /// Moves on after every `batch_bytes` bytes.
    pub fn new(batch_bytes: usize, seed: u64) -> Sticky {
        Sticky { batch_bytes, current: None, bytes: 0, random: Random::new(seed) }
    }

    /// The partition for the next record of `bytes` bytes. `available` are those that can take
    /// records now, in rising order; `None` if there are none.
    pub fn next(&mut self, bytes: usize, available: &[usize]) -> Option<usize> {
        let kept = self.current.filter(|current| {
            self.bytes < self.batch_bytes && available.binary_search(current).is_ok()
        });
        let partition = match kept {
            Some(partition) => partition,
            None => {
                self.bytes = 0;
                self.another(available)?
            }
        };
        self.current = Some(partition);
        self.bytes = self.bytes.saturating_add(bytes);
        Some(partition)
    }

    /// At random, but not the last one again if there is a choice.
    fn another(&mut self, available: &[usize]) -> Option<usize> {
        let others: Vec<usize> =
            available.iter().copied().filter(|it| Some(*it) != self.current).collect();
        let choices = if others.is_empty() { available } else { others.as_slice() };
        self.random.choose(choices).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-32.
    #[test]
    fn crc32_is_that_of_zlib() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(partition_by_crc32(b"123456789", 10), 0xcbf4_3926 % 10);
    }

    #[test]
    fn murmur2_is_javas() {
        // Kafka's UtilsTest.testMurmur2.
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
        }
    }

    #[test]
    fn keys_map_to_a_partition_whatever_the_sign() {
        assert_eq!(partition_of_key(b"abc", 10), 7);
        // -973932308 & 0x7fffffff = 1173551340.
        assert_eq!(partition_of_key(b"21", 7), 1_173_551_340 % 7);
    }

    #[test]
    fn records_without_a_key_stick_for_a_batch_and_reach_every_partition() {
        let mut sticky = Sticky::new(100, 3);
        let available = [0, 1, 2];
        let mut seen = [0_u32; 3];
        let mut last = None;
        for _ in 0..300 {
            let first = sticky.next(60, &available).unwrap();
            assert_eq!(sticky.next(60, &available), Some(first), "the batch is not full yet");
            assert_ne!(Some(first), last, "a full batch is followed by another partition");
            seen[first] += 1;
            last = Some(first);
        }
        assert!(seen.iter().all(|it| 50 < *it), "{seen:?}");
    }

    #[test]
    fn a_partition_that_went_away_is_left_at_once() {
        let mut sticky = Sticky::new(1_000, 3);
        let first = sticky.next(1, &[0, 1]).unwrap();
        assert_eq!(sticky.next(1, &[1 - first]), Some(1 - first));
        assert_eq!(sticky.next(1, &[]), None);
    }
}
