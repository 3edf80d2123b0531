//! How fresh what is known is: what is too old to judge by, and what was evaluated already.

use kt_protocol::types::Millis;

use super::{ALWAYS, Watch};
use crate::tui::model::checks::CheckKind;
use crate::tui::model::checks::rounds::Told;
use crate::tui::model::facts::Stale;
use crate::tui::model::schedule::Kind;

impl Watch {
    /// What was told before is more than two intervals old, as of the last renewal.
    pub(crate) fn fresh_since(&self, kind: Kind) -> Millis {
        self.fresh.get(&kind).copied().unwrap_or_default()
    }

    /// Computes that for all kinds: it is asked for each partition.
    pub(super) fn renew_fresh(&mut self, now: Millis) {
        let since = |kind| {
            let two = self.schedule.rhythm(kind).saturating_mul(2);
            (kind, Millis(now.0.saturating_sub(two)))
        };
        self.fresh = Kind::ALL.into_iter().map(since).collect();
    }

    /// What nobody has told for more than two intervals, and whose part of the rest is as old.
    pub(crate) fn stale(&self) -> Stale {
        let is_stale = |kind: &Kind| {
            let since = self.fresh_since(*kind);
            self.cluster.newest(*kind).is_some_and(|at| at < since)
        };
        let disks = self.fresh_since(Kind::LogDirs);
        Stale {
            kinds: ALWAYS.into_iter().filter(is_stale).collect(),
            disks_of: self.cluster.silent_since(Kind::LogDirs, disks),
        }
    }

    /// When the last round of answers came that a check is made of: each round is evaluated once.
    pub(super) fn told(&self, check: CheckKind) -> Option<Told> {
        let kinds: &[Kind] = match check {
            CheckKind::Brokers => &[Kind::Brokers],
            CheckKind::Partitions => &[Kind::Metadata],
            CheckKind::Quorum => &[Kind::Quorum],
            CheckKind::Disk => &[Kind::LogDirs],
            // Without groups nobody tells commits.
            CheckKind::Groups if self.cluster.groups.is_empty() => &[Kind::Groups],
            CheckKind::Groups => &[Kind::Commits, Kind::ShareCommits],
            CheckKind::Moves => &[Kind::Moves],
        };
        self.round_of(kinds)
    }

    /// When the last round of answers came, of any of these kinds.
    pub(crate) fn round_of(&self, kinds: &[Kind]) -> Option<Told> {
        let newest = |kind: &Kind| Some((self.cluster.newest(*kind)?, *kind));
        let (at, kind) = kinds.iter().filter_map(newest).max()?;
        // The brokers of one round do not answer at the same time.
        let round_ms = match kind {
            Kind::Brokers | Kind::Metadata | Kind::Quorum | Kind::Moves => 0,
            _ => self.schedule.rhythm(kind) / 2,
        };
        Some(Told { at, round_ms })
    }
}
