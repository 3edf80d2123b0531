//! One partition of `__consumer_offsets` that this broker leads: its groups, and who waits for what
//! they decided to be committed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use kt_core::group::{Answer, DeletedTopic, GroupRecord, Outcome, Shard};
use kt_core::replica::Acks;
use kt_protocol::records::{BatchBuilder, BatchHeader, NewRecord};
use kt_protocol::types::{LeaderEpoch, Millis, Now, Offset, ProducerId, Timestamp};
use kt_protocol::{ErrorCode, planted};

use super::load::LoadedShard;
use crate::effect::{Effect, MachineId};
use crate::lock_rank::{Rank, RankedMutex};
use crate::machine::Machine;
use crate::node::Node;
use crate::partition::{AppendError, Appended, Bounds, Moved, Partition, ProducedBatch};

/// What a shard knows a caller by.
pub(crate) type Token = u64;

/// What to do with an answer once it may leave, or with the reason why there will be none.
pub(crate) type Asker = Box<dyn FnOnce(Result<Answer, ErrorCode>, &mut Vec<Effect>) + Send>;

/// What to do once everything that was seen is committed, or never will be.
type Committed = Box<dyn FnOnce(Result<(), ErrorCode>, &mut Vec<Effect>) + Send>;

enum Phase {
    /// Its log is being read. Topics that are deleted meanwhile are remembered.
    Loading(Vec<DeletedTopic>),
    Serving(Box<Shard<Token>>),
    /// The partition is led by somebody else, in another epoch, or its log is lost.
    Dropped,
}

impl Phase {
    /// The shard.
    ///
    /// # Errors
    ///
    /// What to tell who asks while there is none.
    fn serving(&mut self) -> Result<&mut Shard<Token>, ErrorCode> {
        match self {
            Phase::Serving(shard) => Ok(shard),
            Phase::Loading(_) => Err(ErrorCode::CoordinatorLoadInProgress),
            Phase::Dropped => Err(ErrorCode::NotCoordinator),
        }
    }
}

struct State {
    phase: Phase,
    /// Who asked the shard and was not answered by it yet.
    askers: BTreeMap<Token, Asker>,
    next_token: Token,
    /// The end of what the shard has seen: nobody else appends here.
    end: Offset,
    /// What waits for the high watermark, in the order of its offsets.
    uncommitted: VecDeque<(Offset, Committed)>,
    /// For when a wake is asked.
    wakes_at: Option<Millis>,
}

/// One partition's shard, with its log.
pub(crate) struct GroupShard {
    partition: Arc<Partition>,
    epoch: LeaderEpoch,
    /// Lock of rank shard: held from a decision over its append to its replay.
    state: RankedMutex<State>,
}

/// What is to be done without the lock.
#[derive(Default)]
struct After {
    due: Vec<Committed>,
    failed: Vec<Asker>,
    dropped: Vec<Committed>,
    appended: Vec<(Moved, u64)>,
    error: Option<AppendError>,
}

impl GroupShard {
    /// A shard that is to be loaded.
    pub(crate) fn new(partition: Arc<Partition>, bounds: &Bounds) -> GroupShard {
        let state = State {
            phase: Phase::Loading(Vec::new()),
            askers: BTreeMap::new(),
            next_token: 0,
            end: bounds.offsets.log_end,
            uncommitted: VecDeque::new(),
            wakes_at: None,
        };
        GroupShard { partition, epoch: bounds.epoch, state: RankedMutex::new(Rank::Shard, state) }
    }

    /// The number of its partition.
    pub(crate) fn index(&self) -> i32 {
        self.partition.name().partition.0
    }

    pub(crate) fn partition(&self) -> &Arc<Partition> {
        &self.partition
    }

    /// Whether it is the shard of this partition in this epoch.
    pub(crate) fn is_of(&self, partition: &Arc<Partition>, epoch: LeaderEpoch) -> bool {
        Arc::ptr_eq(&self.partition, partition) && self.epoch == epoch
    }

    fn machine(&self) -> MachineId {
        let index = u64::try_from(self.index()).expect("partitions are counted from 0");
        Machine::GroupShard(index).id()
    }

    /// Lets the shard decide, appends and replays what it decided. `asker` is called once the
    /// shard has answered and that is committed.
    pub(crate) fn ask(
        &self,
        node: &Node,
        now: Now,
        asker: Asker,
        call: impl FnOnce(&mut Shard<Token>, Token) -> Outcome<Token>,
        effects: &mut Vec<Effect>,
    ) {
        let mut state = self.state.lock();
        let token = state.next_token;
        let shard = match state.phase.serving() {
            Ok(shard) => shard,
            Err(code) => {
                drop(state);
                return asker(Err(code), effects);
            }
        };
        let outcome = call(shard, token);
        state.next_token += 1;
        state.askers.insert(token, asker);
        let mut after = After::default();
        self.carry_out(&mut state, now, outcome, &mut after, effects);
        self.settle(&mut state, now, &mut after, effects);
        drop(state);
        self.finish(node, now, after, effects);
    }

    /// Asks the shard something that changes nothing. `asker` is called once all that it has seen
    /// is committed.
    pub(crate) fn query<R: Send + 'static>(
        &self,
        node: &Node,
        now: Now,
        asker: impl FnOnce(Result<R, ErrorCode>, &mut Vec<Effect>) + Send + 'static,
        call: impl FnOnce(&Shard<Token>) -> R,
        effects: &mut Vec<Effect>,
    ) {
        let mut state = self.state.lock();
        let said = match state.phase.serving() {
            Ok(shard) => call(shard),
            Err(code) => {
                drop(state);
                return asker(Err(code), effects);
            }
        };
        let end = if planted!("group read before the commit") { Offset(0) } else { state.end };
        let answer: Committed =
            Box::new(move |result, effects| asker(result.map(|()| said), effects));
        match planted!("group read before the commit") {
            true => state.uncommitted.push_front((end, answer)),
            false => state.uncommitted.push_back((end, answer)),
        }
        let mut after = After::default();
        self.settle(&mut state, now, &mut after, effects);
        drop(state);
        self.finish(node, now, after, effects);
    }

    /// Its log was read.
    pub(crate) fn loaded(
        &self,
        node: &Node,
        now: Now,
        loaded: LoadedShard,
        effects: &mut Vec<Effect>,
    ) {
        let LoadedShard { mut shard, end } = loaded;
        let mut state = self.state.lock();
        let Phase::Loading(deleted) = &mut state.phase else { return };
        let deleted = std::mem::take(deleted);
        shard.loaded(now);
        let outcome = match deleted.is_empty() {
            true => None,
            false => Some(shard.on_topics_deleted(now, &deleted)),
        };
        state.phase = Phase::Serving(Box::new(shard));
        state.end = end;
        let mut after = After::default();
        if let Some(outcome) = outcome {
            self.carry_out(&mut state, now, outcome, &mut after, effects);
        }
        self.settle(&mut state, now, &mut after, effects);
        drop(state);
        self.finish(node, now, after, effects);
    }

    /// Topics were deleted.
    pub(crate) fn topics_deleted(
        &self,
        node: &Node,
        now: Now,
        topics: &[DeletedTopic],
        effects: &mut Vec<Effect>,
    ) {
        let mut state = self.state.lock();
        let outcome = match &mut state.phase {
            Phase::Loading(deleted) => return deleted.extend_from_slice(topics),
            Phase::Dropped => return,
            Phase::Serving(shard) => shard.on_topics_deleted(now, topics),
        };
        let mut after = After::default();
        self.carry_out(&mut state, now, outcome, &mut after, effects);
        self.settle(&mut state, now, &mut after, effects);
        drop(state);
        self.finish(node, now, after, effects);
    }

    /// A deadline or the high watermark has come, or the partition's leadership has turned.
    pub(crate) fn wake(&self, node: &Node, now: Now, effects: &mut Vec<Effect>) {
        let mut state = self.state.lock();
        let mut after = After::default();
        // A machine has one time only: being called may have been all that it asked for.
        state.wakes_at = None;
        // One batch a turn, so that others get theirs.
        if let Phase::Serving(shard) = &mut state.phase
            && shard.next_deadline().is_some_and(|at| at <= now.monotonic)
        {
            let outcome = shard.on_deadline(now);
            self.carry_out(&mut state, now, outcome, &mut after, effects);
        }
        self.settle(&mut state, now, &mut after, effects);
        drop(state);
        self.finish(node, now, after, effects);
    }

    /// The partition is not led here any more, or in another epoch: whoever waits looks elsewhere.
    pub(crate) fn drop_state(&self, effects: &mut Vec<Effect>) {
        let mut after = After::default();
        drop_phase(&mut self.state.lock(), &mut after);
        after.tell(effects);
    }

    /// Appends and replays what was decided. The answers wait for all of it.
    fn carry_out(
        &self,
        state: &mut State,
        now: Now,
        outcome: Outcome<Token>,
        after: &mut After,
        effects: &mut Vec<Effect>,
    ) {
        let Outcome { records, answers } = outcome;
        if !records.is_empty() {
            match self.append(now, &records, effects) {
                Ok((appended, moved, bytes)) => {
                    after.appended.push((moved, bytes));
                    replay(state, &records, appended.base_offset);
                    state.end = appended.end;
                }
                Err(error) => {
                    after.error = Some(error);
                    return drop_phase(state, after);
                }
            }
        }
        for (token, answer) in answers {
            let Some(asker) = state.askers.remove(&token) else { continue };
            let end = state.end;
            let answered: Committed =
                Box::new(move |result, effects| asker(result.map(|()| answer), effects));
            state.uncommitted.push_back((end, answered));
        }
    }

    fn append(
        &self,
        now: Now,
        records: &[GroupRecord],
        effects: &mut Vec<Effect>,
    ) -> Result<(Appended, Moved, u64), AppendError> {
        let mut bytes = batch(now.wall, records);
        let header = BatchHeader::parse(&bytes).expect("it was made just now");
        let size = bytes.len() as u64;
        let batch = ProducedBatch { bytes: &mut bytes, header, log_append_time: Timestamp::NONE };
        let (appended, moved) = self.partition.append(now, batch, Acks::All, effects)?;
        Ok((appended, moved, size))
    }

    /// Takes out what the high watermark has passed, and asks to be woken for the rest and for the
    /// next deadline.
    fn settle(&self, state: &mut State, now: Now, after: &mut After, effects: &mut Vec<Effect>) {
        while let Some((end, _)) = state.uncommitted.front() {
            let end = if planted!("group answered before the commit") { Offset(0) } else { *end };
            match self.partition.wait_for_high_watermark(self.epoch, end, self.machine()) {
                Ok(None) => break,
                Ok(Some(high_watermark)) => {
                    let high_watermark = high_watermark.max(end);
                    let is_due = |it: &(Offset, Committed)| it.0 <= high_watermark;
                    let count = state.uncommitted.iter().take_while(|it| is_due(it)).count();
                    after.due.extend(state.uncommitted.drain(..count).map(|(_, due)| due));
                    if planted!("group answered before the commit") {
                        after.due.extend(state.uncommitted.drain(..).map(|(_, due)| due));
                    }
                }
                Err(_) => return drop_phase(state, after),
            }
        }
        let Phase::Serving(shard) = &state.phase else { return };
        let Some(at) = shard.next_deadline() else { return };
        if planted!("deadlines of groups are forgotten") {
            return;
        }
        if at <= now.monotonic {
            effects.push(Effect::Wake(self.machine()));
        } else if state.wakes_at.is_none_or(|before| at < before) {
            state.wakes_at = Some(at);
            effects.push(Effect::WakeAt(self.machine(), at));
        }
    }

    fn finish(&self, node: &Node, now: Now, after: After, effects: &mut Vec<Effect>) {
        let After { appended, error, .. } = &after;
        if let Some(fault) = error.as_ref().and_then(|it| it.fault.clone()) {
            node.fault(&self.partition, fault, effects);
        }
        for (_, bytes) in appended {
            node.appended(now, &self.partition, *bytes, effects);
        }
        let mut after = after;
        for (moved, _) in std::mem::take(&mut after.appended) {
            node.deliver(moved, effects);
        }
        after.tell(effects);
    }
}

impl After {
    fn tell(self, effects: &mut Vec<Effect>) {
        for due in self.due {
            due(Ok(()), effects);
        }
        for dropped in self.dropped {
            dropped(Err(ErrorCode::NotCoordinator), effects);
        }
        for asker in self.failed {
            asker(Err(ErrorCode::NotCoordinator), effects);
        }
    }
}

fn drop_phase(state: &mut State, after: &mut After) {
    state.phase = Phase::Dropped;
    after.dropped.extend(state.uncommitted.drain(..).map(|(_, waiting)| waiting));
    after.failed.extend(std::mem::take(&mut state.askers).into_values());
}

fn replay(state: &mut State, records: &[GroupRecord], base_offset: Offset) {
    let Phase::Serving(shard) = &mut state.phase else { return };
    for (record, offset) in records.iter().zip(base_offset.0..) {
        shard.replay(&record.record, Offset(offset), ProducerId::NONE);
    }
}

/// The batch of one decision.
fn batch(now: Timestamp, records: &[GroupRecord]) -> Vec<u8> {
    let mut batch = BatchBuilder::new();
    for GroupRecord { record, version } in records {
        let (key, value) = record.encode(*version).expect("a decider writes what fits its version");
        let record = NewRecord {
            timestamp: now,
            key: Some(&key),
            value: value.as_deref(),
            ..NewRecord::default()
        };
        batch.append(record).expect("a decision is bounded far below a batch");
    }
    batch.build().to_vec()
}
