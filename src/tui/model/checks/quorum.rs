//! Whether the metadata quorum has a leader and all its voters follow.

use std::collections::BTreeSet;

use super::facts::{QuorumFact, VoterFact};
use super::{Figure, Finding, Level, Part, Place, Worst};
use crate::tui::figures;

/// A voter that did not fetch for so long is not there, in ms.
const GONE_MS: u64 = 10_000;
/// A voter may be so many records behind.
const LAG_MOST: u64 = 100;

/// How a voter or observer follows the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Following {
    /// It is the leader.
    Leads,
    Follows,
    /// It has too few of the records.
    Lags,
    /// It does not fetch.
    Gone,
}

impl Following {
    pub(crate) fn of(it: &VoterFact, leader: Option<i32>) -> Following {
        match (it.last_fetch_ms, it.lag) {
            _ if Some(it.id) == leader => Following::Leads,
            (Some(GONE_MS..), _) | (None, None) => Following::Gone,
            (None, _) if it.is_timed => Following::Gone,
            // Where nobody tells when it fetched, what it has says whether it does.
            (_, lag) if lag.unwrap_or(0) <= LAG_MOST => Following::Follows,
            _ => Following::Lags,
        }
    }
}

impl QuorumFact {
    /// Voters that are there, the leader among them.
    pub(crate) fn there(&self) -> usize {
        let is_there = |it: &&VoterFact| Following::of(it, self.leader) != Following::Gone;
        self.voters.iter().filter(is_there).count()
    }

    /// How bad it is what a voter does. A broker that is down has its own mark, as long as the
    /// others are a majority.
    pub(crate) fn level_of(&self, voter: &VoterFact, down: &BTreeSet<i32>) -> Level {
        let has_majority = self.voters.len() < self.there() * 2;
        match Following::of(voter, self.leader) {
            Following::Leads | Following::Follows => Level::Ok,
            Following::Lags => Level::Warn,
            Following::Gone if !has_majority => Level::Bad,
            Following::Gone if down.contains(&voter.id) => Level::Ok,
            Following::Gone => Level::Warn,
        }
    }
}

pub(super) fn look(quorum: &QuorumFact, down: &BTreeSet<i32>) -> Finding {
    let Some(leader) = quorum.leader else {
        let text = format!("no leader  epoch {}", quorum.epoch);
        let figure = Figure::of_all("quorum", "no leader", "one");
        return Finding::of(vec![Part::new(Level::Bad, text)], None, figure);
    };
    let (all, there) = (quorum.voters.len(), quorum.there());
    let is_gone = |it: &&VoterFact| Following::of(it, quorum.leader) == Following::Gone;
    let level_of = |it: &VoterFact| quorum.level_of(it, down);
    let level = quorum.voters.iter().map(level_of).max().unwrap_or(Level::Ok);
    let slowest = quorum.voters.iter().filter(|it| !is_gone(it)).max_by_key(|it| it.lag);
    let lag = slowest.and_then(|it| it.lag).unwrap_or(0);
    let now = vec![
        Part::plain(format!("leader {leader}")),
        Part::plain(format!("epoch {}", quorum.epoch)),
        Part::new(level, format!("voters {there}/{all} lag {}", figures::count(lag))),
    ];
    // Of the worst those that are gone go before those that lag.
    let marked = || quorum.voters.iter().filter(|it| level != Level::Ok && level_of(it) == level);
    let gone = marked().filter(is_gone).min_by_key(|it| it.id);
    let worst = gone.or_else(|| slowest.filter(|_| marked().next().is_some())).map(|it| it.id);
    let worst = worst.map(|id| Worst { place: Place::Broker(id), text: format!("voter {id}") });
    let subject = worst.as_ref().map_or_else(|| leader.to_string(), |it| it.text.clone());
    let figure = match gone {
        None => Figure::of_all(subject, format!("lag {}", figures::count(lag)), "100"),
        Some(_) => Figure::of_worst(subject, all - there, "gone", "there"),
    };
    Finding::of(now, worst, figure)
}
