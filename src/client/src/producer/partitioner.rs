//! Which partition a record goes to: that of its key, as every Java client has it, or one that suits
//! the producer. No tokio.

mod sticky;
#[cfg(test)]
mod vectors;

use std::fmt;
use std::sync::Arc;

use kt_protocol::records::{NewRecord, crc32};

use crate::random::Random;
pub(super) use sticky::Load;
use sticky::{Sticky, choose_by_load};

/// How records that name no partition find theirs.
///
/// ```
/// use kt_client::Keys;
/// use kt_client::producer::{Partitioner, ProducerConfig};
///
/// let mut config = ProducerConfig::default();
/// assert_eq!(config.partitioner, Partitioner::Murmur2);
/// config.set("partitioner.class", "round-robin")?;
/// assert_eq!(config.partitioner, Partitioner::RoundRobin);
/// # Ok::<(), kt_client::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub enum Partitioner {
    /// Keys by murmur2, as Kafka's own clients have it; the rest stick to a partition for a batch.
    #[default]
    Murmur2,
    /// Keys by CRC-32, as librdkafka's `consistent_random` has it; the rest as above.
    Crc32,
    /// All stick to a partition for a batch, regardless of keys (`partitioner.ignore.keys`).
    Sticky,
    /// One partition after the other, regardless of keys, from a random one on.
    RoundRobin,
    /// Any partition, regardless of keys.
    Random,
    /// As its owner says.
    Own(Arc<dyn ChoosePartition>),
}

impl PartialEq for Partitioner {
    fn eq(&self, other: &Partitioner) -> bool {
        match (self, other) {
            (Partitioner::Own(one), Partitioner::Own(other)) => Arc::ptr_eq(one, other),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// A way of one's own to choose partitions.
///
/// ```
/// use std::sync::Arc;
///
/// use kt_client::producer::{
///     ChoosePartition, Choices, Partitioner, ProducerConfig, partition_of_key,
/// };
///
/// /// Customers of the house get partition 0 for themselves.
/// #[derive(Debug)]
/// struct HouseFirst;
///
/// impl ChoosePartition for HouseFirst {
///     fn choose(&self, choices: &Choices<'_>, key: Option<&[u8]>, _value: Option<&[u8]>) -> i32 {
///         match key {
///             Some(b"house") => 0,
///             Some(key) if 1 < choices.count => 1 + partition_of_key(key, choices.count - 1),
///             _ => choices.available.last().copied().unwrap_or(0),
///         }
///     }
/// }
///
/// let choices = Choices { topic: "orders", count: 3, available: &[0, 1, 2] };
/// assert_eq!(HouseFirst.choose(&choices, Some(b"house"), None), 0);
/// assert!(0 < HouseFirst.choose(&choices, Some(b"customer 7"), None));
///
/// let partitioner = Partitioner::Own(Arc::new(HouseFirst));
/// let config = ProducerConfig { partitioner, ..ProducerConfig::default() };
/// ```
pub trait ChoosePartition: fmt::Debug + Send + Sync {
    /// The partition of a record, from 0 up to the count without it; another number refuses the
    /// record. Called under the producer's lock: it must not wait for anything.
    fn choose(&self, choices: &Choices<'_>, key: Option<&[u8]>, value: Option<&[u8]>) -> i32;
}

/// What there is to choose from.
///
/// Shown at [`ChoosePartition`].
#[derive(Clone, Copy, Debug)]
pub struct Choices<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// How many partitions it has, at least one.
    pub count: i32,
    /// Those that have a leader, in rising order.
    pub available: &'a [i32],
}

/// Kafka's murmur2 (`Utils.murmur2`), by which all Java clients spread keys.
///
/// ```
/// use kt_client::producer::murmur2;
///
/// // As `Utils.murmur2` of Apache Kafka has it.
/// assert_eq!(murmur2(b"21"), -973932308);
/// assert_eq!(murmur2(b"foobar"), -790332482);
/// ```
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

/// The partition of a key among `count`, at least one.
///
/// ```
/// use kt_client::producer::partition_of_key;
///
/// let partition = partition_of_key(b"customer 7", 6);
/// assert_eq!(partition, partition_of_key(b"customer 7", 6));
/// assert!((0..6).contains(&partition));
/// ```
pub fn partition_of_key(key: &[u8], count: i32) -> i32 {
    assert!(0 < count, "a topic has partitions");
    (murmur2(key) & i32::MAX) % count
}

/// The same as librdkafka computes it.
///
/// ```
/// use kt_client::producer::partition_by_crc32;
///
/// assert_eq!(partition_by_crc32(b"123456789", 1000), 262);
/// ```
pub fn partition_by_crc32(key: &[u8], count: i32) -> i32 {
    assert!(0 < count, "a topic has partitions");
    let partition = i64::from(crc32(key)) % i64::from(count);
    i32::try_from(partition).expect("it is below the count")
}

/// What one topic's records are spread by.
#[derive(Debug)]
pub(super) struct Chooser {
    partitioner: Partitioner,
    sticky: Sticky,
    /// Whose turn it is in [`Partitioner::RoundRobin`].
    turn: usize,
    random: Random,
}

/// What a chooser says of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// It goes there.
    Partition(i32),
    /// It goes where records stick to.
    Stay(i32),
    /// It goes where records stick to from now on, which is to be chosen by the load.
    Stick,
}

impl Chooser {
    pub(super) fn new(partitioner: Partitioner, batch_bytes: usize, seed: u64) -> Chooser {
        let mut random = Random::new(seed);
        let turn = usize::try_from(random.below(1 << 16)).unwrap_or(0);
        Chooser { partitioner, sticky: Sticky::new(batch_bytes), turn, random }
    }

    pub(super) fn choose(&mut self, choices: &Choices<'_>, record: &NewRecord<'_>) -> Choice {
        let chosen = match (&self.partitioner, record.key) {
            (Partitioner::Murmur2, Some(key)) => partition_of_key(key, choices.count),
            (Partitioner::Crc32, Some(key)) => partition_by_crc32(key, choices.count),
            (Partitioner::RoundRobin, _) => {
                self.turn = self.turn.wrapping_add(1);
                nth(choices, self.turn)
            }
            (Partitioner::Random, _) => {
                let number = self.random.bits() >> 33;
                nth(choices, usize::try_from(number).unwrap_or(0))
            }
            (Partitioner::Own(own), key) => own.choose(choices, key, record.value),
            (Partitioner::Sticky, _) | (Partitioner::Murmur2 | Partitioner::Crc32, None) => {
                return self.sticky.current().map_or(Choice::Stick, Choice::Stay);
            }
        };
        Choice::Partition(chosen)
    }

    /// Sticks to a partition that suits the load; to any where none has a leader, since any may get
    /// one first.
    pub(super) fn stick(&mut self, loads: &[Load], count: i32) -> i32 {
        let partition = choose_by_load(loads, &mut self.random).unwrap_or_else(|| {
            let any = self.random.below(u64::from(count.unsigned_abs().max(1)));
            i32::try_from(any).unwrap_or(0)
        });
        self.sticky.stick_to(partition);
        partition
    }

    /// A record without a key went where records stick to.
    pub(super) fn appended(&mut self, bytes: usize, has_open_batch: bool) {
        self.sticky.appended(bytes, has_open_batch);
    }

    /// Other partitions have a leader now.
    pub(super) fn keep_to(&mut self, available: &[i32]) {
        self.sticky.keep_to(available);
    }
}

/// One of those with a leader; of all where none has one.
fn nth(choices: &Choices<'_>, number: usize) -> i32 {
    match choices.available.len() {
        0 => {
            i32::try_from(number % usize::try_from(choices.count.max(1)).unwrap_or(1)).unwrap_or(0)
        }
        count => choices.available[number % count],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-32.
    #[test]
    fn crc32_is_that_of_zlib() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(i64::from(partition_by_crc32(b"123456789", 10)), 0xcbf4_3926_i64 % 10);
    }

    fn choices(available: &[i32]) -> Choices<'_> {
        Choices { topic: "orders", count: 4, available }
    }

    fn chosen(chooser: &mut Chooser, available: &[i32], count: usize) -> Vec<i32> {
        let one = |_| match chooser.choose(&choices(available), &NewRecord::default()) {
            Choice::Partition(partition) => partition,
            other => panic!("it does not stick: {other:?}"),
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn round_robin_starts_anywhere_and_leaves_out_what_has_no_leader() {
        let mut starts = [0; 3];
        for seed in 0..60 {
            let mut chooser = Chooser::new(Partitioner::RoundRobin, 100, seed);
            let first: Vec<i32> = chosen(&mut chooser, &[0, 1, 3], 3);
            let mut sorted = first.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 3], "each one once");
            assert_eq!(chosen(&mut chooser, &[0, 1, 3], 3), first, "in the same order again");
            starts[[0, 1, 3].iter().position(|it| *it == first[0]).unwrap()] += 1;
        }
        assert!(starts.iter().all(|it| 5 < *it), "{starts:?}");
        let mut chooser = Chooser::new(Partitioner::RoundRobin, 100, 1);
        let mut all = chosen(&mut chooser, &[], 4);
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3], "where nobody leads any is as good");
    }

    #[test]
    fn random_reaches_all_that_have_a_leader_and_no_other() {
        let mut chooser = Chooser::new(Partitioner::Random, 100, 3);
        let mut seen = [0; 4];
        for partition in chosen(&mut chooser, &[0, 2, 3], 300) {
            seen[usize::try_from(partition).unwrap()] += 1;
        }
        assert!(seen[1] == 0 && [0, 2, 3].iter().all(|it| 50 < seen[*it]), "{seen:?}");
    }
}
