//! Takes over what was found on the disk, and puts the cursor where it was to go.

use kt_protocol::types::Now;

use super::looking::{BatchLine, Goal, Look, Looked, SegmentLine};
use super::{AGAIN_MS, BATCHES_MAX, Depth, Segments};
use crate::tui::model::listing::List as _;
use crate::tui::model::rows::Step;
use crate::tui::model::screens::records::shape;

impl Segments {
    /// Takes over what was found.
    pub(crate) fn take(&mut self, generation: u64, looked: Looked, now: Now) {
        let looking = self.looking.take();
        if generation != self.generation {
            return;
        }
        match looked {
            Looked::Segments { lines, log_end, directory } => {
                self.directory = Some(directory);
                self.take_segments(lines, log_end, now);
            }
            Looked::Batches { lines, more_at, found } => {
                (self.failed, self.again) = (None, None);
                let known: Vec<BatchLine> = self.batches.all().cloned().collect();
                // Pages are of bounded length, and so is what is kept of them.
                let kept = if BATCHES_MAX <= known.len() { Vec::new() } else { known };
                let first = lines.first().map(|it| it.name.clone());
                if kept.is_empty() {
                    self.batches.clear();
                }
                self.batches.take(now.monotonic, kept.into_iter().chain(lines));
                self.more_at = more_at;
                self.seek_batch(first, found);
            }
            Looked::Records(lines) => {
                self.records.clear();
                self.records.take(now.monotonic, lines);
                self.depth = Depth::Records;
                self.scrolled = 0;
            }
            Looked::Bytes { position, bytes } => {
                self.bytes = shape::hex_from(position, &bytes);
                self.depth = Depth::Bytes;
                self.scrolled = 0;
            }
            Looked::NoData => self.has_data = Some(false),
            // Looked at again if it is wanted again.
            Looked::Stopped => self.of_segment = None,
            Looked::Failed(why) => {
                // The reason stands behind the path, and is what must be seen of a long one.
                let directory = self.directory.as_ref().map(|it| format!("{it}/"));
                self.failed = Some(match directory {
                    Some(it) => why.replace(&it, ""),
                    None => why,
                });
                self.look_again(looking.as_ref(), now);
            }
        }
    }

    /// What could not be looked at is looked at again, after a while.
    fn look_again(&mut self, looking: Option<&Look>, now: Now) {
        match looking {
            Some(Look::Batches { base, position, goal, .. }) if self.of_segment == Some(*base) => {
                self.again = Some((*base, now.monotonic + AGAIN_MS));
                match (position, goal) {
                    (0, _) | (_, Some(_)) => self.of_segment = None,
                    (position, None) => self.more_at = Some(*position),
                }
            }
            Some(Look::Segments { .. }) | None => self.looked = Some(now.monotonic),
            // It is asked for by a key.
            Some(_) => {}
        }
    }

    fn take_segments(&mut self, lines: Vec<SegmentLine>, log_end: Option<i64>, now: Now) {
        let is_first = !self.is_known;
        (self.has_data, self.is_known, self.failed) = (Some(true), true, None);
        self.looked = Some(now.monotonic);
        self.log_end = log_end;
        // The last one grows: what is shown of it is looked at again where it is read on.
        self.segments.take(now.monotonic, lines);
        if is_first {
            self.segments.go(Step::Last);
        }
        if let Some(name) = self.goal().and_then(|it| self.segment_of(it)) {
            self.segments.seek(&name);
        }
    }

    /// The segment that has the goal, or the one nearest to it.
    fn segment_of(&self, goal: Goal) -> Option<String> {
        let mut all: Vec<&SegmentLine> = self.segments.all().collect();
        all.sort_by_key(|it| it.base_offset);
        let found = match goal {
            Goal::Offset(offset) => {
                let before = all.iter().rfind(|it| it.base_offset <= offset);
                before.or(all.first())
            }
            Goal::Time(time) => {
                let behind = all.iter().skip(1).map(|it| it.first).chain([None]);
                let has = |(it, behind): &(&&SegmentLine, Option<i64>)| {
                    // Of what has no index, the segment behind it tells.
                    it.last.or(*behind).is_none_or(|last| time <= last)
                };
                all.iter().zip(behind).find(has).map(|it| it.0).or(all.last())
            }
        };
        found.map(|it| it.name.clone())
    }

    fn seek_batch(&mut self, first: Option<String>, found: Option<u64>) {
        if let Some(found) = found {
            self.aim = None;
            self.batches.seek(&format!("{found:020}"));
            self.pane = 1;
        } else if self.batches.cursor().is_none()
            && let Some(first) = first
        {
            self.batches.seek(&first);
        }
    }
}
