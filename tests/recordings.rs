//! Recordings of the dashboard: made on a real terminal before a real cluster, and played without
//! one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::screen::Screen;
use crate::support::{Broker, Operator};

#[test]
fn what_was_recorded_is_seen_again_without_a_cluster() {
    let mut broker = Broker::start();
    let operator = Operator::at(&broker.address());
    operator.ok("topics create orders --partitions 3");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("incident.kt");
    let file = file.to_str().unwrap();
    let mut screen =
        Screen::start(&mut operator.command(&["dashboard", "--record", file]), 120, 24);
    screen.wait_for("recording to ");
    screen.wait_for("none; no throttle left behind");
    screen.press("2");
    screen.wait_for("orders");
    screen.press("q");
    screen.wait_for("a recording is being made: leave? [y/N]");
    screen.press("y");
    assert_eq!(screen.end().code(), Some(0));
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = operator.run(&format!("dashboard --record {file}"));
    assert!(again.contains("incident.kt is there already"), "{again}");
    // Nobody listens any more.
    broker.kill();
    let seen = operator.ok(&format!("dashboard --once topics --replay {file} -o text"));
    assert!(seen.contains(" topics  1 "), "{seen}");
    assert!(
        seen.lines().any(|it| it.starts_with("   orders") || it.starts_with(" ▲ orders")),
        "{seen}"
    );
    let nowhere = operator.run(&format!("dashboard --once topics --replay {file} --at 2020-01-01"));
    assert!(nowhere.contains("--at 2020-01-01 is outside the recording"), "{nowhere}");
    let mut replay = Screen::start(&mut operator.command(&["dashboard", "--replay", file]), 80, 24);
    replay.wait_for("replay 1x");
    replay.press("2");
    replay.wait_for("orders");
    replay.press("q");
    assert_eq!(replay.end().code(), Some(0));
}
