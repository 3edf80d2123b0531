//! A worker pool beside a model that keeps every record in a list: random calls, and after each the
//! promises of the pool are looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::backoff::BackoffRange;
use crate::worker_pool::Order;

const WORKERS: usize = 3;
const RECORDS_MAX: usize = 12;
const BYTES_MAX: usize = 120;
const RECORD_BYTES_MAX: usize = 18;
const AHEAD_MAX: usize = 10;
const REVOKE_MS: u64 = 1_000;
const PARTITIONS: usize = 3;

#[derive(Clone, Debug)]
enum Call {
    Assign(usize),
    Offer { partition: usize, gap: i64, key: Option<u8>, bytes: usize },
    Finish { which: usize, is_done: bool },
    Wait(u64),
    Revoke(usize),
    Lose(usize),
    Commit,
}

fn call() -> impl Strategy<Value = Call> {
    let partition = 0..PARTITIONS;
    let key = prop_oneof![1 => Just(None), 4 => (0..4_u8).prop_map(Some)];
    let gap = prop_oneof![4 => Just(0_i64), 1 => 1..4_i64];
    prop_oneof![
        2 => partition.clone().prop_map(Call::Assign),
        12 => (partition.clone(), gap, key, 1..=RECORD_BYTES_MAX)
            .prop_map(|(partition, gap, key, bytes)| Call::Offer { partition, gap, key, bytes }),
        10 => (any::<usize>(), prop::bool::weighted(0.8))
            .prop_map(|(which, is_done)| Call::Finish { which, is_done }),
        3 => (1..600_u64).prop_map(Call::Wait),
        1 => partition.clone().prop_map(Call::Revoke),
        1 => partition.prop_map(Call::Lose),
        1 => Just(Call::Commit),
    ]
}

/// A record by the number of its assignment and its offset.
type Name = (u64, i64);

/// An assignment, and the key or the offset that orders within it.
type LaneKey = (u64, Option<u8>, Option<i64>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    /// It failed and is to be tried again.
    Retrying,
    /// It failed, and the pool stopped.
    Failed,
    Finished,
}

#[derive(Clone, Debug)]
struct ModelRecord {
    offset: i64,
    key: Option<u8>,
    bytes: usize,
    state: State,
}

#[derive(Debug)]
struct ModelPartition {
    index: usize,
    /// Where it was when nothing was open: a gap that was passed stays passed.
    floor: i64,
    /// Everything below was offered or passed.
    next: i64,
    records: Vec<ModelRecord>,
    /// Until when, and the last offset that may still be started.
    revoked: Option<(u64, i64)>,
    is_paused: bool,
    committed: i64,
    /// There was no room for this one.
    refused: Option<i64>,
    /// Its bytes.
    refused_bytes: usize,
}

impl ModelPartition {
    /// The first offset that is not finished, by looking at each.
    fn finished(&self) -> i64 {
        let mut finished = self.floor;
        for record in &self.records {
            if record.state != State::Finished {
                return finished;
            }
            finished = finished.max(record.offset + 1);
        }
        self.next
    }

    fn open(&self) -> impl Iterator<Item = &ModelRecord> {
        self.records.iter().filter(|it| it.state != State::Finished)
    }
}

struct Model {
    machine: Machine<Name>,
    order: Order,
    on_failure: FailurePolicy,
    now: u64,
    assigned: BTreeMap<u64, ModelPartition>,
    running: BTreeMap<WorkId, Name>,
    /// Numbers of assignments, counted here.
    count: u64,
    /// For each record that could start: what was started since.
    passed_by: BTreeMap<Name, BTreeSet<LaneKey>>,
    stopped: bool,
    log_end: [i64; PARTITIONS],
}

impl Model {
    fn new(order: Order, on_failure: FailurePolicy) -> Model {
        let config = WorkerPoolConfig {
            workers: WORKERS,
            order,
            queue_records_max: RECORDS_MAX,
            queue_bytes_max: BYTES_MAX,
            ahead_max: AHEAD_MAX,
            on_failure,
            revoke_timeout: Duration::from_millis(REVOKE_MS),
            ..WorkerPoolConfig::default()
        };
        Model {
            machine: Machine::new(config, 1),
            order,
            on_failure,
            now: 0,
            assigned: BTreeMap::new(),
            running: BTreeMap::new(),
            count: 0,
            passed_by: BTreeMap::new(),
            stopped: false,
            log_end: [0; PARTITIONS],
        }
    }

    fn call(&mut self, call: &Call) {
        let mut effects = Vec::new();
        match *call {
            Call::Assign(index) => self.assign(index, &mut effects),
            Call::Offer { partition, gap, key, bytes } => {
                self.offer(partition, gap, key, bytes, &mut effects);
            }
            Call::Finish { which, is_done } => self.finish(which, is_done, &mut effects),
            Call::Wait(ms) => {
                self.now += ms;
                self.machine.poll(Millis(self.now), &mut effects);
            }
            Call::Revoke(index) => self.revoke(index, &mut effects),
            Call::Lose(index) => {
                if let Some(number) = self.number_of(index) {
                    self.forget(number);
                }
                self.machine.lose(Millis(self.now), &name(index), &mut effects);
            }
            Call::Commit => self.commit(),
        }
        self.see(effects);
        self.check();
        for it in self.assigned.values_mut() {
            it.floor = it.finished();
        }
    }

    fn number_of(&self, index: usize) -> Option<u64> {
        self.assigned.iter().find(|(_, it)| it.index == index).map(|(number, _)| *number)
    }

    fn assign(&mut self, index: usize, effects: &mut Vec<Effect<Name>>) {
        let old = self.number_of(index);
        if old.is_none_or(|it| self.assigned[&it].revoked.is_some()) {
            if let Some(number) = old {
                self.forget(number);
            }
            self.count += 1;
            let start = self.log_end[index];
            let partition = ModelPartition {
                index,
                floor: start,
                next: start,
                records: Vec::new(),
                revoked: None,
                is_paused: false,
                committed: start,
                refused: None,
                refused_bytes: 0,
            };
            self.assigned.insert(self.count, partition);
        }
        self.machine.assign(&name(index), Offset(self.log_end[index]), effects);
    }

    fn offer(
        &mut self,
        index: usize,
        gap: i64,
        key: Option<u8>,
        bytes: usize,
        effects: &mut Vec<Effect<Name>>,
    ) {
        let number = self.number_of(index).filter(|it| self.assigned[it].revoked.is_none());
        let at = number.map_or(0, |it| self.assigned[&it].next) + gap;
        let offered = Offered {
            offset: Offset(at),
            leader_epoch: None,
            key: key.map(|it| Bytes::copy_from_slice(&[it])),
            bytes,
            record: (number.unwrap_or(0), at),
        };
        let answer = self.machine.offer(&name(index), offered, effects);
        let Some(number) = number else {
            assert_eq!(answer, Err(Refused::NotAssigned));
            return;
        };
        let partition = self.assigned.get_mut(&number).unwrap();
        match answer {
            Ok(()) => {
                let record = ModelRecord { offset: at, key, bytes, state: State::Waiting };
                partition.records.push(record);
                assert!(partition.refused.is_none_or(|it| it == at), "one was passed by");
                partition.refused = None;
                partition.next = at + 1;
                self.log_end[index] = at + 1;
            }
            Err(Refused::Full(_)) => {
                let is_next = partition.refused.is_none_or(|it| it == at);
                let is_empty = partition.open().next().is_none();
                assert!(!(is_empty && is_next), "an empty partition has room");
                // What was refused may not be passed by.
                self.machine.pass(&name(index), Offset(at + 10));
                if is_next {
                    partition.refused_bytes = bytes;
                }
                partition.next = *partition.refused.get_or_insert(at);
            }
            Err(refused) => panic!("{refused:?}"),
        }
        self.note_ready();
        self.machine.poll(Millis(self.now), effects);
    }

    fn finish(&mut self, which: usize, is_done: bool, effects: &mut Vec<Effect<Name>>) {
        let Some(at) = which.checked_rem(self.running.len()) else { return };
        let (work, (number, offset)) =
            self.running.iter().nth(at).map(|it| (*it.0, *it.1)).unwrap();
        self.running.remove(&work);
        let outcome = match is_done {
            true => Outcome::Done,
            false => Outcome::Failed("no".to_owned()),
        };
        let state = match (is_done, self.on_failure) {
            (true, _) | (false, FailurePolicy::Skip) => State::Finished,
            (false, FailurePolicy::Retry { .. }) => State::Retrying,
            (false, FailurePolicy::Stop) => {
                self.stopped = true;
                State::Failed
            }
        };
        self.set((number, offset), state);
        self.note_ready();
        self.machine.finish(Millis(self.now), work, outcome, effects);
    }

    fn revoke(&mut self, index: usize, effects: &mut Vec<Effect<Name>>) {
        if let Some(number) = self.number_of(index) {
            let deadline = self.now + REVOKE_MS;
            let partition = self.assigned.get_mut(&number).unwrap();
            let begun = |it: &&ModelRecord| it.state != State::Waiting;
            let last = partition.records.iter().rev().find(begun).map_or(-1, |it| it.offset);
            if partition.revoked.is_none() {
                partition.revoked = Some((deadline, last));
                partition.is_paused = false;
                let offsets: Vec<i64> = partition.records.iter().map(|it| it.offset).collect();
                for offset in offsets.into_iter().filter(|it| last < *it) {
                    self.passed_by.remove(&(number, offset));
                }
            }
        }
        self.machine.revoke(Millis(self.now), &name(index), effects);
    }

    fn commit(&mut self) {
        for commit in self.machine.committable() {
            let number = self.number_of(index_of(&commit.partition)).unwrap();
            let partition = self.assigned.get_mut(&number).unwrap();
            partition.committed = commit.offset.0;
            self.machine.on_committed(&commit);
        }
    }

    fn forget(&mut self, number: u64) {
        self.assigned.remove(&number);
        self.passed_by.retain(|it, _| it.0 != number);
    }

    fn record(&self, (number, offset): Name) -> &ModelRecord {
        self.assigned[&number].records.iter().find(|it| it.offset == offset).unwrap()
    }

    fn set(&mut self, (number, offset): Name, state: State) {
        let records = &mut self.assigned.get_mut(&number).unwrap().records;
        records.iter_mut().find(|it| it.offset == offset).unwrap().state = state;
    }

    /// What a record may not be overtaken in.
    fn lane(&self, name: Name) -> LaneKey {
        match (self.order, self.record(name).key) {
            (Order::Partition, _) => (name.0, None, None),
            (Order::Key, Some(key)) => (name.0, Some(key), None),
            (Order::Key, None) => (name.0, None, Some(name.1)),
        }
    }

    /// Finds records that became the first of their lanes.
    fn note_ready(&mut self) {
        let mut firsts = BTreeMap::new();
        for (number, partition) in &self.assigned {
            for record in partition.open() {
                let name = (*number, record.offset);
                firsts.entry(self.lane(name)).or_insert((name, record.state));
            }
        }
        for (name, state) in firsts.into_values() {
            let last = self.assigned[&name.0].revoked.map_or(i64::MAX, |it| it.1);
            if state == State::Waiting && name.1 <= last {
                self.passed_by.entry(name).or_default();
            }
        }
    }

    fn see(&mut self, effects: Vec<Effect<Name>>) {
        for effect in effects {
            match effect {
                Effect::Start { work, record } => self.started(work, record),
                Effect::Abandon(work) => {
                    let (number, _) = self.running.remove(&work).expect("it is under way");
                    let overdue = self.assigned.get(&number).and_then(|it| it.revoked);
                    assert!(overdue.is_none_or(|(at, _)| at <= self.now), "there was time left");
                }
                Effect::Pause(partition) => self.set_paused(&partition, true),
                Effect::Resume(partition) => self.set_paused(&partition, false),
                Effect::Released { partition, commit } => self.released(&partition, commit),
                Effect::Report(Report::Stopped(_)) => assert!(self.stopped),
                Effect::Report(_) => {}
            }
        }
    }

    fn set_paused(&mut self, partition: &TopicPartition, is_paused: bool) {
        let number = self.number_of(index_of(partition)).unwrap();
        let partition = self.assigned.get_mut(&number).unwrap();
        assert_ne!(partition.is_paused, is_paused, "told twice");
        partition.is_paused = is_paused;
    }

    fn started(&mut self, work: WorkId, name: Name) {
        assert!(!self.stopped, "a stopped pool starts nothing");
        let lane = self.lane(name);
        for record in self.assigned[&name.0].open().filter(|it| it.offset < name.1) {
            assert_ne!(self.lane((name.0, record.offset)), lane, "{name:?} overtook");
        }
        let record = self.record(name);
        assert!(matches!(record.state, State::Waiting | State::Retrying), "{record:?} started");
        if let Some((_, last)) = self.assigned[&name.0].revoked {
            assert!(name.1 <= last, "it had not begun when its partition was revoked");
        }
        self.passed_by.remove(&name);
        for others in self.passed_by.values_mut() {
            assert!(others.insert(lane), "a lane had two turns while another waited");
        }
        self.set(name, State::Running);
        assert!(self.running.insert(work, name).is_none());
        assert!(self.running.len() <= WORKERS);
    }

    fn released(&mut self, partition: &TopicPartition, commit: Option<Commit>) {
        let number = self.number_of(index_of(partition)).unwrap();
        assert!(self.running.values().all(|it| it.0 != number), "its work is under way");
        let it = &self.assigned[&number];
        let (deadline, last) = it.revoked.expect("it was revoked");
        if self.now < deadline && !self.stopped {
            assert!(it.open().all(|it| last < it.offset), "there was time to finish");
        }
        let expected = Some(it.finished()).filter(|offset| it.committed < *offset);
        assert_eq!(commit.map(|it| it.offset.0), expected);
        self.forget(number);
    }

    fn check(&self) {
        let mut commits = BTreeMap::new();
        let (mut records, mut bytes) = (0, 0);
        for (number, it) in &self.assigned {
            let finished = it.finished();
            if it.committed < finished {
                commits.insert(name(it.index), finished);
            }
            let last = it.revoked.map_or(i64::MAX, |it| it.1);
            let open: Vec<_> = it.open().filter(|it| it.offset <= last).collect();
            records += open.len();
            bytes += open.iter().map(|it| it.bytes).sum::<usize>();
            let from = it.records.iter().position(|it| it.state != State::Finished);
            let span = from.map_or(0, |from| it.records.len() - from);
            assert!(span <= AHEAD_MAX, "partition {number} keeps {span} records in mind");
            if it.is_paused {
                self.check_pause(it, open.len(), open.iter().map(|it| it.bytes).sum(), span);
            }
        }
        let told = self.machine.committable();
        let told = told.into_iter().map(|it| (it.partition, it.offset.0));
        assert_eq!(told.collect::<BTreeMap<_, _>>(), commits);
        let load = self.machine.load();
        assert_eq!(load, Load { records, bytes, running: self.running.len() });
        // Each partition has room for one record, whatever the others have.
        assert!(load.records <= RECORDS_MAX + PARTITIONS);
        assert!(load.bytes <= BYTES_MAX + PARTITIONS * RECORD_BYTES_MAX);
    }

    /// A partition may pause only while it has more than half of its share, or there is no room for
    /// what was refused.
    fn check_pause(&self, it: &ModelPartition, records: usize, bytes: usize, span: usize) {
        let load = self.machine.load();
        let shares = self.assigned.len();
        let is_pool_full = RECORDS_MAX <= load.records || BYTES_MAX < load.bytes + it.refused_bytes;
        let is_above_half = RECORDS_MAX / shares / 2 < records || BYTES_MAX / shares / 2 < bytes;
        let is_too_large = BYTES_MAX / shares < bytes + it.refused_bytes;
        let may_pause = is_pool_full || is_above_half || is_too_large || AHEAD_MAX / 2 < span;
        assert!(records != 0 && may_pause, "it could go on");
    }

    /// From here on everything succeeds: everything ends.
    fn drain(&mut self) {
        while !self.stopped && self.machine.load().records != 0 {
            self.call(&Call::Wait(1_000));
            let is_waiting = self.machine.load().records != 0;
            assert!(!is_waiting || !self.running.is_empty(), "records wait and none is started");
            self.call(&Call::Finish { which: 0, is_done: true });
        }
        if self.stopped {
            return;
        }
        for it in self.assigned.values() {
            assert!(!it.is_paused, "an empty partition is paused");
            assert_eq!(it.finished(), it.next);
        }
        self.call(&Call::Commit);
        assert_eq!(self.machine.committable(), []);
    }
}

fn name(index: usize) -> TopicPartition {
    TopicPartition::new("t", i32::try_from(index).unwrap())
}

fn index_of(partition: &TopicPartition) -> usize {
    usize::try_from(partition.partition.0).unwrap()
}

fn policy() -> impl Strategy<Value = FailurePolicy> {
    let range = BackoffRange { first: Duration::from_millis(50), max: Duration::from_millis(400) };
    prop_oneof![
        1 => Just(FailurePolicy::Stop),
        3 => Just(FailurePolicy::Skip),
        6 => Just(FailurePolicy::Retry { backoff: range, retries: None, then: Exhausted::Stop }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_pool_keeps_its_promises(
        order in prop_oneof![Just(Order::Partition), Just(Order::Key)],
        on_failure in policy(),
        calls in prop::collection::vec(call(), 1..120),
    ) {
        let mut model = Model::new(order, on_failure);
        model.call(&Call::Assign(0));
        for call in &calls {
            model.call(call);
        }
        model.drain();
    }
}
