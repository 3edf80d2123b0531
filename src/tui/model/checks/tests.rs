//! Each check by its own rule, and all six as the overview shows them.

use super::facts::{
    Answer, BrokerFact, BrokerState, DirectoryFact, GroupFact, MovesFact, PartitionFact,
    QuorumFact, VoterFact,
};
use super::partitions::Fault;
use super::*;
use kt_protocol::types::NodeId;

use crate::group_verdict::Verdict;
use crate::tui::model::throttles::Throttled;

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

/// These brokers are down.
fn lose(facts: &mut Facts<'_>, down: &[i32]) {
    facts.brokers = Answer::Known(brokers(down));
    facts.down = down.iter().copied().collect();
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
        lag: Some(*lag),
        last_fetch_ms: (id != 101).then_some(200),
        is_timed: true,
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
        is_stale: false,
    };
    let group = GroupFact { name: "billing", verdict: Some(Verdict::Ok), late_ms: Some(1_000) };
    Facts {
        brokers: Answer::Known(brokers(&[])),
        partitions: Answer::Known(vec![fine; 3]),
        quorum: Answer::Known(voters(&[0, 0, 3])),
        directories: Answer::Known(vec![directory]),
        groups: Answer::Known(vec![group]),
        moves: Answer::Known(at_rest(&[])),
        down: BTreeSet::new(),
    }
}

fn at_rest(topics: &[&str]) -> MovesFact {
    let topic = |it: &&str| Throttled::Topic((*it).to_owned());
    MovesFact { throttled: Some(topics.iter().map(topic).collect()), ..MovesFact::default() }
}

fn once(facts: &Facts<'_>) -> [Check; 6] {
    Evaluator::default().evaluate(Millis(0), facts, |_| None)
}

fn words(badge: Badge, room: usize) -> String {
    let words = badge.words(room);
    words.iter().map(|it| it.0.as_str()).collect::<Vec<_>>().join(" ")
}

fn shown(checks: &[Check]) -> String {
    let line = |it: &Check| {
        let place = it.worst.as_ref().map_or("", |it| it.text.as_str());
        let level = format!("{:?}", it.level).to_lowercase();
        let line = format!("{level:<7} {:<10} {:<44} {place}", it.kind.name(), it.text(44));
        line.trim_end().to_owned()
    };
    let badge = words(Badge::of(checks.iter().map(|it| it.level)), 13);
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
    lose(&mut facts, &[3]);
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
        is_stale: false,
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
        throttled: Some(vec![Throttled::Topic("orders".to_owned())]),
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
    lose(&mut facts, &[3]);
    insta::assert_snapshot!(shown(&once(&facts)[..2]), @"
    BAD 1
    bad     brokers    5 of 6 up  1 2 4 5 6 ok  3 DOWN              3 kafka-3:9092 4m12s
    ok      partitions 5004 urp by 3
    ");
    // Nobody tells who is up any more: what it caused before is still not theirs.
    facts.brokers = Answer::Pending;
    assert_eq!(once(&facts)[1].level, Level::Ok);
    let down = facts.down.clone();
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
    lose(&mut worse, &[3]);
    worse.partitions = Answer::Known(vec![partition("orders", 7, None, &[])]);
    let mut text = String::new();
    let days = [healthy(), worse.clone(), worse, healthy(), healthy(), healthy()];
    for (at, facts) in days.iter().enumerate() {
        let checks = evaluator.evaluate(Millis(at as u64 * 10_000), facts, |_| None);
        let levels = checks[..2].iter().map(|it| {
            let place = it.worst.as_ref().map_or("-", |it| it.text.as_str());
            format!("{:?} since {} at {place}", it.level, it.since.0)
        });
        text += &format!("{at}: {}\n", levels.collect::<Vec<_>>().join(" | "));
    }
    insta::assert_snapshot!(text, @"
    0: Ok since 0 at - | Ok since 0 at -
    1: Bad since 10000 at 3 kafka-3:9092 4m12s | Ok since 0 at orders-7
    2: Bad since 10000 at 3 kafka-3:9092 4m12s | Bad since 20000 at orders-7
    3: Bad since 10000 at 3 kafka-3:9092 4m12s | Bad since 20000 at orders-7
    4: Bad since 10000 at 3 kafka-3:9092 4m12s | Bad since 20000 at orders-7
    5: Ok since 50000 at - | Ok since 50000 at -
    ");
}

#[test]
fn an_answer_is_evaluated_once_however_often_it_is_looked_at() {
    let mut evaluator = Evaluator::default();
    let mut worse = healthy();
    worse.partitions = Answer::Known(vec![partition("orders", 7, None, &[])]);
    let round = |at, round_ms| move |_| Some(Told { at: Millis(at), round_ms });
    let mut level = |now, facts: &Facts<'_>, at, round_ms| {
        evaluator.evaluate(Millis(now), facts, round(at, round_ms))[1].level
    };
    // While the first answers come, each shows what it tells.
    assert_eq!(level(0, &healthy(), 0, 0), Level::Ok);
    assert_eq!(level(1_000, &worse, 1_000, 0), Level::Bad);
    assert_eq!(level(2_000, &healthy(), 2_000, 0), Level::Ok);
    let looks = [20_000, 22_000, 24_000, 26_000];
    assert_eq!(looks.map(|now| level(now, &worse, 20_000, 0)), [Level::Ok; 4]);
    assert_eq!(level(30_000, &worse, 30_000, 0), Level::Bad);
    // The brokers of one round answer one after the other.
    for at in [40_000, 41_000, 42_000, 50_000, 51_000] {
        assert_eq!(level(at, &healthy(), at, 5_000), Level::Bad);
    }
    assert_eq!(level(60_000, &healthy(), 60_000, 5_000), Level::Ok);
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
        down: BTreeSet::new(),
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
    let _ = evaluator.evaluate(Millis(0), &healthy(), |_| None);
    let _ = evaluator.evaluate(Millis(1), &unknown, |_| None);
    let checks = evaluator.evaluate(Millis(2), &unknown, |_| None);
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
    assert_eq!(words(badge(&[ok, ok]), 13), "OK");
    assert_eq!(words(badge(&[ok, unknown]), 13), "UNKNOWN");
    assert_eq!(words(badge(&[warn, ok, warn, unknown]), 13), "WARN 2");
    assert_eq!(words(badge(&[bad, bad, bad, warn, warn]), 13), "BAD 3 WARN 2");
    assert_eq!(words(badge(&[bad, bad, bad, warn, warn]), 11), "BAD 3");
    assert_eq!(words(badge(&[bad]), 13), "BAD 1");
    assert_eq!(badge(&[warn, bad]).words(13)[0].1, Level::Bad);
}

#[test]
fn brokers_are_named_while_they_fit() {
    let mut facts = healthy();
    lose(&mut facts, &[3, 5]);
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
    // Kafka 3.0 to 3.2 do not tell when anybody fetched.
    let untimed = |lags: &[u64]| {
        let mut quorum = voters(lags);
        for it in &mut quorum.voters {
            (it.last_fetch_ms, it.is_timed) = (None, false);
        }
        quorum
    };
    assert_eq!(level(&untimed(&[0, 5, 100])), Level::Ok);
    assert_eq!(level(&untimed(&[0, 5, 101])), Level::Warn);
    let mut unheard = untimed(&[0, 0, 0]);
    unheard.voters[1].lag = None;
    assert_eq!(level(&unheard), Level::Warn);
    let mut other = voters(&[0, 0, 0]);
    other.voters[1].last_fetch_ms = Some(10_000);
    assert_eq!(level(&other), Level::Warn);
    assert_eq!(level(&QuorumFact { leader: None, ..other }), Level::Bad);
}

#[test]
fn nothing_there_is_said_as_such() {
    let mut facts = healthy();
    facts.groups = Answer::Known(Vec::new());
    facts.moves = Answer::Known(at_rest(&["audit-log", "orders"]));
    insta::assert_snapshot!(shown(&once(&facts)[4..]), @"
    WARN 1
    ok      groups     no groups
    warn    moves      none; throttle left on audit-log +1          audit-log
    ");
}

#[test]
fn what_nobody_looked_at_is_not_said_to_be_well() {
    let mut facts = healthy();
    let group = |name, verdict| GroupFact { name, verdict, late_ms: None };
    facts.groups = Answer::Known(vec![group("denied", None)]);
    facts.moves = Answer::Known(MovesFact::default());
    insta::assert_snapshot!(shown(&once(&facts)[4..]), @"
    UNKNOWN
    unknown groups     1 unknown
    ok      moves      none
    ");
    facts.groups = Answer::Known(vec![group("denied", None), group("fine", Some(Verdict::Ok))]);
    let throttled = Some(vec![Throttled::Broker(3)]);
    facts.moves = Answer::Known(MovesFact { throttled, ..MovesFact::default() });
    let checks = once(&facts);
    insta::assert_snapshot!(shown(&checks[4..]), @"
    WARN 1
    ok      groups     none behind  1 unknown  of 2
    warn    moves      none; throttle left on broker 3              broker 3
    ");
    assert_eq!(checks[5].worst.as_ref().map(|it| &it.place), Some(&Place::Broker(3)));
}

#[test]
fn the_disks_of_a_silent_broker_are_not_known_and_bad_ones_stay_bad() {
    let directory = |broker, used, is_stale| DirectoryFact {
        broker,
        path: "/data",
        used: Some(used),
        full_in_ms: None,
        is_offline: false,
        is_stale,
    };
    let mut facts = healthy();
    facts.directories = Answer::Known(vec![directory(1, 0.5, false), directory(2, 0.85, true)]);
    insta::assert_snapshot!(shown(&once(&facts)[3..4]), @"
    OK
    ok      disk       fullest 50%  1 unknown                       1 /data
    ");
    facts.directories = Answer::Known(vec![directory(1, 0.5, false), directory(2, 0.95, true)]);
    insta::assert_snapshot!(shown(&once(&facts)[3..4]), @"
    BAD 1
    bad     disk       fullest 95%                                  2 /data
    ");
}
