//! Recordings of the dashboard: made on a real terminal before a real cluster, and played without
//! one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::broker::kt;
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
    let mut again = Screen::start(&mut operator.command(&["dashboard", "--record", file]), 120, 24);
    again.wait_for("incident.kt is there already");
    assert_eq!(again.end().code(), Some(1));
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

#[test]
fn nothing_is_left_behind_where_no_dashboard_opens() {
    let operator = Operator::at("127.0.0.1:1");
    let directory = tempfile::tempdir().unwrap();
    let (file, data) = (directory.path().join("a.kt"), directory.path().join("data"));
    let said = operator.run(&format!("dashboard --record {}", file.display()));
    assert!(said.contains("the dashboard needs a terminal"), "{said}");
    assert!(!file.exists());
    // Nor does a node begin to keep anything.
    let mut kt = kt();
    kt.args(["serve", "--dashboard", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
    let mut screen = Screen::start(kt.args(["--record", "/nowhere/a.kt"]), 80, 24);
    screen.wait_for("/nowhere/a.kt: No such file");
    assert_eq!(screen.end().code(), Some(1));
    assert!(!data.exists());
}

#[test]
fn a_node_of_ones_own_is_recorded_and_its_history_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (file, history) = (directory.path().join("a.kt"), directory.path().join("a.history"));
    let mut kt = kt();
    kt.env("XDG_STATE_HOME", directory.path());
    kt.args(["serve", "--dashboard", "--ephemeral", "--listen", "127.0.0.1:0", "--redact"]);
    kt.arg("--record").arg(&file).arg("--history").arg(&history);
    let mut screen = Screen::start(&mut kt, 80, 24);
    screen.wait_for("recording to ");
    screen.wait_for("none; no throttle left behind");
    screen.press("q");
    screen.wait_for("a recording is being made: leave? [y/N]");
    screen.press("y");
    assert_eq!(screen.end().code(), Some(0));
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&history)), (0o600, 0o600));
    let operator = Operator::at("127.0.0.1:1");
    let seen = operator.ok(&format!("dashboard --once brokers --replay {}", file.display()));
    assert!(seen.contains(" brokers  1 ") && seen.contains("host-1:"), "{seen}");
}
