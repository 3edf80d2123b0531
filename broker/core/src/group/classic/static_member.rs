//! A static member comes back without its id: it takes the place of its former self (KIP-345).

use kt_protocol::error_code::ErrorCode;
use kt_protocol::planted;

use super::join::{Joining, refuse};
use super::member::Waiting;
use super::responses::Assigning;
use super::{ClassicGroup, State, Step};
use crate::group::records::{self, Fits};

/// From this version on a leader that comes back is told that there is nothing to share out (KIP-814).
const SKIP_ASSIGNMENT_MIN_VERSION: i16 = 9;

impl<T> ClassicGroup<T> {
    /// Gives the member its new id. In a stable group that goes on as it is, the new id is written
    /// before the member hears of it: else the old one would fence it after a failover.
    pub(super) fn replace_static(
        &mut self,
        step: &mut Step<'_, T>,
        waiting: Waiting<T>,
        joining: &Joining,
        old_id: &str,
    ) {
        let new_id = joining.new_member_id.as_str();
        if self.state == State::Stable && !self.fits_replaced(step, joining, old_id) {
            return refuse(step, waiting, "", ErrorCode::UnknownServerError);
        }
        let version = waiting.version;
        let leader_before = self.leader.clone();
        self.replace(step, old_id, new_id);
        self.prolong_session(step, new_id);
        self.update(new_id, joining);
        self.await_join(step, new_id, waiting);
        match self.state {
            State::Stable if self.select_protocol() == self.protocol_name => {
                self.keep_generation(step, new_id, version, leader_before);
            }
            // The leader may have the old id in its hands already.
            State::Stable | State::CompletingRebalance => self.prepare_rebalance(step),
            State::PreparingRebalance | State::Empty => self.maybe_complete_join(step),
        }
    }

    /// Whether the record of the group has room with this member in the place of the old one.
    fn fits_replaced(&self, step: &Step<'_, T>, joining: &Joining, old_id: &str) -> bool {
        let mut value = self.value();
        if let Some(member) = value.members.iter_mut().find(|it| it.member_id == old_id) {
            member.member_id.clone_from(&joining.new_member_id);
            let name = self.protocol_name.as_deref();
            let chosen = joining.protocols.iter().find(|it| Some(it.name.as_str()) == name);
            member.subscription = chosen.map(|it| it.metadata.clone()).unwrap_or_default();
        }
        if value.leader.as_deref() == Some(old_id) {
            value.leader = Some(joining.new_member_id.clone());
        }
        let record = records::group_metadata(&self.id, value);
        records::batch_len(&[record]) <= step.config.batch_max_bytes
    }

    fn keep_generation(
        &mut self,
        step: &mut Step<'_, T>,
        new_id: &str,
        version: i16,
        leader_before: Option<String>,
    ) {
        if !planted!("a new static id is not written") {
            let record = records::group_metadata(&self.id, self.value());
            let fits = step.outcome.append_within(record, step.config.batch_max_bytes);
            debug_assert_eq!(fits, Fits::Yes, "it was measured");
        }
        let response = match (version, self.is_leader(new_id)) {
            (SKIP_ASSIGNMENT_MIN_VERSION.., true) => {
                self.joined(new_id, self.member_list(), Assigning::Skipped)
            }
            (SKIP_ASSIGNMENT_MIN_VERSION.., false) => {
                self.joined(new_id, Vec::new(), Assigning::Needed)
            }
            _ => {
                // An older leader would share out anew, and nobody would ask for it: so it is not
                // told that it leads.
                let mut response = self.joined(new_id, Vec::new(), Assigning::Needed);
                response.leader = leader_before.unwrap_or_default();
                response
            }
        };
        self.answer_join(step, new_id, |_| response);
    }
}
