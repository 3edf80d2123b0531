//! LeaveGroup: members go before their session ends (`classicGroupLeave`).

use kt_protocol::error_code::ErrorCode;
use kt_protocol::messages::leave_group_request::MemberIdentity;
use kt_protocol::messages::leave_group_response::MemberResponse;

use super::{ClassicGroup, State, Step};
use crate::group::requests::member_left;

impl<T> ClassicGroup<T> {
    /// Lets each of them go, and moves on if any did.
    pub(crate) fn leave(
        &mut self,
        step: &mut Step<'_, T>,
        members: &[MemberIdentity],
    ) -> Vec<MemberResponse> {
        let mut responses = Vec::with_capacity(members.len());
        let mut left = 0usize;
        for member in members {
            let error = match self.leaving_member_id(member) {
                Ok(member_id) => {
                    self.remove(step, &member_id);
                    left += 1;
                    ErrorCode::None
                }
                Err(error) => error,
            };
            responses.push(member_left(member, error));
        }
        if left == 0 {
            return responses;
        }
        match self.state {
            State::Stable | State::CompletingRebalance => self.prepare_rebalance(step),
            State::PreparingRebalance => self.maybe_complete_join(step),
            State::Empty => {}
        }
        responses
    }

    /// An operator names static members by their instance id only.
    fn leaving_member_id(&self, member: &MemberIdentity) -> Result<String, ErrorCode> {
        let instance_id = member.group_instance_id.as_deref();
        if member.member_id.is_empty() {
            let member_id = instance_id.and_then(|it| self.static_members.get(it));
            return member_id.cloned().ok_or(ErrorCode::UnknownMemberId);
        }
        if !self.pending_joins.contains_key(&member.member_id) {
            self.check_member(&member.member_id, instance_id)?;
        }
        Ok(member.member_id.clone())
    }
}
