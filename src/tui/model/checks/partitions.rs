//! Whether all partitions can be written and read, and what of it is the fault of a lost broker.

use std::collections::BTreeSet;

use kt_protocol::types::TopicPartition;

use super::facts::PartitionFact;
use super::{Figure, Finding, Level, Part, Place, Worst};
use crate::tui::figures;

/// What is wrong with a partition, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    None,
    /// Replicas are out of sync only because their brokers are down: counted, and not marked.
    OutOfSyncByDown,
    OutOfSync,
    BelowMinIsr,
    Offline,
}

impl Fault {
    pub(crate) fn of(it: &PartitionFact<'_>, down: &BTreeSet<i32>) -> Fault {
        if it.leader.is_none() {
            return Fault::Offline;
        }
        // A partition cannot have more replicas in sync than it has.
        let least = it.min_isr.map_or(0, |least| least.min(it.replicas.len()));
        if it.isr.len() < least {
            return Fault::BelowMinIsr;
        }
        match (missing(it).next(), is_by_down(it, down)) {
            (None, _) => Fault::None,
            (Some(_), true) => Fault::OutOfSyncByDown,
            (Some(_), false) => Fault::OutOfSync,
        }
    }

    pub(crate) fn level(self) -> Level {
        match self {
            Fault::None | Fault::OutOfSyncByDown => Level::Ok,
            Fault::OutOfSync => Level::Warn,
            Fault::BelowMinIsr | Fault::Offline => Level::Bad,
        }
    }
}

fn missing<'a>(it: &PartitionFact<'a>) -> impl Iterator<Item = i32> + 'a {
    let (replicas, isr) = (it.replicas, it.isr);
    replicas.iter().filter(move |id| !isr.contains(id)).map(|id| id.0)
}

/// Whether each replica that is out of sync is on a broker that is down.
fn is_by_down(it: &PartitionFact<'_>, down: &BTreeSet<i32>) -> bool {
    missing(it).all(|id| down.contains(&id))
}

pub(super) fn look(partitions: &[PartitionFact<'_>], down: &BTreeSet<i32>) -> Finding {
    let (mut offline, mut below, mut out, mut by_down) = (0, 0, 0, 0);
    let mut causes = BTreeSet::new();
    let mut worst: Option<(Fault, &PartitionFact<'_>)> = None;
    for it in partitions {
        let fault = Fault::of(it, down);
        match fault {
            Fault::Offline => offline += 1,
            Fault::BelowMinIsr => below += 1,
            Fault::OutOfSync => out += 1,
            Fault::OutOfSyncByDown | Fault::None => {}
        }
        if missing(it).next().is_some() && is_by_down(it, down) {
            by_down += 1;
            causes.extend(missing(it));
        }
        if is_worse((fault, it), worst) {
            worst = Some((fault, it));
        }
    }
    let mut now = Vec::new();
    let mut tell = |level, count: u64, what: &str| {
        if 0 < count {
            now.push(Part::new(level, format!("{} {what}", figures::count(count))));
        }
    };
    tell(Level::Bad, offline, "offline");
    tell(Level::Bad, below, "<min isr");
    tell(Level::Warn, out, "urp");
    let causes: Vec<String> = causes.iter().map(ToString::to_string).collect();
    tell(Level::Ok, by_down, &format!("urp by {}", causes.join(",")));
    // What the lost broker explains makes way for what it does not.
    if 1 < now.len()
        && let Some(last) = now.last_mut().filter(|it| it.level == Level::Ok)
    {
        last.is_spare = true;
    }
    if now.is_empty() {
        let count = figures::count(partitions.len() as u64);
        now.push(Part::plain(format!("all {count} in sync")));
    }
    let worst = worst.map(|(_, it)| TopicPartition::new(it.topic, it.partition));
    let worst = worst.map(|it| Worst { text: it.to_string(), place: Place::Partition(it) });
    let figure = match (&worst, offline + below) {
        (None, _) => Figure::of_all(format!("all {}", partitions.len()), "0", "0"),
        (Some(it), 0) => figure(it, out, out, "urp"),
        (Some(it), bad) if offline == 0 => figure(it, bad, below, "min"),
        (Some(it), bad) => figure(it, bad, offline, "off"),
    };
    Finding::of(now, worst, figure)
}

/// Of so many that have the worst level, so many have the worst fault.
fn figure(worst: &Worst, marked: u64, faulty: u64, what: &str) -> Figure {
    let value = format!("{} {what}", figures::count(faulty));
    let more = marked.saturating_sub(1);
    Figure { more, ..Figure::of_all(worst.text.as_str(), value, "0") }
}

/// Only what is marked can be worst; of equals the first by name.
fn is_worse(
    (fault, it): (Fault, &PartitionFact<'_>),
    worst: Option<(Fault, &PartitionFact<'_>)>,
) -> bool {
    if fault.level() == Level::Ok {
        return false;
    }
    let name = (it.topic, it.partition);
    worst.is_none_or(|(most, known)| {
        most < fault || (most == fault && name < (known.topic, known.partition))
    })
}
