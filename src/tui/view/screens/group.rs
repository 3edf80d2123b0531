//! Draws one group: the sentence, the figures, the charts, and its partitions and members.

mod tables;

use kt_client::admin::GroupState;
use ratatui::layout::Rect;

use self::tables::Form;
use super::{LEFT, after_columns, below, cells, is_side_by_side, reading};
use crate::tui::figures;
use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::lag::{Cells, Expires, Lag};
use crate::tui::model::screens::group::{GroupPage, Pane, ReadLine};
use crate::tui::model::screens::topic::Standing;
use crate::tui::view::app::tone;
use crate::tui::view::canvas::{Canvas, Piece, after, line_of};
use crate::tui::view::chart::{Axis, Chart, edge};
use crate::tui::view::frame::{Title, draw_lines, draw_rule};
use crate::tui::view::theme::Tone;

/// A chart needs a window of so many lines.
const WITH_CHART: u16 = 20;
/// The scale of a chart, and the blank right of it.
const AXIS: u16 = 11;
const MARGIN: u16 = 6;

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let page = &app.pages.group;
    match page.standing {
        Standing::Here => {}
        Standing::Unknown => return draw_unknown(app, canvas, body),
        Standing::Deleted | Standing::Missing => return draw_absent(page, canvas, body),
    }
    let area = canvas.area();
    draw_sentence(page, canvas, line_of(body, 0));
    draw_figures(page, canvas, line_of(body, 1));
    let rest = below(body, 2);
    if is_side_by_side(area) {
        return draw_wide(app, canvas, rest, drawn);
    }
    let mut rest = rest;
    if WITH_CHART <= area.height {
        draw_lag(app, canvas, Rect { height: 4.min(rest.height), ..rest });
        rest = below(rest, 4);
    }
    canvas.put_all(after(line_of(rest, 0), 1), &panes(page));
    rest = below(rest, 1);
    match page.pane {
        Pane::Partitions => tables::draw_partitions(app, canvas, (rest, Form::Alone), drawn),
        Pane::Members => tables::draw_members(app, canvas, (rest, Form::Alone), drawn),
    }
}

fn draw_unknown(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    let page = &app.pages.group;
    let Some(why) = &page.untold else { return draw_lines(canvas, body, &reading(app)) };
    let what = format!("No broker that tells its groups knows {}.", page.name);
    draw_lines(canvas, body, &[what, format!("Not told: {why}")]);
}

fn draw_absent(page: &GroupPage, canvas: &mut Canvas<'_>, body: Rect) {
    let what = match page.standing {
        Standing::Deleted => {
            format!("Group {} is gone: deleted, or all its commits have expired.", page.name)
        }
        _ => format!("There is no group {}.", page.name),
    };
    draw_lines(canvas, body, &[what, "Esc goes to all groups.".to_owned()]);
}

/// Both charts over the whole width, and below them the panes side by side.
fn draw_wide(app: &App, canvas: &mut Canvas<'_>, area: Rect, drawn: &mut Drawn) {
    let page = &app.pages.group;
    let charts = Rect { height: 9, ..area };
    draw_lag(app, canvas, Rect { width: LEFT, ..charts });
    draw_reading(app, canvas, after_columns(charts, LEFT + 1));
    let rest = below(area, 9);
    for index in 0..rest.height {
        canvas.put(after(line_of(rest, index), LEFT), "│", Tone::Dim);
    }
    let rule = |pane: Pane| if page.pane == pane { Tone::Accent } else { Tone::Dim };
    let (left, right) = (Rect { width: LEFT, ..rest }, after_columns(rest, LEFT + 1));
    draw_rule(canvas, line_of(left, 0), &partitions_word(page), rule(Pane::Partitions));
    draw_rule(canvas, line_of(right, 0), &members_word(page), rule(Pane::Members));
    // A margin keeps the figures away from the rule.
    let left = Rect { width: LEFT - 2, ..left };
    tables::draw_partitions(app, canvas, (below(left, 1), Form::Beside), drawn);
    tables::draw_members(app, canvas, (below(right, 1), Form::Beside), drawn);
}

fn draw_sentence(page: &GroupPage, canvas: &mut Canvas<'_>, line: Rect) {
    let whole = page.whole.as_ref();
    let level = whole.map_or(Tone::Plain, |it| tone(it.level));
    let level = if page.sentence.is_none() && level == Tone::Ok { Tone::Unknown } else { level };
    let text = page.sentence.clone().unwrap_or_else(|| unjudged(page));
    canvas.put(after(line, 1), level.check_mark(), level);
    let room = after(line, 3);
    let text = figures::value(&text, usize::from(room.width.saturating_sub(1)));
    canvas.put(room, &text, if level == Tone::Ok { Tone::Plain } else { level });
}

/// Why there is no verdict.
fn unjudged(page: &GroupPage) -> String {
    let Some(whole) = &page.whole else { return "not known yet".to_owned() };
    let Some(cells) = &whole.cells else {
        return match &whole.failure {
            Some(why) => format!("its commits are not told: {why}"),
            None => "reading its commits …".to_owned(),
        };
    };
    let is_open = |it: &&ReadLine| it.committed.is_some() && it.end.is_none();
    match (cells.lag, page.partitions.all().find(is_open)) {
        (Lag::Unknown, Some(it)) => format!("not known: nobody tells the end of {}", it.at),
        _ => "not known yet: what is unread is older than we have watched".to_owned(),
    }
}

/// `lag 4.2M↑  late 3h05m  in 1240/s  read 812/s  n/c 1  assignor cooperative`
fn draw_figures(page: &GroupPage, canvas: &mut Canvas<'_>, line: Rect) {
    let mut pieces = Vec::new();
    if let Some(known) = page.whole.as_ref().and_then(|it| it.cells.as_ref()) {
        pieces = figures_of(known);
    }
    if let Some(assignor) = page.assignor.as_ref().filter(|it| !it.is_empty()) {
        let gap = if pieces.is_empty() { "" } else { "  " };
        pieces.push(Piece::new(format!("{gap}assignor {assignor}"), Tone::Plain));
    }
    canvas.put_all(after(line, 3), &pieces);
}

fn figures_of(known: &Cells) -> Vec<Piece> {
    let mut pieces = vec![Piece::new("lag ", Tone::Plain)];
    pieces.extend(cells::lag(known).into_pieces().into_iter().filter(|it| it.text != " "));
    pieces.push(Piece::new("  late ", Tone::Plain));
    pieces.extend(cells::late(known.late).into_pieces());
    for (word, rate) in [("in", known.incoming), ("read", known.read)] {
        let rate = rate.per_second().map_or_else(|| "…".to_owned(), figures::rate);
        pieces.push(Piece::new(format!("  {word} {rate}/s"), Tone::Plain));
    }
    if 0 < known.no_commit {
        pieces.push(Piece::new(format!("  n/c {}", known.no_commit), Tone::Plain));
    }
    if let Expires::Lost(records) = known.expires {
        pieces.push(Piece::new(format!("  lost {}", figures::count(records)), Tone::Bad));
    }
    pieces
}

fn draw_lag(app: &App, canvas: &mut Canvas<'_>, place: Rect) {
    let place = Rect { width: place.width.saturating_sub(MARGIN), ..place };
    let subject = Subject::Group(app.pages.group.name.clone());
    let top = app.top(&subject, Metric::Lag);
    let samples = cells::samples(app, &subject, Metric::Lag, room(place));
    let name = format!("lag {}", edge(top));
    chart(&Ends::of(app), &samples, (top, &name)).draw(canvas, place);
}

/// What is read, and as a dim line what comes in.
fn draw_reading(app: &App, canvas: &mut Canvas<'_>, place: Rect) {
    let place = Rect { width: place.width.saturating_sub(MARGIN), ..place };
    let subject = Subject::Group(app.pages.group.name.clone());
    let top = app.top(&subject, Metric::RecordsOut).max(app.top(&subject, Metric::GroupIn));
    let read = cells::samples(app, &subject, Metric::RecordsOut, room(place));
    let incoming = cells::samples(app, &subject, Metric::GroupIn, room(place));
    let name = format!("{}/s", edge(top));
    chart(&Ends::of(app), &read, (top, &name)).draw_with_line(canvas, place, &incoming);
    let words = line_of(place, place.height.saturating_sub(1));
    let middle = after(words, AXIS + 12);
    canvas.put_all(middle, &[Piece::new("read/s", Tone::Plain), Piece::new("  in/s", Tone::Dim)]);
}

fn room(place: Rect) -> usize {
    usize::from(place.width.saturating_sub(AXIS))
}

/// The ends of the window as they stand below a chart.
struct Ends {
    from: String,
    to: String,
}

impl Ends {
    fn of(app: &App) -> Ends {
        Ends { from: format!("-{}", app.view.window.name()), to: super::right_edge(app) }
    }
}

fn chart<'a>(
    ends: &'a Ends,
    samples: &'a [Option<f64>],
    (top, top_text): (f64, &'a str),
) -> Chart<'a> {
    let Ends { from, to } = ends;
    Chart { samples, top, top_text, axis: Axis::Left(AXIS), from, to, tone: Tone::Plain }
}

fn panes(page: &GroupPage) -> Vec<Piece> {
    let piece = |pane: Pane, word: String| match page.pane == pane {
        true => Piece::new(format!("[{word}]"), Tone::Accent),
        false => Piece::new(word, Tone::Plain),
    };
    vec![
        piece(Pane::Partitions, partitions_word(page)),
        Piece::new("  ", Tone::Plain),
        piece(Pane::Members, members_word(page)),
    ]
}

fn partitions_word(page: &GroupPage) -> String {
    format!("partitions {}", figures::count(page.partitions.all().len() as u64))
}

fn members_word(page: &GroupPage) -> String {
    match page.whole.as_ref().and_then(|it| it.members) {
        Some(count) => format!("members {}", figures::count(count as u64)),
        None => "members".to_owned(),
    }
}

pub(super) fn title(app: &App) -> Title {
    let page = &app.pages.group;
    let name = if page.name.is_empty() { "group" } else { &page.name };
    let mut left = vec![Piece::new(name, Tone::Plain)];
    if let Some(it) = &page.whole {
        let mut add = |text: String| left.push(Piece::new(format!("  {text}"), Tone::Plain));
        add(it.group_type.name().to_lowercase());
        add(it.state.map_or("?", GroupState::name).to_owned());
        match it.members {
            Some(1) => add("1 member".to_owned()),
            Some(count) => add(format!("{} members", figures::count(count as u64))),
            None => {}
        }
        if let Some(id) = page.coordinator {
            add(format!("coordinator {id}"));
        }
    }
    let right = match page.pane {
        Pane::Partitions => super::sort_only(&page.partitions),
        Pane::Members => super::sort_only(&page.members),
    };
    Title { left, right: if page.whole.is_some() { right } else { Vec::new() } }
}

#[cfg(test)]
mod tests;
