//! DeleteTopics, by name or by id (`ControllerApis.deleteTopics`).

use std::collections::BTreeMap;
use std::sync::Arc;

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::delete_topics_request::DeleteTopicState;
use kt_protocol::messages::delete_topics_response::DeletableTopicResult;
use kt_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse, RemoveTopicRecord};
use kt_protocol::types::Uuid;

use super::{ApiError, Controller, Decision, RECORDS_PER_REQUEST_MAX};
use crate::metadata::{TopicImage, VersionedRecord};

impl Controller {
    /// Deletes topics. `version` is the request's: old clients do not know every error.
    pub fn delete_topics(
        &self,
        version: i16,
        request: &DeleteTopicsRequest,
    ) -> Decision<DeleteTopicsResponse> {
        let wanted = wanted(request);
        if !self.config.delete_topic_enable {
            // Before version 3 there was no code for it.
            let code = if version < 3 {
                ErrorCode::InvalidRequest
            } else {
                ErrorCode::TopicDeletionDisabled
            };
            return Decision::only(all_refused(&wanted, &code.into()));
        }
        if RECORDS_PER_REQUEST_MAX < wanted.len() {
            let message = "Unable to perform excessively large batch operation.";
            let error = ApiError::new(ErrorCode::PolicyViolation, message);
            return Decision::only(all_refused(&wanted, &error));
        }
        self.delete_wanted(&wanted)
    }

    fn delete_wanted(&self, wanted: &[DeleteTopicState]) -> Decision<DeleteTopicsResponse> {
        let found: Vec<_> = wanted.iter().map(|topic| self.find(topic)).collect();
        let mut times: BTreeMap<Uuid, usize> = BTreeMap::new();
        for topic in found.iter().flatten() {
            *times.entry(topic.id).or_default() += 1;
        }
        let mut records = Vec::new();
        let mut response = DeleteTopicsResponse::default();
        for (wanted, found) in wanted.iter().zip(found) {
            let found = found.and_then(|topic| match (times.get(&topic.id), &wanted.name) {
                (Some(1), _) => Ok(topic),
                (_, Some(_)) => {
                    Err(ApiError::new(ErrorCode::InvalidRequest, "Duplicate topic name."))
                }
                (_, None) => Err(ApiError::new(ErrorCode::InvalidRequest, "Duplicate topic id.")),
            });
            response.responses.push(match found {
                Ok(topic) => {
                    records.push(VersionedRecord::v0(RemoveTopicRecord { topic_id: topic.id }));
                    deleted(topic)
                }
                Err(error) => refused(wanted, &error),
            });
        }
        Decision { records, response }
    }

    fn find(&self, wanted: &DeleteTopicState) -> Result<&Arc<TopicImage>, ApiError> {
        let topics = self.image().topics();
        match (&wanted.name, wanted.topic_id) {
            (Some(name), Uuid::ZERO) => {
                topics.get(name).ok_or(ErrorCode::UnknownTopicOrPartition.into())
            }
            (None, Uuid::ZERO) => Err(ApiError::new(
                ErrorCode::InvalidRequest,
                "Neither topic name nor id were specified.",
            )),
            (None, id) => topics.get_by_id(id).ok_or(ErrorCode::UnknownTopicId.into()),
            (Some(_), _) => Err(ApiError::new(
                ErrorCode::InvalidRequest,
                "You may not specify both topic name and topic id.",
            )),
        }
    }
}

/// Both forms of the request as one.
fn wanted(request: &DeleteTopicsRequest) -> Vec<DeleteTopicState> {
    let by_name =
        |name: &String| DeleteTopicState { name: Some(name.clone()), topic_id: Uuid::ZERO };
    let mut wanted = request.topics.clone();
    wanted.extend(request.topic_names.iter().map(by_name));
    wanted
}

fn deleted(topic: &TopicImage) -> DeletableTopicResult {
    DeletableTopicResult {
        name: Some(topic.name.clone()),
        topic_id: topic.id,
        ..Default::default()
    }
}

fn refused(wanted: &DeleteTopicState, error: &ApiError) -> DeletableTopicResult {
    DeletableTopicResult {
        name: wanted.name.clone(),
        topic_id: wanted.topic_id,
        error_code: error.code as i16,
        error_message: error.message.clone(),
    }
}

fn all_refused(wanted: &[DeleteTopicState], error: &ApiError) -> DeleteTopicsResponse {
    DeleteTopicsResponse {
        responses: wanted.iter().map(|topic| refused(topic, error)).collect(),
        ..Default::default()
    }
}
