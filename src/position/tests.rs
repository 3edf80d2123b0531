//! Every form of a position, what it means, and what the wrong ones say.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::{At, ClockChange, Time};
use crate::duration::Span;

/// 2026-11-21T12:30:00Z.
fn noon() -> Timestamp {
    "2026-11-21T12:30:00Z".parse().unwrap()
}

fn berlin() -> TimeZone {
    // The rule itself, so that the test needs no zone database.
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
}

fn time(text: &str) -> Time {
    match text.parse() {
        Ok(At::Time(time)) => time,
        other => panic!("{text}: {other:?}"),
    }
}

fn instant(text: &str) -> (String, Option<ClockChange>) {
    let instant = time(text).instant(noon(), &berlin()).unwrap();
    (instant.timestamp.to_string(), instant.clock_change)
}

fn fault(text: &str) -> String {
    text.parse::<At>().unwrap_err().to_string()
}

#[test]
fn ends_and_offsets() {
    assert_eq!("earliest".parse(), Ok(At::Earliest));
    assert_eq!("latest".parse(), Ok(At::Latest));
    assert_eq!("42".parse(), Ok(At::Offset(42)));
    assert_eq!("1700000000000".parse(), Ok(At::Offset(1_700_000_000_000)));
    assert_eq!("-10".parse(), Ok(At::BeforeLatest(10)));
    assert_eq!("+10".parse(), Ok(At::AfterEarliest(10)));
    assert_eq!("committed:app".parse(), Ok(At::Committed("app".to_owned())));
}

#[test]
fn spans_before_now() {
    let hour = Time::Ago(Span { milliseconds: 3_600_000 });
    assert_eq!(time("-1h"), hour);
    assert_eq!(time("@-1h"), hour);
    assert_eq!(instant("-1h30m").0, "2026-11-21T11:00:00Z");
}

#[test]
fn epochs() {
    assert_eq!(instant("@1700000000000").0, "2023-11-14T22:13:20Z");
    assert_eq!(instant("@1700000000").0, "2023-11-14T22:13:20Z");
}

#[test]
fn days_and_clocks() {
    assert_eq!(instant("2026-11-21"), ("2026-11-20T23:00:00Z".to_owned(), None));
    assert_eq!(instant("2026-11-21T02:00").0, "2026-11-21T01:00:00Z");
    assert_eq!(instant("2026-11-21T02:00:05.123").0, "2026-11-21T01:00:05.123Z");
    assert_eq!(instant("2026-11-21T02:00Z").0, "2026-11-21T02:00:00Z");
    assert_eq!(instant("2026-11-21T02:00:05+05:30").0, "2026-11-20T20:30:05Z");
    assert_eq!(instant("2026-11-21T02:00-01:00").0, "2026-11-21T03:00:00Z");
}

#[test]
fn a_time_of_day_is_the_last_one() {
    assert_eq!(instant("02:00").0, "2026-11-21T01:00:00Z");
    assert_eq!(instant("18:00:30").0, "2026-11-20T17:00:30Z");
    assert_eq!(instant("13:30").0, "2026-11-21T12:30:00Z");
}

#[test]
fn summer_time_doubles_and_skips() {
    let doubled = ("2026-10-25T00:30:00Z".to_owned(), Some(ClockChange::Doubled));
    assert_eq!(instant("2026-10-25T02:30"), doubled);
    let skipped = ("2026-03-29T01:30:00Z".to_owned(), Some(ClockChange::Skipped));
    assert_eq!(instant("2026-03-29T02:30"), skipped);
}

#[test]
fn times_beyond_time_are_refused_not_wrapped() {
    let utc = TimeZone::fixed(Offset::UTC);
    let ago = Time::Ago(Span { milliseconds: i64::MAX.unsigned_abs() });
    assert_eq!(ago.instant(noon(), &utc), None);
    assert!(fault("99999999999999999999").contains("not a position"));
}

#[test]
fn wrong_ones_say_what_is_right() {
    insta::assert_snapshot!(fault("end"), @r#""end" is not a position: write latest"#);
    insta::assert_snapshot!(fault("+1h"), @r#""+1h" is not a position: +N is N offsets after earliest; -1h is an hour ago"#);
    insta::assert_snapshot!(fault("-x"), @r#""-x" is not a position: -10 is ten offsets before latest, -1h30m that long ago"#);
    insta::assert_snapshot!(fault("@12"), @r#""@12" is not a position: @ takes epoch milliseconds (13 digits) or seconds (10)"#);
    insta::assert_snapshot!(fault("2026-11-21T02:00+1"), @r#""2026-11-21T02:00+1" is not a position: a zone is Z or +01:00"#);
    insta::assert_snapshot!(fault("committed:"), @r#""committed:" is not a position: name the group: committed:GROUP"#);
    for text in ["", "2026-13-01", "2026-1-1", "25:00", "2:00", "02:60", "02:00:05.", "yesterday"] {
        assert!(fault(text).contains("write earliest"), "{text}");
    }
}
