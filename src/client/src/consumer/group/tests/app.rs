//! A program with a consumer: polls, reads what it is given, commits, and sometimes does it wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kt_protocol::types::{Millis, Offset, TopicPartition};

use crate::backoff::BackoffRange;
use crate::consumer::assignor::{
    Assignor, GroupAssignment, GroupMembers, GroupTopics, LastAssignment, RebalanceProtocol,
    RoundRobin, by_name,
};
use crate::consumer::group::Subscription;
use crate::consumer::group::commits::{CommitId, CommitsConfig, Committed, Offsets};
use crate::consumer::group::machine::GroupMachine;
use crate::consumer::group::membership::{Event, MembershipConfig};
use crate::consumer::group::request::Effect;
use crate::consumer::group::subscription::InternalTopics;

/// A bug that is planted to see that the checks find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plant {
    Nothing,
    /// The program goes on reading what is revoked.
    KeepsReading,
    /// The leader gives away what another still reads.
    GivesAtOnce,
    /// The assignor panics.
    Panics,
    /// The program commits what it has given back as well.
    CommitsWhatIsGone,
}

/// How a program is set up.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) strategies: &'static [&'static str],
    pub(super) instance_id: Option<String>,
    pub(super) auto_commit: bool,
    pub(super) plant: Plant,
}

/// Deals out anew each time, and says that it is cooperative.
#[derive(Debug)]
struct Hasty;

impl Assignor for Hasty {
    fn name(&self) -> &str {
        "cooperative-sticky"
    }

    fn protocols(&self) -> &[RebalanceProtocol] {
        &[RebalanceProtocol::Cooperative]
    }

    fn user_data(&self, _: Option<&LastAssignment>) -> Option<bytes::Bytes> {
        None
    }

    fn assign(&self, topics: &GroupTopics, members: &GroupMembers) -> GroupAssignment {
        RoundRobin.assign(topics, members)
    }
}

/// Has a bug.
#[derive(Debug)]
struct Broken;

impl Assignor for Broken {
    fn name(&self) -> &str {
        "broken"
    }

    fn assign(&self, _: &GroupTopics, members: &GroupMembers) -> GroupAssignment {
        panic!("{} members are too many", members.len());
    }
}

/// One run of a program.
pub(super) struct App {
    pub(super) name: String,
    pub(super) machine: GroupMachine,
    pub(super) setup: Setup,
    /// What it reads, as far as it knows.
    pub(super) reading: BTreeMap<TopicPartition, i64>,
    /// What it read before.
    gone: BTreeMap<TopicPartition, i64>,
    pub(super) errors: Vec<String>,
    pub(super) taken: Option<Event>,
    /// The commit that it waits for before it lets go.
    last_commit: Option<CommitId>,
    /// Those that it asked for, with what became of them.
    pub(super) done: Vec<Committed>,
    pub(super) is_frozen: bool,
}

fn config(setup: &Setup) -> (MembershipConfig, CommitsConfig) {
    let backoff = BackoffRange { first: Duration::from_millis(100), max: Duration::from_secs(1) };
    let assignors = setup.strategies.iter().map(|it| by_name(it).unwrap()).collect();
    let assignors = match setup.plant {
        Plant::GivesAtOnce => vec![std::sync::Arc::new(Hasty) as _],
        Plant::Panics => vec![std::sync::Arc::new(Broken) as _],
        _ => assignors,
    };
    let request_timeout = Duration::from_secs(30);
    let membership = MembershipConfig {
        group_id: "g".to_owned(),
        instance_id: setup.instance_id.clone(),
        session_timeout: Duration::from_secs(45),
        heartbeat_interval: Duration::from_secs(3),
        max_poll_interval: Duration::from_secs(300),
        assignors,
        rack: None,
        internal_topics: InternalTopics::Excluded,
        metadata_max_age: Duration::from_secs(300),
        request_timeout,
        timeout: Duration::from_secs(60),
        backoff,
    };
    let commits = CommitsConfig {
        auto_commit_interval: setup.auto_commit.then_some(Duration::from_secs(5)),
        request_timeout,
        timeout: Duration::from_secs(60),
        backoff,
    };
    (membership, commits)
}

impl App {
    pub(super) fn new(name: &str, setup: Setup, seed: u64) -> App {
        let (membership, commits) = config(&setup);
        App {
            name: name.to_owned(),
            machine: GroupMachine::new(membership, commits, seed).unwrap(),
            setup,
            reading: BTreeMap::new(),
            gone: BTreeMap::new(),
            errors: Vec::new(),
            taken: None,
            last_commit: None,
            done: Vec::new(),
            is_frozen: false,
        }
    }

    pub(super) fn subscribe(&mut self, topics: &[&str]) {
        self.machine.subscribe(Subscription::names(topics.iter().copied()));
    }

    /// Begins what the next event says; true if there is one.
    pub(super) fn take(
        &mut self,
        now: Millis,
        committed: &BTreeMap<TopicPartition, i64>,
        effects: &mut Vec<Effect>,
    ) -> Option<String> {
        let event = self.machine.event()?;
        let line = show(&event);
        match &event {
            Event::Assign(added) => {
                for it in added {
                    let position = committed.get(it).copied().unwrap_or(0);
                    self.reading.entry(it.clone()).or_insert(position);
                }
            }
            Event::Revoke(_) if self.setup.auto_commit && self.last_commit.is_none() => {
                let offsets = self.machine.commits().uncommitted();
                let timeout = Duration::from_secs(5);
                let id = self.machine.commit_sync(now, offsets, timeout, effects);
                self.last_commit = Some(id);
            }
            Event::Failed(error) => self.errors.push(error.to_string()),
            Event::Revoke(_) | Event::Lost(_) => {}
        }
        self.taken = Some(event);
        Some(line)
    }

    /// Ends what was begun, if it may.
    pub(super) fn finish(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        self.collect();
        let is_waiting =
            self.last_commit.is_some_and(|id| !self.done.iter().any(|done| done.id == id));
        if is_waiting {
            return;
        }
        let Some(event) = self.taken.take() else { return };
        self.last_commit = None;
        if let Event::Revoke(gone) | Event::Lost(gone) = event
            && self.setup.plant != Plant::KeepsReading
        {
            let (left, given_back): (BTreeMap<_, _>, BTreeMap<_, _>) =
                std::mem::take(&mut self.reading).into_iter().partition(|it| !gone.contains(&it.0));
            self.reading = left;
            self.gone.extend(given_back);
        }
        self.machine.acknowledge(now, effects);
    }

    pub(super) fn collect(&mut self) {
        self.done.extend(self.machine.take_done());
    }

    pub(super) fn poll(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let owned = self.machine.membership().owned();
        let commits_gone = self.setup.plant == Plant::CommitsWhatIsGone;
        let positions: Offsets = self
            .positions()
            .into_iter()
            .filter(|(it, _)| commits_gone || owned.contains(it))
            .collect();
        self.machine.commits_mut().note_processed(positions);
        self.machine.on_poll(now, effects);
    }

    pub(super) fn read(&mut self) {
        if self.taken.is_none() {
            self.reading.values_mut().for_each(|it| *it += 1);
        }
    }

    pub(super) fn positions(&self) -> Offsets {
        let also = (self.setup.plant == Plant::CommitsWhatIsGone).then_some(&self.gone);
        let all = also.into_iter().flatten().chain(&self.reading);
        all.map(|(it, at)| (it.clone(), Offset(*at).into())).collect()
    }

    pub(super) fn owned(&self) -> BTreeSet<&TopicPartition> {
        self.reading.keys().collect()
    }
}

fn show(event: &Event) -> String {
    let names = |its: &BTreeSet<TopicPartition>| {
        its.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    match event {
        Event::Revoke(its) => format!("revoke {}", names(its)),
        Event::Lost(its) => format!("lost {}", names(its)),
        Event::Assign(its) => format!("assign {}", names(its)).trim_end().to_owned(),
        Event::Failed(error) => format!("error {error}"),
    }
}
