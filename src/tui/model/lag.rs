//! The cells of the lag table: how far a group is behind, and what comes of it.
//!
//! What lag, age and verdict are is said in `group_lag` and `group_verdict`, which the commands
//! share; here is what only watching can tell: slopes, rates, and what will be lost.

mod expires;
mod late;
mod reason;
mod trend;

use std::ops::Deref;

use jiff::Timestamp;
use kt_protocol::types::{Millis, Offset, TopicPartition};

pub(crate) use self::expires::{Expires, Retention};
pub(crate) use self::late::{Late, Probe};
pub(crate) use self::trend::Trend;
use crate::group_lag;
use crate::group_verdict::{LATE_MS, Symptoms, Verdict};
use crate::tui::history::{AppendedAt, CommittedHistory, EndHistory, Rate};

/// What is known of a partition that a group reads or has committed. A partition that was deleted
/// is left out: what was committed of it means nothing.
#[derive(Clone, Debug)]
pub(crate) struct PartitionFacts {
    pub(crate) at: TopicPartition,
    /// The commit; of a share group its start offset.
    pub(crate) committed: Option<Offset>,
    pub(crate) start: Option<Offset>,
    /// The high watermark.
    pub(crate) end: Option<Offset>,
    /// When the record at the commit was written, of our own history, while it is not read.
    pub(crate) appended: AppendedAt,
    /// The first end that our history knows, if a record was read that is older than that.
    pub(crate) earliest: Option<(Millis, Offset)>,
    /// The last record that was read to learn its time.
    pub(crate) probe: Option<Probe>,
    pub(crate) read: Rate,
    pub(crate) incoming: Rate,
    /// For how long the commit did not move, in ms.
    pub(crate) unmoved_ms: Option<u64>,
    pub(crate) is_rewound: bool,
    pub(crate) retention: Retention,
    /// Of the leader's replica.
    pub(crate) size_bytes: Option<u64>,
    /// Nobody leads it, so nobody tells its end.
    pub(crate) is_offline: bool,
}

/// What is known of a group.
#[derive(Clone, Debug)]
pub(crate) struct GroupFacts {
    pub(crate) kind: GroupKind,
    pub(crate) members: usize,
    pub(crate) partitions: Vec<PartitionFacts>,
    /// Samples of the whole lag with their times.
    pub(crate) lag_samples: Vec<(Millis, f32)>,
    /// `None` if the user made no rule for this group.
    pub(crate) rule: Option<BehindRule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupKind {
    Committing,
    /// It has start offsets and a backlog, and never a commit.
    Share,
}

/// When the user calls a group behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BehindRule {
    /// More records than this.
    pub(crate) lag: Option<i64>,
    /// Later than this, in ms.
    pub(crate) late_ms: Option<u64>,
}

/// Both clocks: ours for what we saw, the wall's for what records say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    pub(crate) monotonic: Millis,
    pub(crate) wall: Timestamp,
}

/// Records that are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lag {
    Records(i64),
    /// No partition has a commit.
    NoCommit,
    /// An end is not known.
    Unknown,
}

/// When all will be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eta {
    /// Nothing is unread.
    Done,
    /// In ms.
    In(u64),
    /// Reading is not faster than writing.
    Never,
    /// Nothing is read.
    Stop,
    NotYet,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cells {
    pub(crate) lag: Lag,
    /// `None` if it is not known.
    pub(crate) trend: Option<Trend>,
    pub(crate) late: Late,
    pub(crate) read: Rate,
    pub(crate) incoming: Rate,
    pub(crate) eta: Eta,
    pub(crate) expires: Expires,
    /// Partitions without a commit.
    pub(crate) no_commit: usize,
    /// `None` while it depends on what is not measured yet.
    pub(crate) verdict: Option<Verdict>,
    /// The partition that the verdict is about; while there is none, the one to be looked at.
    pub(crate) worst: Option<TopicPartition>,
}

/// A group whose commits do not move for so long is stalled, in ms.
const STALLED_MS: u64 = 60_000;

impl PartitionFacts {
    /// Takes over what our own history tells of it, as of ends since then. Comes after the commit is
    /// set.
    pub(crate) fn watched(
        mut self,
        now: Millis,
        since: Millis,
        ends: Option<&EndHistory>,
        commits: Option<&CommittedHistory>,
    ) -> PartitionFacts {
        if let Some(ends) = ends {
            self.incoming = ends.rate(since);
            // Nobody asks when what is read was written, and it is a search.
            if let Some(committed) = self.committed.filter(|_| self.is_behind()) {
                self.appended = ends.appended_at(committed);
            }
            if self.probe.is_some() && matches!(self.appended, AppendedAt::Before(_)) {
                self.earliest = ends.earliest();
            }
        }
        if let Some(commits) = commits {
            self.read = commits.rate();
            self.unmoved_ms = commits.unmoved_ms();
            self.is_rewound = commits.is_rewound(now);
        }
        self
    }

    /// In records; `None` without a commit or a known end.
    pub(crate) fn lag(&self) -> Option<i64> {
        Some(group_lag::unread(self.committed?, self.end?))
    }

    fn trend(&self) -> Option<Trend> {
        let (lag, read) = (self.lag()? as f64, self.read.per_second()?);
        Some(Trend::of_rates(lag, read, self.incoming.per_second()?))
    }

    fn is_behind(&self) -> bool {
        self.lag().is_some_and(|it| 0 < it)
    }

    /// For how long the oldest unread record waits, in ms, as far as we watched: its own timestamp
    /// may be older than its arrival.
    fn waits_ms(&self, now: Millis) -> u64 {
        match self.appended {
            AppendedAt::At(at) | AppendedAt::Before(at) if self.is_behind() => now - at,
            _ => 0,
        }
    }
}

impl GroupFacts {
    /// The row of the group.
    pub(crate) fn cells(&self, now: Clocks) -> Cells {
        let mut partitions: Vec<Aged<'_>> =
            self.partitions.iter().map(|it| Aged::of(it, now)).collect();
        // Sums of fractions depend on their order, and a row must not.
        partitions.sort_by(|a, b| a.at.cmp(&b.at));
        Look { group: self, partitions, now }.cells()
    }

    /// The rows of all its partitions, by the same rules. Whether the lag of one grows is told by
    /// how fast it is written and read.
    pub(crate) fn each_partition(
        &self,
        now: Clocks,
    ) -> impl Iterator<Item = (&PartitionFacts, Cells)> {
        self.partitions.iter().map(move |it| {
            let mut cells = Look { group: self, partitions: vec![Aged::of(it, now)], now }.cells();
            cells.trend = it.trend();
            (it, cells)
        })
    }

    #[cfg(test)]
    /// The row of one of its partitions, by the same rules.
    pub(crate) fn partition_cells(&self, at: &TopicPartition, now: Clocks) -> Option<Cells> {
        let partition = self.partitions.iter().find(|it| it.at == *at)?;
        let mut look =
            Look { group: self, partitions: vec![Aged::of(partition, now)], now }.cells();
        // The samples are those of the whole group.
        look.trend = None;
        Some(look)
    }
}

/// What is not known stands before any lag that is.
const OPEN_FIRST: u64 = 1 << 63;

/// One look at a group.
struct Look<'a> {
    group: &'a GroupFacts,
    partitions: Vec<Aged<'a>>,
    now: Clocks,
}

/// A partition, and what follows from the age of what is not read.
#[derive(Clone, Copy)]
struct Aged<'a> {
    facts: &'a PartitionFacts,
    late: Late,
    expires: Expires,
}

impl Aged<'_> {
    fn of(facts: &PartitionFacts, now: Clocks) -> Aged<'_> {
        let late = late::of(facts, now);
        Aged { facts, late, expires: expires::of(facts, late) }
    }
}

impl Deref for Aged<'_> {
    type Target = PartitionFacts;

    fn deref(&self) -> &PartitionFacts {
        self.facts
    }
}

impl Look<'_> {
    fn cells(&self) -> Cells {
        let lag = self.lag();
        let committed = || self.partitions.iter().filter(|it| it.committed.is_some());
        let read = sum(committed().map(|it| it.read));
        let incoming = sum(committed().map(|it| it.incoming));
        let eta = eta(lag, self.read_of_all(read), incoming);
        let late = late::worst(self.partitions.iter().map(|it| it.late));
        let expires = expires::least(self.partitions.iter().map(|it| it.expires));
        let no_commit = match self.group.kind {
            GroupKind::Committing => self.partitions.len() - committed().count(),
            GroupKind::Share => 0,
        };
        let trend = trend::of(&self.group.lag_samples);
        let verdict = self.verdict(lag, eta, expires);
        let worst = self.worst(verdict);
        Cells { lag, trend, late, read, incoming, eta, expires, no_commit, verdict, worst }
    }

    /// How fast it reads, once that is measured of all that it lags in: less than all would say that
    /// it does not keep up.
    fn read_of_all(&self, read: Rate) -> Rate {
        let lacks = |it: &Aged<'_>| it.is_behind() && it.read.per_second().is_none();
        if self.partitions.iter().any(lacks) { Rate::NotYet } else { read }
    }

    fn lag(&self) -> Lag {
        let mut total = Lag::NoCommit;
        let mut is_hidden = false;
        for it in self.partitions.iter().filter(|it| it.committed.is_some()) {
            let Some(lag) = it.lag() else {
                // What nobody can tell now does not hide what is known of the others.
                if it.is_offline {
                    is_hidden = true;
                    continue;
                }
                return Lag::Unknown;
            };
            let so_far = if let Lag::Records(so_far) = total { so_far } else { 0 };
            total = Lag::Records(so_far.saturating_add(lag));
        }
        if is_hidden && total == Lag::NoCommit {
            return Lag::Unknown;
        }
        total
    }

    fn verdict(&self, lag: Lag, eta: Eta, expires: Expires) -> Option<Verdict> {
        let records = match lag {
            Lag::Records(records) => records,
            Lag::NoCommit => 0,
            Lag::Unknown => return None,
        };
        let can_rewind = self.group.kind == GroupKind::Committing;
        let symptoms = Symptoms {
            is_behind: self.is_behind(records),
            is_stopped: Symptoms::is_stopped(self.group.members, records),
            is_rewound: can_rewind && self.partitions.iter().any(|it| it.is_rewound),
            is_stalled: self.is_stalled(records),
            is_losing: is_losing(self.endangered(), eta),
            is_lost: matches!(expires, Expires::Lost(_)),
        };
        symptoms.verdict()
    }

    /// Until retention deletes what it has let wait for long.
    fn endangered(&self) -> Expires {
        let worn = self.partitions.iter().filter(|it| expires::is_worn(it, it.late));
        expires::least(worn.map(|it| it.expires))
    }

    fn is_behind(&self, lag: i64) -> Option<bool> {
        let limit = match self.group.rule {
            Some(rule) => {
                if rule.lag.is_some_and(|it| it < lag) {
                    return Some(true);
                }
                let Some(late) = rule.late_ms else { return Some(false) };
                late
            }
            None => LATE_MS.unsigned_abs(),
        };
        late::is_any_over(limit, self.partitions.iter().map(|it| it.late))
    }

    fn is_stalled(&self, lag: i64) -> bool {
        let mut committed = self.partitions.iter().filter(|it| it.committed.is_some());
        self.group.members != 0
            && 0 < lag
            && committed.all(|it| it.unmoved_ms.is_some_and(|it| STALLED_MS <= it))
            && self.partitions.iter().any(|it| STALLED_MS <= it.waits_ms(self.now.monotonic))
    }

    /// The partition that a verdict is about: the first of the worst ones. Without a verdict the one
    /// whose age, once it is read, will most likely tell.
    fn worst(&self, verdict: Option<Verdict>) -> Option<TopicPartition> {
        let badness = |it: &Aged<'_>| {
            let lag = it.lag().unwrap_or_default().unsigned_abs();
            match verdict {
                None if it.late.is_open() => lag.saturating_add(OPEN_FIRST),
                None | Some(Verdict::Ok | Verdict::Stopped | Verdict::Stalled) => lag,
                Some(Verdict::Behind) => it.late.age_ms().unwrap_or_default(),
                Some(Verdict::Rewound) if it.is_rewound => lag.saturating_add(1),
                Some(Verdict::Rewound) => 0,
                Some(Verdict::Losing | Verdict::Lost) => it.expires.urgency(),
            }
        };
        let mut worst: Option<(u64, &Aged<'_>)> = None;
        for it in &self.partitions {
            let bad = badness(it);
            if worst.map_or(0, |it| it.0) < bad {
                worst = Some((bad, it));
            }
        }
        worst.map(|it| it.1.at.clone())
    }
}

/// Of those that are measured.
fn sum(rates: impl Iterator<Item = Rate>) -> Rate {
    let measured = rates.filter_map(Rate::per_second);
    measured.reduce(|sum, it| sum + it).map_or(Rate::NotYet, Rate::PerSecond)
}

fn eta(lag: Lag, read: Rate, incoming: Rate) -> Eta {
    let records = match lag {
        Lag::Records(0) | Lag::NoCommit => return Eta::Done,
        Lag::Records(records) => records as f64,
        Lag::Unknown => return Eta::NotYet,
    };
    let (Some(read), Some(incoming)) = (read.per_second(), incoming.per_second()) else {
        return Eta::NotYet;
    };
    if read <= 0.0 {
        return Eta::Stop;
    }
    if read <= incoming * FASTER {
        return Eta::Never;
    }
    // A cast of what is too large gives the largest.
    Eta::In((records * 1_000.0 / (read - incoming)) as u64)
}

/// Means of 30 s of a reader that keeps up differ from those of the writers by less: how long it
/// needs would be a number of noise, sixteen days as soon as never.
const FASTER: f64 = 1.01;

const HOUR_MS: u64 = 3_600_000;

fn is_losing(expires: Expires, eta: Eta) -> bool {
    let Expires::In(left) = expires else { return false };
    let soon = match eta {
        Eta::In(eta) => left < eta,
        Eta::Never | Eta::Stop => left < 24 * HOUR_MS,
        Eta::Done | Eta::NotYet => false,
    };
    left < HOUR_MS || soon
}

#[cfg(test)]
mod tests;
