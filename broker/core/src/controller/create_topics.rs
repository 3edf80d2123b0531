//! CreateTopics: names, configurations, partitions; each topic is made whole or not at all
//! (`ReplicationControlManager.createTopics`).

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::create_topics_request::CreatableTopic;
use kt_protocol::messages::create_topics_response::CreatableTopicResult;
use kt_protocol::messages::{ConfigRecord, CreateTopicsRequest, CreateTopicsResponse, TopicRecord};

use super::assignment::{ALL_FENCED, all_fenced_in_assignment, not_placeable};
use super::{ApiError, ConfigSchema, Controller, Decision, RECORDS_PER_REQUEST_MAX, placement};
use crate::metadata::{
    ConfigMap, ConfigResource, ConfigResourceType, PartitionRegistration, Replicas, VersionedRecord,
};
use crate::random::Random;
use crate::topic_name;

/// A topic that may be made.
struct NewTopic {
    configs: ConfigMap,
    partitions: Vec<PartitionRegistration>,
}

impl Controller {
    /// Creates topics. Ids and placements come out of `random`; `schema` knows configurations.
    pub fn create_topics(
        &self,
        random: &mut Random,
        schema: &dyn ConfigSchema,
        request: &CreateTopicsRequest,
    ) -> Decision<CreateTopicsResponse> {
        if self.asks_for_too_much(request) {
            let error = ApiError::new(
                ErrorCode::PolicyViolation,
                "Excessively large number of partitions per request.",
            );
            return Decision::only(all_refused(request, &error));
        }
        let duplicates = duplicate_names(request);
        let mut answered = BTreeSet::new();
        let mut records = Vec::new();
        let mut response = CreateTopicsResponse::default();
        for topic in &request.topics {
            if !answered.insert(topic.name.as_str()) {
                continue;
            }
            let outcome = if duplicates.contains(topic.name.as_str()) {
                Err(ApiError::new(ErrorCode::InvalidRequest, "Duplicate topic name."))
            } else {
                self.check_new_topic(random, schema, topic)
            };
            response.topics.push(match outcome {
                Ok(new) => self.make_topic(random, schema, topic, &new, &mut records),
                Err(error) => refused(topic, &error),
            });
        }
        if RECORDS_PER_REQUEST_MAX < records.len() {
            let message = "Unable to perform excessively large batch operation.";
            let error = ApiError::new(ErrorCode::PolicyViolation, message);
            return Decision::only(all_refused(request, &error));
        }
        if request.validate_only {
            records.clear();
        }
        Decision { records, response }
    }

    /// Counted before anything is placed: a few bytes can ask for billions.
    fn asks_for_too_much(&self, request: &CreateTopicsRequest) -> bool {
        let partitions_of = |topic: &CreatableTopic| match topic.num_partitions {
            _ if !topic.assignments.is_empty() => topic.assignments.len() as u64,
            -1 => u64::try_from(self.config.num_partitions).unwrap_or(0),
            count => u64::try_from(count).unwrap_or(0),
        };
        let partitions: u64 = request.topics.iter().map(partitions_of).sum();
        (RECORDS_PER_REQUEST_MAX as u64) < partitions
    }

    fn check_new_topic(
        &self,
        random: &mut Random,
        schema: &dyn ConfigSchema,
        topic: &CreatableTopic,
    ) -> Result<NewTopic, ApiError> {
        if topic.name == topic_name::CLUSTER_METADATA {
            return Err(ErrorCode::TopicAuthorizationFailed.into());
        }
        self.check_new_name(&topic.name)?;
        let configs = new_configs(topic)?;
        schema.validate(&ConfigResource::topic(topic.name.clone()), &configs, &configs)?;
        let partitions = if topic.assignments.is_empty() {
            self.placed_partitions(random, topic)?
        } else {
            self.assigned_partitions(topic)?
        };
        Ok(NewTopic { configs, partitions })
    }

    fn check_new_name(&self, name: &str) -> Result<(), ApiError> {
        if self.image().topics().get(name).is_some() {
            return Err(ApiError::new(
                ErrorCode::TopicAlreadyExists,
                format!("Topic '{name}' already exists."),
            ));
        }
        let invalid = |message: String| ApiError::new(ErrorCode::InvalidTopicException, message);
        topic_name::validate(name).map_err(|error| invalid(error.to_string()))?;
        let colliding = topic_name::collision_key(name)
            .and_then(|key| self.collisions.get(key.as_ref())?.first());
        match colliding {
            Some(other) => {
                Err(invalid(format!("Topic '{name}' collides with existing topic: {other}")))
            }
            None => Ok(()),
        }
    }

    fn assigned_partitions(
        &self,
        topic: &CreatableTopic,
    ) -> Result<Vec<PartitionRegistration>, ApiError> {
        if topic.replication_factor != -1 {
            return Err(ApiError::new(
                ErrorCode::InvalidRequest,
                "A manual partition assignment was specified, but replication factor was not set to -1.",
            ));
        }
        if topic.num_partitions != -1 {
            return Err(ApiError::new(
                ErrorCode::InvalidRequest,
                "A manual partition assignment was specified, but numPartitions was not set to -1.",
            ));
        }
        let mut by_index: BTreeMap<i32, PartitionRegistration> = BTreeMap::new();
        let mut replication_factor = None;
        for assignment in &topic.assignments {
            let index = assignment.partition_index;
            if by_index.contains_key(&index) {
                return Err(ApiError::new(
                    ErrorCode::InvalidReplicaAssignment,
                    format!("Found multiple manual partition assignments for partition {index}"),
                ));
            }
            let replicas = self.check_assignment(&assignment.broker_ids, replication_factor)?;
            replication_factor = Some(replicas.len());
            let partition = self
                .new_partition(replicas)
                .ok_or_else(|| all_fenced_in_assignment(usize::try_from(index).unwrap_or(0)))?;
            by_index.insert(index, partition);
        }
        let is_sequence = by_index.keys().zip(0..).all(|(index, expected)| *index == expected);
        if !is_sequence {
            return Err(ApiError::new(
                ErrorCode::InvalidReplicaAssignment,
                "partitions should be a consecutive 0-based integer sequence",
            ));
        }
        Ok(by_index.into_values().collect())
    }

    fn placed_partitions(
        &self,
        random: &mut Random,
        topic: &CreatableTopic,
    ) -> Result<Vec<PartitionRegistration>, ApiError> {
        let replication_factor = match topic.replication_factor {
            -1 => self.config.default_replication_factor,
            factor => factor,
        };
        let count = match topic.num_partitions {
            -1 => self.config.num_partitions,
            count => count,
        };
        let replication_factor =
            usize::try_from(replication_factor).ok().filter(|it| 0 < *it).ok_or_else(|| {
                ApiError::new(
                    ErrorCode::InvalidReplicationFactor,
                    "Replication factor must be larger than 0, or -1 to use the default value.",
                )
            })?;
        let count = usize::try_from(count).ok().filter(|it| 0 < *it).ok_or_else(|| {
            ApiError::new(
                ErrorCode::InvalidPartitions,
                "Number of partitions was set to an invalid non-positive value.",
            )
        })?;
        let placed = placement::place(random, self.image().brokers(), count, replication_factor)
            .map_err(|error| not_placeable(replication_factor, &error.to_string()))?;
        let partition = |replicas: Replicas| {
            self.new_partition(replicas)
                .ok_or_else(|| not_placeable(replication_factor, ALL_FENCED))
        };
        placed.into_iter().map(partition).collect()
    }

    /// TopicRecord, then its configurations, then its partitions: the order readers rely on.
    fn make_topic(
        &self,
        random: &mut Random,
        schema: &dyn ConfigSchema,
        topic: &CreatableTopic,
        new: &NewTopic,
        records: &mut Vec<VersionedRecord>,
    ) -> CreatableTopicResult {
        let topic_id = random.id();
        let record = TopicRecord { name: topic.name.clone(), topic_id };
        records.push(VersionedRecord::v0(record));
        let config_record = |(name, value): (&String, &String)| {
            VersionedRecord::v0(ConfigRecord {
                resource_type: ConfigResourceType::TOPIC.0,
                resource_name: topic.name.clone(),
                name: name.clone(),
                value: Some(value.clone()),
            })
        };
        records.extend(new.configs.iter().map(config_record));
        for (index, partition) in new.partitions.iter().enumerate() {
            records.push(self.partition_record(topic_id, index, partition));
        }
        let replicas = new.partitions.first().map_or(0, |partition| partition.replicas.len());
        CreatableTopicResult {
            name: topic.name.clone(),
            topic_id,
            num_partitions: i32::try_from(new.partitions.len()).unwrap_or(i32::MAX),
            replication_factor: i16::try_from(replicas).unwrap_or(i16::MAX),
            configs: Some(schema.effective_topic_configs(self.image(), &new.configs)),
            ..Default::default()
        }
    }
}

fn duplicate_names(request: &CreateTopicsRequest) -> BTreeSet<&str> {
    let mut seen = BTreeSet::new();
    let names = request.topics.iter().map(|topic| topic.name.as_str());
    names.filter(|name| !seen.insert(*name)).collect()
}

/// A new topic has nothing to unset.
fn new_configs(topic: &CreatableTopic) -> Result<ConfigMap, ApiError> {
    let mut configs = ConfigMap::new();
    let mut without_value = Vec::new();
    for config in &topic.configs {
        match &config.value {
            Some(value) => _ = configs.insert(config.name.clone(), value.clone()),
            None => without_value.push(config.name.as_str()),
        }
    }
    if without_value.is_empty() {
        return Ok(configs);
    }
    let names = without_value.join(",");
    Err(ApiError::new(
        ErrorCode::InvalidConfig,
        format!("Null value not supported for topic configs: {names}"),
    ))
}

fn refused(topic: &CreatableTopic, error: &ApiError) -> CreatableTopicResult {
    CreatableTopicResult {
        name: topic.name.clone(),
        error_code: error.code as i16,
        error_message: error.message.clone(),
        ..Default::default()
    }
}

fn all_refused(request: &CreateTopicsRequest, error: &ApiError) -> CreateTopicsResponse {
    let mut answered = BTreeSet::new();
    let topics = request.topics.iter().filter(|topic| answered.insert(topic.name.as_str()));
    CreateTopicsResponse {
        topics: topics.map(|topic| refused(topic, error)).collect(),
        ..Default::default()
    }
}
