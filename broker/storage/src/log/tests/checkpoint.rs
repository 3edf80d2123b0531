//! Checkpoints: that recovery reads no more than what they leave open, and that a truncation is
//! announced by them first.

use std::path::Path;

use kt_protocol::types::Offset;

use super::bench::*;
use crate::producer_state::list_snapshots;
use crate::simulated_disk::{Call, CrashMode, Fault, SimulatedDisk};
use crate::{LoadFacts, Log, LogConfig, LogError};

/// What a checkpoint of a running node does.
fn checkpoint(disk: &SimulatedDisk, log: &mut Log) {
    let end = log.log_end_offset();
    log.on_high_watermark(end);
    if let Some(snapshot) = log.snapshot_for_checkpoint(end).unwrap() {
        snapshot.sync(disk).unwrap();
    }
    promise(disk, log.recovery_point_to_checkpoint()).unwrap();
}

/// Appends batches of one producer, of 16 KiB each.
fn append(log: &mut Log, batches: usize) {
    for _ in 0..batches {
        let base = log.log_end_offset().0;
        let producer = Some((1, 0, base as i32));
        let batch = Batch { value: 4_000, producer, ..Batch::new(base, 4) };
        log.append(at(1), &batch.bytes()).unwrap();
    }
}

/// A log of `mebibytes`, checkpointed twice each, whose newest 256 KiB are not flushed.
fn running_log(disk: &SimulatedDisk, config: &LogConfig, mebibytes: usize) -> Log {
    let mut log = new_log(disk, config);
    for _ in 0..2 * mebibytes {
        append(&mut log, 32);
        flush(disk, &mut log).unwrap();
        checkpoint(disk, &mut log);
    }
    append(&mut log, 16);
    log
}

fn snapshots(disk: &SimulatedDisk) -> Vec<Offset> {
    list_snapshots(disk, Path::new(DIRECTORY)).unwrap()
}

fn facts(disk: &SimulatedDisk, mode: CrashMode) -> LoadFacts {
    let same_boot = mode == CrashMode::Process;
    LoadFacts { same_boot, recovery_point: recovery_point_on(disk), ..LoadFacts::default() }
}

#[test]
fn recovery_reads_what_was_not_flushed_and_little_more() {
    for mode in CrashMode::ALL {
        let disk = new_disk(1);
        let log = running_log(&disk, &LogConfig::default(), 64);
        let (size, producers) = (log.size().unwrap(), log.producers().to_snapshot());
        assert!(62 << 20 < size);
        drop(log);
        disk.crash();
        disk.restart(mode);
        let facts = facts(&disk, mode);
        assert!(size / 4 * 3 < facts.recovery_point.0 as u64 * 4_000);
        let before = disk.bytes_read();
        let (log, report) = open(&disk, &LogConfig::default(), facts).unwrap();
        let read = disk.bytes_read() - before;
        assert!(report.bytes_scanned <= 300 << 10, "{mode:?}: {report:?}");
        assert!(read < 2 << 20, "{mode:?}: {read} bytes read of {size}");
        assert!(report.rebuilt.is_empty(), "{mode:?}: {report:?}");
        if log.log_end_offset().0 * 4_000 + (1 << 10) > size as i64 {
            assert_eq!(log.producers().to_snapshot(), producers, "{mode:?}");
        }
        assert_eq!(log.producers().len(), 1);
    }
}

/// Kafka keeps those at a segment's base, and of others the newest if it is above them all.
#[test]
fn snapshots_of_checkpoints_are_few_and_follow_the_log() {
    let disk = new_disk(1);
    let config = LogConfig { segment_bytes: 5 << 20, ..LogConfig::default() };
    let mut log = running_log(&disk, &config, 12);
    let bases: Vec<Offset> = log.segments().iter().map(|it| it.base_offset()).collect();
    let strays = |disk: &SimulatedDisk| -> Vec<Offset> {
        snapshots(disk).into_iter().filter(|offset| !bases.contains(offset)).collect()
    };
    assert_eq!(strays(&disk).len(), 2, "{:?}", snapshots(&disk));
    assert_eq!(snapshots(&disk).len(), bases.len() - 1 + 2);
    let newest = strays(&disk)[1];
    assert!(newest <= log.recovery_point());
    // What is truncated takes its snapshots with it, also one that waits to be written.
    truncate(&disk, &mut log, Offset(newest.0 - 1)).unwrap().carry_out().unwrap();
    assert_eq!(strays(&disk).len(), 1);
    flush(&disk, &mut log).unwrap();
    checkpoint(&disk, &mut log);
    checkpoint(&disk, &mut log);
    assert!(snapshots(&disk).iter().all(|offset| *offset <= log.log_end_offset()));
    log.close().unwrap();
    assert_eq!(snapshots(&disk).last(), Some(&log.log_end_offset()));
}

#[test]
fn a_torn_snapshot_is_discarded_for_an_older_one() {
    let disk = new_disk(1);
    let log = running_log(&disk, &LogConfig::default(), 6);
    let producers = log.producers().to_snapshot();
    drop(log);
    disk.crash();
    disk.restart(CrashMode::Process);
    let [older, newest] = snapshots(&disk)[..] else { panic!("{:?}", snapshots(&disk)) };
    let path = crate::producer_state::snapshot_path(Path::new(DIRECTORY), newest);
    disk.flip_bit(&path, 20, 1);
    let facts = facts(&disk, CrashMode::Process);
    let (log, report) = open(&disk, &LogConfig::default(), facts).unwrap();
    assert!(report.rebuilt[0].contains(&format!("{newest:020}.snapshot")), "{report:?}");
    assert_eq!((log.producers().to_snapshot(), snapshots(&disk)), (producers, vec![older]));
}

/// Of a batch that is not acknowledged its producer waits for an answer, and may repeat it and the
/// four before it: they must be replayed, as a snapshot holds only the last.
#[test]
fn a_snapshot_waits_for_the_flush_and_the_high_watermark() {
    let disk = new_disk(1);
    let mut log = new_log(&disk, &LogConfig::default());
    append(&mut log, 100);
    let end = log.log_end_offset();
    let is_taken = |log: &mut Log, high_watermark: Offset| {
        log.snapshot_for_checkpoint(high_watermark).unwrap().is_some()
    };
    assert!(!is_taken(&mut log, end), "captured");
    assert!(!is_taken(&mut log, end), "not flushed");
    flush(&disk, &mut log).unwrap();
    flush(&disk, &mut log).unwrap();
    assert!(!is_taken(&mut log, Offset(end.0 - 1)), "not acknowledged");
    assert!(is_taken(&mut log, end));
    assert!(!is_taken(&mut log, end), "nothing was appended since");
    append(&mut log, 20);
    assert!(!is_taken(&mut log, end), "little was appended since");
}

#[test]
fn a_snapshot_that_cannot_be_written_leaves_the_log_usable() {
    let disk = new_disk(1);
    let mut log = new_log(&disk, &LogConfig::default());
    append(&mut log, 100);
    let end = log.log_end_offset();
    flush(&disk, &mut log).unwrap();
    flush(&disk, &mut log).unwrap();
    assert!(log.snapshot_for_checkpoint(end).unwrap().is_none());
    disk.fail(Call::Create, 1, Fault::Enospc);
    assert!(log.snapshot_for_checkpoint(end).is_err());
    append(&mut log, 100);
    flush(&disk, &mut log).unwrap();
    checkpoint(&disk, &mut log);
    checkpoint(&disk, &mut log);
    assert_eq!(snapshots(&disk), [log.log_end_offset()]);
}

#[test]
fn a_truncation_wants_the_checkpoints_lowered_first() {
    let disk = new_disk(1);
    let mut log = new_log(&disk, &small_config());
    fill(&mut log, 30, 5);
    flush(&disk, &mut log).unwrap();
    flush(&disk, &mut log).unwrap();
    let too_much = promise(&disk, log.recovery_point_to_checkpoint()).unwrap();
    let before = disk.export();
    let refused = log.truncate_to(at(1), Offset(42), too_much).unwrap_err();
    assert!(
        matches!(refused, LogError::Promised { promised: Offset(150), end: Offset(40) }),
        "{refused}"
    );
    // The target lies within a batch: the log will end before it.
    assert_eq!(log.prepare_truncation(Offset(42)).unwrap(), Offset(40));
    assert_eq!(log.recovery_point_to_checkpoint(), Offset(40), "until it is done");
    let target = promise(&disk, Offset(42)).unwrap();
    assert!(matches!(
        log.truncate_to(at(1), Offset(42), target),
        Err(LogError::Promised { promised: Offset(42), .. })
    ));
    assert!(matches!(
        log.truncate_fully_and_start_at(at(1), Offset(500), target),
        Err(LogError::Promised { end: Offset(0), .. })
    ));
    assert!(!log.has_failed());
    assert_eq!(logs(&before), logs(&disk.export()), "nothing has changed");
    let enough = promise(&disk, log.recovery_point_to_checkpoint()).unwrap();
    log.truncate_to(at(1), Offset(42), enough).unwrap().carry_out().unwrap();
    assert_eq!(log.log_end_offset(), Offset(40));
    fill(&mut log, 2, 5);
    flush(&disk, &mut log).unwrap();
    flush(&disk, &mut log).unwrap();
    assert_eq!(log.recovery_point_to_checkpoint(), Offset(50), "it rises again");
}

type Files = std::collections::BTreeMap<std::path::PathBuf, Vec<u8>>;

fn logs(files: &Files) -> Vec<(&std::path::PathBuf, &Vec<u8>)> {
    files.iter().filter(|(path, _)| path.starts_with(DIRECTORY)).collect()
}
