//! Draws the records of a topic: the list, and beside or below it the record under the cursor.

mod detail;

use jiff::Timestamp;
use ratatui::layout::Rect;

use super::{LEFT, below, cells, is_side_by_side};
use crate::tui::figures::{self, Clock};
use crate::tui::model::app::{App, Drawn, DrawnList};
use crate::tui::model::listing::List as _;
use crate::tui::model::screens::records::line::{Payload, RecordLine};
use crate::tui::model::screens::records::{Following, Records, Run, Span};
use crate::tui::view::canvas::{Canvas, Piece, after, line_of};
use crate::tui::view::frame::{Title, draw_lines, draw_rule};
use crate::tui::view::table::{Cell, Column, Presence, Row, Shown, Table, first_shown, scrolls};
use crate::tui::view::theme::Tone;

/// A lower body has no room for more than the list.
const LEAST_WITH_DETAIL: u16 = 12;
/// Cells of a time: with a date it has no seconds.
const TIME: u16 = 12;

fn columns(clock: &Clock, is_wide: bool) -> Vec<Column> {
    // With `w` there is room for dates.
    let time = if is_wide { 14 } else { TIME };
    vec![
        Column::figures("part", 4, 1),
        Column::offset("offset", is_wide, 0),
        Column::words(format!("time {}", clock.zone_text()), time, 2),
        Column { cut: crate::tui::view::table::Cut::Middle, ..Column::words("key", 14, 3) },
        Column::figures("size", 7, 4),
        Column::rest("value"),
    ]
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let area = canvas.area();
    if is_side_by_side(area) {
        return draw_wide(app, canvas, body, drawn);
    }
    if body.height < LEAST_WITH_DETAIL {
        return draw_list(app, canvas, body, drawn);
    }
    // 8 rows and 9 lines of detail at 24 lines, the same shares in higher windows.
    let rows = (body.height - 2) * 8 / 17;
    draw_list(app, canvas, Rect { height: rows + 1, ..body }, drawn);
    let rest = below(body, rows + 1);
    let page = &app.pages.records;
    let tone = if page.is_in_detail { Tone::Accent } else { Tone::Dim };
    draw_rule(canvas, line_of(rest, 0), "", tone);
    draw_right(app, canvas, below(rest, 1), drawn);
}

fn draw_wide(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let tone = if app.pages.records.is_in_detail { Tone::Accent } else { Tone::Dim };
    for index in 0..body.height {
        canvas.put(after(line_of(body, index), LEFT), "│", tone);
    }
    draw_list(app, canvas, Rect { width: LEFT, ..body }, drawn);
    let right = Rect { x: body.x + LEFT + 1, width: body.width - LEFT - 1, ..body };
    draw_right(app, canvas, right, drawn);
}

/// The record under the cursor; without one, how far each partition was read.
fn draw_right(app: &App, canvas: &mut Canvas<'_>, area: Rect, drawn: &mut Drawn) {
    let page = &app.pages.records;
    match page.list.line() {
        Some(record) => {
            let scrolls = detail::draw((page, record), &clock(app), canvas, area);
            drawn.page_scrolls = Some(scrolls);
        }
        None => draw_spans(page, canvas, area),
    }
}

fn clock(app: &App) -> Clock {
    let now = Timestamp::from_millisecond(app.now.wall.0).unwrap_or(Timestamp::UNIX_EPOCH);
    Clock { now, zone: app.setting.zone.clone() }
}

fn draw_list(app: &App, canvas: &mut Canvas<'_>, area: Rect, drawn: &mut Drawn) {
    let page = &app.pages.records;
    let list = &page.list;
    let clock = clock(app);
    let wide = list.showing().wide;
    let columns = columns(&clock, wide.is_some());
    let height = usize::from(area.height.saturating_sub(1));
    let cursor = list.cursor().unwrap_or(0);
    let first = first_shown(list.seen().0, cursor, list.names().len(), height);
    let row = |it: &RecordLine| Row {
        level: Tone::Ok,
        is_marked: list.is_marked(&it.name),
        presence: Presence::Here,
        cells: cells_of(it, &clock, wide.is_some()),
    };
    let rows: Vec<Row> = list.shown().skip(first).take(height).map(row).collect();
    let table = Table {
        columns: &columns,
        rows: &rows,
        cursor: (!drawn.is_printed && !rows.is_empty()).then(|| cursor - first),
        sorted: None,
        shown: wide.map_or(Shown::Fitting, |scrolled| Shown::All { scrolled }),
    };
    table.draw(canvas, area);
    drawn.lists.push(DrawnList {
        pane: 0,
        rows: (area.x, area.y + 1, area.width, area.height.saturating_sub(1)),
        first,
        heads: table.heads(area),
        scrolls: scrolls(&columns),
    });
    if rows.is_empty() {
        draw_lines(canvas, below(area, 1), &empty(page));
    }
}

/// Why there is nothing to see.
fn empty(page: &Records) -> Vec<String> {
    if let Some(why) = &page.failed {
        return vec![why.clone(), "@ goes elsewhere.".to_owned()];
    }
    if let Some(filter) = page.list.showing().filter.as_ref().filter(|_| 0 < page.list.count()) {
        return vec![
            format!("No record matches /{}. Esc clears the filter.", filter.text()),
            "/ looks at the first 4KiB of a key and of a value, F at all of them.".to_owned(),
        ];
    }
    if page.following != Following::No {
        return vec!["Nothing has come yet.  f stops following.".to_owned()];
    }
    match (page.running, &page.condition) {
        (Some(Run::Scan), _) => vec!["Nothing found so far.".to_owned()],
        (None, Some(_)) if page.partitions.is_some() => {
            vec!["No record meets the condition.  F finds something else.".to_owned()]
        }
        (None, None) if !page.is_waiting() => vec![
            format!("No records here in {}.", page.topic),
            format!("Try: kt produce {}", page.topic),
        ],
        _ => vec![format!("reading {}", page.topic)],
    }
}

pub(super) fn title(app: &App) -> Title {
    let page = &app.pages.records;
    let mut left = Vec::new();
    match (page.partition, &page.partitions) {
        (Some(partition), _) => {
            left.push(Piece::new(format!("{}-{partition}", page.topic), Tone::Plain));
        }
        (None, Some(all)) => {
            left.push(Piece::new(page.topic.clone(), Tone::Plain));
            left.push(Piece::new(format!("  all {}", all.len()), Tone::Plain));
        }
        (None, None) => left.push(Piece::new(page.topic.clone(), Tone::Plain)),
    }
    if let Some(from) = &page.from {
        left.push(Piece::new(format!("  from {from}"), Tone::Plain));
    }
    if let Some(condition) = &page.condition {
        left.push(Piece::new(format!("  where {}", condition.text), Tone::Accent));
    }
    if page.partition.is_none() && !page.without_leader.is_empty() {
        let text = format!("  {} without leader", page.without_leader.len());
        left.push(Piece::new(text, Tone::Bad));
    }
    Title { left, right: right_of_title(page) }
}

fn right_of_title(page: &Records) -> Vec<Piece> {
    let (shown, all) = (page.list.names().len(), page.list.count());
    let noun = match (&page.condition, all) {
        (Some(_), 1) => "hit",
        (Some(_), _) => "hits",
        (None, 1) => "record",
        (None, _) => "records",
    };
    let count = match shown == all {
        true => format!("  {all} {noun}"),
        false => format!("  {shown} of {all} {noun}"),
    };
    let mut right = vec![Piece::new(count, Tone::Dim)];
    let state = match (page.following, page.running) {
        (Following::Yes, _) => Some(("  follow".to_owned(), Tone::Accent)),
        (Following::Paused { new }, _) => {
            Some((format!("  paused, {} new", figures::count(new)), Tone::Warn))
        }
        (Following::No, Some(_)) => Some(("  reading".to_owned(), Tone::Dim)),
        (Following::No, None) if page.failed.is_some() => Some(("  failed".to_owned(), Tone::Bad)),
        (Following::No, None) => None,
    };
    right.extend(state.map(|(text, tone)| Piece::new(text, tone)));
    right
}

pub(super) fn cells_of(it: &RecordLine, clock: &Clock, is_wide: bool) -> Vec<Cell> {
    vec![
        Cell::plain(it.partition.to_string()),
        Cell::plain(it.offset.to_string()),
        Cell::figure(time(it, clock, is_wide)),
        key(&it.key),
        Cell::figure(figures::bytes(it.value.size as u64)),
        value(&it.value),
    ]
}

/// Where there is no room for a date with seconds, there are none.
fn time(it: &RecordLine, clock: &Clock, is_wide: bool) -> String {
    let Some(at) = it.timestamp else { return "–".to_owned() };
    let mut text = clock.time(kt_protocol::types::Timestamp(at));
    if !is_wide && usize::from(TIME) < figures::cells(&text) {
        text.truncate("11-20 15:04".len());
    }
    text
}

fn key(it: &Payload) -> Cell {
    match text_of(it) {
        Ok(text) => Cell::plain(text),
        Err(special) => Cell::new(special, Tone::Dim),
    }
}

fn value(it: &Payload) -> Cell {
    match text_of(it) {
        Ok(text) => Cell::plain(text),
        Err("null") => Cell::new("null (tombstone)", Tone::Dim),
        Err(special) => Cell::new(special, Tone::Dim),
    }
}

/// As much of it as a line can show; null and empty are not the same, and neither is text.
fn text_of(it: &Payload) -> Result<String, &'static str> {
    const BYTES_SHOWN: usize = 1_024;
    match (&it.bytes, it.text()) {
        (None, _) => Err("null"),
        (Some(_), Some("")) => Err("\"\""),
        (Some(_), Some(text)) => Ok(text.chars().take(BYTES_SHOWN).collect()),
        (Some(bytes), None) => Ok(hex_of(&bytes[..bytes.len().min(BYTES_SHOWN)])),
    }
}

/// `0x00a1ff07`
fn hex_of(bytes: &[u8]) -> String {
    let mut out = "0x".to_owned();
    for byte in bytes {
        out.push_str(&format!("{byte:02x}"));
    }
    out
}

fn draw_spans(page: &Records, canvas: &mut Canvas<'_>, area: Rect) {
    let columns = [
        Column::figures("part", 4, 0),
        Column::figures("start", 19, 2),
        Column::figures("end", 19, 0),
        Column::figures("read", 19, 3),
        Column::figures("share", 5, 1),
    ];
    let row = |it: &Span| {
        let offset = |it: Option<i64>| cells::pending(it.map(|it| it.to_string()));
        let share = it.share.map_or_else(|| "–".to_owned(), figures::share);
        let read = it.read.map_or_else(|| "–".to_owned(), |it| it.to_string());
        let is_offline = page.without_leader.contains(&it.partition);
        let level = if is_offline { Tone::Bad } else { Tone::Ok };
        let cells = [
            Cell::plain(it.partition.to_string()),
            offset(it.start),
            offset(it.end),
            Cell::figure(read),
            Cell::figure(share),
        ];
        Row::new(level, cells)
    };
    let rows: Vec<Row> = page.spans.iter().take(usize::from(area.height)).map(row).collect();
    let (cursor, sorted) = (None, None);
    Table { columns: &columns, rows: &rows, cursor, sorted, shown: Shown::Fitting }
        .draw(canvas, area);
}

#[cfg(test)]
mod tests;
