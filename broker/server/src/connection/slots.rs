//! The requests of one connection that are not answered in full: their order, and who may overlap.
//!
//! ```text
//!   first                     first + len
//!     | answered | waiting | answered | waiting |
//!     ^ leaves now          ^ leaves when all before it have left
//! ```

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use kt_node::Reply;
use kt_protocol::types::Millis;

use crate::budget::Payment;

/// Requests of one connection under way. A client that pipelines more is not read for a while.
pub(crate) const IN_FLIGHT_MAX: usize = 100;

/// What matters here of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    /// May be served while others are.
    Produce,
    /// May be served while others are; answered early when the server stops.
    Fetch,
    /// Served alone, in the order of the connection, as Kafka serves all.
    Exclusive,
}

/// The ring of requests under way, and their deadlines.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    first: u64,
    ring: VecDeque<Slot>,
    waiting: usize,
    is_exclusive: bool,
    deadlines: BinaryHeap<Reverse<(Millis, u64)>>,
}

#[derive(Debug)]
enum Slot {
    Waiting { kind: RequestKind, payment: Option<Payment> },
    Answered(Reply),
}

impl Slots {
    /// True if such a request may be handed to the node now.
    pub(crate) fn may_start(&self, kind: RequestKind) -> bool {
        if self.is_full() || self.is_exclusive {
            return false;
        }
        match kind {
            RequestKind::Produce | RequestKind::Fetch => true,
            RequestKind::Exclusive => self.waiting == 0,
        }
    }

    /// True if no request at all may start.
    pub(crate) fn is_full(&self) -> bool {
        IN_FLIGHT_MAX <= self.ring.len()
    }

    /// True if every request has been answered and its answer taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// How many are not answered.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Takes a place for a request; gives its number.
    pub(crate) fn start(&mut self, kind: RequestKind, payment: Payment) -> u64 {
        assert!(self.may_start(kind), "the caller asked may_start");
        self.is_exclusive = kind == RequestKind::Exclusive;
        self.waiting += 1;
        self.ring.push_back(Slot::Waiting { kind, payment: Some(payment) });
        self.first + self.ring.len() as u64 - 1
    }

    /// Gives the payment of a request back before its answer: its frame is not kept.
    pub(crate) fn release(&mut self, sequence: u64) {
        if let Some(Slot::Waiting { payment, .. }) = self.slot(sequence) {
            *payment = None;
        }
    }

    /// Puts an answer into its place. False if the place is not waiting for one.
    pub(crate) fn answer(&mut self, sequence: u64, reply: Reply) -> bool {
        let Some(slot @ Slot::Waiting { .. }) = self.slot(sequence) else { return false };
        *slot = Slot::Answered(reply);
        self.waiting -= 1;
        // An exclusive request is the only one that waits.
        self.is_exclusive = false;
        true
    }

    /// Takes the next answer in the order of the requests, if it is there.
    pub(crate) fn take_answered(&mut self) -> Option<Reply> {
        if !matches!(self.ring.front(), Some(Slot::Answered(_))) {
            return None;
        }
        let Some(Slot::Answered(reply)) = self.ring.pop_front() else { return None };
        self.first += 1;
        Some(reply)
    }

    /// Notes when a request's time is up.
    pub(crate) fn expire_at(&mut self, sequence: u64, at: Millis) {
        if matches!(self.slot(sequence), Some(Slot::Waiting { .. })) {
            self.deadlines.push(Reverse((at, sequence)));
        }
    }

    /// The earliest deadline of a request that still waits.
    pub(crate) fn next_deadline(&mut self) -> Option<Millis> {
        while let Some(Reverse((at, sequence))) = self.deadlines.peek().copied() {
            if matches!(self.slot(sequence), Some(Slot::Waiting { .. })) {
                return Some(at);
            }
            self.deadlines.pop();
        }
        None
    }

    /// Takes one request whose time is up.
    pub(crate) fn take_expired(&mut self, now: Millis) -> Option<u64> {
        if now < self.next_deadline()? {
            return None;
        }
        self.deadlines.pop().map(|Reverse((_, sequence))| sequence)
    }

    /// Makes every Fetch that waits for records expire now: the server stops. A Produce waits for
    /// its flush as before, it is under way.
    pub(crate) fn expire_fetches(&mut self, now: Millis) {
        let all = std::mem::take(&mut self.deadlines);
        for Reverse((at, sequence)) in all {
            let is_fetch =
                matches!(self.slot(sequence), Some(Slot::Waiting { kind: RequestKind::Fetch, .. }));
            let at = if is_fetch { now.min(at) } else { at };
            self.deadlines.push(Reverse((at, sequence)));
        }
    }

    fn slot(&mut self, sequence: u64) -> Option<&mut Slot> {
        let index = usize::try_from(sequence.checked_sub(self.first)?).ok()?;
        self.ring.get_mut(index)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kt_node::Chunk;
    use smallvec::smallvec;

    use super::*;
    use crate::budget::RequestBudget;

    fn payment() -> Payment {
        RequestBudget::new(1, 1).try_pay(1).unwrap()
    }

    fn reply(text: &'static str) -> Reply {
        Reply { chunks: smallvec![Chunk::Bytes(Bytes::from_static(text.as_bytes()))] }
    }

    fn text(reply: Option<Reply>) -> Option<String> {
        match reply?.chunks.first()? {
            Chunk::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Chunk::File(_) => None,
        }
    }

    #[test]
    fn answers_leave_in_the_order_of_the_requests() {
        let mut slots = Slots::default();
        for expected in 0..3 {
            assert_eq!(slots.start(RequestKind::Fetch, payment()), expected);
        }
        assert!(slots.answer(2, reply("c")));
        assert!(slots.answer(1, reply("b")));
        assert_eq!(text(slots.take_answered()), None);
        assert!(slots.answer(0, reply("a")));
        assert!(!slots.answer(0, reply("again")));
        assert!(!slots.answer(9, reply("never asked")));
        let left: Vec<_> = std::iter::from_fn(|| text(slots.take_answered())).collect();
        assert_eq!(left, ["a", "b", "c"]);
        assert!(slots.is_empty());
    }

    #[test]
    fn others_wait_until_all_is_answered_and_hold_later_ones_back() {
        let mut slots = Slots::default();
        slots.start(RequestKind::Fetch, payment());
        assert!(slots.may_start(RequestKind::Fetch));
        assert!(!slots.may_start(RequestKind::Exclusive));
        slots.answer(0, Reply::default());
        // Answered is enough: it need not have been sent.
        assert!(slots.may_start(RequestKind::Exclusive));
        slots.start(RequestKind::Exclusive, payment());
        assert!(!slots.may_start(RequestKind::Fetch));
        slots.answer(1, Reply::default());
        assert!(slots.may_start(RequestKind::Fetch));
    }

    #[test]
    fn no_more_start_than_the_bound() {
        let mut slots = Slots::default();
        for _ in 0..IN_FLIGHT_MAX {
            slots.start(RequestKind::Fetch, payment());
        }
        assert!(slots.is_full() && !slots.may_start(RequestKind::Fetch));
        // An answer that has not left still fills its place.
        slots.answer(1, Reply::default());
        assert!(!slots.may_start(RequestKind::Fetch));
        slots.answer(0, Reply::default());
        slots.take_answered();
        assert!(slots.may_start(RequestKind::Fetch));
    }

    #[test]
    fn deadlines_of_answered_requests_are_forgotten() {
        let mut slots = Slots::default();
        for (sequence, at) in [(0, 30), (1, 10), (2, 20)] {
            slots.start(RequestKind::Fetch, payment());
            slots.expire_at(sequence, Millis(at));
        }
        slots.expire_at(7, Millis(1));
        slots.answer(1, Reply::default());
        assert_eq!(slots.next_deadline(), Some(Millis(20)));
        assert_eq!(slots.take_expired(Millis(19)), None);
        assert_eq!(slots.take_expired(Millis(20)), Some(2));
        assert_eq!(slots.take_expired(Millis(20)), None);
        assert_eq!(slots.take_expired(Millis(30)), Some(0));
    }

    #[test]
    fn stopping_ends_long_polls_and_lets_appends_finish() {
        let mut slots = Slots::default();
        for kind in [RequestKind::Produce, RequestKind::Fetch] {
            let sequence = slots.start(kind, payment());
            slots.expire_at(sequence, Millis(500));
        }
        slots.expire_fetches(Millis(3));
        assert_eq!(slots.take_expired(Millis(3)), Some(1));
        assert_eq!(slots.take_expired(Millis(3)), None);
    }
}
