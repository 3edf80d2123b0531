//! `kt groups`: what each command prints in every format, and how it ends.

#![expect(clippy::too_many_lines, reason = "what is printed in nine formats is long")]

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::support::Operator;
use crate::support::client::{self, SOON};
use crate::support::tool::ApacheKafka;

/// Two topics, five records, and a group without members that has read two of them.
fn operator() -> Operator {
    let operator = Operator::start();
    operator.ok("topics create orders --partitions 2");
    operator.ok("topics create pay");
    operator.produce("orders", 0, "a\nb\n");
    operator.produce("orders", 1, "c\nd\ne\n");
    commit(&operator, "app", &[("orders", 0, 2), ("orders", 1, 1)]);
    operator
}

/// Commits as a client does that is no member.
fn commit(operator: &Operator, group: &str, offsets: &[(&str, i32, i64)]) {
    let address = operator.broker.address();
    let consumer: BaseConsumer =
        client::config(&address, &[("group.id", group)]).create().expect("right");
    let mut list = TopicPartitionList::new();
    for (topic, partition, offset) in offsets {
        let offset = Offset::Offset(*offset);
        list.add_partition_offset(topic, *partition, offset).expect("the offset is right");
    }
    consumer.commit(&list, CommitMode::Sync).expect("it is committed");
}

/// A member that has its partitions, with `pairs` set.
fn member(
    operator: &Operator,
    group: &str,
    topics: &[&str],
    pairs: &[(&str, &str)],
) -> BaseConsumer {
    let address = operator.broker.address();
    let mut all = vec![
        ("group.id", group),
        ("enable.auto.commit", "false"),
        ("auto.offset.reset", "earliest"),
        ("client.id", "reader"),
    ];
    all.extend(pairs);
    let consumer: BaseConsumer = client::config(&address, &all).create().expect("right");
    consumer.subscribe(topics).expect("it subscribes");
    let deadline = std::time::Instant::now() + SOON;
    while consumer.assignment().expect("an assignment").count() == 0 {
        assert!(std::time::Instant::now() < deadline, "the member gets no partitions");
        consumer.poll(Duration::from_millis(100));
    }
    consumer
}

/// Ages and ids of members differ from run to run.
fn steady(text: &str) -> String {
    let ids = regex::Regex::new(r"[\w.-]+-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
    let text = ids.expect("a pattern").replace_all(text, "MEMBER").into_owned();
    let ages = regex::Regex::new(r#"("time_lag_ms":|time_lag_ms: )\d+"#).expect("a pattern");
    ages.replace_all(&text, "${1}AGE").into_owned()
}

#[test]
fn lists_in_every_format() {
    let operator = operator();
    operator.ok("groups reset done -t orders --to latest -y");
    let shown = operator.every_format("groups list --fields name,state,type,lag");
    insta::assert_snapshot!(shown, @"");
    insta::assert_snapshot!(steady(&operator.run("groups list -o jsonl")), @"");
    insta::assert_snapshot!(operator.run_all(&[
        "groups list -o kafka --state empty --type classic",
        "groups list done --fields name,lag,time_lag_ms",
        "groups list --state Stable",
        "groups list -r a.* -o name",
        "groups list nosuch app -o name",
        "groups list --state stabel",
        "groups --type share reset app -t orders --to 0",
    ]), @"");
}

#[test]
fn descriptions_in_every_format() {
    let operator = operator();
    commit(&operator, "app", &[("pay", 0, 0)]);
    let fields = "name,state,type,lag,members,partitions.0.topic,partitions.0.committed_offset";
    let _ = fields;
    insta::assert_snapshot!(steady(&operator.every_format("groups describe app --state")), @"");
    insta::assert_snapshot!(operator.run_all(&[
        "groups describe app --fields topic,partition,committed_offset,log_end_offset,lag",
        "groups describe app -o kafka",
        "group app --members",
        "groups describe nosuch",
        "groups describe -r nosuch.*",
        "groups describe app --members --state",
    ]), @"");
}

#[test]
fn members_are_shown_with_their_partitions_and_those_without() {
    let operator = operator();
    let one = member(&operator, "app", &["orders"], &[("group.instance.id", "node-1")]);
    let described = steady(&operator.run("groups describe app --members"));
    insta::assert_snapshot!(described, @"");
    let shown = steady(
        &operator
            .run("groups describe app -o csv --fields topic,partition,lag,client_id,member_id"),
    );
    insta::assert_snapshot!(shown, @"");
    insta::assert_snapshot!(steady(&operator.run_all(&[
        "groups reset app -t orders --to earliest -y",
        "groups delete app -y",
        "groups delete-offsets app -t orders -y",
        "groups remove-member app --instance node-7 -y",
        "groups remove-member app --instance node-1 -n",
        "groups remove-member app --instance node-1",
        "groups remove-member app --instance node-1 -y",
        "groups describe app --state --fields name,state,members",
    ])), @"");
    drop(one);
}

#[test]
fn offsets_in_every_format() {
    let operator = operator();
    insta::assert_snapshot!(operator.every_format("groups offsets app"), @"");
    insta::assert_snapshot!(operator.run_all(&[
        "groups offsets app -t orders:1 -o csv",
        "groups offsets app -t pay",
        "groups offsets nosuch",
        "groups offsets -r app",
    ]), @"");
}

#[test]
fn resets_in_every_format() {
    let operator = operator();
    let shown = operator.every_format("groups reset app -t orders --to earliest -n");
    insta::assert_snapshot!(shown, @"");
}

#[test]
fn resets_go_where_they_are_told() {
    let operator = operator();
    commit(&operator, "other", &[("orders", 0, 1), ("orders", 1, 3)]);
    insta::assert_snapshot!(operator.run_all(&[
        "groups reset app -t orders --to latest",
        "groups reset app -t orders --to latest -y",
        "groups reset app -t orders --to latest -y",
        "undo -y",
        "groups reset app --all-topics --shift -1 -n",
        "groups reset app -t orders:1 --shift +2 -n",
        "groups reset app -t orders --shift -2 -n",
        "groups reset app -t orders --shift -2 -n --clamp",
        "groups reset app -t orders --shift -1h -n",
        "groups reset app -t orders --to committed:other -n",
        "groups reset app -t orders --to 2020-01-01 -n",
        "groups reset app -t orders --to 9 -n",
        "groups reset app -t orders -t nosuch --to 1 -n",
        "groups reset app -t pay --shift +1 -n",
        "groups reset app --to 1",
        "groups reset app -t orders",
        "groups reset fresh -t orders --to 1 -y",
        "undo -y",
        "groups offsets fresh",
    ]), @"");
}

#[test]
fn saved_offsets_come_back() {
    let operator = operator();
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let path = folder.path().join("saved.csv");
    std::fs::write(&path, operator.ok("groups offsets app -o csv")).expect("a file");
    operator.ok("groups reset app -t orders --to earliest -y");
    let path = path.to_str().expect("the path is text");
    operator.ok(&format!("groups reset app --offsets {path} -y"));
    insta::assert_snapshot!(operator.ok("groups offsets app -o csv"), @"");
}

#[test]
fn deleted_groups_and_offsets_come_back() {
    let operator = operator();
    operator.ok("groups reset done -t orders --to latest -y");
    insta::assert_snapshot!(operator.run_all(&[
        "groups delete-offsets app -t orders:0 -t pay -n",
        "groups delete-offsets app -t orders:0 -y",
        "groups offsets app -o csv",
        "undo -y",
        "groups delete app done nosuch -n",
        "groups delete -r .* -y",
        "groups delete -r .* -y --confirm 2",
        "groups list",
        "undo -y",
        "groups list -o name",
    ]), @"");
}

#[test]
fn checks_answer_by_their_exit_code() {
    let operator = operator();
    operator.ok("groups reset done -t orders --to latest -y");
    member(&operator, "idle", &["pay"], &[]);
    let checked =
        operator.every_format("groups check done --max-lag 0 --max-time-lag 5m --max-state ok");
    insta::assert_snapshot!(checked, @"");
    insta::assert_snapshot!(operator.run_all(&[
        "groups check app --max-lag 1",
        "groups check app done --max-lag 2 --max-time-lag 1h",
        "groups check app --max-state ok",
        "groups check app --max-state warn",
        "groups check app --max-lag 1 --for 1s",
        "groups check idle --max-lag 0",
        "groups check nosuch --max-lag 0",
        "groups check app",
    ]), @"");
}

#[test]
fn a_record_that_waits_has_an_age() {
    let operator = operator();
    let line = operator.ok("groups list app -o template={time_lag_ms}\\n");
    let age: u64 = line.trim().parse().expect("an age in ms");
    assert!(age < 60_000, "{age}");
    let described = operator.ok("groups describe app -o jsonl");
    let group: serde_json::Value = serde_json::from_str(&described).expect("JSON");
    assert!(group["partitions"][1]["oldest_unread"].is_string(), "{described}");
    assert!(group["partitions"][0]["oldest_unread"].is_null(), "nothing is unread: {described}");
}

#[test]
fn positions_of_groups_are_known_to_other_commands() {
    let operator = operator();
    insta::assert_snapshot!(operator.run_all(&[
        "topics offsets orders --at committed:app",
        "topics trim orders --before committed:app -y",
        "consume orders:1 --from committed:app -o jsonl --fields offset,value",
        "topics trim orders --before committed:nosuch -y",
    ]), @"");
}

/// A record of the group coordinator's log is what Kafka's formatter says of it.
#[test]
fn records_of_groups_are_decoded() {
    let operator = operator();
    let shown = operator.ok("consume __consumer_offsets --internal -o jsonl --fields key,value");
    let commit: Vec<&str> = shown.lines().filter(|it| it.contains("OffsetCommit")).collect();
    let times = regex::Regex::new(r#""commitTimestamp":\d+"#).expect("a pattern");
    let commit = times.replace_all(&commit.join("\n"), "\"commitTimestamp\":TIME").into_owned();
    insta::assert_snapshot!(commit, @"");
}

#[test]
fn groups_are_shown_as_apache_kafkas_tools_show_them() {
    let Some(kafka) = ApacheKafka::find("kt groups beside kafka-consumer-groups") else { return };
    let operator = operator();
    commit(&operator, "a.group.with.a.very.long.name", &[("orders", 0, 1)]);
    let reader = member(&operator, "live", &["orders"], &[("group.instance.id", "node-1")]);
    let address = operator.broker.address();
    let tool = |arguments: &str| {
        let mut all = vec!["--bootstrap-server", address.as_str()];
        all.extend(arguments.split(' '));
        kafka.output("kafka-consumer-groups", &all)
    };
    let in_order = |text: String| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    for (ours, theirs) in [
        ("groups list -o kafka", "--list"),
        ("groups list -o kafka --state Empty,Stable", "--list --state Empty,Stable"),
        ("groups list -o kafka --type classic", "--list --type classic"),
    ] {
        assert_eq!(in_order(operator.ok(ours)), in_order(tool(theirs)), "{ours}");
    }
    for group in ["app", "live", "a.group.with.a.very.long.name"] {
        for (ours, theirs) in [("", ""), (" --members", " --members"), (" --state", " --state")] {
            assert_eq!(
                operator.ok(&format!("groups describe {group}{ours} -o kafka")),
                tool(&format!("--describe --group {group}{theirs}")),
                "{group}{ours}"
            );
        }
    }
    assert_eq!(
        operator.ok("groups reset app -t orders --to earliest -o kafka -n"),
        tool("--reset-offsets --group app --topic orders --to-earliest --dry-run")
    );
    drop(reader);
}
