//! A cluster as tests describe it: what it holds, how that grows, and what it answers.

use std::collections::{BTreeMap, BTreeSet};

use kt_client::admin::{
    Admission, BrokerScope, BrokerStanding, CommittedOffset, ConfigEntry, ConfigSource,
    ConfigSynonym, DocumentedConfig, FoundOffset, GroupDescription, GroupMember, GroupState,
    GroupType, ListedGroup, QuorumDescription, QuorumReplica, Reassignment, RegisteredBroker,
    RegisteredBrokers, ReplicaPlace, StoredReplica,
};
use kt_client::{Error, Partition, Subject, Topic};
use kt_protocol::types::{LeaderEpoch, NodeId, Offset, Timestamp, TopicPartition, Uuid};
use kt_protocol::{ApiKey, ErrorCode};

use super::WALL;
use crate::config_entity::ConfigEntity;
use crate::tui::model::cluster::{Failure, LogDir, Said};
use crate::tui::model::msg::Connection;
use crate::tui::model::schedule::{Ask, Kind, Question, WhichOffset};

/// A cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Town {
    /// Registered brokers; those in `down` do not answer.
    pub(crate) brokers: Vec<i32>,
    pub(crate) down: BTreeSet<i32>,
    pub(crate) topics: BTreeMap<String, Kept>,
    pub(crate) groups: BTreeMap<String, Grouped>,
    pub(crate) moves: BTreeMap<TopicPartition, Reassignment>,
    /// Kinds of questions that are refused, or not answered by anybody.
    pub(crate) refused: BTreeSet<Kind>,
    pub(crate) silent: BTreeSet<Kind>,
    /// Used share of each broker's disk.
    pub(crate) used: f64,
    pub(crate) of_broker: BTreeMap<i32, f64>,
    /// Who never answers one kind of questions.
    pub(crate) mute: BTreeSet<(Kind, i32)>,
    /// Groups that no broker lists, and those that another broker coordinates.
    pub(crate) unlisted: BTreeSet<String>,
    pub(crate) moved: BTreeMap<String, i32>,
    /// Bytes a second that brokers are throttled to.
    pub(crate) throttled: BTreeMap<i32, i64>,
    /// What stands in every text that a cluster may choose: hosts, racks, paths, clients, values.
    pub(crate) spite: String,
    /// Records that open transactions hold back.
    pub(crate) held: BTreeMap<TopicPartition, i64>,
    /// Topics whose records may not be read, and those whose ends nobody may know.
    pub(crate) unreadable: BTreeSet<String>,
    pub(crate) endless: BTreeSet<String>,
}

/// A topic.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) id: u8,
    pub(crate) partitions: i32,
    pub(crate) replicas: usize,
    /// Records a second into each partition.
    pub(crate) rate: i64,
    /// At the start, in each partition.
    pub(crate) records: i64,
    pub(crate) record_bytes: i64,
    pub(crate) configs: Vec<(&'static str, String)>,
    /// Partitions without a leader, and those with one replica in sync.
    pub(crate) offline: BTreeSet<i32>,
    pub(crate) thin: BTreeSet<i32>,
    /// Partitions that lack their last replica, for another reason than that a broker is down.
    pub(crate) behind: BTreeSet<i32>,
}

/// A group.
#[derive(Clone, Debug)]
pub(crate) struct Grouped {
    pub(crate) topic: String,
    pub(crate) group_type: GroupType,
    pub(crate) state: GroupState,
    pub(crate) members: usize,
    /// Records in each partition that are not read at the start.
    pub(crate) lag: i64,
    /// Records a second that it reads of each partition.
    pub(crate) reads: i64,
    /// Whether its commits may be seen.
    pub(crate) is_denied: bool,
    /// Partitions from this one on have no commit.
    pub(crate) committed: i32,
}

impl Town {
    /// Healthy: three brokers, two topics, one group that keeps up.
    pub(crate) fn small() -> Town {
        let mut town = Town { brokers: vec![1, 2, 3], used: 0.5, ..Town::default() };
        town.add("orders", 6, 100);
        town.add("payments", 3, 20);
        town.join("billing", "orders", 0, 100);
        town
    }

    /// How its first broker is reached.
    pub(crate) fn connection(&self) -> Connection {
        Connection { address: "kafka-1:9092".to_owned(), security: "TLS, SCRAM-SHA-512".to_owned() }
    }

    /// 1,000 topics of 10 partitions and 1,000 groups on three brokers.
    pub(crate) fn large() -> Town {
        let mut town = Town { brokers: vec![1, 2, 3], used: 0.5, ..Town::default() };
        for index in 0..1_000 {
            let topic = format!("topic-{index:04}");
            town.add(&topic, 10, i64::from(index % 97));
            town.join(&format!("group-{index:04}"), &topic, 100, i64::from(index % 97));
        }
        town
    }

    /// Broker 3 of six is down, and more is wrong.
    pub(crate) fn troubled() -> Town {
        let mut town = Town { brokers: vec![1, 2, 3, 4, 5, 6], used: 0.73, ..Town::default() };
        town.down.insert(3);
        town.of_broker.insert(2, 0.87);
        town.add("orders", 12, 1_033);
        town.add("payments", 24, 375);
        town.add("clickstream-web-raw-eu-west-1", 48, 854);
        town.add("metrics-host-1m", 24, 491);
        town.add("audit-log", 6, 686);
        town.add("inventory-changelog", 12, 184);
        town.add("orders-dlq", 3, 0);
        town.add("pii-vault", 6, 10);
        let orders = town.topics.get_mut("orders").unwrap();
        orders.offline.extend([7, 8]);
        orders.thin.extend([1, 2, 3, 4]);
        town.topics.get_mut("payments").unwrap().thin.extend(0..8);
        town.topics.get_mut("clickstream-web-raw-eu-west-1").unwrap().behind.extend(0..16);
        town.topics.get_mut("metrics-host-1m").unwrap().behind.extend(0..8);
        let changelog = town.topics.get_mut("inventory-changelog").unwrap();
        changelog.configs[1].1 = "compact".to_owned();
        town.join("billing-export", "orders", 350_000, 500);
        town.join("search-indexer", "clickstream-web-raw-eu-west-1", 16_000, 0);
        town.join("fraud-scoring", "payments", 44_000, 400);
        town.join("nightly-report", "audit-log", 1_500_000, 0);
        town.join("orders-fulfilment-svc-v2", "orders", 10, 1_033);
        town.join("metrics-rollup", "metrics-host-1m", 0, 491);
        town.join("new-audit-reader", "audit-log", 0, 0);
        town.join("payments-recon", "payments", 0, 0);
        let of = |town: &mut Town, name: &str, change: fn(&mut Grouped)| {
            change(town.groups.get_mut(name).unwrap());
        };
        of(&mut town, "nightly-report", |it| {
            (it.state, it.members) = (GroupState::Empty, 0);
        });
        of(&mut town, "search-indexer", |it| it.group_type = GroupType::Consumer);
        of(&mut town, "new-audit-reader", |it| it.committed = 0);
        of(&mut town, "payments-recon", |it| it.is_denied = true);
        town
    }

    /// A topic that retention deletes after a week.
    pub(crate) fn add(&mut self, name: &str, partitions: i32, rate: i64) {
        let id = u8::try_from(self.topics.len() + 1).unwrap_or(u8::MAX);
        let configs = vec![
            ("retention.ms", "604800000".to_owned()),
            ("cleanup.policy", "delete".to_owned()),
            ("min.insync.replicas", "2".to_owned()),
        ];
        let kept = Kept {
            id,
            partitions,
            replicas: self.brokers.len().min(3),
            rate,
            records: 2_000_000,
            record_bytes: 200,
            configs,
            offline: BTreeSet::new(),
            thin: BTreeSet::new(),
            behind: BTreeSet::new(),
        };
        self.topics.insert(name.to_owned(), kept);
    }

    /// A group of three members.
    pub(crate) fn join(&mut self, name: &str, topic: &str, lag: i64, reads: i64) {
        let group = Grouped {
            topic: topic.to_owned(),
            group_type: GroupType::Classic,
            state: GroupState::Stable,
            members: 3,
            lag,
            reads,
            is_denied: false,
            committed: i32::MAX,
        };
        self.groups.insert(name.to_owned(), group);
    }

    /// What it says when it has lived for so long, in ms.
    pub(crate) fn answer(&self, question: &Question, age: u64) -> Result<Said, Failure> {
        let kind = question.lane.kind;
        let is_mute = |node: NodeId| self.mute.contains(&(kind, node.0));
        if self.silent.contains(&kind) || question.lane.broker.is_some_and(is_mute) {
            let reason = "connection refused".to_owned();
            return Err(Error::Unreachable { node: question.lane.broker, reason }.into());
        }
        if self.refused.contains(&kind) {
            let (api, code) = (ApiKey::DescribeLogDirs, ErrorCode::ClusterAuthorizationFailed);
            return Err(
                Error::Broker { api, code, subject: Subject::Request, message: None }.into()
            );
        }
        let node = question.lane.broker;
        Ok(match &question.ask {
            Ask::Brokers => Said::Brokers(self.registered()),
            Ask::Metadata => {
                let up = self.brokers.iter().filter(|it| !self.down.contains(it));
                let topics = self.topics.iter().map(|(name, it)| self.topic(name, it)).collect();
                Said::Metadata { brokers: up.map(|id| self.endpoint(*id)).collect(), topics }
            }
            Ask::Topic(name) => match self.topics.get(name) {
                Some(it) => Said::Topic(self.topic(name, it)),
                None => {
                    let subject = Subject::Topic(name.clone());
                    let (api, code) =
                        (ApiKey::DescribeTopicPartitions, ErrorCode::UnknownTopicOrPartition);
                    return Err(Error::Broker { api, code, subject, message: None }.into());
                }
            },
            Ask::Offsets(which, partitions) => {
                let found = |it: &TopicPartition| {
                    let offset = match self.endless.contains(&it.topic) {
                        true => Err(denied(ApiKey::ListOffsets, &it.topic)),
                        false => Ok(self.offset(*which, it, age)?),
                    };
                    Some((it.clone(), offset))
                };
                Said::Offsets(*which, partitions.iter().filter_map(found).collect())
            }
            Ask::Commits(groups) => Said::Commits(self.each(groups, |it| self.commits(it, age))),
            Ask::ShareCommits(_) => Said::ShareCommits(BTreeMap::new()),
            Ask::Groups => Said::Groups(self.listed(node)),
            Ask::Members(groups) => Said::Members(self.members(groups)),
            Ask::Quorum => Said::Quorum(quorum(age)),
            Ask::Moves => Said::Moves(self.moves.clone()),
            Ask::LogDirs => Said::LogDirs(self.log_dirs(node, age)),
            Ask::TopicConfigs(topics) => {
                let configs = |name: &String| Some((name.clone(), self.configs(name)?));
                Said::TopicConfigs(topics.iter().filter_map(configs).collect())
            }
            Ask::BrokerConfigs => Said::BrokerConfigs(self.broker_configs(node)),
            Ask::Ages(at) => {
                let time = |(partition, offset): &(TopicPartition, Offset)| {
                    let time = match self.unreadable.contains(&partition.topic) {
                        true => Err(denied(ApiKey::Fetch, &partition.topic)),
                        false => Ok(self.time(partition, *offset)),
                    };
                    (partition.clone(), *offset, time)
                };
                Said::Ages(at.iter().map(time).collect())
            }
            Ask::EntityConfigs(entity) => {
                Said::EntityConfigs(entity.clone(), self.entity_configs(entity))
            }
        })
    }

    fn endpoint(&self, id: i32) -> kt_client::Broker {
        let rack = ['a', 'b', 'c'][usize::try_from(id).unwrap() % 3];
        kt_client::Broker {
            id: NodeId(id),
            host: format!("kafka-{id}{}.eu.example", self.spite),
            port: 9092,
            rack: Some(format!("eu-{rack}{}", self.spite)),
        }
    }

    fn registered(&self) -> RegisteredBrokers {
        let broker = |id: &i32| RegisteredBroker {
            broker: self.endpoint(*id),
            standing: match self.down.contains(id) {
                true => BrokerStanding::Fenced,
                false => BrokerStanding::Up,
            },
        };
        RegisteredBrokers {
            cluster_id: "MkU3OEVBNTcwNTJENDM2Qk".to_owned(),
            brokers: self.brokers.iter().map(broker).collect(),
            scope: BrokerScope::Registered,
        }
    }

    fn topic(&self, name: &str, it: &Kept) -> Topic {
        Topic {
            name: name.to_owned(),
            id: Uuid([it.id; 16]),
            is_internal: name.starts_with("__"),
            partitions: (0..it.partitions).map(|index| self.partition(it, index)).collect(),
        }
    }

    fn partition(&self, it: &Kept, index: i32) -> Partition {
        let count = self.brokers.len();
        let first = usize::try_from(index + i32::from(it.id)).unwrap();
        let replicas: Vec<i32> =
            (0..it.replicas).map(|step| self.brokers[(first + step) % count]).collect();
        let mut isr: Vec<i32> =
            replicas.iter().copied().filter(|id| !self.down.contains(id)).collect();
        if it.thin.contains(&index) {
            isr.truncate(1);
        }
        if it.behind.contains(&index) && 1 < isr.len() {
            isr.pop();
        }
        if it.offline.contains(&index) {
            isr.clear();
        }
        Partition {
            index,
            leader: isr.first().map(|it| NodeId(*it)),
            leader_epoch: LeaderEpoch(14),
            replicas,
            isr,
            ..Partition::default()
        }
    }

    fn leader(&self, at: &TopicPartition) -> Option<NodeId> {
        self.partition(self.topics.get(&at.topic)?, at.partition.0).leader
    }

    fn end(&self, at: &TopicPartition, age: u64) -> Option<i64> {
        let it = self.topics.get(&at.topic)?;
        let grows = if it.offline.contains(&at.partition.0) { 0 } else { it.rate };
        Some(it.records + grows * i64::try_from(age).unwrap() / 1_000)
    }

    fn offset(&self, which: WhichOffset, at: &TopicPartition, age: u64) -> Option<FoundOffset> {
        let offset = match which {
            WhichOffset::Start => 0,
            WhichOffset::End => self.end(at, age)?,
            WhichOffset::StableEnd => {
                let held = self.held.get(at).copied().unwrap_or(0);
                self.end(at, age)? - held
            }
        };
        Some(FoundOffset { offset: Some(Offset(offset)), timestamp: None, leader_epoch: None })
    }

    fn each<T>(
        &self,
        groups: &[String],
        of: impl Fn(&Grouped) -> T,
    ) -> BTreeMap<String, Result<T, Failure>> {
        let one = |name: &String| {
            let group = self.groups.get(name)?;
            if group.is_denied {
                let (api, code) = (ApiKey::OffsetFetch, ErrorCode::GroupAuthorizationFailed);
                let subject = Subject::Other(format!("group {name}"));
                return Some((
                    name.clone(),
                    Err(Error::Broker { api, code, subject, message: None }.into()),
                ));
            }
            Some((name.clone(), Ok(of(group))))
        };
        groups.iter().filter_map(one).collect()
    }

    fn commits(
        &self,
        group: &Grouped,
        age: u64,
    ) -> BTreeMap<TopicPartition, Result<CommittedOffset, Failure>> {
        let Some(topic) = self.topics.get(&group.topic) else { return BTreeMap::new() };
        let committed = (0..topic.partitions.min(group.committed)).map(|index| {
            let at = TopicPartition::new(group.topic.clone(), index);
            // Commits come every five seconds.
            let read = group.reads * i64::try_from(age / 5_000 * 5).unwrap();
            let end = self.end(&at, age).unwrap_or(0);
            let offset = (topic.records - group.lag + read).min(end);
            let commit = CommittedOffset {
                offset: Offset(offset),
                leader_epoch: None,
                metadata: String::new(),
            };
            (at, Ok(commit))
        });
        committed.collect()
    }

    fn listed(&self, node: Option<NodeId>) -> Vec<ListedGroup> {
        let up: Vec<i32> =
            self.brokers.iter().copied().filter(|it| !self.down.contains(it)).collect();
        let mut listed = Vec::new();
        for (index, (name, it)) in self.groups.iter().enumerate() {
            let moved = self.moved.get(name).copied();
            let coordinator = NodeId(moved.unwrap_or(up[index % up.len()]));
            if Some(coordinator) == node && !self.unlisted.contains(name) {
                listed.push(ListedGroup {
                    name: name.clone(),
                    protocol_type: "consumer".to_owned(),
                    state: Some(it.state),
                    group_type: it.group_type,
                    coordinator,
                });
            }
        }
        listed
    }

    fn members(&self, groups: &[String]) -> BTreeMap<String, Result<GroupDescription, Failure>> {
        let one = |name: &String| {
            let group = self.groups.get(name)?;
            let partitions = self.topics.get(&group.topic)?.partitions;
            let count = i32::try_from(group.members).unwrap();
            let member = |index: i32| GroupMember {
                member_id: format!("{name}-{index}-uuid"),
                instance_id: None,
                client_id: format!("{name}-{}{}", index + 1, self.spite),
                host: format!("10.0.4.{}{}", 17 + index, self.spite),
                assignment: (0..partitions)
                    .filter(|it| it % count == index)
                    .map(|it| TopicPartition::new(group.topic.clone(), it))
                    .collect(),
            };
            let described = GroupDescription {
                name: name.clone(),
                state: group.state,
                group_type: group.group_type,
                protocol_type: "consumer".to_owned(),
                assignor: Some("cooperative-sticky".to_owned()),
                coordinator: NodeId(2),
                group_epoch: None,
                assignment_epoch: None,
                members: (0..count).map(member).collect(),
            };
            Some((name.clone(), Ok(described)))
        };
        groups.iter().filter_map(one).collect()
    }

    fn log_dirs(&self, node: Option<NodeId>, age: u64) -> Vec<LogDir> {
        let Some(node) = node else { return Vec::new() };
        let mut replicas = Vec::new();
        for (name, it) in &self.topics {
            for index in 0..it.partitions {
                let at = TopicPartition::new(name.clone(), index);
                if !self.partition(it, index).replicas.contains(&node.0) {
                    continue;
                }
                let is_led = self.leader(&at) == Some(node);
                let end = self.end(&at, age).unwrap_or(0);
                let size = u64::try_from(end * it.record_bytes).unwrap();
                let offset_lag = if is_led { 0 } else { 1 };
                let place = ReplicaPlace::Current;
                replicas.push(StoredReplica { partition: at, size, offset_lag, place });
            }
        }
        let total = 1_u64 << 40;
        let used = self.of_broker.get(&node.0).copied().unwrap_or(self.used);
        vec![LogDir {
            path: format!("/data/kafka-0{}", self.spite),
            replicas: Ok(replicas),
            total_bytes: Some(total),
            usable_bytes: Some(total - (total as f64 * used) as u64),
            admission: Admission::Open,
        }]
    }

    fn configs(&self, name: &str) -> Option<Result<Vec<ConfigEntry>, Failure>> {
        let topic = self.topics.get(name)?;
        if name == "pii-vault" {
            let (api, code) = (ApiKey::DescribeConfigs, ErrorCode::TopicAuthorizationFailed);
            let subject = Subject::Topic(name.to_owned());
            return Some(Err(Error::Broker { api, code, subject, message: None }.into()));
        }
        let entry = |(key, value): &(&'static str, String)| ConfigEntry {
            name: (*key).to_owned(),
            value: Some(format!("{value}{}", self.spite)),
            source: ConfigSource::DYNAMIC_TOPIC,
            is_read_only: false,
            is_sensitive: false,
            synonyms: Vec::new(),
        };
        Some(Ok(topic.configs.iter().map(entry).collect()))
    }

    fn broker_configs(&self, node: Option<NodeId>) -> Vec<ConfigEntry> {
        let rate = node.and_then(|it| self.throttled.get(&it.0));
        let entry = |rate: &i64| ConfigEntry {
            name: "leader.replication.throttled.rate".to_owned(),
            value: Some(rate.to_string()),
            source: ConfigSource(3),
            is_read_only: false,
            is_sensitive: false,
            synonyms: Vec::new(),
        };
        rate.map(entry).into_iter().collect()
    }

    /// What is set on a topic, and some of what it inherits.
    fn entity_configs(&self, entity: &ConfigEntity) -> Result<Vec<DocumentedConfig>, Failure> {
        let own = match entity {
            ConfigEntity::Topic(name) => self.configs(name).ok_or_else(|| {
                let (api, code) = (ApiKey::DescribeConfigs, ErrorCode::UnknownTopicOrPartition);
                Error::Broker { api, code, subject: Subject::Topic(name.clone()), message: None }
            })??,
            _ => Vec::new(),
        };
        let inherited = [
            ("compression.type", Some("producer"), 5),
            ("max.message.bytes", Some("1048588"), 5),
            ("ssl.keystore.password", None, 4),
            ("unclean.leader.election.enable", Some("true"), 2),
        ];
        let entry = |(name, value, source): (&str, Option<&str>, i8)| ConfigEntry {
            name: name.to_owned(),
            value: value.map(str::to_owned),
            source: ConfigSource(source),
            is_read_only: false,
            is_sensitive: value.is_none(),
            synonyms: match source {
                2 => vec![ConfigSynonym {
                    name: name.to_owned(),
                    value: Some("false".to_owned()),
                    source: ConfigSource::DEFAULT,
                }],
                _ => Vec::new(),
            },
        };
        let all = own.into_iter().chain(inherited.map(entry));
        let documented = |entry| DocumentedConfig {
            entry,
            config_type: Some("STRING"),
            documentation: Some("What <code>it</code> is for. And more.".to_owned()),
        };
        Ok(all.map(documented).collect())
    }

    /// When the record of an offset was written: the log grew evenly, and one that does not grow is
    /// a day old.
    fn time(&self, at: &TopicPartition, offset: Offset) -> Option<Timestamp> {
        let it = self.topics.get(&at.topic)?;
        let before = match it.rate {
            0 => 86_400_000,
            rate => (it.records - offset.0) * 1_000 / rate,
        };
        Some(Timestamp(WALL - before))
    }
}

fn denied(api: ApiKey, topic: &str) -> Failure {
    let (code, subject) = (ErrorCode::TopicAuthorizationFailed, Subject::Topic(topic.to_owned()));
    Error::Broker { api, code, subject, message: None }.into()
}

fn quorum(age: u64) -> QuorumDescription {
    let now = WALL + i64::try_from(age).unwrap();
    let replica = |(id, behind, ago): (i32, i64, Option<i64>)| QuorumReplica {
        node: NodeId(id),
        directory: Uuid([u8::try_from(id).unwrap(); 16]),
        log_end: Some(Offset(4_182_007 - behind)),
        last_fetch: ago.map(|ago| Timestamp(now - ago)),
        last_caught_up: ago.map(|ago| Timestamp(now - ago)),
    };
    QuorumDescription {
        leader: NodeId(101),
        leader_epoch: LeaderEpoch(42),
        high_watermark: Offset(4_182_007),
        voters: [(101, 0, None), (102, 0, Some(210)), (103, 6, Some(480))].map(replica).to_vec(),
        observers: vec![replica((1, 0, Some(300)))],
    }
}
