//! Draws the topics.

use ratatui::layout::Rect;

use super::{cells, draw_empty, list_title, window_of};
use crate::tui::figures;
use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::listing::List as _;
use crate::tui::model::schedule::Kind;
use crate::tui::model::screens::topics::{Keep, TopicLine};
use crate::tui::view::canvas::Canvas;
use crate::tui::view::frame::Title;
use crate::tui::view::list::Look;
use crate::tui::view::table::{Cell, Column};
use crate::tui::view::theme::Tone;

const SPARK: u16 = 28;

/// In the order of the head; dropping goes by the numbers.
fn columns(app: &App) -> Vec<Column> {
    let wide = |it: Column| it.shown_from(120);
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
        wide(Column::words(window_of(app, "rec/s"), SPARK, 14)),
    ]
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let page = &app.pages.topics;
    let columns = columns(app);
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
    list_title(app, "topics", (&app.pages.topics.list, app.pages.topics.is_known))
}

fn cells_of(app: &App, it: &TopicLine) -> Vec<Cell> {
    let unknown = |cell: Cell| if it.failure.is_some() { Cell::figure("?") } else { cell };
    let unless = |is_known: bool, cell: Cell| if is_known { cell } else { unknown(cell) };
    let share = |it: Option<f64>| Cell::figure(it.map_or_else(|| "–".to_owned(), figures::share));
    vec![
        Cell::plain(it.name.clone()),
        cells::count_in(it.partitions, 4),
        cells::count_in(it.replication_factor, 2),
        unknown(Cell::figure(
            cells::told(app, Kind::Configs, it.min_isr).text(|it| figures::count_in(it as u64, 3)),
        )),
        faults(it),
        unless(
            it.records_in.is_some(),
            cells::rate(cells::told(app, Kind::LogEnds, it.records_in)),
        ),
        bytes_in(app, it),
        unless(it.records.is_some(), records(app, it)),
        size(app, it),
        unless(it.keep != Keep::Unknown, cells::keep(app, it.keep)),
        share(it.spread),
        share(it.skew),
        share(it.leader_skew),
        cells::once_told(app, Kind::Groups, cells::count_in(it.groups, 3)),
        cells::once_told(
            app,
            Kind::Groups,
            Cell::figure(it.latest_group_ms.map_or_else(|| "–".to_owned(), figures::duration)),
        ),
        cells::spark(app, &Subject::Topic(it.name.clone()), Metric::RecordsIn, usize::from(SPARK)),
    ]
}

fn records(app: &App, it: &TopicLine) -> Cell {
    let is_about = it.keep == Keep::Compacted || it.records_are_part;
    let sign = if is_about { "~" } else { "" };
    let kind = if it.records_in.is_none() { Kind::LogEnds } else { Kind::LogStarts };
    let records = cells::told(app, kind, it.records);
    Cell::figure(records.text(|it| format!("{sign}{}", figures::count(it))))
}

/// `~` while it lacks a partition.
pub(super) fn size(app: &App, it: &TopicLine) -> Cell {
    let write = |size| {
        let text = figures::bytes(size);
        if it.size_is_part { cells::about(&text) } else { text }
    };
    Cell::figure(cells::told(app, Kind::LogDirs, it.size).text(write))
}

pub(super) fn bytes_in(app: &App, it: &TopicLine) -> Cell {
    let told = cells::told(app, Kind::LogDirs, it.bytes_in);
    cells::byte_rate(told, it.bytes_in_is_estimated)
}

/// The cells of what is wrong.
const FAULTS: usize = 9;

/// At most the two worst, and the second only if it is not cut: `off2 min4`.
fn faults(it: &TopicLine) -> Cell {
    let all = [
        ("off", it.offline, Tone::Bad),
        ("min", it.below_min_isr, Tone::Bad),
        ("urp", it.out_of_sync, Tone::Warn),
    ];
    let (mut cell, mut room) = (Cell::default(), FAULTS);
    for (index, (word, count, tone)) in all.into_iter().filter(|it| 0 < it.1).take(2).enumerate() {
        let blank = if index == 0 { "" } else { " " };
        let text = format!("{blank}{word}{}", figures::count(count as u64));
        let Some(left) = room.checked_sub(text.len()) else { break };
        (cell, room) = (cell.and(text, tone), left);
    }
    cell
}
