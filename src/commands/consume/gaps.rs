//! `--check-gaps`: offsets without a record between those that have one.

use std::collections::BTreeMap;

use kt_client::consumer::FetchedRecords;
use kt_protocol::types::TopicPartition;

use crate::error::{CliError, Kind};
use crate::session::Session;

/// Gaps that are told one by one; the rest are counted.
const GAPS_TOLD_MAX: u64 = 10;

/// The offsets that were seen of each partition, as far as they matter.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    lines: BTreeMap<TopicPartition, Line>,
    found: u64,
    missing: u64,
}

#[derive(Debug, Default)]
struct Line {
    /// The offset that should come next; `None` before the first.
    next: Option<i64>,
    /// Transaction markers ahead, by their first offset: they are no records, and no gaps.
    markers: BTreeMap<i64, i64>,
}

impl Line {
    /// Sees an offset that has a record; gives what was missing before it.
    fn saw(&mut self, offset: i64) -> Vec<(i64, i64)> {
        let mut gaps = Vec::new();
        let Some(mut next) = self.next.replace(offset + 1) else { return gaps };
        if next == offset {
            return gaps;
        }
        let ahead = self.markers.split_off(&offset);
        for (first, last) in std::mem::replace(&mut self.markers, ahead) {
            if next < first {
                gaps.push((next, first - 1));
            }
            next = next.max(last + 1);
        }
        if next < offset {
            gaps.push((next, offset - 1));
        }
        gaps
    }
}

impl Gaps {
    /// Takes note of the markers in what was fetched, before its records are seen.
    pub(super) fn fetched(&mut self, records: &FetchedRecords) {
        let line = self.lines.entry(records.partition().clone()).or_default();
        line.markers = line.markers.split_off(&line.next.unwrap_or_default());
        line.markers.extend(records.control_offsets().map(|(first, last)| (first.0, last.0)));
    }

    /// Takes note of a record, in the order of the log.
    pub(super) fn saw(&mut self, session: &Session, partition: &TopicPartition, offset: i64) {
        let Some(line) = self.lines.get_mut(partition) else { return };
        for (first, last) in line.saw(offset) {
            self.found += 1;
            self.missing += last.abs_diff(first) + 1;
            if self.found <= GAPS_TOLD_MAX {
                let (topic, index) = (&partition.topic, partition.partition);
                session.warn(&format!(
                    "partition {index} of topic \"{topic}\" has no records at {first} to {last}"
                ));
            }
        }
    }

    /// A partition that is not read on: what comes of it later joins on to nothing.
    pub(super) fn forget(&mut self, partition: &TopicPartition) {
        self.lines.remove(partition);
    }

    /// The end of the check.
    pub(super) fn finish(&self, session: &Session) -> Result<(), CliError> {
        if self.found == 0 {
            return Ok(());
        }
        if GAPS_TOLD_MAX < self.found {
            session.warn(&format!("{} more gaps", self.found - GAPS_TOLD_MAX));
        }
        let (found, missing) = (self.found, self.missing);
        let gaps = if found == 1 { "gap" } else { "gaps" };
        let offsets = if missing == 1 { "offset" } else { "offsets" };
        let message = format!("{found} {gaps}, {missing} {offsets} without a record");
        let error = CliError::new(Kind::CheckFailed, "GAPS", message);
        Err(error.hint("compaction and aborted transactions leave gaps too"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_no_gaps_and_missing_offsets_are() {
        let mut line = Line { next: None, markers: BTreeMap::from([(6, 6), (7, 7)]) };
        assert_eq!(line.saw(5), []);
        assert_eq!(line.saw(8), []);
        assert_eq!(line.saw(11), [(9, 10)]);
        assert_eq!(line.saw(12), []);
        // Two aborted transactions, each with its marker.
        line.markers.extend([(15, 15), (18, 18), (30, 30)]);
        assert_eq!(line.saw(19), [(13, 14), (16, 17)]);
        assert_eq!(line.saw(20), []);
        assert_eq!(line.markers, BTreeMap::from([(30, 30)]));
    }
}
