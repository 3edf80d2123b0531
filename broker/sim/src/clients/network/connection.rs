//! One connection: what is on its way in either direction, and what the node has not answered yet.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use kt_node::{ConnectionId, ReplyTo, Request};
use kt_protocol::ApiKey;

use super::{Call, CallId};

/// A request that the node has begun.
#[derive(Debug)]
struct Begun {
    sequence: u64,
    call: CallId,
    overlaps: bool,
    reply: Option<Bytes>,
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Connection {
    /// Whether the client listens to it.
    pub(super) is_heard: bool,
    /// Whether nothing comes through any more.
    pub(super) is_silent: bool,
    /// Whether the node has been told so.
    pub(super) is_gone: bool,
    requests: VecDeque<Call>,
    /// Reached the node, and wait for those before them.
    waiting: VecDeque<Call>,
    begun: VecDeque<Begun>,
    answers: VecDeque<(CallId, Bytes)>,
    /// Were lost on their way; their client waits for them all the same.
    lost: Vec<CallId>,
    /// Nobody waits for their answers.
    pub(super) given_up: BTreeSet<CallId>,
    next_sequence: u64,
    last_request_at: u64,
    last_answer_at: u64,
}

impl Default for Connection {
    fn default() -> Connection {
        Connection {
            is_heard: true,
            is_silent: false,
            is_gone: false,
            requests: VecDeque::new(),
            waiting: VecDeque::new(),
            begun: VecDeque::new(),
            answers: VecDeque::new(),
            lost: Vec::new(),
            given_up: BTreeSet::new(),
            next_sequence: 0,
            last_request_at: 0,
            last_answer_at: 0,
        }
    }
}

impl Connection {
    /// Gives when it arrives: not before those that left before.
    pub(super) fn request_leaves(&mut self, call: Call, at: u64) -> u64 {
        match self.is_silent {
            true => self.lost.push(call.id),
            false => self.requests.push_back(call),
        }
        self.last_request_at = self.last_request_at.max(at);
        self.last_request_at
    }

    pub(super) fn request_arrives(&mut self) {
        let call = self.requests.pop_front();
        self.waiting.extend(call);
    }

    /// How many requests have not arrived yet.
    pub(super) fn on_their_way(&self) -> usize {
        self.requests.len()
    }

    /// Only the first `kept` requests on their way arrive; no answer does.
    pub(super) fn lose_requests(&mut self, kept: usize) {
        let lost = self.requests.split_off(kept);
        self.lost.extend(lost.into_iter().map(|it| it.id));
        self.lost.extend(self.answers.drain(..).map(|(call, _)| call));
    }

    /// What the node begins now.
    pub(super) fn start(&mut self, id: ConnectionId) -> Vec<(ReplyTo, Request)> {
        let mut started = Vec::new();
        if self.is_gone {
            return started;
        }
        while let Some(next) = self.waiting.front() {
            let overlaps = overlaps(&next.request);
            let may_start = match overlaps {
                true => self.begun.iter().all(|it| it.overlaps || it.reply.is_some()),
                false => self.begun.iter().all(|it| it.reply.is_some()),
            };
            if !may_start {
                break;
            }
            let Some(call) = self.waiting.pop_front() else { break };
            let sequence = self.next_sequence;
            self.next_sequence += 1;
            self.begun.push_back(Begun { sequence, call: call.id, overlaps, reply: None });
            started.push((ReplyTo { connection: id, sequence }, call.request));
        }
        started
    }

    /// Keeps an answer until it may leave; fails if none is due.
    pub(super) fn replied(&mut self, sequence: u64, reply: Bytes) -> Result<(), ()> {
        let begun = self.begun.iter_mut().find(|it| it.sequence == sequence).ok_or(())?;
        if begun.reply.is_some() {
            return Err(());
        }
        begun.reply = Some(reply);
        Ok(())
    }

    /// Lets the next answer leave, if it is there; gives when it arrives.
    pub(super) fn answer_leaves(&mut self, at: u64) -> Option<u64> {
        let first = self.begun.pop_front_if(|it| it.reply.is_some())?;
        match first.reply.filter(|_| !self.is_silent) {
            Some(reply) => self.answers.push_back((first.call, reply)),
            None => self.lost.push(first.call),
        }
        self.last_answer_at = self.last_answer_at.max(at);
        Some(self.last_answer_at)
    }

    pub(super) fn answer_arrives(&mut self) -> Option<(CallId, Bytes)> {
        self.answers.pop_front()
    }

    /// The calls whose answers the client has not heard.
    pub(super) fn unanswered(&self) -> Vec<CallId> {
        let calls = self.requests.iter().chain(&self.waiting).map(|it| it.id);
        let begun = self.begun.iter().map(|it| it.call);
        let answered = self.answers.iter().map(|(call, _)| *call);
        let all = calls.chain(begun).chain(answered).chain(self.lost.iter().copied());
        all.filter(|it| !self.given_up.contains(it)).collect()
    }
}

/// Whether the server begins it while others before it are not answered.
fn overlaps(request: &Request) -> bool {
    let key = request.api_key;
    key == ApiKey::Produce.code() || key == ApiKey::Fetch.code()
}
