//! The batches of one partition, in the order of their records: which may be sent when, so that no
//! record is lost, written twice or overtaken. No tokio, no clock.
//!
//! ```text
//! append -> [.. waiting, open] -> take -> [sent] -> answer: ended, waiting again, or split
//!            \___ later records ___/      \___ first in the queue ___/
//! ```
//!
//! An idempotent producer sends several batches one behind the other. A retry goes only when it is
//! the first in the queue; until an epoch's first batch is acknowledged there is but one under way.
//! A batch whose fate is unknown keeps its stamp, by which the broker knows it. Where the first one
//! is out of order, it may be missing, or written and forgotten: a broker that was killed remembers
//! but the last batch of a producer. So those behind it are asked for too, the last one first: what
//! is written there proves that all before it is. Only when the broker has none of them, and no try
//! can still arrive, are all given the stamps of the next epoch.

use std::collections::VecDeque;

use kt_protocol::planted;
use kt_protocol::records::{AppendError, Compressor, NewRecord};
use kt_protocol::types::{LeaderEpoch, Millis, NodeId};

use super::Tag;
use super::batch::{Batch, Sealed, State};
use super::effect::RequestId;
use super::sequence::{Identity, Sequence};
use super::topics::TopicIndex;

/// How many of a producer's last batches a broker knows again in each partition
/// (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`).
pub(super) const BATCHES_REMEMBERED: u64 = 5;

/// What holds for all partitions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) is_idempotent: bool,
    pub(super) compressor: Compressor,
    pub(super) batch_bytes: usize,
    pub(super) linger_ms: u64,
    pub(super) delivery_timeout_ms: u64,
    /// Batches of a partition, and requests of a broker, that may be under way.
    pub(super) in_flight_max: usize,
    #[cfg(test)]
    pub(super) planted: Planted,
}

/// A bug that a test puts in, to see that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Planted {
    #[cfg(test)]
    Nothing,
    /// Stamps are given anew while a try with the old one may still arrive.
    TriesAdriftAreForgotten,
    /// An epoch begins when the first batch is out of order, whatever is behind it.
    OnlyTheFirstIsAskedFor,
    /// Several batches are under way before the broker counts the epoch.
    EpochsBeginWithMany,
}

impl Rules {
    #[cfg(test)]
    fn has(&self, planted: Planted) -> bool {
        self.planted == planted
    }

    #[cfg(not(test))]
    fn has(&self, _planted: Planted) -> bool {
        false
    }
}

/// Whether batches wait for more records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// As long as `linger.ms` says.
    Linger,
    /// No.
    Now,
}

/// What can be done with a partition now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing, until an answer comes or a record.
    Idle,
    /// Nothing before that time.
    At(Millis),
    /// A batch could be sent, had the producer an identity that serves.
    Unidentified,
    /// A batch can be sent.
    Ready,
}

/// How an append changed a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Appended {
    /// A record joined the open batch.
    Joined,
    /// A batch was filled or begun: what can be done may have changed.
    Turned,
}

/// What the leader said of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nobody said anything; until then the try counts as one that may still arrive.
    Adrift(Millis),
    /// Not done. Whether the leader has it or not, it is known by its stamp.
    Kept,
    /// The leader does not have it, since it expects another number.
    OutOfOrder,
    /// The leader does not have it, since it knows a later epoch.
    Fenced,
}

/// A batch under way.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) sealed: Sealed,
    pub(super) is_first_try: bool,
    pub(super) waited_ms: u64,
    pub(super) records: usize,
}

/// A batch that became two. They may cost fewer bytes than it did: the deltas of the second half
/// begin at 0 again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Halved {
    /// Bytes that the batch cost.
    pub(super) before: usize,
    /// Bytes that its halves cost.
    pub(super) after: usize,
    /// How many flushes were begun before it was.
    pub(super) generation: u64,
}

/// One partition.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) topic: TopicIndex,
    pub(super) partition: i32,
    pub(super) leader: Option<NodeId>,
    pub(super) leader_epoch: LeaderEpoch,
    /// Whether it stands in a list of those that are ready.
    pub(super) is_listed: bool,
    /// When it is looked at next.
    pub(super) timer: Option<Millis>,
    /// Whether its oldest batch is waited for to expire.
    pub(super) has_expiry: bool,
    batches: VecDeque<Batch>,
    sent: usize,
    sequence: Sequence,
    /// How many batches were stamped.
    stamped: u64,
    /// The stamps are to be given anew once nothing is under way.
    must_restamp: bool,
    /// The leader knows a later epoch than ours.
    is_fenced: bool,
    /// What the last batches grew to, a bound for how much room the next one gets at first.
    capacity: usize,
}

impl Queue {
    pub(super) fn new(topic: TopicIndex, partition: i32) -> Queue {
        Queue {
            topic,
            partition,
            leader: None,
            leader_epoch: LeaderEpoch::UNKNOWN,
            is_listed: false,
            timer: None,
            has_expiry: false,
            batches: VecDeque::new(),
            sent: 0,
            sequence: Sequence::new(),
            stamped: 0,
            must_restamp: false,
            is_fenced: false,
            capacity: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// How many batches wait or are under way.
    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    /// Whether the last batch takes records and has some: others better go with them.
    pub(super) fn has_open(&self) -> bool {
        self.batches.back().is_some_and(Batch::is_open)
    }

    /// Puts a record into the last batch, or into a new one. Gives what it costs too.
    pub(super) fn append(
        &mut self,
        rules: &Rules,
        now: impl FnOnce() -> Millis,
        record: NewRecord<'_>,
        tag: Tag,
    ) -> Result<(Appended, usize), AppendError> {
        let last = self.batches.back_mut().filter(|it| it.is_open());
        if let Some(last) = last {
            if let Some(cost) = last.append(record, tag, rules.batch_bytes)? {
                let turned = if last.is_open() { Appended::Joined } else { Appended::Turned };
                return Ok((turned, cost));
            }
            last.close();
            self.capacity = last.size();
        }
        let mut batch = Batch::new(now(), rules.compressor, self.capacity.min(rules.batch_bytes));
        batch.append(record, tag, rules.batch_bytes)?;
        let cost = batch.bytes;
        self.batches.push_back(batch);
        Ok((Appended::Turned, cost))
    }

    /// What can be done now.
    pub(super) fn verdict(
        &self,
        rules: &Rules,
        now: Millis,
        urgency: Urgency,
        offered: Option<Identity>,
    ) -> Verdict {
        if rules.in_flight_max <= self.sent || self.must_restamp && 0 < self.sent {
            return Verdict::Idle;
        }
        let Some(position) = self.candidate() else { return Verdict::Idle };
        let batch = &self.batches[position];
        let Some(not_before) = batch.waits_until() else { return Verdict::Idle };
        if rules.is_idempotent {
            match self.sequence_verdict(rules, position, batch, offered) {
                Verdict::Ready => {}
                other => return other,
            }
        }
        let is_filling = batch.is_open() && urgency == Urgency::Linger;
        let due = if is_filling { batch.created + rules.linger_ms } else { not_before };
        match due.max(not_before) {
            at if now < at => Verdict::At(at),
            _ => Verdict::Ready,
        }
    }

    /// The batch that goes next: the first one that waits; but where that is refused, the last one
    /// that the leader may have.
    fn candidate(&self) -> Option<usize> {
        let first = self.batches.iter().position(|it| it.waits_until().is_some())?;
        if self.must_restamp || first != 0 || !self.batches[0].is_refused {
            return Some(first);
        }
        if 0 < self.sent {
            return None;
        }
        self.batches.iter().rposition(|it| it.stamp.is_some() && !it.is_refused)
    }

    /// Whether the first batch that waits may go as far as its number is concerned.
    fn sequence_verdict(
        &self,
        rules: &Rules,
        position: usize,
        batch: &Batch,
        offered: Option<Identity>,
    ) -> Verdict {
        if self.must_restamp {
            return match self.sequence.can_stamp(offered) {
                true => Verdict::Ready,
                false => Verdict::Unidentified,
            };
        }
        if batch.stamp.is_some() {
            let is_alone = position == 0 || self.sent == 0;
            return if is_alone { Verdict::Ready } else { Verdict::Idle };
        }
        let is_established =
            self.sequence.is_established() || rules.has(Planted::EpochsBeginWithMany);
        let must_be_alone = self.sequence.is_broken_off() || !is_established;
        if must_be_alone && position != 0 || self.is_window_full() {
            return Verdict::Idle;
        }
        match self.sequence.can_stamp(offered) {
            true => Verdict::Ready,
            false => Verdict::Unidentified,
        }
    }

    /// Whether the broker might forget the oldest batch without an answer if another one came.
    fn is_window_full(&self) -> bool {
        let oldest = self.batches.front().and_then(|it| it.ordinal);
        oldest.is_some_and(|oldest| BATCHES_REMEMBERED <= self.stamped - oldest)
    }

    /// The id that does not serve here any more.
    pub(super) fn refused_id(&self) -> Option<kt_protocol::types::ProducerId> {
        self.sequence.refused()
    }

    /// Bytes of the batch that goes next, at most.
    pub(super) fn next_size(&self) -> usize {
        self.candidate().map_or(0, |it| self.batches[it].size())
    }

    /// Takes the batch that a verdict called ready.
    pub(super) fn take(
        &mut self,
        rules: &Rules,
        now: Millis,
        request: RequestId,
        offered: Option<Identity>,
    ) -> Option<Taken> {
        if self.must_restamp {
            self.restamp(offered)?;
        }
        let position = self.candidate()?;
        let batch = &mut self.batches[position];
        if rules.is_idempotent && batch.stamp.is_none() {
            batch.stamp = Some(self.sequence.stamp(offered, batch.tags.len())?);
            batch.ordinal = Some(self.stamped);
            self.stamped += 1;
        }
        batch.state = State::Sent(request);
        batch.attempts += 1;
        batch.is_refused = false;
        self.sent += 1;
        if batch.attempts == 1 {
            // Before it is compressed. One small batch does not make the next ones grow slowly.
            self.capacity = batch.size().max(self.capacity / 2);
        }
        Some(Taken {
            is_first_try: batch.attempts == 1,
            waited_ms: now - batch.created,
            records: batch.tags.len(),
            sealed: batch.seal(),
        })
    }

    /// Gives all stamps anew, from 0 of the next epoch on.
    fn restamp(&mut self, offered: Option<Identity>) -> Option<()> {
        debug_assert_eq!(self.sent, 0, "nothing may be under way");
        for batch in self.batches.iter_mut().filter(|it| it.stamp.is_some()) {
            let stamp = self.sequence.stamp(offered, batch.tags.len())?;
            batch.restamp(stamp);
            batch.is_refused = false;
        }
        self.must_restamp = false;
        self.is_fenced = false;
        Some(())
    }

    /// The place of the batch of a request; `None` if it was given up meanwhile.
    pub(super) fn position(&self, request: RequestId) -> Option<usize> {
        self.batches.iter().position(|it| it.state == State::Sent(request))
    }

    pub(super) fn batch(&mut self, position: usize) -> &mut Batch {
        &mut self.batches[position]
    }

    /// The batch was written. Gives those before it that the leader had refused, and that are proven
    /// to be written by that, and the batch itself.
    pub(super) fn complete(&mut self, position: usize) -> (Vec<Batch>, Batch) {
        let batch = self.remove(position);
        let mut proven = Vec::new();
        if let Some(stamp) = batch.stamp {
            self.sequence.acknowledge(stamp);
            let is_before =
                |it: &Batch| it.stamp.is_some_and(|other| other.identity == stamp.identity);
            let mut left = position;
            let mut at = 0;
            while at < left {
                let earlier = &mut self.batches[at];
                earlier.is_proven |= is_before(earlier);
                if earlier.is_proven && earlier.is_refused {
                    proven.push(self.remove(at));
                    left -= 1;
                } else {
                    at += 1;
                }
            }
            // What was refused behind it may be the next one now.
            for later in self.batches.iter_mut().skip(left) {
                later.is_refused = false;
            }
        }
        (proven, batch)
    }

    /// The batch is given up: what follows it must not be taken for its successor.
    pub(super) fn give_up(&mut self, position: usize) -> Batch {
        let batch = self.remove(position);
        if batch.stamp.is_some() {
            self.sequence.break_off();
        }
        batch
    }

    fn remove(&mut self, position: usize) -> Batch {
        let batch = self.batches.remove(position).expect("the place is that of a batch");
        self.sent -= usize::from(matches!(batch.state, State::Sent(_)));
        if self.batches.iter().all(|it| it.stamp.is_none()) {
            self.must_restamp = false;
        }
        batch
    }

    /// The batch waits again, until `at`.
    pub(super) fn retry(
        &mut self,
        rules: &Rules,
        now: Millis,
        position: usize,
        fate: Fate,
        at: Millis,
    ) {
        let batch = &mut self.batches[position];
        batch.state = State::Waiting(at);
        self.sent -= 1;
        match fate {
            Fate::Adrift(_) if planted!("a try adrift counts as not written") => {
                self.must_restamp = true;
                self.sequence.break_off();
            }
            Fate::Adrift(until) => batch.adrift_until = batch.adrift_until.max(until),
            Fate::Kept => {}
            Fate::OutOfOrder | Fate::Fenced => {
                let is_adrift =
                    now < batch.adrift_until && !rules.has(Planted::TriesAdriftAreForgotten);
                batch.is_refused = batch.stamp.is_some() && !is_adrift;
                self.is_fenced |= fate == Fate::Fenced;
            }
        }
        if self.has_none_written(rules) {
            self.must_restamp = true;
            match self.is_fenced {
                true => self.sequence.refuse(),
                false => self.sequence.break_off(),
            }
        }
    }

    /// Whether the leader has refused all that have stamps.
    fn has_none_written(&self, rules: &Rules) -> bool {
        let mut stamped = self.batches.iter().filter(|it| it.stamp.is_some());
        if rules.has(Planted::OnlyTheFirstIsAskedFor) {
            return stamped.next().is_some_and(|it| it.is_refused);
        }
        self.batches.front().is_some_and(|it| it.is_refused) && stamped.all(|it| it.is_refused)
    }

    /// Puts the halves of a batch that was sent in its place, and gives what that changes; `None` if
    /// it cannot be halved.
    pub(super) fn split(&mut self, rules: &Rules, position: usize) -> Option<Halved> {
        let batch = &mut self.batches[position];
        let (before, generation) = (batch.bytes, batch.generation);
        let [first, second] = batch.split(rules.compressor)?;
        let after = first.bytes + second.bytes;
        *batch = first;
        self.batches.insert(position + 1, second);
        self.sent -= 1;
        Some(Halved { before, after, generation })
    }

    /// When the oldest batch expires.
    pub(super) fn expiry(&self, rules: &Rules) -> Option<Millis> {
        self.batches.front().map(|it| it.created + rules.delivery_timeout_ms)
    }

    /// Whether the oldest batch has expired, sent or not.
    pub(super) fn has_expired(&self, rules: &Rules, now: Millis) -> bool {
        self.expiry(rules).is_some_and(|at| at <= now && !planted!("batches do not expire"))
    }

    /// Lets what waits for its next try go at once: another broker may know better.
    pub(super) fn hasten(&mut self) {
        for batch in &mut self.batches {
            if let State::Waiting(at) = &mut batch.state {
                *at = Millis(0);
            }
        }
    }

    /// The leader counts from another epoch of its own: the topic was made anew.
    pub(super) fn start_over(&mut self) {
        self.leader_epoch = LeaderEpoch::UNKNOWN;
        self.sequence.break_off();
    }

    /// Gives everything up.
    pub(super) fn clear(&mut self) -> Vec<Batch> {
        let mut all = Vec::new();
        while !self.batches.is_empty() {
            all.push(self.give_up(0));
        }
        all
    }
}
