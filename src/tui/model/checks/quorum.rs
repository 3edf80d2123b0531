//! Whether the metadata quorum has a leader and all its voters follow.

use std::collections::BTreeSet;

use super::facts::{QuorumFact, VoterFact};
use super::{Figure, Finding, Level, Part, Place, Worst};
use crate::tui::figures;

/// A voter that did not fetch for so long is not there, in ms.
const GONE_MS: u64 = 10_000;
/// A voter may be so many records behind.
const LAG_MOST: u64 = 100;

pub(super) fn look(quorum: &QuorumFact, down: &BTreeSet<i32>) -> Finding {
    let Some(leader) = quorum.leader else {
        let text = format!("no leader  epoch {}", quorum.epoch);
        let figure = Figure::of_all("quorum", "no leader", "one");
        return Finding::of(vec![Part::new(Level::Bad, text)], None, figure);
    };
    let is_there =
        |it: &VoterFact| it.id == leader || it.last_fetch_ms.is_some_and(|it| it < GONE_MS);
    let all = quorum.voters.len();
    let there = quorum.voters.iter().filter(|it| is_there(it)).count();
    let gone = || quorum.voters.iter().filter(|it| !is_there(it));
    let voters = match all - there {
        0 => Level::Ok,
        _ if there * 2 <= all => Level::Bad,
        // The broker that is down has its own mark.
        _ if gone().all(|it| down.contains(&it.id)) => Level::Ok,
        _ => Level::Warn,
    };
    let slowest = quorum.voters.iter().filter(|it| is_there(it)).max_by_key(|it| it.lag);
    let lag = slowest.map_or(0, |it| it.lag);
    let lagging = if LAG_MOST < lag { Level::Warn } else { Level::Ok };
    let now = vec![
        Part::plain(format!("leader {leader}")),
        Part::plain(format!("epoch {}", quorum.epoch)),
        Part::new(voters.max(lagging), format!("voters {there}/{all} lag {}", figures::count(lag))),
    ];
    let worst = if voters != Level::Ok { gone().min_by_key(|it| it.id) } else { slowest };
    let worst = worst.filter(|_| voters.max(lagging) != Level::Ok).map(|it| it.id);
    let worst = worst.map(|id| Worst { place: Place::Broker(id), text: format!("voter {id}") });
    let subject = worst.as_ref().map_or_else(|| leader.to_string(), |it| it.text.clone());
    let figure = match voters {
        Level::Ok => Figure::of_all(subject, format!("lag {}", figures::count(lag)), "100"),
        _ => Figure::of_worst(subject, all - there, "gone", "there"),
    };
    Finding::of(now, worst, figure)
}
