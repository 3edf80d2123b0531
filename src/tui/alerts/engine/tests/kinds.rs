//! What each kind of rule and each check says, and what is told of it.

use super::*;
use crate::group_verdict::Verdict;
use crate::tui::alerts::measured::{BrokerMeasure, DirectoryMeasure, TopicMeasure};
use crate::tui::figures::Reading;
use crate::tui::model::checks::facts::{
    BrokerFact, BrokerState, DirectoryFact, GroupFact, MovesFact, PartitionFact, QuorumFact,
    VoterFact,
};

/// The rules of all kinds, on a cluster where each has something to say.
const ALL: &str = r#"
[[rule]]
name = "late"
kind = "time-lag"
warn = "5m"
bad = "1h"

[[rule]]
name = "down"
kind = "broker-down"
warn = "0s"
bad = "5m"

[[rule]]
name = "urp"
kind = "under-replicated"
match = "orders|payments"

[[rule]]
name = "size"
kind = "topic-size"
warn = "10GiB"

[[rule]]
name = "produce-rate"
kind = "produce-rate"
match = "payments"
warn_below = "12000/s"

[[rule]]
name = "full"
kind = "disk"
"#;

/// Something for each of these rules.
fn measured() -> Measured<'static> {
    let topic = |name, gib: u64, rate, under_replicated| TopicMeasure {
        name,
        size_bytes: Reading::Known(gib << 30),
        rate: Reading::Known(rate),
        under_replicated: Reading::Known(under_replicated),
    };
    let group = |name, late| GroupMeasure { name, lag: Lag::Records(0), late };
    Measured {
        groups: Answer::Known(vec![
            group("billing", Late::Read(11_100_000)),
            group("fraud", Late::Estimated(362_000)),
            group("nightly", Late::OlderThan(600_000)),
            group("older", Late::OlderThan(60_000)),
            group("never", Late::NoCommit),
        ]),
        topics: Answer::Known(vec![
            topic("orders", 340, 12_400.0, 2),
            topic("payments", 88, 9_022.0, 0),
            topic("audit", 9, 0.0, 4),
        ]),
        brokers: Answer::Known(vec![
            BrokerMeasure { id: 1, down_ms: None },
            BrokerMeasure { id: 3, down_ms: Some(252_000) },
        ]),
        directories: Answer::Known(vec![
            DirectoryMeasure { broker: 2, path: "/data", used: Reading::Known(0.87) },
            DirectoryMeasure { broker: 1, path: "/data", used: Reading::Failed },
        ]),
        told: TimesTold::default(),
    }
}

#[test]
fn each_kind_says_what_it_found() {
    let mut play = Play::new(ALL);
    play.evaluate(&measured());
    insta::assert_snapshot!(play.lines(), @"
    bad     late         billing                3h05m     1h    0s –
    warn    down         broker 3                down     up    0s –
    warn    urp          orders                     2      1    0s –
    warn    size         orders +1             340GiB 10.0GiB    0s –
    warn    produce-rate payments                9022  12.0K    0s –
    warn    full         2 /data                  87%    80%    0s –
    ");
    let summary = play.engine.summary();
    insta::assert_snapshot!(format!("{summary:?}"), @"Summary { badge: Badge { bad: 1, warn: 5, unknown: 6 }, subjects: 21, rules: 12 }");
    insta::assert_debug_snapshot!(play.engine.firing("late"), @r#"
    [
        NoticeSubject {
            subject: "billing",
            level: Bad,
            value: Some(
                11100000.0,
            ),
            value_text: "3h05m",
            limit_text: "1h",
            since: Some(
                1970-01-01T00:00:00Z,
            ),
        },
        NoticeSubject {
            subject: "fraud",
            level: Warn,
            value: Some(
                362000.0,
            ),
            value_text: "6m02s",
            limit_text: "5m",
            since: Some(
                1970-01-01T00:00:00Z,
            ),
        },
        NoticeSubject {
            subject: "nightly",
            level: Warn,
            value: Some(
                600000.0,
            ),
            value_text: "10m",
            limit_text: "5m",
            since: Some(
                1970-01-01T00:00:00Z,
            ),
        },
    ]
    "#);
}

/// A cluster on which most checks fire.
fn ailing() -> Facts<'static> {
    let directory = DirectoryFact {
        broker: 2,
        path: "/data/kafka-0",
        used: Some(0.87),
        full_in_ms: None,
        is_offline: false,
        is_stale: false,
    };
    let nodes: &'static [kt_protocol::types::NodeId] =
        [1, 2, 3].map(kt_protocol::types::NodeId).to_vec().leak();
    let offline = |topic, partition| PartitionFact {
        topic,
        partition,
        leader: None,
        replicas: nodes,
        isr: &[],
        min_isr: Some(2),
    };
    let group = |name, verdict| GroupFact { name, verdict: Some(verdict), late_ms: Some(1) };
    let broker = |id, state| BrokerFact { id, host: "kafka", port: 9092, state };
    Facts {
        brokers: Answer::Known(vec![
            broker(1, BrokerState::Up),
            broker(3, BrokerState::Down { since_ms: 1_000 }),
        ]),
        partitions: Answer::Known(vec![
            offline("orders", 7),
            offline("orders", 8),
            PartitionFact { leader: Some(nodes[0]), isr: &nodes[..1], ..offline("pay", 0) },
        ]),
        quorum: Answer::Known(QuorumFact {
            leader: Some(101),
            epoch: 1,
            voters: vec![VoterFact { id: 101, lag: Some(0), last_fetch_ms: None, is_timed: true }],
        }),
        directories: Answer::Known(vec![directory]),
        groups: Answer::Known(vec![
            group("billing-export", Verdict::Losing),
            group("search", Verdict::Stalled),
            group("fine", Verdict::Ok),
        ]),
        moves: Answer::Known(MovesFact { throttled: Some(Vec::new()), ..MovesFact::default() }),
        down: [3].into(),
    }
}

#[test]
fn the_checks_are_rules_too() {
    let rules = format!("{OPS}[checks]\nsend = [\"ops\"]\nonly = [\"brokers\", \"disk\"]");
    let mut engine = Engine::new(parse(&rules));
    let checks = Evaluator::default().evaluate(Millis(0), &ailing(), |_| None);
    let outgoing = engine.evaluate(Millis(0), wall(0), &Measured::nothing(), &checks);
    let told: Vec<&str> = outgoing.iter().map(|it| it.notice.text.as_str()).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    brokers fired: broker 3 down
    disk fired: 2 /data/kafka-0 87%
    ");
    engine.delivered(outgoing[0].id, Millis(0), wall(0), Ok(()));
    let lines: String = engine.lines().iter().map(shown).collect();
    insta::assert_snapshot!(lines, @"
    bad     brokers      broker 3                down     up    0s webhook
    bad     partitions   orders-7 +2            2 off      0    0s –
    bad     groups       billing-export +1     losing     ok    0s –
    warn    disk         2 /data/kafka-0          87%    80%    0s …
    ok      quorum       101                    lag 0    100     – –
    ok      moves        all                     none   none     – –
    ");
    let words = engine.summary().badge.words(13);
    let words: Vec<&str> = words.iter().map(|it| it.0.as_str()).collect();
    insta::assert_snapshot!(words.join(" "), @"BAD 3 WARN 1");
    let document = String::from_utf8(outgoing[0].notice.document(Some("MkU3"))).unwrap();
    insta::assert_snapshot!(document, @r#"{"kind":"alerts.run","version":1,"cluster_id":"MkU3","time":"1970-01-01T00:00:00.000Z","items":[{"time":"1970-01-01T00:00:00.000Z","state":"fired","rule":"brokers","kind":"check","level":"bad","subjects":[{"subject":"broker 3","level":"bad","value":null,"value_text":"down","limit_text":"up","since":"1970-01-01T00:00:00.000Z"}],"subject_count":1,"text":"brokers fired: broker 3 down"}],"errors":[]}"#);
    let environment = outgoing[1].notice.environment(None);
    let environment: Vec<String> =
        environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    insta::assert_snapshot!(environment.join("\n"), @"
    KT_ALERT_STATE=fired
    KT_ALERT_RULE=disk
    KT_ALERT_KIND=check
    KT_ALERT_LEVEL=warn
    KT_ALERT_SUBJECT=2 /data/kafka-0
    KT_ALERT_SUBJECT_COUNT=1
    KT_ALERT_VALUE=87%
    KT_ALERT_LIMIT=80%
    KT_ALERT_TIME=1970-01-01T00:00:00.000Z
    KT_ALERT_CLUSTER_ID=
    KT_ALERT_TEXT=disk fired: 2 /data/kafka-0 87%
    ");
}
