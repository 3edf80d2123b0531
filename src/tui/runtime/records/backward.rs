//! A page before given offsets. Brokers only read forward, so each partition is read from so far
//! before, and from farther where compaction has left nothing there.

use super::lanes::{Keep, Lanes, Merged, Page};
use super::{AllBounds, Exhausted, Source, Stopped, Teller, forward};
use crate::tui::model::screens::records::reading::{Offsets, PAGE, ReadNews};

/// How much farther back the next try begins where nothing was found.
const FARTHER: i64 = 8;
/// The same where something was, and was not enough.
const FURTHER_ON: i64 = 2;

pub(super) async fn read(
    source: &Source<'_>,
    bounds: &AllBounds,
    before: &Offsets,
    teller: &Teller,
) -> Result<Exhausted, Stopped> {
    let mut steps = Steps::new(bounds, before);
    let mut edges = steps.until.clone();
    let (mut lanes, mut page) = (Lanes::new(Keep::Last), Page::default());
    loop {
        let from = steps.from();
        lanes.open(&from, &steps.until, &page);
        lanes = forward::fill(source, lanes, &from).await?;
        if !steps.go_on(&mut lanes, &mut page) {
            break;
        }
    }
    edges.extend(page.firsts());
    let is_exhausted = lanes.is_exhausted(&steps.starts);
    teller.tell(ReadNews::Records { lines: page.into_lines(), edges, passed: 0 }).await?;
    Ok(if is_exhausted { Exhausted::Yes } else { Exhausted::No })
}

/// How far back each partition is read next.
#[derive(Debug)]
pub(super) struct Steps {
    pub(super) starts: Offsets,
    pub(super) until: Offsets,
    back: Offsets,
    open: Vec<i32>,
}

impl Steps {
    /// Retention may have taken what was known, and so may whoever made the topic again: nobody
    /// waits for offsets that are not there.
    pub(super) fn new(bounds: &AllBounds, before: &Offsets) -> Steps {
        let starts: Offsets =
            bounds.iter().map(|(it, bounds)| (it.partition.0, bounds.start)).collect();
        let until = bounds.iter().map(|(it, bounds)| {
            let before = before.get(&it.partition.0).copied().unwrap_or(bounds.start);
            (it.partition.0, before.min(bounds.end).max(bounds.start))
        });
        let share = i64::try_from(PAGE.div_ceil(starts.len().max(1)).max(8)).unwrap_or(i64::MAX);
        let back = starts.keys().map(|it| (*it, share)).collect();
        Steps { until: until.collect(), back, open: starts.keys().copied().collect(), starts }
    }

    /// Where reading begins in each partition that is to be read.
    pub(super) fn from(&self) -> Offsets {
        let from = self.open.iter().filter_map(|it| {
            let (until, start) = (self.until.get(it)?, self.starts.get(it)?);
            Some((*it, until.saturating_sub(*self.back.get(it)?).max(*start)))
        });
        from.collect()
    }

    /// Moves what was read to the page. Whether more is to be read for it.
    pub(super) fn go_on(&mut self, lanes: &mut Lanes, page: &mut Page) -> bool {
        let found = lanes.found();
        let Merged::Dry(dry) = lanes.move_last(page, &self.starts) else { return false };
        for it in &dry {
            let times = if found.contains(it) { FURTHER_ON } else { FARTHER };
            self.back.entry(*it).and_modify(|it| *it = it.saturating_mul(times));
            self.until.extend(lanes.first(*it).map(|first| (*it, first)));
        }
        self.open = dry;
        true
    }
}
