//! What is read for the records screen, and what comes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kt_protocol::types::Millis;

use super::line::RecordLine;
use super::list::{BYTES_MAX, Room};
use crate::position::At;
use crate::record_filter::RecordFilter;

/// Records of one page: more are read when the cursor comes to an end.
pub(crate) const PAGE: usize = 500;

/// Bytes of one page: it never makes way for itself, and the rows around the cursor stay.
pub(crate) const PAGE_BYTES: usize = BYTES_MAX / 4;

/// Offsets by partition.
pub(crate) type Offsets = BTreeMap<i32, i64>;

/// What to read. Of two plans only the later one is read.
#[derive(Clone, Debug)]
pub(crate) struct ReadPlan {
    /// Its number: what comes of an older one counts no more.
    pub(crate) generation: u64,
    pub(crate) topic: String,
    pub(crate) partitions: Vec<i32>,
    pub(crate) way: Way,
    /// Only records that it matches.
    pub(crate) filter: Option<Arc<RecordFilter>>,
}

/// Which records, and in which direction.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// A page of the newest.
    Newest,
    /// A page before these offsets.
    Before(Offsets),
    /// A page from there on.
    From(Place),
    /// All from there to the end that the partitions have now, or as much as there is room for: for
    /// a scan.
    Through(Place, Room),
    /// From there on, and what comes.
    Follow(Offsets),
}

/// Where to begin.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// As it was typed; `time` is what it means, if it is one.
    At {
        at: At,
        time: Option<Timestamp>,
    },
    Offsets(Offsets),
}

/// What comes of a plan.
#[derive(Clone, Debug)]
pub(crate) enum ReadNews {
    /// It begins: from where to where each partition will be read.
    Began { from: Offsets, until: Offsets },
    /// Records in order, and how far each partition was read: in a page backwards the first offset
    /// that is known now, else the next one.
    Records { lines: Vec<RecordLine>, edges: Offsets, passed: u64 },
    /// There is no more of it; whether the partitions were read to their ends in its direction.
    Ended { is_exhausted: bool },
    /// It cannot be read.
    Failed(String),
}

/// How much of a scan is done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage {
    pub(crate) from: Offsets,
    pub(crate) until: Offsets,
    pub(crate) at: Offsets,
    pub(crate) began: Millis,
    pub(crate) ended: Option<Millis>,
}

impl Coverage {
    pub(crate) fn began(from: Offsets, until: Offsets, now: Millis) -> Coverage {
        Coverage { at: from.clone(), from, until, began: now, ended: None }
    }

    /// A scan goes on from there; the time between counts for nothing.
    pub(crate) fn gone_on(self, from: Offsets, until: Offsets, now: Millis) -> Coverage {
        let spent = self.ended.unwrap_or(now) - self.began;
        let mut all = Coverage { until, began: Millis(now.0.saturating_sub(spent)), ..self };
        all.ended = None;
        for (partition, at) in from {
            all.from.entry(partition).or_insert(at);
            all.at.insert(partition, at);
        }
        all
    }

    pub(crate) fn reached(&mut self, edges: &Offsets) {
        for (partition, edge) in edges {
            let until = self.until.get(partition).copied().unwrap_or(*edge);
            self.at.insert(*partition, (*edge).min(until));
        }
    }

    /// Offsets that were passed, and all of them.
    pub(crate) fn scanned(&self) -> (u64, u64) {
        let span = |to: &Offsets| {
            let each = self.from.iter().map(|(partition, from)| {
                let to = to.get(partition).copied().unwrap_or(*from);
                u64::try_from(to.saturating_sub(*from)).unwrap_or(0)
            });
            each.fold(0, u64::saturating_add)
        };
        (span(&self.at), span(&self.until))
    }

    /// Partitions that are done.
    pub(crate) fn done(&self) -> usize {
        let is_done = |(partition, until): &(&i32, &i64)| {
            self.at.get(partition).is_some_and(|at| **until <= *at)
        };
        self.until.iter().filter(is_done).count()
    }
}
