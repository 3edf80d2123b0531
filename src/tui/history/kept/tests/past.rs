//! What blocks tell after a restart.

use std::collections::BTreeSet;

use kt_protocol::types::{Millis, Now, Timestamp};

use super::super::block::Line;
use super::*;
use crate::tui::history::series::{Reach, Series};
use crate::tui::history::window::{View, Window};

/// 2026-11-21T14:00:00Z, in minutes.
const NOON: i64 = 29_921_160;

/// Five minutes of one value.
fn block(first: i64, subject: &Subject, value: f32) -> Block {
    let values = vec![value; BLOCK_MINUTES];
    let line = Line { subject: subject.clone(), metric: Metric::RecordsIn, values };
    Block { first, lines: vec![line] }
}

/// Our clock and the wall clock, at a minute.
fn at(minute: i64) -> Now {
    let wall = minute * 60_000;
    Now { monotonic: Millis(wall.unsigned_abs()), wall: Timestamp(wall) }
}

/// The total's chart after these blocks: a letter a minute.
fn chart(now: i64, blocks: &[(i64, f32)]) -> String {
    let mut past = Past::new(at(now), BTreeSet::from([Subject::Total]));
    for (first, value) in blocks {
        past.add(&block(*first, &Subject::Total, *value));
    }
    let mut series = Series::default();
    series.keep_minutes(Reach::Week);
    let line = past.into_lines().next();
    if let Some(line) = line {
        let [(Metric::RecordsIn, past)] = <[_; 1]>::try_from(line.series).unwrap() else {
            panic!()
        };
        series.recall(past, at(now).monotonic);
    }
    let columns = series.columns(View::of(Window::M30), at(now).monotonic, 30);
    columns.iter().map(|it| it.map_or("-".to_owned(), |it| format!("{it}"))).collect()
}

#[test]
fn time_without_a_dashboard_is_a_gap() {
    let shown = chart(NOON, &[(NOON - 25, 1.0), (NOON - 20, 2.0), (NOON - 10, 3.0)]);
    assert_eq!(shown, "----1111122222-----33333------");
}

#[test]
fn the_future_is_dropped_and_a_clock_set_back_disturbs_nothing() {
    let ahead = 60 * 24 * 365;
    let shown = chart(NOON, &[(NOON + ahead, 9.0), (NOON - 10, 3.0)]);
    assert_eq!(shown, chart(NOON, &[(NOON - 10, 3.0)]));
    // What was written first stands.
    let shown = chart(NOON, &[(NOON - 10, 3.0), (NOON - 20, 9.0), (NOON - 5, 4.0)]);
    assert_eq!(shown, chart(NOON, &[(NOON - 10, 3.0), (NOON - 5, 4.0)]));
    assert_eq!(
        chart(NOON, &[(i64::MAX, 9.0), (i64::MIN, 9.0), (i64::MAX - 2, 9.0)]),
        "-".repeat(30)
    );
}

#[test]
fn only_what_is_there_today_is_recalled() {
    let topic = |name: &str| Subject::Topic(name.to_owned());
    let mut past = Past::new(at(NOON), BTreeSet::from([Subject::Total, topic("orders")]));
    for subject in [Subject::Total, topic("orders"), topic("gone"), Subject::Broker(1)] {
        past.add(&block(NOON - 10, &subject, 1.0));
    }
    let found: Vec<Subject> = past.into_lines().map(|it| it.subject).collect();
    assert_eq!(found, [Subject::Total, topic("orders")]);
}

#[test]
fn a_week_is_looked_at() {
    let past = Past::new(at(NOON), BTreeSet::new());
    let week = 7 * 24 * 60;
    assert!(past.wants(NOON - week) && past.wants(NOON) && past.wants(NOON + 1));
    assert!(!past.wants(NOON - week - 61) && !past.wants(i64::MIN));
}
