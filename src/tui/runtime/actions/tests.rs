//! Commands of the dashboard before a real node: planned, agreed to, written down, taken back.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use clap::Parser;
use kt_client::consumer::ConsumerConfig;
use kt_client::consumer::group::{GroupConfig, GroupConsumer, Subscription};
use kt_client::{Client, ClientConfig};
use kt_node::Formatting;
use kt_node::config::{BrokerSources, Strictness};
use kt_protocol::types::TopicPartition;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::cli::Cli;
use crate::offset_change::plain;
use crate::own_node::{self, OwnNode};
use crate::tui::model::actions::words::{said, same};
use crate::tui::model::actions::{Asks, Proposal};

/// Far more than anything here takes.
const LONGEST: Duration = Duration::from_secs(60);

/// A node, and the dashboard's side that changes it.
struct Bench {
    actions: Actions,
    messages: UnboundedReceiver<Msg>,
    admin: Admin,
    last: u64,
    runtime: Runtime,
    files: TempDir,
    bootstrap: String,
    _node: OwnNode,
}

/// What came back.
#[derive(Debug)]
enum Back {
    Proposed(PlanId, Proposal),
    Ended(Outcome),
}

impl Bench {
    fn start(is_protected: bool) -> Bench {
        let temporary = own_node::temporary_directory().unwrap();
        let mut pairs = own_node::keys("127.0.0.1:0", temporary.path()).unwrap();
        for (key, value) in [
            ("log.flush.on.ack", "false"),
            ("offsets.topic.num.partitions", "1"),
            ("group.initial.rebalance.delay.ms", "0"),
        ] {
            pairs.push((key.to_owned(), value.to_owned()));
        }
        let mut sources = BrokerSources::default();
        sources.add_static(pairs, Strictness::RefuseUnknown, &mut Vec::new()).unwrap();
        let formatting = Formatting::IfEmpty(None);
        let plan = own_node::Plan { sources, formatting, temporary: Some(temporary) };
        let node = OwnNode::start(plan).unwrap();
        let bootstrap = node.bootstrap().to_owned();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let admin = Admin::new(client(&bootstrap));
        let files = tempfile::tempdir().unwrap();
        let place = Place {
            globals: Cli::parse_from(["kt"]).globals,
            admin: admin.clone(),
            runtime: runtime.handle().clone(),
            context: "prod-eu".to_owned(),
            is_protected,
            reach: " --context prod-eu".to_owned(),
            journal: Some(files.path().join("journal.jsonl")),
        };
        let (sender, messages) = unbounded_channel();
        let actions = Actions::new(place, sender);
        Bench { actions, messages, admin, last: 0, runtime, files, bootstrap, _node: node }
    }

    /// Begins a line, as the dashboard does that is not locked.
    fn begin(&mut self, text: &str, unlocked: Option<&str>) -> Back {
        self.last += 1;
        let words = line::words(text).unwrap();
        self.actions.plan(PlanId(self.last), words, unlocked);
        self.next()
    }

    fn next(&mut self) -> Back {
        let next = async { tokio::time::timeout(LONGEST, self.messages.recv()).await };
        match self.runtime.block_on(next).unwrap().unwrap() {
            Msg::Planned { id, proposal } => Back::Proposed(id, *proposal),
            Msg::Ended { id, outcome } => {
                assert_eq!(id, PlanId(self.last));
                Back::Ended(outcome)
            }
            other => panic!("{other:?}"),
        }
    }

    /// Says yes to what is proposed; what the message line says of the end.
    fn agree(&mut self, text: &str) -> String {
        let Back::Proposed(id, proposal) = self.begin(text, None) else { panic!("{text}") };
        self.actions.apply(id, None);
        match self.next() {
            Back::Ended(outcome) => said(&outcome, Some(&proposal)),
            other => panic!("{other:?}"),
        }
    }

    fn ended(&mut self, text: &str, unlocked: Option<&str>) -> String {
        match self.begin(text, unlocked) {
            Back::Ended(outcome) => said(&outcome, None),
            other => panic!("{other:?}"),
        }
    }

    fn topics(&self) -> Vec<(String, usize)> {
        let topics = self.runtime.block_on(self.admin.list_topics()).unwrap();
        let own = topics.into_iter().filter(|it| !it.is_internal);
        own.map(|it| (it.name, it.partitions.len())).collect()
    }

    fn produced(&mut self, topic: &str, unlocked: Option<&str>) -> Result<String, String> {
        let (topic, partition) = (topic.to_owned(), Some(0));
        let (key, value, headers) = (None, "v".to_owned(), Vec::new());
        self.actions.produce(NewRecord { topic, partition, key, value, headers }, unlocked);
        let next = async { tokio::time::timeout(LONGEST, self.messages.recv()).await };
        match self.runtime.block_on(next).unwrap().unwrap() {
            Msg::Produced(result) => result,
            other => panic!("{other:?}"),
        }
    }

    /// The command lines in the journal.
    fn journal(&self) -> String {
        let text = fs::read_to_string(self.files.path().join("journal.jsonl")).unwrap_or_default();
        let line = |it: &str| {
            let entry: serde_json::Value = serde_json::from_str(it).unwrap();
            let words: Vec<&str> = entry["command"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it.as_str().unwrap())
                .collect();
            words.join(" ")
        };
        text.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    fn commit(&self, group: &str, topic: &str, offset: i64) {
        let commits = BTreeMap::from([(TopicPartition::new(topic, 0), plain(offset))]);
        let results = self.runtime.block_on(self.admin.alter_offsets(group, &commits)).unwrap();
        assert!(results.values().all(Result::is_ok), "{results:?}");
    }

    fn committed(&self, group: &str) -> Option<i64> {
        let commits = self.runtime.block_on(self.admin.committed_offsets(group)).unwrap();
        commits.into_values().next().map(|it| it.unwrap().offset.0)
    }
}

fn client(bootstrap: &str) -> Client {
    Client::new(ClientConfig { bootstrap: vec![bootstrap.to_owned()], ..ClientConfig::default() })
}

#[test]
fn a_topic_is_made_changed_taken_back_and_deleted() {
    let mut bench = Bench::start(false);
    // What adds asks nobody.
    insta::assert_snapshot!(bench.ended("topics create orders --partitions 2 --replication-factor 1", None), @r#"created topic "orders"; undo: kt undo 1"#);
    assert_eq!(bench.topics(), [("orders".to_owned(), 2)]);

    let Back::Proposed(id, proposal) =
        bench.begin("configs alter topic/orders --set segment.bytes=2000000", None)
    else {
        panic!("no plan");
    };
    insta::assert_snapshot!(format!("{} {:?} {:?} {:?}", proposal.title(), proposal.asks, proposal.undo, proposal.lines), @r#"alter config topic/orders Yes Some(2) ["alter topic/orders: segment.bytes 1073741824 (inherited) -> 2000000"]"#);
    // Nothing is done before somebody agrees, nor after somebody did not.
    bench.actions.drop_plan(id);
    let Back::Ended(outcome) = bench.next() else { panic!("it goes on") };
    assert_eq!(outcome.end, End::Nothing);
    assert_eq!(bench.journal().lines().count(), 1);

    insta::assert_snapshot!(bench.agree("topics alter orders --partitions 3 --set segment.bytes=2000000"), @"altered topic orders; undo: kt undo 2");
    assert_eq!(bench.topics(), [("orders".to_owned(), 3)]);
    insta::assert_snapshot!(bench.agree("undo"), @"undid change topic/orders; undo: kt undo 3");

    let Back::Proposed(id, proposal) = bench.begin("topics delete orders", None) else {
        panic!("no plan");
    };
    assert_eq!(proposal.asks, Asks::For("orders".to_owned()));
    assert_eq!(proposal.undo, None);
    bench.actions.apply(id, None);
    let Back::Ended(outcome) = bench.next() else { panic!("it asks again") };
    insta::assert_snapshot!(said(&outcome, Some(&proposal)), @"deleted topic orders");
    assert_eq!(bench.topics(), []);
    insta::assert_snapshot!(bench.journal(), @"
    topics create orders --partitions 2 --replication-factor 1 --context prod-eu -y
    topics alter orders --partitions 3 --set segment.bytes=2000000 --context prod-eu -y
    undo --context prod-eu -y
    topics delete orders --context prod-eu -y
    ");
    insta::assert_snapshot!(bench.ended("topics delete order", None), @r#"topic "order" does not exist (kt topics list)"#);
}

#[test]
fn a_plan_brings_its_notes_and_the_line_that_a_shell_takes() {
    let mut bench = Bench::start(false);
    bench.ended("topics create orders --partitions 1 --replication-factor 1", None);
    let Back::Proposed(id, proposal) =
        bench.begin("groups reset bililng -t orders --to earliest", None)
    else {
        panic!("no plan");
    };
    assert_eq!(proposal.notes, ["group \"bililng\" does not exist: it is created"]);
    bench.actions.drop_plan(id);
    bench.next();
    let Back::Proposed(id, proposal) = bench.begin("topics delete -r 'ord.*'", None) else {
        panic!("no plan");
    };
    let words = ["topics", "delete", "-r", "ord.*"].map(str::to_owned);
    insta::assert_snapshot!(same(&words, &proposal), @"kt topics delete -r 'ord.*' --confirm 1 -y");
    bench.actions.apply(id, None);
    bench.next();
    insta::assert_snapshot!(bench.journal().lines().last().unwrap(), @"topics delete -r ord.* --confirm 1 --context prod-eu -y");
}

#[test]
fn a_line_has_its_own_pattern_and_zone() {
    let globals = |line: &str| Cli::parse_from(line.split(' ')).globals;
    let both = |dashboard: &str, line: &str| {
        let it = of_line(&globals(dashboard), &globals(line));
        (it.regex, it.internal, it.utc, it.yes)
    };
    assert_eq!(both("kt -y", "kt"), (false, false, false, false));
    assert_eq!(both("kt -r --internal", "kt --utc"), (false, false, true, false));
    assert_eq!(both("kt --utc", "kt -r --internal"), (true, true, true, false));
}

#[test]
fn offsets_move_unless_somebody_reads() {
    let mut bench = Bench::start(false);
    bench.ended("topics create orders --partitions 1 --replication-factor 1", None);
    bench.commit("report", "orders", 0);
    insta::assert_snapshot!(bench.ended("groups reset report --all-topics --to latest", None), @"nothing to reset: the group is there already");
    bench.commit("report", "orders", 5);
    let Back::Proposed(id, proposal) =
        bench.begin("groups reset report --all-topics --to earliest", None)
    else {
        panic!("no plan");
    };
    insta::assert_snapshot!(proposal.plan(&["--to".to_owned(), "earliest".to_owned()]).join("\n"), @"orders     1 partition    5           → earliest   reads 5 records again");
    insta::assert_snapshot!(proposal.question(), @"Reset 1 offset?");
    assert_eq!(bench.committed("report"), Some(5));
    bench.actions.apply(id, None);
    let Back::Ended(outcome) = bench.next() else { panic!("it asks again") };
    insta::assert_snapshot!(said(&outcome, Some(&proposal)), @"reset offsets of report; undo: kt undo 2");
    assert_eq!(bench.committed("report"), Some(0));
    insta::assert_snapshot!(bench.agree("undo 2"), @"undid change group/report; undo: kt undo 3");
    assert_eq!(bench.committed("report"), Some(5));

    let entered = bench.runtime.enter();
    let config = GroupConfig::new("report");
    let member =
        GroupConsumer::new(client(&bench.bootstrap), ConsumerConfig::default(), config).unwrap();
    member.subscribe(Subscription::names(["orders"]));
    drop(entered);
    bench.runtime.block_on(async {
        while member.assignment().is_empty() {
            member.poll(Duration::from_millis(100)).await.unwrap();
        }
    });
    let refused = bench.ended("groups reset report --all-topics --to earliest", None);
    assert!(refused.starts_with("group \"report\" is active (Stable, 1 member): "), "{refused}");
    assert!(refused.ends_with("(stop its members first)"), "{refused}");
}

#[test]
fn a_protected_context_is_looked_at_on_this_side_too() {
    let mut bench = Bench::start(true);
    insta::assert_snapshot!(bench.ended("topics create orders", None), @"prod-eu is protected: u, then type its name");
    insta::assert_snapshot!(bench.ended("topics create orders", Some("prod-us")), @"prod-eu is protected: u, then type its name");
    bench.ended("topics create orders", Some("prod-eu"));
    assert_eq!(bench.topics(), [("orders".to_owned(), 1)]);
    let refused = Err("prod-eu is protected: u, then type its name".to_owned());
    assert_eq!(bench.produced("orders", None), refused);
    assert_eq!(bench.produced("orders", Some("prod-us")), refused);
    assert_eq!(bench.produced("orders", Some("prod-eu")), Ok("produced orders-0@0".to_owned()));
    let Back::Proposed(id, _) = bench.begin("topics delete orders", Some("prod-eu")) else {
        panic!("no plan");
    };
    // It was locked meanwhile.
    bench.actions.apply(id, None);
    insta::assert_snapshot!(match bench.next() {
        Back::Ended(outcome) => said(&outcome, None),
        other => panic!("{other:?}"),
    }, @"prod-eu is protected: u, then type its name");
    assert_eq!(bench.topics(), [("orders".to_owned(), 1)]);
}
