//! Members want different topics: what is free goes to who has least, and then partitions move one
//! by one from members with more to members with less until no move helps.

use std::collections::{BTreeMap, BTreeSet};

use super::super::GenerationId;
use super::claims::Claims;
use super::movements::Movements;
use super::problem::{Member, Place, Problem};

/// What each member gets.
pub(super) fn share(problem: &Problem<'_>, claims: Claims) -> Vec<Vec<Place>> {
    let mut round = Round::new(problem, claims);
    round.drop_what_does_not_fit();
    round.balance();
    round.current
}

struct Round<'a> {
    problem: &'a Problem<'a>,
    /// Who wants each topic.
    wanting: Vec<Vec<Member>>,
    current: Vec<Vec<Place>>,
    owner: BTreeMap<Place, Member>,
    earlier: BTreeMap<Place, (Member, GenerationId)>,
    /// The members that can still gain or lose, those with the fewest partitions first.
    by_count: BTreeSet<(usize, Member)>,
    movements: Movements,
    /// True if some member loses a partition whatever is decided here.
    must_revoke: bool,
}

impl<'a> Round<'a> {
    fn new(problem: &'a Problem<'a>, claims: Claims) -> Round<'a> {
        let wanting = (0..problem.topics.len())
            .map(|topic| {
                (0..problem.members.len()).filter(|it| problem.wants(*it, topic)).collect()
            })
            .collect();
        Round {
            problem,
            wanting,
            current: claims.owned,
            owner: BTreeMap::new(),
            earlier: claims.earlier,
            by_count: BTreeSet::new(),
            movements: Movements::default(),
            must_revoke: false,
        }
    }

    fn drop_what_does_not_fit(&mut self) {
        let problem = self.problem;
        for (member, places) in self.current.iter_mut().enumerate() {
            let count = places.len();
            places.retain(|it| problem.wants(member, it.topic) && !problem.is_far(member, *it));
            self.must_revoke |= places.len() < count;
            self.owner.extend(places.iter().map(|it| (*it, member)));
            self.by_count.insert((places.len(), member));
        }
    }

    /// All partitions, those that the fewest members want first.
    fn places(&self) -> Vec<Place> {
        let mut topics: Vec<usize> = (0..self.problem.topics.len()).collect();
        topics.sort_by_key(|it| self.wanting[*it].len());
        topics.into_iter().flat_map(|it| self.problem.places_of(it)).collect()
    }

    fn balance(&mut self) {
        let is_first = self.current.iter().all(Vec::is_empty);
        let mut all = self.places();
        let mut free: Vec<Place> =
            all.iter().copied().filter(|it| !self.owner.contains_key(it)).collect();
        self.give_away(&free);
        // From here on only what can move is looked at.
        all.retain(|it| self.can_move(it.topic));
        free.retain(|it| self.can_move(it.topic));
        let can_change: Vec<bool> = (0..self.current.len()).map(|it| self.can_change(it)).collect();
        self.by_count.retain(|(_, member)| can_change[*member]);
        let before = self.current.clone();
        // What is new moves first: nobody misses it.
        if !self.must_revoke {
            self.move_while_it_helps(&free);
        }
        let has_moved = self.move_while_it_helps(&all);
        let score = |current: &[Vec<Place>]| {
            let counted = current.iter().zip(&can_change).filter(|it| *it.1);
            imbalance(&counted.map(|it| it.0.len()).collect::<Vec<_>>())
        };
        if !is_first && has_moved && score(&before) <= score(&self.current) {
            self.current = before;
        }
    }

    /// Gives what nobody has to who has least, first within racks.
    fn give_away(&mut self, free: &[Place]) {
        let mut rest: Vec<Place> = free.to_vec();
        if self.problem.racks_matter {
            rest.retain(|it| {
                !self.give_to_least(*it, |problem, member| !problem.is_far(member, *it))
            });
        }
        for place in rest {
            self.give_to_least(place, |_, _| true);
        }
    }

    fn give_to_least(
        &mut self,
        place: Place,
        suits: impl Fn(&Problem<'_>, Member) -> bool,
    ) -> bool {
        let problem = self.problem;
        let takes =
            |it: &&(usize, Member)| problem.wants(it.1, place.topic) && suits(problem, it.1);
        let Some((count, member)) = self.by_count.iter().find(takes).copied() else { return false };
        self.by_count.remove(&(count, member));
        self.by_count.insert((count + 1, member));
        self.current[member].push(place);
        self.owner.insert(place, member);
        true
    }

    fn can_move(&self, topic: usize) -> bool {
        2 <= self.wanting[topic].len()
    }

    /// True of a member that lacks something it wants, or has something that another wants too.
    fn can_change(&self, member: Member) -> bool {
        self.current[member].len() < self.room(member)
            || self.current[member].iter().any(|it| self.can_move(it.topic))
    }

    /// How many partitions the member could have.
    fn room(&self, member: Member) -> usize {
        let topics = self.problem.topics.iter().enumerate();
        topics.filter(|it| self.problem.wants(member, it.0)).map(|it| it.1.1.len()).sum()
    }

    /// Gives true if anything has moved.
    fn move_while_it_helps(&mut self, places: &[Place]) -> bool {
        let mut has_moved = false;
        loop {
            let mut is_new = false;
            for place in places {
                if self.is_balanced() {
                    break;
                }
                is_new |= self.move_if_it_helps(*place);
            }
            if !is_new {
                return has_moved;
            }
            has_moved = true;
        }
    }

    fn move_if_it_helps(&mut self, place: Place) -> bool {
        let Some(owner) = self.owner.get(&place).copied() else { return false };
        let count = self.current[owner].len();
        let has_less = |round: &Self, it: Member| round.current[it].len() + 1 < count;
        // Home to who had it before, else to who has least.
        if let Some((home, _)) = self.earlier.get(&place).copied()
            && self.problem.wants(home, place.topic)
            && has_less(self, home)
        {
            self.move_to(place, home);
            return true;
        }
        if !self.wanting[place.topic].iter().any(|it| has_less(self, *it)) {
            return false;
        }
        let wants = |it: &&(usize, Member)| self.problem.wants(it.1, place.topic);
        let Some((_, least)) = self.by_count.iter().find(wants).copied() else { return false };
        self.move_to(place, least);
        true
    }

    fn move_to(&mut self, place: Place, to: Member) {
        let Some(from) = self.owner.get(&place).copied() else { return };
        let place = self.movements.instead_of(place, from, to);
        let Some(from) = self.owner.insert(place, to) else { return };
        self.movements.moved(place, from, to);
        for member in [from, to] {
            self.by_count.remove(&(self.current[member].len(), member));
        }
        self.current[from].retain(|it| *it != place);
        self.current[to].push(place);
        for member in [from, to] {
            self.by_count.insert((self.current[member].len(), member));
        }
    }

    /// True if no member could take a partition from one that has two more.
    fn is_balanced(&self) -> bool {
        let (Some((least, _)), Some((most, _))) = (self.by_count.first(), self.by_count.last())
        else {
            return true;
        };
        if *most <= least + 1 {
            return true;
        }
        self.by_count.iter().all(|(count, member)| {
            let topics = 0..self.problem.topics.len();
            let wanted = topics.filter(|topic| self.problem.wants(*member, *topic));
            let mut places = wanted.flat_map(|topic| self.problem.places_of(topic));
            places.all(|place| match self.owner.get(&place) {
                Some(owner) if owner != member => self.current[*owner].len() <= count + 1,
                _ => true,
            })
        })
    }
}

/// The differences of all pairs, summed: 0 if all have the same.
fn imbalance(counts: &[usize]) -> usize {
    let pairs = counts
        .iter()
        .enumerate()
        .flat_map(|(at, one)| counts[at + 1..].iter().map(move |other| one.abs_diff(*other)));
    pairs.sum()
}
