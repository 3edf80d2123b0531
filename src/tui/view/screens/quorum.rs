//! Draws the metadata quorum.

use ratatui::layout::Rect;

use super::{below, cells, draw_lines};
use crate::tui::figures;
use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::listing::List as _;
use crate::tui::model::screens::quorum::{QuorumRole, ReplicaLine};
use crate::tui::view::canvas::{Canvas, Piece, after, line_of};
use crate::tui::view::frame::Title;
use crate::tui::view::list::Look;
use crate::tui::view::table::{Cell, Column};
use crate::tui::view::theme::Tone;

fn columns(is_wide: bool) -> Vec<Column> {
    vec![
        Column::figures("id", 4, 0),
        Column::words("role", 8, 0),
        Column::offset("log end", is_wide, 4),
        Column::figures("lag", 5, 0),
        Column::figures("last fetch", 10, 2),
        Column::figures("caught up", 10, 3),
        Column::words("directory id", 22, 5),
    ]
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let page = &app.pages.quorum;
    let count = u16::try_from(page.list.names().len()).unwrap_or(u16::MAX);
    // The chart has the line below the nodes, or the last one.
    let height = count.saturating_add(1).min(body.height.saturating_sub(1)).max(1);
    let columns = columns(page.list.showing().wide.is_some());
    let table = Rect { height, ..body };
    Look { pane: 0, has_focus: true, columns: &columns, cells: &cells_of }
        .draw(&page.list, canvas, table, drawn);
    if page.head.is_none() {
        let why = page.failure.clone().map_or_else(|| super::reading(app), |why| vec![why]);
        draw_lines(canvas, below(body, 1), &why);
        return;
    }
    draw_lag(app, canvas, line_of(body, height));
}

/// The lag of the slowest voter over time.
fn draw_lag(app: &App, canvas: &mut Canvas<'_>, line: Rect) {
    let now = app.shown_now().monotonic;
    let series = app.watch.store.series(&Subject::Total, Metric::QuorumLag);
    let peak = series.and_then(|it| it.peak(app.view, now)).unwrap_or(0.0);
    let most = format!("max {}", figures::count(peak as u64));
    let taken = canvas.put(after(line, 3), "lag of the slowest voter ", Tone::Dim);
    let room = after(line, 3 + taken);
    let width = usize::from(room.width).saturating_sub(figures::cells(&most) + 3);
    let glyphs = app.theme.glyphs;
    let chart = cells::sparkline(app, &Subject::Total, Metric::QuorumLag, width, glyphs);
    let taken = canvas.put(room, &chart, Tone::Plain);
    canvas.put(after(room, taken + 2), &most, Tone::Dim);
}

pub(super) fn title(app: &App) -> Title {
    let mut left = vec![Piece::new("quorum", Tone::Plain)];
    let mut right = Vec::new();
    if let Some(head) = app.pages.quorum.head {
        left.push(Piece::new(format!("  leader {}", head.leader), Tone::Plain));
        left.push(Piece::new(format!("  epoch {}", head.epoch), Tone::Plain));
        left.push(Piece::new(format!("  high watermark {}", head.high_watermark), Tone::Plain));
        let tone = if head.fetching < head.voters { Tone::Bad } else { Tone::Plain };
        left.push(Piece::new(format!("  voters {}/{}", head.fetching, head.voters), tone));
        let majority = head.voters / 2 + 1;
        right.push(Piece::new(format!("  majority {majority}"), Tone::Dim));
    }
    Title { left, right }
}

fn cells_of(it: &ReplicaLine) -> Vec<Cell> {
    let ago = |it: Option<u64>| Cell::figure(it.map_or_else(|| "–".to_owned(), figures::duration));
    let role_tone = if it.role == QuorumRole::Leader { Tone::Accent } else { Tone::Plain };
    let offset = it.log_end.map_or_else(|| "–".to_owned(), |it| figures::offset(it, 10));
    vec![
        cells::id(it.id, 4),
        Cell::new(it.role.name(), role_tone),
        Cell::figure(offset),
        Cell::figure(it.lag.map_or_else(|| "–".to_owned(), figures::count)),
        ago(it.last_fetch_ms),
        ago(it.caught_up_ms),
        Cell::new(it.directory_id.clone().unwrap_or_else(|| "–".to_owned()), Tone::Dim),
    ]
}
