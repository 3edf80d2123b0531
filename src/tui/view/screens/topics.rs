//! Draws the topics.

use ratatui::layout::Rect;

use super::{cells, draw_empty, list_title};
use crate::tui::figures;
use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::listing::List as _;
use crate::tui::model::screens::topics::TopicLine;
use crate::tui::view::canvas::Canvas;
use crate::tui::view::frame::Title;
use crate::tui::view::list::Look;
use crate::tui::view::table::{Cell, Column};
use crate::tui::view::theme::Tone;

const SPARK: u16 = 28;

/// In the order of the head; dropping goes by the numbers.
fn columns(width: u16) -> Vec<Column> {
    let wide = |it: Column| it.shown_from(120);
    let _ = width;
    vec![
        Column::name("topic"),
        Column::figures("part", 4, 4),
        Column::figures("rf", 2, 5),
        wide(Column::figures("min", 3, 12)),
        Column::words("faults", 9, 0),
        Column::figures("rec/s", 5, 2),
        Column::figures("B/s", 7, 7),
        wide(Column::figures("records", 7, 11)),
        Column::figures("size", 7, 3),
        Column::figures("keep", 5, 6),
        wide(Column::figures("sprd", 4, 13)),
        wide(Column::figures("skew", 4, 9)),
        wide(Column::figures("lskw", 4, 10)),
        Column::figures("grp", 3, 8),
        wide(Column::figures("worst", 6, 8)),
        wide(Column::words("rec/s, last 30m", SPARK, 14)),
    ]
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let page = &app.pages.topics;
    let columns = columns(body.width);
    let cells = |it: &TopicLine| cells_of(app, it);
    Look { pane: 0, has_focus: true, columns: &columns, cells: &cells }
        .draw(&page.list, canvas, body, drawn);
    if page.list.names().is_empty() {
        let nothing = ["No topics on this cluster.", "Try: kt topics create orders"];
        let below = Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body };
        draw_empty(app, (&page.list, page.is_known, "topic"), &nothing, canvas, below);
    }
}

pub(super) fn title(app: &App) -> Title {
    list_title("topics", &app.pages.topics.list, app.pages.topics.is_known)
}

fn cells_of(app: &App, it: &TopicLine) -> Vec<Cell> {
    let unknown = |cell: Cell| if it.failure.is_some() { Cell::figure("?") } else { cell };
    let share = |it: Option<f64>| Cell::figure(it.map_or_else(|| "–".to_owned(), figures::share));
    vec![
        Cell::plain(it.name.clone()),
        cells::count(it.partitions),
        cells::count(it.replication_factor),
        Cell::figure(it.min_isr.map_or_else(|| "…".to_owned(), |it| it.to_string())),
        faults(it),
        cells::rate(it.records_in),
        cells::byte_rate(it.bytes_in, it.bytes_in_is_estimated),
        records(it),
        cells::bytes(it.size),
        unknown(cells::keep(it.keep)),
        share(it.spread),
        share(it.skew),
        share(it.leader_skew),
        cells::count(it.groups),
        Cell::figure(it.latest_group_ms.map_or_else(|| "–".to_owned(), figures::duration)),
        cells::spark(app, &Subject::Topic(it.name.clone()), Metric::RecordsIn, usize::from(SPARK)),
    ]
}

fn records(it: &TopicLine) -> Cell {
    use crate::tui::model::screens::topics::Keep;
    let sign = if it.keep == Keep::Compacted { "~" } else { "" };
    Cell::figure(
        it.records.map_or_else(|| "…".to_owned(), |it| format!("{sign}{}", figures::count(it))),
    )
}

/// At most the two worst: `off2 min4`.
fn faults(it: &TopicLine) -> Cell {
    let all = [
        ("off", it.offline, Tone::Bad),
        ("min", it.below_min_isr, Tone::Bad),
        ("urp", it.out_of_sync, Tone::Warn),
    ];
    let found = all.into_iter().filter(|it| 0 < it.1).take(2);
    found.enumerate().fold(Cell::default(), |cell, (index, (word, count, tone))| {
        let blank = if index == 0 { "" } else { " " };
        cell.and(format!("{blank}{word}{}", figures::count(count as u64)), tone)
    })
}
