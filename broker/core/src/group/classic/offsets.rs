//! Who may commit, delete and keep offsets in a classic group.

use kt_protocol::error_code::ErrorCode;
use kt_protocol::planted;

use super::{ClassicGroup, GenerationId, State};
use crate::group::offsets::Retention;

impl<T> ClassicGroup<T> {
    /// A commit must be of the current generation, or of nobody while the group is empty.
    pub(crate) fn may_commit(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
        generation_id: i32,
    ) -> Result<(), ErrorCode> {
        if generation_id < 0 && self.state == State::Empty {
            return Ok(());
        }
        if generation_id < 0 && member_id.is_empty() && instance_id.is_none() {
            return Err(ErrorCode::UnknownMemberId);
        }
        self.check_member(member_id, instance_id)?;
        if GenerationId(generation_id) != self.generation && !planted!("a commit of any generation")
        {
            return Err(ErrorCode::IllegalGeneration);
        }
        match self.state {
            // It knows of the generation, and not what it is to read in it.
            State::CompletingRebalance => Err(ErrorCode::RebalanceInProgress),
            State::Empty | State::PreparingRebalance | State::Stable => Ok(()),
        }
    }

    /// Whether single offsets may be deleted: of members only consumers say what they still use.
    pub(crate) fn may_delete_offsets(&self) -> Result<(), ErrorCode> {
        match self.state {
            State::Empty => Ok(()),
            _ if self.uses_consumer_protocol() => Ok(()),
            _ => Err(ErrorCode::NonEmptyGroup),
        }
    }

    /// When offsets begin to age; never while the group moves on.
    pub(crate) fn offset_retention(&self) -> Retention {
        if self.protocol_type.is_none() {
            return Retention::FromCommit;
        }
        match self.state {
            State::Empty => {
                self.state_timestamp.map_or(Retention::FromCommit, Retention::FromState)
            }
            State::Stable if self.uses_consumer_protocol() && self.subscribed_topics.is_some() => {
                Retention::FromCommit
            }
            _ => Retention::Never,
        }
    }
}
