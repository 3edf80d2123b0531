//! A page from given offsets on: the first records of all partitions in the order of time.

use kt_client::consumer::OffsetReset;

use super::lanes::{Keep, Lanes, Merged, Page};
use super::walk::aside;
use super::{Exhausted, FOR_EVER, Source, Stopped, Teller};
use crate::tui::model::screens::records::reading::{Offsets, ReadNews};

pub(super) async fn read(
    source: &Source<'_>,
    from: &Offsets,
    ends: &Offsets,
    teller: &Teller,
) -> Result<Exhausted, Stopped> {
    let (mut lanes, mut page) = (Lanes::new(Keep::First), Page::default());
    let mut open = from.clone();
    loop {
        lanes.open(&open, ends, &page);
        lanes = fill(source, lanes, &open).await?;
        let Merged::Dry(dry) = lanes.move_first(&mut page) else { break };
        let next = lanes.next();
        open = dry.into_iter().filter_map(|it| Some((it, *next.get(&it)?))).collect();
    }
    let edges = lanes.next();
    let is_at_end =
        |(partition, end): (&i32, &i64)| edges.get(partition).is_none_or(|it| end <= it);
    let exhausted = if ends.iter().all(is_at_end) { Exhausted::Yes } else { Exhausted::No };
    teller.tell(ReadNews::Records { lines: page.into_lines(), edges, passed: 0 }).await?;
    Ok(exhausted)
}

/// Reads until each lane has what it is to have; `open` are those that were opened now.
pub(super) async fn fill(
    source: &Source<'_>,
    mut lanes: Lanes,
    open: &Offsets,
) -> Result<Lanes, Stopped> {
    if lanes.is_done() {
        return Ok(lanes);
    }
    let consumer = source.consumer(open, OffsetReset::Earliest);
    while !lanes.is_done() {
        let polled = consumer.poll(FOR_EVER).await?;
        let walk = source.walk();
        let taken = aside(move || {
            let done = lanes.take(&polled, &walk)?;
            Ok((lanes, done))
        });
        let (now, done) = taken.await?;
        lanes = now;
        let done: Vec<_> = done.into_iter().map(|it| source.partition(it)).collect();
        consumer.unassign(&done);
    }
    Ok(lanes)
}
