//! Directories as a broker leaves them, whole and damaged.

use std::cell::Cell;
use std::fs;

use kt_protocol::records::{BatchBuilder, NewRecord};
use kt_protocol::types::Timestamp;
use tempfile::TempDir;

use super::batches::BATCHES;
use super::*;
use crate::tui::model::checks::Level;
use crate::tui::model::screens::segments::looking::{Activity, BatchLine, Goal, SegmentLine};

const PARTITION: &str = "orders-0";

fn place() -> Place {
    Place { topic: "orders".to_owned(), partition: 0 }
}

/// Batches of two records each, from this offset on.
fn log(first: i64, batches: i64) -> Vec<u8> {
    let mut out = Vec::new();
    for number in 0..batches {
        let base = first + number * 2;
        let mut batch = BatchBuilder::new().base_offset(Offset(base));
        for offset in [base, base + 1] {
            let value = format!("value {offset}");
            let record = NewRecord {
                timestamp: Timestamp(1_700_000_000_000 + offset),
                value: Some(value.as_bytes()),
                ..NewRecord::default()
            };
            batch.append(record).unwrap();
        }
        out.extend_from_slice(&batch.build());
    }
    out
}

/// A data directory with one partition, of two segments of three batches and of 300.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let partition = directory.path().join(PARTITION);
    fs::create_dir(&partition).unwrap();
    fs::write(partition.join("00000000000000000000.log"), log(0, 3)).unwrap();
    let last = log(6, 300);
    // The last offset of the fourth batch, and where that begins.
    let fourth = i32::try_from(log(6, 3).len()).unwrap();
    let entry = [7_i32.to_be_bytes(), fourth.to_be_bytes()].concat();
    fs::write(partition.join("00000000000000000006.index"), entry).unwrap();
    fs::write(partition.join("00000000000000000006.log"), last).unwrap();
    directory
}

fn look_at(directory: &TempDir, wanted: &Look) -> Looked {
    look(&[directory.path().to_owned()], wanted, &|| true)
}

#[test]
fn segments_tell_their_bounds_and_what_is_missing() {
    let directory = directory();
    let Looked::Segments { lines, log_end, .. } =
        look_at(&directory, &Look::Segments { place: place(), known: Vec::new() })
    else {
        panic!("they are there");
    };
    assert_eq!(log_end, Some(606));
    let told: Vec<_> = lines
        .iter()
        .map(|it| (it.base_offset, it.next_offset, it.has_index, it.activity, it.level))
        .collect();
    assert_eq!(
        told,
        [
            (0, Some(6), false, Activity::Closed, Level::Warn),
            (6, Some(606), true, Activity::Active, Level::Ok),
        ]
    );
    assert_eq!(lines[0].first, Some(1_700_000_000_000));
    assert_eq!(lines[1].last, Some(1_700_000_000_605));
    assert_eq!(lines[1].bytes_per_entry, Some(lines[1].size));
    // The directory of the partition itself will do.
    let own = look(
        &[directory.path().join(PARTITION)],
        &Look::Segments { place: place(), known: Vec::new() },
        &|| true,
    );
    assert!(matches!(own, Looked::Segments { .. }));
}

#[test]
fn batches_come_in_pages_and_an_offset_is_found_by_the_index() {
    let directory = directory();
    let batches = |position, goal| {
        let wanted = Look::Batches { place: place(), base: 6, position, goal };
        match look_at(&directory, &wanted) {
            Looked::Batches { lines, more_at, found } => (lines, more_at, found),
            other => panic!("{other:?}"),
        }
    };
    let (first, more_at, _) = batches(0, None);
    assert_eq!((first.len(), first[0].first, first[0].count), (BATCHES, 6, Some(2)));
    let (rest, none, _) = batches(more_at.unwrap(), None);
    assert_eq!((rest.len(), none, rest[0].first), (100, None, 406));
    let (from_goal, _, found) = batches(0, Some(Goal::Offset(15)));
    assert!(0 < from_goal[0].position && from_goal[0].first <= 15);
    let at = |lines: &[BatchLine], found: Option<u64>| {
        lines.iter().find(|it| Some(it.position) == found).map(|it| it.first)
    };
    assert_eq!(at(&from_goal, found), Some(14));
    // Without an index all that is before it is passed, and some of it shown.
    fs::remove_file(directory.path().join(PARTITION).join("00000000000000000006.index")).unwrap();
    let (without, more_at, found) = batches(0, Some(Goal::Offset(501)));
    assert_eq!((at(&without, found), more_at), (Some(500), None));
    assert!(without.len() <= BATCHES && without[0].first < 500);
    let (of_time, _, found) = batches(0, Some(Goal::Time(1_700_000_000_300)));
    assert_eq!(at(&of_time, found), Some(300));
    let (beyond, _, found) = batches(0, Some(Goal::Time(1_800_000_000_000)));
    assert_eq!(at(&beyond, found), Some(604));
}

#[test]
fn what_is_wanted_no_more_is_not_looked_for() {
    let directory = directory();
    let steps = Cell::new(0);
    let is_wanted = || {
        steps.set(steps.get() + 1);
        steps.get() < 3
    };
    let goal = Some(Goal::Time(1_800_000_000_000));
    let wanted = Look::Batches { place: place(), base: 6, position: 0, goal };
    let looked = look(&[directory.path().to_owned()], &wanted, &is_wanted);
    assert!(matches!(looked, Looked::Stopped), "{looked:?}");
    assert_eq!(steps.get(), 3);
}

#[test]
fn what_nobody_has_written_to_is_not_read_again() {
    let directory = directory();
    let look = |known: &[SegmentLine]| {
        let wanted = Look::Segments { place: place(), known: known.to_vec() };
        match look_at(&directory, &wanted) {
            Looked::Segments { lines, directory: told, .. } => {
                assert_eq!(told, directory.path().join(PARTITION).to_string_lossy());
                lines
            }
            other => panic!("{other:?}"),
        }
    };
    let mut known = look(&[]);
    // What is not in the files shows that they were not looked at.
    for it in &mut known {
        it.first = Some(42);
    }
    let firsts = |lines: &[SegmentLine]| lines.iter().map(|it| it.first).collect::<Vec<_>>();
    assert_eq!(firsts(&look(&known)), [Some(42), Some(42)]);
    let path = directory.path().join(PARTITION).join("00000000000000000006.log");
    let grown = [fs::read(&path).unwrap(), log(606, 1)].concat();
    fs::write(&path, grown).unwrap();
    let lines = look(&known);
    assert_eq!(firsts(&lines), [Some(42), Some(1_700_000_000_006)]);
    assert_eq!(lines[1].next_offset, Some(608));
    // One more behind it: the one that was the last is bounded now.
    let next = directory.path().join(PARTITION).join("00000000000000000608.log");
    fs::write(next, log(608, 1)).unwrap();
    let told: Vec<_> = look(&lines).iter().map(|it| (it.activity, it.next_offset)).collect();
    assert_eq!(told[1], (Activity::Closed, Some(608)));
}

#[test]
fn damage_has_its_position_and_reading_goes_on_behind_it() {
    let directory = directory();
    let path = directory.path().join(PARTITION).join("00000000000000000000.log");
    let mut bytes = fs::read(&path).unwrap();
    let size = bytes.len() / 3;
    bytes[size + 70] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let wanted = Look::Batches { place: place(), base: 0, position: 0, goal: None };
    let Looked::Batches { lines, .. } = look_at(&directory, &wanted) else { panic!("they come") };
    let told: Vec<_> = lines.iter().map(|it| (it.position as usize / size, &it.fault)).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].1.is_none() && told[1].1.is_some() && told[2].1.is_none(), "{told:?}");
    let position = size as u64;
    let wanted = Look::Bytes { place: place(), base: 0, position };
    let Looked::Bytes { bytes: shown, .. } = look_at(&directory, &wanted) else { panic!("bytes") };
    assert_eq!(shown, bytes[size..2 * size]);
    let wanted = Look::Records { place: place(), base: 0, position };
    let Looked::Failed(why) = look_at(&directory, &wanted) else { panic!("it is damaged") };
    assert!(why.starts_with(&format!("the batch at byte {position} cannot be read")), "{why}");
}

#[test]
fn a_batch_has_its_records() {
    let directory = directory();
    let wanted = Look::Records { place: place(), base: 0, position: 0 };
    let Looked::Records(lines) = look_at(&directory, &wanted) else { panic!("they are there") };
    let told: Vec<_> = lines.iter().map(|it| (it.offset, it.value.text())).collect();
    assert_eq!(told, [(0, Some("value 0")), (1, Some("value 1"))]);
}

#[test]
fn what_is_not_there_is_told() {
    let directory = directory();
    let why = |looked| match looked {
        Looked::Failed(why) => why,
        other => panic!("{other:?}"),
    };
    let other = Place { topic: "payments".to_owned(), partition: 3 };
    let missing = why(look_at(&directory, &Look::Segments { place: other, known: Vec::new() }));
    insta::assert_snapshot!(missing, @"no directory has payments-3; --data names the one of its broker");
    let gone = Look::Bytes { place: place(), base: 99, position: 0 };
    insta::assert_snapshot!(why(look_at(&directory, &gone)), @"segment 99 is not there any more");
    assert!(matches!(
        look(&[], &Look::Segments { place: place(), known: Vec::new() }, &|| true),
        Looked::NoData
    ));
}
