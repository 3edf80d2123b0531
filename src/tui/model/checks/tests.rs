//! Each check by its own rule, and all six as the overview shows them.

use super::facts::{
    Answer, BrokerFact, BrokerState, DirectoryFact, GroupFact, MovesFact, PartitionFact,
    QuorumFact, VoterFact,
};
use super::partitions::Fault;
use super::*;
use kt_protocol::types::NodeId;

use crate::group_verdict::Verdict;

const HOSTS: [&str; 6] = ["kafka-1", "kafka-2", "kafka-3", "kafka-4", "kafka-5", "kafka-6"];

fn brokers(down: &[i32]) -> Vec<BrokerFact<'static>> {
    let broker = |(id, host)| BrokerFact {
        id,
        host,
        port: 9092,
        state: match down.contains(&id) {
            true => BrokerState::Down { since_ms: 252_000 },
            false => BrokerState::Up,
        },
    };
    (1..).zip(HOSTS).map(broker).collect()
}

fn nodes(ids: &[i32]) -> &'static [NodeId] {
    ids.iter().map(|it| NodeId(*it)).collect::<Vec<NodeId>>().leak()
}

fn partition(
    topic: &'static str,
    partition: i32,
    leader: Option<i32>,
    isr: &'static [i32],
) -> PartitionFact<'static> {
    let (leader, replicas, isr) = (leader.map(NodeId), nodes(&[1, 2, 3]), nodes(isr));
    PartitionFact { topic, partition, leader, replicas, isr, min_isr: Some(2) }
}

fn voters(lags: &[u64]) -> QuorumFact {
    let voter = |(id, lag): (i32, &u64)| VoterFact {
        id,
        lag: *lag,
        last_fetch_ms: (id != 101).then_some(200),
    };
    QuorumFact { leader: Some(101), epoch: 42, voters: (101..).zip(lags).map(voter).collect() }
}

fn healthy() -> Facts<'static> {
    let fine = partition("orders", 0, Some(1), &[1, 2, 3]);
    let directory = DirectoryFact {
        broker: 2,
        path: "/data/kafka-0",
        used: Some(0.73),
        full_in_ms: None,
        is_offline: false,
    };
    let group = GroupFact { name: "billing", verdict: Some(Verdict::Ok), late_ms: Some(1_000) };
    Facts {
        brokers: Answer::Known(brokers(&[])),
        partitions: Answer::Known(vec![fine; 3]),
        quorum: Answer::Known(voters(&[0, 0, 3])),
        directories: Answer::Known(vec![directory]),
        groups: Answer::Known(vec![group]),
        moves: Answer::Known(MovesFact::default()),
    }
}

fn once(facts: &Facts<'_>) -> [Check; 6] {
    Evaluator::default().evaluate(Millis(0), facts)
}

fn shown(checks: &[Check]) -> String {
    let line = |it: &Check| {
        let place = it.worst.as_ref().map_or("", |it| it.text.as_str());
        let level = format!("{:?}", it.level).to_lowercase();
        let line = format!("{level:<7} {:<10} {:<44} {place}", it.kind.name(), it.text(44));
        line.trim_end().to_owned()
    };
    let badge = Badge::of(checks.iter().map(|it| it.level)).text(13);
    let lines: Vec<String> = checks.iter().map(line).collect();
    format!("{badge}\n{}", lines.join("\n"))
}

#[test]
fn a_healthy_cluster_is_ok_line_by_line() {
    insta::assert_snapshot!(shown(&once(&healthy())), @"
    OK
    ok      brokers    6 of 6 up  1 2 3 4 5 6 ok
    ok      partitions all 3 in sync
    ok      quorum     leader 101  epoch 42  voters 3/3 lag 3
    ok      disk       fullest 73%                                  2 /data/kafka-0
    ok      groups     none behind  of 1
    ok      moves      none; no throttle left behind
    ");
}

#[test]
fn the_overview_of_the_page() {
    let mut facts = healthy();
    facts.brokers = Answer::Known(brokers(&[3]));
    facts.partitions = Answer::Known(vec![
        partition("orders", 8, None, &[]),
        partition("orders", 7, None, &[]),
        partition("payments", 1, Some(1), &[1]),
        partition("audit", 0, Some(1), &[1, 2]),
        partition("audit", 1, Some(1), &[1, 2]),
        partition("clicks", 1, Some(1), &[1, 3]),
    ]);
    let directory = |broker, used, full_in_ms| DirectoryFact {
        broker,
        path: "/data/kafka-0",
        used: Some(used),
        full_in_ms,
        is_offline: false,
    };
    facts.directories =
        Answer::Known(vec![directory(1, 0.73, None), directory(2, 0.87, Some(3_120_000))]);
    let group = |name, verdict, late_ms| GroupFact { name, verdict: Some(verdict), late_ms };
    facts.groups = Answer::Known(vec![
        group("nightly-report", Verdict::Stopped, Some(9)),
        group("search-indexer", Verdict::Stalled, Some(9_999)),
        group("billing-export", Verdict::Losing, Some(3)),
        group("fraud-scoring", Verdict::Behind, Some(7)),
        group("fine", Verdict::Ok, None),
    ]);
    facts.moves = Answer::Known(MovesFact {
        running: 3,
        left_bytes: Some(62),
        eta_ms: Some(1_560_000),
        stalled: vec![TopicPartition::new("clicks", 31)],
        throttled: vec!["orders".to_owned()],
    });
    insta::assert_snapshot!(shown(&once(&facts)), @"
    BAD 3 WARN 2
    bad     brokers    5 of 6 up  1 2 4 5 6 ok  3 DOWN              3 kafka-3:9092 4m12s
    bad     partitions 2 offline  1 <min isr  1 urp  2 urp by 3     orders-7
    ok      quorum     leader 101  epoch 42  voters 3/3 lag 3
    warn    disk       fullest 87%, full in 52m                     2 /data/kafka-0
    bad     groups     1 losing  1 stalled  2 warn  of 5            billing-export
    warn    moves      3 run  1 stalled  62 left  eta 26m           clicks-31
    ");
}

#[test]
fn one_cause_has_one_mark() {
    let mut facts = healthy();
    let by_down = vec![partition("audit", 0, Some(1), &[1, 2]); 5_004];
    facts.partitions = Answer::Known(by_down.clone());
    // With all brokers up, it is a fault of its own.
    insta::assert_snapshot!(shown(&once(&facts)[1..2]), @"
    WARN 1
    warn    partitions 5004 urp                                     audit-0
    ");
    facts.brokers = Answer::Known(brokers(&[3]));
    insta::assert_snapshot!(shown(&once(&facts)[..2]), @"
    BAD 1
    bad     brokers    5 of 6 up  1 2 4 5 6 ok  3 DOWN              3 kafka-3:9092 4m12s
    ok      partitions 5004 urp by 3
    ");
    let down = facts.down();
    let fault = |isr: &'static [i32], leader| Fault::of(&partition("t", 0, leader, isr), &down);
    assert_eq!(fault(&[1, 2], Some(1)), Fault::OutOfSyncByDown);
    assert_eq!(fault(&[1, 3], Some(1)), Fault::OutOfSync);
    // Its consequences are marked, whatever their cause.
    assert_eq!(fault(&[1], Some(1)), Fault::BelowMinIsr);
    assert_eq!(fault(&[1, 2], None), Fault::Offline);
    let single = PartitionFact { replicas: nodes(&[1]), ..partition("t", 0, Some(1), &[1]) };
    assert_eq!(Fault::of(&single, &down), Fault::None);
}

#[test]
fn a_lost_broker_shows_at_once_and_the_rest_after_two() {
    let mut evaluator = Evaluator::default();
    let mut worse = healthy();
    worse.brokers = Answer::Known(brokers(&[3]));
    worse.partitions = Answer::Known(vec![partition("orders", 7, None, &[])]);
    let mut text = String::new();
    let days = [healthy(), worse.clone(), worse, healthy(), healthy(), healthy()];
    for (at, facts) in days.iter().enumerate() {
        let checks = evaluator.evaluate(Millis(at as u64 * 1_000), facts);
        let levels = checks[..2].iter().map(|it| {
            let place = it.worst.as_ref().map_or("-", |it| it.text.as_str());
            format!("{:?} since {} at {place}", it.level, it.since.0)
        });
        text += &format!("{at}: {}\n", levels.collect::<Vec<_>>().join(" | "));
    }
    insta::assert_snapshot!(text, @"
    0: Ok since 0 at - | Ok since 0 at -
    1: Bad since 1000 at 3 kafka-3:9092 4m12s | Ok since 0 at orders-7
    2: Bad since 1000 at 3 kafka-3:9092 4m12s | Bad since 2000 at orders-7
    3: Bad since 1000 at 3 kafka-3:9092 4m12s | Bad since 2000 at orders-7
    4: Bad since 1000 at 3 kafka-3:9092 4m12s | Bad since 2000 at orders-7
    5: Ok since 5000 at - | Ok since 5000 at -
    ");
}

#[test]
fn what_is_not_known_is_never_ok() {
    let unknown = Facts {
        brokers: Answer::Pending,
        partitions: Answer::Pending,
        quorum: Answer::Refused("denied".to_owned()),
        directories: Answer::Refused("denied".to_owned()),
        groups: Answer::Pending,
        moves: Answer::Pending,
    };
    insta::assert_snapshot!(shown(&once(&unknown)), @"
    UNKNOWN
    unknown brokers    not known yet
    unknown partitions not known yet
    unknown quorum     denied
    unknown disk       denied
    unknown groups     not known yet
    unknown moves      not known yet
    ");
    // The last good answer stays, with its mark.
    let mut evaluator = Evaluator::default();
    let _ = evaluator.evaluate(Millis(0), &healthy());
    let _ = evaluator.evaluate(Millis(1), &unknown);
    let checks = evaluator.evaluate(Millis(2), &unknown);
    insta::assert_snapshot!(shown(&checks), @"
    UNKNOWN
    unknown brokers    6 of 6 up  1 2 3 4 5 6 ok
    unknown partitions all 3 in sync
    unknown quorum     leader 101  epoch 42  voters 3/3 lag 3
    unknown disk       fullest 73%                                  2 /data/kafka-0
    unknown groups     none behind  of 1
    unknown moves      none; no throttle left behind
    ");
}

#[test]
fn the_badge_counts_rules_by_level() {
    let (ok, unknown, warn, bad) = (Level::Ok, Level::Unknown, Level::Warn, Level::Bad);
    let badge = |levels: &[Level]| Badge::of(levels.iter().copied());
    assert_eq!(badge(&[ok, ok]).text(13), "OK");
    assert_eq!(badge(&[ok, unknown]).text(13), "UNKNOWN");
    assert_eq!(badge(&[warn, ok, warn, unknown]).text(13), "WARN 2");
    assert_eq!(badge(&[bad, bad, bad, warn, warn]).text(13), "BAD 3 WARN 2");
    assert_eq!(badge(&[bad, bad, bad, warn, warn]).text(11), "BAD 3");
    assert_eq!(badge(&[bad]).text(13), "BAD 1");
    assert_eq!(badge(&[warn, bad]).level(), Level::Bad);
}

#[test]
fn brokers_are_named_while_they_fit() {
    let mut facts = healthy();
    facts.brokers = Answer::Known(brokers(&[3, 5]));
    let check = &once(&facts)[0];
    assert_eq!(check.text(40), "4 of 6 up  1 2 4 6 ok  3 5 DOWN");
    assert_eq!(check.text(30), "4 of 6 up  3 5 DOWN");
}

#[test]
fn limits_of_disks_and_voters() {
    assert_eq!(
        [0.799, 0.80, 0.899, 0.90].map(disk::level),
        [Level::Ok, Level::Warn, Level::Warn, Level::Bad]
    );
    let down = BTreeSet::from([103]);
    let level = |quorum: &QuorumFact| quorum::look(quorum, &down).level;
    assert_eq!(level(&voters(&[0, 5, 100])), Level::Ok);
    assert_eq!(level(&voters(&[0, 5, 101])), Level::Warn);
    let mut gone = voters(&[0, 0, 0]);
    gone.voters[2].last_fetch_ms = Some(10_000);
    assert_eq!(level(&gone), Level::Ok, "its broker is marked");
    gone.voters[1].last_fetch_ms = None;
    assert_eq!(level(&gone), Level::Bad, "one more and there is no majority");
    let mut other = voters(&[0, 0, 0]);
    other.voters[1].last_fetch_ms = Some(10_000);
    assert_eq!(level(&other), Level::Warn);
    assert_eq!(level(&QuorumFact { leader: None, ..other }), Level::Bad);
}

#[test]
fn nothing_there_is_said_as_such() {
    let mut facts = healthy();
    facts.groups = Answer::Known(Vec::new());
    let throttled = vec!["audit-log".to_owned(), "orders".to_owned()];
    facts.moves = Answer::Known(MovesFact { throttled, ..MovesFact::default() });
    insta::assert_snapshot!(shown(&once(&facts)[4..]), @"
    WARN 1
    ok      groups     no groups
    warn    moves      none; throttle left on audit-log +1          audit-log
    ");
}
