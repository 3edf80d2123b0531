//! Draws the partitions that move.

use ratatui::layout::Rect;

use super::{below, draw_empty, draw_lines, sort_only};
use crate::tui::figures;
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::listing::{Line as _, List as _};
use crate::tui::model::screens::reassignments::{MoveLine, Reassignments};
use crate::tui::model::throttles::{Throttle, Throttled};
use crate::tui::view::canvas::{Canvas, Piece, after, line_of};
use crate::tui::view::chart;
use crate::tui::view::frame::Title;
use crate::tui::view::list::Look;
use crate::tui::view::table::{Cell, Column};
use crate::tui::view::theme::{Glyphs, Tone};

const BAR: usize = 13;
/// Moves that kt starts have a journal, which names them.
const STARTED: &str = "started by: unknown tool (no kt journal)   ";

fn columns() -> Vec<Column> {
    vec![
        Column::name("partition"),
        Column::words("from", 7, 5),
        Column::words("to", 7, 4),
        Column::words("done", 18, 0),
        Column::figures("left", 7, 2),
        Column::figures("B/s", 7, 3),
        Column::figures("eta", 5, 1),
    ]
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let page = &app.pages.reassignments;
    let Some(head) = &page.head else {
        let why = page.failure.clone().map_or_else(|| super::reading(app), |why| vec![why]);
        return draw_lines(canvas, body, &why);
    };
    let by = if page.list.all().len() == 0 { "" } else { STARTED };
    let finished = format!("{by}finished in this session: {}", head.finished);
    canvas.put(after(line_of(body, 0), 3), &finished, Tone::Dim);
    let table = below(body, 1);
    let behind = left_behind(page);
    let taken = u16::try_from(behind.len()).unwrap_or(0);
    let table = Rect { height: table.height.saturating_sub(taken), ..table };
    let columns = columns();
    let glyphs = app.theme.glyphs;
    let cells = |it: &MoveLine| cells_of(it, glyphs);
    Look { pane: 0, has_focus: true, columns: &columns, cells: &cells }
        .draw(&page.list, canvas, table, drawn);
    if page.list.names().is_empty() {
        let nothing = ["No partition moves."];
        draw_empty(app, (&page.list, true, "move"), &nothing, canvas, below(table, 1));
    }
    let last = body.height.saturating_sub(taken);
    for (index, (mark, text)) in (last..body.height).zip(behind) {
        let line = line_of(body, index);
        canvas.put(after(line, 1), mark.mark(), mark);
        let room = after(line, 3);
        canvas.put(room, &figures::value(&text, usize::from(room.width)), mark);
    }
}

/// Throttles that slow down no move: two of them, each with the command that ends it.
fn left_behind(page: &Reassignments) -> Vec<(Tone, String)> {
    const SHOWN: usize = 2;
    let mut lines = Vec::new();
    for it in page.left_behind.iter().take(SHOWN) {
        let why = match it.of {
            Throttled::Topic(_) => "no partition of it moves",
            Throttled::Broker(_) => "no move runs",
        };
        let copies = if lines.is_empty() { " (Y copies this)" } else { "" };
        lines.push((Tone::Warn, format!("throttle left on {}, {why}{copies}:", it.name())));
        lines.push((Tone::Plain, it.kt_line()));
    }
    let more = page.left_behind.len().saturating_sub(SHOWN);
    if 0 < more {
        lines.push((Tone::Dim, format!("+ {more} more")));
    }
    lines
}

/// `throttle 50MiB/s on 1,2,3,4`
fn throttle(page: &Reassignments) -> Option<Piece> {
    let of_broker = |it: &Throttle| match it.of {
        Throttled::Broker(id) => Some((id, it.rate?)),
        Throttled::Topic(_) => None,
    };
    let brokers: Vec<(i32, i64)> = page.throttled.iter().filter_map(of_broker).collect();
    let (least, most) =
        (brokers.iter().map(|it| it.1).min()?, brokers.iter().map(|it| it.1).max()?);
    let ids: Vec<String> = brokers.iter().map(|it| it.0.to_string()).collect();
    let from = if least == most { "" } else { "from " };
    let rate = figures::byte_rate(least as f64).replace(".0", "");
    Some(Piece::new(format!("  throttle {from}{rate}/s on {}", ids.join(",")), Tone::Warn))
}

pub(super) fn title(app: &App) -> Title {
    let page = &app.pages.reassignments;
    let mut left = vec![Piece::new("moves", Tone::Plain)];
    if let Some(head) = &page.head {
        let (shown, all) = (page.list.names().len(), page.list.count());
        left.push(Piece::new(format!("  {shown} of {all}"), Tone::Plain));
        if let Some(bytes) = head.left.filter(|_| 0 < all) {
            let sign = if head.is_part { "~" } else { "" };
            left.push(Piece::new(format!("   {sign}{} left", figures::bytes(bytes)), Tone::Plain));
        }
        if let Some(rate) = head.bytes_per_second.filter(|_| 0 < all) {
            left.push(Piece::new(format!("  {}/s", figures::byte_rate(rate)), Tone::Plain));
        }
        if let Some(eta) = head.eta_ms {
            left.push(Piece::new(format!("  eta {}", figures::duration(eta)), Tone::Plain));
        }
    }
    if page.head.is_none() && page.failure.is_none() {
        left.push(Piece::new("  reading", Tone::Plain));
    }
    Title { left, right: throttle(page).into_iter().chain(sort_only(&page.list)).collect() }
}

fn cells_of(it: &MoveLine, glyphs: Glyphs) -> Vec<Cell> {
    let ids = |ids: &[i32]| {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        Cell::plain(ids.join(","))
    };
    let done = match it.done {
        Some(share) => {
            format!("{:<BAR$} {:>4}", chart::bar(share, BAR, glyphs), figures::share(share))
        }
        None => "…".to_owned(),
    };
    let eta = match (it.is_stalled, it.eta_ms) {
        (true, _) => Cell::new("stall", Tone::Warn),
        (_, Some(ms)) => Cell::plain(figures::duration(ms)),
        _ => Cell::figure("…"),
    };
    let rate = it.bytes_per_second.map_or_else(|| "…".to_owned(), figures::byte_rate);
    vec![
        Cell::plain(it.key()),
        ids(&it.from),
        ids(&it.to),
        Cell::plain(done),
        Cell::figure(it.left.map_or_else(|| "…".to_owned(), figures::bytes)),
        Cell::figure(rate),
        eta,
    ]
}
