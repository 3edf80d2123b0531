//! kt's commands against Apache Kafka 4.3: the tools are for any cluster, and what they print does
//! not depend on who made the broker.

#![expect(clippy::too_many_lines, reason = "what many commands print is long")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseRecord, Producer as _};

use crate::support::node::Node;
use crate::support::scenario::Scenario;
use crate::support::tool::ApacheKafka;
use crate::support::{Operator, client, command};
use crate::{
    client_admin, configs, consume, consume_group, groups, journal, pipelines, produce, topics,
};

/// How long what a broker was told may take until it is seen.
const SOON: Duration = Duration::from_secs(30);

/// What a node needs to let some in and others not; those with no rule are let in.
const AUTHORIZER: [&str; 2] = [
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found=true",
];

/// One node for all of it: it takes longer to start than any of it to run.
#[test]
fn commands_do_and_say_the_same_with_apache_kafka() {
    let Some(kafka) = ApacheKafka::find("kt against Apache Kafka") else { return };
    let node = Node::start(&kafka, &AUTHORIZER);
    let mut modules = vec![
        topics::SCENARIOS,
        configs::SCENARIOS,
        journal::SCENARIOS,
        produce::SCENARIOS,
        consume::SCENARIOS,
        consume_group::SCENARIOS,
    ];
    modules.extend(groups::SCENARIOS);
    let scenarios = modules.into_iter().flatten();
    let failed: Vec<&str> = scenarios.filter(|it| !holds(&node, it)).map(|it| it.0).collect();
    assert!(failed.is_empty(), "with Apache Kafka these fail: {failed:#?}");
    pipelines::run_with(node.address());
    aborted_records_are_gaps_and_markers_are_not(&node);
    groups_of_the_new_protocol_are_described(&kafka, &node);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(client_admin::describes_quorum_and_producers(node.address()));
    what_is_not_allowed_ends_with_4(&kafka, &node);
}

/// Plays a scenario, and removes its groups and topics.
fn holds(node: &Node, (name, play): &Scenario) -> bool {
    let operator = Operator::at(node.address());
    // The same texts may have been compared with kt's own broker in this process.
    let play = || insta::allow_duplicates! { play(&operator) };
    let ended = catch_unwind(AssertUnwindSafe(play));
    if ended.is_err() {
        eprintln!("--- with Apache Kafka: {name}");
    }
    remove_groups(&operator);
    remove_topics(&operator);
    ended.is_ok()
}

/// Members that ended without leaving are waited for.
fn remove_groups(operator: &Operator) {
    until("no group is left", || {
        let names = operator.ok("groups list -o name");
        let mut line = vec!["groups", "delete", "-y", "-q"];
        line.extend(names.lines());
        if !names.is_empty() {
            command::run(operator, &line, b"");
        }
        names.is_empty()
    });
}

fn remove_topics(operator: &Operator) {
    until("no topic is left", || {
        let names = operator.ok("topics list -o name");
        let mut line = vec!["topics", "delete", "-y", "-q", "--if-exists"];
        line.extend(names.lines());
        if !names.is_empty() {
            command::run(operator, &line, b"");
        }
        names.is_empty()
    });
}

fn aborted_records_are_gaps_and_markers_are_not(node: &Node) {
    let operator = Operator::at(node.address());
    operator.ok("topics create moved");
    let producer = client::base_producer(node.address(), &[("transactional.id", "mover")]);
    producer.init_transactions(SOON).expect("the coordinator answers");
    for (values, is_kept) in [(["a", "b"], true), (["c", "d"], false), (["e", "f"], true)] {
        producer.begin_transaction().expect("none is open");
        for value in values {
            let record = BaseRecord::<(), str>::to("moved").payload(value);
            producer.send(record).expect("there is room");
        }
        // An abort would drop what was not sent yet.
        producer.flush(SOON).expect("all is delivered");
        let ended = match is_kept {
            true => producer.commit_transaction(SOON),
            false => producer.abort_transaction(SOON),
        };
        ended.expect("the coordinator answers");
    }
    insta::assert_snapshot!(operator.run_all(&[
        "consume moved --check-gaps -f %o%v\\n",
        "consume moved --check-gaps -f %o%v\\n --isolation read_committed",
    ]), @r#"
    $ kt consume moved --check-gaps -f %o%v\n
    0a
    1b
    3c
    4d
    6e
    7f
    $ kt consume moved --check-gaps -f %o%v\n --isolation read_committed
    0a
    1b
    6e
    7f
    warning: partition 0 of topic "moved" has no records at 3 to 4
    error: 1 gap, 2 offsets without a record
    hint: compaction and aborted transactions leave gaps too
    exit 7
    "#);
    remove_topics(&operator);
}

/// KIP-848: only Apache Kafka has such groups so far.
fn groups_of_the_new_protocol_are_described(kafka: &ApacheKafka, node: &Node) {
    let operator = Operator::at(node.address());
    operator.ok("topics create orders --partitions 2");
    operator.produce("orders", 1, "a\nb\n");
    let config = [("group.id", "modern"), ("group.protocol", "consumer"), ("client.id", "m")];
    let reader: BaseConsumer = client::config(node.address(), &config).create().expect("right");
    reader.subscribe(&["orders"]).expect("it subscribes");
    let state = "groups describe modern --state -o csv --no-header";
    until("the member has both partitions", || {
        reader.poll(Duration::from_millis(20));
        String::from_utf8_lossy(&operator.output(state).stdout)
            .contains("modern,Stable,Consumer,uniform,1,1,0,0")
    });
    let members = "groups describe modern --members --fields client_id,host,partitions,assignment";
    insta::assert_snapshot!(operator.ok(members), @"
    modern  Stable  Consumer  assignor uniform  coordinator 1  1 member  lag -
    CLIENT ID  HOST       PARTITIONS  ASSIGNMENT
    m          127.0.0.1           2  orders:0,1
    ");
    for part in ["", " --members", " --state"] {
        let mut words =
            vec!["--bootstrap-server", node.address(), "--describe", "--group", "modern"];
        words.extend(part.split_whitespace());
        assert_eq!(
            operator.ok(&format!("groups describe modern{part} -o kafka")),
            kafka.output("kafka-consumer-groups", &words)
        );
    }
    assert_eq!(operator.output("groups reset modern -t orders --to 1 -y").status.code(), Some(1));
    drop(reader);
    operator.ok("groups reset modern -t orders:1 --to 1 -y");
    assert_eq!(operator.ok("groups offsets modern -o csv --no-header"), "orders,1,1\n");
    remove_groups(&operator);
    remove_topics(&operator);
}

/// Only alice may do anything with the topic `secret`; of `shown` all may know that it is there.
fn what_is_not_allowed_ends_with_4(kafka: &ApacheKafka, node: &Node) {
    let operator = Operator::at(node.address());
    operator.ok("topics create secret shown --partitions 1");
    operator.produce("shown", 0, "a\n");
    let allow = |topic: &str, principal: &str, operation: &str| {
        let to = ["--bootstrap-server", node.address(), "--add", "--topic", topic];
        let what = ["--allow-principal", principal, "--operation", operation];
        kafka.output("kafka-acls", &[&to[..], &what].concat());
    };
    allow("shown", "User:*", "Describe");
    allow("secret", "User:alice", "All");
    until("the rules hold", || operator.output("topics describe secret").status.code() == Some(4));
    insta::assert_snapshot!(operator.run_all(&[
        "topics list -o name",
        "topics describe secret",
        "topics offsets secret",
        "topics alter secret --set retention.ms=5 -y",
        "topics trim secret --before latest -y",
        "topics delete secret --yes",
        "configs describe topic/secret",
        "configs alter topic/secret --set retention.ms=5 -y",
        "consume secret",
        "produce secret",
        "topics describe shown -o name",
        "topics trim shown --before latest -y",
        "configs describe topic/shown",
        "configs alter topic/shown --set retention.ms=5 -y",
        "consume shown",
        "topics describe shown secret -o name",
    ]), @r#"
    $ kt topics list -o name
    shown
    $ kt topics describe secret
    error: not authorized for topic "secret"
    hint: an ACL has to allow it; who does not log in is User:ANONYMOUS
    exit 4
    $ kt topics offsets secret
    error: not authorized for topic "secret"
    hint: an ACL has to allow it; who does not log in is User:ANONYMOUS
    exit 4
    $ kt topics alter secret --set retention.ms=5 -y
    error: not authorized for topic "secret"
    hint: an ACL has to allow it; who does not log in is User:ANONYMOUS
    exit 4
    $ kt topics trim secret --before latest -y
    error: not authorized for topic "secret"
    hint: an ACL has to allow it; who does not log in is User:ANONYMOUS
    exit 4
    $ kt topics delete secret --yes
    error: not authorized for topic "secret"
    hint: an ACL has to allow it; who does not log in is User:ANONYMOUS
    exit 4
    $ kt configs describe topic/secret
    error: not authorized for topic "secret"
    hint: an ACL has to allow it; who does not log in is User:ANONYMOUS
    exit 4
    $ kt configs alter topic/secret --set retention.ms=5 -y
    error: not authorized for topic "secret"
    hint: an ACL has to allow it; who does not log in is User:ANONYMOUS
    exit 4
    $ kt consume secret
    error: not authorized for topic "secret"
    hint: an ACL has to allow it; who does not log in is User:ANONYMOUS
    exit 4
    $ kt produce secret
    error: not authorized for topic "secret"
    hint: an ACL has to allow it; who does not log in is User:ANONYMOUS
    exit 4
    $ kt topics describe shown -o name
    shown
    $ kt topics trim shown --before latest -y
    trim shown:0: deletes 1 offset (0 to 0), 0 stay; no undo
    error: not authorized for partition 0 of topic "shown"
    hint: an ACL has to allow it; who does not log in is User:ANONYMOUS
    exit 4
    $ kt configs describe topic/shown
    error: not authorized for topic "shown"
    hint: an ACL has to allow it; who does not log in is User:ANONYMOUS
    exit 4
    $ kt configs alter topic/shown --set retention.ms=5 -y
    error: not authorized for topic "shown"
    hint: an ACL has to allow it; who does not log in is User:ANONYMOUS
    exit 4
    $ kt consume shown
    error: not authorized for partition 0 of topic "shown"
    hint: an ACL has to allow it; who does not log in is User:ANONYMOUS
    exit 4
    $ kt topics describe shown secret -o name
    shown
    error: not authorized for topic "secret"
    hint: an ACL has to allow it; who does not log in is User:ANONYMOUS
    exit 3
    "#);
    for idempotence in [&[][..], &["--no-idempotent"]] {
        let line = [&["produce", "shown"], idempotence].concat();
        let said = command::fails(&operator, &line, "a\n", 4);
        assert!(said.contains("line 1: not authorized for partition 0"), "{said}");
        assert!(said.contains("User:ANONYMOUS"), "{said}");
    }
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let give_up = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < give_up, "not within {SOON:?}: {what}");
    }
}
