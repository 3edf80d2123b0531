//! The store and the history on disk: what goes there, and what comes back at the next start.

use kt_protocol::types::Millis;

use super::{Metric, Store, Subject};
use crate::tui::history::kept::PastLine;
use crate::tui::history::series::Reach;

impl Store {
    /// From now on series reach back for a week, as far as there is memory. To be said before the
    /// first sample.
    pub(crate) fn reach_a_week(&mut self) {
        self.reach = Reach::Week;
    }

    /// The means of the minute that begins then, of all series that were sampled in it.
    pub(crate) fn minute(&self, from: Millis) -> Vec<(Subject, Vec<(Metric, f32)>)> {
        let mut minute = Vec::new();
        for (subject, lines) in &self.lines {
            let means =
                lines.series.iter().filter_map(|(metric, it)| Some((*metric, it.minute(from)?)));
            let means: Vec<(Metric, f32)> = means.collect();
            if !means.is_empty() {
                minute.push((subject.clone(), means));
            }
        }
        minute
    }

    /// Takes over what an earlier run has kept of a subject, as far as there is memory: what is here
    /// already goes before it.
    pub(crate) fn recall(&mut self, now: Millis, past: PastLine) {
        let PastLine { subject, series } = past;
        for (metric, past) in series {
            if self.series(&subject, metric).is_none() && !self.begin(now, &subject, metric) {
                return;
            }
            let Some(lines) = self.lines.get_mut(&subject) else { return };
            lines.active = lines.active.max(past.active);
            if let Some((_, own)) = lines.series.iter_mut().find(|it| it.0 == metric) {
                own.recall(past, now);
            }
        }
    }
}
