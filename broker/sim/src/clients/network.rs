//! Between clients and the node: connections that are late and break, and that keep the order of
//! what goes over them while they hold.
//!
//! A connection that breaks may have taken requests with it that nobody hears of again, or that the
//! node carries out when the client has long given them up; answers are lost in any case. At the
//! node's end stands what its server does: Produce and Fetch overlap, any other request waits for
//! those before it, and answers leave in the order of the requests.

mod connection;

use std::collections::BTreeMap;

use bytes::Bytes;
use kt_core::random::Random;
use kt_node::{ConnectionId, ReplyTo, Request};

use connection::Connection;

/// How late a message is, at most, in milliseconds: mostly, and now and then.
const LATE_MAX: usize = 6;
const VERY_LATE_MAX: usize = 400;
/// Of so many messages one is very late.
const VERY_LATE_EVERY: usize = 40;
/// How long after a connection broke the node hears of it, at most, in milliseconds. Until then it
/// carries out what it was sent.
const CLOSED_LATE_MAX: usize = 600;
/// How long after its client gave up a request it may be carried out, in milliseconds.
pub(super) const ADRIFT_MS_MAX: u64 = (VERY_LATE_MAX + CLOSED_LATE_MAX) as u64;

/// The number of a call, given back with how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CallId(pub(super) u64);

/// A request on its way.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: CallId,
    pub(super) request: Request,
    /// When its client gives the connection up, in milliseconds.
    pub(super) until: u64,
}

/// How a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The client hears of it.
    Reset,
    /// Nothing comes through any more, and nobody says so.
    Silent,
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is nobody to connect to: nothing was sent.
    Unreachable,
    /// The connection broke.
    Disconnected,
    /// Its time was up.
    TimedOut,
}

/// Something that the network brings.
#[derive(Debug)]
pub(super) enum Arrival {
    /// The node is asked.
    Asked(Vec<(ReplyTo, Request)>),
    /// The node hears that a connection is gone.
    Closed(ConnectionId),
    /// A client hears an answer, or that there will be none.
    Ended(CallId, Result<Bytes, Failure>),
}

#[derive(Debug)]
enum Event {
    /// The next request of a connection reaches the node.
    Request(ConnectionId),
    /// The next answer of a connection reaches its client.
    Answer(ConnectionId),
    /// The node hears that a connection is gone.
    Closed(ConnectionId),
    /// The client hears that no answer comes.
    Failed(CallId, Failure),
    /// The client waits no longer.
    TimedOut(ConnectionId, CallId),
}

/// All connections, and what is on its way.
#[derive(Debug, Default)]
pub(super) struct Network {
    /// By time, then by a random number.
    queue: BTreeMap<(u64, u64), Event>,
    connections: BTreeMap<ConnectionId, Connection>,
}

impl Network {
    /// When the next thing arrives.
    pub(super) fn next_at(&self) -> Option<u64> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    /// A client connects. `id` was never used before.
    pub(super) fn open(&mut self, id: ConnectionId) {
        self.connections.insert(id, Connection::default());
    }

    /// Whether a client may send over it, as far as the client knows.
    pub(super) fn is_open(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|it| it.is_heard)
    }

    /// Connections that clients hold to be there.
    pub(super) fn open_ones(&self) -> Vec<ConnectionId> {
        let open = self.connections.iter().filter(|(_, it)| it.is_heard);
        open.map(|(id, _)| *id).collect()
    }

    /// A client asks. Over a connection that is not there it hears soon that this failed.
    pub(super) fn send(&mut self, id: ConnectionId, call: Call, now: u64, random: &mut Random) {
        let Some(connection) = self.connections.get_mut(&id).filter(|it| it.is_heard) else {
            return self.fail(call.id, Failure::Unreachable, now, random);
        };
        let (call_id, until) = (call.id, call.until);
        let is_silent = connection.is_silent;
        let at = connection.request_leaves(call, now + late(random));
        if !is_silent {
            self.at(at, Event::Request(id), random);
        }
        self.at(until, Event::TimedOut(id, call_id), random);
    }

    /// The client of a call will hear that there is no answer.
    fn fail(&mut self, call: CallId, failure: Failure, now: u64, random: &mut Random) {
        self.at(now + late(random), Event::Failed(call, failure), random);
    }

    /// The node answers.
    ///
    /// # Errors
    ///
    /// If it was not asked, or has answered.
    pub(super) fn answer(
        &mut self,
        to: ReplyTo,
        reply: Bytes,
        now: u64,
        random: &mut Random,
    ) -> Result<Vec<(ReplyTo, Request)>, String> {
        let Some(connection) = self.connections.get_mut(&to.connection) else {
            // The node was told that it is gone; what it had begun it may finish.
            return Ok(Vec::new());
        };
        connection
            .replied(to.sequence, reply)
            .map_err(|()| format!("{to:?} was answered, but not asked or already answered"))?;
        let mut leaving = Vec::new();
        while let Some(at) = connection.answer_leaves(now + late(random)) {
            leaving.push(at);
        }
        let started = connection.start(to.connection);
        let is_cut = !connection.is_heard || connection.is_silent;
        for at in leaving.into_iter().filter(|_| !is_cut) {
            self.at(at, Event::Answer(to.connection), random);
        }
        Ok(started)
    }

    /// A connection breaks.
    pub(super) fn cut(&mut self, id: ConnectionId, cut: Cut, now: u64, random: &mut Random) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if !connection.is_silent {
            let kept = random.below(connection.on_their_way() + 1);
            connection.lose_requests(kept);
            let closed = now + random.below(CLOSED_LATE_MAX + 1) as u64;
            self.at(closed, Event::Closed(id), random);
        }
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.is_silent = true;
        if cut == Cut::Reset && connection.is_heard {
            connection.is_heard = false;
            let (calls, is_gone) = (connection.unanswered(), connection.is_gone);
            if is_gone {
                self.connections.remove(&id);
            }
            for call in calls {
                self.fail(call, Failure::Disconnected, now, random);
            }
        }
    }

    /// The node's process is gone, and all connections with it.
    pub(super) fn node_died(&mut self, now: u64, random: &mut Random) {
        let is_told = |event: &Event| matches!(event, Event::Failed(..));
        self.queue.retain(|_, event| is_told(event));
        for connection in std::mem::take(&mut self.connections).into_values() {
            for call in connection.unanswered().into_iter().filter(|_| connection.is_heard) {
                self.fail(call, Failure::Disconnected, now, random);
            }
        }
    }

    /// The next thing that is due.
    pub(super) fn step(&mut self, now: u64, random: &mut Random) -> Option<Arrival> {
        let (key, _) = self.queue.first_key_value()?;
        if now < key.0 {
            return None;
        }
        let (_, event) = self.queue.pop_first()?;
        match event {
            Event::Request(id) => {
                let connection = self.connections.get_mut(&id)?;
                connection.request_arrives();
                Some(Arrival::Asked(connection.start(id)))
            }
            Event::Answer(id) => {
                let connection = self.connections.get_mut(&id)?;
                let (call, reply) = connection.answer_arrives()?;
                (connection.is_heard && !connection.is_silent)
                    .then_some(Arrival::Ended(call, Ok(reply)))
            }
            Event::Closed(id) => {
                self.forget_unheard(id);
                Some(Arrival::Closed(id))
            }
            Event::Failed(call, failure) => Some(Arrival::Ended(call, Err(failure))),
            Event::TimedOut(id, call) => {
                let connection = self.connections.get(&id)?;
                if !connection.is_heard || !connection.unanswered().contains(&call) {
                    return None;
                }
                self.give_up(id, call);
                self.cut(id, Cut::Reset, now, random);
                Some(Arrival::Ended(call, Err(Failure::TimedOut)))
            }
        }
    }

    /// A client waits no longer for an answer, whatever becomes of the request.
    fn give_up(&mut self, id: ConnectionId, call: CallId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.given_up.insert(call);
        }
    }

    /// The node hears no more of a connection; its client may still wait for answers.
    fn forget_unheard(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match connection.is_heard {
            true => connection.is_gone = true,
            false => drop(self.connections.remove(&id)),
        }
    }

    fn at(&mut self, at: u64, event: Event, random: &mut Random) {
        self.queue.insert((at, random.next_bits()), event);
    }
}

/// How late a message is.
fn late(random: &mut Random) -> u64 {
    let late_max = match random.below(VERY_LATE_EVERY) {
        0 => VERY_LATE_MAX,
        _ => LATE_MAX,
    };
    random.below(late_max + 1) as u64
}
