//! Draws the segments of a partition, and below them batches, records or bytes.

use jiff::Timestamp;
use ratatui::layout::Rect;

use super::below;
use crate::tui::figures::{self, Clock};
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::listing::List as _;
use crate::tui::model::screens::records::line::RecordLine;
use crate::tui::model::screens::segments::looking::{Activity, BatchLine, SegmentLine};
use crate::tui::model::screens::segments::{Depth, Segments};
use crate::tui::view::canvas::{Canvas, Piece, after, line_of};
use crate::tui::view::frame::{Title, draw_lines, draw_rule};
use crate::tui::view::list::Look;
use crate::tui::view::table::{Cell, Column, Width};
use crate::tui::view::theme::Tone;

/// From this width on the last columns take what is left.
const WIDE: u16 = 96;
/// Cells of the bytes for each entry of an index.
const DENSITY: usize = 6;

/// The last column: of a fixed width at 80 columns, so that figures are not dropped for it.
fn last(head: &'static str, width: u16, table: u16) -> Column {
    if table < WIDE { Column::words(head, width, 0) } else { Column::rest(head) }
}

fn columns(table: u16, is_wide: bool) -> Vec<Column> {
    let base = Column::offset("base offset", is_wide, 0);
    vec![
        if is_wide { base } else { Column { width: Width::Fixed(11), ..base } },
        Column::figures("records", 7, 2),
        Column::figures("size", 7, 0),
        Column::words("first", 14, 4),
        Column::words("last", 14, 3),
        Column::figures("B/idx", 6, 5),
        last("state", 12, table),
    ]
}

fn columns_of_batches(table: u16, is_wide: bool) -> Vec<Column> {
    vec![
        // A log of 1 GiB has positions of ten digits.
        Column::figures("position", 10, 0),
        Column::offset("offset", is_wide, 0),
        Column::figures("count", 5, 2),
        Column::figures("size", 7, 1),
        Column::words("codec", 6, 4),
        Column::figures("epoch", 5, 6),
        Column::words("producer", 10, 5),
        Column::words("crc", 4, 0),
        last("flags", 12, table),
    ]
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let page = &app.pages.segments;
    if let Some(lines) = empty(page) {
        return draw_lines(canvas, body, &lines);
    }
    let count = u16::try_from(page.segments.names().len()).unwrap_or(u16::MAX).max(1);
    let height = count.saturating_add(1).min(body.height / 2 + 1);
    let columns = columns(body.width, page.segments.showing().wide.is_some());
    let now = Timestamp::from_millisecond(app.now.wall.0).unwrap_or(Timestamp::UNIX_EPOCH);
    let clock = Clock { now, zone: app.setting.zone.clone() };
    let cells = |it: &SegmentLine| cells_of(it, page, &clock);
    Look { pane: 0, has_focus: page.pane == 0, columns: &columns, cells: &cells }.draw(
        &page.segments,
        canvas,
        Rect { height, ..body },
        drawn,
    );
    if page.segments.names().is_empty() {
        let lines = match &page.segments.showing().filter {
            Some(filter) => {
                vec![format!("No segment matches /{}. Esc clears the filter.", filter.text())]
            }
            None => vec![format!("{}-{} has no segments.", page.topic, page.partition)],
        };
        return draw_lines(canvas, below(body, 1), &lines);
    }
    draw_below((page, &clock), canvas, below(body, height), drawn);
}

/// Batches, records or bytes, with a rule that says of what.
fn draw_below(
    (page, clock): (&Segments, &Clock),
    canvas: &mut Canvas<'_>,
    area: Rect,
    drawn: &mut Drawn,
) {
    let base = page.of_segment.map_or_else(String::new, |it| it.to_string());
    let at = page.of_batch.map_or_else(String::new, |it| it.to_string());
    let title = match page.depth {
        Depth::Batches => format!("batches of {base}"),
        Depth::Records => format!("records of {base} at byte {at}"),
        Depth::Bytes => format!("bytes of {base} at byte {at}"),
    };
    let has_focus = page.pane == 1;
    let tone = if has_focus { Tone::Accent } else { Tone::Dim };
    draw_rule(canvas, line_of(area, 0), &title, tone);
    let rest = below(area, 1);
    match page.depth {
        Depth::Batches => {
            let is_wide = page.batches.showing().wide.is_some();
            let columns = columns_of_batches(area.width, is_wide);
            let cells = |it: &BatchLine| cells_of_batch(it, page.high_watermark);
            Look { pane: 1, has_focus, columns: &columns, cells: &cells }.draw(
                &page.batches,
                canvas,
                rest,
                drawn,
            );
        }
        Depth::Records => {
            let columns = columns_of_records(clock, page.records.showing().wide.is_some());
            let cells = |it: &RecordLine| super::records::cells_of(it, clock, true);
            Look { pane: 1, has_focus, columns: &columns, cells: &cells }.draw(
                &page.records,
                canvas,
                rest,
                drawn,
            );
        }
        Depth::Bytes => {
            let lines = page.bytes.iter().skip(page.scrolled);
            for (index, line) in (0..rest.height).zip(lines) {
                canvas.put(after(line_of(rest, index), 1), line, Tone::Plain);
            }
        }
    }
}

fn columns_of_records(clock: &Clock, is_wide: bool) -> Vec<Column> {
    vec![
        Column::figures("part", 4, 1),
        Column::offset("offset", is_wide, 0),
        Column::words(format!("time {}", clock.zone_text()), 14, 2),
        Column::words("key", 14, 3),
        Column::figures("size", 7, 4),
        Column::rest("value"),
    ]
}

/// Why there is nothing to see.
fn empty(page: &Segments) -> Option<Vec<String>> {
    if page.has_data == Some(false) {
        let text = "segments: no local data directory; start with kt serve --dashboard or give \
                    --data DIR";
        // It is longer than a narrow screen.
        let (first, rest) = text.split_once("; ").unwrap_or((text, ""));
        return Some(vec![format!("{first};"), rest.to_owned()]);
    }
    if page.is_known {
        return None;
    }
    match &page.failed {
        Some(why) => Some(vec![why.clone()]),
        None => Some(vec![format!("reading {}-{}", page.topic, page.partition)]),
    }
}

pub(super) fn title(app: &App) -> Title {
    let page = &app.pages.segments;
    let mut left = vec![
        Piece::new("segments", Tone::Plain),
        Piece::new(format!("  {}-{}", page.topic, page.partition), Tone::Plain),
    ];
    for (name, offset) in [("hw", page.high_watermark), ("end", page.log_end)] {
        if let Some(offset) = offset {
            left.push(Piece::new(format!("  {name} {offset}"), Tone::Plain));
        }
    }
    let ids = |ids: &[i32]| ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
    let mut right = Vec::new();
    // The message line says why.
    if page.failed.is_some() && page.is_known {
        right.push(Piece::new("  failed", Tone::Bad));
    }
    if !page.replicas.is_empty() {
        let isr = match page.isr.len() == page.replicas.len() {
            true => format!("  isr {}", ids(&page.isr)),
            false => format!("  isr {} of {}", ids(&page.isr), ids(&page.replicas)),
        };
        right.push(Piece::new(isr, Tone::Dim));
    }
    Title { left, right }
}

fn cells_of(it: &SegmentLine, page: &Segments, clock: &Clock) -> Vec<Cell> {
    let records = it.next_offset.and_then(|next| u64::try_from(next - it.base_offset).ok());
    let time = |at: Option<i64>| {
        let at = at.map(|at| clock.time(kt_protocol::types::Timestamp(at)));
        Cell::figure(at.unwrap_or_else(|| "–".to_owned()))
    };
    let cells = vec![
        Cell::plain(it.base_offset.to_string()),
        Cell::figure(records.map_or_else(|| "–".to_owned(), figures::count)),
        Cell::figure(figures::bytes(it.size)),
        time(it.first),
        time(it.last),
        Cell::figure(it.bytes_per_entry.map_or_else(|| "–".to_owned(), density)),
        state(it, page),
    ];
    dim_above(cells, it.base_offset, page.high_watermark)
}

/// What lies above the high watermark is not committed.
fn dim_above(cells: Vec<Cell>, first: i64, high_watermark: Option<i64>) -> Vec<Cell> {
    match high_watermark.is_some_and(|it| it <= first) {
        true => cells.into_iter().map(Cell::stale).collect(),
        false => cells,
    }
}

/// Without its fraction, where that has no room.
fn density(bytes: u64) -> String {
    let text = figures::bytes(bytes);
    if figures::cells(&text) <= DENSITY {
        return text;
    }
    let Some((whole, rest)) = text.split_once('.') else { return text };
    let unit: String = rest.chars().skip_while(char::is_ascii_digit).collect();
    format!("{whole}{unit}")
}

fn state(it: &SegmentLine, page: &Segments) -> Cell {
    if let Some(fault) = &it.fault {
        return Cell::new(fault.clone(), Tone::Bad);
    }
    if !it.has_index {
        return Cell::new("no index", Tone::Warn);
    }
    let mut text = match it.activity {
        Activity::Active => "active".to_owned(),
        Activity::Closed => "closed".to_owned(),
    };
    if it.has_aborted {
        text.push_str(" txn");
    }
    let holds = |hw: i64| {
        it.base_offset <= hw
            && (it.activity == Activity::Active || it.next_offset.is_some_and(|next| hw < next))
    };
    if page.high_watermark.is_some_and(holds) {
        text.push_str(" hw");
    }
    Cell::plain(text)
}

fn cells_of_batch(it: &BatchLine, high_watermark: Option<i64>) -> Vec<Cell> {
    let missing = || "–".to_owned();
    let producer = it.producer.map_or_else(
        || if it.fault.is_some() { missing() } else { String::new() },
        |(id, epoch)| format!("{id}/{epoch}"),
    );
    let count = it.count.filter(|_| it.size.is_some());
    let is_batch = it.count.is_some();
    let crc = match (is_batch, it.is_intact) {
        (true, true) => Cell::plain("ok"),
        (false, _) if it.fault.is_none() => Cell::figure("–"),
        (true, false) => Cell::new("BAD", Tone::Bad),
        (false, _) => Cell::new("BAD", Tone::Bad),
    };
    let last = count.map_or(it.first, |count| {
        it.first.saturating_add(i64::try_from(count).unwrap_or(0)).saturating_sub(1)
    });
    let holds = high_watermark.is_some_and(|hw| it.first <= hw && hw <= last);
    let flags = match (&it.fault, holds) {
        (Some(fault), _) => Cell::new(fault.clone(), Tone::Bad),
        (None, true) if it.flags.is_empty() => Cell::plain("hw"),
        (None, true) => Cell::plain(format!("{} hw", it.flags)),
        (None, false) => Cell::plain(it.flags.clone()),
    };
    let cells = vec![
        Cell::plain(it.position.to_string()),
        Cell::figure(it.offset.clone()),
        Cell::figure(count.map_or_else(missing, figures::count)),
        Cell::figure(it.size.map_or_else(missing, figures::bytes)),
        Cell::figure(it.codec.clone()),
        Cell::figure(it.epoch.map_or_else(missing, |it| it.to_string())),
        Cell::figure(producer),
        crc,
        flags,
    ];
    if it.fault.is_some() {
        return cells;
    }
    dim_above(cells, it.first, high_watermark)
}

#[cfg(test)]
mod tests;
