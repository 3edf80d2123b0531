//! Lookups by offset and by time, compared with reading everything; also with damaged indexes.

use kt_protocol::records::{AnyBatches, Budget};
use kt_protocol::types::{Offset, Timestamp};
use proptest::prelude::*;

use super::bench::*;
use crate::lookup::{offset_for_timestamp, offset_of_max_timestamp};
use crate::{LoadFacts, Log, LogError, ReadRequest};

fn budget() -> Budget {
    Budget::new(64 << 20)
}

/// Every record's offset and timestamp, read from the first byte to the last.
fn all_records(log: &Log) -> Vec<(Offset, Timestamp)> {
    let mut records = Vec::new();
    for segment in log.segments().iter() {
        let mut bytes = vec![0; segment.size().unwrap() as usize];
        segment.log_file().unwrap().read_at(0, &mut bytes).unwrap();
        for batch in AnyBatches::new(&bytes) {
            let mut budget = budget();
            let body = batch.unwrap().decompress(&mut budget).unwrap();
            for record in body.records() {
                let record = record.unwrap();
                records.push((record.offset, record.timestamp));
            }
        }
    }
    records
}

/// Checks lookups by every time there is, and those beside it.
pub(super) fn check_times(log: &Log) {
    let records = all_records(log);
    let end = log.log_end_offset();
    let starts =
        [log.segments()[0].base_offset(), Offset(end.0 / 2).max(log.segments()[0].base_offset())];
    for start in starts {
        let inside = || records.iter().filter(|(offset, _)| start <= *offset);
        for target in inside().flat_map(|(_, time)| [time.0 - 1, time.0, time.0 + 1]) {
            let target = Timestamp(target.max(0));
            let found =
                offset_for_timestamp(log.segments(), target, start..end, &mut budget()).unwrap();
            let expected = inside().find(|(_, time)| target <= *time).copied();
            assert_eq!(found.map(|found| (found.offset, found.timestamp)), expected, "{target}");
        }
        let latest = inside().map(|(_, time)| *time).max().filter(|time| Timestamp(0) <= *time);
        let expected = inside().find(|(_, time)| Some(*time) == latest).copied();
        let found = offset_of_max_timestamp(log.segments(), start..end, &mut budget()).unwrap();
        assert_eq!(found.map(|found| (found.offset, found.timestamp)), expected);
    }
}

/// Batches of some shapes: how many records, how much time since the last, how late each is.
fn shapes() -> impl Strategy<Value = Vec<(i32, i64, i64, usize)>> {
    prop::collection::vec((1..6i32, -30..60i64, -5..9i64, 1..120usize), 1..60)
}

fn append_shapes(log: &mut Log, shapes: &[(i32, i64, i64, usize)]) {
    let mut timestamp = 1_000;
    for (count, later, step, value) in shapes.iter().copied() {
        timestamp += later;
        let base = log.log_end_offset().0;
        let batch = Batch { timestamp, step, value, ..Batch::new(base, count) };
        log.append(at(1), &batch.bytes()).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_offset_and_time_is_found_where_a_walk_finds_it(shapes in shapes(), parts in 1..4usize) {
        let disk = new_disk(1);
        let config = small_config();
        let mut log = new_log(&disk, &config);
        for part in shapes.chunks(shapes.len().div_ceil(parts)) {
            append_shapes(&mut log, part);
            check_against_walk(&log);
            check_times(&log);
            log.close().unwrap();
            let facts = LoadFacts { clean_shutdown: true, ..LoadFacts::default() };
            log = open(&disk, &config, facts).unwrap().0;
        }
        check_against_walk(&log);
        check_times(&log);
    }

    #[test]
    fn a_damaged_index_never_gives_a_wrong_answer(
        shapes in shapes(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..8u8), 1..6),
        cut in prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>())),
    ) {
        let disk = new_disk(1);
        let config = small_config();
        let mut log = new_log(&disk, &config);
        append_shapes(&mut log, &shapes);
        log.close().unwrap();
        drop(log);
        let is_index = |path: &std::path::Path| path.extension().is_some_and(|it| it == "index" || it == "timeindex");
        let files = disk.export();
        let indexes: Vec<_> = files.iter().filter(|(path, bytes)| is_index(path) && !bytes.is_empty()).collect();
        prop_assume!(!indexes.is_empty());
        for (file, at, bit) in &flips {
            let (path, bytes) = file.get(&indexes);
            disk.flip_bit(path, at.index(bytes.len()) as u64, *bit);
        }
        if let Some((file, at)) = &cut {
            let (path, bytes) = file.get(&indexes);
            disk.import([((*path).clone(), bytes[..at.index(bytes.len())].to_vec())]);
        }
        let facts = LoadFacts { clean_shutdown: true, ..LoadFacts::default() };
        let (mut log, _) = open(&disk, &config, facts).unwrap();
        check_against_walk(&log);
        check_times(&log);
        log.repair_indexes().unwrap();
        check_against_walk(&log);
    }
}

#[test]
fn holes_and_zeros_in_a_time_index_are_noticed() {
    for damage in 0..40 {
        let disk = new_disk(1);
        let config = small_config();
        let mut log = new_log(&disk, &config);
        fill(&mut log, 30, 5);
        log.close().unwrap();
        let path = file("00000000000000000000.timeindex");
        let mut bytes = disk.contents(&path).unwrap();
        let from = (damage * 5) % bytes.len();
        let to = (from + 12).min(bytes.len());
        bytes[from..to].fill(0);
        disk.import([(path, bytes)]);
        let facts = LoadFacts { clean_shutdown: true, ..LoadFacts::default() };
        let (log, _) = open(&disk, &config, facts).unwrap();
        check_against_walk(&log);
        check_times(&log);
    }
}

fn slices(log: &Log, request: ReadRequest) -> Vec<(u64, u64)> {
    let found = crate::read(log.segments(), &request).unwrap();
    found.iter().map(|slice| (slice.range.position, slice.range.length)).collect()
}

#[test]
fn a_read_stays_below_its_bounds_and_in_one_segment() {
    let disk = new_disk(1);
    let mut log = new_log(&disk, &small_config());
    fill(&mut log, 30, 5);
    let size = Batch::new(0, 5).bytes().len() as u64;
    let all = ReadRequest {
        from: Offset(0),
        max_offset: log.log_end_offset(),
        max_bytes: 1 << 20,
        min_one_batch: true,
    };
    assert_eq!(slices(&log, all), [(0, log.segments()[0].size().unwrap())]);
    assert_eq!(
        slices(&log, ReadRequest { from: Offset(7), ..all })[0].0,
        size,
        "from within a batch"
    );
    let bounded = ReadRequest { max_offset: Offset(15), ..all };
    assert_eq!(slices(&log, bounded), [(0, 3 * size)]);
    assert_eq!(slices(&log, ReadRequest { max_offset: Offset(17), ..all }), [(0, 3 * size)]);
    assert_eq!(slices(&log, ReadRequest { from: Offset(15), ..bounded }), []);
    assert_eq!(slices(&log, ReadRequest { max_bytes: 10, ..all }), [(0, size)]);
    let none = ReadRequest { max_bytes: 10, min_one_batch: false, ..all };
    assert_eq!(slices(&log, none), []);
    let cut = ReadRequest { max_bytes: size + 10, min_one_batch: false, ..all };
    assert_eq!(slices(&log, cut), [(0, size + 10)]);
    let below = crate::read(&log.segments()[1..], &all);
    assert!(matches!(below, Err(LogError::OutOfRange { .. })));
}

#[test]
fn a_reader_with_old_segments_goes_on_while_the_log_moves() {
    let disk = new_disk(1);
    let config = crate::LogConfig { retention_bytes: Some(0), ..small_config() };
    let mut log = new_log(&disk, &config);
    fill(&mut log, 30, 5);
    let old = std::sync::Arc::clone(log.segments());
    let end = log.log_end_offset();
    let before = all_batches(&log);
    let gone = log.delete_old_segments(at(2), None, end).unwrap();
    assert!(!gone.is_empty());
    for batch in &before {
        let request = ReadRequest {
            from: batch.header.base_offset(),
            max_offset: end,
            max_bytes: 1,
            min_one_batch: true,
        };
        let slice = crate::read(&old, &request).unwrap().unwrap();
        assert_eq!(slice.first.position, batch.position);
        let mut bytes = vec![0; slice.range.length as usize];
        assert_eq!(
            slice.range.file.read_at(slice.range.position, &mut bytes).unwrap(),
            bytes.len()
        );
    }
    let open_file = old[0].log_file().unwrap();
    gone.carry_out().unwrap();
    assert!(0 < open_file.len().unwrap(), "who holds a deleted file may read it");
}

#[test]
fn open_files_stay_within_their_bound() {
    let disk = new_disk(1);
    let config = small_config();
    let mut log = new_log(&disk, &config);
    fill(&mut log, 120, 5);
    log.close().unwrap();
    let home = home(&disk, &config);
    let cache = std::sync::Arc::clone(&home.cache);
    let facts = LoadFacts { clean_shutdown: true, ..LoadFacts::default() };
    let (log, _) = Log::open(home, facts, at(0)).unwrap();
    check_against_walk(&log);
    check_times(&log);
    assert!(cache.open_files() <= 8, "{} files are open", cache.open_files());
}

/// Timestamps that stand still are the worst: other batches agree with a damaged entry too.
#[test]
fn no_single_flipped_bit_of_an_index_gives_a_wrong_answer() {
    let original = new_disk(1);
    let config = small_config();
    let mut log = new_log(&original, &config);
    let values = [70, 64, 58, 84, 117, 66, 118, 1, 90, 3];
    let shape = |(at, value): (usize, &usize)| (at as i32 % 5 + 1, (at == 7).into(), 0, *value);
    append_shapes(&mut log, &values.iter().enumerate().map(shape).collect::<Vec<_>>());
    log.close().unwrap();
    assert!(2 <= log.segments().len());
    drop(log);
    let files = original.export();
    let is_index = |path: &std::path::Path| {
        path.extension().is_some_and(|it| it == "index" || it == "timeindex")
    };
    let facts = LoadFacts { clean_shutdown: true, ..LoadFacts::default() };
    let mut flipped = 0;
    for (path, bytes) in files.iter().filter(|(path, _)| is_index(path)) {
        for bit in 0..bytes.len() * 8 {
            let disk = new_disk(1);
            disk.import(files.clone());
            disk.flip_bit(path, bit as u64 / 8, (bit % 8) as u8);
            let (log, _) = open(&disk, &config, facts).unwrap();
            check_times(&log);
            check_against_walk(&log);
            flipped += 1;
        }
    }
    assert!(400 < flipped);
}

/// All of an index is wrong at once, each entry plausible beside the others.
#[test]
fn a_time_index_that_is_wrong_throughout_is_made_anew() {
    let disk = new_disk(1);
    let config = small_config();
    let mut log = new_log(&disk, &config);
    fill(&mut log, 30, 5);
    log.close().unwrap();
    let path = file("00000000000000000000.timeindex");
    let mut bytes = disk.contents(&path).unwrap();
    let entries = bytes.len() / 12;
    assert!(3 <= entries);
    // Each timestamp but the last is paired with the offset of the entry behind.
    for entry in 0..entries - 1 {
        let next: Vec<u8> = bytes[entry * 12 + 20..entry * 12 + 24].to_vec();
        bytes[entry * 12 + 8..entry * 12 + 12].copy_from_slice(&next);
    }
    disk.import([(path.clone(), bytes.clone())]);
    let facts = LoadFacts { clean_shutdown: true, ..LoadFacts::default() };
    let (mut log, _) = open(&disk, &config, facts).unwrap();
    check_times(&log);
    assert_eq!(log.repair_indexes().unwrap(), 1);
    assert_ne!(disk.contents(&path).unwrap(), bytes, "and the file too");
    check_times(&log);
}
