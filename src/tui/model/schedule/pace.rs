//! The rhythm of one lane: when its next round begins, and which part of it is under way.

use kt_protocol::types::Millis;

use super::{Ask, Kind};
use crate::tui::history::RATE_SPAN_MS;

/// What an answer was worth to the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// It is known now.
    Known,
    /// It is known, and shows that leaders, coordinators or brokers have changed.
    Changed,
    /// Nobody answered, or with an error that may pass.
    Failed,
    /// We may not ask, or this broker does not have the API: asking again would not help.
    Refused,
}

/// The rhythm of one lane.
#[derive(Debug, Default)]
pub(super) struct Pace {
    round: Option<Round>,
    /// When the last round began and ended.
    began: Option<Millis>,
    ended: Millis,
    /// Whole rounds that came back.
    samples: u32,
    /// How often the interval was doubled since answers are slow.
    slow: u32,
    /// Failures since the last answer.
    failures: u32,
    /// Ask at this time, whatever the interval says.
    hurried: Option<Millis>,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    Asked,
    Refused,
}

/// What is asked in one go, part by part.
#[derive(Debug)]
struct Round {
    /// What is still to be asked, the next one last.
    rest: Vec<Ask>,
    /// The number of the part that goes out next, or is under way.
    part: usize,
    flight: Flight,
    /// The slowest answer so far, in milliseconds.
    slowest: u64,
}

/// A part of a round, by its number from 0, and how many parts that has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) part: usize,
    pub(super) parts: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flight {
    Waiting,
    UnderWay,
}

/// The first samples come early: after one more second, and after two.
const SECOND_AFTER_MS: u64 = 1_000;
const THIRD_AFTER_MS: u64 = 2_000;
/// Slow answers stretch an interval up to here.
const SLOW_MAX_MS: u64 = 60_000;
/// Failures up to here, so that what comes back is seen soon.
const FAILED_MAX_MS: u64 = 30_000;
/// What is asked for more seldom than that is tried again after this, and then less and less often.
const FAILED_FIRST_MS: u64 = 2_000;

impl Pace {
    /// When the next round begins; none while one is under way, and none of what was refused.
    pub(super) fn due_at(&self, kind: Kind, interval: u64) -> Option<Millis> {
        if self.round.is_some() {
            return None;
        }
        if self.hurried.is_some() {
            return self.hurried;
        }
        if self.standing == Standing::Refused {
            return None;
        }
        let Some(began) = self.began else { return Some(Millis(0)) };
        if 0 < self.failures {
            return Some(self.ended + self.pause(interval));
        }
        let next = began + self.pause(interval);
        let early = match self.samples {
            // However long the first answer took: a rate needs two that are apart.
            1 if kind.is_sampled() => (began + SECOND_AFTER_MS).max(self.ended + RATE_SPAN_MS),
            2 if kind.is_sampled() => began + THIRD_AFTER_MS,
            _ => next,
        };
        Some(next.min(early))
    }

    /// The time between two rounds, in milliseconds.
    fn pause(&self, interval: u64) -> u64 {
        match self.failures {
            0 => self.rhythm(interval),
            // Its own interval is for what is known.
            _ if FAILED_MAX_MS < interval => {
                stretched(FAILED_FIRST_MS, self.failures - 1, FAILED_MAX_MS)
            }
            _ => self.rhythm(interval).max(stretched(interval, self.failures, FAILED_MAX_MS)),
        }
    }

    /// The same where questions are answered.
    pub(super) fn rhythm(&self, interval: u64) -> u64 {
        stretched(interval, self.slow, SLOW_MAX_MS)
    }

    /// Begins a round of these parts. One without parts is over at once.
    pub(super) fn begin(&mut self, now: Millis, mut parts: Vec<Ask>) {
        self.hurried = None;
        self.standing = Standing::Asked;
        self.began = Some(now);
        if parts.is_empty() {
            return;
        }
        parts.reverse();
        self.round = Some(Round { rest: parts, part: 0, flight: Flight::Waiting, slowest: 0 });
    }

    /// Takes note that others asked for a part, the first of which began their round.
    pub(super) fn begin_again(&mut self, Part { part, parts }: Part, at: Millis, ask: &Ask) {
        let before = self.round.take().filter(|it| it.part == part);
        if part == 0 || self.began.is_none() {
            self.begin(at, Vec::new());
        }
        let mut rest = vec![ask.clone()];
        if part + 1 < parts {
            // What the next part asks for is known when that is answered.
            rest.insert(0, ask.clone());
        }
        let slowest = before.map_or(0, |it| it.slowest);
        self.round = Some(Round { rest, part, flight: Flight::Waiting, slowest });
        self.next_part();
    }

    /// Takes the part that is to go out now, if there is one.
    pub(super) fn next_part(&mut self) -> Option<(Part, Ask)> {
        let round = self.round.as_mut().filter(|it| it.flight == Flight::Waiting)?;
        let ask = round.rest.pop()?;
        round.flight = Flight::UnderWay;
        Some((Part { part: round.part, parts: round.part + 1 + round.rest.len() }, ask))
    }

    pub(super) fn has_part(&self) -> bool {
        self.round.as_ref().is_some_and(|it| it.flight == Flight::Waiting)
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.round.as_ref().is_some_and(|it| it.flight == Flight::UnderWay)
    }

    /// True since a question failed, until one is answered.
    pub(super) fn is_failing(&self) -> bool {
        0 < self.failures
    }

    /// Whether it was answered, twice if that makes rates, or will not be.
    pub(super) fn is_settled(&self, is_sampled: bool) -> bool {
        let least = if is_sampled { 2 } else { 1 };
        least <= self.samples || self.is_failing() || self.standing == Standing::Refused
    }

    /// Forgets the parts that did not go out.
    pub(super) fn drop_parts(&mut self) {
        if self.has_part() {
            self.round = None;
        } else if let Some(round) = &mut self.round {
            round.rest.clear();
        }
    }

    /// Takes note of the answer to a part.
    pub(super) fn answered(
        &mut self,
        part: usize,
        now: Millis,
        took: u64,
        outcome: Outcome,
        interval: u64,
    ) {
        let is_it = |it: &Round| it.flight == Flight::UnderWay && it.part == part;
        let Some(mut round) = self.round.take_if(|it| is_it(it)) else { return };
        round.slowest = round.slowest.max(took);
        // Who did not answer one part will not answer the next one either.
        if outcome < Outcome::Failed && !round.rest.is_empty() {
            round.part += 1;
            round.flight = Flight::Waiting;
            self.round = Some(round);
            return;
        }
        self.ended = now;
        match outcome {
            Outcome::Known | Outcome::Changed => {
                // How long nobody answered says nothing of how fast answers are.
                self.adapt(round.slowest, interval);
                self.samples = self.samples.saturating_add(1);
                self.failures = 0;
            }
            Outcome::Failed => self.failures = self.failures.saturating_add(1),
            Outcome::Refused => {
                self.standing = Standing::Refused;
                self.failures = 0;
                self.hurried = None;
            }
        }
    }

    /// An answer slower than a quarter of its interval doubles it; one that would be fast enough
    /// for half of it halves it.
    fn adapt(&mut self, slowest: u64, interval: u64) {
        let now = stretched(interval, self.slow, SLOW_MAX_MS);
        if now / 4 < slowest {
            if now < stretched(interval, self.slow + 1, SLOW_MAX_MS) {
                self.slow += 1;
            }
        } else if 0 < self.slow && slowest <= stretched(interval, self.slow - 1, SLOW_MAX_MS) / 4 {
            self.slow -= 1;
        }
    }

    /// Asks at once, or once the last round is `calm` milliseconds old. What was refused is not
    /// asked for the sake of a change.
    pub(super) fn hurry(&mut self, now: Millis, calm: u64) {
        if self.standing == Standing::Asked {
            let earliest = self.began.map_or(now, |began| (began + calm).max(now));
            self.hurried = Some(self.hurried.map_or(earliest, |it| it.min(earliest)));
        }
    }

    /// Asks once the last round is that old, in milliseconds.
    pub(super) fn hurry_after(&mut self, age: u64) {
        if let Some(began) = self.began {
            self.hurry(began + age, age);
        }
    }

    /// Asks at once, also what was refused.
    pub(super) fn refresh(&mut self, now: Millis) {
        if self.round.is_none() {
            self.hurried = Some(now);
        }
    }
}

/// The interval doubled so often, up to `most`; what is longer by itself stays.
fn stretched(interval: u64, doublings: u32, most: u64) -> u64 {
    let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
    interval.saturating_mul(factor).min(most.max(interval))
}
