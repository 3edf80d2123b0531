//! What the answer to a commit means: for its caller, and for the membership.

use kt_protocol::messages::OffsetCommitResponse;
use kt_protocol::types::{Millis, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};

use super::{Commit, Commits, InFlight, Kind, lost};
use crate::consumer::group::membership::Membership;
use crate::consumer::group::request::{Effect, GroupResponse, RequestId};
use crate::error::{Error, Subject};

impl Commits {
    /// True if the request was a commit.
    pub fn is_of(&self, id: RequestId) -> bool {
        self.in_flight.as_ref().is_some_and(|it| it.id == id)
    }

    /// Takes an answer, or that there is none.
    pub fn on_answer(
        &mut self,
        now: Millis,
        id: RequestId,
        answer: Result<GroupResponse, Error>,
        membership: &mut Membership,
        effects: &mut Vec<Effect>,
    ) {
        if !self.is_of(id) {
            return;
        }
        if let Some(InFlight { commit: Some(commit), .. }) = self.in_flight.take() {
            match answer {
                Ok(GroupResponse::OffsetCommit(it)) => self.answered(now, commit, &it, membership),
                Ok(_) => {
                    let error = Error::protocol(ApiKey::OffsetCommit, "another answer came");
                    self.finish(commit, Err(error));
                }
                Err(error) => {
                    membership.on_coordinator_gone(now);
                    self.failed(now, commit, error);
                }
            }
        }
        self.poll(now, membership, effects);
    }

    fn answered(
        &mut self,
        now: Millis,
        commit: Commit,
        response: &OffsetCommitResponse,
        membership: &mut Membership,
    ) {
        let Some((partition, code)) = first_refusal(response) else {
            self.backoff.reset();
            membership.on_coordinator_heard();
            return self.finish(commit, Ok(()));
        };
        let error = Error::broker(ApiKey::OffsetCommit, code, Subject::Partition(partition));
        match code {
            ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::RequestTimedOut => {
                membership.on_coordinator_gone(now);
                self.failed(now, commit, error);
            }
            ErrorCode::CoordinatorLoadInProgress | ErrorCode::UnknownTopicOrPartition => {
                self.failed(now, commit, error);
            }
            ErrorCode::RebalanceInProgress
            | ErrorCode::UnknownMemberId
            | ErrorCode::IllegalGeneration
            | ErrorCode::FencedInstanceId => {
                let cause = membership.on_commit_code(now, code, commit.identity.generation);
                self.finish(commit, Err(lost(membership, cause)));
            }
            _ => self.finish(commit, Err(error)),
        }
    }

    /// Tried again only if its caller waits for it.
    fn failed(&mut self, now: Millis, commit: Commit, error: Error) {
        let may_help = error.is_retriable() || matches!(error, Error::TimedOut { .. });
        match commit.kind {
            Kind::Sync if may_help && now < commit.deadline => self.try_again(now, commit, error),
            Kind::Auto => {
                // The next one covers it, and need not wait for the whole interval.
                self.auto_at = now + super::wait_ms(&mut self.backoff, &mut self.random);
                self.finish(commit, Err(error));
            }
            Kind::Sync | Kind::Async => self.finish(commit, Err(error)),
        }
    }
}

fn first_refusal(response: &OffsetCommitResponse) -> Option<(TopicPartition, ErrorCode)> {
    let partitions = response.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|it| {
            let partition = TopicPartition::new(topic.name.clone(), it.partition_index);
            (partition, ErrorCode::from_code(it.error_code))
        })
    });
    partitions.into_iter().find(|(_, code)| !code.is_none())
}
