//! Whether reassignments move on, and left nothing behind.

use super::facts::MovesFact;
use super::{Figure, Finding, Level, Part, Place, Worst};
use crate::tui::figures;
use crate::tui::model::throttles::Throttled;

pub(super) fn look(moves: &MovesFact) -> Finding {
    if moves.running == 0 {
        return at_rest(moves);
    }
    let mut now = vec![Part::plain(format!("{} run", figures::count(moves.running as u64)))];
    if !moves.stalled.is_empty() {
        let text = format!("{} stalled", figures::count(moves.stalled.len() as u64));
        now.push(Part::new(Level::Warn, text));
    }
    if let Some(left) = moves.left_bytes {
        now.push(Part::plain(format!("{} left", figures::bytes(left))));
    }
    if let Some(eta) = moves.eta_ms {
        now.push(Part::plain(format!("eta {}", figures::duration(eta))));
    }
    let worst = moves
        .stalled
        .iter()
        .min()
        .map(|it| Worst { place: Place::Partition(it.clone()), text: it.to_string() });
    let figure = match &worst {
        Some(it) => Figure::of_worst(&it.text, moves.stalled.len(), "stalled", "moving"),
        None => Figure::of_all("all", format!("{} run", moves.running), "moving"),
    };
    Finding::of(now, worst, figure)
}

/// A throttle without a move slows replication for nobody's good.
fn at_rest(moves: &MovesFact) -> Finding {
    let all = || Figure::of_all("all", "none", "none");
    let Some(throttled) = &moves.throttled else {
        // Nobody has looked for throttles, or not everywhere.
        return Finding::of(vec![Part::plain("none")], None, all());
    };
    let Some(first) = throttled.first() else {
        return Finding::of(vec![Part::plain("none; no throttle left behind")], None, all());
    };
    let text = match throttled.len() - 1 {
        0 => format!("none; throttle left on {first}"),
        more => format!("none; throttle left on {first} +{more}"),
    };
    let place = match first {
        Throttled::Topic(name) => Place::Topic(name.clone()),
        Throttled::Broker(id) => Place::Broker(*id),
    };
    let worst = Worst { place, text: first.to_string() };
    let figure = Figure::of_worst(first.to_string(), throttled.len(), "throttled", "none");
    Finding::of(vec![Part::new(Level::Warn, text)], Some(worst), figure)
}
