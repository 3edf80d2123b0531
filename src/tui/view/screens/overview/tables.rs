//! The tables of the overview: topics, groups, brokers and what fires, as far as there is room.

use ratatui::layout::Rect;

use super::super::{alerts, below, brokers, cells, draw_lines, topics, window, window_of};
use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::checks::Level;
use crate::tui::model::listing::List as _;
use crate::tui::model::schedule::Kind;
use crate::tui::model::screens::brokers::BrokerLine;
use crate::tui::model::screens::groups::GroupLine;
use crate::tui::model::screens::overview::{BusyTopic, Pane};
use crate::tui::view::canvas::{Canvas, after, line_of};
use crate::tui::view::list::{Look, NO_PANE};
use crate::tui::view::table::{Cell, Column, Cut};
use crate::tui::view::theme::Tone;

pub(super) fn draw_topics(app: &App, canvas: &mut Canvas<'_>, area: Rect, drawn: &mut Drawn) {
    let overview = &app.pages.overview;
    let is_wide = 60 <= area.width;
    let head = if is_wide { "topic" } else { "busiest topics" };
    let mut columns =
        vec![Column::name(head), Column::figures("rec/s", 5, 0), Column::figures("B/s", 7, 2)];
    let mut spark = 0;
    if is_wide {
        spark = 24;
        columns.push(Column::figures("size", 7, 3));
        columns.push(Column::words(window(app), spark, 4));
    }
    let cells = |it: &BusyTopic| {
        let it = &it.0;
        let mut row = vec![
            Cell::plain(it.name.clone()),
            cells::rate(cells::told(app, Kind::LogEnds, it.records_in)),
            topics::bytes_in(app, it),
        ];
        if is_wide {
            let subject = Subject::Topic(it.name.clone());
            row.push(topics::size(app, it));
            row.push(cells::spark(app, &subject, Metric::RecordsIn, usize::from(spark)));
        }
        row
    };
    Look { pane: 1, has_focus: overview.pane == Pane::Topics, columns: &columns, cells: &cells }
        .draw(&overview.topics, canvas, area, drawn);
    if overview.is_known && overview.topics.names().is_empty() {
        draw_lines(canvas, below(area, 1), &["no topics".to_owned()]);
    }
}

pub(super) fn draw_groups(app: &App, canvas: &mut Canvas<'_>, area: Rect, drawn: &mut Drawn) {
    let overview = &app.pages.overview;
    let is_wide = 60 <= area.width;
    let mut columns = if is_wide {
        vec![Column::name("group"), Column::figures("lag", 6, 0), Column::figures("late", 6, 2)]
    } else {
        vec![
            Column::name("furthest behind"),
            Column::figures("lag", 6, 0),
            Column::figures("late", 6, 2),
        ]
    };
    if is_wide {
        columns.push(Column::figures("eta", 5, 4));
        columns.push(Column::figures("expires", 7, 3));
    }
    columns.push(Column::words("verdict", 7, 1));
    if is_wide {
        columns.push(Column::words(window_of(app, "lag"), 16, 5));
    }
    let cells = |it: &GroupLine| group_cells(app, it, is_wide);
    Look { pane: 2, has_focus: overview.pane == Pane::Groups, columns: &columns, cells: &cells }
        .draw(&overview.groups, canvas, area, drawn);
    if overview.is_known && overview.groups.names().is_empty() {
        draw_lines(canvas, below(area, 1), &["no groups".to_owned()]);
    }
}

fn group_cells(app: &App, it: &GroupLine, is_wide: bool) -> Vec<Cell> {
    let mut row = vec![Cell::plain(it.name.clone())];
    match &it.cells {
        Some(known) => {
            row.push(cells::lag(known));
            row.push(cells::late(known.late));
            if is_wide {
                row.push(cells::eta(known.eta));
                row.push(cells::expires(known.expires));
            }
            row.push(cells::verdict(it, known));
        }
        None => {
            let sign = if it.failure.is_some() { "?" } else { "…" };
            let count = if is_wide { 5 } else { 3 };
            row.extend(std::iter::repeat_n(Cell::figure(sign), count));
        }
    }
    if is_wide {
        row.push(cells::spark(app, &Subject::Group(it.name.clone()), Metric::Lag, 16));
    }
    row
}

/// At most so many brokers, and how many more there are. Returns what is left of `area`.
pub(super) fn draw_brokers(
    app: &App,
    canvas: &mut Canvas<'_>,
    (area, most): (Rect, u16),
    drawn: &mut Drawn,
) -> Rect {
    let overview = &app.pages.overview;
    let all = overview.brokers.names().len();
    let count = u16::try_from(all).unwrap_or(u16::MAX).clamp(1, most);
    let height = (count + 1).min(area.height);
    let columns = [
        Column::figures("id", 4, 0),
        Column::name("address"),
        Column::words("rack", 5, 5),
        Column::words("role", 4, 0),
        Column::figures("lead", 5, 3),
        Column::figures("repl", 5, 4),
        Column::figures("disk", 4, 1),
        Column::figures("in B/s", 7, 2),
        Column::words(window(app), 16, 6),
    ];
    let cells = |it: &BrokerLine| {
        vec![
            cells::id(it.id, 4),
            Cell::plain(it.address.clone()),
            Cell::plain(it.rack.clone().unwrap_or_default()),
            brokers::role(it.role),
            cells::count(it.leaders),
            cells::count(it.replicas),
            brokers::disk(app, it),
            brokers::bytes_in(app, it),
            cells::spark(app, &Subject::Broker(it.id), Metric::BytesIn, 16),
        ]
    };
    let table = Rect { height, ..area };
    Look { pane: 3, has_focus: overview.pane == Pane::Brokers, columns: &columns, cells: &cells }
        .draw(&overview.brokers, canvas, table, drawn);
    let rest = below(area, height);
    let first = drawn.lists.last().map_or(0, |it| it.first);
    let hidden = overview.brokers.shown().enumerate();
    let hidden = hidden.filter(|(at, _)| *at < first || first + usize::from(count) <= *at);
    let hidden: Vec<&BrokerLine> = hidden.map(|it| it.1).collect();
    if hidden.is_empty() {
        return rest;
    }
    let are_ok = hidden.iter().all(|it| it.level == Level::Ok);
    let word = if are_ok { "ok" } else { "more" };
    canvas.put(after(line_of(rest, 0), 3), &format!("+ {} {word}", hidden.len()), Tone::Dim);
    below(rest, 1)
}

/// What fires now.
pub(super) fn draw_alerts(app: &App, canvas: &mut Canvas<'_>, area: Rect, drawn: &mut Drawn) {
    let list = &app.pages.overview.alerts;
    let columns = [
        Column::words("level", 5, 0),
        Column { cut: Cut::Middle, ..Column::words("rule", 13, 0) },
        Column::name("subject"),
        Column::figures("value", 7, 1),
        Column::figures("limit", 8, 3),
        Column::figures("since", 5, 2),
    ];
    // Its cursor is on the screen of alerts.
    Look { pane: NO_PANE, has_focus: false, columns: &columns, cells: &alerts::cells_of }
        .draw(list, canvas, area, drawn);
    if list.names().is_empty() && app.watch.checks.is_some() {
        canvas.put(after(line_of(area, 1), 3), "none", Tone::Dim);
    }
    more(canvas, area, list.names().len());
}

/// On the last line of a table that nobody scrolls: how many lines it takes the place of.
fn more(canvas: &mut Canvas<'_>, area: Rect, count: usize) {
    let rows = usize::from(area.height.saturating_sub(1));
    if rows == 0 || count <= rows {
        return;
    }
    let last = line_of(area, area.height - 1);
    canvas.clear(last);
    canvas.put(after(last, 3), &format!("+ {}", count - rows + 1), Tone::Dim);
}
