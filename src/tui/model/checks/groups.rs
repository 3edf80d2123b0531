//! Whether all groups keep up.

use super::facts::GroupFact;
use super::{Figure, Finding, Level, Part, Place, Worst};
use crate::group_verdict::Verdict;
use crate::tui::figures;

pub(super) fn look(groups: &[GroupFact<'_>]) -> Finding {
    if groups.is_empty() {
        let figure = Figure::of_all("no groups", "ok", "ok");
        return Finding::of(vec![Part::plain("no groups")], None, figure);
    }
    let level = |it: &GroupFact<'_>| it.verdict.map(|it| Level::from(it.level()));
    let mut now = Vec::new();
    for verdict in [Verdict::Lost, Verdict::Losing, Verdict::Stalled] {
        let count = groups.iter().filter(|it| it.verdict == Some(verdict)).count() as u64;
        if 0 < count {
            let text = format!("{} {}", figures::count(count), verdict.name());
            now.push(Part::new(Level::Bad, text));
        }
    }
    let warn = groups.iter().filter(|it| level(it) == Some(Level::Warn)).count() as u64;
    if 0 < warn {
        now.push(Part::new(Level::Warn, format!("{} warn", figures::count(warn))));
    }
    let unknown = groups.iter().filter(|it| it.verdict.is_none()).count();
    if unknown == groups.len() {
        return Finding::unknown(&format!("{} unknown", figures::count(unknown as u64)));
    }
    if now.is_empty() {
        now.push(Part::plain("none behind"));
    }
    if 0 < unknown {
        now.push(Part::plain(format!("{} unknown", figures::count(unknown as u64))));
    }
    now.push(Part::plain(format!("of {}", figures::count(groups.len() as u64))));
    let worst = worst(groups);
    let figure = match worst.and_then(|it| Some((it, it.verdict?))) {
        None => Figure::of_all(format!("all {}", groups.len()), "ok", "ok"),
        Some((it, verdict)) => {
            let alike = groups.iter().filter(|other| level(other) == level(it)).count();
            Figure::of_worst(it.name, alike, verdict.name(), "ok")
        }
    };
    let worst = worst.map(|it| it.name.to_owned());
    let worst = worst.map(|text| Worst { place: Place::Group(text.clone()), text });
    Finding::of(now, worst, figure)
}

fn worst<'a, 'b>(groups: &'a [GroupFact<'b>]) -> Option<&'a GroupFact<'b>> {
    let ailing = groups.iter().filter(|it| it.verdict.is_some_and(|it| it != Verdict::Ok));
    ailing.reduce(|worst, it| {
        let (most, more) = ((worst.verdict, worst.late_ms), (it.verdict, it.late_ms));
        if most < more || (most == more && it.name < worst.name) { it } else { worst }
    })
}
