//! What has moved so far, so that no two members swap partitions of one topic: instead of a second
//! partition going back, the first one does.

use std::collections::{BTreeMap, BTreeSet};

use super::problem::{Member, Place};

/// From whom to whom.
type Pair = (Member, Member);

/// Moves of partitions, each from its first owner to its present one.
#[derive(Default)]
pub(super) struct Movements {
    by_topic: BTreeMap<(usize, Pair), BTreeSet<Place>>,
    by_place: BTreeMap<Place, Pair>,
}

impl Movements {
    /// Takes note of a move.
    pub(super) fn moved(&mut self, place: Place, from: Member, to: Member) {
        let mut first = from;
        if let Some(pair) = self.by_place.remove(&place) {
            first = pair.0;
            let key = (place.topic, pair);
            if let Some(places) = self.by_topic.get_mut(&key) {
                places.remove(&place);
                if places.is_empty() {
                    self.by_topic.remove(&key);
                }
            }
        }
        // It is home again: nothing has moved.
        if first != to {
            self.by_place.insert(place, (first, to));
            self.by_topic.entry((place.topic, (first, to))).or_default().insert(place);
        }
    }

    /// The partition to move instead, if one of the topic went the other way before.
    pub(super) fn instead_of(&self, place: Place, from: Member, to: Member) -> Place {
        let first = self.by_place.get(&place).map_or(from, |it| it.0);
        let back = self.by_topic.get(&(place.topic, (to, first)));
        back.and_then(|it| it.first()).copied().unwrap_or(place)
    }
}
