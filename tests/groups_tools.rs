//! Apache Kafka's group tools against kt, and its readers of what our coordinator writes.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use regex::Regex;

use crate::support::Broker;
use crate::support::client;
use crate::support::member::{self, Member, QUICK_GROUPS};
use crate::support::tool::{ApacheKafka, QUIET_JAVA};

/// Apache Kafka's tools in one JVM.
struct Tools {
    process: Child,
    lines: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
    address: String,
}

impl Tools {
    fn start(kafka: &ApacheKafka, address: &str) -> Tools {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/Tools.java");
        let mut java = kafka.java_command(&[QUIET_JAVA, program]);
        java.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = java.spawn().expect("java runs");
        let lines = process.stdin.take().expect("stdin is piped");
        let said = BufReader::new(process.stdout.take().expect("stdout is piped")).lines();
        Tools { process, lines, said, address: address.to_owned() }
    }

    /// Runs a tool that must succeed; what it prints, without empty lines, its rows in order and
    /// with one space between columns.
    fn run(&mut self, class: &str, arguments: &[&str]) -> String {
        let words = [&[class], arguments].concat().join("\t");
        writeln!(self.lines, "{words}").expect("it reads");
        let mut rows = Vec::new();
        for line in self.said.by_ref() {
            let line = line.expect("text");
            if let Some(code) = line.strip_prefix("exit ") {
                assert_eq!(code, "0", "{words}: {rows:#?}");
                rows.sort_unstable();
                return rows.join("\n") + "\n";
            }
            let row = line.split_whitespace().collect::<Vec<_>>().join(" ");
            if !row.is_empty() {
                rows.push(row);
            }
        }
        panic!("java has ended after {rows:#?}");
    }

    /// `kafka-consumer-groups`, with ids and addresses made alike.
    fn groups(&mut self, line: &str) -> String {
        let address = self.address.clone();
        let arguments = ["--bootstrap-server", &address];
        let arguments = arguments.into_iter().chain(line.split(' ')).collect::<Vec<_>>();
        let said =
            self.run("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", &arguments);
        alike(&said).replace(&address, "HOST:PORT")
    }

    /// `kafka-console-consumer` on so many records that the coordinator wrote.
    fn formatted(&mut self, formatter: &str, count: &str) -> String {
        let formatter = format!("org.apache.kafka.tools.consumer.{formatter}");
        let address = self.address.clone();
        let arguments = format!(
            "--topic __consumer_offsets --partition 0 --offset earliest --max-messages {count}"
        );
        let bootstrap = ["--bootstrap-server", &address, "--formatter", &formatter];
        let arguments = bootstrap.into_iter().chain(arguments.split(' ')).collect::<Vec<_>>();
        alike(&self.run("org.apache.kafka.tools.consumer.ConsoleConsumer", &arguments))
    }
}

/// Times and ids made alike.
fn alike(said: &str) -> String {
    let time = Regex::new("[0-9]{13}").expect("a pattern");
    let member = Regex::new("somebody-[0-9a-f-]{36}").expect("a pattern");
    let topic = Regex::new("\"[A-Za-z0-9_-]{22}\"").expect("a pattern");
    let said = time.replace_all(said, "TIME");
    let said = member.replace_all(&said, "somebody-ID");
    topic.replace_all(&said, "\"ID\"").into_owned()
}

impl Drop for Tools {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Commits as nobody's member.
fn commit(address: &str, group: &str, offsets: &[i64]) {
    let outside: BaseConsumer =
        client::config(address, &[("group.id", group)]).create().expect("right");
    let mut list = TopicPartitionList::new();
    for (partition, offset) in (0..).zip(offsets) {
        list.add_partition_offset("lines", partition, Offset::Offset(*offset)).expect("right");
    }
    outside.commit(&list, CommitMode::Sync).expect("nobody is in the group");
}

/// A broker with two groups on one topic: one idle, and one with a member.
struct Groups {
    broker: Broker,
    kafka: ApacheKafka,
    tools: Tools,
    live: [Member; 1],
}

async fn groups(kafka: ApacheKafka) -> Groups {
    let settings = [&QUICK_GROUPS[..], &[("offsets.topic.num.partitions", "1")]].concat();
    let broker = Broker::start_with(&settings);
    let address = broker.address();
    client::create_topic(&address, "lines", 2, &[]).await;
    client::fill(&address, "lines", 2, 10).await;
    commit(&address, "idle", &[4, 6]);
    let mut live = [Member::join(&address, "live", "lines", &[("client.id", "somebody")])];
    member::until(&mut live, "all is read", |it| it[0].read.len() == 20);
    live[0].commit().expect("a member may commit");
    Groups { tools: Tools::start(&kafka, &address), broker, kafka, live }
}

#[tokio::test]
async fn its_tools_describe_reset_and_delete_groups() {
    let Some(kafka) = ApacheKafka::find("kafka-consumer-groups") else { return };
    let Groups { broker, kafka, mut tools, live } = groups(kafka).await;
    describe(&kafka, &mut tools);
    reset(&mut tools);
    delete(&mut tools);
    drop(live);
    drop(broker);
}

fn describe(kafka: &ApacheKafka, tools: &mut Tools) {
    let listed = kafka.output("kafka-groups", &["--bootstrap-server", &tools.address, "--list"]);
    let listed = listed.lines().map(|it| it.split_whitespace().collect::<Vec<_>>().join(" "));
    assert_eq!(
        listed.collect::<Vec<_>>(),
        ["GROUP TYPE PROTOCOL", "idle Classic", "live Classic consumer"]
    );
    assert_eq!(tools.groups("--list"), "idle\nlive\n");
    assert_eq!(tools.groups("--list --state"), "GROUP STATE\nidle Empty\nlive Stable\n");
    assert_eq!(tools.groups("--list --state Empty"), "GROUP STATE\nidle Empty\n");
    assert_eq!(tools.groups("--list --type classic"), "GROUP TYPE\nidle Classic\nlive Classic\n");
    assert_eq!(
        tools.groups("--describe --all-groups --offsets"),
        "Consumer group 'idle' has no active members.\n\
         GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID\n\
         GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID\n\
         idle lines 0 4 10 6 - - -\n\
         idle lines 1 6 10 4 - - -\n\
         live lines 0 10 10 0 somebody-ID /127.0.0.1 somebody\n\
         live lines 1 10 10 0 somebody-ID /127.0.0.1 somebody\n"
    );
    assert_eq!(
        tools.groups("--describe --group live --members --verbose"),
        "GROUP CONSUMER-ID HOST CLIENT-ID #PARTITIONS CURRENT-EPOCH CURRENT-ASSIGNMENT \
         TARGET-EPOCH TARGET-ASSIGNMENT\n\
         live somebody-ID /127.0.0.1 somebody 2 - lines:0,1 - -\n"
    );
    assert_eq!(
        tools.groups("--describe --all-groups --state"),
        "Consumer group 'idle' has no active members.\n\
         GROUP COORDINATOR (ID) ASSIGNMENT-STRATEGY STATE #MEMBERS\n\
         GROUP COORDINATOR (ID) ASSIGNMENT-STRATEGY STATE #MEMBERS\n\
         idle HOST:PORT (1) - Empty 0\n\
         live HOST:PORT (1) range Stable 1\n"
    );
}

/// Each way to reset: what it would do, and then what it has done.
fn reset(tools: &mut Tools) {
    let plan = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(plan.path(), "lines,0,2\nlines,1,3\n").expect("it can be written");
    let plan = format!("--from-file {}", plan.path().display());
    let address = tools.address.clone();
    for (way, offsets) in [
        ("--topic lines --to-offset 7", [7, 7]),
        ("--all-topics --shift-by -3", [4, 4]),
        ("--topic lines:1 --shift-by 100", [4, 10]),
        ("--topic lines --to-latest", [10, 10]),
        ("--topic lines --to-datetime 2026-01-01T00:00:00.005Z", [5, 5]),
        ("--topic lines --by-duration PT0S", [10, 10]),
        ("--topic lines:0 --to-earliest", [0, 10]),
        ("--all-topics --to-current", [0, 10]),
        (&*plan, [2, 3]),
    ] {
        let before = member::committed(&address, "idle", "lines", 2);
        let planned = tools.groups(&format!("--reset-offsets --group idle {way} --dry-run"));
        assert_eq!(member::committed(&address, "idle", "lines", 2), before, "{way}");
        let done = tools.groups(&format!("--reset-offsets --group idle {way} --execute"));
        assert_eq!(planned, done, "{way}");
        assert_eq!(member::committed(&address, "idle", "lines", 2), offsets.map(Some), "{way}");
        for (partition, offset) in offsets.iter().enumerate() {
            let row = format!("idle lines {partition} {offset}\n");
            assert!(done.contains(&row) || way.contains("lines:"), "{way}: {done}");
        }
    }
    let exported =
        tools.groups("--reset-offsets --group idle --all-topics --to-current --export --dry-run");
    assert_eq!(exported, "lines,0,2\nlines,1,3\n");
    let refused =
        tools.groups("--reset-offsets --group live --topic lines --to-earliest --execute");
    assert!(refused.contains("the current state is Stable"), "{refused}");
    assert_eq!(member::committed(&address, "live", "lines", 2), [Some(10); 2]);
}

fn delete(tools: &mut Tools) {
    let address = tools.address.clone();
    let deleted = tools.groups("--delete-offsets --group idle --topic lines:1");
    assert!(deleted.contains("lines 1 Successful"), "{deleted}");
    assert_eq!(member::committed(&address, "idle", "lines", 2), [Some(2), None]);
    let refused = tools.groups("--delete-offsets --group live --topic lines");
    assert!(refused.contains("GroupSubscribedToTopicException"), "{refused}");
    let refused = tools.groups("--delete --group live");
    assert!(refused.contains("GroupNotEmptyException"), "{refused}");
    let deleted = tools.groups("--delete --group idle");
    assert_eq!(deleted, "Deletion of requested consumer groups ('idle') was successful.\n");
    assert_eq!(tools.groups("--list"), "live\n");
    let refused = tools.groups("--delete --group idle");
    assert!(refused.contains("GroupIdNotFoundException"), "{refused}");
}

#[tokio::test]
async fn its_tools_read_what_the_coordinator_wrote() {
    let Some(kafka) = ApacheKafka::find("formatters and dump-log of __consumer_offsets") else {
        return;
    };
    let Groups { mut broker, kafka: _, mut tools, live } = groups(kafka).await;
    let offsets = tools.formatted("OffsetsMessageFormatter", "2");
    let commit = |partition, offset| {
        format!(
            r#"{{"key":{{"type":1,"data":{{"group":"idle","topic":"lines","partition":{partition}}}}},"value":{{"version":4,"data":{{"offset":{offset},"leaderEpoch":-1,"metadata":"","commitTimestamp":TIME,"topicId":"ID"}}}}}}"#
        )
    };
    assert!(offsets.contains(&(commit(0, 4) + &commit(1, 6))), "{offsets}");
    let groups = tools.formatted("GroupMetadataMessageFormatter", "4");
    let group = r#""data":{"protocolType":"consumer","generation":1,"protocol":"range","leader":"somebody-ID","#;
    assert!(groups.contains(group), "{groups}");
    drop(live);
    assert!(broker.stop().success());
    let log = broker.data().join("__consumer_offsets-0/00000000000000000000.log");
    let log = log.to_str().expect("the path is text");
    let arguments = ["--offsets-decoder", "--files", log];
    let dump = alike(&tools.run("org.apache.kafka.tools.DumpLogSegments", &arguments));
    assert!(dump.contains("isvalid: true") && !dump.contains("isvalid: false"), "{dump}");
    for text in [
        r#"key: {"type":"1","data":{"group":"idle","topic":"lines","partition":1}} payload: {"version":"4","data":{"offset":6,"#,
        r#""subscription":{"topics":["lines"],"userData":"","ownedPartitions":[],"#,
        r#""assignment":{"assignedPartitions":[{"topic":"lines","partitions":[0,1]}],"userData":""}"#,
        r#""commitTimestamp":TIME,"topicId":"ID"}"#,
        // The group after its member has left.
        r#""generation":2,"protocol":null,"leader":null,"currentStateTimestamp":TIME,"members":[]"#,
    ] {
        assert!(dump.contains(text), "{text} is missing in\n{dump}");
    }
}
