//! What members say that they have. Two may claim one partition: one of them missed a generation.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::super::{GenerationId, MemberSubscription};
use super::Held;
use super::problem::{Member, Place, Problem};

/// Who has what.
pub(super) struct Claims {
    /// What each member has, of what still exists.
    pub(super) owned: Vec<Vec<Place>>,
    /// What two members of one generation claim: neither is believed.
    pub(super) disputed: BTreeSet<Place>,
    /// Who had a partition in an older generation than the newest, and in which.
    pub(super) earlier: BTreeMap<Place, (Member, GenerationId)>,
}

/// What a member says that does not know its generation.
const NO_GENERATION: GenerationId = GenerationId(-1);

impl Claims {
    pub(super) fn new(problem: &Problem<'_>, held: impl Fn(&MemberSubscription) -> Held) -> Claims {
        let held: Vec<Held> = problem.members.iter().map(|it| held(it.1)).collect();
        let generation = |it: Member| held[it].generation.unwrap_or(NO_GENERATION);
        let newest = (0..held.len()).map(generation).max().unwrap_or(NO_GENERATION);
        let mut owners: BTreeMap<Place, Member> = BTreeMap::new();
        let mut disputed = BTreeSet::new();
        let mut earlier: BTreeMap<Place, (Member, GenerationId)> = BTreeMap::new();
        for (member, it) in held.iter().enumerate() {
            let since = generation(member);
            for place in it.partitions.iter().filter_map(|it| problem.place(it)) {
                match owners.entry(place) {
                    Entry::Vacant(free) => {
                        free.insert(member);
                    }
                    Entry::Occupied(mut taken) if generation(*taken.get()) <= since => {
                        if generation(*taken.get()) == since {
                            disputed.insert(place);
                        }
                        taken.insert(member);
                    }
                    Entry::Occupied(_) => {}
                }
                let is_later = earlier.get(&place).is_none_or(|(_, known)| *known < since);
                if since < newest && is_later {
                    earlier.insert(place, (member, since));
                }
            }
        }
        let mut owned = vec![Vec::new(); held.len()];
        for (place, member) in owners {
            if !disputed.contains(&place) {
                owned[member].push(place);
            }
        }
        Claims { owned, disputed, earlier }
    }
}
