//! Which protocol a generation uses: one that all know, and most prefer.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kt_protocol::codec::{DecodeBudget, Message, Reader};
use kt_protocol::messages::ConsumerProtocolSubscription;

use super::member::{Member, Protocol};
use super::{CONSUMER_PROTOCOL_TYPE, ClassicGroup, State};

impl<T> ClassicGroup<T> {
    /// Whether somebody with these protocols can be in the group.
    pub(super) fn supports_protocols(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.state == State::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|it| self.is_known_to_all(&it.name))
    }

    /// The protocol with the most votes of those that all members know; of equals the one whose name
    /// comes first, where Kafka has no order.
    pub(super) fn select_protocol(&self) -> Option<String> {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            if let Some(name) = self.vote(member) {
                *votes.entry(name).or_default() += 1;
            }
        }
        let most = votes.values().max()?;
        votes.iter().find(|(_, count)| *count == most).map(|(name, _)| (*name).to_owned())
    }

    fn vote<'a>(&self, member: &'a Member<T>) -> Option<&'a str> {
        let names = member.protocols.iter().map(|it| it.name.as_str());
        names.into_iter().find(|name| self.is_known_to_all(name))
    }

    /// Of no members all know everything.
    fn is_known_to_all(&self, name: &str) -> bool {
        self.supported_protocols.get(name).copied().unwrap_or(0) == self.members.len()
    }

    /// Whether the members are subscribed to a topic, as far as anybody can tell: subscriptions that
    /// cannot be read count as to everything.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        match &self.subscribed_topics {
            Some(topics) => topics.contains(topic),
            None => self.uses_consumer_protocol(),
        }
    }

    pub(super) fn uses_consumer_protocol(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER_PROTOCOL_TYPE)
    }

    /// Reads what the members are subscribed to in this generation; none if they are no consumers,
    /// or one cannot be read.
    pub(super) fn read_subscribed_topics(&self) -> Option<BTreeSet<String>> {
        if !self.uses_consumer_protocol() {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol_name = self.protocol_name.as_deref()?;
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            topics.extend(subscribed_topics(&member.metadata(Some(protocol_name)))?);
        }
        Some(topics)
    }
}

/// The topics of a subscription. Every version of it begins as version 0 does.
fn subscribed_topics(metadata: &Bytes) -> Option<Vec<String>> {
    let mut reader = Reader::new(metadata, DecodeBudget::for_frame(metadata.len()));
    let version = reader.i16().ok()?;
    if version < 0 {
        return None;
    }
    ConsumerProtocolSubscription::decode(&mut reader, 0).ok().map(|it| it.topics)
}
