//! What is known, while the cluster answers and while it does not.

use kt_protocol::types::{Millis, NodeId, Offset};

use crate::group_verdict::Verdict;
use crate::tui::alerts::engine::Engine;
use crate::tui::alerts::rules::Rules;
use crate::tui::history::Rate;
use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::checks::{CheckKind, Level};
use crate::tui::model::page::{About, Target};
use crate::tui::model::schedule::{Ask, Kind};
use crate::tui::model::screen::Screen;
use crate::tui::stage::{Stage, Town};

fn level(stage: &Stage, kind: CheckKind) -> Level {
    stage.app.watch.checks.as_ref().unwrap()[kind as usize].level
}

#[test]
fn what_nobody_answers_is_unknown_after_two_intervals_and_comes_back() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.town.silent.extend(Kind::ALL);
    stage.pass(9_000);
    assert_eq!(level(&stage, CheckKind::Quorum), Level::Ok, "asked every 5 s");
    stage.pass(11_000);
    assert_eq!(level(&stage, CheckKind::Quorum), Level::Unknown);
    assert_eq!(level(&stage, CheckKind::Brokers), Level::Bad);
    assert_eq!(level(&stage, CheckKind::Partitions), Level::Ok, "asked every 10 s");
    stage.pass(13_000);
    assert_eq!(level(&stage, CheckKind::Partitions), Level::Unknown);
    stage.town.silent.clear();
    stage.pass(45_000);
    assert_eq!(level(&stage, CheckKind::Quorum), Level::Ok);
    assert_eq!(level(&stage, CheckKind::Partitions), Level::Ok);
}

#[test]
fn the_age_of_a_record_is_asked_for_once_and_all_partitions_get_theirs() {
    let mut town = Town::small();
    town.add("wide", 20, 10);
    town.join("slow", "wide", 9_000, 0);
    let mut stage = Stage::settled(town, 160, 50);
    stage.go(&Target::about(Screen::Group, About::Group("slow".to_owned())));
    stage.pass(60_000);
    let mut asked: Vec<String> = Vec::new();
    for (_, question) in &stage.asked {
        if let Ask::Ages(positions) = &question.ask {
            let of_slow = positions.iter().filter(|it| it.0.topic == "wide");
            asked.extend(of_slow.map(|(at, offset)| format!("{at:?} {offset:?}")));
        }
    }
    let all = asked.len();
    asked.sort();
    asked.dedup();
    assert_eq!((all, asked.len()), (20, 20), "each once");
    let at = kt_protocol::types::TopicPartition::new("wide", 19);
    assert!(!stage.app.watch.lacks_age(&at, Offset(1_991_000)));
    stage.town.topics.get_mut("wide").unwrap().id = 99;
    stage.pass(11_000);
    assert!(stage.app.watch.lacks_age(&at, Offset(1_991_000)), "of its namesake");
}

/// What the line of a check says.
fn says(stage: &Stage, kind: CheckKind) -> String {
    stage.app.watch.checks.as_ref().unwrap()[kind as usize].text(60)
}

fn verdict(stage: &Stage, group: &str) -> Option<Verdict> {
    stage.app.watch.groups[group].cells.verdict
}

/// When the last sample of a series came.
fn newest(stage: &Stage, subject: &Subject, metric: Metric) -> Option<Millis> {
    let series = stage.app.watch.store.series(subject, metric)?;
    series.recent(stage.millis(), 600_000).last().map(|it| it.0)
}

#[test]
fn a_group_that_was_late_before_anybody_looked_is_told_soon() {
    let mut town = Town::small();
    town.add("slow", 2, 10);
    town.join("late", "slow", 3 * 36_000, 10);
    // They are well, they move, and there are more of them than ages are read at a time.
    for index in 0..20 {
        town.join(&format!("busy-{index}"), "orders", 0, 100);
    }
    let mut stage = Stage::open(town, 80, 24);
    stage.pass(4_000);
    assert_eq!(verdict(&stage, "late"), Some(Verdict::Behind));
    assert_eq!(level(&stage, CheckKind::Groups), Level::Warn);
    let late = stage.app.watch.groups["late"].cells.late.age_ms().unwrap();
    assert!((10_790_000..10_830_000).contains(&late), "{late}");
}

#[test]
fn what_may_not_be_read_keeps_no_other_age_from_being_told() {
    let mut town = Town::small();
    town.add("slow", 2, 10);
    town.join("late", "slow", 3 * 36_000, 10);
    for index in 0..8 {
        let topic = format!("secret-{index}");
        town.add(&topic, 1, 10);
        town.join(&format!("hidden-{index}"), &topic, 1_000_000, 0);
        town.unreadable.insert(topic);
    }
    let mut stage = Stage::open(town, 80, 24);
    stage.pass(25_000);
    assert_eq!(verdict(&stage, "late"), Some(Verdict::Behind));
}

#[test]
fn an_outage_invents_no_samples() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    let series = [
        (Subject::Total, Metric::RecordsIn),
        (Subject::Total, Metric::BytesIn),
        (Subject::Topic("orders".to_owned()), Metric::RecordsIn),
        (Subject::Group("billing".to_owned()), Metric::Lag),
        (Subject::Group("billing".to_owned()), Metric::RecordsOut),
        (Subject::Broker(1), Metric::BytesIn),
        (Subject::Total, Metric::Offline),
        (Subject::Total, Metric::QuorumLag),
    ];
    stage.town.silent.extend(Kind::ALL);
    stage.pass(1_000);
    let before = series.clone().map(|(subject, metric)| newest(&stage, &subject, metric));
    assert!(before.iter().all(Option::is_some), "{before:?}");
    stage.pass(60_000);
    let after = series.map(|(subject, metric)| newest(&stage, &subject, metric));
    assert_eq!(before, after);
    assert_eq!(stage.app.watch.rates["orders"], Rate::NotYet, "what it was is not what it is");
}

#[test]
fn one_silent_broker_hides_no_fault_of_the_others() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    stage.town.mute.extend(Kind::ALL.map(|kind| (kind, 2)));
    stage.pass(40_000);
    assert_eq!(level(&stage, CheckKind::Disk), Level::Ok);
    insta::assert_snapshot!(says(&stage, CheckKind::Disk), @"fullest 50%  1 unknown");
    stage.go_to(Screen::LogDirs);
    let dirs = &stage.app.pages.log_dirs.dirs;
    let unknown: Vec<i32> =
        dirs.all().filter(|it| it.level == Level::Unknown).map(|it| it.broker).collect();
    assert_eq!(unknown, [2]);
    let of_mute = newest(&stage, &Subject::Broker(2), Metric::BytesIn);
    assert!(of_mute < newest(&stage, &Subject::Broker(1), Metric::BytesIn));
    stage.town.of_broker.insert(1, 0.95);
    stage.pass(20_000);
    assert_eq!(level(&stage, CheckKind::Disk), Level::Bad);
    stage.pass(60_000);
    insta::assert_snapshot!(stage.shown().lines().nth(22).unwrap(), @" ✗ STALE 2m04s: 2 of 3 brokers answer; broker 2 is shown as of 15:00:28 r retry");
}

#[test]
fn the_disks_of_a_broker_that_is_down_are_not_known() {
    let mut town = Town::small();
    town.of_broker.insert(3, 0.85);
    let mut stage = Stage::settled(town, 80, 24);
    stage.pass(120_000);
    assert_eq!(level(&stage, CheckKind::Disk), Level::Warn);
    stage.town.down.insert(3);
    stage.pass(40_000);
    assert_eq!(level(&stage, CheckKind::Disk), Level::Ok);
    insta::assert_snapshot!(says(&stage, CheckKind::Disk), @"fullest 50%  1 unknown");
    stage.go_to(Screen::LogDirs);
    let dir = stage.app.pages.log_dirs.dirs.get("3 /data/kafka-0").unwrap();
    assert_eq!((dir.level, dir.full_in_ms), (Level::Unknown, None));
}

#[test]
fn commits_that_are_not_told_any_more_are_no_lag() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    let lag = Subject::Group("billing".to_owned());
    stage.town.silent.insert(Kind::Commits);
    stage.pass(30_000);
    let (last, cells) =
        (newest(&stage, &lag, Metric::Lag), stage.app.watch.groups["billing"].clone());
    stage.pass(60_000);
    assert_eq!(newest(&stage, &lag, Metric::Lag), last);
    assert_eq!(stage.app.watch.groups["billing"].cells, cells.cells, "as of when it was known");
    assert_eq!(level(&stage, CheckKind::Groups), Level::Unknown);
    stage.go_to(Screen::Groups);
    assert_eq!(stage.app.pages.groups.list.all().next().unwrap().level, Level::Unknown);
    stage.town.silent.clear();
    stage.pass(61_000);
    assert_eq!(verdict(&stage, "billing"), Some(Verdict::Ok));
    assert_eq!(level(&stage, CheckKind::Groups), Level::Ok);
}

#[test]
fn whoever_was_described_long_ago_may_have_members_by_now() {
    let mut town = Town::small();
    town.join("leaving", "orders", 1_000, 100);
    town.groups.get_mut("leaving").unwrap().members = 0;
    let mut stage = Stage::settled(town, 80, 24);
    stage.go_to(Screen::Groups);
    stage.pass(11_000);
    assert_eq!(verdict(&stage, "leaving"), Some(Verdict::Stopped));
    stage.go_to(Screen::Brokers);
    stage.pass(21_000);
    assert_eq!(verdict(&stage, "leaving"), Some(Verdict::Ok));
}

#[test]
fn a_group_that_is_gone_leaves_no_history() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    let group = Subject::Group("billing".to_owned());
    assert!(newest(&stage, &group, Metric::Lag).is_some());
    stage.town.groups.clear();
    stage.pass(21_000);
    assert!(!stage.app.watch.cluster.groups.contains_key("billing"));
    assert_eq!(newest(&stage, &group, Metric::Lag), None);
}

#[test]
fn a_group_that_was_deleted_while_its_coordinator_was_lost_is_gone() {
    let lost = |offsets: bool| {
        let mut town = Town::small();
        if offsets {
            town.add("__consumer_offsets", 3, 0);
        }
        let mut stage = Stage::settled(town, 80, 24);
        let coordinator = stage.app.watch.cluster.groups["billing"].coordinator;
        stage.town.down.insert(coordinator.0);
        stage.town.groups.clear();
        stage.pass(60_000);
        !stage.app.watch.cluster.groups.contains_key("billing")
    };
    assert!(lost(true));
    // Nobody may have taken it over: it is only not told.
    assert!(!lost(false));
}

#[test]
fn what_was_looked_at_is_forgotten_with_it() {
    let mut town = Town::small();
    town.add("orders-2", 3, 10);
    let mut stage = Stage::settled(town, 80, 24);
    stage.type_keys("2*");
    let top = |stage: &Stage, name: &str| {
        stage.app.top(&Subject::Topic(name.to_owned()), Metric::RecordsIn)
    };
    assert!(1.0 < top(&stage, "orders-2"));
    let kept = stage.town.topics.remove("orders-2").unwrap();
    stage.pass(31_000);
    assert!(top(&stage, "orders-2") <= 1.0 && 1.0 < top(&stage, "orders"));
    stage.town.topics.insert("orders-2".to_owned(), kept);
    stage.pass(21_000);
    let rows = &stage.app.pages.topics.list.rows;
    assert!(rows.is_marked("orders") && !rows.is_marked("orders-2"), "it is another");
}

#[test]
fn what_moved_away_is_counted_no_more() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    let rate =
        |stage: &Stage| stage.app.watch.growth.of_broker(NodeId(1)).map_or(0.0, |it| it.per_second);
    let before = rate(&stage);
    stage.town.topics.get_mut("orders").unwrap().replicas = 1;
    stage.pass(31_000);
    // Of six partitions that it had, two are left; another topic stays.
    assert!(rate(&stage) < before / 2.0, "{} of {before}", rate(&stage));
}

#[test]
fn a_rule_about_brokers_fires_while_nobody_answers() {
    let mut stage = Stage::settled(Town::small(), 80, 24);
    let text = "[[rule]]\nname = \"down\"\nkind = \"broker-down\"\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.toml");
    std::fs::write(&path, text).unwrap();
    let rules = Rules::read(&path, jiff::Timestamp::UNIX_EPOCH).unwrap();
    stage.app.watch.alerts = Engine::new(rules);
    stage.pass(5_000);
    assert_eq!(stage.app.watch.badge().unwrap().bad, 0);
    stage.town.silent.extend(Kind::ALL);
    stage.pass(20_000);
    assert_eq!(stage.app.watch.badge().unwrap().bad, 2, "the check, and the rule");
}
