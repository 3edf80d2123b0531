//! The cleaner, case by case: what it refuses, what refuses it, damage, and logs of Apache Kafka.

use std::ops::ControlFlow;

use kt_protocol::records::{BatchBuilder, NewRecord};
use kt_protocol::types::{Offset, Timestamp};

use super::bench::*;
use crate::cleaner::{CleanError, CleanReport, Cleaned, Cleaner, CleanerConfig, HashKey};
use crate::file_names::FileSuffix;
use crate::simulated_disk::{CrashMode, SimulatedDisk};
use crate::{LoadFacts, Log, LogConfig, LogError, Swapped};

const WALL: Timestamp = Timestamp(10_000_000);

pub(super) fn compacted() -> LogConfig {
    LogConfig { compacts: true, deletes: false, ..small_config() }
}

/// Batches of one record each, of `keys` keys in turn.
fn fill_keys(log: &mut Log, count: i64, keys: i64) {
    for _ in 0..count {
        let offset = log.log_end_offset();
        let key = (offset.0 % keys).to_be_bytes();
        let record = NewRecord {
            timestamp: Timestamp(1_000_000 + offset.0),
            key: Some(&key),
            value: Some(&[offset.0 as u8; 30]),
            headers: &[],
        };
        let mut batch = BatchBuilder::new().base_offset(offset);
        batch.append(record).unwrap();
        log.append(at(1), &batch.build()).unwrap();
    }
}

fn filled(disk: &SimulatedDisk, config: &LogConfig) -> Log {
    let mut log = new_log(disk, config);
    fill_keys(&mut log, 100, 5);
    log.roll(at(2), None).unwrap();
    flush(disk, &mut log).unwrap();
    log
}

pub(super) fn cleaner() -> Cleaner {
    let config = CleanerConfig::new(HashKey([3; 16]));
    Cleaner::new(CleanerConfig { dedupe_buffer_bytes: 24 * 2_000, ..config })
}

pub(super) fn clean_with(
    log: &mut Log,
    last_clean: Option<Offset>,
    wall: Timestamp,
    mut before_swap: impl FnMut(&mut Log),
) -> Result<CleanReport, CleanError> {
    let view = log.cleaning_view(log.log_end_offset()).unwrap();
    let dirtiness = view.dirtiness(last_clean, wall).unwrap();
    let mut swap = |cleaned: &Cleaned| {
        before_swap(log);
        log.swap_cleaned(cleaned)
    };
    let mut pace = |_| ControlFlow::Continue(());
    cleaner().clean(&view, &dirtiness, wall, &mut pace, &mut swap)
}

fn clean(log: &mut Log) -> Result<CleanReport, CleanError> {
    clean_with(log, None, WALL, |_| {})
}

fn bases(log: &Log) -> Vec<i64> {
    log.segments().iter().map(|it| it.base_offset().0).collect()
}

#[test]
fn segments_become_one_and_keep_the_last_of_each_key() {
    let disk = new_disk(1);
    let mut log = filled(&disk, &compacted());
    assert_eq!(bases(&log), [0, 18, 36, 54, 72, 90, 100]);
    let report = clean(&mut log).unwrap();
    assert_eq!((report.end_offset, report.keys), (Offset(100), 5));
    assert_eq!((report.records_before, report.records_after), (100, 5));
    let offsets: Vec<i64> = headers(&log).iter().map(|it| it.base_offset().0).collect();
    assert_eq!(offsets, [95, 96, 97, 98, 99]);
    // Then they are small enough to become one.
    let _ = clean(&mut log).unwrap();
    assert_eq!(bases(&log), [0, 100]);
    check_against_walk(&log);
    super::lookup::check_times(&log);
}

#[test]
fn how_dirty_a_log_is() {
    let disk = new_disk(1);
    let config = LogConfig { max_compaction_lag_ms: Some(1_000), ..compacted() };
    let mut log = filled(&disk, &config);
    let end = log.log_end_offset();
    let at_time = |log: &Log, clean: Option<i64>, watermark: Offset, wall: i64| {
        let view = log.cleaning_view(watermark).unwrap();
        view.dirtiness(clean.map(Offset), Timestamp(wall)).unwrap()
    };
    let all = at_time(&log, None, end, 1_001_000);
    assert_eq!((all.first_dirty_offset, all.first_uncleanable_offset), (Offset(0), end));
    assert_eq!((all.ratio(), all.compaction_delay_ms, all.resets_checkpoint), (1.0, 0, false));
    assert_eq!(at_time(&log, None, end, 1_001_050).compaction_delay_ms, 50);
    // Not into the segment that holds the high watermark.
    let below = at_time(&log, None, Offset(50), 1_001_000);
    assert_eq!(below.first_uncleanable_offset, Offset(36));
    let rest = at_time(&log, Some(54), end, 1_001_000);
    assert_eq!(rest.first_dirty_offset, Offset(54));
    assert!(0.4 < rest.ratio() && rest.ratio() < 0.6 && rest.is_due(0.4) && !rest.is_due(0.6));
    // What makes no sense is forced back.
    let strange = at_time(&log, Some(101), end, 1_001_000);
    assert_eq!((strange.first_dirty_offset, strange.resets_checkpoint), (Offset(0), true));
    let young = LogConfig { min_compaction_lag_ms: 950, ..compacted() };
    log.set_config(young.into());
    let bounded = at_time(&log, None, end, 1_001_000);
    assert_eq!(bounded.first_uncleanable_offset, Offset(36), "records of 50 ms before count");
}

#[test]
fn a_truncation_lowers_what_counts_as_clean() {
    let disk = new_disk(1);
    let mut log = filled(&disk, &compacted());
    let _ = clean(&mut log).unwrap();
    let end = log.log_end_offset();
    fill_keys(&mut log, 60, 5);
    let cut = log.prepare_truncation(Offset(98)).unwrap();
    assert_eq!(cut, Offset(98));
    let promised = promise(&disk, cut).unwrap();
    log.truncate_to(at(3), Offset(98), promised).unwrap().carry_out().unwrap();
    fill_keys(&mut log, 60, 5);
    let view = log.cleaning_view(log.log_end_offset()).unwrap();
    let dirtiness = view.dirtiness(Some(end), WALL).unwrap();
    assert_eq!((dirtiness.first_dirty_offset, dirtiness.resets_checkpoint), (Offset(98), true));
    let report = clean_with(&mut log, Some(end), WALL, |_| {}).unwrap();
    let view = log.cleaning_view(log.log_end_offset()).unwrap();
    let dirtiness = view.dirtiness(Some(report.end_offset), WALL).unwrap();
    assert_eq!(dirtiness.first_dirty_offset, report.end_offset, "all of it was cleaned since");
}

#[test]
fn a_log_that_changed_meanwhile_refuses_the_swap() {
    let truncate_it = |log: &mut Log| {
        log.prepare_truncation(Offset(60)).unwrap();
    };
    let delete_from_it = |log: &mut Log| {
        let end = log.log_end_offset();
        log.raise_log_start_offset(Offset(20), end).unwrap();
        log.delete_old_segments(at(3), None, end).unwrap().carry_out().unwrap();
    };
    let changes: [&dyn Fn(&mut Log); 2] = [&truncate_it, &delete_from_it];
    for change in changes {
        let disk = new_disk(1);
        let mut log = filled(&disk, &compacted());
        let before = headers(&log);
        let result = clean_with(&mut log, None, WALL, |log| change(log));
        assert!(matches!(result, Err(CleanError::Changed { .. })), "{result:?}");
        let after = headers(&log);
        assert!(before.ends_with(&after) && 80 <= after.len());
        assert!(!names(&disk).iter().any(|name| name.ends_with(FileSuffix::Cleaned.text())));
        check_against_walk(&log);
    }
}

#[test]
fn a_pass_that_is_stopped_leaves_nothing() {
    let disk = new_disk(1);
    let mut log = filled(&disk, &compacted());
    let before = names(&disk);
    let view = log.cleaning_view(log.log_end_offset()).unwrap();
    let dirtiness = view.dirtiness(None, WALL).unwrap();
    for calls in 0..8 {
        let mut left = calls;
        let mut pace = |_| {
            left -= 1;
            if left < 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut swap = |_: &Cleaned| Ok(Swapped::Refused);
        let result = cleaner().clean(&view, &dirtiness, WALL, &mut pace, &mut swap);
        let is_stopped =
            matches!(result, Err(CleanError::Stopped { .. } | CleanError::Changed { .. }));
        assert!(is_stopped, "{result:?}");
    }
    let _ = clean(&mut log).unwrap();
    assert!(names(&disk).len() <= before.len() * 2);
}

#[test]
fn a_batch_that_is_too_large_is_reported() {
    let disk = new_disk(1);
    let config = LogConfig { max_message_bytes: 40, ..compacted() };
    let mut log = filled(&disk, &config);
    let view = log.cleaning_view(log.log_end_offset()).unwrap();
    let dirtiness = view.dirtiness(None, WALL).unwrap();
    let before = headers(&log);
    let mut swap = |cleaned: &Cleaned| log.swap_cleaned(cleaned);
    let small = CleanerConfig { message_max_bytes: 40, ..CleanerConfig::new(HashKey([1; 16])) };
    let mut pace = |_| ControlFlow::Continue(());
    let error = Cleaner::new(CleanerConfig { dedupe_buffer_bytes: 4_800, ..small })
        .clean(&view, &dirtiness, WALL, &mut pace, &mut swap)
        .unwrap_err();
    let text = "/data/orders-0/00000000000000000000.log cannot be cleaned from byte 0 (offset 0) on: \
                a batch of 106 bytes, more than the 80 that max.message.bytes allows for";
    assert_eq!(error.to_string(), text);
    assert_eq!(headers(&log), before);
}

#[test]
fn retention_takes_what_was_cleaned() {
    let disk = new_disk(1);
    let config = LogConfig { deletes: true, retention_bytes: Some(600), ..compacted() };
    let mut log = filled(&disk, &config);
    let _ = clean(&mut log).unwrap();
    assert_eq!(bases(&log), [0, 18, 36, 54, 72, 90, 100]);
    let end = log.log_end_offset();
    let gone = log.delete_old_segments(at(3), None, end).unwrap();
    assert!(gone.is_empty(), "530 bytes are left, and empty segments take none");
    log.raise_log_start_offset(Offset(95), end).unwrap();
    log.delete_old_segments(at(3), None, end).unwrap().carry_out().unwrap();
    assert_eq!(bases(&log), [90, 100]);
    let report = clean_with(&mut log, Some(Offset(40)), WALL, |_| {}).unwrap();
    assert_eq!((report.end_offset, report.records_after), (end, 5));
    check_against_walk(&log);
}

/// A full disk ends a pass, and leaves the log and the space as they were.
#[test]
fn a_full_disk_changes_nothing() {
    let disk = new_disk(1);
    let mut log = new_log(&disk, &compacted());
    fill_keys(&mut log, 60, 60);
    log.roll(at(2), None).unwrap();
    flush(&disk, &mut log).unwrap();
    let (before, files) = (headers(&log), names(&disk));
    let used: u64 = disk.export().values().map(|bytes| bytes.len() as u64).sum();
    disk.set_quota(Some(used + 500));
    let error = clean(&mut log).unwrap_err();
    assert!(matches!(error, CleanError::Log(LogError::Disk(_))), "{error}");
    assert_eq!((headers(&log), names(&disk)), (before, files));
    disk.set_quota(None);
    let _ = clean(&mut log).unwrap();
}

/// Every byte that a checksum covers, flipped.
#[test]
fn damage_ends_a_pass_and_nothing_is_changed() {
    let batch_bytes = {
        let disk = new_disk(1);
        headers(&filled(&disk, &compacted()))[0].size() as u64
    };
    for position in (0..18 * batch_bytes).step_by(13) {
        let disk = new_disk(1);
        let mut log = filled(&disk, &compacted());
        let segment = file("00000000000000000036.log");
        disk.flip_bit(&segment, position, (position % 8) as u8);
        let is_epoch = (12..16).contains(&(position % batch_bytes));
        match clean(&mut log) {
            Err(CleanError::Log(LogError::Damaged { file, .. })) => assert_eq!(file, segment),
            Ok(_) if is_epoch => {}
            other => panic!("{position}: {other:?}"),
        }
    }
}

/// A crash in front of every change of a pass; then a flipped bit in what is not in the log yet.
#[test]
fn flipped_bits_in_files_of_the_cleaner_are_thrown_away_or_reported() {
    let (mut thrown_away, mut reported) = (0, 0);
    for after in 0..60 {
        let disk = new_disk(1);
        let config = compacted();
        let mut log = new_log(&disk, &config);
        fill_keys(&mut log, 40, 60);
        log.roll(at(2), None).unwrap();
        flush(&disk, &mut log).unwrap();
        let end = log.recovery_point();
        let before = headers(&log);
        disk.crash_after(after);
        let _ = clean(&mut log);
        drop(log);
        disk.crash();
        disk.restart(CrashMode::Process);
        let found = names(&disk).into_iter().find(|name| {
            let is_log = name.contains(".log.") && !name.ends_with(".deleted");
            is_log && disk.contents(&file(name)).is_some_and(|bytes| 100 < bytes.len())
        });
        let Some(name) = found else { continue };
        disk.flip_bit(&file(&name), 70, 2);
        let facts = LoadFacts { same_boot: true, recovery_point: end, ..LoadFacts::default() };
        match open(&disk, &config, facts) {
            Ok((mut log, _)) => {
                assert_eq!(headers(&log), before);
                let _ = clean(&mut log).unwrap();
                thrown_away += 1;
            }
            Err(LogError::Damaged { file: damaged, .. }) => {
                assert_eq!(damaged, file(&name));
                assert!(name.ends_with(".swap"));
                reported += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(3 < thrown_away && 3 < reported, "{thrown_away} and {reported}");
}
