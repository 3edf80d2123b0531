//! What Apache Kafka's own tools show of groups, and what kt shows.

use serde_json::{Value, json};

use super::{STATIC, commit, member, set_up};
use crate::support::Operator;
use crate::support::tool::ApacheKafka;

/// What kt shows of the coordinator's log is what Kafka's own formatters say of it.
#[test]
fn records_of_groups_are_decoded_as_kafkas_formatter_does() {
    let Some(kafka) = ApacheKafka::find("records of groups, decoded") else { return };
    let operator = Operator::start();
    set_up(&operator);
    drop(member(&operator, "app", &["orders"], &[]));
    for (formatter, kind) in [
        ("OffsetsMessageFormatter", "OffsetCommit"),
        ("GroupMetadataMessageFormatter", "GroupMetadata"),
    ] {
        let theirs = kafka.output(
            "kafka-console-consumer",
            &[
                "--bootstrap-server",
                operator.address(),
                "--topic",
                "__consumer_offsets",
                "--from-beginning",
                "--timeout-ms",
                "5000",
                "--formatter",
                &format!("org.apache.kafka.tools.consumer.{formatter}"),
            ],
        );
        let ours = operator.ok("consume __consumer_offsets --internal -o jsonl");
        let ours = ours.lines().filter(|it| it.contains(kind)).map(as_formatters_write);
        // They stand behind each other without a space.
        let theirs = serde_json::Deserializer::from_str(&theirs).into_iter::<Value>();
        let theirs = theirs.map(|it| without_what_members_say(it.expect("JSON")));
        // The tool has a group of its own.
        let is_ours = |it: &Value| it["key"]["data"]["group"] == "app";
        let mut ours: Vec<Value> = ours.filter(is_ours).collect();
        let mut theirs: Vec<Value> = theirs.filter(is_ours).collect();
        ours.sort_by_key(ToString::to_string);
        theirs.sort_by_key(ToString::to_string);
        assert!(!theirs.is_empty(), "the formatter shows nothing");
        assert_eq!(ours, theirs, "{kind}");
    }
}

/// Kafka's formatters name types by their numbers, and show nothing around key and value.
fn as_formatters_write(line: &str) -> Value {
    let record: Value = serde_json::from_str(line).expect("JSON");
    let number = if record["key"]["type"] == "OffsetCommit" { 1 } else { 2 };
    let key = json!({ "type": number, "data": record["key"]["data"] });
    without_what_members_say(json!({ "key": key, "value": record["value"] }))
}

/// Kafka's formatters leave in base64 what kt opens.
fn without_what_members_say(mut record: Value) -> Value {
    if let Some(members) = record["value"]["data"]["members"].as_array_mut() {
        for member in members.iter_mut().filter_map(Value::as_object_mut) {
            let opened = [member.remove("subscription"), member.remove("assignment")];
            assert!(opened.iter().all(Option::is_some), "{opened:?}");
        }
    }
    record
}

#[test]
fn groups_are_shown_as_apache_kafkas_tools_show_them() {
    let Some(kafka) = ApacheKafka::find("kt groups beside kafka-consumer-groups") else { return };
    let operator = Operator::start();
    set_up(&operator);
    commit(&operator, "a.group.with.a.very.long.name", &[("orders", 0, 1)]);
    let reader = member(&operator, "live", &["orders"], &STATIC);
    let address = operator.address();
    let tool = |arguments: &str| {
        let mut all = vec!["--bootstrap-server", address];
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
