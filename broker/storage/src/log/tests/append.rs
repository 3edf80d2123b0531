//! Appending, rolling, and what the files hold then.

use kt_protocol::types::Offset;

use super::bench::*;
use crate::offset_index::OffsetEntry;
use crate::simulated_disk::{CrashMode, SimulatedDisk};
use crate::sparse_index::IndexEntry;
use crate::time_index::TimeEntry;
use crate::{LoadFacts, LogConfig, LogError};

fn entries<E: IndexEntry>(bytes: &[u8]) -> Vec<E> {
    bytes.chunks_exact(E::BYTES).map(E::decode).collect()
}

#[test]
fn a_new_log_has_kafkas_files_with_preallocated_indexes() {
    let disk = new_disk(1);
    let _log = new_log(&disk, &LogConfig::default());
    let names = names(&disk);
    for kind in ["log", "index", "timeindex"] {
        assert!(names.contains(&format!("00000000000000000000.{kind}")), "{names:?}");
    }
    let length = |name| disk.contents(&file(name)).unwrap().len();
    assert_eq!(length("00000000000000000000.index"), 10_485_760);
    assert_eq!(length("00000000000000000000.timeindex"), 10_485_756);
}

#[test]
fn segments_are_preallocated_and_trimmed_at_the_roll_and_the_close() {
    let disk = new_disk(1);
    let config = LogConfig { preallocate: true, ..small_config() };
    let mut log = new_log(&disk, &config);
    let length = |base: i64| disk.contents(&file(&format!("{base:020}.log"))).unwrap().len() as u64;
    assert_eq!(length(0), 2_000);
    fill(&mut log, 15, 5);
    let sizes: Vec<u64> = log.segments().iter().map(|it| it.size().unwrap()).collect();
    assert_eq!((length(0), length(50)), (sizes[0], 2_000));
    let end = log.log_end_offset();
    flush(&disk, &mut log).unwrap();
    // The process dies: what was taken ahead is no torn tail.
    drop(log);
    disk.crash();
    disk.restart(CrashMode::Process);
    let facts = LoadFacts { same_boot: true, recovery_point: end, ..LoadFacts::default() };
    let (mut log, report) = open(&disk, &config, facts).unwrap();
    assert_eq!((log.log_end_offset(), report.cut_at, report.bytes_cut), (end, None, 0));
    assert_eq!(length(50), sizes[1]);
    fill(&mut log, 10, 5);
    assert_eq!(length(100), 2_000);
    // Also one that is no longer to be preallocated.
    log.set_config(std::sync::Arc::new(small_config()));
    log.close().unwrap();
    assert_eq!(length(100), log.segments()[2].size().unwrap());
    let facts = LoadFacts { clean_shutdown: true, ..LoadFacts::default() };
    assert_eq!(open(&disk, &config, facts).unwrap().0.log_end_offset(), Offset(125));
}

/// What was promised and is now zeros is damage, not space that was taken ahead.
#[test]
fn zeros_below_the_recovery_point_are_not_taken_for_preallocation() {
    let config = LogConfig { preallocate: true, ..small_config() };
    let disk = new_disk(1);
    let mut log = new_log(&disk, &config);
    fill(&mut log, 5, 5);
    drop(log);
    disk.crash();
    disk.restart(CrashMode::Process);
    let facts = LoadFacts { same_boot: true, high_watermark: Offset(30), ..LoadFacts::default() };
    let error = open(&disk, &config, facts).map(|_| ()).unwrap_err();
    assert!(matches!(error, LogError::Damaged { offset: Offset(25), .. }), "{error}");
    assert_eq!(disk.contents(&file("00000000000000000000.log")).unwrap().len(), 2_000);
}

#[test]
fn index_entries_stand_where_kafka_puts_them() {
    let disk = new_disk(1);
    let mut log = new_log(&disk, &LogConfig { index_interval_bytes: 300, ..small_config() });
    let batch = Batch { value: 5, ..Batch::new(0, 10) }.bytes().len() as i32;
    assert!((150..300).contains(&batch), "two batches exceed the interval: {batch}");
    for base in (0..100).step_by(10) {
        log.append(at(1), &Batch { value: 5, ..Batch::new(base, 10) }.bytes()).unwrap();
    }
    log.roll(at(1), None).unwrap();
    let offsets: Vec<OffsetEntry> =
        entries(&disk.contents(&file("00000000000000000000.index")).unwrap());
    let expected = |entry: i32| OffsetEntry {
        relative_offset: 20 * entry + 29,
        position: batch * (2 * entry + 2),
    };
    assert_eq!(offsets, (0..4).map(expected).collect::<Vec<_>>());
    let times: Vec<TimeEntry> =
        entries(&disk.contents(&file("00000000000000000000.timeindex")).unwrap());
    let offsets: Vec<i32> = times.iter().map(|entry| entry.relative_offset).collect();
    assert_eq!(offsets, [29, 49, 69, 89, 99], "and a last one at the roll");
}

#[test]
fn segments_roll_by_size_by_time_and_by_full_index() {
    let disk = new_disk(1);
    let mut log = new_log(&disk, &small_config());
    fill(&mut log, 40, 5);
    assert!(3 <= log.segments().len());
    for segment in log.segments().iter() {
        assert!(segment.size().unwrap() <= 2_000);
    }
    check_against_walk(&log);

    let by_time = LogConfig { segment_ms: 1_000, ..LogConfig::default() };
    let disk = new_disk(1);
    let mut log = new_log(&disk, &by_time);
    for (base, timestamp) in [(0, 5_000), (1, 6_000), (2, 6_001), (3, 5_500)] {
        log.append(at(9), &Batch { timestamp, ..Batch::new(base, 1) }.bytes()).unwrap();
    }
    let bases: Vec<i64> = log.segments().iter().map(|one| one.base_offset().0).collect();
    assert_eq!(bases, [0, 2], "by the records' clock, from the first batch on");

    let by_index = LogConfig { segment_index_bytes: 40, index_interval_bytes: 0, ..by_time };
    let disk = new_disk(1);
    let mut log = new_log(&disk, &by_index);
    fill(&mut log, 9, 1);
    // Three entries of twelve bytes fit, and one is kept back; the first batch has none.
    let bases: Vec<i64> = log.segments().iter().map(|one| one.base_offset().0).collect();
    assert_eq!(bases, [0, 3, 6]);
}

#[test]
fn an_offset_too_far_from_the_base_begins_a_segment() {
    let disk = new_disk(1);
    let mut log = new_log(&disk, &LogConfig::default());
    fill(&mut log, 1, 1);
    let far = i64::from(i32::MAX) + 5;
    log.append(at(1), &Batch::new(far, 1).bytes()).unwrap();
    let bases: Vec<i64> = log.segments().iter().map(|one| one.base_offset().0).collect();
    assert_eq!(bases, [0, far]);
    assert_eq!(log.log_end_offset(), Offset(far + 1));
}

#[test]
fn what_cannot_follow_is_refused() {
    let disk = new_disk(1);
    let mut log = new_log(&disk, &small_config());
    fill(&mut log, 3, 5);
    let back = log.append(at(1), &Batch::new(14, 1).bytes());
    assert!(matches!(back, Err(LogError::OutOfOrder { .. })), "{back:?}");
    let large = log.append(at(1), &Batch { value: 3_000, ..Batch::new(15, 1) }.bytes());
    assert!(matches!(large, Err(LogError::TooLarge { .. })), "{large:?}");
    let torn = log.append(at(1), &Batch::new(15, 1).bytes()[..70]);
    assert!(matches!(torn, Err(LogError::NotBatches(_))), "{torn:?}");
    assert_eq!(log.log_end_offset(), Offset(15));
    check_against_walk(&log);
}

#[test]
fn a_cleanly_closed_log_opens_as_it_was_without_being_read() {
    let disk = new_disk(1);
    let config = small_config();
    let mut log = new_log(&disk, &config);
    fill(&mut log, 40, 5);
    log.close().unwrap();
    let before = (headers(&log), log.log_end_offset());
    let facts = LoadFacts { clean_shutdown: true, ..LoadFacts::default() };
    let (log, report) = open(&disk, &config, facts).unwrap();
    assert_eq!(report.bytes_scanned, 0);
    assert_eq!((headers(&log), log.log_end_offset()), before);
    assert_eq!(log.recovery_point(), log.log_end_offset());
    check_against_walk(&log);
}

#[test]
fn an_append_goes_on_after_opening_as_it_would_have_gone_on() {
    let (first, second) = (new_disk(1), new_disk(2));
    let config = small_config();
    let (mut straight, mut reopened) = (new_log(&first, &config), new_log(&second, &config));
    fill(&mut straight, 40, 5);
    for part in [7, 13, 1, 19] {
        fill(&mut reopened, part, 5);
        reopened.close().unwrap();
        let facts = LoadFacts { clean_shutdown: true, ..LoadFacts::default() };
        reopened = open(&second, &config, facts).unwrap().0;
    }
    straight.close().unwrap();
    reopened.close().unwrap();
    let of_kind = |disk: &SimulatedDisk, kind: &str| {
        let files = disk.export().into_iter();
        let files = files.filter(|(path, _)| path.extension().is_some_and(|it| it == kind));
        let files: Vec<_> = files.collect();
        assert!(3 <= files.len());
        files
    };
    assert_eq!(of_kind(&first, "log"), of_kind(&second, "log"));
    assert_eq!(of_kind(&first, "index"), of_kind(&second, "index"));
}
