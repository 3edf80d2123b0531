//! A program that uses the client library: its machines, and what its caller does with them. It
//! says on a desk what it wants done, and what its caller saw.

use std::fmt;

use bytes::Bytes;
use kt_core::random::Random;
use kt_node::Request;
use kt_protocol::ApiKey;
use kt_protocol::codec::Message;
use kt_protocol::types::Now;

use super::auditor::Log;
use super::network::Failure;
use crate::client_history::{ClientSeen, Place};

/// What a connection is for: those of one kind share one, and keep their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// Requests that are answered at once.
    Calls,
    /// What goes to a group's coordinator.
    Group,
    /// Fetches, which wait for records.
    Fetches,
    /// Produce requests, which wait for acknowledgements.
    Produces,
}

/// What was asked, for its answer: whose machine wants it, by the machine's number, and in which
/// version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) api: ApiKey,
    pub(super) version: i16,
    /// The machine's own number of it.
    pub(super) id: u64,
}

/// Something to be asked of the node.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) lane: Lane,
    pub(super) asked: Asked,
    pub(super) request: Request,
    /// How long the program waits, in milliseconds.
    pub(super) within_ms: u64,
}

/// Where a program says what it wants done.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) asks: Vec<Ask>,
    pub(super) seen: Vec<ClientSeen>,
    pub(super) notes: Vec<String>,
}

impl Desk {
    /// Wants something asked, in a version that both ends have.
    pub(super) fn ask<M: Message>(
        &mut self,
        lane: Lane,
        asked: Asked,
        message: &M,
        within_ms: u64,
    ) {
        let request = crate::client::request(asked.api, asked.version, message);
        self.asks.push(Ask { lane, asked, request, within_ms });
    }

    /// The caller saw something.
    pub(super) fn see(&mut self, seen: ClientSeen) {
        self.seen.push(seen);
    }

    /// For the trace.
    pub(super) fn note(&mut self, note: impl fmt::Display) {
        self.notes.push(note.to_string());
    }
}

/// An answer, or why none came.
pub(super) type Answer = Result<Bytes, Failure>;

/// What a running program is.
pub(super) trait Program: fmt::Debug {
    /// Its caller does something.
    ///
    /// # Errors
    ///
    /// What must not be.
    fn act(&mut self, now: Now, random: &mut Random, desk: &mut Desk) -> Result<(), String>;

    /// Does what is due.
    ///
    /// # Errors
    ///
    /// What must not be.
    fn wake(&mut self, now: Now, desk: &mut Desk) -> Result<(), String>;

    /// Takes an answer.
    ///
    /// # Errors
    ///
    /// What must not be.
    fn hear(
        &mut self,
        now: Now,
        asked: Asked,
        answer: Answer,
        desk: &mut Desk,
    ) -> Result<(), String>;

    /// When it is to be woken, in milliseconds.
    fn next_deadline(&self) -> Option<u64>;

    /// Nothing goes wrong any more: its caller begins nothing new.
    fn calm_down(&mut self);

    /// Whether all that it has begun is done, and it has read everything up to these ends.
    fn is_done(&self, ends: Option<&[i64]>) -> bool;

    /// The group that it is a member of, and what it reads as such.
    fn shares(&self) -> Option<(usize, Vec<Place>)> {
        None
    }

    /// Whether its process has come to its end, and is to be started again.
    fn is_over(&self) -> bool {
        false
    }

    /// What it knows of the log, if it is the one that reads it in the end.
    fn log(&self) -> Option<&Log> {
        None
    }
}
