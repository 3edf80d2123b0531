//! Whether all groups keep up.

use super::facts::GroupFact;
use super::{Finding, Level, Part, Place, Worst};
use crate::group_verdict::Verdict;
use crate::tui::figures;

pub(super) fn look(groups: &[GroupFact<'_>]) -> Finding {
    if groups.is_empty() {
        return Finding::of(vec![Part::plain("no groups")], None);
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
    if now.is_empty() {
        now.push(Part::plain("none behind"));
    }
    now.push(Part::plain(format!("of {}", figures::count(groups.len() as u64))));
    Finding::of(now, worst(groups))
}

fn worst(groups: &[GroupFact<'_>]) -> Option<Worst> {
    let ailing = groups.iter().filter(|it| it.verdict.is_some_and(|it| it != Verdict::Ok));
    let worst = ailing.reduce(|worst, it| {
        let (most, more) = ((worst.verdict, worst.late_ms), (it.verdict, it.late_ms));
        if most < more || (most == more && it.name < worst.name) { it } else { worst }
    })?;
    Some(Worst { place: Place::Group(worst.name.to_owned()), text: worst.name.to_owned() })
}
