//! Heartbeat: a member lives, and hears whether the group is moving on (`classicGroupHeartbeat`).

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::HeartbeatRequest;

use super::{ClassicGroup, GenerationId, State, Step};

impl<T> ClassicGroup<T> {
    /// Prolongs the member's session. The error is what it is to be told.
    pub(crate) fn heartbeat(
        &mut self,
        step: &Step<'_, T>,
        request: &HeartbeatRequest,
    ) -> Result<(), ErrorCode> {
        self.check_member(&request.member_id, request.group_instance_id.as_deref())?;
        if GenerationId(request.generation_id) != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        self.prolong_session(step, &request.member_id);
        match self.state {
            State::PreparingRebalance => Err(ErrorCode::RebalanceInProgress),
            State::Empty => Err(ErrorCode::UnknownMemberId),
            State::CompletingRebalance | State::Stable => Ok(()),
        }
    }

    /// A commit is as good as a heartbeat, but while partitions are being shared out.
    pub(crate) fn prolong_by_commit(&mut self, step: &Step<'_, T>, member_id: &str) {
        if matches!(self.state, State::Stable | State::PreparingRebalance) {
            self.prolong_session(step, member_id);
        }
    }
}
