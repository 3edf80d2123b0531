//! Every interleaving of the few threads that meet where requests wait.
//!
//!     RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p kt-node --lib loom
//!
//! The code is that of the broker; only what takes a whole node (finding a partition, framing an
//! answer) is done here, in the order in which `api::produce`, `api::fetch` and `Node` do it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Weak};

use kt_protocol::types::{LeaderEpoch, Millis, Offset, Uuid};
use kt_protocol::{ApiKey, ErrorCode};
use kt_storage::Segment;
use loom::thread;
use smallvec::SmallVec;

use crate::api::Context;
use crate::effect::{Chunk, Effect, Reply};
use crate::fetch_session::{
    Answers, FetchSession, Isolation, PartitionAsk, Poll, SessionState, TopicKey,
};
use crate::fetch_sessions::FetchSessions;
use crate::input::{ConnectionId, ReplyTo, Session};
use crate::lock_rank::{Rank, RankedMutex};
use crate::machine::Machine;
use crate::partition::{Offsets, Published, Service};
use crate::purgatory::{ParkedProduce, PartitionReply, Purgatory, Waiter, Waiting};

const EPOCH: LeaderEpoch = LeaderEpoch(3);
const CONNECTION: ConnectionId = ConnectionId(1);
const REPLY_TO: ReplyTo = ReplyTo { connection: CONNECTION, sequence: 5 };
const SESSION: u64 = 7;
const DONE: u8 = ErrorCode::None as u8;
const TIMED_OUT: u8 = ErrorCode::RequestTimedOut as u8;

/// Two empty partitions that are led here, and who waits for them.
struct World {
    partitions: [RankedMutex<Published>; 2],
    purgatory: Purgatory,
    sessions: FetchSessions,
}

impl World {
    fn new() -> Arc<World> {
        let partition = |_| {
            let mut published = Published::new();
            assert!(published.turn(Service::Leading, EPOCH).produces.is_empty());
            RankedMutex::new(Rank::Published, published)
        };
        Arc::new(World {
            partitions: std::array::from_fn(partition),
            purgatory: Purgatory::new(),
            sessions: FetchSessions::new(1),
        })
    }

    /// The first record of a partition is committed. Wakes run right after, as in the server.
    fn commit(&self, partition: usize) -> Vec<Effect> {
        let one = Offset(1);
        let offsets = Offsets {
            log_start: Offset(0),
            high_watermark: one,
            last_stable: one,
            log_end: one,
            stable_end: one,
        };
        let segments: Arc<[Arc<Segment>]> = Arc::new([]);
        let moved = self.partitions[partition].lock().advance(offsets, &segments, ErrorCode::None);
        let mut effects = Vec::new();
        moved.deliver(&self.purgatory, &mut effects);
        let is_wake = |effect: &mut Effect| matches!(effect, Effect::Wake(_));
        for wake in effects.extract_if(.., is_wake).collect::<Vec<Effect>>() {
            let Effect::Wake(machine) = wake else { unreachable!("{wake:?}") };
            assert_eq!(machine, Machine::FetchSession(SESSION).id());
            self.wake(&mut effects);
        }
        effects
    }

    /// A Produce of one record to each of the first partitions, as it waits in the purgatory. The
    /// answer lists what its parts came to.
    fn waiter(&self, parts: u32) -> Arc<Waiter> {
        let pending = PartitionReply::failed(ErrorCode::RequestTimedOut, None);
        let waiter = Waiter::new(REPLY_TO, parts, vec![pending; parts as usize], |replies| {
            let codes = replies.iter().map(|reply| reply.error as i16 as u8).collect::<Vec<u8>>();
            Effect::Reply(
                REPLY_TO,
                Reply { chunks: SmallVec::from_iter([codes.into()].map(Chunk::Bytes)) },
            )
        });
        self.purgatory.park(REPLY_TO, Waiting::Produce(Arc::clone(&waiter)));
        waiter
    }

    /// Parks all parts of a Produce.
    fn park(&self, waiter: Arc<Waiter>, parts: u32) -> Vec<Effect> {
        let mut effects = Vec::new();
        for at in 0..parts {
            let parked = ParkedProduce { end: Offset(1), waiter: Arc::clone(&waiter), at };
            let due = self.partitions[at as usize].lock().park(EPOCH, parked);
            if let Some((parked, error)) = due {
                effects.extend(self.purgatory.fill(&parked, error));
            }
        }
        drop(waiter);
        effects
    }

    /// A Produce that waits for all its parts.
    fn parked(&self, parts: u32) -> Weak<Waiter> {
        let waiter = self.waiter(parts);
        let weak = Arc::downgrade(&waiter);
        assert!(self.park(waiter, parts).is_empty());
        weak
    }

    fn expire(&self) -> Vec<Effect> {
        match self.purgatory.take(REPLY_TO) {
            Some(Waiting::Produce(waiter)) => waiter.finish().into_iter().collect(),
            Some(Waiting::Fetch(session)) => self.expire_fetch(&session),
            None => Vec::new(),
        }
    }

    fn close(&self) {
        for (_, waiting) in self.purgatory.take_connection(CONNECTION) {
            let Waiting::Produce(waiter) = waiting else { unreachable!("only a Produce waits") };
            waiter.give_up();
        }
    }

    /// A session that wants the first record of these partitions.
    fn session(&self, partitions: usize) -> Arc<FetchSession> {
        let session = FetchSession::new(SESSION, SESSION as i32, true, Millis(0));
        let mut state = session.lock();
        for index in 0..partitions {
            let ask = PartitionAsk {
                fetch_offset: Offset(0),
                max_bytes: 1,
                current_leader_epoch: LeaderEpoch::UNKNOWN,
                last_fetched_epoch: LeaderEpoch::UNKNOWN,
            };
            state.ask(&TopicKey::Id(Uuid::default()), index as i32, ask);
        }
        drop(state);
        Arc::new(session)
    }

    /// A session as its first poll leaves it: registered, and told that there is nothing yet.
    fn registered(&self) -> Arc<FetchSession> {
        let session = self.session(1);
        let mut state = session.lock();
        assert_eq!(state.dequeue(), Some(0));
        self.partitions[0].lock().watch(&session, 0);
        drop(state);
        session
    }

    /// Answers the poll if as many records as it wants are there; registers first.
    fn look(
        &self,
        session: &Arc<FetchSession>,
        state: &mut SessionState,
        poll: &Poll,
        is_registered: bool,
        effects: &mut Vec<Effect>,
    ) -> bool {
        session.take_ready(state);
        let slots: Vec<u32> = std::iter::from_fn(|| state.dequeue()).collect();
        let mut records = 0;
        for slot in &slots {
            let partition = &self.partitions[*slot as usize];
            if !is_registered {
                partition.lock().watch(session, *slot);
            }
            let bounds = partition.lock().bounds().expect("it is led here");
            records += bounds.offsets.high_watermark.0 as u64;
        }
        if records < poll.min_bytes {
            slots.into_iter().for_each(|slot| state.enqueue(slot));
            return false;
        }
        effects.push(Effect::Reply(poll.context.reply_to, Reply::default()));
        true
    }

    /// A Fetch that wants so many records.
    fn poll(&self, session: &Arc<FetchSession>, records: u64, is_registered: bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        let poll = poll(records);
        let mut state = session.lock();
        if !self.look(session, &mut state, &poll, is_registered, &mut effects) {
            self.sessions.begin_wait(session);
            self.purgatory.park(REPLY_TO, Waiting::Fetch(Arc::clone(session)));
            self.answer_or_park(session, &mut state, poll, &mut effects);
        }
        effects
    }

    fn answer_or_park(
        &self,
        session: &Arc<FetchSession>,
        state: &mut SessionState,
        poll: Poll,
        effects: &mut Vec<Effect>,
    ) {
        session.park(state, poll, |state, poll| {
            let is_answered = self.look(session, state, poll, true, effects);
            if is_answered {
                self.finish_waiting();
            }
            is_answered
        });
    }

    fn finish_waiting(&self) {
        self.sessions.end_wait(SESSION);
        drop(self.purgatory.take(REPLY_TO));
    }

    fn wake(&self, effects: &mut Vec<Effect>) {
        let Some(session) = self.sessions.waiting(SESSION) else { return };
        let mut state = session.lock();
        if let Some(poll) = state.parked.take() {
            self.answer_or_park(&session, &mut state, poll, effects);
        }
    }

    fn expire_fetch(&self, session: &Arc<FetchSession>) -> Vec<Effect> {
        let mut state = session.lock();
        let Some(poll) = state.parked.take() else { return Vec::new() };
        self.finish_waiting();
        vec![Effect::Reply(poll.context.reply_to, Reply::default())]
    }

    /// Nobody waits any more.
    fn assert_empty(&self) {
        assert_eq!(self.purgatory.len(), 0);
        assert!(self.sessions.waiting(SESSION).is_none());
    }
}

fn poll(records: u64) -> Poll {
    let session = Session {
        listener: String::new(),
        is_controller_listener: false,
        client_host: IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let context = Context {
        reply_to: REPLY_TO,
        session: Arc::new(session),
        api_key: ApiKey::Fetch,
        version: 18,
        correlation_id: 0,
        client_id: None,
    };
    Poll {
        context,
        min_bytes: records,
        max_bytes: u64::MAX,
        isolation: Isolation::ReadUncommitted,
        answers: Answers::News,
    }
}

/// What the parts of the one answer came to.
#[track_caller]
fn only_answer(effects: &[Effect]) -> Vec<u8> {
    let [Effect::Reply(_, reply)] = effects else { panic!("not one answer: {effects:?}") };
    match &reply.chunks[..] {
        [Chunk::Bytes(codes)] => codes.to_vec(),
        _ => Vec::new(),
    }
}

/// Runs two threads, and gives the effects of both.
fn race(
    world: &Arc<World>,
    one: impl FnOnce(&World) -> Vec<Effect> + 'static,
    two: impl FnOnce(&World) -> Vec<Effect>,
) -> Vec<Effect> {
    let other = Arc::clone(world);
    let one = thread::spawn(move || one(&other));
    let mut effects = two(world);
    effects.extend(one.join().expect("no thread panics"));
    effects
}

#[test]
fn a_produce_that_parks_while_its_record_is_committed_is_answered_once() {
    loom::model(|| {
        let world = World::new();
        let waiter = world.waiter(1);
        let weak = Arc::downgrade(&waiter);
        let effects = race(&world, |world| world.commit(0), |world| world.park(waiter, 1));
        assert_eq!(only_answer(&effects), [DONE]);
        assert!(weak.upgrade().is_none(), "it is kept");
        world.assert_empty();
    });
}

#[test]
fn parts_that_two_threads_fill_are_answered_once_and_whole() {
    loom::model(|| {
        let world = World::new();
        let weak = world.parked(2);
        let effects = race(&world, |world| world.commit(0), |world| world.commit(1));
        assert_eq!(only_answer(&effects), [DONE, DONE]);
        assert!(weak.upgrade().is_none(), "it is kept");
        world.assert_empty();
    });
}

#[test]
fn a_produce_that_expires_while_its_last_part_is_filled_is_answered_once() {
    loom::model(|| {
        let world = World::new();
        let weak = world.parked(2);
        assert!(world.commit(0).is_empty());
        let effects = race(&world, |world| world.commit(1), World::expire);
        let codes = only_answer(&effects);
        assert!(codes == [DONE, DONE] || codes == [DONE, TIMED_OUT], "{codes:?}");
        assert!(weak.upgrade().is_none(), "it is kept");
        world.assert_empty();
    });
}

#[test]
fn a_connection_that_closes_before_the_last_part_is_never_answered() {
    loom::model(|| {
        let world = World::new();
        let weak = world.parked(2);
        let close = |world: &World| {
            world.close();
            world.commit(1)
        };
        let effects = race(&world, |world| world.commit(0), close);
        assert!(effects.is_empty(), "{effects:?}");
        assert!(weak.upgrade().is_none(), "it is kept");
        world.assert_empty();
    });
}

#[test]
fn a_connection_that_closes_during_the_last_part_leaves_nothing_behind() {
    loom::model(|| {
        let world = World::new();
        let weak = world.parked(1);
        let close = |world: &World| {
            world.close();
            world.expire()
        };
        let effects = race(&world, |world| world.commit(0), close);
        assert!(effects.len() <= 1, "{effects:?}");
        assert!(weak.upgrade().is_none(), "it is kept");
        world.assert_empty();
    });
}

#[test]
fn a_fetch_that_registers_during_a_commit_sees_it_or_is_woken() {
    loom::model(|| {
        let world = World::new();
        let session = world.session(1);
        let poll = |world: &World| world.poll(&session, 1, false);
        let effects = race(&world, |world| world.commit(0), poll);
        only_answer(&effects);
        world.assert_empty();
    });
}

#[test]
fn a_poll_of_a_registered_session_sees_a_commit_or_is_woken() {
    loom::model(|| {
        let world = World::new();
        let session = world.registered();
        let poll = |world: &World| world.poll(&session, 1, true);
        let effects = race(&world, |world| world.commit(0), poll);
        only_answer(&effects);
        world.assert_empty();
    });
}

#[test]
fn a_poll_that_waits_for_two_commits_is_woken_for_both() {
    loom::model(|| {
        let world = World::new();
        let session = world.session(2);
        assert!(world.poll(&session, 2, false).is_empty());
        let effects = race(&world, |world| world.commit(0), |world| world.commit(1));
        only_answer(&effects);
        world.assert_empty();
    });
}

#[test]
fn a_poll_that_expires_during_a_commit_is_answered_once() {
    loom::model(|| {
        let world = World::new();
        let session = world.session(1);
        assert!(world.poll(&session, 1, false).is_empty());
        let effects = race(&world, |world| world.commit(0), World::expire);
        only_answer(&effects);
        world.assert_empty();
    });
}
