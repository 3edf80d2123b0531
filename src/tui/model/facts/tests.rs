//! What the checks say of a cluster that answers told.

use kt_client::admin::{
    Admission, BrokerScope, BrokerStanding, QuorumDescription, QuorumReplica, Reassignment,
    RegisteredBroker, RegisteredBrokers,
};
use kt_client::{Error, Partition as ToldPartition, Topic as ToldTopic};
use kt_protocol::types::{LeaderEpoch, Millis, Timestamp, Uuid};

use super::*;
use crate::tui::model::checks::Evaluator;
use crate::tui::model::cluster::brokers::Dir;
use crate::tui::model::cluster::{Answer as Told, Failure, Said};
use crate::tui::model::schedule::Lane;

fn tell(cluster: &mut Cluster, seconds: u64, kind: Kind, said: Result<Said, Failure>) {
    let lane = Lane { kind, broker: None };
    cluster.fold(Told { lane, at: Millis(seconds * 1_000), said });
}

fn endpoint(id: i32) -> kt_client::Broker {
    kt_client::Broker { id: NodeId(id), host: format!("kafka-{id}"), port: 9092, rack: None }
}

/// Three brokers, of which 3 may be fenced.
fn brokers_are(cluster: &mut Cluster, seconds: u64, third: BrokerStanding) {
    let broker = |id| RegisteredBroker {
        broker: endpoint(id),
        standing: if id == 3 { third } else { BrokerStanding::Up },
    };
    let brokers = [1, 2, 3].map(broker).to_vec();
    let (cluster_id, scope) = ("MkU3".to_owned(), BrokerScope::Registered);
    let said = Said::Brokers(RegisteredBrokers { cluster_id, brokers, scope });
    tell(cluster, seconds, Kind::Brokers, Ok(said));
}

/// `orders` of two partitions; of the first these are in sync.
fn topics_are(cluster: &mut Cluster, seconds: u64, isr: &[i32]) {
    let partition = |index, isr: &[i32]| ToldPartition {
        index,
        leader: isr.first().map(|it| NodeId(*it)),
        leader_epoch: LeaderEpoch(1),
        replicas: vec![1, 2, 3],
        isr: isr.to_vec(),
        ..Default::default()
    };
    let topic = ToldTopic {
        name: "orders".to_owned(),
        id: Uuid([7; 16]),
        is_internal: false,
        partitions: vec![partition(0, isr), partition(1, &[1, 2, 3])],
    };
    let brokers = [1, 2, 3].map(endpoint).to_vec();
    tell(cluster, seconds, Kind::Metadata, Ok(Said::Metadata { brokers, topics: vec![topic] }));
}

fn quorum_is(cluster: &mut Cluster, seconds: u64) {
    quorum_tells(cluster, seconds, (None, Some(99_800)));
}

/// When the leader and its voter fetched last.
fn quorum_tells(cluster: &mut Cluster, seconds: u64, fetched: (Option<i64>, Option<i64>)) {
    let replica = |(node, end, fetched): (i32, i64, Option<i64>)| QuorumReplica {
        node: NodeId(node),
        directory: Uuid::ZERO,
        log_end: Some(Offset(end)),
        last_fetch: fetched.map(Timestamp),
        last_caught_up: None,
    };
    let said = QuorumDescription {
        leader: NodeId(1),
        leader_epoch: LeaderEpoch(42),
        high_watermark: Offset(100),
        voters: [(1, 100, fetched.0), (2, 94, fetched.1)].map(replica).to_vec(),
        observers: Vec::new(),
    };
    tell(cluster, seconds, Kind::Quorum, Ok(Said::Quorum(said)));
}

/// The six lines, as whoever begins to look sees them.
fn lines(cluster: &Cluster, seconds: u64) -> String {
    let now = Now { monotonic: Millis(seconds * 1_000), wall: Timestamp(100_000) };
    let mut evaluator = Evaluator::default();
    let facts = facts(cluster, Vec::new(), &Stale::default(), now);
    let checks = evaluator.evaluate(now.monotonic, &facts, |_| None);
    let line = |it: &crate::tui::model::checks::Check| {
        let worst = it.worst.as_ref().map_or(String::new(), |it| format!(" | {}", it.text));
        format!("{:?} {}: {}{worst}", it.level, it.kind.name(), it.text(60))
    };
    checks.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn before_the_first_answers_nothing_is_known() {
    insta::assert_snapshot!(lines(&Cluster::default(), 0), @"
    Unknown brokers: not known yet
    Unknown partitions: not known yet
    Unknown quorum: not known yet
    Unknown disk: not known yet
    Unknown groups: not known yet
    Unknown moves: not known yet
    ");
}

#[test]
fn a_cluster_that_is_well_and_one_that_lost_a_broker() {
    let mut cluster = Cluster::default();
    brokers_are(&mut cluster, 0, BrokerStanding::Up);
    topics_are(&mut cluster, 0, &[1, 2, 3]);
    quorum_is(&mut cluster, 0);
    let disk = Dir {
        total: Some(1_000),
        usable: Some(130),
        used: 600,
        replicas: 2,
        admission: Admission::Open,
        failure: None,
        at: Millis(0),
    };
    let broker = cluster.brokers.get_mut(&NodeId(2)).expect("it was told");
    broker.dirs.insert("/data".to_owned(), disk);
    tell(&mut cluster, 0, Kind::LogDirs, Ok(Said::Moves([].into())));
    tell(&mut cluster, 0, Kind::Moves, Ok(Said::Moves([].into())));
    let moves = lines(&cluster, 1).lines().last().map(str::to_owned);
    assert_eq!(moves.as_deref(), Some("Ok moves: none"), "nobody has looked for throttles");
    tell(&mut cluster, 0, Kind::Configs, Ok(Said::TopicConfigs([].into())));
    for id in [1, 2, 3] {
        let lane = Lane { kind: Kind::Configs, broker: Some(NodeId(id)) };
        let said = Ok(Said::BrokerConfigs(Vec::new()));
        cluster.fold(Told { lane, at: Millis(0), said });
    }
    insta::assert_snapshot!(lines(&cluster, 1), @"
    Ok brokers: 3 of 3 up  1 2 3 ok
    Ok partitions: all 2 in sync
    Ok quorum: leader 1  epoch 42  voters 2/2 lag 6
    Warn disk: fullest 87% | 2 /data
    Unknown groups: not known yet
    Ok moves: none; no throttle left behind
    ");
    brokers_are(&mut cluster, 10, BrokerStanding::Fenced);
    topics_are(&mut cluster, 11, &[1]);
    insta::assert_snapshot!(lines(&cluster, 40), @"
    Bad brokers: 2 of 3 up  1 2 ok  3 DOWN | 3 kafka-3:9092 30s
    Warn partitions: 1 urp | orders-0
    Ok quorum: leader 1  epoch 42  voters 2/2 lag 6
    Warn disk: fullest 87% | 2 /data
    Unknown groups: not known yet
    Ok moves: none; no throttle left behind
    ");
}

#[test]
fn what_cannot_be_told_says_why() {
    let mut cluster = Cluster::default();
    brokers_are(&mut cluster, 0, BrokerStanding::Up);
    let reason = "the broker does not know ListPartitionReassignments".to_owned();
    tell(&mut cluster, 0, Kind::Moves, Err(Error::Refused(reason).into()));
    let at = TopicPartition::new("orders", 0);
    let shown = lines(&cluster, 1);
    insta::assert_snapshot!(shown.lines().last().unwrap_or_default(), @"Unknown moves: not supported by this cluster");
    let moving = Reassignment { replicas: vec![1, 2, 3], adding: vec![3], removing: vec![] };
    tell(&mut cluster, 1, Kind::Moves, Ok(Said::Moves([(at, moving)].into())));
    insta::assert_snapshot!(lines(&cluster, 2).lines().last().unwrap_or_default(), @"Ok moves: 1 run");
}

#[test]
fn the_quorum_is_judged_by_the_clock_of_its_leader() {
    let mut cluster = Cluster::default();
    let mut quorum = |fetched| {
        quorum_tells(&mut cluster, 0, fetched);
        lines(&cluster, 1).lines().nth(2).unwrap_or_default().to_owned()
    };
    // Ours shows 100 s; theirs is 15 s behind.
    insta::assert_snapshot!(quorum((Some(85_000), Some(84_800))), @"Ok quorum: leader 1  epoch 42  voters 2/2 lag 6");
    insta::assert_snapshot!(quorum((Some(85_000), Some(70_000))), @"Bad quorum: leader 1  epoch 42  voters 1/2 lag 0 | voter 2");
    // Whoever never fetched is not there.
    insta::assert_snapshot!(quorum((Some(85_000), None)), @"Bad quorum: leader 1  epoch 42  voters 1/2 lag 0 | voter 2");
}

#[test]
fn a_broker_that_starts_is_not_down() {
    let mut cluster = Cluster::default();
    brokers_are(&mut cluster, 0, BrokerStanding::Fenced);
    let none = Said::Metadata { brokers: [1, 2].map(endpoint).to_vec(), topics: Vec::new() };
    tell(&mut cluster, 0, Kind::Metadata, Ok(none));
    insta::assert_snapshot!(lines(&cluster, 1).lines().next().unwrap_or_default(), @"Warn brokers: 2 of 3 up  1 2 ok  3 fenced | 3 kafka-3:9092");
    topics_are(&mut cluster, 1, &[1, 2]);
    insta::assert_snapshot!(lines(&cluster, 2).lines().next().unwrap_or_default(), @"Bad brokers: 2 of 3 up  1 2 ok  3 DOWN | 3 kafka-3:9092 2s");
}
