//! SyncGroup: the leader brings what it has shared out, everybody asks for theirs (`classicGroupSync`).

use std::collections::BTreeMap;

use bytes::Bytes;
use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::SyncGroupRequest;
use kt_protocol::planted;

use super::responses::sync_error;
use super::{ClassicGroup, GenerationId, State, Step};
use crate::group::outcome::Answer;
use crate::group::records::{self, Fits};

impl<T> ClassicGroup<T> {
    /// Takes a SyncGroup; it is answered now or when the leader's has come.
    ///
    /// What the leader brings counts at once, where Kafka waits for the record to be written: the
    /// answers leave when it is, and so do all that are decided later.
    pub(crate) fn sync(&mut self, step: &mut Step<'_, T>, token: T, request: &SyncGroupRequest) {
        let member_id = request.member_id.as_str();
        if let Err(error) = self.may_sync(request) {
            return step.outcome.answer(token, Answer::SyncGroup(sync_error(error)));
        }
        self.pending_syncs.remove(member_id);
        if self.pending_syncs.is_empty() {
            self.sync_deadline = None;
        }
        if self.state == State::Stable {
            return step.outcome.answer(token, Answer::SyncGroup(self.synced(member_id)));
        }
        self.await_sync(step, member_id, token);
        if self.is_leader(member_id) {
            self.take_assignments(step, request);
        }
    }

    fn may_sync(&self, request: &SyncGroupRequest) -> Result<(), ErrorCode> {
        self.check_member(&request.member_id, request.group_instance_id.as_deref())?;
        if GenerationId(request.generation_id) != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        let protocol_type = (&request.protocol_type, &self.protocol_type);
        let protocol_name = (&request.protocol_name, &self.protocol_name);
        for (asked, own) in [protocol_type, protocol_name] {
            if asked.is_some() && own.is_some() && asked != own {
                return Err(ErrorCode::InconsistentGroupProtocol);
            }
        }
        match self.state {
            State::PreparingRebalance => Err(ErrorCode::RebalanceInProgress),
            State::Empty => Err(ErrorCode::UnknownMemberId),
            State::CompletingRebalance | State::Stable => Ok(()),
        }
    }

    fn take_assignments(&mut self, step: &mut Step<'_, T>, request: &SyncGroupRequest) {
        let brought: BTreeMap<&str, &Bytes> =
            request.assignments.iter().map(|it| (it.member_id.as_str(), &it.assignment)).collect();
        for (member_id, member) in &mut self.members {
            let assignment = brought.get(member_id.as_str());
            if planted!("an assignment of the generation before") && assignment.is_none() {
                continue;
            }
            // Copied, for it would keep the whole frame.
            member.assignment = assignment.map_or_else(Bytes::new, |it| Bytes::copy_from_slice(it));
        }
        let record = records::group_metadata(&self.id, self.value());
        if step.outcome.append_within(record, step.config.batch_max_bytes) == Fits::No {
            self.reset_assignments(step, ErrorCode::UnknownServerError);
            return self.prepare_rebalance(step);
        }
        for member_id in self.member_ids() {
            let response = self.synced(&member_id);
            self.answer_sync(step, &member_id, || response);
            self.prolong_session(step, &member_id);
        }
        self.transition_to(State::Stable, step.now);
    }
}
