//! A classic group in one line (tests).

use kt_protocol::messages::GroupMetadataValue;
use kt_protocol::types::Timestamp;

use super::{ClassicGroup, State};

impl<T> ClassicGroup<T> {
    /// The ids of members, and those that were given out.
    pub(crate) fn known_ids(&self) -> impl Iterator<Item = &String> {
        self.members.keys().chain(self.pending_joins.keys())
    }

    /// Whether all that it is has been written.
    pub(crate) fn is_at_rest(&self) -> bool {
        matches!(self.state, State::Stable | State::Empty)
    }

    /// What a record must say of it; when it became stable is known only to who saw it.
    pub(crate) fn resting_value(&self) -> GroupMetadataValue {
        let mut value = self.value();
        if self.state == State::Stable {
            value.current_state_timestamp = Timestamp::NONE.0;
        }
        value
    }

    /// State, generation, protocol, leader and members of the group, `*` at whom a request waits for.
    pub(crate) fn summary(&self) -> String {
        let member = |(id, member): (&String, &super::Member<T>)| {
            let instance = member.instance_id.as_ref().map(|it| format!("({it})"));
            let waits = member.awaiting_join.is_some() || member.awaiting_sync.is_some();
            format!("{id}{}{}", instance.unwrap_or_default(), if waits { "*" } else { "" })
        };
        let members: Vec<String> = self.members.iter().map(member).collect();
        let pending: Vec<&str> = self.pending_joins.keys().map(String::as_str).collect();
        let pending = match pending.is_empty() {
            true => String::new(),
            false => format!(" pending [{}]", pending.join(" ")),
        };
        format!(
            "{} generation={} protocol={} leader={} [{}]{pending}",
            self.state.name(),
            self.generation.0,
            self.protocol_name.as_deref().unwrap_or("-"),
            self.leader.as_deref().unwrap_or("-"),
            members.join(" "),
        )
    }
}
