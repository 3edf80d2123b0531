//! A client's process: it runs a program, is killed and started again with nothing but its role, and
//! is stopped and goes on as if nothing had happened.

use std::collections::{BTreeMap, VecDeque};

use kt_node::ConnectionId;

use super::cluster::Role;
use super::network::{Call, CallId, Cut};
use super::program::{Answer, Ask, Asked, Desk, Lane, Program};
use super::{Simulation, WAKE_LATE_MAX};
use crate::client_history::{ClientSeen, Life};

/// How long a caller does other things between two calls of the library, at most, in milliseconds.
const BUSY_MS_MAX: usize = 30;
/// Now and then it is busy for longer.
const BUSY_LONG_MS_MAX: usize = 400;
const BUSY_LONG_EVERY: usize = 25;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Process {
    role: Role,
    running: Option<Running>,
    /// Nothing of it happens before.
    not_before: u64,
    is_calm: bool,
}

#[derive(Debug)]
struct Running {
    life: Life,
    program: Box<dyn Program>,
    /// What came and was not looked at yet.
    inbox: VecDeque<(Asked, Answer)>,
    lanes: BTreeMap<Lane, ConnectionId>,
    /// When its caller does something.
    acts_at: u64,
    /// When its clock wakes it.
    wakes_at: Option<u64>,
}

impl Process {
    pub(super) fn new(role: Role) -> Process {
        Process { role, running: None, not_before: 0, is_calm: false }
    }

    pub(super) fn is_mortal(&self) -> bool {
        self.role.is_mortal()
    }

    pub(super) fn program(&self) -> Option<&dyn Program> {
        self.running.as_ref().map(|it| &*it.program)
    }

    /// When it has something to do.
    pub(super) fn next_at(&self) -> Option<u64> {
        let at = match &self.running {
            None => 0,
            Some(it) if !it.inbox.is_empty() => 0,
            Some(it) => it.wakes_at.map_or(it.acts_at, |at| at.min(it.acts_at)),
        };
        Some(at.max(self.not_before))
    }

    pub(super) fn is_sender(&self) -> bool {
        matches!(self.role, Role::Send(_))
    }

    pub(super) fn is_done(&self, ends: Option<&[i64]>) -> bool {
        self.running.as_ref().is_some_and(|it| it.program.is_done(ends))
    }

    /// Its caller begins nothing new, and nothing keeps it from going on.
    pub(super) fn calm_down(&mut self) {
        self.is_calm = true;
        self.not_before = 0;
        if let Some(it) = &mut self.running {
            it.program.calm_down();
        }
    }

    /// The process is gone. Gives which life that was, and its connections.
    pub(super) fn kill(&mut self, until: u64) -> (Option<Life>, Vec<ConnectionId>) {
        self.not_before = until;
        let Some(it) = self.running.take() else { return (None, Vec::new()) };
        (Some(it.life), it.lanes.into_values().collect())
    }

    /// The process stands still. Gives which life does.
    pub(super) fn stop(&mut self, until: u64) -> Option<Life> {
        self.not_before = self.not_before.max(until);
        self.running.as_ref().map(|it| it.life)
    }

    /// An answer comes to a life, if that is not over.
    pub(super) fn deliver(&mut self, life: Life, asked: Asked, answer: Answer) {
        if let Some(it) = self.running.as_mut().filter(|it| it.life == life) {
            it.inbox.push_back((asked, answer));
        }
    }
}

impl Simulation {
    /// A process does the next thing that it has to do.
    pub(super) fn run_process(&mut self, number: usize) -> Result<(), String> {
        let now = self.host.world.now();
        let mut desk = Desk::default();
        let random = &mut self.host.random;
        let process = &mut self.processes[number];
        let Some(running) = &mut process.running else { return self.start_process(number) };
        if let Some((asked, answer)) = running.inbox.pop_front() {
            running.program.hear(now, asked, answer, &mut desk)?;
        } else if running.wakes_at.is_some_and(|at| at <= now.monotonic.0) {
            running.program.wake(now, &mut desk)?;
        } else {
            let busy_ms_max = match random.below(BUSY_LONG_EVERY) {
                0 => BUSY_LONG_MS_MAX,
                _ => BUSY_MS_MAX,
            };
            running.acts_at = now.monotonic.0 + 1 + random.below(busy_ms_max) as u64;
            running.program.act(now, random, &mut desk)?;
        }
        self.clear(number, desk);
        if self.processes[number].program().is_some_and(Program::is_over) {
            self.end_process(number, now.monotonic.0);
        }
        Ok(())
    }

    /// A process ends, or is made to.
    pub(super) fn end_process(&mut self, number: usize, until: u64) {
        self.host.trace.note(format_args!("client {number} ends, until {until}"));
        let now = self.now();
        let (life, connections) = self.processes[number].kill(until);
        self.history.extend(life.map(|life| ClientSeen::Died { life }));
        for connection in connections {
            self.network.cut(connection, Cut::Reset, now, &mut self.host.random);
        }
    }

    fn start_process(&mut self, number: usize) -> Result<(), String> {
        let now = self.now();
        self.next_life += 1;
        let life = Life(self.next_life);
        self.host.trace.note(format_args!("client {number} starts {life}"));
        let seed = self.host.random.next_bits();
        let process = &mut self.processes[number];
        let mut program = process.role.start(life, seed)?;
        if process.is_calm {
            program.calm_down();
        }
        process.running = Some(Running {
            life,
            program,
            inbox: VecDeque::new(),
            lanes: BTreeMap::new(),
            acts_at: now,
            wakes_at: None,
        });
        Ok(())
    }

    /// Does what a program has put on its desk, and sets its clock.
    fn clear(&mut self, number: usize, desk: Desk) {
        for note in desk.notes {
            self.host.trace.note(format_args!("client {number}: {note}"));
        }
        self.history.extend(desk.seen);
        for ask in desk.asks {
            self.send(number, ask);
        }
        let late = self.host.random.below(WAKE_LATE_MAX + 1) as u64;
        let now = self.now();
        if let Some(it) = &mut self.processes[number].running {
            // A deadline that is over already: the machine wants to be polled, but not in a loop.
            it.wakes_at = it.program.next_deadline().map(|at| at.max(now) + late);
        }
    }

    fn send(&mut self, number: usize, ask: Ask) {
        let now = self.now();
        let call = CallId(self.next_call);
        self.next_call += 1;
        let Some(life) = self.processes[number].running.as_ref().map(|it| it.life) else { return };
        let connection = self.lane(number, ask.lane);
        self.host
            .trace
            .note(format_args!("client {number} asks {:?} on {}", ask.asked, connection.0));
        self.calls.insert(call, (number, life, ask.asked));
        let until = now + ask.within_ms;
        let call = Call { id: call, request: ask.request, until };
        self.network.send(connection, call, now, &mut self.host.random);
    }

    /// The connection of a lane, made anew if it broke.
    fn lane(&mut self, number: usize, lane: Lane) -> ConnectionId {
        let running = self.processes[number].running.as_ref();
        let old = running.and_then(|it| it.lanes.get(&lane).copied());
        if let Some(old) = old.filter(|it| self.network.is_open(*it)) {
            return old;
        }
        let new = self.connect();
        if let Some(it) = &mut self.processes[number].running {
            it.lanes.insert(lane, new);
        }
        new
    }
}
