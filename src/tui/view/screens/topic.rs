//! Draws one topic: its partitions, configs and groups, one at a time or side by side.

mod partitions;

use ratatui::layout::Rect;

use super::{LEFT, after_columns, below, cells, configs, groups, is_side_by_side, reading};
use crate::tui::figures;
use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::listing::List as _;
use crate::tui::model::schedule::Kind;
use crate::tui::model::screens::topic::{Pane, PartitionLine, Standing, TopicPage};
use crate::tui::model::screens::topics::Keep;
use crate::tui::view::canvas::{Canvas, Piece, after, line_of};
use crate::tui::view::chart;
use crate::tui::view::frame::{Title, draw_lines, draw_rule};
use crate::tui::view::list::Look;
use crate::tui::view::theme::Tone;

/// The line of the rate needs so many columns.
const WITH_RATE: u16 = 60;
/// Lines of the panes at the right, with their rules.
const RIGHT_PANE: u16 = 15;

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let page = &app.pages.topic;
    match page.standing {
        Standing::Here => {}
        Standing::Unknown => return draw_lines(canvas, body, &reading(app)),
        Standing::Deleted | Standing::Missing => return draw_absent(page, canvas, body),
    }
    let area = canvas.area();
    if is_side_by_side(area) {
        return draw_wide(app, canvas, body, drawn);
    }
    canvas.put_all(after(line_of(body, 0), 1), &panes(page));
    let mut rest = below(body, 1);
    if WITH_RATE <= body.width {
        draw_rate(app, canvas, line_of(rest, 0));
        rest = below(rest, 1);
    }
    match page.pane {
        Pane::Configs => draw_configs(app, canvas, rest, drawn),
        Pane::Groups => draw_groups(app, canvas, rest, drawn),
        _ => draw_partitions(app, canvas, rest, drawn),
    }
}

fn draw_absent(page: &TopicPage, canvas: &mut Canvas<'_>, body: Rect) {
    let what = match page.standing {
        Standing::Deleted => format!("Topic {} was deleted.", page.name),
        _ => format!("There is no topic {}.", page.name),
    };
    draw_lines(canvas, body, &[what, "Esc goes to all topics.".to_owned()]);
}

fn draw_wide(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let page = &app.pages.topic;
    let left = Rect { width: LEFT, ..body };
    for index in 0..body.height {
        canvas.put(after(line_of(body, index), LEFT), "│", Tone::Dim);
    }
    draw_chart(app, canvas, Rect { height: 8, ..left });
    let rest = below(left, 8);
    let count = page.partitions.names().len();
    let rule = |pane: Pane| if page.pane == pane { Tone::Accent } else { Tone::Dim };
    draw_rule(canvas, line_of(rest, 0), &format!("partitions {count}"), rule(Pane::Partitions));
    draw_partitions(app, canvas, below(rest, 1), drawn);
    draw_right(app, canvas, after_columns(body, LEFT + 1), drawn);
}

fn draw_right(app: &App, canvas: &mut Canvas<'_>, right: Rect, drawn: &mut Drawn) {
    let page = &app.pages.topic;
    let rule = |pane: Pane| if page.pane == pane { Tone::Accent } else { Tone::Dim };
    let title = format!("groups {}", page.whole.groups);
    draw_rule(canvas, line_of(right, 0), &title, rule(Pane::Groups));
    let groups = Rect { height: RIGHT_PANE - 1, ..below(right, 1) };
    draw_groups(app, canvas, groups, drawn);
    let rest = below(right, RIGHT_PANE);
    // The rule takes the place of the head: what columns these are is plain to see.
    draw_configs(app, canvas, Rect { height: RIGHT_PANE.min(rest.height), ..rest }, drawn);
    canvas.clear(line_of(rest, 0));
    let title = format!("configs {} set", page.set());
    draw_rule(canvas, line_of(rest, 0), &title, rule(Pane::Configs));
    let rest = below(rest, RIGHT_PANE);
    let ways = match page.pane {
        Pane::Records | Pane::Segments => format!("Enter opens {}", page.pane.name()),
        _ => "leaders per broker".to_owned(),
    };
    let tone = match page.pane {
        Pane::Records | Pane::Segments => Tone::Accent,
        _ => Tone::Dim,
    };
    draw_rule(canvas, line_of(rest, 0), &ways, tone);
    draw_leaders(app, canvas, below(rest, 1));
}

/// `[partitions]  configs 3 set  groups 4  records  segments`
fn panes(page: &TopicPage) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (index, pane) in Pane::ALL.into_iter().enumerate() {
        let name = match pane {
            Pane::Configs if page.configs_known => format!("configs {} set", page.set()),
            Pane::Groups => format!("groups {}", page.whole.groups),
            other => other.name().to_owned(),
        };
        let gap = if index == 0 { "" } else { "  " };
        pieces.push(Piece::new(gap, Tone::Plain));
        pieces.push(match pane == page.pane {
            true => Piece::new(format!("[{name}]"), Tone::Accent),
            false => Piece::new(name, Tone::Plain),
        });
    }
    pieces
}

/// The rate and its chart, and how evenly the topic lies on its brokers.
fn draw_rate(app: &App, canvas: &mut Canvas<'_>, line: Rect) {
    let page = &app.pages.topic;
    let evenness = evenness(page);
    let width = usize::from(line.width).saturating_sub(14 + 2 + 38 + 1).max(4);
    let rate = cells::told(app, Kind::LogEnds, page.whole.records_in).text(figures::rate);
    let subject = Subject::Topic(page.name.clone());
    let spark = cells::sparkline(app, &subject, Metric::RecordsIn, width + 1, app.theme.glyphs);
    // A rate takes 5 cells at most.
    let rate = format!("in {:<8}", format!("{rate}/s"));
    let mut rest = after(line, 3);
    for (text, tone) in
        [(rate.as_str(), Tone::Plain), (spark.as_str(), Tone::Plain), ("  ", Tone::Plain)]
    {
        let taken = canvas.put(rest, text, tone);
        rest = after(rest, taken);
    }
    canvas.put_all(rest, &evenness);
}

/// `spread 100%  skew 0%  leader skew 33%`
fn evenness(page: &TopicPage) -> Vec<Piece> {
    let share = |it: Option<f64>| it.map_or_else(|| "–".to_owned(), figures::share);
    let skewed = |it: Option<f64>, could_be_fairer: bool| match it {
        Some(it) if 0.25 < it && could_be_fairer => Tone::Warn,
        _ => Tone::Plain,
    };
    let it = &page.whole;
    vec![
        Piece::new(format!("spread {}", share(it.spread)), Tone::Plain),
        Piece::new(format!("  skew {}", share(it.skew)), skewed(it.skew, it.is_skewed)),
        Piece::new(
            format!("  leader skew {}", share(it.leader_skew)),
            skewed(it.leader_skew, it.is_leader_skewed),
        ),
    ]
}

/// A rule with the figures, six rows of area, and the window below it.
fn draw_chart(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let page = &app.pages.topic;
    let subject = Subject::Topic(page.name.clone());
    let series = app.watch.store.series(&subject, Metric::RecordsIn);
    let now = app.shown_now().monotonic;
    let rate = |it: Option<f32>| {
        let write = |it| format!("{}/s", figures::rate(f64::from(it)));
        cells::told(app, Kind::LogEnds, it).text(write)
    };
    let edge = rate(series.and_then(|it| it.at_edge(app.view, now)));
    let peak = rate(series.and_then(|it| it.peak(app.view, now)));
    let evenness: String = evenness(page).into_iter().map(|it| it.text).collect();
    let title = format!("records in  {edge}  peak {peak}  {evenness}");
    draw_rule(canvas, line_of(area, 0), &title, Tone::Dim);
    let plot = below(area, 1);
    let plot = Rect { width: plot.width.saturating_sub(2), ..plot };
    let samples =
        cells::samples(app, &subject, Metric::RecordsIn, usize::from(plot.width.saturating_sub(9)));
    let top = app.top(&subject, Metric::RecordsIn);
    chart::Chart {
        samples: &samples,
        top,
        top_text: &chart::edge(top),
        axis: chart::Axis::Right(9),
        from: &format!("-{}", app.view.window.name()),
        to: &super::right_edge(app),
        tone: Tone::Plain,
    }
    .draw(canvas, plot);
}

fn draw_partitions(app: &App, canvas: &mut Canvas<'_>, area: Rect, drawn: &mut Drawn) {
    let page = &app.pages.topic;
    let has_focus = !matches!(page.pane, Pane::Configs | Pane::Groups);
    let pane = if has_focus { page.pane as usize } else { 0 };
    let is_wide = page.partitions.showing().wide.is_some();
    let columns = partitions::columns(area.width, page.has_held(), is_wide);
    let cells = |it: &PartitionLine| partitions::cells_of(app, it);
    Look { pane, has_focus, columns: &columns, cells: &cells }.draw(
        &page.partitions,
        canvas,
        area,
        drawn,
    );
    if page.partitions.names().is_empty() {
        super::draw_empty(app, (&page.partitions, true, "partition"), &[], canvas, below(area, 1));
    }
}

fn draw_configs(app: &App, canvas: &mut Canvas<'_>, area: Rect, drawn: &mut Drawn) {
    let page = &app.pages.topic;
    let known = (page.configs_known, page.configs_failure.as_deref());
    let has_focus = page.pane == Pane::Configs;
    configs::draw_list(
        app,
        (&page.configs, Pane::Configs as usize, has_focus),
        known,
        canvas,
        area,
        drawn,
    );
}

fn draw_groups(app: &App, canvas: &mut Canvas<'_>, area: Rect, drawn: &mut Drawn) {
    let page = &app.pages.topic;
    let has_focus = page.pane == Pane::Groups;
    groups::draw_list(app, (&page.groups, Pane::Groups as usize, has_focus), canvas, area, drawn);
    if page.groups.names().is_empty() {
        let nothing = ["No group reads this topic."];
        super::draw_empty(app, (&page.groups, true, "group"), &nothing, canvas, below(area, 1));
    }
}

/// Each broker with its share of the leaders.
fn draw_leaders(app: &App, canvas: &mut Canvas<'_>, area: Rect) {
    let page = &app.pages.topic;
    let leaders: usize = page.brokers.values().map(|it| it.0).sum();
    canvas.put(after(line_of(area, 0), 3), " brk  lead  repl share", Tone::Dim);
    let room = usize::from(area.height.saturating_sub(1));
    let hidden = page.brokers.len().saturating_sub(room);
    // The last line says how many have none.
    let shown = if hidden == 0 { room } else { room.saturating_sub(1) };
    if 0 < hidden {
        let last = line_of(area, area.height.saturating_sub(1));
        canvas.put(after(last, 3), &format!("+ {}", page.brokers.len() - shown), Tone::Dim);
    }
    for (index, (id, (lead, replicas))) in (1..area.height).zip(page.brokers.iter().take(shown)) {
        let line = line_of(area, index);
        let share = if leaders == 0 { 0.0 } else { *lead as f64 / leaders as f64 };
        let (lead, replicas) = (figures::count(*lead as u64), figures::count(*replicas as u64));
        let shown = figures::share(share);
        canvas.put(
            after(line, 3),
            &format!("{id:>4} {lead:>5} {replicas:>5}  {shown:>4}"),
            Tone::Plain,
        );
        canvas.put(after(line, 26), &chart::bar(share, 40, app.theme.glyphs), Tone::Plain);
    }
}

pub(super) fn title(app: &App) -> Title {
    let page = &app.pages.topic;
    let name = if page.name.is_empty() { "topic" } else { &page.name };
    let mut left = vec![Piece::new(name, Tone::Plain)];
    if page.standing == Standing::Here {
        let it = &page.whole;
        let mut add = |text: String| left.push(Piece::new(format!("  {text}"), Tone::Plain));
        add(format!("{} partitions", figures::count(it.partitions as u64)));
        add(format!("rf {}", it.replication_factor));
        if let Some(min) = it.min_isr {
            add(format!("min isr {min}"));
        }
        match it.keep {
            Keep::Unknown => {}
            Keep::Time(ms) => add(format!("keep {}", figures::period(ms))),
            Keep::Size(bytes) => add(format!("keep {}", figures::bytes(bytes))),
            Keep::Compacted => add("compacted".to_owned()),
            Keep::ForEver => add("keep for ever".to_owned()),
        }
        if let Some(size) = it.size {
            let sign = if it.size_is_part { "~" } else { "" };
            add(format!("{sign}{}", figures::bytes(size)));
        }
    }
    let right = match page.pane {
        Pane::Configs => super::sort_only(&page.configs),
        Pane::Groups => super::sort_only(&page.groups),
        _ => super::sort_only(&page.partitions),
    };
    Title { left, right: if page.standing == Standing::Here { right } else { Vec::new() } }
}

#[cfg(test)]
mod tests;
