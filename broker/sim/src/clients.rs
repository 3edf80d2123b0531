//! One run: a node, programs that use the client library's machines, and everything that goes
//! wrong, out of one seed.
//!
//! The machines are the real ones: accumulator, sender, membership, commits and fetcher. What lies
//! is around them: requests and answers come late and get lost with their connections, processes
//! are killed and stopped, the node is killed, the power goes, a sync fails. Then it is quiet, and
//! everything must be delivered, read and processed.

mod answers;
mod auditor;
mod cluster;
mod faults;
mod member;
mod network;
mod process;
mod program;
mod reader;
mod reading;
mod sending;

use std::collections::{BTreeMap, BTreeSet};

use kt_node::{ConnectionId, Input};
use kt_storage::simulated_disk::CrashMode;

use crate::client_history::{ClientSeen, Life, Place};
use crate::host::Host;
use crate::invariants;
use crate::simulation::Settings;
use crate::world::News;
use auditor::Log;
use cluster::Role;
use faults::Faults;
use network::{Arrival, CallId, Network};
use process::Process;
use program::{Asked, Program};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientsOutcome {
    /// Two runs of one seed have the same.
    pub trace_hash: u64,
    /// How many events there were.
    pub events: u64,
    /// How many records were delivered.
    pub delivered: usize,
    /// How many were given up.
    pub given_up: usize,
    /// How many records readers were given.
    pub given: usize,
    /// How many offsets were committed.
    pub committed: usize,
    /// How often the node went down.
    pub crashes: u64,
}

/// How far time goes at once while nothing is due, in milliseconds.
const WAIT_MS_MAX: u64 = 20;
/// How long everything may take to be done once nothing goes wrong any more, in milliseconds.
const DONE_WITHIN_MS: u64 = 60_000;
/// How late a program's clock wakes it, at most, in milliseconds.
const WAKE_LATE_MAX: usize = 4;

const CONFIGS: [(&str, &str); 5] = [
    ("offsets.topic.num.partitions", "2"),
    ("offsets.topic.replication.factor", "1"),
    ("group.min.session.timeout.ms", "1"),
    ("group.initial.rebalance.delay.ms", "50"),
    ("log.cleaner.dedupe.buffer.size", "1048576"),
];

struct Simulation {
    host: Host,
    network: Network,
    faults: Faults,
    history: Vec<ClientSeen>,
    /// The first is the auditor's.
    processes: Vec<Process>,
    /// Since when, in the quiet, all that was sent has ended.
    senders_done_at: Option<u64>,
    /// Who asked what, and in which life.
    calls: BTreeMap<CallId, (usize, Life, Asked)>,
    next_call: u64,
    next_life: u64,
    is_quiet: bool,
}

/// Runs one seed.
///
/// # Errors
///
/// What was violated, with the end of the trace.
pub fn run_clients(settings: Settings) -> Result<ClientsOutcome, String> {
    let mut simulation = Simulation::new(settings);
    let result = simulation.run(settings.steps);
    let tail = || simulation.host.trace.tail();
    result.map_err(|error| format!("seed {}: {error}\n{}", settings.seed, tail()))?;
    let count = |is_it: fn(&ClientSeen) -> bool| {
        simulation.history.iter().filter(|seen| is_it(seen)).count()
    };
    Ok(ClientsOutcome {
        trace_hash: simulation.host.trace.hash(),
        events: simulation.host.trace.events(),
        delivered: count(|it| matches!(it, ClientSeen::Delivered { .. })),
        given_up: count(|it| matches!(it, ClientSeen::GivenUp { .. })),
        given: count(|it| matches!(it, ClientSeen::Given { .. })),
        committed: count(|it| matches!(it, ClientSeen::Committed { .. })),
        crashes: simulation.host.crashes,
    })
}

impl Simulation {
    fn new(settings: Settings) -> Simulation {
        let mut host = Host::new(settings, &CONFIGS);
        let faults = Faults::new(settings.flushes, &mut host.random);
        Simulation {
            host,
            network: Network::default(),
            faults,
            history: Vec::new(),
            processes: vec![Process::new(Role::Audit)],
            senders_done_at: None,
            calls: BTreeMap::new(),
            next_call: 0,
            next_life: 0,
            is_quiet: false,
        }
    }

    fn run(&mut self, steps: u64) -> Result<(), String> {
        self.start_node()?;
        self.make_topics()?;
        for _ in 0..steps {
            self.go_wrong()?;
            self.step()?;
        }
        self.is_quiet = true;
        self.processes.iter_mut().for_each(Process::calm_down);
        self.crash(None)?;
        let quiet_until = self.now() + DONE_WITHIN_MS;
        while self.now() < quiet_until {
            self.step()?;
            if self.is_done() {
                self.end();
                return invariants::check_clients(&self.history, cluster::GROUPS.len());
            }
        }
        let ends = self.ends();
        let line = |(number, it): (usize, &Process)| {
            let shares = it.program().and_then(Program::shares);
            let undone = (!it.is_done(ends.as_deref())).then_some(it);
            format!("client {number}: {shares:?} {undone:?}\n")
        };
        let open: String = self.processes.iter().enumerate().map(line).collect();
        Err(format!("not everything is delivered and read up to {ends:?}:\n{open}"))
    }

    /// Before anybody else comes.
    fn make_topics(&mut self) -> Result<(), String> {
        while !self.log().is_some_and(|it| it.has_topics) {
            self.step()?;
        }
        let roles = cluster::roles(&mut self.host.random);
        self.processes.extend(roles.into_iter().map(Process::new));
        Ok(())
    }

    fn log(&self) -> Option<&Log> {
        self.processes.first().and_then(|it| it.program()).and_then(Program::log)
    }

    fn now(&self) -> u64 {
        self.host.world.now().monotonic.0
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.host.random.below(count) == 0
    }

    /// Where the log ends, once nobody writes to it any more.
    fn ends(&self) -> Option<Vec<i64>> {
        let log = self.log()?;
        let is_whole = self.senders_done_at? <= log.complete_at?;
        is_whole.then(|| log.ends())
    }

    fn is_done(&mut self) -> bool {
        let mut senders = self.processes.iter().filter(|it| it.is_sender());
        if self.senders_done_at.is_none() && senders.all(|it| it.is_done(None)) {
            self.senders_done_at = Some(self.now());
        }
        let Some(ends) = self.ends() else { return false };
        self.processes.iter().all(|it| it.is_done(Some(&ends))) && self.groups_read_all()
    }

    /// Whether every partition is read by some member of every group.
    fn groups_read_all(&self) -> bool {
        let programs = self.processes.iter().filter_map(Process::program);
        let shares: Vec<(usize, Vec<Place>)> = programs.filter_map(Program::shares).collect();
        (0..cluster::GROUPS.len()).all(|group| {
            let of_group = shares.iter().filter(|(it, _)| *it == group);
            let read: BTreeSet<Place> = of_group.flat_map(|(_, places)| places).copied().collect();
            read.len() == cluster::places()
        })
    }

    /// What the log is in the end is known last.
    fn end(&mut self) {
        self.history.push(ClientSeen::End { at: self.now() });
        let records: Vec<ClientSeen> = self.log().iter().flat_map(|it| it.records()).collect();
        self.history.extend(records);
    }

    fn start_node(&mut self) -> Result<(), String> {
        self.faults.node_starts();
        let news = self.host.start()?;
        self.take(news)
    }

    /// The node's process dies, or its machine; `mode` if it is decided how.
    fn crash(&mut self, mode: Option<CrashMode>) -> Result<(), String> {
        let now = self.now();
        match mode.or(self.faults.mode_after_failed_sync()) {
            Some(mode) => self.host.crash_with(mode),
            None => drop(self.host.crash()),
        }
        self.network.node_died(now, &mut self.host.random);
        self.start_node()
    }

    /// One of the things that are due happens, or time passes.
    fn step(&mut self) -> Result<(), String> {
        if self.faults.node_gave_up() {
            return self.crash(None);
        }
        let now = self.now();
        let network_at = self.network.next_at();
        let due = self.due_process(now);
        let is_network_due = network_at.is_some_and(|at| at <= now);
        let is_world_due = self.host.world.next_at().is_some_and(|at| at <= now);
        match self.host.random.below(3) {
            0 if is_network_due => return self.carry(),
            1 if is_world_due => {}
            _ if due.is_some() => return self.run_process(due.unwrap_or(0)),
            _ if is_network_due => return self.carry(),
            _ => {}
        }
        let next_at = self.processes.iter().filter_map(Process::next_at).chain(network_at).min();
        let wait_max = next_at.map_or(WAIT_MS_MAX, |at| at.saturating_sub(now));
        let news = self.host.step(wait_max.clamp(1, WAIT_MS_MAX));
        self.take(news)
    }

    /// One of the processes that have something to do now.
    fn due_process(&mut self, now: u64) -> Option<usize> {
        let is_due = |it: &Process| it.next_at().is_some_and(|at| at <= now);
        let due: Vec<usize> =
            (0..self.processes.len()).filter(|it| is_due(&self.processes[*it])).collect();
        (!due.is_empty()).then(|| due[self.host.random.below(due.len())])
    }

    /// The network brings something.
    fn carry(&mut self) -> Result<(), String> {
        let now = self.now();
        match self.network.step(now, &mut self.host.random) {
            None => Ok(()),
            Some(Arrival::Asked(requests)) => self.ask_node(requests),
            Some(Arrival::Closed(connection)) => {
                let news = self.host.call(Input::Closed(connection));
                self.take(news)
            }
            Some(Arrival::Ended(call, reply)) => {
                let Some((number, life, asked)) = self.calls.remove(&call) else {
                    return Err(format!("{call:?} ended twice"));
                };
                self.host.trace.note(format_args!(
                    "client {number} hears {asked:?}: {}",
                    reply.as_ref().map_or_else(|it| format!("{it:?}"), |_| "answer".to_owned())
                ));
                self.processes[number].deliver(life, asked, reply);
                Ok(())
            }
        }
    }

    fn ask_node(
        &mut self,
        requests: Vec<(kt_node::ReplyTo, kt_node::Request)>,
    ) -> Result<(), String> {
        for (to, request) in requests {
            self.host.trace.note(format_args!("{to:?} asks api {}", request.api_key));
            let news = self.host.call(Input::Request(to, request));
            self.take(news)?;
        }
        Ok(())
    }

    fn take(&mut self, all: Vec<News>) -> Result<(), String> {
        for news in all {
            match news {
                News::Reply(to, reply) => {
                    // What a file holds is sent before the node dies.
                    let (now, reply) = (self.now(), crate::client::bytes(&reply)?);
                    let begun = self.network.answer(to, reply, now, &mut self.host.random)?;
                    self.ask_node(begun)?;
                }
                News::Close(connection, why) => {
                    return Err(format!("the node closes {connection:?}: {why}"));
                }
                News::Fatal(_) if self.faults.expects_fatal() => self.faults.node_gives_up(),
                News::Fatal(message) => return Err(format!("the node gave up: {message}")),
                News::Ready => self.host.is_ready = true,
                News::Stopped => return Err("the node stopped, unasked".to_owned()),
            }
        }
        Ok(())
    }

    fn connect(&mut self) -> ConnectionId {
        let connection = self.host.connect();
        if self.host.is_ready {
            self.network.open(connection);
        }
        connection
    }
}
