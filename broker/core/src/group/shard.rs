//! One partition of `__consumer_offsets` as a state: its groups, their offsets, and its deadlines.

use std::collections::BTreeMap;

use kt_protocol::types::{Millis, Now, ProducerId};

use super::classic::{ClassicGroup, Step};
use super::config::GroupConfig;
use super::foreign::ForeignGroup;
use super::offsets::{DeletedTopic, ExpiryScan, Offsets, PendingTransactions};
use super::outcome::Outcome;
use super::wakes::Wakes;
use crate::random::Random;

/// A group of any kind.
#[derive(Clone, Debug)]
pub(crate) enum Group<T> {
    /// JoinGroup and SyncGroup, or offsets without members.
    Classic(Box<ClassicGroup<T>>),
    /// A kind that is not built yet.
    Foreign(ForeignGroup),
}

/// Whether the log is still being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Records come from the log.
    Loading,
    /// Records come from this shard's own decisions.
    Serving,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionResult {
    /// Its offsets count.
    Commit,
    /// They never were.
    Abort,
}

/// The coordinator of the groups of one partition. `T` is the owner's token of a request.
#[derive(Clone, Debug)]
pub struct Shard<T> {
    config: GroupConfig,
    random: Random,
    phase: Phase,
    groups: BTreeMap<String, Group<T>>,
    offsets: Offsets,
    transactions: PendingTransactions,
    /// When each group has something to do.
    wakes: Wakes,
    /// When offsets are looked through for old ones.
    expiry: ExpiryScan,
    /// Topics whose offsets are still to be deleted.
    deletions: Vec<DeletedTopic>,
}

impl<T> Shard<T> {
    /// An empty one, to which the log is to be replayed. `seed` makes member ids: it must differ
    /// from shard to shard and from load to load.
    pub fn new(config: GroupConfig, seed: u64) -> Shard<T> {
        Shard {
            config,
            random: Random::new(seed),
            phase: Phase::Loading,
            groups: BTreeMap::new(),
            offsets: Offsets::default(),
            transactions: PendingTransactions::default(),
            wakes: Wakes::default(),
            expiry: ExpiryScan::At(Millis(u64::MAX)),
            deletions: Vec::new(),
        }
    }

    /// The log has been replayed: the sessions of its members begin now. Call it once, before the
    /// first request.
    pub fn loaded(&mut self, now: Now) {
        assert!(self.phase == Phase::Loading, "a shard is loaded once");
        self.phase = Phase::Serving;
        self.expiry =
            ExpiryScan::At(now.monotonic + self.config.offsets_retention_check_interval_ms);
        let group_ids: Vec<String> = self.groups.keys().cloned().collect();
        for group_id in group_ids {
            let outcome = self.with_classic(now, &group_id, |group, step| group.on_loaded(step));
            debug_assert!(outcome.is_none_or(|it| it.is_empty()), "nobody has asked anything yet");
        }
    }

    /// Takes a changed configuration. Deadlines that are set stay as they are.
    pub fn set_config(&mut self, config: GroupConfig) {
        self.config = config;
    }

    /// What it is configured to.
    pub fn config(&self) -> &GroupConfig {
        &self.config
    }

    /// When [`Shard::on_deadline`] is to be called. It may be called earlier, to no effect.
    pub fn next_deadline(&self) -> Option<Millis> {
        if self.phase == Phase::Loading {
            return None;
        }
        let expiry = match &self.expiry {
            ExpiryScan::At(at) => *at,
            ExpiryScan::From(_) => Millis(0),
        };
        if !self.deletions.is_empty() {
            return Some(Millis(0));
        }
        Some(self.wakes.next().map_or(expiry, |it| it.min(expiry)))
    }

    /// Does what is due, at most one batch of it. The owner calls it again, after the append, while
    /// [`Shard::next_deadline`] has come.
    pub fn on_deadline(&mut self, now: Now) -> Outcome<T> {
        if self.phase == Phase::Loading {
            return Outcome::nothing();
        }
        if !self.deletions.is_empty() {
            return self.continue_deletions(now);
        }
        let mut all = Outcome::nothing();
        // Each group once: what it wants at once again comes with the next call.
        let mut due = self.wakes.take_due(now.monotonic).into_iter();
        while let Some(group_id) = due.next() {
            let outcome = self.with_classic(now, &group_id, |group, step| group.on_deadline(step));
            let Some(outcome) = outcome else { continue };
            all.answers.extend(outcome.answers);
            if !outcome.records.is_empty() {
                all.records = outcome.records;
                due.for_each(|it| self.wakes.no_later(&it, now.monotonic));
                return all;
            }
        }
        let is_expiry_due = match &self.expiry {
            ExpiryScan::At(at) => *at <= now.monotonic,
            ExpiryScan::From(_) => true,
        };
        if is_expiry_due {
            all.records = self.continue_expiry(now).records;
        }
        all
    }

    /// Lets a classic group act, and sees to it that it is woken in time. None if there is no such.
    pub(crate) fn with_classic(
        &mut self,
        now: Now,
        group_id: &str,
        act: impl FnOnce(&mut ClassicGroup<T>, &mut Step<'_, T>),
    ) -> Option<Outcome<T>> {
        let Some(Group::Classic(group)) = self.groups.get_mut(group_id) else { return None };
        let mut outcome = Outcome::nothing();
        let mut step = Step { config: &self.config, now, outcome: &mut outcome };
        act(group, &mut step);
        if let Some(at) = group.take_wake() {
            self.wakes.no_later(group_id, at);
        }
        Some(outcome)
    }

    /// A commit of a member says that it lives, but while the group shares out partitions.
    pub(crate) fn prolong_session(&mut self, now: Now, group_id: &str, member_id: &str) {
        let outcome = self.with_classic(now, group_id, |group, step| {
            group.prolong_by_commit(step, member_id);
        });
        debug_assert!(outcome.is_none_or(|it| it.is_empty()), "a session says nothing");
    }

    pub(crate) fn group(&self, group_id: &str) -> Option<&Group<T>> {
        self.groups.get(group_id)
    }

    /// The groups from this one on, in the order of their names.
    pub(crate) fn groups_from<'a>(
        &'a self,
        first: &str,
    ) -> impl Iterator<Item = (&'a str, &'a Group<T>)> + 'a {
        self.groups.range(first.to_owned()..).map(|(group_id, group)| (group_id.as_str(), group))
    }

    pub(crate) fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    pub(crate) fn transactions(&self) -> &PendingTransactions {
        &self.transactions
    }

    pub(crate) fn deletions_mut(&mut self) -> &mut Vec<DeletedTopic> {
        &mut self.deletions
    }

    pub(crate) fn expiry(&self) -> &ExpiryScan {
        &self.expiry
    }

    pub(crate) fn set_expiry(&mut self, expiry: ExpiryScan) {
        self.expiry = expiry;
    }

    pub(crate) fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn offsets_mut(&mut self) -> &mut Offsets {
        &mut self.offsets
    }

    pub(crate) fn transactions_mut(&mut self) -> &mut PendingTransactions {
        &mut self.transactions
    }

    /// Puts a group in, instead of what had its name.
    pub(crate) fn insert_group(&mut self, group_id: &str, group: Group<T>) {
        self.wakes.remove(group_id);
        self.groups.insert(group_id.to_owned(), group);
    }

    pub(crate) fn remove_group(&mut self, group_id: &str) {
        self.wakes.remove(group_id);
        self.groups.remove(group_id);
    }

    pub(crate) fn group_mut(&mut self, group_id: &str) -> Option<&mut Group<T>> {
        self.groups.get_mut(group_id)
    }

    /// What a transaction's producer had pending.
    pub(crate) fn take_transaction(&mut self, producer_id: ProducerId) -> Offsets {
        self.transactions.end(producer_id)
    }
}
