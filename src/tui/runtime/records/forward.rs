//! A page from given offsets on: the first records of all partitions in the order of time.

use kt_client::consumer::OffsetReset;

use super::lanes::{Keep, Lanes};
use super::{Exhausted, FOR_EVER, Source, Stopped, Teller};
use crate::tui::model::screens::records::reading::{Offsets, ReadNews};

pub(super) async fn read(
    source: &Source<'_>,
    from: &Offsets,
    ends: &Offsets,
    teller: &Teller,
) -> Result<Exhausted, Stopped> {
    let mut lanes = fill(source, Lanes::new(from, ends, Keep::First), from).await?;
    let (lines, edges) = lanes.first_page();
    let is_at_end =
        |(partition, end): (&i32, &i64)| edges.get(partition).is_none_or(|it| end <= it);
    let exhausted = if ends.iter().all(is_at_end) { Exhausted::Yes } else { Exhausted::No };
    teller.tell(ReadNews::Records { lines, edges, passed: 0 }).await?;
    Ok(exhausted)
}

/// Reads until each lane has what it is to have.
pub(super) async fn fill(
    source: &Source<'_>,
    mut lanes: Lanes,
    from: &Offsets,
) -> Result<Lanes, Stopped> {
    if lanes.is_done() {
        return Ok(lanes);
    }
    let consumer = source.consumer(from, OffsetReset::Earliest);
    let filter = source.plan.filter.as_deref();
    while !lanes.is_done() {
        let polled = consumer.poll(FOR_EVER).await?;
        let done = lanes.take(&polled, filter, source.decoder())?;
        let done: Vec<_> = done.into_iter().map(|it| source.partition(it)).collect();
        consumer.unassign(&done);
    }
    Ok(lanes)
}
