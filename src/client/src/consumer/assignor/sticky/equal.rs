//! All members want the same topics: each gets the rounded-down share, some get one more. Members
//! keep what they have up to that, and the rest is dealt out to those who lack.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::claims::Claims;
use super::problem::{Member, Place, Problem};

/// What each member gets, and what of that goes over from another.
pub(super) fn share(
    problem: &Problem<'_>,
    claims: &Claims,
) -> (Vec<Vec<Place>>, BTreeMap<Place, Member>) {
    let mut round = Round::new(problem, claims);
    round.keep_what_they_have();
    let mut rest = round.unassigned();
    // Members were looked at in their order, so both lists are sorted.
    if problem.racks_matter {
        rest.sort_by_key(|it| problem.neighbours(*it));
        rest = round.deal_out_within_racks(rest);
    }
    round.deal_out(rest);
    (round.given, round.moving)
}

struct Round<'a> {
    problem: &'a Problem<'a>,
    claims: &'a Claims,
    given: Vec<Vec<Place>>,
    /// What members have and may not keep.
    let_go: BTreeMap<Place, Member>,
    moving: BTreeMap<Place, Member>,
    /// Members with less than `least`.
    lacking: Vec<Member>,
    /// Members with just `least` that may get one more.
    content: VecDeque<Member>,
    least: usize,
    most: usize,
    /// How many members get one more than `least`.
    lucky: usize,
    /// How many have it by now.
    lucky_now: usize,
}

impl<'a> Round<'a> {
    fn new(problem: &'a Problem<'a>, claims: &'a Claims) -> Round<'a> {
        let (partitions, members) = (problem.places().count(), problem.members.len());
        Round {
            problem,
            claims,
            given: vec![Vec::new(); members],
            let_go: BTreeMap::new(),
            moving: BTreeMap::new(),
            lacking: Vec::new(),
            content: VecDeque::new(),
            least: partitions / members,
            most: partitions.div_ceil(members),
            lucky: partitions % members,
            lucky_now: 0,
        }
    }

    fn keep_what_they_have(&mut self) {
        for (member, owned) in self.claims.owned.iter().enumerate() {
            let (far, mut near): (Vec<Place>, Vec<Place>) =
                owned.iter().copied().partition(|it| self.problem.is_far(member, *it));
            self.let_go.extend(far.into_iter().map(|it| (it, member)));
            near.sort_by_key(|it| (it.partition, it.topic));
            if near.len() < self.least {
                self.given[member] = near;
                self.lacking.push(member);
                continue;
            }
            let keeps_one_more = self.most <= near.len() && self.lucky_now < self.lucky;
            let rest = near.split_off(if keeps_one_more { self.most } else { self.least });
            self.let_go.extend(rest.into_iter().map(|it| (it, member)));
            self.given[member] = near;
            if keeps_one_more {
                self.one_more_is_lucky();
            } else if self.lucky_now < self.lucky {
                self.content.push_back(member);
            }
        }
    }

    /// Once all that get one more have it, nobody else waits for more.
    fn one_more_is_lucky(&mut self) {
        self.lucky_now += 1;
        if self.lucky_now == self.lucky {
            self.content.clear();
        }
    }

    fn unassigned(&self) -> Vec<Place> {
        let assigned: BTreeSet<Place> = self.given.iter().flatten().copied().collect();
        self.problem.places().filter(|it| !assigned.contains(it)).collect()
    }

    /// Deals out what can be read within racks; gives the rest.
    fn deal_out_within_racks(&mut self, places: Vec<Place>) -> Vec<Place> {
        let mut turn = 0;
        let mut rest = Vec::new();
        for place in places {
            if let Some(at) = self.next_near(place, self.lacking.iter(), turn) {
                let member = self.lacking[at];
                let count = self.give(place, member);
                turn = at + 1;
                if self.least <= count {
                    self.lacking.remove(at);
                    turn = at;
                    if count < self.most && self.lucky_now < self.lucky {
                        self.content.push_back(member);
                    }
                }
                turn = turn.checked_rem(self.lacking.len()).unwrap_or(0);
            } else if let Some(at) = self.next_near(place, self.content.iter(), 0) {
                let member = self.content[at];
                if self.give(place, member) == self.most {
                    self.content.remove(at);
                    self.one_more_is_lucky();
                }
            } else {
                rest.push(place);
            }
        }
        rest
    }

    /// The first from `turn` on, around, that can read the partition from its own rack.
    fn next_near<'m>(
        &self,
        place: Place,
        members: impl ExactSizeIterator<Item = &'m Member> + Clone,
        turn: usize,
    ) -> Option<usize> {
        let count = members.len();
        let around = members.enumerate().cycle().skip(turn).take(count);
        let near = |it: Member| {
            self.problem.rack(it).is_some_and(|rack| self.problem.racks(place).contains(rack))
        };
        around.filter(|(_, it)| near(**it)).map(|(at, _)| at).next()
    }

    /// One by one to those who lack, and then to those who may get one more.
    fn deal_out(&mut self, places: Vec<Place>) {
        let mut turn = 0;
        for place in places {
            if self.lacking.is_empty() {
                let member = self.content.pop_front().expect("the shares add up to all partitions");
                self.give(place, member);
                continue;
            }
            turn = if turn < self.lacking.len() { turn } else { 0 };
            let member = self.lacking[turn];
            turn += 1;
            if self.give(place, member) == self.least {
                turn -= 1;
                self.lacking.remove(turn);
                self.content.push_back(member);
            }
        }
    }

    fn give(&mut self, place: Place, member: Member) -> usize {
        let is_anothers = self.let_go.get(&place).is_some_and(|it| *it != member);
        if is_anothers || self.claims.disputed.contains(&place) {
            self.moving.insert(place, member);
        }
        self.given[member].push(place);
        self.given[member].len()
    }
}
