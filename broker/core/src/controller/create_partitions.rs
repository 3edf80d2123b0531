//! CreatePartitions: a topic only grows (`ReplicationControlManager.createPartitions`).

use std::collections::BTreeSet;

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use kt_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kt_protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse};

use super::assignment::{ALL_FENCED, all_fenced_in_assignment, not_placeable};
use super::{ApiError, Controller, Decision, RECORDS_PER_REQUEST_MAX, placement};
use crate::metadata::{PartitionRegistration, Replicas, TopicImage, VersionedRecord};
use crate::random::Random;

impl Controller {
    /// Adds partitions to topics.
    pub fn create_partitions(
        &self,
        random: &mut Random,
        request: &CreatePartitionsRequest,
    ) -> Decision<CreatePartitionsResponse> {
        let mut seen = BTreeSet::new();
        let names = request.topics.iter().map(|topic| topic.name.as_str());
        let duplicates: BTreeSet<&str> = names.filter(|name| !seen.insert(*name)).collect();
        let mut answered = BTreeSet::new();
        let mut records = Vec::new();
        let mut response = CreatePartitionsResponse::default();
        for topic in &request.topics {
            if !answered.insert(topic.name.as_str()) {
                continue;
            }
            let outcome = if duplicates.contains(topic.name.as_str()) {
                Err(ApiError::new(ErrorCode::InvalidRequest, "Duplicate topic name."))
            } else {
                self.grow(random, topic, RECORDS_PER_REQUEST_MAX - records.len())
            };
            response.results.push(result(&topic.name, outcome.as_ref().err()));
            records.extend(outcome.unwrap_or_default());
        }
        if request.validate_only {
            records.clear();
        }
        Decision { records, response }
    }

    fn grow(
        &self,
        random: &mut Random,
        wanted: &CreatePartitionsTopic,
        records_left: usize,
    ) -> Result<Vec<VersionedRecord>, ApiError> {
        let topic = self.image().topics().get(&wanted.name);
        let topic = topic.ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let additional = additional(topic, wanted)?;
        if let Some(given) = &wanted.assignments
            && given.len() != additional
        {
            let given = given.len();
            return Err(ApiError::new(
                ErrorCode::InvalidReplicaAssignment,
                format!(
                    "Attempted to add {additional} additional partition(s), but only {given} assignment(s) were specified."
                ),
            ));
        }
        if records_left < additional {
            return Err(ApiError::new(
                ErrorCode::PolicyViolation,
                "Unable to perform excessively large batch operation.",
            ));
        }
        let partitions = match &wanted.assignments {
            Some(assignments) => self.assigned(topic, assignments)?,
            None => self.placed(random, topic, additional)?,
        };
        let indexes = topic.partitions.len()..;
        let record = |(index, it): (usize, PartitionRegistration)| {
            self.partition_record(topic.id, index, &it)
        };
        Ok(indexes.zip(partitions).map(record).collect())
    }

    fn assigned(
        &self,
        topic: &TopicImage,
        assignments: &[CreatePartitionsAssignment],
    ) -> Result<Vec<PartitionRegistration>, ApiError> {
        let first = topic.partitions.len();
        let partition = |(offset, it): (usize, &CreatePartitionsAssignment)| {
            let replicas =
                self.check_assignment(&it.broker_ids, Some(topic.replication_factor()))?;
            self.new_partition(replicas).ok_or_else(|| all_fenced_in_assignment(first + offset))
        };
        assignments.iter().enumerate().map(partition).collect()
    }

    fn placed(
        &self,
        random: &mut Random,
        topic: &TopicImage,
        additional: usize,
    ) -> Result<Vec<PartitionRegistration>, ApiError> {
        let factor = topic.replication_factor().max(1);
        // Kafka says the placer's sentence here without naming the factor first.
        let placed = placement::place(random, self.image().brokers(), additional, factor).map_err(
            |error| ApiError::new(ErrorCode::InvalidReplicationFactor, error.to_string()),
        )?;
        let partition = |replicas: Replicas| {
            self.new_partition(replicas).ok_or_else(|| not_placeable(factor, ALL_FENCED))
        };
        placed.into_iter().map(partition).collect()
    }
}

fn additional(topic: &TopicImage, wanted: &CreatePartitionsTopic) -> Result<usize, ApiError> {
    let existing = topic.partitions.len();
    let count = usize::try_from(wanted.count).unwrap_or(0);
    let invalid = |message: String| ApiError::new(ErrorCode::InvalidPartitions, message);
    if count == existing {
        return Err(invalid(format!("Topic already has {existing} partition(s).")));
    }
    count.checked_sub(existing).ok_or_else(|| {
        invalid(format!(
            "The topic {} currently has {existing} partition(s); {} would not be an increase.",
            wanted.name, wanted.count
        ))
    })
}

fn result(name: &str, error: Option<&ApiError>) -> CreatePartitionsTopicResult {
    CreatePartitionsTopicResult {
        name: name.to_owned(),
        error_code: error.map_or(0, |error| error.code as i16),
        error_message: error.and_then(|error| error.message.clone()),
    }
}
