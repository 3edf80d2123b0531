//! A controller in conversation: commands, the records they cause, their answers, the state.

mod show;

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::broker_registration_request::{Feature, Listener};
use kt_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use kt_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use kt_protocol::messages::create_topics_response::CreatableTopicConfigs;
use kt_protocol::messages::delete_topics_request::DeleteTopicState;
use kt_protocol::messages::metadata_record::MetadataRecord;
use kt_protocol::messages::update_features_request::FeatureUpdateKey;
use kt_protocol::messages::*;
use kt_protocol::types::{LeaderEpoch, NodeId, Now, Offset, PartitionIndex, Timestamp, Uuid};

use super::*;
use crate::metadata::{
    ConfigMap, ConfigResourceType, MetadataVersion, SUPPORTED_FEATURES, VersionRange,
};
use crate::random::Random;
use crate::transcript::Command;

/// A small config table: enough to refuse.
struct Schema;

impl ConfigSchema for Schema {
    fn validate(
        &self,
        _resource: &ConfigResource,
        configs: &ConfigMap,
        _altered: &ConfigMap,
    ) -> Result<(), ApiError> {
        let invalid = |message: String| Err(ApiError::new(ErrorCode::InvalidConfig, message));
        for (key, value) in configs {
            if key.starts_with("foo") {
                return invalid(format!("Unknown topic config name: {key}"));
            }
            if key == "retention.ms" && value.parse::<i64>().is_err() {
                return invalid(format!(
                    "Invalid value {value} for configuration {key}: Not a number of type LONG"
                ));
            }
        }
        Ok(())
    }

    fn is_list(&self, _: ConfigResourceType, key: &str) -> bool {
        key == "cleanup.policy"
    }

    fn default_value(&self, _: ConfigResourceType, key: &str) -> Option<String> {
        (key == "cleanup.policy").then(|| "delete".to_owned())
    }

    fn effective_topic_configs(
        &self,
        _: &MetadataImage,
        own: &ConfigMap,
    ) -> Vec<CreatableTopicConfigs> {
        let config = |(name, value): (&String, &String)| CreatableTopicConfigs {
            name: name.clone(),
            value: Some(value.clone()),
            ..Default::default()
        };
        own.iter().map(config).collect()
    }
}

/// A controller, the log behind it, and a clock.
pub(super) struct Conversation {
    controller: Controller,
    log: Vec<MetadataRecord>,
    random: Random,
    now: Now,
}

impl Conversation {
    pub(super) fn new() -> Conversation {
        Conversation {
            controller: Controller::new(config(), MetadataImage::default()),
            log: Vec::new(),
            random: Random::new(1),
            now: Now::default(),
        }
    }

    pub(super) fn image(&self) -> &MetadataImage {
        self.controller.image()
    }

    pub(super) fn say(&mut self, command: &Command<'_>) -> String {
        match command.name {
            "configure" => self.configure(command),
            "activate" => self.activate(command),
            "restart" => self.restart(command),
            "advance" => {
                let seconds: u64 = command.number("seconds").unwrap();
                self.now.monotonic = self.now.monotonic + seconds * 1000;
                String::new()
            }
            "register-controller" => self.register_controller(),
            "register-broker" => self.register_broker(command),
            "unregister-broker" => {
                let broker_id = command.number("id").unwrap();
                let decision =
                    self.controller.unregister_broker(&UnregisterBrokerRequest { broker_id });
                self.decided(decision, |it| error(it.error_code, it.error_message.as_ref()))
            }
            "heartbeat" => self.heartbeat(command),
            "session-deadline" => {
                let deadline = self.controller.next_session_deadline();
                format!("{:?}", deadline.map(|it| it - self.now.monotonic))
            }
            "fence-stale" => {
                let decision = self.controller.fence_stale_broker(self.now);
                self.decided(decision, |it| format!("fenced {:?}", it.map(|id| id.0)))
            }
            "create-topics" => self.create_topics(command),
            "delete-topics" => self.delete_topics(command),
            "create-partitions" => self.create_partitions(command),
            "alter-configs" => self.alter_configs(command),
            "replace-configs" => self.replace_configs(command),
            "allocate-producer-ids" => self.allocate_producer_ids(command),
            "update-features" => self.update_features(command),
            "assign-directory" => self.assign_directory(command),
            "no-op" => {
                let decision = self.controller.no_op();
                self.decided(decision, |()| String::new())
            }
            "open-transaction" => {
                let record = BeginTransactionRecord { name: None };
                let records = vec![VersionedRecord::v0(record)];
                self.decided(Decision { records, response: () }, |()| String::new())
            }
            "state" => self.state(),
            other => panic!("{other} is no command"),
        }
    }

    fn configure(&mut self, command: &Command<'_>) -> String {
        let mut config = self.controller.config().clone();
        config.delete_topic_enable = command.get("delete.topic.enable") != Some("false");
        config.unclean_leader_election_enable =
            command.get("unclean.leader.election.enable") == Some("true");
        self.controller.set_config(config);
        String::new()
    }

    fn activate(&mut self, command: &Command<'_>) -> String {
        let level = command.number("metadata.version");
        let bootstrap = FeatureLevelRecord {
            name: MetadataVersion::FEATURE.to_owned(),
            feature_level: level.unwrap_or(MetadataVersion::MAX_SUPPORTED.level()),
        };
        let decision = self.controller.activate(self.now, &[VersionedRecord::v0(bootstrap)]);
        self.decided(decision, |()| String::new())
    }

    /// Another process, with nothing but the log.
    fn restart(&mut self, command: &Command<'_>) -> String {
        let mut controller = Controller::new(config(), MetadataImage::default());
        for (offset, record) in self.log.iter().enumerate() {
            controller.replay(record, Offset(offset as i64)).unwrap();
        }
        controller.end_batch(provenance(self.log.len()));
        assert!(controller.image() == self.controller.image(), "the log says something else");
        assert!(controller.collisions == self.controller.collisions);
        self.controller = controller;
        self.activate(command)
    }

    fn register_controller(&mut self) -> String {
        let request = ControllerRegistrationRequest {
            controller_id: 1,
            incarnation_id: id(9),
            ..Default::default()
        };
        let decision = self.controller.register_controller(&request);
        self.decided(decision, |it| error(it.error_code, it.error_message.as_ref()))
    }

    fn register_broker(&mut self, command: &Command<'_>) -> String {
        let broker_id: i32 = command.number("id").unwrap();
        let feature = |(name, range): &(&str, VersionRange)| Feature {
            name: (*name).to_owned(),
            min_supported_version: range.min,
            max_supported_version: range.max,
        };
        let mut features: Vec<Feature> = SUPPORTED_FEATURES.iter().map(feature).collect();
        if let Some(max) = command.number("max-metadata.version") {
            features.retain(|it| it.name != MetadataVersion::FEATURE);
            let name = MetadataVersion::FEATURE.to_owned();
            let min_supported_version = 7;
            features.push(Feature { name, min_supported_version, max_supported_version: max });
        }
        let directories = command.list("dirs", ',');
        let request = BrokerRegistrationRequest {
            broker_id,
            cluster_id: command.get("cluster").unwrap_or("cluster").to_owned(),
            incarnation_id: id(command.number("incarnation").unwrap_or(1)),
            listeners: vec![Listener { name: "PLAINTEXT".to_owned(), ..Default::default() }],
            features,
            rack: command.get("rack").map(str::to_owned),
            log_dirs: match directories.as_slice() {
                [] => vec![id(100 + broker_id as u8)],
                given => given.iter().filter_map(|it| it.parse().ok()).map(id).collect(),
            },
            ..Default::default()
        };
        let refusal = self.controller.check_registration(self.now, &request).err();
        let next_offset = Offset(self.log.len() as i64);
        let decision = self.controller.register_broker(self.now, &request, next_offset);
        self.decided(decision, |it| match it.error_code {
            0 => format!("broker epoch {}", it.broker_epoch),
            code => error(code, refusal.as_ref().and_then(|it| it.message.as_ref())),
        })
    }

    fn heartbeat(&mut self, command: &Command<'_>) -> String {
        let broker_id = command.number("id").unwrap();
        let registered = self.controller.image().brokers().get(NodeId(broker_id));
        let request = BrokerHeartbeatRequest {
            broker_id,
            broker_epoch: command
                .number("epoch")
                .unwrap_or_else(|| registered.map_or(-1, |it| it.epoch)),
            current_metadata_offset: command.number("offset").unwrap_or(self.log.len() as i64 - 1),
            want_fence: command.has("fence"),
            want_shut_down: command.has("shutdown"),
            offline_log_dirs: command
                .list("offline", ',')
                .iter()
                .map(|it| id(it.parse().unwrap()))
                .collect(),
            cordoned_log_dirs: command
                .get("cordoned")
                .map(|it| it.split(',').filter_map(|it| it.parse().ok()).map(id).collect()),
        };
        let decision = self.controller.broker_heartbeat(self.now, &request);
        self.decided(decision, |it| match it.error_code {
            0 => format!(
                "caught up {}, fenced {}, shut down {}",
                it.is_caught_up, it.is_fenced, it.should_shut_down
            ),
            code => error(code, None),
        })
    }

    fn create_topics(&mut self, command: &Command<'_>) -> String {
        let assignments: Vec<CreatableReplicaAssignment> = command
            .list("assignments", ';')
            .iter()
            .zip(command.number("first").unwrap_or(0)..)
            .map(|(brokers, partition_index)| CreatableReplicaAssignment {
                partition_index,
                broker_ids: numbers(brokers),
            })
            .collect();
        let default_count = if assignments.is_empty() { 1 } else { -1 };
        let config = |it: &&str| {
            let (name, value) = it.split_once(':').unwrap();
            let value = Some(value.to_owned()).filter(|it| it != "null");
            CreatableTopicConfig { name: name.to_owned(), value }
        };
        let topic = |name: &&str| CreatableTopic {
            name: name.trim_matches('\'').to_owned(),
            num_partitions: command.number("partitions").unwrap_or(default_count),
            replication_factor: command.number("replication").unwrap_or(default_count as i16),
            assignments: assignments.clone(),
            configs: command.list("configs", ',').iter().map(config).collect(),
        };
        let names: Vec<&&str> = command.words.iter().filter(|it| **it != "validate-only").collect();
        let request = CreateTopicsRequest {
            topics: names.into_iter().map(topic).collect(),
            validate_only: command.has("validate-only"),
            ..Default::default()
        };
        let decision = self.controller.create_topics(&mut self.random, &Schema, &request);
        self.decided(decision, |it| {
            lines(it.topics.iter().map(|topic| match topic.error_code {
                0 => format!(
                    "{}: {} partitions, replication factor {}",
                    topic.name, topic.num_partitions, topic.replication_factor
                ),
                code => format!("{}: {}", topic.name, error(code, topic.error_message.as_ref())),
            }))
        })
    }

    fn delete_topics(&mut self, command: &Command<'_>) -> String {
        let topics = self.controller.image().topics();
        let by_id = |name: &&str| DeleteTopicState {
            name: None,
            topic_id: topics.get(name).map_or(id(77), |topic| topic.id),
        };
        let request = DeleteTopicsRequest {
            topic_names: command.words.iter().map(|it| (*it).to_owned()).collect(),
            topics: command.list("ids", ',').iter().map(by_id).collect(),
            ..Default::default()
        };
        let version = command.number("version").unwrap_or(6);
        let decision = self.controller.delete_topics(version, &request);
        self.decided(decision, |it| {
            lines(it.responses.iter().map(|topic| {
                let outcome = error(topic.error_code, topic.error_message.as_ref());
                format!("{}: {outcome}", topic.name.as_deref().unwrap_or("-"))
            }))
        })
    }

    fn create_partitions(&mut self, command: &Command<'_>) -> String {
        let assignments = command.get("assignments").map(|given| {
            given
                .split(';')
                .map(|brokers| CreatePartitionsAssignment { broker_ids: numbers(brokers) })
                .collect()
        });
        let topic = |name: &&str| CreatePartitionsTopic {
            name: (*name).to_owned(),
            count: command.number("count").unwrap(),
            assignments: Clone::clone(&assignments),
        };
        let request = CreatePartitionsRequest {
            topics: command.words.iter().map(topic).collect(),
            ..Default::default()
        };
        let decision = self.controller.create_partitions(&mut self.random, &request);
        self.decided(decision, |it| {
            lines(it.results.iter().map(|topic| {
                let outcome = error(topic.error_code, topic.error_message.as_ref());
                format!("{}: {outcome}", topic.name)
            }))
        })
    }

    fn alter_configs(&mut self, command: &Command<'_>) -> String {
        let update = |it: &&str| {
            let mut parts = it.splitn(3, ':');
            let operation = match parts.next() {
                Some("set") => 0,
                Some("delete") => 1,
                Some("append") => 2,
                Some("subtract") => 3,
                _ => 9,
            };
            incremental_alter_configs_request::AlterableConfig {
                name: parts.next().unwrap_or_default().to_owned(),
                config_operation: operation,
                value: parts.next().map(str::to_owned),
            }
        };
        let resource = |resource: &&str| {
            let (resource_type, resource_name) = parse_resource(resource);
            incremental_alter_configs_request::AlterConfigsResource {
                resource_type,
                resource_name,
                configs: command.list("updates", ',').iter().map(update).collect(),
            }
        };
        let request = IncrementalAlterConfigsRequest {
            resources: command.words.iter().map(resource).collect(),
            validate_only: false,
        };
        let decision = self.controller.incremental_alter_configs(&Schema, &request);
        self.decided(decision, |it| {
            lines(it.responses.iter().map(|it| {
                let outcome = error(it.error_code, it.error_message.as_ref());
                format!("{} '{}': {outcome}", it.resource_type, it.resource_name)
            }))
        })
    }

    fn replace_configs(&mut self, command: &Command<'_>) -> String {
        let config = |it: &&str| {
            let (name, value) = it.split_once(':').unwrap();
            alter_configs_request::AlterableConfig {
                name: name.to_owned(),
                value: Some(value.to_owned()),
            }
        };
        let resource = |resource: &&str| {
            let (resource_type, resource_name) = parse_resource(resource);
            alter_configs_request::AlterConfigsResource {
                resource_type,
                resource_name,
                configs: command.list("configs", ',').iter().map(config).collect(),
            }
        };
        let request = AlterConfigsRequest {
            resources: command.words.iter().map(resource).collect(),
            validate_only: false,
        };
        let decision = self.controller.alter_configs(&Schema, &request);
        self.decided(decision, |it| {
            lines(it.responses.iter().map(|it| {
                let outcome = error(it.error_code, it.error_message.as_ref());
                format!("{} '{}': {outcome}", it.resource_type, it.resource_name)
            }))
        })
    }

    fn allocate_producer_ids(&mut self, command: &Command<'_>) -> String {
        let broker_id = command.number("id").unwrap();
        let registered = self.controller.image().brokers().get(NodeId(broker_id));
        let request = AllocateProducerIdsRequest {
            broker_id,
            broker_epoch: command
                .number("epoch")
                .unwrap_or_else(|| registered.map_or(-1, |it| it.epoch)),
        };
        let decision = self.controller.allocate_producer_ids(&request);
        self.decided(decision, |it| match it.error_code {
            0 => format!("{} ids from {}", it.producer_id_len, it.producer_id_start),
            code => error(code, None),
        })
    }

    fn update_features(&mut self, command: &Command<'_>) -> String {
        let update = |it: &&str| {
            let (feature, level) = it.split_once(':').unwrap();
            FeatureUpdateKey {
                feature: feature.to_owned(),
                max_version_level: level.parse().unwrap(),
                ..Default::default()
            }
        };
        let request = UpdateFeaturesRequest {
            feature_updates: command.list("to", ',').iter().map(update).collect(),
            ..Default::default()
        };
        let decision = self.controller.update_features(2, &request);
        self.decided(decision, |it| error(it.error_code, it.error_message.as_ref()))
    }

    fn assign_directory(&mut self, command: &Command<'_>) -> String {
        use kt_protocol::messages::assign_replicas_to_dirs_request::{
            DirectoryData, PartitionData, TopicData,
        };
        let broker_id = command.number("id").unwrap();
        let image = self.controller.image();
        let topic = image.topics().get(command.get("topic").unwrap());
        let partitions =
            vec![PartitionData { partition_index: command.number("partition").unwrap() }];
        let topics = vec![TopicData { topic_id: topic.map_or(id(77), |it| it.id), partitions }];
        let directory = id(command.number("dir").unwrap());
        let request = AssignReplicasToDirsRequest {
            broker_id,
            broker_epoch: image.brokers().get(NodeId(broker_id)).map_or(-1, |it| it.epoch),
            directories: vec![DirectoryData { id: directory, topics }],
        };
        let decision = self.controller.assign_replicas_to_dirs(&request);
        self.decided(decision, |it| {
            let partitions = it.directories.iter().flat_map(|it| &it.topics);
            lines(partitions.flat_map(|it| &it.partitions).map(|it| error(it.error_code, None)))
        })
    }

    /// Appends, replays, and shows what was decided.
    fn decided<R>(&mut self, decision: Decision<R>, show: impl Fn(&R) -> String) -> String {
        let mut text = String::new();
        for record in decision.records {
            let value = record.record.encode(record.version).expect("it can be written");
            let (read_back, version) = MetadataRecord::decode(&value).expect("it can be read");
            assert_eq!((&read_back, version), (&record.record, record.version));
            _ = writeln!(text, "{}", show::record(self.image(), self.log.len(), &record));
            let offset = Offset(self.log.len() as i64);
            self.controller.replay(&record.record, offset).expect("a decision fits its image");
            self.log.push(record.record);
        }
        self.controller.end_batch(provenance(self.log.len()));
        let response = show(&decision.response);
        if !response.is_empty() {
            _ = writeln!(text, "-> {}", response.trim_end().replace('\n', "\n-> "));
        }
        text
    }

    fn state(&self) -> String {
        let image = self.controller.image();
        let mut text = String::new();
        for broker in image.brokers().iter() {
            let shutdown = if broker.in_controlled_shutdown { ", shutting down" } else { "" };
            _ = writeln!(
                text,
                "broker {} epoch {}: {}{shutdown}",
                broker.id,
                broker.epoch,
                if broker.fenced { "fenced" } else { "unfenced" }
            );
        }
        for topic in image.topics().iter() {
            for (PartitionIndex(index), it) in topic.partitions.iter() {
                _ = writeln!(
                    text,
                    "{}-{index}: replicas {:?}, isr {:?}, leader {}, epochs {}/{}",
                    topic.name,
                    raw(&it.replicas),
                    raw(&it.isr),
                    it.leader.map_or(-1, |it| it.0),
                    it.leader_epoch,
                    it.partition_epoch
                );
            }
        }
        text
    }
}

fn config() -> ControllerConfig {
    ControllerConfig {
        node_id: NodeId(1),
        cluster_id: "cluster".to_owned(),
        own_broker: Some(NodeId(1)),
        default_replication_factor: 1,
        num_partitions: 1,
        unclean_leader_election_enable: false,
        delete_topic_enable: true,
        broker_session_timeout_ms: 9000,
        metadata_max_idle_interval_ms: 500,
    }
}

fn provenance(log_end: usize) -> Provenance {
    Provenance {
        last_offset: Offset(log_end as i64 - 1),
        last_epoch: LeaderEpoch(1),
        last_timestamp: Timestamp(0),
    }
}

fn id(number: u8) -> Uuid {
    Uuid([number; 16])
}

fn error(code: i16, message: Option<&String>) -> String {
    let name = ErrorCode::from_code(code).name();
    message.map_or_else(|| name.to_owned(), |message| format!("{name}: {message}"))
}

fn lines(parts: impl Iterator<Item = impl Display>) -> String {
    parts.map(|it| format!("{it}\n")).collect()
}

fn numbers(text: &str) -> Vec<i32> {
    text.split(',').filter_map(|it| it.parse().ok()).collect()
}

fn raw(nodes: &[NodeId]) -> Vec<i32> {
    nodes.iter().map(|it| it.0).collect()
}

fn parse_resource(text: &str) -> (i8, String) {
    let kinds: BTreeMap<&str, ConfigResourceType> = [
        ("topic", ConfigResourceType::TOPIC),
        ("broker", ConfigResourceType::BROKER),
        ("group", ConfigResourceType::GROUP),
        ("client-metrics", ConfigResourceType::CLIENT_METRICS),
        ("logger", ConfigResourceType::BROKER_LOGGER),
    ]
    .into();
    let (kind, name) = text.split_once('/').unwrap();
    (kinds[kind].0, name.to_owned())
}
