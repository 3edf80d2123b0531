//! Something that brokers are asked for again and again until one tells it: whether it may be asked
//! for now, and when else. No clock.

use kt_protocol::types::Millis;

use crate::backoff::{Backoff, BackoffRange};
use crate::duration::millis;
use crate::random::Random;

/// One question.
#[derive(Debug)]
pub(super) struct Question {
    state: Asked,
    backoff: Backoff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    No,
    Now,
    /// Not before that time.
    Later(Millis),
}

impl Question {
    pub(super) fn new(range: BackoffRange) -> Question {
        Question { state: Asked::No, backoff: Backoff::new(range) }
    }

    pub(super) fn may_ask(&self, now: Millis) -> bool {
        match self.state {
            Asked::No => true,
            Asked::Now => false,
            Asked::Later(at) => at <= now,
        }
    }

    /// True if nobody is asked and nothing is waited for.
    pub(super) fn is_at_rest(&self) -> bool {
        self.state == Asked::No
    }

    /// Somebody is asked.
    pub(super) fn ask(&mut self) {
        self.state = Asked::Now;
    }

    pub(super) fn answered(&mut self) {
        self.state = Asked::No;
        self.backoff.reset();
    }

    /// There was no answer, or none that helps.
    pub(super) fn failed(&mut self, now: Millis, random: &mut Random) {
        self.state = Asked::Later(now + millis(self.backoff.next(random)));
    }

    /// Until when it is not asked.
    pub(super) fn deadline(&self) -> Option<Millis> {
        match self.state {
            Asked::Later(at) => Some(at),
            Asked::No | Asked::Now => None,
        }
    }
}
