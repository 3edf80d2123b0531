//! The partition of records without a key: one for a batch's worth of bytes, then another at random,
//! rather one whose queue is short (KIP-794). No tokio.

use crate::random::Random;

/// How busy a partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::producer) struct Load {
    /// The partition; it has a leader.
    pub(in crate::producer) partition: i32,
    /// Its batches that wait or are under way.
    pub(in crate::producer) batches: usize,
    /// Whether its broker has taken what it was sent for too long
    /// (`partitioner.availability.timeout.ms`).
    pub(in crate::producer) is_stuck: bool,
}

/// The partition that records stick to for now.
#[derive(Clone, Debug)]
pub(in crate::producer) struct Sticky {
    batch_bytes: usize,
    current: Option<i32>,
    bytes: usize,
}

impl Sticky {
    /// Moves on after every `batch_bytes` bytes.
    pub(in crate::producer) fn new(batch_bytes: usize) -> Sticky {
        Sticky { batch_bytes: batch_bytes.max(1), current: None, bytes: 0 }
    }

    /// The partition of the next record; `None` if one is to be chosen.
    pub(in crate::producer) fn current(&self) -> Option<i32> {
        self.current
    }

    /// Sticks to a partition from now on.
    pub(in crate::producer) fn stick_to(&mut self, partition: i32) {
        self.current = Some(partition);
        self.bytes = 0;
    }

    /// Records of so many bytes were put there. If its last batch still takes records, better fill
    /// that one before moving on, though not for longer than another batch's worth.
    pub(in crate::producer) fn appended(&mut self, bytes: usize, has_open_batch: bool) {
        self.bytes = self.bytes.saturating_add(bytes);
        let may_move = self.batch_bytes <= self.bytes && !has_open_batch;
        if may_move || self.batch_bytes.saturating_mul(2) <= self.bytes {
            self.current = None;
        }
    }

    /// Leaves the partition if it is not one of `available`, in rising order.
    pub(in crate::producer) fn keep_to(&mut self, available: &[i32]) {
        self.current = self.current.filter(|it| available.binary_search(it).is_ok());
    }
}

/// One of the partitions, the likelier the fewer batches it has.
pub(in crate::producer) fn choose_by_load(loads: &[Load], random: &mut Random) -> Option<i32> {
    let total = weights(loads).last()?.1;
    pick(loads, random.below(total))
}

/// The partition at a number below the sum of the weights. With queues of 0, 3 and 1 the weights are
/// 4, 1 and 3: 0 to 3 is the first partition, 4 the second, 5 to 7 the third.
pub(super) fn pick(loads: &[Load], number: u64) -> Option<i32> {
    weights(loads).find(|(_, end)| number < *end).map(|(partition, _)| partition)
}

/// Each partition that is not stuck, and the sum of the weights up to it. If all are stuck, each is
/// as good as the others.
fn weights(loads: &[Load]) -> impl Iterator<Item = (i32, u64)> {
    let all_stuck = loads.iter().all(|it| it.is_stuck);
    let usable = move |it: &&Load| all_stuck || !it.is_stuck;
    let most = loads.iter().filter(usable).map(|it| it.batches).max().unwrap_or(0);
    loads.iter().filter(usable).scan(0, move |sum, it| {
        *sum += (most + 1 - it.batches) as u64;
        Some((it.partition, *sum))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loads(batches: &[usize]) -> Vec<Load> {
        let numbered = batches.iter().zip(0..);
        numbered
            .map(|(batches, partition)| Load { partition, batches: *batches, is_stuck: false })
            .collect()
    }

    /// The example in Kafka's `BuiltInPartitioner.updatePartitionLoadStats`.
    #[test]
    fn short_queues_are_likelier() {
        let loads = loads(&[0, 3, 1]);
        let picked: Vec<_> = (0..9).map_while(|number| pick(&loads, number)).collect();
        assert_eq!(picked, [0, 0, 0, 0, 1, 2, 2, 2]);
    }

    #[test]
    fn what_is_stuck_is_left_out_unless_all_are() {
        let mut some = loads(&[0, 0, 0]);
        some[1].is_stuck = true;
        assert_eq!([0, 1].map(|it| pick(&some, it)), [Some(0), Some(2)]);
        assert_eq!(pick(&some, 2), None);
        some.iter_mut().for_each(|it| it.is_stuck = true);
        assert_eq!(pick(&some, 2), Some(2));
        assert_eq!(choose_by_load(&[], &mut Random::new(1)), None);
    }

    #[test]
    fn a_partition_is_left_after_a_batch_but_an_open_batch_is_filled() {
        let mut sticky = Sticky::new(100);
        assert_eq!(sticky.current(), None);
        sticky.stick_to(2);
        sticky.appended(99, false);
        assert_eq!(sticky.current(), Some(2));
        sticky.appended(1, true);
        assert_eq!(sticky.current(), Some(2), "its batch is not full yet");
        sticky.appended(1, false);
        assert_eq!(sticky.current(), None);
        sticky.stick_to(1);
        sticky.appended(200, true);
        assert_eq!(sticky.current(), None, "two batches' worth are enough");
        sticky.stick_to(1);
        sticky.keep_to(&[0, 2]);
        assert_eq!(sticky.current(), None, "it went away");
    }
}
