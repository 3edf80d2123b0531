//! What blocks tell of the past, as the rings that charts are drawn from.

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::types::{Millis, Now};

use super::Block;
use crate::tui::history::series::PastSeries;
use crate::tui::history::store::{HARD_CAP_BYTES, Metric, Subject};
use crate::tui::history::window::OLDEST_MS;

/// The past of one subject.
#[derive(Debug)]
pub(crate) struct PastLine {
    pub(crate) subject: Subject,
    pub(crate) series: Vec<(Metric, PastSeries)>,
}

/// The past, while it is read. It may take as much memory as what it will become.
#[derive(Debug)]
pub(crate) struct Past {
    now: Now,
    /// What is there today. The past of others is not shown anywhere.
    alive: BTreeSet<Subject>,
    lines: BTreeMap<Subject, BTreeMap<Metric, PastSeries>>,
    bytes: usize,
}

const MINUTE_MS: i64 = 60_000;

impl Past {
    /// An empty one, as seen from `now`.
    pub(crate) fn new(now: Now, alive: BTreeSet<Subject>) -> Past {
        Past { now, alive, lines: BTreeMap::new(), bytes: 0 }
    }

    /// Whether a block that begins with this minute can have something of use.
    pub(crate) fn wants(&self, first: i64) -> bool {
        let oldest = self.now.wall.0.saturating_sub_unsigned(OLDEST_MS);
        // Blocks are short, and those of the future are looked at minute by minute.
        first.saturating_add(60).saturating_mul(MINUTE_MS) >= oldest
    }

    /// Takes over a block. They come in the order in which they were written: where the clock was
    /// set back, what was written first stands.
    pub(crate) fn add(&mut self, block: &Block) {
        for line in block.lines.iter().filter(|it| self.alive.contains(&it.subject)) {
            let is_new =
                self.lines.get(&line.subject).is_none_or(|it| !it.contains_key(&line.metric));
            if is_new {
                if HARD_CAP_BYTES < self.bytes + PastSeries::BYTES {
                    continue;
                }
                self.bytes += PastSeries::BYTES;
                let of_subject = self.lines.entry(line.subject.clone()).or_default();
                of_subject.insert(line.metric, PastSeries::default());
            }
            let of_subject = self.lines.get_mut(&line.subject);
            let Some(series) = of_subject.and_then(|it| it.get_mut(&line.metric)) else { continue };
            for (index, value) in (0..).zip(&line.values) {
                // Whatever a file says is its first minute.
                let minute = block.first.checked_add(index);
                if let Some(at) = minute.and_then(|it| at(self.now, it)) {
                    series.push(at, *value);
                }
            }
        }
    }

    /// All of it, the most wanted subjects first.
    pub(crate) fn into_lines(self) -> impl Iterator<Item = PastLine> {
        let lines = self.lines.into_iter().rev();
        lines.map(|(subject, it)| PastLine { subject, series: it.into_iter().collect() })
    }
}

/// The middle of a minute by our own clock; `None` if it has not come, or lies before that clock.
fn at(now: Now, minute: i64) -> Option<Millis> {
    let middle = minute.checked_mul(MINUTE_MS)?.checked_add(MINUTE_MS / 2)?;
    let ago = now.wall.0.checked_sub(middle)?;
    if ago < -MINUTE_MS / 2 {
        return None;
    }
    let ago = u64::try_from(ago).unwrap_or(0);
    now.monotonic.0.checked_sub(ago).map(Millis)
}
