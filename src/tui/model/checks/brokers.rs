//! Whether all brokers are there.

use super::facts::{BrokerFact, BrokerState};
use super::{Figure, Finding, Level, Part, Place, Rise, Worst};
use crate::tui::figures;

pub(super) fn look(brokers: &[BrokerFact<'_>]) -> Finding {
    let mut brokers: Vec<&BrokerFact<'_>> = brokers.iter().collect();
    brokers.sort_by_key(|it| it.id);
    let ids = |is_wanted: fn(BrokerState) -> bool| {
        let wanted = brokers.iter().filter(|it| is_wanted(it.state));
        wanted.map(|it| it.id.to_string()).collect::<Vec<_>>().join(" ")
    };
    let up = brokers.iter().filter(|it| it.state == BrokerState::Up).count();
    let mut now = vec![Part::plain(format!("{up} of {} up", brokers.len()))];
    if 0 < up {
        let text = format!("{} ok", ids(|it| it == BrokerState::Up));
        now.push(Part { is_spare: true, ..Part::plain(text) });
    }
    let down = ids(|it| matches!(it, BrokerState::Down { .. }));
    if !down.is_empty() {
        now.push(Part::new(Level::Bad, format!("{down} DOWN")));
    }
    let fenced = ids(|it| it == BrokerState::Fenced);
    if !fenced.is_empty() {
        now.push(Part::new(Level::Warn, format!("{fenced} fenced")));
    }
    if brokers.is_empty() {
        return Finding::unknown("no broker is known");
    }
    let rise = if down.is_empty() { Rise::Held } else { Rise::AtOnce };
    let worst = worst(&brokers);
    let figure = figure(&brokers, worst.as_ref());
    Finding { rise, ..Finding::of(now, worst, figure) }
}

fn figure(brokers: &[&BrokerFact<'_>], worst: Option<&Worst>) -> Figure {
    let Some(Worst { place: Place::Broker(id), .. }) = worst else {
        return Figure::of_all(format!("all {}", brokers.len()), "up", "up");
    };
    let is_down = |it: &&&BrokerFact<'_>| matches!(it.state, BrokerState::Down { .. });
    let subject = format!("broker {id}");
    match brokers.iter().filter(is_down).count() {
        0 => {
            let fenced = brokers.iter().filter(|it| it.state == BrokerState::Fenced).count();
            Figure::of_worst(subject, fenced, "fenced", "up")
        }
        down => Figure::of_worst(subject, down, "down", "up"),
    }
}

/// The one that is down for the longest, else one that is fenced.
fn worst(brokers: &[&BrokerFact<'_>]) -> Option<Worst> {
    let mut worst: Option<(u64, &BrokerFact<'_>)> = None;
    for it in brokers {
        let bad = match it.state {
            BrokerState::Up => 0,
            BrokerState::Fenced => 1,
            BrokerState::Down { since_ms } => since_ms.saturating_add(2),
        };
        if worst.map_or(0, |it| it.0) < bad {
            worst = Some((bad, it));
        }
    }
    let (_, broker) = worst?;
    let mut text = match broker.host {
        "" => broker.id.to_string(),
        host => format!("{} {host}:{}", broker.id, broker.port),
    };
    if let BrokerState::Down { since_ms } = broker.state {
        text = format!("{text} {}", figures::duration(since_ms));
    }
    Some(Worst { place: Place::Broker(broker.id), text })
}
