//! Draws the overview.

use ratatui::layout::Rect;

use super::{after_columns, alerts, below, brokers, cells};
use crate::tui::figures;
use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::checks::Level;
use crate::tui::model::listing::{Line as _, List as _};
use crate::tui::model::screens::brokers::BrokerLine;
use crate::tui::model::screens::groups::GroupLine;
use crate::tui::model::screens::overview::{BusyTopic, CheckLine, Pane};
use crate::tui::view::app::tone;
use crate::tui::view::canvas::{Canvas, Piece, after, line_of};
use crate::tui::view::chart::{Axis, Chart};
use crate::tui::view::frame::{Title, draw_rule};
use crate::tui::view::list::Look;
use crate::tui::view::table::{Cell, Column, Cut};
use crate::tui::view::theme::Tone;

/// Lines of the checks with their head.
const CHECKS: u16 = 7;
/// From this size on panes stand side by side.
const SIDE_BY_SIDE: (u16, u16) = (150, 40);
/// From so many lines of the window on there is a table of brokers.
const WITH_BROKERS: u16 = 34;
/// Right of the charts of one line.
const MARGIN: u16 = 3;
/// Left of the rule that divides a wide body.
const LEFT: u16 = 79;

/// A number of the whole cluster, and how it is written.
#[derive(Clone, Copy)]
struct Total {
    name: &'static str,
    metric: Metric,
    write: fn(f64) -> String,
    unit: &'static str,
}

const TOTALS: [Total; 3] = [
    Total { name: "records in", metric: Metric::RecordsIn, write: figures::rate, unit: "/s" },
    Total { name: "bytes in", metric: Metric::BytesIn, write: figures::byte_rate, unit: "/s" },
    Total { name: "records out ~", metric: Metric::RecordsOut, write: figures::rate, unit: "/s" },
];

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let area = canvas.area();
    if SIDE_BY_SIDE.0 <= area.width && SIDE_BY_SIDE.1 <= area.height {
        return draw_wide(app, canvas, body, drawn);
    }
    draw_checks(app, canvas, Rect { height: CHECKS.min(body.height), ..body }, drawn);
    let mut rest = below(body, CHECKS + 1);
    if rest.height < 4 {
        return;
    }
    draw_sparklines(app, canvas, rest);
    rest = below(rest, 4);
    if WITH_BROKERS <= area.height {
        let brokers = u16::try_from(app.pages.overview.brokers.names().len()).unwrap_or(u16::MAX);
        let height = brokers.clamp(1, 6) + 1;
        draw_brokers(app, canvas, Rect { height, ..rest }, drawn);
        rest = below(rest, height);
    }
    let half = (rest.width - 3) / 2;
    let half = half.min(35);
    draw_topics(app, canvas, Rect { width: half, ..rest }, drawn);
    for index in 0..rest.height {
        canvas.put(after(line_of(rest, index), half + 1), "│", Tone::Dim);
    }
    draw_groups(app, canvas, after_columns(rest, half + 2), drawn);
}

fn draw_wide(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let left = Rect { width: LEFT, ..body };
    let right = after_columns(body, LEFT + 1);
    for index in 0..body.height {
        canvas.put(after(line_of(body, index), LEFT), "│", Tone::Dim);
    }
    draw_checks(app, canvas, Rect { height: CHECKS, ..left }, drawn);
    let mut rest = below(left, CHECKS);
    for total in TOTALS {
        draw_chart(app, canvas, Rect { height: 8.min(rest.height), ..rest }, total);
        rest = below(rest, 8);
    }
    if 1 < rest.height {
        draw_rule(canvas, line_of(rest, 0), "busiest topics", rule_tone(app, Pane::Topics));
        draw_topics(app, canvas, below(rest, 1), drawn);
    }
    draw_right(app, canvas, right, drawn);
}

fn draw_right(app: &App, canvas: &mut Canvas<'_>, right: Rect, drawn: &mut Drawn) {
    let overview = &app.pages.overview;
    let brokers = u16::try_from(overview.brokers.names().len()).unwrap_or(u16::MAX).clamp(1, 12);
    let has_more = 12 < overview.brokers.names().len();
    draw_brokers(app, canvas, Rect { height: brokers + 1, ..right }, drawn);
    let mut rest = below(right, brokers + 1);
    if has_more {
        let more = overview.brokers.names().len() - 12;
        canvas.put(after(line_of(rest, 0), 3), &format!("+ {more} more"), Tone::Dim);
        rest = below(rest, 1);
    }
    draw_rule(canvas, line_of(rest, 0), "alerts now", Tone::Dim);
    let place = Rect { height: 11.min(rest.height.saturating_sub(1)), ..below(rest, 1) };
    draw_alerts(app, canvas, place, drawn);
    rest = below(rest, 12);
    if 1 < rest.height {
        let tone = rule_tone(app, Pane::Groups);
        draw_rule(canvas, line_of(rest, 0), "groups furthest behind", tone);
        draw_groups(app, canvas, below(rest, 1), drawn);
    }
}

fn rule_tone(app: &App, pane: Pane) -> Tone {
    if app.pages.overview.pane == pane { Tone::Accent } else { Tone::Dim }
}

fn draw_checks(app: &App, canvas: &mut Canvas<'_>, area: Rect, drawn: &mut Drawn) {
    let overview = &app.pages.overview;
    let columns = [
        Column::words("check", 10, 0),
        Column::rest("now"),
        Column { cut: Cut::Middle, ..Column::words("where", 20, 1) },
        Column::figures("key", 3, 2),
    ];
    // The margin keeps the keys away from the rule of a wide body.
    let margin = if area.width == LEFT { 2 } else { 3 };
    let area = Rect { width: area.width.saturating_sub(margin), ..area };
    let cells = |it: &CheckLine| check_cells(it, usize::from(area.width));
    Look { pane: 0, has_focus: overview.pane == Pane::Checks, columns: &columns, cells: &cells }
        .draw(&overview.checks, canvas, area, drawn);
    // What is well has its mark here too: each line stands for one check.
    for (index, it) in (1..area.height).zip(overview.checks.shown()) {
        let line = after(line_of(area, index), 1);
        if it.check.level == Level::Ok {
            canvas.put(Rect { width: 1, ..line }, Tone::Ok.check_mark(), Tone::Ok);
        }
    }
    if overview.checks.names().is_empty() {
        super::draw_lines(canvas, below(area, 1), &super::reading(app));
    }
}

fn check_cells(it: &CheckLine, width: usize) -> Vec<Cell> {
    let room = width.saturating_sub(3 + 10 + 1 + 1 + 20 + 1 + 3);
    let has_room = figures::cells(&it.check.text(usize::MAX)) <= room;
    let parts = it.check.now.iter().filter(|part| has_room || !part.is_spare);
    let now = parts.enumerate().fold(Cell::default(), |cell, (index, part)| {
        let blank = if index == 0 { "" } else { "  " };
        cell.and(format!("{blank}{}", part.text), tone(part.level))
    });
    let place = it.check.worst.as_ref().map_or_else(String::new, |it| it.text.clone());
    let screen = it.check.kind.screen();
    let key = crate::tui::model::screen::Screen::BAR.iter().position(|it| *it == screen);
    vec![
        Cell::plain(it.check.kind.name()),
        now,
        Cell::plain(place),
        Cell::new(key.map_or_else(String::new, |it| (it + 1).to_string()), Tone::Dim),
    ]
}

/// The three totals, a line each.
fn draw_sparklines(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let head = line_of(area, 0);
    let from = format!("-{}", app.view.window.name());
    canvas.put(after(head, 3), "rates", Tone::Dim);
    canvas.put(after(head, 23), "now", Tone::Dim);
    canvas.put(after(head, 32), "peak", Tone::Dim);
    canvas.put(after(head, 37), &from, Tone::Dim);
    let inside = Rect { width: head.width.saturating_sub(MARGIN), ..head };
    canvas.put_right(inside, "now", Tone::Dim);
    for (index, total) in (1..area.height.min(4)).zip(TOTALS) {
        let line = line_of(area, index);
        let (now, peak) = figures_of(app, total);
        canvas.put(after(line, 3), total.name, Tone::Plain);
        canvas.put_right(Rect { width: 26.min(line.width), ..line }, &now, Tone::Plain);
        canvas.put_right(Rect { width: 36.min(line.width), ..line }, &peak, Tone::Dim);
        let room = after(line, 37);
        let width = usize::from(room.width.saturating_sub(MARGIN));
        let glyphs = app.theme.glyphs;
        let chart = cells::sparkline(app, &Subject::Total, total.metric, width, glyphs);
        canvas.put(room, &chart, Tone::Plain);
    }
}

/// The value at the right edge, and the peak of the window.
fn figures_of(app: &App, total: Total) -> (String, String) {
    let now = app.shown_now().monotonic;
    let series = app.watch.store.series(&Subject::Total, total.metric);
    let text = |it: Option<f32>| {
        it.map_or_else(
            || "…".to_owned(),
            |it| format!("{}{}", (total.write)(f64::from(it)), total.unit),
        )
    };
    let edge = series.and_then(|it| it.at_edge(app.view, now));
    let peak = series.and_then(|it| it.peak(app.view, now));
    (text(edge), text(peak))
}

/// A rule with the figures, six rows of area, and the window below it.
fn draw_chart(app: &App, canvas: &mut Canvas<'_>, area: Rect, total: Total) {
    let (now, peak) = figures_of(app, total);
    draw_rule(canvas, line_of(area, 0), &format!("{}  {now}  peak {peak}", total.name), Tone::Dim);
    let plot = below(area, 1);
    let plot = Rect { width: plot.width.saturating_sub(2), ..plot };
    let width = usize::from(plot.width.saturating_sub(9));
    let samples = cells::samples(app, &Subject::Total, total.metric, width);
    let top = app.top(&Subject::Total, total.metric);
    let from = format!("-{}", app.view.window.name());
    let to = if app.view.is_live() { "now" } else { "" };
    Chart {
        samples: &samples,
        top,
        top_text: &(total.write)(top),
        axis: Axis::Right(9),
        from: &from,
        to,
        tone: Tone::Plain,
    }
    .draw(canvas, plot);
}

fn draw_topics(app: &App, canvas: &mut Canvas<'_>, area: Rect, drawn: &mut Drawn) {
    let overview = &app.pages.overview;
    let is_wide = 60 <= area.width;
    let head = if is_wide { "topic" } else { "busiest topics" };
    let mut columns =
        vec![Column::name(head), Column::figures("rec/s", 5, 0), Column::figures("B/s", 7, 2)];
    let mut spark = 0;
    if is_wide {
        spark = 24;
        columns.push(Column::figures("size", 7, 3));
        columns.push(Column::words(spark_head(app), spark, 4));
    }
    let cells = |it: &BusyTopic| {
        let it = &it.0;
        let mut row = vec![
            Cell::plain(it.name.clone()),
            cells::rate(it.records_in),
            cells::byte_rate(it.bytes_in, it.bytes_in_is_estimated),
        ];
        if is_wide {
            let subject = Subject::Topic(it.name.clone());
            row.push(cells::bytes(it.size));
            row.push(cells::spark(app, &subject, Metric::RecordsIn, usize::from(spark)));
        }
        row
    };
    Look { pane: 1, has_focus: overview.pane == Pane::Topics, columns: &columns, cells: &cells }
        .draw(&overview.topics, canvas, area, drawn);
    if overview.is_known && overview.topics.names().is_empty() {
        super::draw_lines(canvas, below(area, 1), &["no topics".to_owned()]);
    }
}

fn spark_head(app: &App) -> String {
    format!("last {}", app.view.window.name())
}

fn draw_groups(app: &App, canvas: &mut Canvas<'_>, area: Rect, drawn: &mut Drawn) {
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
        columns.push(Column::words(format!("lag, {}", spark_head(app)), 16, 5));
    }
    let cells = |it: &GroupLine| group_cells(app, it, is_wide);
    Look { pane: 2, has_focus: overview.pane == Pane::Groups, columns: &columns, cells: &cells }
        .draw(&overview.groups, canvas, area, drawn);
    if overview.is_known && overview.groups.names().is_empty() {
        super::draw_lines(canvas, below(area, 1), &["no groups".to_owned()]);
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
            row.push(cells::verdict(known));
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

fn draw_brokers(app: &App, canvas: &mut Canvas<'_>, area: Rect, drawn: &mut Drawn) {
    let overview = &app.pages.overview;
    let columns = [
        Column::figures("id", 4, 0),
        Column::name("address"),
        Column::words("rack", 5, 5),
        Column::words("role", 4, 0),
        Column::figures("lead", 5, 3),
        Column::figures("repl", 5, 4),
        Column::figures("disk", 4, 1),
        Column::figures("in B/s", 7, 2),
        Column::words(spark_head(app), 16, 6),
    ];
    let cells = |it: &BrokerLine| {
        vec![
            Cell::plain(it.key()),
            Cell::plain(it.address.clone()),
            Cell::plain(it.rack.clone().unwrap_or_default()),
            brokers::role(it.role),
            cells::count(it.leaders),
            cells::count(it.replicas),
            brokers::disk(it.disk),
            brokers::bytes_in(it),
            cells::spark(app, &Subject::Broker(it.id), Metric::BytesIn, 16),
        ]
    };
    Look { pane: 3, has_focus: overview.pane == Pane::Brokers, columns: &columns, cells: &cells }
        .draw(&overview.brokers, canvas, area, drawn);
}

/// What fires now.
fn draw_alerts(app: &App, canvas: &mut Canvas<'_>, area: Rect, drawn: &mut Drawn) {
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
    Look { pane: usize::MAX, has_focus: false, columns: &columns, cells: &alerts::cells_of }
        .draw(list, canvas, area, drawn);
    if list.names().is_empty() && app.watch.checks.is_some() {
        canvas.put(after(line_of(area, 1), 3), "none", Tone::Dim);
    }
}

pub(super) fn title(app: &App) -> Title {
    let left = vec![Piece::new("overview", Tone::Plain)];
    let window = format!("  last {}", app.view.window.name());
    let time = if app.view.is_live() { "  live" } else { "  back" };
    Title { left, right: vec![Piece::new(window, Tone::Dim), Piece::new(time, Tone::Dim)] }
}
