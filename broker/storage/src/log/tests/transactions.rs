//! Producers, open transactions and aborted ones: a function of the log, also after a crash.

use kt_protocol::types::{Offset, Timestamp};
use proptest::prelude::*;

use super::bench::*;
use crate::simulated_disk::{CrashMode, SimulatedDisk};
use crate::transaction_index::AbortedTransaction;
use crate::{LoadFacts, Log, LogError, ReadRequest};

const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;

/// What some producers do, one after the other.
#[derive(Clone, Copy, Debug)]
enum Step {
    Data(i64),
    End(i64, i16),
    Plain,
    Idempotent(i64),
    Roll,
    Flush,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3i64).prop_map(Step::Data),
        3 => (0..3i64, 0..2i16).prop_map(|(producer, ending)| Step::End(producer, ending)),
        1 => Just(Step::Plain),
        2 => (5..8i64).prop_map(Step::Idempotent),
        1 => Just(Step::Roll),
        1 => Just(Step::Flush),
    ];
    prop::collection::vec(step, 1..50)
}

/// Plays the producers, and remembers what readers must be told.
#[derive(Clone, Debug, Default)]
struct Play {
    sequences: std::collections::BTreeMap<i64, i32>,
    open: std::collections::BTreeMap<i64, Offset>,
    aborted: Vec<(i64, Offset, Offset)>,
}

impl Play {
    fn batch(&mut self, producer: i64, base: Offset, attributes: i16) -> Batch {
        let sequence = self.sequences.entry(producer).or_default();
        let batch =
            Batch { producer: Some((producer, 0, *sequence)), attributes, ..Batch::new(base.0, 2) };
        *sequence += 2;
        batch
    }

    fn step(&mut self, step: Step, disk: &SimulatedDisk, log: &mut Log) -> Result<(), LogError> {
        let base = log.log_end_offset();
        let batch = match step {
            Step::Roll => return log.roll(at(1), None),
            Step::Flush => return Ok(flush(disk, log)?),
            Step::Plain => Batch::new(base.0, 1),
            Step::Idempotent(producer) => self.batch(producer, base, 0),
            Step::Data(producer) => {
                self.open.entry(producer).or_insert(base);
                self.batch(producer, base, TRANSACTIONAL)
            }
            Step::End(producer, ending) => {
                let Some(first) = self.open.remove(&producer) else { return Ok(()) };
                if ending == 0 {
                    self.aborted.push((producer, first, base));
                }
                Batch {
                    producer: Some((producer, 0, -1)),
                    attributes: TRANSACTIONAL | CONTROL,
                    control: Some(ending),
                    ..Batch::new(base.0, 1)
                }
            }
        };
        log.append(at(1), &batch.bytes()).map(|_| ())
    }
}

/// A reader of committed records from anywhere is told every aborted transaction it meets.
fn check_aborted(log: &Log, play: &Play) {
    let end = log.log_end_offset();
    for from in (0..end.0).map(Offset) {
        for max_bytes in [1, 400, 100_000] {
            let request = ReadRequest { from, max_offset: end, max_bytes, min_one_batch: true };
            let Some(slice) = crate::read(log.segments(), &request).unwrap() else { continue };
            let told = crate::aborted_transactions(log.segments(), &slice, end).unwrap();
            let range = slice.range.position..slice.range.position + slice.range.length;
            let in_slice = all_batches(log).into_iter().filter(|batch| {
                slice.segment.base_offset() <= batch.header.base_offset()
                    && slice.first.base_offset <= batch.header.base_offset()
                    && range.contains(&batch.position)
                    && segment_of(log, batch.header.base_offset()) == slice.segment.base_offset()
            });
            let last = in_slice.map(|batch| batch.header.last_offset()).max().unwrap();
            for (producer, first, marker) in &play.aborted {
                if slice.first.base_offset <= *marker && *first <= last {
                    let is_it = |one: &AbortedTransaction| {
                        (one.producer_id.0, one.first_offset, one.last_offset)
                            == (*producer, *first, *marker)
                    };
                    assert!(
                        told.iter().any(is_it),
                        "from {from}: {told:?} lacks {first}..{marker}"
                    );
                }
            }
        }
    }
}

fn segment_of(log: &Log, offset: Offset) -> Offset {
    let bases = log.segments().iter().map(|segment| segment.base_offset());
    bases.filter(|base| *base <= offset).max().unwrap()
}

fn first_open(play: &Play) -> Option<Offset> {
    play.open.values().min().copied()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn producers_and_aborted_transactions_survive_a_crash(
        steps in steps(),
        mode in prop::sample::select(&CrashMode::ALL[..]),
        corrupt in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let disk = new_disk(1);
        let config = small_config();
        let mut log = new_log(&disk, &config);
        let mut play = Play::default();
        for step in &steps {
            play.step(*step, &disk, &mut log).unwrap();
        }
        flush(&disk, &mut log).unwrap();
        flush(&disk, &mut log).unwrap();
        let end = log.log_end_offset();
        log.on_high_watermark(end);
        prop_assert_eq!(log.first_unstable_offset(), first_open(&play));
        check_aborted(&log, &play);
        let before = log.producers().to_snapshot();
        drop(log);
        disk.crash();
        disk.restart(mode);
        // T-03, L-08: a snapshot or transaction index that is not whole is made anew.
        let files = disk.export();
        let derived: Vec<_> = files.iter().filter(|(path, bytes)| {
            !bytes.is_empty() && path.extension().is_some_and(|it| it == "snapshot" || it == "txnindex")
        }).collect();
        if let Some((path, bytes)) = corrupt.filter(|_| !derived.is_empty()).map(|index| index.get(&derived)) {
            disk.import([((*path).clone(), bytes[..bytes.len() - 1].to_vec())]);
        }
        let facts = LoadFacts {
            same_boot: mode == CrashMode::Process,
            recovery_point: end,
            high_watermark: end,
            ..LoadFacts::default()
        };
        let (mut log, _) = open(&disk, &config, facts).unwrap();
        prop_assert_eq!(log.log_end_offset(), end);
        log.on_high_watermark(end);
        prop_assert_eq!(log.first_unstable_offset(), first_open(&play));
        prop_assert_eq!(log.producers().to_snapshot(), before);
        check_aborted(&log, &play);
    }

    #[test]
    fn truncation_gives_the_state_of_what_is_left(steps in steps(), cut in any::<prop::sample::Index>()) {
        let disk = new_disk(1);
        let config = small_config();
        let mut log = new_log(&disk, &config);
        let mut play = Play::default();
        let mut states = vec![(Offset(0), log.producers().to_snapshot(), play.clone())];
        for step in &steps {
            play.step(*step, &disk, &mut log).unwrap();
            states.push((log.log_end_offset(), log.producers().to_snapshot(), play.clone()));
        }
        let (end, snapshot, play) = cut.get(&states);
        truncate(&disk, &mut log, *end).unwrap().carry_out().unwrap();
        prop_assert_eq!(log.log_end_offset(), *end);
        prop_assert_eq!(&log.producers().to_snapshot(), snapshot);
        log.on_high_watermark(*end);
        prop_assert_eq!(log.first_unstable_offset(), first_open(play));
        check_aborted(&log, play);
        let told: usize = play.aborted.len();
        let all: usize = log.segments().iter().map(|segment| {
            let file = segment.has_aborted().then(|| segment.transaction_file().unwrap());
            file.map_or(0, |file| file.len().unwrap() / 34) as usize
        }).sum();
        prop_assert_eq!(all, told, "nothing else is told");
    }
}

#[test]
fn an_ended_transaction_is_unstable_until_the_high_watermark_passes_its_marker() {
    let disk = new_disk(1);
    let mut log = new_log(&disk, &small_config());
    let mut play = Play::default();
    for step in [Step::Plain, Step::Data(1), Step::Plain, Step::End(1, 1), Step::Plain] {
        play.step(step, &disk, &mut log).unwrap();
    }
    let unstable = |log: &mut Log, high_watermark: i64| {
        log.on_high_watermark(Offset(high_watermark));
        log.first_unstable_offset()
    };
    assert_eq!(unstable(&mut log, 4), Some(Offset(1)));
    assert_eq!(unstable(&mut log, 5), None);
}

#[test]
fn idle_producers_are_forgotten_and_snapshots_follow_the_segments() {
    let disk = new_disk(1);
    let config = crate::LogConfig { retention_bytes: Some(1), ..small_config() };
    let mut log = new_log(&disk, &config);
    let mut play = Play::default();
    for _ in 0..40 {
        play.step(Step::Idempotent(5), &disk, &mut log).unwrap();
    }
    let snapshots = |disk: &SimulatedDisk| {
        names(disk).into_iter().filter(|name| name.ends_with(".snapshot")).count()
    };
    assert_eq!(snapshots(&disk), log.segments().len() - 1);
    let end = log.log_end_offset();
    log.delete_old_segments(at(2), None, end).unwrap().carry_out().unwrap();
    assert_eq!(snapshots(&disk), 1, "that of the log start stays");
    assert_eq!(log.producers().len(), 1);
    assert_eq!(log.expire_producers(Timestamp(2 * 24 * 3_600_000)), 1);
}
