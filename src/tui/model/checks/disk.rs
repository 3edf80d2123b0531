//! Whether any log directory is nearly full, or gone.

use super::facts::DirectoryFact;
use super::{Finding, Level, Part, Place, Worst};
use crate::tui::figures;

const WARN_SHARE: f64 = 0.80;
const BAD_SHARE: f64 = 0.90;

pub(super) fn look(directories: &[DirectoryFact<'_>]) -> Finding {
    let offline: Vec<&DirectoryFact<'_>> = directories.iter().filter(|it| it.is_offline).collect();
    let known = directories.iter().filter(|it| !it.is_offline && it.used.is_some());
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
    Finding::of(now, worst)
}

/// Of a used share, 0 to 1.
pub(super) fn level(used: f64) -> Level {
    match used {
        _ if BAD_SHARE <= used => Level::Bad,
        _ if WARN_SHARE <= used => Level::Warn,
        _ => Level::Ok,
    }
}
