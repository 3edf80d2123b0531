//! Draws the overview.

mod tables;

use ratatui::layout::Rect;

use super::{LEFT, after_columns, below, cells, is_side_by_side};
use crate::tui::figures;
use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::checks::{CheckKind, Level};
use crate::tui::model::listing::List as _;
use crate::tui::model::schedule::Kind;
use crate::tui::model::screens::overview::{CheckLine, Pane};
use crate::tui::view::app::tone;
use crate::tui::view::canvas::{Canvas, Piece, after, line_of};
use crate::tui::view::chart::{Axis, Chart, edge};
use crate::tui::view::frame::{Title, draw_rule};
use crate::tui::view::list::Look;
use crate::tui::view::table::{Cell, Column, Cut};
use crate::tui::view::theme::Tone;

/// Lines of the checks with their head.
const CHECKS: u16 = 7;
/// From so many lines of the window on there is a table of brokers.
const WITH_BROKERS: u16 = 34;
/// Right of the charts of one line.
const MARGIN: u16 = 3;
/// So many brokers are shown at most, the worst of them: above other tables, and beside them.
const BROKERS: u16 = 6;
const BROKERS_BESIDE: u16 = 12;

/// What stands right of the checks.
#[derive(Clone, Copy)]
enum Margin {
    OfWindow,
    /// The rule that divides a wide body.
    OfRule,
}

/// A number of the whole cluster, and how it is written.
#[derive(Clone, Copy)]
struct Total {
    name: &'static str,
    metric: Metric,
    /// What it is made of.
    kind: Kind,
    write: fn(f64) -> String,
    unit: &'static str,
}

const TOTALS: [Total; 3] = [
    Total {
        name: "records in",
        metric: Metric::RecordsIn,
        kind: Kind::LogEnds,
        write: figures::rate,
        unit: "/s",
    },
    Total {
        name: "bytes in",
        metric: Metric::BytesIn,
        kind: Kind::LogDirs,
        write: figures::byte_rate,
        unit: "/s",
    },
    Total {
        name: "records out ~",
        metric: Metric::RecordsOut,
        kind: Kind::Commits,
        write: figures::rate,
        unit: "/s",
    },
];

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let area = canvas.area();
    if is_side_by_side(area) {
        return draw_wide(app, canvas, body, drawn);
    }
    let checks = Rect { height: CHECKS.min(body.height), ..body };
    draw_checks(app, canvas, (checks, Margin::OfWindow), drawn);
    let mut rest = below(body, CHECKS + 1);
    if rest.height < 4 {
        return;
    }
    draw_sparklines(app, canvas, rest);
    rest = below(rest, 4);
    if WITH_BROKERS <= area.height {
        rest = tables::draw_brokers(app, canvas, (rest, BROKERS), drawn);
    }
    let half = rest.width.saturating_sub(3) / 2;
    let half = half.min(35);
    tables::draw_topics(app, canvas, Rect { width: half, ..rest }, drawn);
    for index in 0..rest.height {
        canvas.put(after(line_of(rest, index), half + 1), "│", Tone::Dim);
    }
    tables::draw_groups(app, canvas, after_columns(rest, half + 2), drawn);
}

fn draw_wide(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let left = Rect { width: LEFT, ..body };
    let right = after_columns(body, LEFT + 1);
    for index in 0..body.height {
        canvas.put(after(line_of(body, index), LEFT), "│", Tone::Dim);
    }
    let checks = Rect { height: CHECKS.min(left.height), ..left };
    draw_checks(app, canvas, (checks, Margin::OfRule), drawn);
    let mut rest = below(left, CHECKS);
    for total in TOTALS {
        draw_chart(app, canvas, Rect { height: 8.min(rest.height), ..rest }, total);
        rest = below(rest, 8);
    }
    if 1 < rest.height {
        draw_rule(canvas, line_of(rest, 0), "busiest topics", rule_tone(app, Pane::Topics));
        // A blank keeps its charts away from the rule that divides the body.
        let place = Rect { width: LEFT - 1, ..below(rest, 1) };
        tables::draw_topics(app, canvas, place, drawn);
    }
    draw_right(app, canvas, right, drawn);
}

fn draw_right(app: &App, canvas: &mut Canvas<'_>, right: Rect, drawn: &mut Drawn) {
    let mut rest = tables::draw_brokers(app, canvas, (right, BROKERS_BESIDE), drawn);
    draw_rule(canvas, line_of(rest, 0), "alerts now", Tone::Dim);
    let place = Rect { height: 11.min(rest.height.saturating_sub(1)), ..below(rest, 1) };
    tables::draw_alerts(app, canvas, place, drawn);
    rest = below(rest, 12);
    if 1 < rest.height {
        let tone = rule_tone(app, Pane::Groups);
        draw_rule(canvas, line_of(rest, 0), "groups furthest behind", tone);
        tables::draw_groups(app, canvas, below(rest, 1), drawn);
    }
}

fn rule_tone(app: &App, pane: Pane) -> Tone {
    if app.pages.overview.pane == pane { Tone::Accent } else { Tone::Dim }
}

fn draw_checks(
    app: &App,
    canvas: &mut Canvas<'_>,
    (area, margin): (Rect, Margin),
    drawn: &mut Drawn,
) {
    let overview = &app.pages.overview;
    let columns = [
        Column::words("check", 10, 0),
        Column::rest("now"),
        Column { cut: Cut::Middle, ..Column::words("where", 20, 1) },
        Column::figures("key", 3, 2),
    ];
    let margin = match margin {
        Margin::OfRule => 2,
        Margin::OfWindow => 3,
    };
    let area = Rect { width: area.width.saturating_sub(margin), ..area };
    let cells = |it: &CheckLine| check_cells(it, usize::from(area.width));
    Look { pane: 0, has_focus: overview.pane == Pane::Checks, columns: &columns, cells: &cells }
        .draw(&overview.checks, canvas, area, drawn);
    // What is well has its mark here too: each line stands for one check.
    let first = drawn.lists.last().map_or(0, |it| it.first);
    for (index, it) in (1..area.height).zip(overview.checks.shown().skip(first)) {
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
    // Lists of brokers are parted by more than what stands in them.
    let gaps = it.check.now.len().saturating_sub(1);
    let is_wide = it.check.kind == CheckKind::Brokers
        && figures::cells(&it.check.text(usize::MAX)) + gaps <= room;
    let between = if is_wide { "   " } else { "  " };
    let now = parts.enumerate().fold(Cell::default(), |cell, (index, part)| {
        let blank = if index == 0 { "" } else { between };
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
    let edge = super::right_edge(app);
    canvas.put_right(Rect { width: 26.min(head.width), ..head }, &edge, Tone::Dim);
    canvas.put(after(head, 32), "peak", Tone::Dim);
    canvas.put(after(head, 37), &from, Tone::Dim);
    let inside = Rect { width: head.width.saturating_sub(MARGIN), ..head };
    canvas.put_right(inside, &edge, Tone::Dim);
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
        let write = |it| format!("{}{}", (total.write)(f64::from(it)), total.unit);
        cells::told(app, total.kind, it).text(write)
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
    let to = super::right_edge(app);
    Chart {
        samples: &samples,
        top,
        top_text: &match total.metric {
            Metric::BytesIn => (total.write)(top),
            _ => edge(top),
        },
        axis: Axis::Right(9),
        from: &from,
        to: &to,
        tone: Tone::Plain,
    }
    .draw(canvas, plot);
}

pub(super) fn title(app: &App) -> Title {
    let left = vec![Piece::new("overview", Tone::Plain)];
    let window = format!("  last {}", app.view.window.name());
    Title { left, right: vec![Piece::new(window, Tone::Dim), super::time(app)] }
}
