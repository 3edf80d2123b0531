//! A group as numbers: members and topics by their places in the order of their names, so that
//! the rules compare and copy small values.

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::types::TopicPartition;

use super::super::{GroupAssignment, GroupMembers, GroupTopics, MemberSubscription, Racks};

/// A member's place in the order of ids.
pub(super) type Member = usize;

/// A partition: its topic's place in the order of names, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) topic: usize,
    pub(super) partition: usize,
}

/// What is to be shared out among whom.
pub(super) struct Problem<'a> {
    pub(super) members: Vec<(&'a str, &'a MemberSubscription)>,
    /// The topics that exist and that somebody wants.
    pub(super) topics: Vec<(&'a str, &'a [Racks])>,
    /// True if it makes a difference which member reads what.
    pub(super) racks_matter: bool,
}

impl<'a> Problem<'a> {
    pub(super) fn new(topics: &'a GroupTopics, members: &'a GroupMembers) -> Problem<'a> {
        let is_wanted = |topic: &str| members.values().any(|it| it.topics.contains(topic));
        let topics: Vec<(&str, &[Racks])> = topics
            .iter()
            .filter(|(topic, racks)| !racks.is_empty() && is_wanted(topic))
            .map(|(topic, racks)| (topic.as_str(), racks.as_slice()))
            .collect();
        let members: Vec<(&str, &MemberSubscription)> =
            members.iter().map(|(id, it)| (id.as_str(), it)).collect();
        let of_members = members.iter().filter_map(|it| it.1.rack.as_deref()).collect();
        let racks_matter = racks_matter(&of_members, topics.iter().flat_map(|it| it.1));
        Problem { members, topics, racks_matter }
    }

    pub(super) fn all_want_the_same(&self) -> bool {
        self.members.windows(2).all(|it| it[0].1.topics == it[1].1.topics)
    }

    pub(super) fn wants(&self, member: Member, topic: usize) -> bool {
        self.members[member].1.topics.contains(self.topics[topic].0)
    }

    /// All partitions, in order.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        (0..self.topics.len()).flat_map(|topic| self.places_of(topic))
    }

    pub(super) fn places_of(&self, topic: usize) -> impl Iterator<Item = Place> + use<> {
        (0..self.topics[topic].1.len()).map(move |partition| Place { topic, partition })
    }

    /// Where a partition stands, if it is to be shared out.
    pub(super) fn place(&self, it: &TopicPartition) -> Option<Place> {
        let topic = self.topics.binary_search_by_key(&it.topic.as_str(), |it| it.0).ok()?;
        let partition = usize::try_from(it.partition.0).ok()?;
        (partition < self.topics[topic].1.len()).then_some(Place { topic, partition })
    }

    /// The member's rack, if it makes a difference.
    pub(super) fn rack(&self, member: Member) -> Option<&'a str> {
        self.members[member].1.rack.as_deref().filter(|_| self.racks_matter)
    }

    pub(super) fn racks(&self, place: Place) -> &'a Racks {
        &self.topics[place.topic].1[place.partition]
    }

    /// True if the member would read from another rack than its own.
    pub(super) fn is_far(&self, member: Member, place: Place) -> bool {
        self.rack(member).is_some_and(|rack| !self.racks(place).contains(rack))
    }

    /// How many members could read the partition from their own rack.
    pub(super) fn neighbours(&self, place: Place) -> usize {
        let is_near =
            |it: &Member| self.rack(*it).is_some_and(|rack| self.racks(place).contains(rack));
        (0..self.members.len()).filter(is_near).count()
    }

    fn partition(&self, place: Place) -> TopicPartition {
        let index = i32::try_from(place.partition).unwrap_or(i32::MAX);
        TopicPartition::new(self.topics[place.topic].0, index)
    }

    pub(super) fn named(&self, given: Vec<Vec<Place>>) -> GroupAssignment {
        let partitions = |it: Vec<Place>| -> BTreeSet<_> {
            it.into_iter().map(|it| self.partition(it)).collect()
        };
        let ids = self.members.iter().map(|it| it.0.to_owned());
        ids.zip(given.into_iter().map(partitions)).collect()
    }

    pub(super) fn named_moves(
        &self,
        moving: BTreeMap<Place, Member>,
    ) -> BTreeMap<TopicPartition, String> {
        let named =
            |(place, to): (Place, Member)| (self.partition(place), self.members[to].0.to_owned());
        moving.into_iter().map(named).collect()
    }
}

/// Whether racks make a difference (KIP-881): some member's rack has replicas, and not all
/// partitions have replicas in the same racks.
pub(in super::super) fn racks_matter<'a>(
    members: &BTreeSet<&str>,
    partitions: impl IntoIterator<Item = &'a Racks>,
) -> bool {
    let partitions: Vec<&Racks> = partitions.into_iter().collect();
    let all: BTreeSet<&str> = partitions.iter().copied().flatten().map(String::as_str).collect();
    !members.is_disjoint(&all) && partitions.iter().any(|it| it.len() != all.len())
}
