//! Everything that is known, by one value: the cluster, its history, and what both come to.
//!
//! Answers go in; questions, samples, checks and the cells of groups come out. Answers are folded
//! at once; what is computed over the whole cluster is renewed at most once a second.

mod ages;
mod disks;
mod fresh;
mod groups;
mod growth;
mod moves;
mod placement;
mod samples;

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::types::{Millis, NodeId, Now, Offset, TopicPartition};

pub(crate) use self::ages::in_turn;
pub(crate) use self::disks::Disks;
pub(crate) use self::groups::{Judged, clocks};
pub(crate) use self::growth::Growth;
use self::moves::Ended;
pub(crate) use self::moves::{Moves, Progress};
pub(crate) use self::placement::{Load, Placement, Skew};
use self::samples::FaultCounts;
use super::checks::facts::{Answer as FactAnswer, Facts, GroupFact};
use super::checks::{Badge, Check, CheckKind, Evaluator, Figure, Level, Part};
use super::cluster::{Answer, Cluster, Failure, Said};
use super::facts::facts;
use super::schedule::{Ask, Kind, Lane, Needs, Question, Schedule, WhichOffset};
use crate::tui::alerts::engine::{Engine, Outgoing};
use crate::tui::alerts::measured::Measured;
use crate::tui::figures;
use crate::tui::history::Rate;
use crate::tui::history::store::{Store, Subject};

/// What is known, and what is asked next.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    pub(crate) cluster: Cluster,
    pub(crate) store: Store,
    pub(crate) schedule: Schedule,
    /// Bytes a second, from sizes.
    pub(crate) growth: Growth,
    pub(crate) disks: Disks,
    /// Where replicas and leaders are.
    pub(crate) placement: Placement,
    pub(crate) moves: Moves,
    /// Records a second into each topic, as last computed.
    pub(crate) rates: BTreeMap<String, Rate>,
    /// Records whose age a verdict waits for, of whatever group.
    pub(crate) open_ages: Vec<(TopicPartition, Offset)>,
    /// Each group's row.
    pub(crate) groups: BTreeMap<String, Judged>,
    /// What the checks say, once anything was answered.
    pub(crate) checks: Option<[Check; 6]>,
    /// The rules of the user and the checks: what fires, and who is told.
    pub(crate) alerts: Engine,
    /// What is to be told now.
    pub(crate) outgoing: Vec<Outgoing>,
    evaluator: Evaluator,
    news: News,
    renewed: Option<Millis>,
    /// When rates and groups were computed.
    judged: Option<Millis>,
    /// What the schedule knows of the cluster's shape.
    learned: Option<u64>,
    /// Another number since lines of topics or groups may say something else.
    pub(crate) revision: u64,
    /// Since when what was told of each kind still counts.
    fresh: BTreeMap<Kind, Millis>,
}

/// What came since all was computed last.
#[derive(Debug, Default)]
struct News {
    /// When the first of them came.
    since: Option<Millis>,
    /// Log ends or commits: rates and lag are other ones.
    offsets: bool,
    /// Brokers that told the sizes of their replicas.
    sizes: BTreeSet<NodeId>,
    /// Leaders, replicas, groups, configs.
    cluster: bool,
    quorum: bool,
    /// Somebody did not answer.
    failures: bool,
}

/// A cluster that does not answer for so long is not there, in ms.
const SILENT_MS: u64 = 10_000;
/// What is computed over the whole cluster is computed no more often.
const RENEW_MS: u64 = 1_000;
/// And no less often: what nobody answers any more grows old without an answer that says so.
const RENEW_AGED_MS: u64 = 2_000;
/// Brokers are asked at the same time: their answers are waited for that long after the first.
const BURST_MS: u64 = 50;
/// Rates and groups follow from offsets; without new ones only their ages grow.
const JUDGE_AGED_MS: u64 = 5_000;

/// What the header and the checks need of every screen.
const ALWAYS: [Kind; 11] = [
    Kind::Brokers,
    Kind::Metadata,
    Kind::LogEnds,
    Kind::Commits,
    Kind::ShareCommits,
    Kind::Groups,
    Kind::Quorum,
    Kind::Moves,
    Kind::LogDirs,
    Kind::LogStarts,
    Kind::Configs,
];

impl Watch {
    /// What every screen needs; a screen adds its own.
    pub(crate) fn always() -> Needs {
        Needs { kinds: BTreeSet::from(ALWAYS), ..Needs::default() }
    }

    /// Takes over an answer. `took` is how long it was under way, in milliseconds.
    pub(crate) fn answered(
        &mut self,
        question: &Question,
        said: Result<Said, Failure>,
        took: u64,
        now: Now,
    ) {
        let at = now.monotonic;
        let is_known = said.is_ok();
        let kind = question.lane.kind;
        let before = matches!(said, Ok(Said::Metadata { .. })).then(|| self.topic_ids());
        let groups = matches!(said, Ok(Said::Groups(_))).then(|| self.group_names());
        let outcome = self.cluster.fold(Answer { lane: question.lane, at, said });
        self.schedule.answered(question, at, took, outcome);
        if let Some(before) = before {
            self.forget_others(&before);
            self.moves.settle(&self.cluster);
        }
        for name in groups.into_iter().flatten() {
            if !self.cluster.groups.contains_key(&name) {
                self.store.remove(&Subject::Group(name));
            }
        }
        if is_known {
            self.keep(question, at);
        }
        if kind == Kind::Metadata {
            self.placement = Placement::of(&self.cluster);
        }
        if matches!(kind, Kind::Brokers | Kind::Metadata | Kind::Groups | Kind::Moves) {
            self.learn();
        }
        self.news.since.get_or_insert(at);
        match is_known {
            true => self.news.note(question.lane),
            false => self.news.failures = true,
        }
    }

    /// Lets the schedule know whom to ask for what, if that has changed.
    fn learn(&mut self) {
        let shape = self.cluster.shape();
        if self.learned != Some(shape) {
            self.learned = Some(shape);
            self.schedule.learn(&self.cluster.world());
            self.placement = Placement::of(&self.cluster);
            self.news.cluster = true;
        }
    }

    /// Computes what follows from the answers since the last time, and from their age; whether
    /// that was due.
    pub(crate) fn renew(&mut self, now: Now) -> bool {
        let first = self.news.cluster && self.checks.is_none();
        let is_due = first || self.next_renewal().is_some_and(|at| at <= now.monotonic);
        if is_due {
            self.renew_now(now);
        }
        is_due
    }

    /// The same, however young the last time is.
    pub(crate) fn renew_now(&mut self, now: Now) {
        self.renewed = Some(now.monotonic);
        let news = std::mem::take(&mut self.news);
        self.renew_fresh(now.monotonic);
        self.growth.fresh_since = self.fresh_since(Kind::LogDirs);
        let judged = self.judged.filter(|it| now.monotonic - *it < JUDGE_AGED_MS);
        let must_judge = judged.is_none() || news.offsets || news.cluster;
        if must_judge || news.failures || !news.sizes.is_empty() {
            self.revision += 1;
        }
        if must_judge {
            self.judged = Some(now.monotonic);
            self.renew_rates();
            self.judge_groups(now);
            self.open_ages = self.ages_of_open();
        }
        let mut evaluator = std::mem::take(&mut self.evaluator);
        let mut facts = facts(&self.cluster, self.group_facts_of_all(), &self.stale(), now);
        self.add_outlook(&mut facts);
        let mut checks = evaluator.evaluate(now.monotonic, &facts, |kind| self.told(kind));
        let faults = news.cluster.then(|| FaultCounts::of(&facts)).flatten();
        self.evaluator = evaluator;
        self.push_samples(&news, faults, now.monotonic);
        self.say_silence(&mut checks, now);
        self.checks = Some(checks);
    }

    /// All groups that there are, whether they could be judged or not.
    fn group_facts_of_all(&self) -> Vec<GroupFact<'_>> {
        let fact = |name| {
            let judged = self.groups.get(name);
            let late_ms = judged.and_then(|it| it.cells.late.age_ms());
            GroupFact { name, verdict: judged.and_then(Judged::verdict), late_ms }
        };
        self.cluster.groups.keys().map(|it| fact(it.as_str())).collect()
    }

    /// What only watching tells: when disks are full, and how moves get on.
    fn add_outlook(&self, facts: &mut Facts<'_>) {
        if let FactAnswer::Known(directories) = &mut facts.directories {
            for it in directories {
                let node = NodeId(it.broker);
                let broker = self.cluster.brokers.get(&node).filter(|of| of.is_up());
                let dir = broker.and_then(|of| of.dirs.get(it.path));
                it.full_in_ms = dir.and_then(|dir| self.disks.full_in(node, it.path, dir));
            }
        }
        if let FactAnswer::Known(moves) = &mut facts.moves {
            for (partition, it) in self.cluster.moves.iter().flatten() {
                let progress = self.moves.progress(&self.cluster, partition, &it.adding);
                moves.eta_ms = moves.eta_ms.max(progress.eta_ms);
                if progress.is_stalled {
                    moves.stalled.push(partition.clone());
                }
            }
        }
    }

    /// Whether the cluster has told what it holds.
    pub(crate) fn is_known(&self) -> bool {
        self.cluster.oldest(&[Kind::Metadata]).is_some()
    }

    /// When `renew` has something to do, if no answer comes before.
    pub(crate) fn next_renewal(&self) -> Option<Millis> {
        let Some(renewed) = self.renewed else { return self.news.since.map(|_| Millis(0)) };
        match self.news.since {
            Some(since) => Some((renewed + RENEW_MS).max(since + BURST_MS)),
            None => Some(renewed + RENEW_AGED_MS),
        }
    }

    /// How many checks and rules fire; `None` while nothing is known.
    pub(crate) fn badge(&self) -> Option<Badge> {
        self.checks.as_ref().map(|_| self.alerts.summary().badge)
    }

    /// Lets the rules look at what is known now. Once for each time that all was computed.
    pub(crate) fn alert(&mut self, now: Now) {
        let Some(checks) = &self.checks else { return };
        let wall = clocks(now).wall;
        let mut engine = std::mem::take(&mut self.alerts);
        if let Some(id) = &self.cluster.id {
            engine.know_cluster(id);
        }
        // Without rules nobody looks at it.
        let measured = match engine.rules().rules.is_empty() {
            true => Measured::nothing(),
            false => Measured::of(self, now),
        };
        let outgoing = engine.evaluate(now.monotonic, wall, &measured, checks);
        self.outgoing.extend(outgoing);
        self.alerts = engine;
    }

    /// For how many ms nobody answers, once that is too long.
    pub(crate) fn silent_ms(&self, now: Now) -> Option<u64> {
        let mut lanes = self.cluster.hearing.of_kind(Kind::Brokers).map(|it| it.1);
        let heard = lanes.find(|it| it.failing.is_some())?;
        let since = heard.answered.or(heard.failing.as_ref().map(|it| it.since))?;
        Some(now.monotonic - since).filter(|it| SILENT_MS <= *it)
    }

    /// While none answers, that is what is wrong with the brokers.
    fn say_silence(&self, checks: &mut [Check; 6], now: Now) {
        let Some(silent_ms) = self.silent_ms(now) else { return };
        let brokers = &mut checks[CheckKind::Brokers as usize];
        let text = format!("none answers for {}", figures::duration(silent_ms));
        let all = format!("all {}", self.cluster.brokers.len());
        brokers.level = Level::Bad;
        brokers.now = vec![Part { text, level: Level::Bad, is_spare: false }];
        brokers.worst = None;
        brokers.figure = Figure { subject: all, more: 0, value: "silent".to_owned(), limit: "up" };
        brokers.since = Millis(now.monotonic.0.saturating_sub(silent_ms));
    }

    /// What was asked for stands in the history.
    fn keep(&mut self, question: &Question, at: Millis) {
        match &question.ask {
            Ask::Offsets(WhichOffset::End, partitions) => {
                for it in partitions.iter() {
                    let end = self.cluster.partition(it).and_then(|it| it.end);
                    if let Some(end) = end.filter(|it| it.at == at) {
                        self.store.observe_end(at, it, end.value);
                    }
                }
            }
            Ask::Commits(groups) => groups.iter().for_each(|it| self.keep_commits(it, at)),
            Ask::ShareCommits(groups) => groups.iter().for_each(|it| self.keep_shares(it, at)),
            Ask::LogDirs => {
                if let Some(node) = question.lane.broker {
                    self.growth.observe(node, &self.cluster, at);
                    self.disks.observe(node, &self.cluster, at);
                }
                let _ = self.moves.observe(&self.cluster, at);
            }
            Ask::Moves if self.moves.observe(&self.cluster, at) == Ended::Some => {
                // Whether they are finished stands in who has replicas now.
                self.schedule.hurry(Kind::Metadata, at);
            }
            _ => {}
        }
    }

    fn keep_commits(&mut self, group: &str, at: Millis) {
        let commits = self.cluster.groups.get(group).and_then(|it| it.commits.as_ref());
        for (partition, it) in commits.into_iter().flatten().filter(|(_, it)| it.at == at) {
            self.store.observe_commit(at, group, partition, it.offset);
        }
    }

    fn keep_shares(&mut self, group: &str, at: Millis) {
        let shares = self.cluster.groups.get(group).and_then(|it| it.shares.as_ref());
        let Some(shares) = shares.filter(|it| it.at == at) else { return };
        for (partition, it) in &shares.value {
            if let Some(offset) = it.start {
                self.store.observe_commit(at, group, partition, offset);
            }
        }
    }

    /// Whether that is there which a series is of.
    pub(crate) fn has(&self, subject: &Subject) -> bool {
        match subject {
            Subject::Group(name) => self.cluster.groups.contains_key(name),
            Subject::Topic(name) => self.cluster.topics.contains_key(name),
            Subject::Broker(id) => self.cluster.brokers.contains_key(&NodeId(*id)),
            Subject::Total => true,
        }
    }

    fn group_names(&self) -> Vec<String> {
        self.cluster.groups.keys().cloned().collect()
    }

    fn topic_ids(&self) -> BTreeMap<String, kt_protocol::types::Uuid> {
        self.cluster.topics.iter().map(|(name, it)| (name.clone(), it.id)).collect()
    }

    /// What was sampled of a topic that is gone, or was made again, says nothing of its namesake.
    fn forget_others(&mut self, before: &BTreeMap<String, kt_protocol::types::Uuid>) {
        for (name, id) in before {
            match self.cluster.topics.get(name) {
                None => {
                    self.store.remove(&Subject::Topic(name.clone()));
                    self.growth.forget(name);
                    self.cluster.ages.forget(name);
                }
                Some(it) if it.id != *id && !id.is_zero() => {
                    self.store.forget_topic(name);
                    self.growth.forget(name);
                    self.cluster.ages.forget(name);
                }
                Some(_) => {}
            }
        }
    }

    /// The commit of a group's partition; of a share group its start offset.
    pub(crate) fn committed(&self, group: &str, at: &TopicPartition) -> Option<Offset> {
        self.cluster.groups.get(group)?.committed(at)
    }
}

impl News {
    /// Takes note of what was told, and by whom.
    fn note(&mut self, lane: Lane) {
        match lane.kind {
            Kind::LogEnds
            | Kind::LogStarts
            | Kind::Commits
            | Kind::ShareCommits
            | Kind::Ages
            | Kind::SubjectEnds
            | Kind::SubjectStableEnds
            | Kind::SubjectCommits => self.offsets = true,
            Kind::LogDirs | Kind::MovingLogDirs => self.sizes.extend(lane.broker),
            Kind::Quorum => self.quorum = true,
            Kind::Metadata
            | Kind::Groups
            | Kind::Members
            | Kind::Configs
            | Kind::SubjectPartitions => self.cluster = true,
            // A check looks at these, and nothing is computed from them before.
            Kind::Brokers | Kind::Moves | Kind::EntityConfigs => {}
        }
    }
}

#[cfg(test)]
mod tests;
