//! The loaded records in their order: a window of the topic that grows at both ends and never takes
//! more memory than it may.

use std::collections::VecDeque;

use kt_protocol::types::Millis;

use super::line::RecordLine;
use super::reading::Offsets;
use crate::tui::model::listing::{List, Showing};
use crate::tui::model::rows::{Rows, Step};

/// Records that are kept.
pub(crate) const RECORDS_MAX: usize = 2_000;
/// Bytes that they take.
pub(crate) const BYTES_MAX: usize = 16 << 20;

/// Bytes of a key and of a value that `/` looks at: it looks at all records on every key.
const FILTERED: usize = 4 << 10;
/// A record has no more bytes than this, whatever is in it: what is kept of each part is bounded.
const LARGEST: usize = 512 << 10;

/// What the list has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

impl Default for Room {
    /// That of a list without records.
    fn default() -> Room {
        Room { records: RECORDS_MAX, bytes: BYTES_MAX }
    }
}

impl Room {
    /// Gives a record its room; `false` if there is too little.
    pub(crate) fn take(&mut self, line: &RecordLine) -> bool {
        let Some(bytes) = self.bytes.checked_sub(line.weight()).filter(|_| 0 < self.records) else {
            return false;
        };
        (self.records, self.bytes) = (self.records - 1, bytes);
        true
    }

    pub(crate) fn is_used_up(self) -> bool {
        self.records == 0
    }

    /// Whether so much is more than a list keeps.
    pub(crate) fn is_exceeded(records: usize, bytes: usize) -> bool {
        RECORDS_MAX < records || BYTES_MAX < bytes
    }
}

/// At which end of what is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    First,
    Last,
}

/// Whether a partition has more records at an end of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Beyond {
    /// Perhaps.
    #[default]
    More,
    /// None when it was read.
    Nothing,
}

/// The loaded records, and where the user is among them.
#[derive(Debug, Default)]
pub(crate) struct RecordList {
    records: VecDeque<RecordLine>,
    bytes: usize,
    /// Indexes and names of what the filter shows.
    shown: Vec<usize>,
    names: Vec<String>,
    rows: Rows,
    showing: Showing,
    seen: (usize, usize),
    /// The first loaded offset of each partition, and the one behind its last.
    pub(crate) first: Offsets,
    pub(crate) next: Offsets,
    pub(crate) before: Beyond,
    pub(crate) behind: Beyond,
    /// The cursor has come to an end of what is loaded.
    reached: Option<End>,
}

impl RecordList {
    /// Forgets the records; the filter stays.
    pub(crate) fn clear(&mut self) {
        let showing = std::mem::take(&mut self.showing);
        let seen = self.seen;
        *self = RecordList { showing, seen, ..RecordList::default() };
    }

    /// Takes records that come behind all others; the oldest make way.
    pub(crate) fn append(&mut self, lines: Vec<RecordLine>, edges: &Offsets) {
        for line in lines {
            self.first.entry(line.partition).or_insert(line.offset);
            self.bytes += line.weight();
            self.records.push_back(line);
        }
        for (partition, next) in edges {
            self.next.insert(*partition, *next);
            self.first.entry(*partition).or_insert(*next);
        }
        while self.is_too_large() {
            let Some(gone) = self.records.pop_front() else { break };
            self.bytes -= gone.weight();
            self.first.insert(gone.partition, gone.offset + 1);
            self.before = Beyond::More;
        }
        self.show();
    }

    /// Takes records that come before all others; the newest make way.
    pub(crate) fn prepend(&mut self, lines: Vec<RecordLine>, edges: &Offsets) {
        for line in lines.into_iter().rev() {
            self.next.entry(line.partition).or_insert(line.offset + 1);
            self.bytes += line.weight();
            self.records.push_front(line);
        }
        for (partition, first) in edges {
            self.first.insert(*partition, *first);
            self.next.entry(*partition).or_insert(*first);
        }
        while self.is_too_large() {
            let Some(gone) = self.records.pop_back() else { break };
            self.bytes -= gone.weight();
            self.next.insert(gone.partition, gone.offset);
            self.behind = Beyond::More;
        }
        self.show();
    }

    /// Takes records of a scan, each at its time. The scan was told how much room there is.
    pub(crate) fn insert(&mut self, lines: Vec<RecordLine>) {
        let place = |it: &RecordLine| (it.time(), it.partition, it.offset);
        for line in lines {
            let at = self.records.partition_point(|it| place(it) < place(&line));
            // One that has come at the tail is met again when the scan goes on.
            let is_there = self.records.get(at).is_some_and(|it| place(it) == place(&line));
            if is_there || !self.room().take(&line) {
                continue;
            }
            self.bytes += line.weight();
            self.records.insert(at, line);
        }
        self.show();
    }

    fn is_too_large(&self) -> bool {
        Room::is_exceeded(self.records.len(), self.bytes)
    }

    /// What is free.
    pub(crate) fn room(&self) -> Room {
        Room {
            records: RECORDS_MAX.saturating_sub(self.records.len()),
            bytes: BYTES_MAX.saturating_sub(self.bytes),
        }
    }

    /// Whether any record has room, however large it is.
    pub(crate) fn is_full(&self) -> bool {
        self.room().is_used_up() || self.room().bytes < LARGEST
    }

    #[cfg(test)]
    /// What all records take, about, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn show(&mut self) {
        let is_shown = |it: &RecordLine| match &self.showing.filter {
            None => true,
            Some(filter) => {
                let (key, value) = (it.key.words_of(FILTERED), it.value.words_of(FILTERED));
                filter.shows(&[&it.name, &key, &value])
            }
        };
        let shown = self.records.iter().enumerate().filter(|(_, it)| is_shown(it));
        (self.shown, self.names) = shown.map(|(index, it)| (index, it.name.clone())).unzip();
    }

    /// What is shown, in order.
    pub(crate) fn shown(&self) -> impl ExactSizeIterator<Item = &RecordLine> {
        self.shown.iter().map(|index| &self.records[*index])
    }

    /// The record under the cursor.
    pub(crate) fn line(&self) -> Option<&RecordLine> {
        let at = self.rows.line(&self.names)?;
        self.records.get(*self.shown.get(at)?)
    }

    pub(crate) fn is_marked(&self, name: &str) -> bool {
        self.rows.is_marked(name)
    }

    /// Whether the cursor is on the last row, or there is none.
    pub(crate) fn is_at_last(&self) -> bool {
        self.cursor().is_none_or(|at| at + 1 == self.names.len())
    }

    /// Puts the cursor on the first or the last row, and asks for nothing.
    pub(crate) fn jump(&mut self, end: End) {
        let step = match end {
            End::First => Step::First,
            End::Last => Step::Last,
        };
        self.rows.go(&self.names, step);
    }

    /// The end that the cursor has come to, once.
    pub(crate) fn take_reached(&mut self) -> Option<End> {
        self.reached.take()
    }
}

impl List for RecordList {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn subject(&self) -> Option<&str> {
        self.rows.subject(&self.names)
    }

    fn cursor(&self) -> Option<usize> {
        self.rows.line(&self.names)
    }

    fn go(&mut self, step: Step) {
        self.rows.go(&self.names, step);
        let at = self.cursor().unwrap_or(0);
        let is_last = at + 1 >= self.names.len();
        self.reached = match step {
            Step::By(by) if by < 0 && at == 0 => Some(End::First),
            Step::By(by) if 0 < by && is_last => Some(End::Last),
            _ => None,
        };
    }

    fn seek(&mut self, name: &str) {
        self.rows.seek(name);
    }

    fn mark(&mut self) {
        self.rows.mark(&self.names);
    }

    fn mark_all(&mut self) {
        self.rows.mark_all(&self.names);
    }

    fn clear_marks(&mut self) -> bool {
        self.rows.clear_marks()
    }

    fn marked(&self) -> Vec<String> {
        self.rows.marked(&self.names).into_iter().map(str::to_owned).collect()
    }

    /// Records have an order of their own.
    fn sort_by_next(&mut self) {}

    fn reverse(&mut self) {}

    fn showing(&self) -> &Showing {
        &self.showing
    }

    fn show_only(&mut self, change: &mut dyn FnMut(&mut Showing)) {
        change(&mut self.showing);
        // No record is at fault.
        self.showing.only_faults = false;
        self.show();
    }

    fn key_pressed(&mut self, _now: Millis) {}

    fn count(&self) -> usize {
        self.records.len()
    }

    fn seen(&self) -> (usize, usize) {
        self.seen
    }

    fn set_seen(&mut self, first: usize, height: usize) {
        self.seen = (first, height);
    }

    fn sort_by(&mut self, _head: &str) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::{PAYLOAD_MAX, Payload};
    use super::*;

    fn record(partition: i32, offset: i64, size: usize) -> RecordLine {
        let value = vec![b'x'; size];
        RecordLine {
            name: format!("{partition}:{offset}"),
            partition,
            offset,
            timestamp: Some(offset),
            value: Payload::new(Some(&value), PAYLOAD_MAX),
            ..RecordLine::default()
        }
    }

    #[test]
    fn memory_has_an_end_whatever_comes_and_from_where() {
        let mut list = RecordList::default();
        for page in 0..10 {
            let lines = (0..500).map(|it| record(0, page * 500 + it, 10)).collect();
            list.append(lines, &[(0, page * 500 + 500)].into());
            assert!(list.count() <= RECORDS_MAX && list.bytes() <= BYTES_MAX);
        }
        assert_eq!((list.first[&0], list.next[&0]), (3_000, 5_000));
        assert_eq!(list.before, Beyond::More);
        // Larger values take the room of more records, and are cut themselves.
        let large: Vec<RecordLine> = (5_000..6_000).map(|it| record(0, it, 1 << 20)).collect();
        list.append(large, &[(0, 6_000)].into());
        assert!(list.count() < 256 && list.bytes() <= BYTES_MAX);
        let held: usize = list.records.iter().map(RecordLine::weight).sum();
        assert_eq!(held, list.bytes());
        // The other way the newest make way.
        let first = list.first[&0];
        list.behind = Beyond::Nothing;
        let older = (first - 500..first).map(|it| record(0, it, PAYLOAD_MAX)).collect();
        list.prepend(older, &[(0, first - 500)].into());
        assert!(list.bytes() <= BYTES_MAX);
        assert_eq!((list.first[&0], list.behind), (first - 500, Beyond::More));
        assert_eq!(list.next[&0], list.records.back().unwrap().offset + 1);
    }

    #[test]
    fn what_a_scan_finds_stands_in_the_order_of_time_and_ends_when_it_is_full() {
        let mut list = RecordList::default();
        list.insert(vec![record(0, 10, 1), record(0, 30, 1)]);
        list.insert(vec![record(1, 20, 1), record(1, 10, 1)]);
        assert_eq!(list.names(), ["0:10", "1:10", "1:20", "0:30"]);
        for at in 0..30 {
            list.insert((0..100).map(|it| record(2, at * 100 + it, 1)).collect());
        }
        assert_eq!(list.count(), RECORDS_MAX);
        assert!(list.is_full());
        // What has no room leaves the room of others.
        let mut list = RecordList::default();
        list.insert((0..250).map(|it| record(0, it, PAYLOAD_MAX)).collect());
        assert!(list.count() == 250 && list.is_full());
        let large = (250..260).map(|it| record(0, it, PAYLOAD_MAX));
        list.insert(large.chain([record(0, 300, 1), record(0, 300, 1)]).collect());
        assert!(list.names().contains(&"0:300".to_owned()) && list.bytes() <= BYTES_MAX);
        assert_eq!(list.names().iter().filter(|it| *it == "0:300").count(), 1);
    }

    #[test]
    fn a_filter_looks_at_the_first_bytes_of_large_values() {
        let mut list = RecordList::default();
        let mut large = record(0, 1, FILTERED + 10);
        let bytes = large.value.bytes.as_mut().unwrap();
        bytes[FILTERED - 2..FILTERED + 2].copy_from_slice(b"abcd");
        list.append(vec![large], &[(0, 2)].into());
        let mut shown = |text: &str| {
            let filter = crate::tui::model::filter::Filter::parse(text).unwrap();
            list.show_only(&mut |it| it.filter.clone_from(&filter));
            list.names().len()
        };
        assert_eq!((shown("xab"), shown("abc"), shown("cd")), (1, 0, 0));
    }

    #[test]
    fn the_cursor_stays_with_its_record_and_tells_of_the_ends() {
        let mut list = RecordList::default();
        list.append((10..20).map(|it| record(0, it, 1)).collect(), &[(0, 20)].into());
        list.jump(End::First);
        assert_eq!(list.take_reached(), None);
        list.go(Step::By(-1));
        assert_eq!(list.take_reached(), Some(End::First));
        list.prepend((5..10).map(|it| record(0, it, 1)).collect(), &[(0, 5)].into());
        assert_eq!(list.subject(), Some("0:10"));
        list.go(Step::By(100));
        assert_eq!((list.take_reached(), list.is_at_last()), (Some(End::Last), true));
        assert_eq!(list.take_reached(), None);
    }
}
