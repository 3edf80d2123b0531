//! What is known after which answers.

use std::collections::BTreeSet;
use std::fmt::Write;

use kt_client::admin::{
    Admission, BrokerScope, BrokerStanding, CommittedOffset, FoundOffset, GroupState, GroupType,
    ListedGroup, Reassignment, RegisteredBroker, RegisteredBrokers, ReplicaPlace, StoredReplica,
};
use kt_client::{Error, Subject};
use kt_protocol::types::{LeaderEpoch, Offset, PartitionIndex, Uuid};
use kt_protocol::{ApiKey, ErrorCode};

use super::super::schedule::{Lane, WhichOffset, World};
use super::heard::Failing;
use super::*;

fn endpoint(id: i32) -> kt_client::Broker {
    kt_client::Broker { id: NodeId(id), host: format!("kafka-{id}"), port: 9092, rack: None }
}

fn anywhere(kind: Kind) -> Lane {
    Lane { kind, broker: None }
}

fn at_broker(kind: Kind, id: i32) -> Lane {
    Lane { kind, broker: Some(NodeId(id)) }
}

fn told(cluster: &mut Cluster, seconds: u64, lane: Lane, said: Said) -> Outcome {
    cluster.fold(Answer { lane, at: Millis(seconds * 1_000), said: Ok(said) })
}

fn failed(cluster: &mut Cluster, seconds: u64, lane: Lane, error: impl Into<Failure>) -> Outcome {
    cluster.fold(Answer { lane, at: Millis(seconds * 1_000), said: Err(error.into()) })
}

/// Brokers that have registered; those with a minus are fenced.
fn brokers(cluster: &mut Cluster, seconds: u64, scope: BrokerScope, ids: &[i32]) -> Outcome {
    let broker = |id: &i32| RegisteredBroker {
        broker: endpoint(id.abs()),
        standing: if *id < 0 { BrokerStanding::Fenced } else { BrokerStanding::Up },
    };
    let brokers = ids.iter().map(broker).collect();
    let said = RegisteredBrokers { cluster_id: "MkU3".to_owned(), brokers, scope };
    told(cluster, seconds, anywhere(Kind::Brokers), Said::Brokers(said))
}

/// A topic whose partitions have these leaders; none if negative.
fn topic(name: &str, id: u8, leaders: &[i32]) -> kt_client::Topic {
    let partition = |(index, leader): (usize, &i32)| kt_client::Partition {
        index: index as i32,
        leader: (0 <= *leader).then_some(NodeId(*leader)),
        leader_epoch: LeaderEpoch(7),
        replicas: vec![1, 2, 3],
        isr: if *leader < 0 { vec![] } else { vec![*leader] },
        ..Default::default()
    };
    kt_client::Topic {
        name: name.to_owned(),
        id: Uuid([id; 16]),
        is_internal: false,
        partitions: leaders.iter().enumerate().map(partition).collect(),
    }
}

fn metadata(cluster: &mut Cluster, seconds: u64, up: &[i32], topics: &[kt_client::Topic]) {
    let brokers = up.iter().map(|id| endpoint(*id)).collect();
    let said = Said::Metadata { brokers, topics: topics.to_vec() };
    told(cluster, seconds, anywhere(Kind::Metadata), said);
}

fn found(offset: i64) -> Result<FoundOffset, Failure> {
    Ok(FoundOffset { offset: Some(Offset(offset)), timestamp: None, leader_epoch: None })
}

fn refused(api: ApiKey, code: ErrorCode) -> Failure {
    Error::Broker { api, code, subject: Subject::Request, message: None }.into()
}

fn unreachable() -> Error {
    Error::Unreachable { node: Some(NodeId(3)), reason: "kafka-3:9092 refused".to_owned() }
}

fn ends(cluster: &mut Cluster, seconds: u64, of: &[(&str, i32, i64)]) -> Outcome {
    let of_each = |(topic, index, offset): &(&str, i32, i64)| {
        let found = match *offset {
            -1 => Err(refused(ApiKey::ListOffsets, ErrorCode::NotLeaderOrFollower)),
            offset => found(offset),
        };
        (TopicPartition::new(*topic, *index), found)
    };
    let said = Said::Offsets(WhichOffset::End, of.iter().map(of_each).collect());
    told(cluster, seconds, at_broker(Kind::LogEnds, 1), said)
}

fn listed(name: &str, coordinator: i32, group_type: GroupType) -> ListedGroup {
    ListedGroup {
        name: name.to_owned(),
        protocol_type: "consumer".to_owned(),
        state: Some(GroupState::Stable),
        group_type,
        coordinator: NodeId(coordinator),
    }
}

fn groups(cluster: &mut Cluster, seconds: u64, broker: i32, groups: &[ListedGroup]) {
    let said = Said::Groups(groups.to_vec());
    told(cluster, seconds, at_broker(Kind::Groups, broker), said);
}

fn commits(cluster: &mut Cluster, seconds: u64, group: &str, of: &[(&str, i32, i64)]) -> Outcome {
    let commit = |(topic, index, offset): &(&str, i32, i64)| {
        let committed = CommittedOffset {
            offset: Offset(*offset),
            leader_epoch: None,
            metadata: String::new(),
        };
        let unstable = || Err(refused(ApiKey::OffsetFetch, ErrorCode::UnstableOffsetCommit));
        let committed = if *offset < 0 { unstable() } else { Ok(committed) };
        (TopicPartition::new(*topic, *index), committed)
    };
    let offsets = of.iter().map(commit).collect();
    let said = Said::Commits([(group.to_owned(), Ok(offsets))].into());
    told(cluster, seconds, at_broker(Kind::Commits, 1), said)
}

/// Brokers, topics and groups, a line each.
fn shown(cluster: &Cluster) -> String {
    let mut text = String::new();
    for (id, it) in &cluster.brokers {
        writeln!(text, "{id} {:?} since {}", it.state, it.since.0 / 1_000).unwrap();
    }
    for (name, topic) in &cluster.topics {
        for (PartitionIndex(index), it) in &topic.partitions {
            let leader = it.leader.map_or("none".to_owned(), |it| it.to_string());
            write!(text, "{name}-{index} leader {leader}").unwrap();
            if let Some(end) = it.end {
                write!(text, " end {} at {}", end.value, end.at.0 / 1_000).unwrap();
            }
            if let Some(failure) = it.failure {
                write!(text, " {failure:?}").unwrap();
            }
            for ((node, stored), on) in &it.stored {
                let (size, directory) = (on.size.value, &on.directory);
                write!(text, " {stored:?} {size} on {node}:{directory}").unwrap();
            }
            text.push('\n');
        }
    }
    for (name, group) in &cluster.groups {
        write!(text, "{name} at {}", group.coordinator).unwrap();
        for (partition, it) in group.commits.iter().flatten() {
            write!(text, " {partition}={}@{}", it.offset, it.at.0 / 1_000).unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
fn a_broker_that_goes_and_comes_is_dated() {
    let mut cluster = Cluster::default();
    let all = BrokerScope::Registered;
    assert_eq!(brokers(&mut cluster, 0, all, &[1, 2, 3]), Outcome::Known);
    assert_eq!(brokers(&mut cluster, 2, all, &[1, 2, 3]), Outcome::Known);
    assert_eq!(brokers(&mut cluster, 4, all, &[1, 2, -3]), Outcome::Changed);
    insta::assert_snapshot!(shown(&cluster), @r"
    1 Up since 0
    2 Up since 0
    3 Fenced since 4
    ");
    assert_eq!(brokers(&mut cluster, 6, all, &[1, 2, -3]), Outcome::Known);
    assert_eq!(brokers(&mut cluster, 8, all, &[1, 2, 3]), Outcome::Changed);
    // It is unregistered, and no replica names it.
    assert_eq!(brokers(&mut cluster, 9, all, &[1, 2]), Outcome::Changed);
    insta::assert_snapshot!(shown(&cluster), @r"
    1 Up since 0
    2 Up since 0
    ");
}

#[test]
fn brokers_that_replicas_name_belong_to_an_old_cluster() {
    let mut cluster = Cluster::default();
    brokers(&mut cluster, 0, BrokerScope::Up, &[1, 2]);
    metadata(&mut cluster, 1, &[1, 2], &[topic("a", 1, &[1, 2])]);
    brokers(&mut cluster, 2, BrokerScope::Up, &[1]);
    insta::assert_snapshot!(shown(&cluster), @r"
    1 Up since 0
    2 Down since 2
    3 Down since 1
    a-0 leader 1
    a-1 leader 2
    ");
}

#[test]
fn metadata_tells_who_is_up_where_nothing_else_does() {
    let mut cluster = Cluster::default();
    let version = Error::Version {
        api: ApiKey::DescribeCluster,
        theirs: "not at all".to_owned(),
        ours: "0-2".to_owned(),
    };
    let lane = anywhere(Kind::Brokers);
    assert_eq!(failed(&mut cluster, 0, lane, version), Outcome::Refused);
    metadata(&mut cluster, 1, &[1, 2, 3], &[topic("a", 1, &[1])]);
    metadata(&mut cluster, 11, &[1, 3], &[topic("a", 1, &[1])]);
    insta::assert_snapshot!(shown(&cluster), @r"
    1 Up since 1
    2 Down since 11
    3 Up since 1
    a-0 leader 1
    ");
    // Where DescribeCluster answers, it is newer than Metadata.
    brokers(&mut cluster, 12, BrokerScope::Registered, &[1, 2, 3]);
    metadata(&mut cluster, 13, &[1, 3], &[topic("a", 1, &[1])]);
    assert!(cluster.brokers[&NodeId(2)].is_up());
}

#[test]
fn offsets_stay_while_leaders_move() {
    let mut cluster = Cluster::default();
    metadata(&mut cluster, 0, &[1, 2, 3], &[topic("a", 1, &[1, 1])]);
    assert_eq!(ends(&mut cluster, 1, &[("a", 0, 10), ("a", 1, 20)]), Outcome::Known);
    assert_eq!(ends(&mut cluster, 6, &[("a", 0, 15), ("a", 1, -1)]), Outcome::Changed);
    // Nobody heard of these topics and partitions yet.
    assert_eq!(ends(&mut cluster, 7, &[("b", 0, 15), ("a", 9, 1)]), Outcome::Known);
    metadata(&mut cluster, 8, &[1, 2, 3], &[topic("a", 1, &[1, 2])]);
    insta::assert_snapshot!(shown(&cluster), @r"
    1 Up since 0
    2 Up since 0
    3 Up since 0
    a-0 leader 1 end 15 at 6
    a-1 leader 2 end 20 at 1 NotLeaderOrFollower
    ");
}

#[test]
fn a_topic_made_again_begins_anew() {
    let mut cluster = Cluster::default();
    metadata(&mut cluster, 0, &[1, 2, 3], &[topic("a", 1, &[1]), topic("b", 2, &[1])]);
    ends(&mut cluster, 1, &[("a", 0, 10), ("b", 0, 20)]);
    groups(&mut cluster, 1, 1, &[listed("g", 1, GroupType::Classic)]);
    commits(&mut cluster, 2, "g", &[("a", 0, 9), ("b", 0, 19)]);
    metadata(&mut cluster, 3, &[1, 2, 3], &[topic("a", 9, &[2]), topic("b", 2, &[1])]);
    insta::assert_snapshot!(shown(&cluster), @r"
    1 Up since 0
    2 Up since 0
    3 Up since 0
    a-0 leader 2
    b-0 leader 1 end 20 at 1
    g at 1 b-0=19@2
    ");
    // One that is gone is gone.
    metadata(&mut cluster, 4, &[1, 2, 3], &[topic("b", 2, &[1])]);
    assert_eq!(cluster.topics.len(), 1);
    // Old brokers tell no ids: there a name is all there is.
    metadata(&mut cluster, 5, &[1, 2, 3], &[topic("b", 0, &[1])]);
    assert!(cluster.topics["b"].partitions[&PartitionIndex(0)].end.is_some());
}

#[test]
fn groups_belong_to_who_lists_them() {
    let mut cluster = Cluster::default();
    brokers(&mut cluster, 0, BrokerScope::Registered, &[1, 2, -3]);
    metadata(&mut cluster, 0, &[1, 2], &[topic("a", 1, &[1, 2, -1])]);
    let (one, two) = (listed("one", 1, GroupType::Classic), listed("two", 1, GroupType::Share));
    groups(&mut cluster, 1, 1, &[one, two]);
    groups(&mut cluster, 1, 2, &[listed("three", 2, GroupType::Consumer)]);
    commits(&mut cluster, 2, "one", &[("a", 0, 5), ("a", 1, 6)]);
    // One has moved to broker 2, and two is gone; what was known of one stays.
    groups(
        &mut cluster,
        11,
        2,
        &[listed("one", 2, GroupType::Classic), listed("three", 2, GroupType::Consumer)],
    );
    groups(&mut cluster, 11, 1, &[]);
    // A commit that is being written is not told: the last one stays. One that is gone goes.
    commits(&mut cluster, 12, "one", &[("a", 0, -1)]);
    insta::assert_snapshot!(shown(&cluster), @r"
    1 Up since 0
    2 Up since 0
    3 Fenced since 0
    a-0 leader 1
    a-1 leader 2
    a-2 leader none
    one at 2 a-0=5@2
    three at 2
    ");

    // Its coordinator moves again, and the old one is the first to tell.
    groups(&mut cluster, 21, 2, &[listed("three", 2, GroupType::Consumer)]);
    assert!(cluster.groups.contains_key("one"), "nobody else was heard since");
    groups(
        &mut cluster,
        22,
        1,
        &[listed("one", 1, GroupType::Classic), listed("four", 1, GroupType::Classic)],
    );
    assert_eq!(cluster.groups["one"].coordinator, NodeId(1));
    assert!(cluster.groups["one"].commits.is_some());
    groups(&mut cluster, 31, 1, &[listed("four", 1, GroupType::Classic)]);
    groups(&mut cluster, 32, 2, &[listed("three", 2, GroupType::Consumer)]);
    assert!(!cluster.groups.contains_key("one"), "all were heard");
    groups(&mut cluster, 41, 1, &[]);
    groups(&mut cluster, 51, 1, &[]);
    assert!(!cluster.groups.contains_key("four"), "it was told twice");

    let elsewhere = refused(ApiKey::OffsetFetch, ErrorCode::NotCoordinator);
    let said = Said::Commits([("three".to_owned(), Err(elsewhere))].into());
    assert_eq!(told(&mut cluster, 13, at_broker(Kind::Commits, 2), said), Outcome::Changed);
    assert!(cluster.groups["three"].commits_failure.is_some());
}

fn stored(partition: i32, size: u64, place: ReplicaPlace) -> StoredReplica {
    let partition = TopicPartition::new("a", partition);
    StoredReplica { partition, size, offset_lag: 0, place }
}

fn dir(path: &str, replicas: Result<Vec<StoredReplica>, Failure>) -> LogDir {
    LogDir {
        path: path.to_owned(),
        replicas,
        total_bytes: Some(1_000),
        usable_bytes: Some(300),
        admission: Admission::Open,
    }
}

#[test]
fn an_offline_directory_keeps_what_was_in_it() {
    use ReplicaPlace::{Current, Future};
    let mut cluster = Cluster::default();
    metadata(&mut cluster, 0, &[1, 2, 3], &[topic("a", 1, &[1, 2, 2])]);
    let lane = at_broker(Kind::LogDirs, 1);
    let whole = vec![
        dir("/0", Ok(vec![stored(0, 100, Current), stored(1, 50, Current)])),
        dir("/1", Ok(vec![stored(1, 20, Future), stored(2, 7, Current)])),
    ];
    told(&mut cluster, 1, lane, Said::LogDirs(whole));
    let other = vec![dir("/0", Ok(vec![stored(0, 99, Current)]))];
    told(&mut cluster, 1, at_broker(Kind::LogDirs, 2), Said::LogDirs(other));
    insta::assert_snapshot!(shown(&cluster), @r"
    1 Up since 0
    2 Up since 0
    3 Up since 0
    a-0 leader 1 Current 100 on 1:/0 Current 99 on 2:/0
    a-1 leader 2 Current 50 on 1:/0 Future 20 on 1:/1
    a-2 leader 2 Current 7 on 1:/1
    ");

    let broken = Err(refused(ApiKey::DescribeLogDirs, ErrorCode::KafkaStorageError));
    let part = vec![dir("/0", Ok(vec![stored(0, 110, Current)])), dir("/1", broken)];
    told(&mut cluster, 61, lane, Said::LogDirs(part));
    insta::assert_snapshot!(shown(&cluster), @r"
    1 Up since 0
    2 Up since 0
    3 Up since 0
    a-0 leader 1 Current 110 on 1:/0 Current 99 on 2:/0
    a-1 leader 2 Future 20 on 1:/1
    a-2 leader 2 Current 7 on 1:/1
    ");
    let dirs = &cluster.brokers[&NodeId(1)].dirs;
    assert_eq!(
        (dirs["/0"].used, dirs["/0"].replicas, dirs["/0"].failure.is_some()),
        (110, 1, false)
    );
    assert_eq!((dirs["/1"].used, dirs["/1"].replicas, dirs["/1"].failure.is_some()), (27, 2, true));
}

#[test]
fn failures_count_up_until_an_answer_comes() {
    let mut cluster = Cluster::default();
    brokers(&mut cluster, 0, BrokerScope::Registered, &[1, 2, 3]);
    let lane = at_broker(Kind::Groups, 3);
    groups(&mut cluster, 1, 3, &[]);
    for seconds in [11, 21, 41] {
        assert_eq!(failed(&mut cluster, seconds, lane, unreachable()), Outcome::Failed);
    }
    let shown = |cluster: &Cluster| {
        let of_each = |(lane, it): (&Lane, &Failing)| {
            let (times, since) = (it.times, it.since.0 / 1_000);
            let broker = lane.broker.map_or(-1, |it| it.0);
            let Failure { kind, code, .. } = &it.failure;
            format!("{:?}@{broker} {kind:?} {code:?} x{times} since {since}", lane.kind)
        };
        cluster.hearing.failing().map(of_each).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(shown(&cluster), @"Groups@3 Unreachable None x3 since 11");
    let denied = refused(ApiKey::ListGroups, ErrorCode::ClusterAuthorizationFailed);
    assert_eq!(failed(&mut cluster, 61, lane, denied), Outcome::Refused);
    insta::assert_snapshot!(shown(&cluster), @"Groups@3 Authorization Some(ClusterAuthorizationFailed) x1 since 61");
    groups(&mut cluster, 71, 3, &[]);
    assert_eq!(shown(&cluster), "");
}

#[test]
fn the_oldest_answer_is_of_brokers_that_are_up() {
    let mut cluster = Cluster::default();
    let all = BrokerScope::Registered;
    brokers(&mut cluster, 0, all, &[1, 2, 3]);
    let kinds = [Kind::Brokers, Kind::Groups];
    groups(&mut cluster, 2, 3, &[]);
    groups(&mut cluster, 5, 1, &[]);
    brokers(&mut cluster, 6, all, &[1, 2, 3]);
    assert_eq!(cluster.oldest(&kinds), Some(Millis(2_000)));
    failed(&mut cluster, 7, at_broker(Kind::Groups, 2), unreachable());
    assert_eq!(cluster.oldest(&kinds), None, "it has never answered");
    brokers(&mut cluster, 8, all, &[1, -2, -3]);
    assert_eq!(cluster.oldest(&kinds), Some(Millis(5_000)));
    assert_eq!(cluster.oldest(&[Kind::Metadata]), None, "it was never asked");
}

#[test]
fn nobody_knows_of_moves_until_somebody_tells() {
    let mut cluster = Cluster::default();
    let version = Error::Version {
        api: ApiKey::ListPartitionReassignments,
        theirs: "not at all".to_owned(),
        ours: "0".to_owned(),
    };
    assert_eq!(failed(&mut cluster, 0, anywhere(Kind::Moves), version), Outcome::Refused);
    assert_eq!(cluster.moves, None);
    told(&mut cluster, 5, anywhere(Kind::Moves), Said::Moves(BTreeMap::new()));
    assert_eq!(cluster.moves, Some(BTreeMap::new()));
}

#[test]
fn the_world_is_who_is_up_and_what_they_have() {
    let mut cluster = Cluster::default();
    brokers(&mut cluster, 0, BrokerScope::Registered, &[1, 2, -3]);
    assert_eq!(cluster.world(), World::default(), "nobody knows where they listen");
    metadata(&mut cluster, 0, &[1, 2], &[topic("a", 1, &[1, 2, -1, 3])]);
    groups(
        &mut cluster,
        1,
        1,
        &[listed("g", 1, GroupType::Consumer), listed("s", 1, GroupType::Share)],
    );
    groups(&mut cluster, 1, 3, &[listed("old", 3, GroupType::Classic)]);
    let reassignment = Reassignment { replicas: vec![1, 3], adding: vec![3], removing: vec![] };
    let moves = [(TopicPartition::new("a", 0), reassignment)].into();
    told(&mut cluster, 2, anywhere(Kind::Moves), Said::Moves(moves));
    let world = cluster.world();
    let each = |of: &BTreeMap<NodeId, Vec<String>>| {
        format!("{:?}", of.iter().map(|it| (it.0.0, it.1)).collect::<Vec<_>>())
    };
    let ids = |of: &BTreeSet<NodeId>| format!("{:?}", of.iter().map(|it| it.0).collect::<Vec<_>>());
    let named = |it: &Vec<TopicPartition>| it.iter().map(ToString::to_string).collect();
    let leaders = world.leaders.iter().map(|(node, it)| (*node, named(it))).collect();
    let lines = [
        ids(&world.brokers),
        each(&leaders),
        each(&world.coordinators),
        each(&world.share_coordinators),
        ids(&world.moving),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r#"
    [1, 2]
    [(1, ["a-0"]), (2, ["a-1"])]
    [(1, ["g"])]
    [(1, ["s"])]
    [1, 3]
    "#);
    assert_eq!((world.partitions, world.replicas), (4, 12));
}
