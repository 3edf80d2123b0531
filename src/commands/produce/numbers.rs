//! Which line a record came from, by the record's number.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// The line of records that no line of this run made.
pub(super) const EARLIER: u64 = 0;

/// The lines of all records. A line makes as many records as `--repeat` says; only where a line
/// makes fewer something is to be kept.
#[derive(Debug)]
pub(super) struct Numbers {
    repeat: u64,
    /// The line of a record, from which on each has as many records as it should.
    starts: Mutex<BTreeMap<u64, u64>>,
}

impl Numbers {
    /// Record 1 is the first of line 1.
    pub(super) fn new(repeat: u64) -> Numbers {
        Numbers { repeat, starts: Mutex::new(BTreeMap::from([(1, 1)])) }
    }

    /// Where an earlier run has read so many records that come first.
    pub(super) fn after(repeat: u64, earlier: u64) -> Numbers {
        let starts = BTreeMap::from([(0, EARLIER), (earlier + 1, 1)]);
        Numbers { repeat, starts: Mutex::new(starts) }
    }

    /// A record is the first of a line.
    pub(super) fn begin(&self, record: u64, line: u64) {
        let mut starts = self.starts.lock();
        if line_of(&starts, self.repeat, record) != line {
            starts.insert(record, line);
        }
    }

    /// The line that a record came from.
    pub(super) fn line(&self, record: u64) -> u64 {
        line_of(&self.starts.lock(), self.repeat, record)
    }
}

fn line_of(starts: &BTreeMap<u64, u64>, repeat: u64, record: u64) -> u64 {
    match starts.range(..=record).next_back() {
        Some((start, line)) if *line != EARLIER => line + (record - start) / repeat,
        _ => EARLIER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_are_missing_are_kept() {
        let numbers = Numbers::after(2, 3);
        for (record, line) in [(4, 1), (6, 2), (8, 5), (10, 6), (12, 7), (12, 8)] {
            numbers.begin(record, line);
        }
        let lines: Vec<u64> = (1..=13).map(|it| numbers.line(it)).collect();
        assert_eq!(lines, [0, 0, 0, 1, 1, 2, 2, 5, 5, 6, 6, 8, 8]);
        assert_eq!(numbers.starts.lock().len(), 4);
        assert_eq!((Numbers::new(1).line(1), Numbers::new(3).line(7)), (1, 3));
    }
}
