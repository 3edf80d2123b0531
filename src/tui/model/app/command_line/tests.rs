//! Lines behind `:`: where they go, and what Tab offers.

use crate::tui::model::msg::Effect;
use crate::tui::stage::{Stage, Town};

#[test]
fn the_command_line_takes_positions_and_lines_that_read() {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    let mut said = |line: &str| {
        stage.type_keys("1");
        stage.app.message = None;
        stage.type_keys(&format!(":{line}<Enter>"));
        let about = stage.app.pages.page(stage.app.screen).about();
        let message = stage.app.message.as_ref().map(|it| it.text.clone());
        format!("{line}: {} {about:?} {:?} {message:?}", stage.app.screen.name(), stage.app.view)
    };
    let lines = [
        "kt topics",
        "topics list",
        "kt groups describe nightly-report",
        "consume orders",
        "topics describe nosuch",
        "topics describe",
        "@-10m",
        "@nonsense",
        "kt q",
    ];
    insta::assert_snapshot!(lines.map(&mut said).join("\n"), @r#"
    kt topics: topics Cluster View { window: M30, end: None } None
    topics list: topics Cluster View { window: M30, end: None } None
    kt groups describe nightly-report: group Group("nightly-report") View { window: M30, end: None } None
    consume orders: records Topic("orders") View { window: M30, end: None } None
    topics describe nosuch: overview Cluster View { window: M30, end: None } Some("topic \"nosuch\" is not there")
    topics describe: overview Cluster View { window: M30, end: None } Some("topics describe takes one NAME here")
    @-10m: overview Cluster View { window: M30, end: Some(Millis(3031000)) } None
    @nonsense: overview Cluster View { window: M30, end: Some(Millis(3031000)) } Some("@nonsense: \"nonsense\" is not a position: write earliest, latest, an offset (42), -10, +10, -1h, 2026-11-21T02:00, 02:00 or @EPOCH")
    kt q: overview Cluster View { window: M30, end: Some(Millis(3031000)) } None
    "#);
    assert!(stage.done.iter().any(|it| matches!(it, Effect::Quit)));
}

#[test]
fn flags_and_values_are_completed() {
    let mut stage = Stage::settled(Town::troubled(), 80, 24);
    let mut offered = |line: &str| {
        stage.type_keys(&format!(":{line}"));
        let found = stage.app.candidates(line);
        stage.type_keys("<Esc>");
        let all = found.iter().map(|it| format!("{} [{}] {}", it.line, it.takes, it.says));
        format!("{line}\n  {}", all.collect::<Vec<_>>().join("\n  "))
    };
    let lines = [
        "topics create x --",
        "topics create x --set a=b --s",
        "topics create x --like or",
        "groups reset nightly-report --t",
        "kt groups des",
        "configs describe topic/or",
    ];
    insta::assert_snapshot!(lines.map(&mut offered).join("\n"), @"
    topics create x --
      topics create x --partitions [N] Number of partitions
      topics create x --replication-factor [N] Copies of each partition
      topics create x --assignment [LIST] Brokers of each partition's copies: 1:2,2:3 puts partition 0 on 1 and 2
      topics create x --set [KEY=VALUE] A config of the topic (repeatable)
      topics create x --like [TOPIC] Copy partitions, replication factor and configs of this topic
      topics create x --if-not-exists [] Succeed if the topic exists already
      topics create x --regex [] Read all names of the command as regular expressions that match whole names
      topics create x --internal [] Include Kafka's internal topics, and allow changing them
    topics create x --set a=b --s
      topics create x --set a=b --set [KEY=VALUE] A config of the topic (repeatable)
    topics create x --like or
      topics create x --like orders [] Copy partitions, replication factor and configs of this topic
      topics create x --like orders-dlq [] Copy partitions, replication factor and configs of this topic
    groups reset nightly-report --t
      groups reset nightly-report --topic [TOPIC[:P]] Topics, each with all its partitions or some: orders, orders:3, orders:0,2-4 (repeatable)
      groups reset nightly-report --to [AT] The next to read: earliest, latest, an offset, a time, -10, +10, committed:GROUP
    kt groups des
      kt groups describe [GROUP] one group
    configs describe topic/or
      configs describe topic/orders [] configs of topics, brokers, groups
      configs describe topic/orders-dlq [] configs of topics, brokers, groups
    ");
}
