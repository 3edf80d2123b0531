//! Records of one partition that were polled and for which the pool has no room yet.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use kt_protocol::types::Offset;

use super::effect::AssignmentId;
use super::owned_record::OwnedRecord;
use super::progress::behind;
use crate::consumer::FetchedRecords;
use crate::consumer::records::ReadError;

/// How much is copied out of fetched bytes at once. A batch that holds more, when it is
/// decompressed, is decompressed once more for each further piece.
const PIECE_BYTES: usize = 1 << 20;

/// What comes next of a partition.
#[derive(Debug)]
pub(super) enum Next {
    Record(OwnedRecord),
    /// There are no more records below this offset.
    End(Offset),
}

/// What was polled of one assignment of a partition and not taken.
#[derive(Debug)]
pub(super) struct Backlog {
    pub(super) assignment: AssignmentId,
    copied: VecDeque<Next>,
    fetched: VecDeque<FetchedRecords>,
}

impl Backlog {
    pub(super) fn new(assignment: AssignmentId) -> Backlog {
        Backlog { assignment, copied: VecDeque::new(), fetched: VecDeque::new() }
    }

    pub(super) fn push(&mut self, records: FetchedRecords) {
        self.fetched.push_back(records);
    }

    /// Puts back what there was no room for.
    pub(super) fn put_back(&mut self, next: Next) {
        self.copied.push_front(next);
    }

    pub(super) fn next(&mut self) -> Result<Option<Next>, ReadError> {
        while self.copied.is_empty() && !self.fetched.is_empty() {
            self.copy_piece()?;
        }
        Ok(self.copied.pop_front())
    }

    fn copy_piece(&mut self) -> Result<(), ReadError> {
        let Some(records) = self.fetched.pop_front() else { return Ok(()) };
        let mut bytes = 0;
        let broke = records.for_each(|record| {
            let copy = OwnedRecord::copy(records.partition(), record);
            bytes += copy.bytes();
            self.copied.push_back(Next::Record(copy));
            let rest = behind(record.offset);
            match PIECE_BYTES <= bytes && record.offset < rest {
                true => ControlFlow::Break(rest),
                false => ControlFlow::Continue(()),
            }
        })?;
        match broke {
            ControlFlow::Break(rest) => self.fetched.push_front(records.from(rest)),
            ControlFlow::Continue(()) => self.copied.push_back(Next::End(records.next_offset())),
        }
        Ok(())
    }
}
