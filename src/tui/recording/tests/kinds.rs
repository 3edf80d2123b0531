//! One answer of each kind, with everything in it that can be; what is written is read again.

use std::collections::BTreeMap;

use kt_client::admin::{
    Admission, BrokerScope, BrokerStanding, CommittedOffset, ConfigEntry, ConfigSource,
    ConfigSynonym, DocumentedConfig, FoundOffset, GroupDescription, GroupMember, GroupState,
    GroupType, ListedGroup, QuorumDescription, QuorumReplica, Reassignment, RegisteredBroker,
    RegisteredBrokers, ReplicaPlace, ShareOffset, StoredReplica,
};
use kt_client::{Broker, ErrorKind, Partition, Topic};
use kt_protocol::ErrorCode;
use kt_protocol::types::{LeaderEpoch, NodeId, Offset, Timestamp, TopicPartition, Uuid};

use super::*;
use crate::config_entity::ConfigEntity;
use crate::tui::model::cluster::{Failure, LogDir, Said};
use crate::tui::model::schedule::{Ask, Kind, Lane, WhichOffset};

/// What people chose. Each begins with letters that nothing else has.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) names: Vec<String>,
}

impl Chosen {
    pub(super) fn plain() -> Chosen {
        Chosen { names: (0..20).map(|it| format!("zq{it}-name")).collect() }
    }

    fn name(&self, index: usize) -> String {
        self.names[index % self.names.len()].clone()
    }

    fn failure(&self) -> Failure {
        Failure {
            kind: ErrorKind::Authorization,
            code: Some(ErrorCode::TopicAuthorizationFailed),
            words: format!("\"{}\" may not see {}", self.name(17), self.name(0)),
        }
    }

    fn broker(&self) -> Broker {
        Broker { id: NodeId(3), host: self.name(1), port: 9_092, rack: Some(self.name(2)) }
    }

    fn topic(&self) -> Topic {
        let partition = Partition {
            index: 7,
            leader: None,
            leader_epoch: LeaderEpoch(15),
            replicas: vec![3, 1],
            isr: vec![],
            elr: Some(vec![3]),
            last_known_elr: Some(vec![]),
            offline: vec![1],
        };
        let partitions =
            vec![partition, Partition { leader: Some(NodeId(1)), ..Partition::default() }];
        Topic { name: self.name(0), id: Uuid([7; 16]), is_internal: false, partitions }
    }

    fn at(&self, partition: i32) -> TopicPartition {
        TopicPartition::new(self.name(0), partition)
    }

    fn each<T>(&self, told: T) -> BTreeMap<TopicPartition, Result<T, Failure>> {
        [
            (self.at(0), Ok(told)),
            (self.at(1), Err(self.failure())),
            (TopicPartition::new("__consumer_offsets", 2), Err(self.failure())),
        ]
        .into()
    }

    fn groups<T>(&self, told: T) -> BTreeMap<String, Result<T, Failure>> {
        [(self.name(3), Ok(told)), (self.name(4), Err(self.failure()))].into()
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        let synonym = ConfigSynonym {
            name: "log.dirs".to_owned(),
            value: Some(format!("/{}", self.name(9))),
            source: ConfigSource::DEFAULT,
        };
        let entry = |name: &str, value: Option<String>| ConfigEntry {
            name: name.to_owned(),
            value,
            source: ConfigSource::DYNAMIC_TOPIC,
            is_read_only: true,
            is_sensitive: false,
            synonyms: vec![synonym.clone()],
        };
        vec![
            entry("retention.ms", Some("604800000".to_owned())),
            entry("advertised.listeners", Some(format!("{}://{}", self.name(5), self.name(1)))),
            entry(&format!("listener.name.{}.ssl.client.auth", self.name(5)), None),
            entry(&self.name(6), Some(self.name(7))),
        ]
    }

    fn documented(&self) -> Vec<DocumentedConfig> {
        let types = [Some("LONG"), Some("LIST"), None, Some("STRING")].into_iter();
        let documented = |(entry, config_type)| DocumentedConfig {
            entry,
            config_type,
            documentation: Some(format!("as {} said", self.name(8))),
        };
        self.entries().into_iter().zip(types).map(documented).collect()
    }

    fn description(&self) -> GroupDescription {
        let member = |instance_id| GroupMember {
            member_id: self.name(10),
            instance_id,
            client_id: self.name(12),
            host: format!("/{}", self.name(1)),
            assignment: vec![self.at(0), self.at(1)],
        };
        GroupDescription {
            name: self.name(3),
            state: GroupState::Reconciling,
            group_type: GroupType::Consumer,
            protocol_type: "consumer".to_owned(),
            assignor: Some(self.name(13)),
            coordinator: NodeId(1),
            group_epoch: Some(4),
            assignment_epoch: None,
            members: vec![member(Some(self.name(11))), member(None)],
        }
    }

    fn log_dirs(&self) -> Vec<LogDir> {
        let replica =
            |place| StoredReplica { partition: self.at(0), size: u64::MAX, offset_lag: -1, place };
        let whole = LogDir {
            path: format!("/data/{}", self.name(9)),
            replicas: Ok(vec![replica(ReplicaPlace::Current), replica(ReplicaPlace::Future)]),
            total_bytes: Some(1),
            usable_bytes: None,
            admission: Admission::Cordoned,
        };
        let broken = LogDir {
            path: format!("/other/{}", self.name(9)),
            replicas: Err(self.failure()),
            admission: Admission::Open,
            ..whole.clone()
        };
        vec![whole, broken]
    }

    fn brokers(&self) -> RegisteredBrokers {
        let standing = BrokerStanding::Fenced;
        let brokers = vec![RegisteredBroker { broker: self.broker(), standing }];
        RegisteredBrokers { cluster_id: self.name(14), brokers, scope: BrokerScope::Registered }
    }

    fn quorum(&self) -> QuorumDescription {
        let replica = QuorumReplica {
            node: NodeId(3),
            directory: Uuid([9; 16]),
            log_end: Some(Offset(12)),
            last_fetch: Some(Timestamp(WALL)),
            last_caught_up: None,
        };
        QuorumDescription {
            leader: NodeId(3),
            leader_epoch: LeaderEpoch(42),
            high_watermark: Offset(i64::MAX),
            voters: vec![replica],
            observers: vec![QuorumReplica { directory: Uuid::ZERO, ..replica }],
        }
    }

    /// The configs of each kind of entity.
    fn of_entities(&self) -> impl Iterator<Item = (Kind, Option<i32>, Said)> {
        let entities = [
            ConfigEntity::Topic(self.name(0)),
            ConfigEntity::Group(self.name(3)),
            ConfigEntity::ClientMetrics(self.name(18)),
            ConfigEntity::BrokerDefault,
        ];
        let configs = entities.map(|it| {
            let told = Said::EntityConfigs(it, Ok(self.documented()));
            (Kind::EntityConfigs, None, told)
        });
        let refused = Said::EntityConfigs(ConfigEntity::Broker(3), Err(self.failure()));
        configs.into_iter().chain([(Kind::EntityConfigs, None, refused)])
    }

    /// One answer of each kind, and failures as a whole.
    pub(super) fn one_of_each(&self) -> Vec<Entry> {
        let listed = ListedGroup {
            name: self.name(3),
            protocol_type: self.name(15),
            state: Some(GroupState::Empty),
            group_type: GroupType::Classic,
            coordinator: NodeId(3),
        };
        let found = FoundOffset {
            offset: Some(Offset(182_004_113)),
            timestamp: Some(Timestamp(-1)),
            leader_epoch: Some(LeaderEpoch(3)),
        };
        let metadata = self.name(16);
        let commit = CommittedOffset { offset: Offset(5), leader_epoch: None, metadata };
        let share = ShareOffset { start: None, lag: Some(u64::MAX) };
        let moved = Reassignment { replicas: vec![1, 2], adding: vec![2], removing: vec![1] };
        let all = vec![
            (Kind::Brokers, None, Said::Brokers(self.brokers())),
            (
                Kind::Metadata,
                None,
                Said::Metadata { brokers: vec![self.broker()], topics: vec![self.topic()] },
            ),
            (Kind::SubjectPartitions, None, Said::Topic(self.topic())),
            (Kind::LogStarts, Some(3), Said::Offsets(WhichOffset::Start, self.each(found))),
            (Kind::LogEnds, Some(3), Said::Offsets(WhichOffset::End, self.each(found))),
            (
                Kind::SubjectStableEnds,
                Some(3),
                Said::Offsets(WhichOffset::StableEnd, self.each(found)),
            ),
            (Kind::Commits, Some(3), Said::Commits(self.groups(self.each(commit)))),
            (Kind::ShareCommits, Some(3), Said::ShareCommits(self.groups(self.each(share)))),
            (Kind::Groups, Some(3), Said::Groups(vec![listed])),
            (Kind::Members, Some(3), Said::Members(self.groups(self.description()))),
            (Kind::Quorum, None, Said::Quorum(self.quorum())),
            (Kind::Moves, None, Said::Moves([(self.at(3), moved)].into())),
            (Kind::LogDirs, Some(3), Said::LogDirs(self.log_dirs())),
            (
                Kind::Configs,
                None,
                Said::TopicConfigs(
                    [(self.name(0), Ok(self.entries())), ("b".to_owned(), Err(self.failure()))]
                        .into(),
                ),
            ),
            (Kind::Configs, Some(3), Said::BrokerConfigs(self.entries())),
            (
                Kind::Ages,
                None,
                Said::Ages(vec![
                    (self.at(0), Offset(7), Ok(Some(Timestamp(WALL)))),
                    (self.at(0), Offset(8), Ok(None)),
                    (self.at(1), Offset(9), Err(self.failure())),
                ]),
            ),
        ];
        let told = all.into_iter().chain(self.of_entities());
        let told = told.map(|(kind, broker, said)| (kind, broker, Ok(said)));
        let failed = Kind::ALL.map(|kind| (kind, Some(3), Err(self.failure())));
        let entry = |(index, (kind, broker, said)): (usize, (Kind, Option<i32>, _))| Entry {
            at: at(index as u64 * 100),
            lane: Lane { kind, broker: broker.map(NodeId) },
            part: index % 3,
            parts: 3,
            took: 5,
            said,
        };
        told.chain(failed).enumerate().map(entry).collect()
    }
}

#[test]
fn each_kind_of_answer_is_read_as_it_was_written() {
    let directory = directory();
    let (recording, file) = begun(&directory, Naming::AsTheyAre);
    let entries = Chosen::plain().one_of_each();
    keep(&recording, &entries);
    recording.finish().unwrap();
    let (read, found, ending) = all(&file).unwrap();
    assert_eq!(read, header());
    assert_eq!(found, entries);
    assert_eq!(ending, Ending::Whole);
}

#[test]
fn the_question_follows_from_the_answer() {
    let entries = Chosen::plain().one_of_each();
    let asks = |kind, broker| {
        let lane = Lane { kind, broker };
        let it = entries.iter().find(|it| it.lane == lane && it.said.is_ok()).unwrap();
        it.question().ask
    };
    let at = |partition| TopicPartition::new("zq0-name", partition);
    let offsets = TopicPartition::new("__consumer_offsets", 2);
    assert_eq!(
        asks(Kind::LogEnds, Some(NodeId(3))),
        Ask::Offsets(WhichOffset::End, [offsets, at(0), at(1)].into())
    );
    let groups = ["zq3-name".to_owned(), "zq4-name".to_owned()];
    assert_eq!(asks(Kind::Commits, Some(NodeId(3))), Ask::Commits(groups.into()));
    assert_eq!(asks(Kind::LogDirs, Some(NodeId(3))), Ask::LogDirs);
    assert_eq!(asks(Kind::SubjectPartitions, None), Ask::Topic("zq0-name".to_owned()));
}

#[test]
fn lines_are_json_that_people_can_read() {
    let directory = directory();
    let (recording, file) = begun(&directory, Naming::AsTheyAre);
    let entries = Chosen::plain().one_of_each();
    keep(&recording, &[entries[4].clone(), entries[9].clone(), entries[26].clone()]);
    recording.finish().unwrap();
    let text = zstd::decode_all(std::fs::File::open(&file).unwrap()).unwrap();
    insta::assert_snapshot!(String::from_utf8(text).unwrap(), @r#"
    {"kind":"Recording","schema":1,"kt":"0.1.0","began":"2026-11-21T14:00:30Z","context":"zq-context","reach":" --context zq-context","protected":true,"redacted":false}
    {"kind":"Answer","wall":1795269630400,"ms":400,"asked":"LogEnds","broker":3,"part":1,"of":3,"took":5,"said":{"Ok":{"Offsets":["End",{"__consumer_offsets:2":{"Err":{"kind":"Authorization","code":"TOPIC_AUTHORIZATION_FAILED","words":"\"zq17-name\" may not see zq0-name"}},"zq0-name:0":{"Ok":{"offset":182004113,"timestamp":-1,"leader_epoch":3}},"zq0-name:1":{"Err":{"kind":"Authorization","code":"TOPIC_AUTHORIZATION_FAILED","words":"\"zq17-name\" may not see zq0-name"}}}]}}}
    {"kind":"Answer","wall":1795269630900,"ms":900,"asked":"Members","broker":3,"part":0,"of":3,"took":5,"said":{"Ok":{"Members":{"zq3-name":{"Ok":{"name":"zq3-name","state":"Reconciling","group_type":"Consumer","protocol_type":"consumer","assignor":"zq13-name","coordinator":1,"group_epoch":4,"assignment_epoch":null,"members":[{"member_id":"zq10-name","instance_id":"zq11-name","client_id":"zq12-name","host":"/zq1-name","assignment":["zq0-name:0","zq0-name:1"]},{"member_id":"zq10-name","instance_id":null,"client_id":"zq12-name","host":"/zq1-name","assignment":["zq0-name:0","zq0-name:1"]}]}},"zq4-name":{"Err":{"kind":"Authorization","code":"TOPIC_AUTHORIZATION_FAILED","words":"\"zq17-name\" may not see zq0-name"}}}}}}
    {"kind":"Answer","wall":1795269632600,"ms":2600,"asked":"Groups","broker":3,"part":2,"of":3,"took":5,"said":{"Err":{"kind":"Authorization","code":"TOPIC_AUTHORIZATION_FAILED","words":"\"zq17-name\" may not see zq0-name"}}}
    "#);
}
