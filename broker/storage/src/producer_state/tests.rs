use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3_600_000;
const EXPIRATION_MS: u64 = 24 * HOUR as u64;
const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn states() -> ProducerStates {
    ProducerStates::new(EXPIRATION_MS)
}

/// `count` records from `sequence` on, at `offset`.
fn batch(id: i64, epoch: i16, sequence: i32, count: i32, offset: i64) -> ProducerBatch {
    let last = (i64::from(sequence) + i64::from(count) - 1) & i64::from(i32::MAX);
    ProducerBatch {
        producer_id: ProducerId(id),
        producer_epoch: ProducerEpoch(epoch),
        base_sequence: sequence,
        last_sequence: last as i32,
        base_offset: Offset(offset),
        last_offset: Offset(offset + i64::from(count) - 1),
        max_timestamp: NOW,
        is_transactional: false,
    }
}

fn transactional(id: i64, epoch: i16, sequence: i32, offset: i64) -> ProducerBatch {
    ProducerBatch { is_transactional: true, ..batch(id, epoch, sequence, 1, offset) }
}

fn marker(id: i64, epoch: i16, ending: Ending, offset: i64) -> Marker {
    Marker {
        producer_id: ProducerId(id),
        producer_epoch: ProducerEpoch(epoch),
        coordinator_epoch: 3,
        ending,
        offset: Offset(offset),
        timestamp: NOW,
    }
}

fn with(batches: &[ProducerBatch]) -> ProducerStates {
    let mut states = states();
    batches.iter().for_each(|batch| states.append(batch, NOW));
    states
}

/// What `check` says, in a few words.
fn verdict(states: &ProducerStates, batch: &ProducerBatch) -> String {
    match states.check(batch) {
        Ok(Admission::Append) => "append".to_owned(),
        Ok(Admission::Duplicate(kept)) => {
            format!("duplicate {}..={}", kept.base_offset(), kept.last_offset)
        }
        Err(error) => error.code().name().to_owned(),
    }
}

#[test]
fn the_next_sequence_is_appended_and_everything_else_is_not() {
    let states = with(&[batch(1, 0, 0, 5, 100), batch(1, 0, 5, 5, 110)]);
    assert_eq!(verdict(&states, &batch(1, 0, 10, 3, 0)), "append");
    assert_eq!(verdict(&states, &batch(1, 0, 0, 5, 0)), "duplicate 100..=104");
    assert_eq!(verdict(&states, &batch(1, 0, 5, 5, 0)), "duplicate 110..=114");
    assert_eq!(verdict(&states, &batch(1, 0, 5, 4, 0)), "OUT_OF_ORDER_SEQUENCE_NUMBER");
    assert_eq!(verdict(&states, &batch(1, 0, 11, 1, 0)), "OUT_OF_ORDER_SEQUENCE_NUMBER");
    assert_eq!(verdict(&states, &batch(1, 0, 9, 1, 0)), "OUT_OF_ORDER_SEQUENCE_NUMBER");
    assert_eq!(verdict(&states, &batch(2, 7, 123, 1, 0)), "append", "an unknown producer");
    let error = states.check(&batch(1, 0, 12, 1, 0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "producer 1 with epoch 0 sent sequence 12, expected is 10",
        "both numbers are told"
    );
}

#[test]
fn a_new_epoch_begins_at_zero_and_fences_the_old() {
    let mut states = with(&[batch(1, 4, 0, 5, 100)]);
    assert_eq!(verdict(&states, &batch(1, 3, 5, 1, 0)), "INVALID_PRODUCER_EPOCH");
    assert_eq!(verdict(&states, &batch(1, 3, 0, 5, 0)), "INVALID_PRODUCER_EPOCH");
    assert_eq!(verdict(&states, &batch(1, 5, 5, 1, 0)), "OUT_OF_ORDER_SEQUENCE_NUMBER");
    assert_eq!(verdict(&states, &batch(1, 5, 0, 5, 0)), "append", "no duplicate: another epoch");
    states.append(&batch(1, 5, 0, 5, 105), NOW);
    assert_eq!(verdict(&states, &batch(1, 4, 5, 1, 0)), "INVALID_PRODUCER_EPOCH");
    assert_eq!(verdict(&states, &batch(1, 5, 0, 5, 0)), "duplicate 105..=109");
}

#[test]
fn sequences_wrap_within_and_between_batches() {
    let mut states = with(&[batch(1, 0, i32::MAX - 1, 4, 100)]);
    assert_eq!(states.get(ProducerId(1)).unwrap().last_sequence(), 1);
    assert_eq!(verdict(&states, &batch(1, 0, i32::MAX - 1, 4, 0)), "duplicate 100..=103");
    assert_eq!(verdict(&states, &batch(1, 0, 2, 1, 0)), "append");
    states.append(&batch(2, 0, i32::MAX, 1, 104), NOW);
    assert_eq!(verdict(&states, &batch(2, 0, 0, 1, 0)), "append");
    assert_eq!(verdict(&states, &batch(2, 0, 1, 1, 0)), "OUT_OF_ORDER_SEQUENCE_NUMBER");
}

#[test]
fn five_batches_are_remembered() {
    let batches: Vec<_> = (0..7).map(|at| batch(1, 0, at * 2, 2, i64::from(at) * 10)).collect();
    let states = with(&batches);
    let verdicts: Vec<_> = batches.iter().map(|it| verdict(&states, it)).collect();
    assert_eq!(verdicts[..2], ["OUT_OF_ORDER_SEQUENCE_NUMBER"; 2]);
    assert_eq!(verdicts[2], "duplicate 20..=21");
    assert_eq!(verdicts[6], "duplicate 60..=61");
}

#[test]
fn a_transaction_holds_readers_back_until_its_marker_is_replicated() {
    let mut states = with(&[transactional(1, 0, 0, 10), transactional(2, 0, 0, 11)]);
    states.append(&transactional(1, 0, 1, 12), NOW);
    assert_eq!(states.first_unstable_offset(), Some(Offset(10)));
    assert!(states.has_ongoing_transaction(ProducerId(1), ProducerEpoch(0)));
    assert!(!states.has_ongoing_transaction(ProducerId(1), ProducerEpoch(1)));
    assert_eq!(verdict(&states, &batch(1, 0, 2, 1, 0)), "INVALID_TXN_STATE");
    let completed = states.append_marker(&marker(1, 0, Ending::Abort, 13), NOW).unwrap();
    let aborted = completed.aborted().unwrap();
    assert_eq!((aborted.first_offset, aborted.last_offset), (Offset(10), Offset(13)));
    assert_eq!(aborted.last_stable_offset, Offset(11), "producer 2 is still at work");
    assert_eq!(states.first_unstable_offset(), Some(Offset(10)), "the marker is not replicated");
    states.on_high_watermark(Offset(13));
    assert_eq!(states.first_unstable_offset(), Some(Offset(10)), "13 is the marker itself");
    states.on_high_watermark(Offset(14));
    assert_eq!(states.first_unstable_offset(), Some(Offset(11)));
    let completed = states.append_marker(&marker(2, 0, Ending::Commit, 14), NOW).unwrap();
    assert_eq!((completed.aborted(), completed.last_stable_offset), (None, Offset(15)));
    states.on_high_watermark(Offset(15));
    assert_eq!(states.first_unstable_offset(), None);
    assert_eq!(states.append_marker(&marker(2, 0, Ending::Commit, 15), NOW), None, "it was empty");
}

#[test]
fn markers_are_fenced_by_epoch_and_by_coordinator() {
    use MarkerVersion::{BumpedEpoch, DataEpoch};
    let open = with(&[transactional(1, 5, 0, 10)]);
    let mut ended = open.clone();
    ended.append_marker(&marker(1, 6, Ending::Commit, 11), NOW);
    let word = |states: &ProducerStates, epoch, version| match states
        .check_marker(&marker(1, epoch, Ending::Commit, 0), version)
    {
        Ok(admission) => format!("{admission:?}"),
        Err(error) => error.code().name().to_owned(),
    };
    let fenced = "INVALID_PRODUCER_EPOCH";
    for (states, epoch, version, expected) in [
        (&open, 4, DataEpoch, fenced),
        (&open, 5, DataEpoch, "Append"),
        (&open, 6, DataEpoch, "Append"),
        (&open, 4, BumpedEpoch, fenced),
        (&open, 5, BumpedEpoch, fenced),
        (&open, 6, BumpedEpoch, "Append"),
        (&ended, 5, BumpedEpoch, fenced),
        (&ended, 6, BumpedEpoch, "AlreadyEnded"),
        (&ended, 7, BumpedEpoch, "Append"),
        (&ended, 6, DataEpoch, "Append"),
        (&states(), 0, BumpedEpoch, "Append"),
    ] {
        assert_eq!(word(states, epoch, version), expected, "{epoch} {version:?}");
    }
    let late = Marker { coordinator_epoch: 2, ..marker(1, 6, Ending::Abort, 0) };
    let error = ended.check_marker(&late, DataEpoch).unwrap_err();
    assert_eq!(error.code().name(), "TRANSACTION_COORDINATOR_FENCED");
    assert_eq!(ended.get(ProducerId(1)).unwrap().last_sequence(), -1, "the epoch was bumped");
    assert_eq!(verdict(&ended, &transactional(1, 6, 0, 0)), "append");
}

#[test]
fn producers_are_forgotten_after_their_last_batch_or_marker() {
    let mut states = with(&[batch(1, 0, 0, 1, 0), transactional(2, 0, 0, 1), batch(3, 0, 0, 1, 2)]);
    let later = Timestamp(NOW.0 + 23 * HOUR);
    states.append_marker(&marker(3, 0, Ending::Commit, 3), later);
    assert_eq!(states.expire(later), 0);
    assert_eq!(states.expire(Timestamp(NOW.0 + 24 * HOUR)), 1);
    assert!(states.get(ProducerId(1)).is_none());
    assert!(states.get(ProducerId(2)).is_some(), "its transaction is open");
    assert!(states.get(ProducerId(3)).is_some(), "its marker counts");
    assert_eq!(verdict(&states, &batch(1, 0, 99, 1, 0)), "append", "it is unknown now");
}

#[test]
fn old_record_timestamps_do_not_forget_a_producer_at_a_start() {
    let old = ProducerBatch { max_timestamp: Timestamp(1), ..batch(1, 0, 0, 1, 0) };
    let mut replayed = states();
    replayed.replay(&old, NOW);
    let mut loaded = ProducerStates::from_snapshot(&replayed.to_snapshot(), EXPIRATION_MS, NOW);
    for states in [&mut replayed, &mut loaded] {
        assert_eq!(states.expire(Timestamp(NOW.0 + HOUR - 1)), 0);
        assert_eq!(states.expire(Timestamp(NOW.0 + HOUR)), 1);
    }
    let ahead = ProducerBatch { max_timestamp: Timestamp(i64::MAX), ..batch(1, 0, 0, 1, 0) };
    replayed.replay(&ahead, NOW);
    assert_eq!(replayed.expire(Timestamp(NOW.0 + 24 * HOUR)), 1, "nor remember it for ever");
}

#[test]
fn memory_is_bounded_and_the_idlest_go_first() {
    let mut states = states();
    states.append(&transactional(0, 0, 0, 0), NOW);
    for id in 1..=PRODUCERS_MAX as i64 {
        states.append(&batch(id, 0, 0, 1, id), Timestamp(NOW.0 + id));
    }
    assert_eq!(states.len(), PRODUCERS_MAX - PRODUCERS_MAX / 8 + 1);
    assert!(states.get(ProducerId(0)).is_some(), "its transaction is open");
    assert!(states.get(ProducerId(1)).is_none());
    assert!(states.get(ProducerId(PRODUCERS_MAX as i64 / 8)).is_none());
    assert!(states.get(ProducerId(PRODUCERS_MAX as i64 / 8 + 1)).is_some());
}

/// What a client or a coordinator does next.
#[derive(Clone, Debug)]
enum Step {
    Batch { producer: i64, count: i32, is_transactional: bool, bumps_epoch: bool },
    Marker { producer: i64, ending: Ending, bumps_epoch: bool },
}

fn any_step() -> impl Strategy<Value = Step> {
    let ending = prop_oneof![Just(Ending::Abort), Just(Ending::Commit)];
    prop_oneof![
        3 => (0..4i64, 1..50i32, any::<bool>(), prop::bool::weighted(0.1)).prop_map(
            |(producer, count, is_transactional, bumps_epoch)| Step::Batch {
                producer, count, is_transactional, bumps_epoch
            }
        ),
        1 => (0..4i64, ending, any::<bool>())
            .prop_map(|(producer, ending, bumps_epoch)| Step::Marker { producer, ending, bumps_epoch }),
    ]
}

/// One entry of the log that the steps write.
#[derive(Clone, Copy, Debug)]
enum Written {
    Batch(ProducerBatch),
    Marker(Marker),
}

impl Written {
    fn next_offset(&self) -> Offset {
        match self {
            Written::Batch(batch) => batch.last_offset.plus(1),
            Written::Marker(marker) => marker.offset.plus(1),
        }
    }

    fn replay(&self, states: &mut ProducerStates) -> Option<CompletedTransaction> {
        match self {
            Written::Batch(batch) => {
                states.replay(batch, NOW);
                None
            }
            Written::Marker(marker) => states.replay_marker(marker, NOW),
        }
    }
}

/// Does the steps as a client that obeys the rules; whatever `check` lets pass is written.
fn write_log(steps: &[Step], first_sequence: i32) -> (ProducerStates, Vec<Written>) {
    let mut states = states();
    let mut log: Vec<Written> = Vec::new();
    for step in steps {
        let offset = log.last().map_or(Offset(0), Written::next_offset);
        let written = match step {
            Step::Batch { producer, count, is_transactional, bumps_epoch } => {
                let known = states.get(ProducerId(*producer));
                let epoch = known.map_or(0, |it| it.epoch().0) + i16::from(*bumps_epoch);
                let sequence =
                    known.map_or(first_sequence, |it| it.next_sequence(ProducerEpoch(epoch)));
                let open = known.is_some_and(|it| it.transaction_first_offset().is_some());
                let mut batch = batch(*producer, epoch, sequence, *count, offset.0);
                batch.is_transactional = *is_transactional || open;
                assert_eq!(states.check(&batch), Ok(Admission::Append));
                states.append(&batch, NOW);
                Written::Batch(batch)
            }
            Step::Marker { producer, ending, bumps_epoch } => {
                let known = states.get(ProducerId(*producer));
                let epoch = known.map_or(0, |it| it.epoch().0) + i16::from(*bumps_epoch);
                let marker = marker(*producer, epoch, *ending, offset.0);
                states.append_marker(&marker, NOW);
                Written::Marker(marker)
            }
        };
        log.push(written);
    }
    (states, log)
}

/// Everything but the batches before the last, which no snapshot keeps.
fn essence(states: &ProducerStates) -> (Vec<SnapshotEntry>, Vec<(Offset, ProducerId)>) {
    (states.to_snapshot(), states.ongoing.iter().map(|(at, id)| (*at, *id)).collect())
}

proptest! {
    /// T-03: the state is a function of the log, whichever snapshot the replay starts from.
    #[test]
    fn the_state_after_recovery_is_the_state_before(
        steps in prop::collection::vec(any_step(), 0..40),
        cut in 0..40usize,
    ) {
        let (before, log) = write_log(&steps, i32::MAX - 70);
        let cut = cut.min(log.len());
        let mut prefix = states();
        let mut completed = Vec::new();
        completed.extend(log[..cut].iter().filter_map(|it| it.replay(&mut prefix)));
        let bytes = encode_snapshot(&prefix.to_snapshot());
        let entries = decode_snapshot(&bytes).unwrap();
        let mut recovered = ProducerStates::from_snapshot(&entries, EXPIRATION_MS, NOW);
        prop_assert_eq!(essence(&recovered), essence(&prefix));
        completed.extend(log[cut..].iter().filter_map(|it| it.replay(&mut recovered)));
        prop_assert_eq!(essence(&recovered), essence(&before));
        // Replay ends the same transactions as the first time, with the same stable offsets.
        let mut whole = states();
        let all: Vec<_> = log.iter().filter_map(|it| it.replay(&mut whole)).collect();
        prop_assert_eq!(completed, all);
    }

    /// Against the plain meaning: a producer numbers its records from some sequence on, and sends
    /// batches again, late, or with gaps.
    #[test]
    fn batches_are_appended_once_and_in_order(
        first in prop_oneof![Just(0), (i32::MAX - 40)..=i32::MAX, any::<i32>().prop_map(|it| it & i32::MAX)],
        sends in prop::collection::vec((1..20i64, -8..3i64), 1..40),
    ) {
        let mut states = states();
        // Absolute numbers, which do not wrap, of what was appended: first record, count.
        let mut appended: Vec<(i64, i64)> = Vec::new();
        for (count, step) in sends {
            let next = appended.last().map_or(0, |(first, count)| first + count);
            let again = usize::try_from(-step).ok().and_then(|back| appended.iter().rev().nth(back.checked_sub(1)?));
            // A batch of before, or one at or above the next number.
            let (start, count) = again.copied().unwrap_or((next + step.max(0), count));
            let sequence = ((i64::from(first) + start) & i64::from(i32::MAX)) as i32;
            let batch = batch(9, 0, sequence, count as i32, start);
            let is_known = appended.iter().rev().take(5).any(|it| *it == (start, count));
            let expected = if is_known {
                format!("duplicate {start}..={}", start + count - 1)
            } else if start == next || appended.is_empty() {
                "append".to_owned()
            } else {
                "OUT_OF_ORDER_SEQUENCE_NUMBER".to_owned()
            };
            prop_assert_eq!(verdict(&states, &batch), expected.clone());
            if expected == "append" {
                states.append(&batch, NOW);
                appended.push((start, count));
            }
        }
    }

    #[test]
    fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0..4u8) {
        let _ = decode_snapshot(&bytes);
        // With a head and a checksum that fit, the entries are read.
        bytes.resize(10 + 46 * usize::from(count), 0);
        bytes[..2].copy_from_slice(&[0, 1]);
        bytes[6..10].copy_from_slice(&[0, 0, 0, count]);
        let crc = kt_protocol::records::crc32c(&bytes[6..]);
        bytes[2..6].copy_from_slice(&crc.to_be_bytes());
        if let Ok(entries) = decode_snapshot(&bytes) {
            let states = ProducerStates::from_snapshot(&entries, EXPIRATION_MS, NOW);
            let kept = states.iter().filter_map(|(_, entry)| entry.last_batch());
            kept.for_each(|batch| { let _ = (batch.base_offset(), batch.base_sequence()); });
            prop_assert!(states.first_unstable_offset() <= Some(Offset(i64::MAX)));
        }
    }
}
