//! Pages of logs that are made up: what a page holds, and that nothing is left out between two.

use kt_protocol::types::TopicPartition;
use proptest::prelude::*;

use super::super::AllBounds;
use super::super::backward::Steps;
use super::super::fetched::{fetched, walk};
use super::*;
use crate::resolve::Bounds;
use crate::tui::model::screens::records::line::PAYLOAD_MAX;

/// The records of each partition: time and size.
type Logs = Vec<Vec<(i64, usize)>>;

fn ends(logs: &Logs) -> Offsets {
    logs.iter().zip(0..).map(|(it, partition)| (partition, it.len() as i64)).collect()
}

/// What the reader would do with a broker.
fn fill(lanes: &mut Lanes, logs: &Logs, from: &Offsets) {
    let (walk, _heard) = walk();
    for (partition, from) in from {
        let log = &logs[usize::try_from(*partition).unwrap()];
        let rest = &log[usize::try_from(*from).unwrap()..];
        if !rest.is_empty() {
            lanes.take_records(&fetched(*partition, *from, rest), &walk).unwrap();
        }
        lanes.ended(*partition, log.len() as i64);
    }
    assert!(lanes.is_done());
}

/// A page forwards, where each partition goes on, and the most that was held meanwhile.
fn first_page(logs: &Logs, from: &Offsets) -> (Vec<RecordLine>, Offsets, usize) {
    let (mut lanes, mut page) = (Lanes::new(Keep::First), Page::default());
    let (mut open, mut most) = (from.clone(), 0);
    loop {
        lanes.open(&open, &ends(logs), &page);
        fill(&mut lanes, logs, &open);
        most = most.max(lanes.held(&page));
        let Merged::Dry(dry) = lanes.move_first(&mut page) else { break };
        let next = lanes.next();
        open = dry.into_iter().map(|it| (it, next[&it])).collect();
    }
    (page.into_lines(), lanes.next(), most)
}

/// A page backwards, where each partition goes on, and whether that is the start.
fn last_page(logs: &Logs, before: &Offsets) -> (Vec<RecordLine>, Offsets, bool) {
    let bounds = ends(logs).into_iter().map(|(partition, end)| {
        (TopicPartition::new("orders", partition), Bounds { start: 0, end })
    });
    let bounds: AllBounds = bounds.collect();
    let mut steps = Steps::new(&bounds, before);
    let mut edges = steps.until.clone();
    let (mut lanes, mut page) = (Lanes::new(Keep::Last), Page::default());
    loop {
        let from = steps.from();
        lanes.open(&from, &steps.until, &page);
        fill(&mut lanes, logs, &from);
        if !steps.go_on(&mut lanes, &mut page) {
            break;
        }
    }
    edges.extend(page.firsts());
    (page.into_lines(), edges, lanes.is_exhausted(&steps.starts))
}

fn in_order(logs: &Logs) -> Vec<(i64, i32, i64)> {
    let each = logs.iter().zip(0..).flat_map(|(log, partition)| {
        log.iter().zip(0..).map(move |((time, _), offset)| (*time, partition, offset))
    });
    let mut all: Vec<_> = each.collect();
    all.sort_unstable();
    all
}

fn places(lines: &[RecordLine]) -> Vec<(i64, i32, i64)> {
    lines.iter().map(|it| (it.time(), it.partition, it.offset)).collect()
}

fn weight(lines: &[RecordLine]) -> usize {
    lines.iter().map(RecordLine::weight).sum()
}

fn all_forward(logs: &Logs) -> Vec<(i64, i32, i64)> {
    let (mut found, mut from) = (Vec::new(), ends(logs).keys().map(|it| (*it, 0)).collect());
    while from != ends(logs) {
        let (lines, next, _) = first_page(logs, &from);
        assert!(!lines.is_empty() && lines.len() <= PAGE && weight(&lines) <= PAGE_BYTES);
        found.extend(places(&lines));
        from = next;
    }
    found
}

fn all_backward(logs: &Logs) -> Vec<(i64, i32, i64)> {
    let (mut found, mut before, mut is_over) = (Vec::new(), ends(logs), false);
    while !is_over {
        let (lines, edges, is_exhausted) = last_page(logs, &before);
        assert!(is_exhausted || !lines.is_empty());
        assert!(lines.len() <= PAGE && weight(&lines) <= PAGE_BYTES);
        found.splice(..0, places(&lines));
        (before, is_over) = (edges, is_exhausted);
    }
    found
}

#[test]
fn all_partitions_have_one_budget() {
    let logs: Logs =
        (0..60).map(|at| (0..40).map(|it| (it * 60 + at, 100_000)).collect()).collect();
    let from: Offsets = ends(&logs).keys().map(|it| (*it, 0)).collect();
    let (lines, _, most) = first_page(&logs, &from);
    // One record it may have in any case.
    assert!(most <= PAGE_BYTES + 60 * 2 * PAYLOAD_MAX, "{most}");
    assert!(PAGE_BYTES - 2 * PAYLOAD_MAX < weight(&lines), "it is filled: {}", lines.len());
    assert_eq!(places(&lines), in_order(&logs)[..lines.len()]);
    let (lines, ..) = last_page(&logs, &ends(&logs));
    assert!(PAGE_BYTES - 2 * PAYLOAD_MAX < weight(&lines) && weight(&lines) <= PAGE_BYTES);
    let all = in_order(&logs);
    assert_eq!(places(&lines), all[all.len() - lines.len()..]);
}

#[test]
fn a_page_is_filled_where_one_partition_has_it_all() {
    let mut logs: Logs = vec![vec![(1_000_000, 10)]; 200];
    logs[7] = (0..2_000).map(|it| (it, 10)).collect();
    let from: Offsets = ends(&logs).keys().map(|it| (*it, 0)).collect();
    let (lines, ..) = first_page(&logs, &from);
    assert_eq!(lines.len(), PAGE);
    assert_eq!(places(&lines), in_order(&logs)[..PAGE]);
    let (lines, ..) = last_page(&logs, &ends(&logs));
    assert_eq!(lines.len(), PAGE);
}

#[test]
fn nobody_waits_for_offsets_that_are_gone() {
    // The topic was made again while its old records were loaded.
    let logs: Logs = vec![(0..5).map(|it| (it, 1)).collect()];
    let (lines, _, is_exhausted) = last_page(&logs, &[(0, 1_000_000)].into());
    assert_eq!((lines.len(), is_exhausted), (5, true));
    // It was truncated while it was read.
    let mut lanes = Lanes::new(Keep::First);
    lanes.open(&[(0, 0)].into(), &[(0, 100)].into(), &Page::default());
    lanes.ended(0, 40);
    assert!(lanes.is_done());
}

#[test]
fn an_end_that_is_told_does_not_pass_over_what_had_no_room() {
    let (walk, _heard) = walk();
    let mut lanes = Lanes::new(Keep::First);
    lanes.open(&[(0, 0)].into(), &[(0, 2_000)].into(), &Page::default());
    let all: Vec<(i64, usize)> = (0..2_000).map(|it| (it, 1)).collect();
    lanes.take_records(&fetched(0, 0, &all), &walk).unwrap();
    lanes.ended(0, 2_000);
    assert_eq!(lanes.move_first(&mut Page::default()), Merged::PageIsFull);
    assert_eq!(lanes.next(), [(0, PAGE as i64)].into());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn pages_leave_nothing_out_and_have_an_end(
        steps in prop::collection::vec(
            prop::collection::vec((0i64..50, prop_oneof![9 => 0usize..200, 1 => 30_000usize..200_000]), 0..400),
            1..12,
        ),
    ) {
        // Times rise within a partition.
        let logs: Logs = steps.into_iter().map(|log| {
            let mut time = 1;
            log.into_iter().map(|(step, size)| { time += step; (time, size) }).collect()
        }).collect();
        prop_assert_eq!(all_forward(&logs), in_order(&logs));
        prop_assert_eq!(all_backward(&logs), in_order(&logs));
    }
}
