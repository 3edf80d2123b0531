//! What is sent when, in which order, and with which sequence numbers.

use kt_protocol::records::{BatchView, Compressor, NewRecord};
use kt_protocol::types::{Millis, ProducerEpoch, ProducerId, TopicPartition};
use proptest::prelude::*;

use super::{Accumulator, Limits, Urgency};
use crate::producer::sequence::{Identity, Sequences};

fn accumulator(batch_bytes: usize) -> Accumulator {
    let limits = Limits { batch_bytes, request_bytes_max: 1_000, linger_ms: 5 };
    Accumulator::new(limits, Compressor::default())
}

fn partition(index: i32) -> TopicPartition {
    TopicPartition::new("orders", index)
}

fn value(bytes: &[u8]) -> NewRecord<'_> {
    NewRecord { value: Some(bytes), ..NewRecord::default() }
}

fn sequences() -> Sequences {
    let mut sequences = Sequences::new();
    sequences.adopt(Identity { id: ProducerId(7), epoch: ProducerEpoch(0) });
    sequences
}

#[test]
fn a_batch_waits_for_more_until_it_is_full_old_or_urgent() {
    let mut it = accumulator(200);
    assert_eq!(it.append(Millis(100), partition(0), value(b"a"), 1), Ok(false));
    assert_eq!(it.ready(Millis(104), Urgency::Linger), []);
    assert_eq!(it.next_deadline(Millis(104)), Some(Millis(105)));
    assert_eq!(it.ready(Millis(105), Urgency::Linger), [partition(0)]);
    assert_eq!(it.ready(Millis(100), Urgency::Now), [partition(0)]);
    assert_eq!(it.append(Millis(101), partition(0), value(&[0; 150]), 2), Ok(true));
    assert_eq!(it.ready(Millis(101), Urgency::Linger), [partition(0)]);
}

#[test]
fn a_partition_has_one_batch_under_way_and_a_retry_sends_the_same_bytes() {
    let mut it = accumulator(100);
    let mut sequences = sequences();
    for tag in 0..3 {
        it.append(Millis(0), partition(0), value(&[0; 50]), tag).unwrap();
    }
    let first = it.take(Millis(0), &[partition(0)], Some(&mut sequences)).remove(0);
    assert_eq!(it.ready(Millis(9), Urgency::Now), []);
    it.retry(&partition(0), Millis(20));
    assert_eq!(it.ready(Millis(19), Urgency::Now), []);
    assert_eq!(it.next_deadline(Millis(19)), Some(Millis(20)));
    let again = it.take(Millis(20), &[partition(0)], Some(&mut sequences)).remove(0);
    assert_eq!(again.records, first.records);
    let attempted = it.attempted(&partition(0)).unwrap();
    assert_eq!((attempted.attempts, attempted.first_sent), (2, Millis(0)));
    assert_eq!(it.complete(&partition(0)), [0]);

    let second = it.take(Millis(21), &[partition(0)], Some(&mut sequences)).remove(0);
    let view = BatchView::only_of(&second.records).unwrap();
    assert_eq!((view.producer_id(), view.base_sequence()), (ProducerId(7), 1));
    assert_eq!(it.complete(&partition(0)), [1]);
    it.take(Millis(22), &[partition(0)], Some(&mut sequences));
    assert_eq!(it.complete(&partition(0)), [2]);
    assert!(it.is_idle());
    assert_eq!(it.bytes(), 0);
}

#[test]
fn without_an_identity_nothing_of_an_idempotent_producer_leaves() {
    let mut it = accumulator(100);
    it.append(Millis(0), partition(0), value(b"a"), 1).unwrap();
    let mut none = Sequences::new();
    assert!(it.take(Millis(0), &[partition(0)], Some(&mut none)).is_empty());
    assert_eq!(it.take(Millis(0), &[partition(0)], Some(&mut sequences())).len(), 1);
}

#[test]
fn a_request_has_a_bound_and_what_does_not_fit_goes_next() {
    let mut it = accumulator(900);
    for index in 0..3 {
        it.append(Millis(0), partition(index), value(&[0; 600]), 0).unwrap();
    }
    let all = [partition(0), partition(1), partition(2)];
    let taken = it.take(Millis(0), &all, Some(&mut sequences()));
    assert_eq!(taken.len(), 1);
    assert_eq!(it.ready(Millis(0), Urgency::Linger), all[1..]);
}

proptest! {
    /// Every record ends once, those of a partition in their order, whatever fails in between.
    #[test]
    fn records_end_once_and_in_order(
        sizes in prop::collection::vec((0..3_i32, 0..80_usize), 1..60),
        fates in prop::collection::vec(any::<bool>(), 0..200),
    ) {
        let mut it = accumulator(150);
        let mut sequences = sequences();
        for (tag, (index, size)) in sizes.iter().enumerate() {
            it.append(Millis(0), partition(*index), value(&vec![0; *size]), tag as u64).unwrap();
        }
        let mut ended: Vec<Vec<u64>> = vec![Vec::new(); 3];
        let mut next_sequence = [0_i32; 3];
        let mut fates = fates.into_iter();
        let mut now = Millis(0);
        while !it.is_idle() {
            now = now + 1;
            let ready = it.ready(now, Urgency::Now);
            prop_assert!(!ready.is_empty());
            for outgoing in it.take(now, &ready, Some(&mut sequences)) {
                let index = outgoing.partition.partition.0 as usize;
                let view = BatchView::only_of(&outgoing.records).unwrap();
                prop_assert_eq!(view.base_sequence(), next_sequence[index]);
                if fates.next().unwrap_or(true) {
                    next_sequence[index] += view.records_count();
                    ended[index].extend(it.complete(&outgoing.partition));
                } else {
                    it.retry(&outgoing.partition, now);
                }
            }
        }
        prop_assert_eq!(it.bytes(), 0);
        for (index, tags) in ended.iter().enumerate() {
            let sent = sizes.iter().enumerate().filter(|(_, it)| it.0 as usize == index);
            prop_assert_eq!(tags.clone(), sent.map(|it| it.0 as u64).collect::<Vec<_>>());
        }
    }
}
