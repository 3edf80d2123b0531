//! Fetch (1), v4-18, for consumers.
//!
//! - v5 tells the log start offset, v7 has sessions (KIP-227), v9 the current leader epoch
//!   (KIP-320), v11 the client's rack (KIP-392), v12 the last fetched epoch, v13 topic ids
//!   (KIP-516), v15 the replica's state, v16 where the leader is (KIP-951).
//! - An answer waits until `min_bytes` are there, something went wrong, or the time is over. The
//!   append or high watermark that makes data readable wakes it.
//! - The first batch is given whole, however large, so that nobody gets stuck.
//! - Followers and the metadata quorum do not fetch here yet: one broker has none.

use std::sync::Arc;

use kt_protocol::codec::Records;
use kt_protocol::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, PartitionData,
};
use kt_protocol::messages::{FetchRequest, FetchResponse};
use kt_protocol::types::{LeaderEpoch, Now, Offset};
use kt_protocol::{ApiKey, ErrorCode};
use kt_storage::FileRange;
use kt_storage::transaction_index::AbortedTransaction as Aborted;
use smallvec::SmallVec;

use super::{Api, Context, Incoming, Listeners};
use crate::effect::Effect;
use crate::fetch_session::{
    Answers, FINAL_EPOCH, FetchSession, INITIAL_EPOCH, Isolation, NO_SESSION, PartitionAsk, Poll,
    SessionPartition, SessionState, Told, TopicKey, check_continues, next_epoch,
};
use crate::input::{ConnectionId, ReplyTo};
use crate::node::Node;
use crate::partition::{Offsets, Partition, Read, ReadAsk, Service};
use crate::purgatory::Waiting;

pub(super) const API: Api = Api {
    key: ApiKey::Fetch,
    advertised: kt_protocol::codec::Versions::new(4, 18),
    listeners: Listeners::Broker,
    handle,
};

/// The first version that names topics by id.
const FIRST_VERSION_WITH_IDS: i16 = 13;

fn handle(node: &Node, now: Now, incoming: Incoming, effects: &mut Vec<Effect>) {
    let Some((context, request)) = incoming.decode_or_close::<FetchRequest>(effects) else {
        return;
    };
    let (id, epoch) = (request.session_id, request.session_epoch);
    let uses_topic_ids = FIRST_VERSION_WITH_IDS <= context.version;
    let poll = poll_of(node, context, &request);
    let max_wait = u64::try_from(request.max_wait_ms).unwrap_or(0);
    let is_new = epoch == INITIAL_EPOCH || epoch == FINAL_EPOCH;
    if is_new {
        if id != NO_SESSION
            && let Some(session) = node.sessions.remove(id)
        {
            close_session(node, &session, effects);
        }
        let session = new_session(node, now, epoch, &request, uses_topic_ids, effects);
        let mut state = session.lock();
        ask(&session, &mut state, request);
        answer_or_wait(node, now, &session, &mut state, poll, max_wait, effects);
        return;
    }
    let Some(session) = node.sessions.find(id) else {
        return refuse(&poll.context, ErrorCode::FetchSessionIdNotFound, effects);
    };
    let mut state = session.lock();
    if let Err(code) = check_continues(&session, &state, epoch, uses_topic_ids) {
        return refuse(&poll.context, code, effects);
    }
    state.next_epoch = next_epoch(epoch);
    if let Some(earlier) = state.parked.take() {
        // The client has given up on it: the epoch moves only after an answer was read.
        finish_waiting(node, &session, &earlier);
        let gathered = gather(node, &session, &mut state, &earlier, effects);
        respond(node, &session, &mut state, &earlier, gathered, effects);
    }
    ask(&session, &mut state, request);
    session.touch(now.monotonic, state.slots.len());
    answer_or_wait(node, now, &session, &mut state, poll, max_wait, effects);
}

fn poll_of(node: &Node, context: Context, request: &FetchRequest) -> Poll {
    let own_max = node.config().fetch_max_bytes;
    let positive = |bytes: i32| u64::try_from(bytes).unwrap_or(0);
    let is_whole = matches!(request.session_epoch, INITIAL_EPOCH | FINAL_EPOCH);
    Poll {
        context,
        min_bytes: positive(request.min_bytes),
        max_bytes: positive(request.max_bytes.min(own_max)),
        isolation: Isolation::from_wire(request.isolation_level),
        answers: if is_whole { Answers::All } else { Answers::News },
    }
}

/// A session to keep, if the client wants one and there is room, else one of one poll.
fn new_session(
    node: &Node,
    now: Now,
    epoch: i32,
    request: &FetchRequest,
    uses_topic_ids: bool,
    effects: &mut Vec<Effect>,
) -> Arc<FetchSession> {
    let size = request.topics.iter().map(|topic| topic.partitions.len()).sum();
    let make = |id| {
        let session =
            FetchSession::new(node.next_session_number(), id, uses_topic_ids, now.monotonic);
        session.touch(now.monotonic, size);
        Arc::new(session)
    };
    if epoch == FINAL_EPOCH || size == 0 {
        return make(NO_SESSION);
    }
    let id = node.sessions.free_id(|| node.random());
    if id == NO_SESSION {
        return make(NO_SESSION);
    }
    let session = make(id);
    let kept = node.sessions.keep(&session, now.monotonic);
    if let Some(evicted) = kept.evicted {
        close_session(node, &evicted, effects);
    }
    if kept.is_kept { session } else { make(NO_SESSION) }
}

/// Takes what the request wants, and what it wants no more, into the session.
fn ask(session: &FetchSession, state: &mut SessionState, request: FetchRequest) {
    let key = |name: String, id| match session.uses_topic_ids {
        true => TopicKey::Id(id),
        false => TopicKey::Name(name),
    };
    for topic in request.forgotten_topics_data {
        let key = key(topic.topic, topic.topic_id);
        for index in topic.partitions {
            let forgotten = state.forget(&key, index);
            if let Some((slot, SessionPartition { watched: Some(partition), .. })) = forgotten {
                partition.unwatch(session, slot);
            }
        }
    }
    for topic in request.topics {
        let key = key(topic.topic, topic.topic_id);
        for it in topic.partitions {
            let ask = PartitionAsk {
                fetch_offset: Offset(it.fetch_offset),
                max_bytes: u32::try_from(it.partition_max_bytes).unwrap_or(0),
                current_leader_epoch: LeaderEpoch(it.current_leader_epoch),
                last_fetched_epoch: LeaderEpoch(it.last_fetched_epoch),
            };
            state.ask(&key, it.partition, ask);
        }
    }
}

fn refuse(context: &Context, code: ErrorCode, effects: &mut Vec<Effect>) {
    let response = FetchResponse { error_code: code as i16, ..Default::default() };
    context.answer(&response, effects);
}

/// What a look at the partitions gave.
#[derive(Default)]
struct Gathered {
    /// Slots that belong in the answer.
    parts: Vec<(u32, Read)>,
    bytes: u64,
    /// Something that the client has to hear at once.
    is_urgent: bool,
}

impl Gathered {
    fn answers(&self, state: &SessionState, poll: &Poll) -> bool {
        self.is_urgent || poll.min_bytes <= self.bytes || state.slots.is_empty()
    }

    /// Nothing is answered: all that has news is looked at again.
    fn put_back(self, state: &mut SessionState) {
        for (slot, _) in self.parts {
            state.enqueue(slot);
        }
    }
}

/// Looks at everything the poll asks about and that may have news.
fn gather(
    node: &Node,
    session: &Arc<FetchSession>,
    state: &mut SessionState,
    poll: &Poll,
    effects: &mut Vec<Effect>,
) -> Gathered {
    session.take_ready(state);
    let slots: Vec<u32> = match poll.answers {
        Answers::All => state.slots.iter().map(|(slot, _)| slot as u32).collect(),
        Answers::News => std::iter::from_fn(|| state.dequeue()).collect(),
    };
    let mut gathered = Gathered::default();
    let mut left_out = Vec::new();
    for slot in slots {
        let room = poll.max_bytes.saturating_sub(gathered.bytes);
        if poll.answers == Answers::News && room == 0 && 0 < gathered.bytes {
            // Its turn comes first in the next poll.
            state.enqueue(slot);
            continue;
        }
        let Some(partition) = state.slots.get_mut(slot as usize) else { continue };
        let read = look(node, session, slot, partition, poll, gathered.bytes);
        if let (Some(fault), Some(watched)) = (&read.fault, &partition.watched) {
            node.fault(watched, fault.clone(), effects);
        }
        gathered.bytes += read.length();
        gathered.is_urgent |= read.error.is_some() || read.diverging.is_some();
        if read.is_left_out {
            // A batch that is larger than the room that others left: its turn comes first in the
            // next poll, for which there is no need to wait.
            gathered.is_urgent = true;
            left_out.push(slot);
        }
        if poll.answers == Answers::All || has_news(partition, &read) {
            gathered.parts.push((slot, read));
        }
    }
    left_out.into_iter().for_each(|slot| state.enqueue(slot));
    gathered
}

fn has_news(partition: &SessionPartition, read: &Read) -> bool {
    let is_told = |offsets: Offsets| {
        partition.told.high_watermark == Some(offsets.high_watermark)
            && partition.told.log_start == Some(offsets.log_start)
    };
    read.error.is_some()
        || read.diverging.is_some()
        || read.records.is_some()
        || !read.offsets.is_some_and(is_told)
}

/// Reads one partition, after finding it and, for a session, registering with it.
fn look(
    node: &Node,
    session: &Arc<FetchSession>,
    slot: u32,
    partition: &mut SessionPartition,
    poll: &Poll,
    bytes: u64,
) -> Read {
    let is_gone = |it: &Arc<Partition>| it.service() == Service::Deleted;
    if let Some(gone) = partition.watched.take_if(|it| is_gone(it)) {
        gone.unwatch(session, slot);
    }
    if partition.watched.is_none() {
        let found = match find(node, &partition.topic, partition.index) {
            Ok(found) => found,
            Err(code) => return Read { error: Some(code), ..Read::default() },
        };
        found.watch(session, slot);
        partition.watched = Some(found);
    }
    let Some(found) = &partition.watched else { return Read::default() };
    if let Some(code) = node.replicas.refusal(found) {
        return Read { error: Some(code), ..Read::default() };
    }
    found.read(&ReadAsk {
        ask: partition.ask,
        isolation: poll.isolation,
        room: poll.max_bytes.saturating_sub(bytes),
        min_one_batch: bytes == 0,
    })
}

fn find(node: &Node, topic: &TopicKey, index: i32) -> Result<Arc<Partition>, ErrorCode> {
    let served = node.replicas.served();
    let topic = match topic {
        TopicKey::Id(id) => served.by_id(*id).ok_or(ErrorCode::UnknownTopicId),
        TopicKey::Name(name) => served.by_name(name).ok_or(ErrorCode::UnknownTopicOrPartition),
    };
    topic?.partition(index)
}

/// Answers the poll, or parks it until there is enough to say.
fn answer_or_wait(
    node: &Node,
    now: Now,
    session: &Arc<FetchSession>,
    state: &mut SessionState,
    poll: Poll,
    max_wait: u64,
    effects: &mut Vec<Effect>,
) {
    let reply_to = poll.context.reply_to;
    let gathered = gather(node, session, state, &poll, effects);
    if max_wait == 0 || gathered.answers(state, &poll) {
        respond(node, session, state, &poll, gathered, effects);
        return;
    }
    gathered.put_back(state);
    // Wakes and the deadline must find the session before anybody can be asked to wake it.
    node.sessions.begin_wait(session);
    node.purgatory.park(reply_to, Waiting::Fetch(Arc::clone(session)));
    effects.push(Effect::Expire(reply_to, now.monotonic + max_wait));
    answer_or_park(node, session, state, poll, effects);
}

/// Parks the poll, unless what happened meanwhile answers it. The session is registered as waiting.
fn answer_or_park(
    node: &Node,
    session: &Arc<FetchSession>,
    state: &mut SessionState,
    poll: Poll,
    effects: &mut Vec<Effect>,
) {
    session.park(state, poll, |state, poll| {
        let gathered = gather(node, session, state, poll, effects);
        if !gathered.answers(state, poll) {
            gathered.put_back(state);
            return false;
        }
        finish_waiting(node, session, poll);
        respond(node, session, state, poll, gathered, effects);
        true
    });
}

fn finish_waiting(node: &Node, session: &FetchSession, poll: &Poll) {
    node.sessions.end_wait(session.number());
    // Already gone where the deadline is why we are here.
    drop(node.purgatory.take(poll.context.reply_to));
}

/// Something happened to a partition of a session in which a poll waits.
pub(crate) fn wake(node: &Node, number: u64, effects: &mut Vec<Effect>) {
    let Some(session) = node.sessions.waiting(number) else { return };
    let mut state = session.lock();
    if let Some(poll) = state.parked.take() {
        answer_or_park(node, &session, &mut state, poll, effects);
    }
}

/// The poll's time is over: it is answered with what there is.
pub(crate) fn expire(
    node: &Node,
    session: &Arc<FetchSession>,
    reply_to: ReplyTo,
    effects: &mut Vec<Effect>,
) {
    let mut state = session.lock();
    let Some(poll) = state.parked.take_if(|poll| poll.context.reply_to == reply_to) else { return };
    finish_waiting(node, session, &poll);
    let gathered = gather(node, session, &mut state, &poll, effects);
    respond(node, session, &mut state, &poll, gathered, effects);
}

/// The poll's connection is gone. The session stays: the client may come back to it.
pub(crate) fn close_connection(node: &Node, session: &Arc<FetchSession>, connection: ConnectionId) {
    let mut state = session.lock();
    let is_meant = |poll: &mut Poll| poll.context.reply_to.connection == connection;
    if let Some(poll) = state.parked.take_if(is_meant) {
        finish_waiting(node, session, &poll);
        if session.is_of_one_poll() {
            state.close(session);
        }
    }
}

/// Ends a session: it was evicted, or its client ended it. A poll that waits in it is answered.
pub(crate) fn close_session(node: &Node, session: &Arc<FetchSession>, effects: &mut Vec<Effect>) {
    let mut state = session.lock();
    if let Some(poll) = state.parked.take() {
        finish_waiting(node, session, &poll);
        let gathered = gather(node, session, &mut state, &poll, effects);
        respond(node, session, &mut state, &poll, gathered, effects);
    }
    state.close(session);
}

/// Answers with what was gathered, and notes what the client was told.
fn respond(
    node: &Node,
    session: &FetchSession,
    state: &mut SessionState,
    poll: &Poll,
    gathered: Gathered,
    effects: &mut Vec<Effect>,
) {
    let mut responses: Vec<FetchableTopicResponse> = Vec::new();
    let mut ranges: SmallVec<[FileRange; 1]> = SmallVec::new();
    let mut last_topic = None;
    for (slot, read) in gathered.parts {
        let Some(partition) = state.slots.get_mut(slot as usize) else { continue };
        partition.told = Told {
            high_watermark: read.offsets.map(|offsets| offsets.high_watermark),
            log_start: read.offsets.map(|offsets| offsets.log_start),
        };
        let comes_again = read.error.is_some() || read.records.is_some();
        if last_topic.as_ref() != Some(&partition.topic) {
            last_topic = Some(partition.topic.clone());
            responses.push(topic_response(&partition.topic));
        }
        let data = partition_data(partition.index, &read, poll.isolation);
        ranges.extend(read.records);
        if let Some(topic) = responses.last_mut() {
            topic.partitions.push(data);
        }
        if comes_again {
            state.enqueue(slot);
        }
    }
    node.counters.fetched(ranges.iter().map(|range| range.length).sum());
    let response = FetchResponse { session_id: session.id, responses, ..Default::default() };
    effects.push(poll.context.reply_with_files(&response, ranges));
    if session.is_of_one_poll() {
        state.close(session);
    }
}

fn topic_response(topic: &TopicKey) -> FetchableTopicResponse {
    match topic {
        TopicKey::Id(id) => FetchableTopicResponse { topic_id: *id, ..Default::default() },
        TopicKey::Name(name) => {
            FetchableTopicResponse { topic: name.clone(), ..Default::default() }
        }
    }
}

fn partition_data(index: i32, read: &Read, isolation: Isolation) -> PartitionData {
    let offset = |of: fn(&Offsets) -> Offset| read.offsets.as_ref().map_or(-1, |it| of(it).0);
    let diverging =
        |(epoch, end): (LeaderEpoch, Offset)| EpochEndOffset { epoch: epoch.0, end_offset: end.0 };
    let external = |range: &FileRange| Records::External {
        length: u32::try_from(range.length).expect("a batch and what is asked for fit an int32"),
    };
    let aborted = (isolation == Isolation::ReadCommitted && read.error.is_none())
        .then(|| read.aborted.iter().map(aborted_transaction).collect());
    PartitionData {
        partition_index: index,
        error_code: read.error.unwrap_or(ErrorCode::None) as i16,
        high_watermark: offset(|it| it.high_watermark),
        last_stable_offset: offset(|it| it.last_stable),
        log_start_offset: offset(|it| it.log_start),
        diverging_epoch: read.diverging.map(diverging).unwrap_or_default(),
        aborted_transactions: aborted,
        records: Some(read.records.as_ref().map_or(Records::EMPTY, external)),
        ..Default::default()
    }
}

fn aborted_transaction(it: &Aborted) -> AbortedTransaction {
    AbortedTransaction { producer_id: it.producer_id.0, first_offset: it.first_offset.0 }
}
