//! Scans and tails of more than is kept.

use super::super::fetched::{fetched, walk};
use super::*;
use crate::tui::model::screens::records::list::{BYTES_MAX, RECORDS_MAX};

fn goal(until: i64) -> Goal {
    Goal { until: [(0, until)].into(), room: Room::default(), is_full: false }
}

/// What a scan of these records tells, and where it ends.
fn found(reading: &mut Reading) -> (Vec<RecordLine>, i64) {
    let ReadNews::Records { lines, edges, .. } = reading.news() else { panic!("records") };
    (lines, edges[&0])
}

#[test]
fn a_scan_keeps_the_first_hits_and_goes_on_behind_them() {
    let (walk, _heard) = walk();
    let all: Vec<(i64, usize)> = (0..5_000).map(|it| (it, 1)).collect();
    let all = fetched(0, 0, &all);
    let (mut at, mut seen, mut scans) = (0, Vec::new(), Vec::new());
    while at < 5_000 {
        let (mut reading, mut goal) = (Reading::new(&[(0, at)].into()), goal(5_000));
        let polled =
            Polled { records: vec![all.from(kt_protocol::types::Offset(at))], ..Polled::default() };
        reading.find(&polled, &mut goal, &walk).unwrap();
        let (lines, now) = found(&mut reading);
        assert!(lines.len() <= RECORDS_MAX && goal.is_full == (now < 5_000));
        scans.push(lines.len());
        seen.extend(lines.iter().map(|it| it.offset));
        at = now;
    }
    assert_eq!(scans, [2_000, 2_000, 1_000]);
    assert_eq!(seen, (0..5_000).collect::<Vec<_>>());
}

#[test]
fn a_large_hit_that_has_no_room_is_the_first_one_of_the_next_scan() {
    let (walk, _heard) = walk();
    let all: Vec<(i64, usize)> = (0..400).map(|it| (it, 100_000)).collect();
    let (mut reading, mut goal) = (Reading::new(&[(0, 0)].into()), goal(400));
    reading.find_in(&fetched(0, 0, &all), &mut goal, &walk).unwrap();
    let (lines, at) = found(&mut reading);
    let bytes: usize = lines.iter().map(RecordLine::weight).sum();
    assert!(goal.is_full && bytes <= BYTES_MAX && BYTES_MAX < bytes + (65 << 10));
    assert_eq!(lines.len() as i64, at);
}

#[test]
fn what_comes_faster_than_it_is_shown_is_counted() {
    let (walk, _heard) = walk();
    let all: Vec<(i64, usize)> = (0..5_000).map(|it| (it, 1)).collect();
    let mut reading = Reading::new(&[(0, 0)].into());
    let polled = Polled { records: vec![fetched(0, 0, &all)], ..Polled::default() };
    reading.follow(&polled, &walk).unwrap();
    let ReadNews::Records { lines, edges, passed } = reading.news() else { panic!("records") };
    assert_eq!((lines.len(), passed, edges[&0]), (RECORDS_MAX, 3_000, 5_000));
    assert_eq!((lines[0].offset, lines[RECORDS_MAX - 1].offset), (3_000, 4_999));
}

#[test]
fn nobody_reads_on_for_a_reader_that_is_stopped() {
    let (walk, heard) = walk();
    drop(heard);
    let all: Vec<(i64, usize)> = (0..5_000).map(|it| (it, 1)).collect();
    let mut seen = 0;
    let walked = walk.each(&fetched(0, 0, &all), i64::MAX, |_, _| {
        seen += 1;
        ControlFlow::Continue(())
    });
    assert!(matches!(walked, Err(Stopped::NobodyListens)) && seen <= 1_000, "{seen}");
    // Large ones are looked at less often between.
    let all: Vec<(i64, usize)> = (0..50).map(|it| (it, 300_000)).collect();
    let mut seen = 0;
    let walked = walk.each(&fetched(0, 0, &all), i64::MAX, |_, _| {
        seen += 1;
        ControlFlow::Continue(())
    });
    assert!(matches!(walked, Err(Stopped::NobodyListens)) && seen <= 4, "{seen}");
}
