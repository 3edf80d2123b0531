//! Whether any log directory is nearly full, or gone.

use super::facts::DirectoryFact;
use super::{Figure, Finding, Level, Part, Place, Worst};
use crate::tui::figures;

const WARN_SHARE: f64 = 0.80;
const BAD_SHARE: f64 = 0.90;

pub(super) fn look(directories: &[DirectoryFact<'_>]) -> Finding {
    // What was bad when it was told last stays so.
    let is_bad =
        |it: &DirectoryFact<'_>| it.is_offline || it.used.is_some_and(|it| BAD_SHARE <= it);
    let (counted, unknown): (Vec<&DirectoryFact<'_>>, Vec<_>) =
        directories.iter().partition(|it| !it.is_stale || is_bad(it));
    let unknown = figures::count(unknown.len() as u64);
    let says = || format!("{unknown} unknown");
    if counted.is_empty() && !directories.is_empty() {
        return Finding::unknown(&says());
    }
    let mut finding = look_at(&counted);
    if counted.len() < directories.len() {
        finding.now.push(Part::plain(says()));
    }
    finding
}

fn look_at(directories: &[&DirectoryFact<'_>]) -> Finding {
    let all = directories.iter().copied();
    let offline: Vec<&DirectoryFact<'_>> = all.clone().filter(|it| it.is_offline).collect();
    let known = all.filter(|it| !it.is_offline && it.used.is_some());
    let fullest = known.reduce(|fullest, it| if fullest.used < it.used { it } else { fullest });
    let mut now = Vec::new();
    if !offline.is_empty() {
        let text = format!("{} offline", figures::count(offline.len() as u64));
        now.push(Part::new(Level::Bad, text));
    }
    if let Some((it, used)) = fullest.and_then(|it| Some((it, it.used?))) {
        let share = figures::share(used);
        let text = match it.full_in_ms {
            Some(left) => format!("fullest {share}, full in {}", figures::duration(left)),
            None => format!("fullest {share}"),
        };
        now.push(Part::new(level(used), text));
    }
    if now.is_empty() {
        now.push(Part::plain("no broker tells how full its disks are"));
    }
    let worst = offline.first().copied().or(fullest).map(|it| Worst {
        place: Place::Directory(it.broker, it.path.to_owned()),
        text: format!("{} {}", it.broker, it.path),
    });
    let figure = figure(directories, &offline, fullest, worst.as_ref());
    Finding::of(now, worst, figure)
}

fn figure(
    directories: &[&DirectoryFact<'_>],
    offline: &[&DirectoryFact<'_>],
    fullest: Option<&DirectoryFact<'_>>,
    worst: Option<&Worst>,
) -> Figure {
    let subject = worst.map_or_else(|| format!("all {}", directories.len()), |it| it.text.clone());
    if !offline.is_empty() {
        return Figure::of_worst(subject, offline.len(), "offline", "online");
    }
    let Some(used) = fullest.and_then(|it| it.used) else {
        return Figure::of_all(subject, "–", "80%");
    };
    let limit = if BAD_SHARE <= used { "90%" } else { "80%" };
    let is_alike = |it: &&&DirectoryFact<'_>| it.used.is_some_and(|it| level(it) == level(used));
    match level(used) {
        Level::Ok => Figure::of_all(subject, figures::share(used), limit),
        _ => {
            let count = directories.iter().filter(is_alike).count();
            Figure::of_worst(subject, count, figures::share(used), limit)
        }
    }
}

/// Of a used share, 0 to 1.
pub(super) fn level(used: f64) -> Level {
    match used {
        _ if BAD_SHARE <= used => Level::Bad,
        _ if WARN_SHARE <= used => Level::Warn,
        _ => Level::Ok,
    }
}
