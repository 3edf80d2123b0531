//! One run: a node, members of groups that share a topic's partitions, an operator, and everything
//! that goes wrong, out of one seed.
//!
//! Two phases: chaos, then quiet. In the quiet every group must become stable with all its members,
//! and a last read of all offsets ends the run. Members join, read, commit, leave, crash, lose
//! their connection, and stop for longer than their session; former selves of theirs commit when
//! nobody thinks of them any more. The node is killed, the power goes, a sync fails.

mod asking;
mod hearing;
mod member;
mod operator;
mod requests;

use std::collections::{BTreeMap, BTreeSet};

use kt_node::{ConnectionId, ReplyTo};
use kt_storage::simulated_disk::{Call, CrashMode, Fault};

use crate::group_history::GroupSeen;
use crate::host::Host;
use crate::invariants;
use crate::simulation::Settings;
use crate::world::News;
use member::{Member, Stage, Waking};
use operator::Operator;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOutcome {
    /// Two runs of one seed have the same.
    pub trace_hash: u64,
    /// How many events there were.
    pub events: u64,
    /// How many commits and deletions were acknowledged.
    pub acknowledged: usize,
    /// How many were refused.
    pub refused: usize,
    /// How often a member was told its share.
    pub synced: usize,
    /// How often the node went down.
    pub crashes: u64,
    /// How often it gave up, because a sync had failed.
    pub given_up: u64,
}

const GROUPS: [&str; 2] = ["g0", "g1"];
/// The group of each member, and whether it is static.
const MEMBERS: [(usize, bool); 6] =
    [(0, true), (0, false), (0, false), (0, true), (1, false), (1, true)];

/// Of this many steps one is a crash: in some runs all is quick, in others a request can grow old.
const CRASH_EVERY: [usize; 3] = [300, 800, 5_000];
/// Of this many steps one has a sync fail soon.
const FAILED_SYNC_EVERY: usize = 2_000;
/// How far time goes at once while nothing is due: members have to be heard in time.
const WAIT_MS_MAX: u64 = 10;
/// How long the groups may take to be stable once nothing goes wrong any more.
const STABLE_WITHIN_MS: u64 = 30_000;
/// How long an answer may take: a rebalance, a session, and the delays of the world.
const ANSWERED_WITHIN_MS: u64 = 4_000;

const CONFIGS: [(&str, &str); 6] = [
    ("offsets.topic.num.partitions", "2"),
    ("offsets.topic.replication.factor", "1"),
    ("group.min.session.timeout.ms", "1"),
    ("group.initial.rebalance.delay.ms", "50"),
    // Groups without offsets would go with their generations.
    ("offsets.retention.check.interval.ms", "86400000"),
    ("log.cleaner.dedupe.buffer.size", "1048576"),
];

/// The same, and logs are cleaned within a run, tombstones too.
const CLEANING_CONFIGS: [(&str, &str); 10] = [
    CONFIGS[0],
    CONFIGS[1],
    CONFIGS[2],
    CONFIGS[3],
    CONFIGS[4],
    CONFIGS[5],
    ("log.roll.ms", "400"),
    ("log.cleaner.backoff.ms", "200"),
    ("log.cleaner.min.cleanable.ratio", "0"),
    ("log.cleaner.delete.retention.ms", "300"),
];

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Member(usize),
    Operator,
    /// A former self of somebody, which nobody listens for.
    Former,
}

/// What a request was, for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    CreateTopic,
    FindCoordinator,
    Join,
    Sync,
    Heartbeat,
    Leave,
    Commit,
    Fetch,
    Describe(String),
    Delete,
}

#[derive(Clone, Debug)]
struct Asked {
    request: u64,
    by: By,
    what: What,
}

struct Simulation {
    host: Host,
    flushes: bool,
    crash_every: usize,
    history: Vec<GroupSeen>,
    asked: BTreeMap<ReplyTo, Asked>,
    /// Connections that a client has given up: nobody hears what comes there.
    closed: BTreeSet<ConnectionId>,
    next_request: u64,
    members: Vec<Member>,
    /// Members as they were, each with when it goes on.
    formers: Vec<(u64, Member)>,
    operator: Operator,
    /// A sync was made to fail: the node may give up.
    may_give_up: bool,
    /// It gave up.
    has_given_up: bool,
    /// How often it did.
    given_up: u64,
    /// No more faults; leaving and deleting are over.
    is_quiet: bool,
}

/// Runs one seed.
///
/// # Errors
///
/// What was violated, with the end of the trace.
pub fn run_groups(settings: Settings) -> Result<GroupOutcome, String> {
    let mut simulation = Simulation::new(settings);
    let result = simulation.run(settings.steps);
    let tail = || simulation.host.trace.tail();
    result.map_err(|error| format!("seed {}: {error}\n{}", settings.seed, tail()))?;
    let count = |is_it: fn(&GroupSeen) -> bool| {
        simulation.history.iter().filter(|seen| is_it(seen)).count()
    };
    Ok(GroupOutcome {
        trace_hash: simulation.host.trace.hash(),
        events: simulation.host.trace.events(),
        acknowledged: count(|it| matches!(it, GroupSeen::Acknowledged { .. })),
        refused: count(|it| matches!(it, GroupSeen::Refused { .. })),
        synced: count(|it| matches!(it, GroupSeen::Synced { .. })),
        crashes: simulation.host.crashes,
        given_up: simulation.given_up,
    })
}

impl Simulation {
    fn new(settings: Settings) -> Simulation {
        let configs = match settings.seed % 2 {
            0 => CONFIGS.as_slice(),
            _ => CLEANING_CONFIGS.as_slice(),
        };
        let members = MEMBERS.iter().enumerate();
        let member = |(number, (group, is_static)): (usize, &(usize, bool))| {
            Member::new(number, GROUPS[*group], *is_static)
        };
        Simulation {
            host: Host::new(settings, configs),
            flushes: settings.flushes,
            crash_every: CRASH_EVERY[(settings.seed / 2 % 3) as usize],
            history: Vec::new(),
            asked: BTreeMap::new(),
            closed: BTreeSet::new(),
            next_request: 1,
            members: members.map(member).collect(),
            formers: Vec::new(),
            operator: Operator::new(),
            may_give_up: false,
            has_given_up: false,
            given_up: 0,
            is_quiet: false,
        }
    }

    fn run(&mut self, steps: u64) -> Result<(), String> {
        self.start()?;
        for _ in 0..steps {
            self.step()?;
        }
        self.is_quiet = true;
        self.crash()?;
        let quiet_since = self.now();
        while self.now() < quiet_since + STABLE_WITHIN_MS {
            self.step()?;
            if self.operator.has_read_all(&GROUPS) {
                self.history.push(GroupSeen::End { at: self.now() });
                return invariants::check_groups(&self.history, ANSWERED_WITHIN_MS);
            }
        }
        let members = self.members.iter().map(|it| format!("{it:?}\n")).collect::<String>();
        Err(format!("the groups do not become stable:\n{members}"))
    }

    fn now(&self) -> u64 {
        self.host.world.now().monotonic.0
    }

    fn start(&mut self) -> Result<(), String> {
        self.may_give_up = false;
        self.has_given_up = false;
        self.operator.reconnect(self.host.connect());
        for member in &mut self.members {
            member.reconnect(self.host.connect());
        }
        let news = self.host.start()?;
        self.take(news)
    }

    /// The process dies, or the machine. After a failed sync it is the machine: what the page cache
    /// says then is not to be believed.
    fn crash(&mut self) -> Result<(), String> {
        let at = self.now();
        match self.may_give_up {
            true => self.host.crash_with(CrashMode::LoseUnsynced),
            false => {
                self.host.crash();
            }
        }
        for Asked { request, .. } in std::mem::take(&mut self.asked).into_values() {
            self.history.push(GroupSeen::ConnectionLost { request, at });
        }
        self.closed.clear();
        self.history.push(GroupSeen::Restarted);
        self.start()
    }

    /// Either something that waits happens, or a client does something, or something goes wrong.
    fn step(&mut self) -> Result<(), String> {
        self.given_up += u64::from(self.has_given_up);
        if self.has_given_up || (!self.is_quiet && self.one_in(self.crash_every)) {
            return self.crash();
        }
        // In page-cache mode what was acknowledged may go with the machine that then goes down.
        if !self.is_quiet && self.flushes && self.one_in(FAILED_SYNC_EVERY) {
            let nth = 1 + self.host.random.below(3) as u64;
            self.host.trace.note(format_args!("sync {nth} from now fails"));
            self.host.world.disk.fail(Call::Sync, nth, Fault::Eio);
            self.may_give_up = true;
        }
        if self.one_in(3) && self.host.is_ready {
            return self.act();
        }
        let news = self.host.step(WAIT_MS_MAX);
        self.take(news)
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.host.random.below(count) == 0
    }

    fn act(&mut self) -> Result<(), String> {
        let number = self.host.random.below(MEMBERS.len() + 2);
        if self.operator.is_ready() && number < MEMBERS.len() {
            return self.act_as_member(number);
        }
        let now = self.now();
        let due = self.formers.iter().position(|(at, _)| *at <= now);
        match due.filter(|_| self.one_in(2)) {
            Some(at) => {
                let (_, former) = self.formers.swap_remove(at);
                self.commit_as_former(&former)
            }
            None => self.act_as_operator(),
        }
    }

    /// Whether all members of a group read in one generation.
    fn is_settled(&self, group: &str) -> bool {
        let mut members = self.members.iter().filter(|it| it.group == group);
        let Some(first) = members.next() else { return true };
        first.is_reading() && members.all(|it| it.is_reading() && it.generation == first.generation)
    }

    fn take(&mut self, all: Vec<News>) -> Result<(), String> {
        for news in all {
            match news {
                News::Reply(to, reply) => match self.asked.remove(&to) {
                    Some(asked) => self.hear(&asked, &reply)?,
                    None if self.closed.contains(&to.connection) => {}
                    None => {
                        return Err(format!(
                            "{to:?} was answered, but not asked or already answered"
                        ));
                    }
                },
                News::Close(_, why) => return Err(format!("a connection was closed: {why}")),
                News::Fatal(_) if self.may_give_up => self.has_given_up = true,
                News::Fatal(message) => return Err(format!("the node gave up: {message}")),
                News::Ready => self.host.is_ready = true,
                News::Stopped => return Err("the node stopped, unasked".to_owned()),
            }
        }
        Ok(())
    }
}
