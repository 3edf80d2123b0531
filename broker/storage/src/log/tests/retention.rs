//! Retention, the log start offset, truncation and deletion, without crashes.

use kt_protocol::types::{LeaderEpoch, Offset, Timestamp, Uuid};

use super::bench::*;
use crate::leader_epochs::{EpochEnd, EpochEntry};
use crate::{LoadFacts, LogConfig, LogError};

fn bases(log: &crate::Log) -> Vec<i64> {
    log.segments().iter().map(|segment| segment.base_offset().0).collect()
}

#[test]
fn old_segments_leave_by_time_but_only_below_the_high_watermark() {
    let config = LogConfig { retention_ms: Some(100), ..small_config() };
    let disk = new_disk(1);
    let mut log = new_log(&disk, &config);
    fill(&mut log, 30, 5);
    assert_eq!(bases(&log), [0, 50, 100]);
    // The records are of 1,000,000 plus their batch's offset.
    let wall = Some(Timestamp(1_000_000 + 95 + 101));
    assert!(log.delete_old_segments(at(1), None, Offset(150)).unwrap().is_empty());
    assert!(log.delete_old_segments(at(1), wall, Offset(49)).unwrap().is_empty());
    log.delete_old_segments(at(1), wall, Offset(99)).unwrap().carry_out().unwrap();
    assert_eq!(bases(&log), [50, 100]);
    assert_eq!(log.log_start_offset(), Offset(50));
    log.delete_old_segments(at(1), wall, Offset(150)).unwrap().carry_out().unwrap();
    assert_eq!(bases(&log), [100]);
    let later = Some(Timestamp(2_000_000));
    log.delete_old_segments(at(1), later, Offset(150)).unwrap().carry_out().unwrap();
    assert_eq!(bases(&log), [150], "an active segment that expired is rolled");
    assert!(log.delete_old_segments(at(1), later, Offset(150)).unwrap().is_empty());
    assert!(names(&disk).iter().all(|name| !name.contains("deleted")));
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (Offset(150), Offset(150)));
}

#[test]
fn segments_without_timestamps_are_as_old_as_their_file() {
    let config = LogConfig { retention_ms: Some(100), ..small_config() };
    let disk = new_disk(1);
    let mut log = new_log(&disk, &config);
    for base in (0..150).step_by(5) {
        disk.set_wall(Timestamp(7_000 + base));
        let batch = Batch { timestamp: -1, ..Batch::new(base, 5) };
        log.append(at(1), &batch.bytes()).unwrap();
    }
    assert_eq!(bases(&log), [0, 50, 100]);
    // The last batch of the first segment is at 45.
    let mut left_at = |wall| {
        log.delete_old_segments(at(1), Some(Timestamp(wall)), Offset(150))
            .unwrap()
            .carry_out()
            .unwrap();
        bases(&log)
    };
    assert_eq!(left_at(7_045 + 100), [0, 50, 100]);
    assert_eq!(left_at(7_045 + 101), [50, 100]);
    assert_eq!(left_at(3_000), [50, 100], "a clock that went back");
}

#[test]
fn old_segments_leave_by_size() {
    let disk = new_disk(1);
    let mut log = new_log(&disk, &small_config());
    fill(&mut log, 30, 5);
    let size = log.size().unwrap();
    let one = log.segments()[0].size().unwrap();
    let keep =
        |bytes| std::sync::Arc::new(LogConfig { retention_bytes: Some(bytes), ..small_config() });
    log.set_config(keep(size - one + 1));
    assert!(log.delete_old_segments(at(1), None, Offset(150)).unwrap().is_empty());
    log.set_config(keep(size - one));
    log.delete_old_segments(at(1), None, Offset(150)).unwrap().carry_out().unwrap();
    assert_eq!(bases(&log), [50, 100]);
    log.set_config(std::sync::Arc::new(LogConfig { deletes: false, ..(*keep(0)).clone() }));
    assert!(log.delete_old_segments(at(1), None, Offset(150)).unwrap().is_empty());
}

#[test]
fn deleted_records_are_below_the_log_start() {
    let disk = new_disk(1);
    let mut log = new_log(&disk, &LogConfig { deletes: false, compacts: true, ..small_config() });
    fill(&mut log, 30, 5);
    let above = log.raise_log_start_offset(Offset(101), Offset(100));
    assert!(matches!(above, Err(LogError::OutOfRange { .. })));
    assert!(log.raise_log_start_offset(Offset(62), Offset(150)).unwrap());
    assert!(!log.raise_log_start_offset(Offset(62), Offset(150)).unwrap());
    assert_eq!(log.log_start_offset(), Offset(62));
    log.delete_old_segments(at(1), None, Offset(150)).unwrap().carry_out().unwrap();
    assert_eq!(bases(&log), [50, 100]);
    log.close().unwrap();
    let facts =
        LoadFacts { clean_shutdown: true, log_start_offset: Offset(62), ..LoadFacts::default() };
    let (log, _) = open(&disk, &small_config(), facts).unwrap();
    assert_eq!(log.log_start_offset(), Offset(62));
}

#[test]
fn epochs_follow_the_log() {
    let disk = new_disk(1);
    let mut log = new_log(&disk, &small_config());
    log.begin_epoch(LeaderEpoch(3)).unwrap();
    for (base, epoch) in [(0, 3), (5, 3), (10, 4), (15, 7), (20, 7)] {
        log.append(at(1), &Batch { epoch, ..Batch::new(base, 5) }.bytes()).unwrap();
    }
    let end = |asked: i32, log: &crate::Log| log.end_offset_for(LeaderEpoch(asked));
    let is = |epoch: i32, end: i64| {
        Some(EpochEnd { epoch: LeaderEpoch(epoch), end_offset: Offset(end) })
    };
    assert_eq!(end(3, &log), is(3, 10));
    assert_eq!(end(5, &log), is(4, 15));
    assert_eq!(end(7, &log), is(7, 25));
    assert_eq!(end(8, &log), None);
    let gone = truncate(&disk, &mut log, Offset(17)).unwrap();
    assert!(gone.is_empty());
    assert_eq!(log.log_end_offset(), Offset(15), "a batch is cut off whole");
    assert_eq!(end(4, &log), is(4, 15));
    let entry =
        |epoch, start| EpochEntry { epoch: LeaderEpoch(epoch), start_offset: Offset(start) };
    assert_eq!(log.leader_epochs().entries(), [entry(3, 0), entry(4, 10)]);
    // Two flushes bring a new epoch to its file; until then recovery would read from there.
    log.begin_epoch(LeaderEpoch(9)).unwrap();
    fill(&mut log, 1, 5);
    for expected in [15, 20] {
        flush(&disk, &mut log).unwrap();
        assert_eq!(log.recovery_point(), Offset(20));
        assert_eq!(log.recovery_point_to_checkpoint(), Offset(expected));
    }
    let text = disk.contents(&file("leader-epoch-checkpoint")).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), "0\n3\n3 0\n4 10\n9 15\n");
    assert!(!log.needs_flush());
}

#[test]
fn a_log_without_its_epoch_file_learns_the_epochs_from_its_batches() {
    let disk = new_disk(1);
    let mut log = new_log(&disk, &small_config());
    for base in (0..150).step_by(5) {
        let epoch = base as i32 / 40;
        log.append(at(1), &Batch { epoch, ..Batch::new(base, 5) }.bytes()).unwrap();
    }
    log.close().unwrap();
    let epochs = log.leader_epochs().entries().to_vec();
    assert_eq!(epochs.len(), 4);
    // The last is of a log that began later, before a crash brought its first records back.
    for text in ["", "0\n9\n1 1\n", "nonsense", "0\n2\n2 90\n3 120\n"] {
        disk.import([(file("leader-epoch-checkpoint"), text.as_bytes().to_vec())]);
        let facts = LoadFacts { clean_shutdown: true, ..LoadFacts::default() };
        let (log, _) = open(&disk, &small_config(), facts).unwrap();
        if !text.is_empty() {
            assert_eq!(log.leader_epochs().entries(), epochs);
        }
    }
}

#[test]
fn a_log_starts_over_at_an_offset() {
    let disk = new_disk(1);
    let mut log = new_log(&disk, &small_config());
    fill(&mut log, 30, 5);
    let nothing = promise(&disk, Offset(0)).unwrap();
    log.truncate_fully_and_start_at(at(1), Offset(1_000), nothing).unwrap().carry_out().unwrap();
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (Offset(1_000), Offset(1_000)));
    fill(&mut log, 3, 5);
    check_against_walk(&log);
    assert!(names(&disk).iter().all(|name| !name.starts_with("00000000000000000000")));
}

#[test]
fn a_deleted_directory_is_renamed_and_still_read_by_who_has_it() {
    let disk = new_disk(1);
    let mut log = new_log(&disk, &small_config());
    fill(&mut log, 30, 5);
    let to = log.rename_to_deleted(Uuid([1; 16])).unwrap();
    assert_eq!(to.to_str().unwrap(), format!("/data/orders-0.{}-delete", "01".repeat(16)));
    check_against_walk(&log);
    assert!(matches!(log.append(at(1), &Batch::new(150, 1).bytes()), Err(LogError::Failed { .. })));
}
