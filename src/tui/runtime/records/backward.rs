//! A page before given offsets. Brokers only read forward, so each partition is read from so far
//! before, and from farther where compaction has left nothing there.

use super::lanes::{Keep, Lanes};
use super::{AllBounds, Exhausted, Source, Stopped, Teller, forward};
use crate::tui::model::screens::records::reading::{Offsets, PAGE, ReadNews};

/// How much farther back the next try begins.
const FARTHER: i64 = 8;

pub(super) async fn read(
    source: &Source<'_>,
    bounds: &AllBounds,
    before: &Offsets,
    teller: &Teller,
) -> Result<Exhausted, Stopped> {
    let starts: Offsets =
        bounds.iter().map(|(it, bounds)| (it.partition.0, bounds.start)).collect();
    let start = |partition: i32| starts.get(&partition).copied().unwrap_or(0);
    let share = PAGE.div_ceil(starts.len().max(1)).max(8) as i64;
    // Retention may have taken what was known.
    let until: Offsets = starts
        .iter()
        .map(|(partition, start)| {
            (*partition, before.get(partition).copied().unwrap_or(*start).max(*start))
        })
        .collect();
    let mut back: Offsets = until.keys().map(|it| (*it, share)).collect();
    loop {
        let from: Offsets = until
            .iter()
            .map(|(partition, until)| {
                let back = back.get(partition).copied().unwrap_or(share);
                (*partition, until.saturating_sub(back).max(start(*partition)))
            })
            .collect();
        let lanes = Lanes::new(&from, &until, Keep::Last);
        let mut lanes = forward::fill(source, lanes, &from).await?;
        let is_whole =
            |partition: i32| from.get(&partition).is_none_or(|it| *it <= start(partition));
        let empty: Vec<i32> = lanes.empty().into_iter().filter(|it| !is_whole(*it)).collect();
        if !empty.is_empty() {
            for it in empty {
                back.entry(it).and_modify(|it| *it = it.saturating_mul(FARTHER));
            }
            continue;
        }
        let (lines, edges) = lanes.last_page(is_whole);
        let is_all = edges.iter().all(|(partition, it)| *it <= start(*partition))
            || (lines.is_empty() && edges.keys().all(|it| is_whole(*it)));
        teller.tell(ReadNews::Records { lines, edges, passed: 0 }).await?;
        return Ok(if is_all { Exhausted::Yes } else { Exhausted::No });
    }
}
