//! Crashes: at every change of the disk, with every way of losing what was not synced.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kt_protocol::types::Offset;

use super::bench::*;
use crate::simulated_disk::{CrashMode, SimulatedDisk};
use crate::{DiskError, LoadFacts, Log, LogConfig, LogError};
use kt_protocol::records::BatchHeader;

/// What the outside knows of a log when the crash comes.
#[derive(Clone, Debug, Default)]
struct Witness {
    /// Every batch whose append was begun, in the order of the last attempt at its offset.
    written: Vec<(BatchHeader, Vec<u8>)>,
    /// `recovery-point-offset-checkpoint`, written after a flush.
    recovery_point: Offset,
    log_start_offset: Offset,
    /// Truncation may be under way: what it takes away may be there or not.
    truncating_to: Option<Offset>,
    /// The directory's entry in the one above is durable.
    is_known: bool,
}

impl Witness {
    fn append(&mut self, log: &mut Log, batch: &Batch) -> Result<(), LogError> {
        let bytes = batch.bytes();
        let header = BatchHeader::parse_any(&bytes).unwrap();
        self.written.retain(|(before, _)| before.last_offset() < header.base_offset());
        self.written.push((header, bytes.clone()));
        log.append(at(1), &bytes).map(|_| ())
    }

    fn fill(&mut self, log: &mut Log, count: i64) -> Result<(), LogError> {
        for _ in 0..count {
            self.append(log, &Batch::new(log.log_end_offset().0, 5))?;
        }
        Ok(())
    }

    fn flush(&mut self, disk: &SimulatedDisk, log: &mut Log) -> Result<(), DiskError> {
        flush(disk, log)?;
        self.is_known = true;
        self.recovery_point = log.recovery_point();
        promise(disk, log.recovery_point_to_checkpoint())?;
        Ok(())
    }

    fn truncate(
        &mut self,
        disk: &SimulatedDisk,
        log: &mut Log,
        target: Offset,
    ) -> Result<(), LogError> {
        self.truncating_to = Some(target);
        let end = log.prepare_truncation(target)?;
        self.recovery_point = self.recovery_point.min(end);
        let deletion = truncate(disk, log, target)?;
        self.written.retain(|(header, _)| header.last_offset() < target);
        self.truncating_to = None;
        deletion.carry_out()?;
        Ok(())
    }

    /// What the checkpoints on the disk say.
    fn facts(&self, disk: &SimulatedDisk, mode: CrashMode) -> LoadFacts {
        LoadFacts {
            clean_shutdown: false,
            same_boot: mode == CrashMode::Process,
            recovery_point: recovery_point_on(disk),
            high_watermark: Offset(0),
            log_start_offset: self.log_start_offset,
        }
    }

    /// What must hold of a log opened after the crash.
    fn check(&self, log: &Log, mode: CrashMode) {
        let found = headers(log);
        for pair in found.windows(2) {
            assert!(pair[0].last_offset() < pair[1].base_offset(), "offsets are a function");
        }
        assert!(self.recovery_point <= log.log_end_offset(), "what was flushed is there");
        let is_known = |header: &BatchHeader| self.written.iter().any(|(known, _)| known == header);
        assert!(found.iter().all(is_known), "nothing else than what was written is there");
        // All that was written from the first found to the last found is there: no hole.
        if let (Some(first), Some(last)) = (found.first(), found.last()) {
            let between = self.written.iter().map(|(header, _)| header).filter(|header| {
                first.base_offset() <= header.base_offset()
                    && header.last_offset() <= last.last_offset()
            });
            assert_eq!(found.iter().collect::<Vec<_>>(), between.collect::<Vec<_>>());
        }
        if mode == CrashMode::Process && self.truncating_to.is_none() {
            // All but the append that was cut short.
            let whole = self.written.len().saturating_sub(1);
            let end = self.written.get(..whole).and_then(|whole| whole.last());
            let end = end.map_or(Offset(0), |(header, _)| header.next_offset());
            assert!(end <= log.log_end_offset(), "the page cache outlives the process");
        }
        assert_eq!(log.recovery_point(), log.log_end_offset(), "what is served is durable");
        check_against_walk(log);
    }
}

type Scenario = fn(&SimulatedDisk, &mut Witness) -> Result<(), LogError>;

/// Runs a scenario into a crash at each of its changes, and opens what is left; then crashes
/// again, losing all that is not synced, and opens again.
fn crash_everywhere(config: &LogConfig, scenario: Scenario) {
    let disk = new_disk(0);
    scenario(&disk, &mut Witness::default()).unwrap();
    let changes = disk.changes();
    assert!(10 < changes);
    for mode in CrashMode::ALL {
        let seeds = if mode == CrashMode::Torn { 6 } else { 1 };
        for (after, seed) in
            (0..=changes).flat_map(|after| (0..seeds).map(move |seed| (after, seed)))
        {
            let disk = new_disk(seed);
            let mut witness = Witness::default();
            disk.crash_after(after);
            let result = scenario(&disk, &mut witness);
            assert_eq!(result.is_err(), after < changes, "{mode:?} after {after}: {result:?}");
            disk.crash();
            disk.restart(mode);
            let context = format!("{mode:?} after {after} of {changes} seed {seed}");
            let (log, _) = open(&disk, config, witness.facts(&disk, mode))
                .unwrap_or_else(|error| panic!("{context}: {error}\n{:#?}", disk.recent_calls()));
            witness.check(&log, mode);
            let served = headers(&log);
            let end = log.log_end_offset();
            if mode != CrashMode::Process || witness.is_known {
                drop(log);
                disk.crash();
                disk.restart(CrashMode::LoseUnsynced);
                let facts = LoadFacts { recovery_point: end, ..witness.facts(&disk, mode) };
                if disk.export().keys().any(|path| path.starts_with(DIRECTORY)) && witness.is_known
                {
                    let (log, _) = open(&disk, config, facts).unwrap();
                    assert_eq!(headers(&log), served, "{context}: what recovery accepted stays");
                }
            }
        }
    }
}

#[test]
fn appends_rolls_and_flushes() {
    crash_everywhere(&small_config(), |disk, witness| {
        let mut log = open(disk, &small_config(), LoadFacts::default())?.0;
        witness.flush(disk, &mut log)?;
        witness.fill(&mut log, 4)?;
        witness.flush(disk, &mut log)?;
        witness.fill(&mut log, 13)?;
        witness.flush(disk, &mut log)?;
        witness.fill(&mut log, 9)?;
        Ok(())
    });
}

#[test]
fn appends_and_rolls_of_preallocated_segments() {
    let config = LogConfig { preallocate: true, ..small_config() };
    crash_everywhere(&config, |disk, witness| {
        let config = LogConfig { preallocate: true, ..small_config() };
        let mut log = open(disk, &config, LoadFacts::default())?.0;
        witness.flush(disk, &mut log)?;
        witness.fill(&mut log, 13)?;
        witness.flush(disk, &mut log)?;
        witness.fill(&mut log, 9)?;
        log.close()?;
        witness.recovery_point = log.recovery_point();
        Ok(())
    });
}

#[test]
fn truncation_and_what_is_appended_after_it() {
    crash_everywhere(&small_config(), |disk, witness| {
        let mut log = open(disk, &small_config(), LoadFacts::default())?.0;
        witness.fill(&mut log, 30)?;
        witness.flush(disk, &mut log)?;
        witness.fill(&mut log, 3)?;
        witness.truncate(disk, &mut log, Offset(40))?;
        let base = log.log_end_offset().0;
        witness.append(&mut log, &Batch { epoch: 1, ..Batch::new(base, 5) })?;
        witness.append(&mut log, &Batch { epoch: 1, ..Batch::new(base + 5, 5) })?;
        witness.flush(disk, &mut log)?;
        witness.append(&mut log, &Batch { epoch: 1, ..Batch::new(base + 10, 5) })?;
        Ok(())
    });
}

/// The log ends before the target then, and the checkpoints must say so before.
#[test]
fn truncation_within_a_batch() {
    crash_everywhere(&small_config(), |disk, witness| {
        let mut log = open(disk, &small_config(), LoadFacts::default())?.0;
        witness.fill(&mut log, 30)?;
        witness.flush(disk, &mut log)?;
        witness.flush(disk, &mut log)?;
        witness.truncate(disk, &mut log, Offset(53))?;
        assert_eq!(log.log_end_offset(), Offset(50));
        witness.append(&mut log, &Batch { epoch: 1, ..Batch::new(50, 5) })?;
        witness.flush(disk, &mut log)?;
        Ok(())
    });
}

/// Without a new leader epoch to tell old batches by, only the order of syncs keeps them apart.
#[test]
fn truncation_within_one_epoch() {
    crash_everywhere(&small_config(), |disk, witness| {
        let mut log = open(disk, &small_config(), LoadFacts::default())?.0;
        witness.fill(&mut log, 30)?;
        witness.flush(disk, &mut log)?;
        // The epoch's file is in place before: writing it would sync the directory too.
        witness.flush(disk, &mut log)?;
        assert!(!log.needs_flush());
        witness.truncate(disk, &mut log, Offset(40))?;
        for _ in 0..2 {
            let base = log.log_end_offset().0;
            witness.append(&mut log, &Batch { timestamp: 7, ..Batch::new(base, 5) })?;
            witness.flush(disk, &mut log)?;
        }
        Ok(())
    });
}

#[test]
fn retention_and_a_log_start_offset() {
    let config = LogConfig { retention_bytes: Some(3_000), ..small_config() };
    crash_everywhere(&config, |disk, witness| {
        let config = LogConfig { retention_bytes: Some(3_000), ..small_config() };
        let mut log = open(disk, &config, LoadFacts::default())?.0;
        witness.fill(&mut log, 30)?;
        witness.flush(disk, &mut log)?;
        let end = log.log_end_offset();
        let gone = log.delete_old_segments(at(5), None, end)?;
        assert!(!gone.is_empty());
        witness.fill(&mut log, 2)?;
        gone.carry_out()?;
        let start = Offset(end.0 - 7);
        assert!(log.raise_log_start_offset(start, end)?);
        witness.log_start_offset = start;
        let gone = log.delete_old_segments(at(6), None, end)?;
        gone.carry_out()?;
        witness.flush(disk, &mut log)?;
        Ok(())
    });
}

#[test]
fn a_clean_close_that_is_cut_short() {
    crash_everywhere(&small_config(), |disk, witness| {
        let mut log = open(disk, &small_config(), LoadFacts::default())?.0;
        witness.fill(&mut log, 20)?;
        log.close()?;
        witness.recovery_point = log.recovery_point();
        Ok(())
    });
}

/// A log of some segments, flushed up to where it says.
fn damaged_log(disk: &SimulatedDisk) -> (Offset, Offset) {
    let mut log = new_log(disk, &small_config());
    fill(&mut log, 20, 5);
    flush(disk, &mut log).unwrap();
    let flushed = log.recovery_point();
    fill(&mut log, 20, 5);
    (flushed, log.log_end_offset())
}

fn logs(disk: &SimulatedDisk) -> Vec<(PathBuf, u64)> {
    let files = disk.export().into_iter();
    let logs = files.filter(|(path, _)| path.extension().is_some_and(|it| it == "log"));
    logs.map(|(path, bytes)| (path, bytes.len() as u64)).collect()
}

fn logs_of(files: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<(&PathBuf, &Vec<u8>)> {
    files.iter().filter(|(path, _)| path.extension().is_some_and(|it| it == "log")).collect()
}

/// Bytes of a batch that its checksum does not cover, and that a flip makes another valid head of:
/// the leader epoch may rise.
const EPOCH_AT: std::ops::Range<u64> = 12..16;

#[test]
fn a_flipped_bit_with_intact_batches_behind_it_is_damage_and_nothing_is_cut_off() {
    let disk = new_disk(3);
    let (flushed, _) = damaged_log(&disk);
    let unflushed = file("00000000000000000100.log");
    assert_eq!(flushed, Offset(100), "nothing of that segment was flushed");
    let (_, length) = logs(&disk).into_iter().find(|(path, _)| *path == unflushed).unwrap();
    let batch = Batch::new(0, 5).bytes().len() as u64;
    let facts = LoadFacts { same_boot: true, recovery_point: flushed, ..LoadFacts::default() };
    let mut found = 0;
    for position in (0..length).step_by(7) {
        let disk = new_disk(3);
        damaged_log(&disk);
        disk.crash();
        disk.restart(CrashMode::Process);
        disk.flip_bit(&unflushed, position, (position % 8) as u8);
        let before = disk.export();
        match open(&disk, &small_config(), facts) {
            Err(LogError::Damaged { file, position: at, .. }) => {
                // An offset that grew is noticed by the batch behind, perhaps in the next segment.
                let is_next = file.ends_with("00000000000000000150.log");
                assert!(is_next || file == unflushed, "{position}: {}", file.display());
                assert!(is_next || at <= position + batch, "{position}: said to be at {at}");
                found += 1;
            }
            Ok(_) => assert!(EPOCH_AT.contains(&(position % batch)), "{position} went unnoticed"),
            Err(error) => panic!("{position}: {error}"),
        }
        assert_eq!(logs_of(&before), logs_of(&disk.export()), "{position}");
    }
    assert!(200 < found, "only {found} flips were damage");
}

#[test]
fn what_was_flushed_or_seen_and_is_gone_is_damage_even_if_the_rest_is_whole() {
    let batch = Batch::new(0, 5).bytes().len();
    for (same_boot, promised) in [(true, 195), (false, 195), (false, 200)] {
        let disk = new_disk(3);
        let (_, end) = damaged_log(&disk);
        assert_eq!(end, Offset(200));
        let (path, _) = logs(&disk).pop().unwrap();
        let bytes = disk.contents(&path).unwrap();
        // Two whole batches are missing at the end: no batch that is left is invalid.
        disk.import([(path, bytes[..bytes.len() - 2 * batch].to_vec())]);
        let by_flush =
            LoadFacts { same_boot, recovery_point: Offset(promised), ..LoadFacts::default() };
        let by_watermark =
            LoadFacts { same_boot, high_watermark: Offset(promised), ..LoadFacts::default() };
        for facts in [by_flush, by_watermark] {
            let error = open(&disk, &small_config(), facts).map(|_| ()).unwrap_err();
            assert!(matches!(error, LogError::Damaged { offset: Offset(190), .. }), "{error}");
        }
        let kept = LoadFacts { recovery_point: Offset(190), ..LoadFacts::default() };
        assert_eq!(open(&disk, &small_config(), kept).unwrap().0.log_end_offset(), Offset(190));
    }
}

/// No checksum covers a base offset. One that grew must not hide what lies behind it, also where
/// the power went: those offsets were below the high watermark.
#[test]
fn a_base_offset_that_grew_does_not_pass_for_a_torn_tail_behind_it() {
    for same_boot in [true, false] {
        let disk = new_disk(3);
        let (flushed, end) = damaged_log(&disk);
        let path = file("00000000000000000100.log");
        disk.flip_bit(&path, 7, 7);
        let facts = LoadFacts {
            same_boot,
            recovery_point: flushed,
            high_watermark: end,
            ..LoadFacts::default()
        };
        let before = disk.contents(&path).unwrap();
        let error = open(&disk, &small_config(), facts).map(|_| ()).unwrap_err();
        assert!(matches!(error, LogError::Damaged { offset: Offset(105), .. }), "{error}");
        assert_eq!(disk.contents(&path).unwrap(), before);
    }
}

/// The end of a segment was lost with the power, but not the segment behind it.
#[test]
fn a_hole_between_segments_is_cut_off_unless_the_cleaner_made_it() {
    let batch = Batch::new(0, 5).bytes().len();
    let shortened = |disk: &SimulatedDisk| {
        let path = file("00000000000000000100.log");
        let bytes = disk.contents(&path).unwrap();
        disk.import([(path, bytes[..bytes.len() - 2 * batch].to_vec())]);
    };
    let disk = new_disk(3);
    let (flushed, _) = damaged_log(&disk);
    shortened(&disk);
    let facts = LoadFacts { recovery_point: flushed, ..LoadFacts::default() };
    let (log, report) = open(&disk, &small_config(), facts).unwrap();
    assert_eq!((log.log_end_offset(), report.cut_at), (Offset(140), Some(Offset(140))));
    check_against_walk(&log);

    let disk = new_disk(3);
    damaged_log(&disk);
    shortened(&disk);
    let compacted = LogConfig { compacts: true, ..small_config() };
    let (log, report) = open(&disk, &compacted, facts).unwrap();
    assert_eq!((log.log_end_offset(), report.cut_at), (Offset(200), None));
    check_against_walk(&log);
}

#[test]
fn indexes_of_a_segment_that_was_rolled_are_flushed_with_it() {
    let disk = new_disk(3);
    let mut log = new_log(&disk, &small_config());
    for _ in 0..25 {
        fill(&mut log, 1, 5);
        flush(&disk, &mut log).unwrap();
    }
    let closed: Vec<_> = disk.export().into_iter().collect();
    let is_closed = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("00000000000000000000.") || name.starts_with("00000000000000000050.")
    };
    drop(log);
    disk.crash();
    disk.restart(CrashMode::LoseUnsynced);
    let after = disk.export();
    let mut compared = 0;
    for (path, bytes) in closed.iter().filter(|(path, _)| is_closed(path)) {
        assert_eq!(after.get(path), Some(bytes), "{}", path.display());
        compared += 1;
    }
    assert_eq!(compared, 7, "three files each, and a snapshot");
}

/// The epochs are written with a sync of their own. A power cut in it may leave them cut for a start
/// of the log, and undo the renames of the segments below.
#[test]
fn leader_epochs_reach_down_to_the_start_of_a_log_that_a_power_cut_gave_back() {
    let disk = new_disk(3);
    let mut log = new_log(&disk, &small_config());
    for base in (0..150).step_by(5) {
        let epoch = base as i32 / 40;
        log.append(at(1), &Batch { epoch, ..Batch::new(base, 5) }.bytes()).unwrap();
    }
    log.close().unwrap();
    let epochs = log.leader_epochs().entries().to_vec();
    assert_eq!(epochs.len(), 4);
    // Perhaps all that is left of them begins above what was flushed.
    for (text, recovery_point) in [("0\n2\n2 100\n3 120\n", 150), ("0\n1\n3 120\n", 50)] {
        disk.import([(file("leader-epoch-checkpoint"), text.as_bytes().to_vec())]);
        let facts = LoadFacts { recovery_point: Offset(recovery_point), ..LoadFacts::default() };
        let before = disk.contents(&file("leader-epoch-checkpoint"));
        let (log, _) = open(&disk, &small_config(), facts).unwrap();
        assert_eq!(log.leader_epochs().entries(), epochs, "{text:?}");
        assert_ne!(disk.contents(&file("leader-epoch-checkpoint")), before, "written again");
    }
}

#[test]
fn a_torn_last_write_is_cut_off_and_reported() {
    for cut in 1..180 {
        let disk = new_disk(3);
        let (flushed, end) = damaged_log(&disk);
        let (path, length) = logs(&disk).pop().unwrap();
        disk.crash();
        disk.restart(CrashMode::Process);
        let bytes = disk.contents(&path).unwrap();
        disk.import([(path, bytes[..bytes.len() - cut].to_vec())]);
        let facts = LoadFacts { same_boot: true, recovery_point: flushed, ..LoadFacts::default() };
        let (log, report) = open(&disk, &small_config(), facts).unwrap();
        assert_eq!(log.log_end_offset(), Offset(end.0 - 5), "{cut}");
        assert_eq!(report.cut_at, Some(Offset(end.0 - 5)));
        let last = log.segments().last().unwrap().size().unwrap();
        assert_eq!(report.bytes_cut, length - cut as u64 - last);
    }
}

/// A power cut between two sectors of which the first ends with a batch's base offset.
#[test]
fn an_offset_that_a_torn_write_left_out_is_no_damage_in_a_compacted_log_either() {
    let batch = Batch::new(0, 5).bytes().len();
    let compacted = LogConfig { compacts: true, ..small_config() };
    for config in [compacted, small_config()] {
        let disk = new_disk(3);
        let (flushed, end) = damaged_log(&disk);
        let (path, _) = logs(&disk).pop().unwrap();
        disk.crash();
        disk.restart(CrashMode::KeepUnsynced);
        let mut bytes = disk.contents(&path).unwrap();
        let at = bytes.len() - batch;
        bytes[at..at + 8].fill(0);
        disk.import([(path, bytes)]);
        let facts = |recovery_point| LoadFacts { recovery_point, ..LoadFacts::default() };
        let error = open(&disk, &config, facts(end)).map(|_| ()).unwrap_err();
        assert!(matches!(error, LogError::Damaged { .. }), "{error}");
        let (log, report) = open(&disk, &config, facts(flushed)).unwrap();
        let last = Offset(end.0 - 5);
        assert_eq!((log.log_end_offset(), report.cut_at), (last, Some(last)));
    }
}

#[test]
fn a_tail_below_the_high_watermark_or_the_recovery_point_is_never_cut_off() {
    for (recovery_point, high_watermark) in [(true, false), (false, true)] {
        let disk = new_disk(3);
        let (_, end) = damaged_log(&disk);
        let (path, _) = logs(&disk).pop().unwrap();
        disk.crash();
        disk.restart(CrashMode::KeepUnsynced);
        let bytes = disk.contents(&path).unwrap();
        disk.import([(path.clone(), bytes[..bytes.len() - 9].to_vec())]);
        let promised = |is_promised| if is_promised { end } else { Offset(0) };
        let facts = LoadFacts {
            recovery_point: promised(recovery_point),
            high_watermark: promised(high_watermark),
            ..LoadFacts::default()
        };
        let error = open(&disk, &small_config(), facts).map(|_| ()).unwrap_err();
        assert!(matches!(error, LogError::Damaged { .. }), "{error}");
        assert_eq!(disk.contents(&path).unwrap().len(), bytes.len() - 9);
    }
}
