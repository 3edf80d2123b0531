//! Draws the bodies and titles of screens, one file each.

mod alerts;
mod brokers;
mod cells;
mod configs;
mod group;
mod groups;
mod log_dirs;
mod overview;
mod quorum;
mod reassignments;
mod records;
mod segments;
mod topic;
mod topics;

use jiff::Timestamp;
use kt_protocol::types::Millis;
use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece};
use super::frame::{Title, draw_lines};
use super::theme::Tone;
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::listing::{Line, List, Listing};
use crate::tui::model::msg::Connection;
use crate::tui::model::screen::Screen;

/// From this size on panes stand side by side.
const SIDE_BY_SIDE: (u16, u16) = (150, 40);
/// Left of the rule that divides a wide body.
const LEFT: u16 = 79;

/// Whether there is room for panes side by side.
fn is_side_by_side(area: Rect) -> bool {
    SIDE_BY_SIDE.0 <= area.width && SIDE_BY_SIDE.1 <= area.height
}

/// Draws the screen into its body.
pub(crate) fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    match app.screen {
        Screen::Overview => overview::draw(app, canvas, body, drawn),
        Screen::Topics => topics::draw(app, canvas, body, drawn),
        Screen::Topic => topic::draw(app, canvas, body, drawn),
        Screen::Group => group::draw(app, canvas, body, drawn),
        Screen::Configs => configs::draw(app, canvas, body, drawn),
        Screen::Groups => groups::draw(app, canvas, body, drawn),
        Screen::Quorum => quorum::draw(app, canvas, body, drawn),
        Screen::Reassignments => reassignments::draw(app, canvas, body, drawn),
        Screen::LogDirs => log_dirs::draw(app, canvas, body, drawn),
        Screen::Records => records::draw(app, canvas, body, drawn),
        Screen::Segments => segments::draw(app, canvas, body, drawn),
        Screen::Alerts => alerts::draw(app, canvas, body, drawn),
        _ => brokers::draw(app, canvas, body, drawn),
    }
}

/// What stands above it.
pub(crate) fn title(app: &App) -> Title {
    match app.screen {
        Screen::Overview => overview::title(app),
        Screen::Topics => topics::title(app),
        Screen::Topic => topic::title(app),
        Screen::Group => group::title(app),
        Screen::Configs => configs::title(app),
        Screen::Groups => groups::title(app),
        Screen::Quorum => quorum::title(app),
        Screen::Reassignments => reassignments::title(app),
        Screen::LogDirs => log_dirs::title(app),
        Screen::Records => records::title(app),
        Screen::Segments => segments::title(app),
        Screen::Alerts => alerts::title(app),
        _ => brokers::title(app),
    }
}

/// `topics  3 of 1003   2 bad  2 warn  1 unknown`, and how it is sorted.
fn list_title<L: Line>(app: &App, name: &str, (list, is_known): (&Listing<L>, bool)) -> Title {
    use crate::tui::model::checks::Level;
    let mut left = vec![Piece::new(name.to_owned(), Tone::Plain)];
    if is_known {
        let (shown, all) = (list.names().len(), list.count());
        let count = if shown == all { format!("  {all}") } else { format!("  {shown} of {all}") };
        left.push(Piece::new(count, Tone::Plain));
    } else {
        left.push(Piece::new("  reading", Tone::Plain));
    }
    // What is wrong with Kafka's own is counted while it is hidden too.
    let counted = |level: Level, is_hidden: bool| {
        let is_counted = |it: &&L| {
            it.level() == level && (!list.showing().with_internal && it.is_internal()) == is_hidden
        };
        list.all().filter(is_counted).count()
    };
    let mut before = "   ";
    for (level, word, tone) in [
        (Level::Bad, "bad", Tone::Bad),
        (Level::Warn, "warn", Tone::Warn),
        (Level::Unknown, "unknown", Tone::Unknown),
    ] {
        let (count, hidden) = (counted(level, false), counted(level, true));
        if 0 < count + hidden {
            let of_them = match hidden {
                0 => String::new(),
                hidden => format!(" ({hidden} internal)"),
            };
            left.push(Piece::new(format!("{before}{} {word}{of_them}", count + hidden), tone));
            before = "  ";
        }
    }
    Title { left, right: sort_and_time(app, list) }
}

/// `sort level, name  live`
fn sort_and_time<L: Line>(app: &App, list: &Listing<L>) -> Vec<Piece> {
    let mut pieces = sort_only(list);
    pieces.push(time(app));
    pieces
}

/// Which time is shown: `live`, `frozen`, or up to when.
fn time(app: &App) -> Piece {
    let text = match (app.frozen, app.view.is_live()) {
        (_, false) => format!("  to {}", right_edge(app)),
        (Some(_), true) => "  frozen".to_owned(),
        (None, true) => "  live".to_owned(),
    };
    Piece::new(text, Tone::Dim)
}

/// What stands at the right end of charts: `now`, else the time of it.
fn right_edge(app: &App) -> String {
    if app.view.is_live() && app.frozen.is_none() {
        return "now".to_owned();
    }
    let shown = app.shown_now();
    let back = shown.monotonic - app.view.bounds(shown.monotonic).1;
    let wall = |ms: i64| {
        let at = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
        at.to_zoned(app.setting.zone.clone())
    };
    let (end, today) = (wall(shown.wall.0.saturating_sub_unsigned(back)), wall(app.now.wall.0));
    let form = if end.date() == today.date() { "%H:%M" } else { "%m-%d %H:%M" };
    end.strftime(form).to_string()
}

/// The head of a column of charts: `last 30m`, or `30m to 14:32`.
fn window(app: &App) -> String {
    let name = app.view.window.name();
    match right_edge(app).as_str() {
        "now" => format!("last {name}"),
        edge => format!("{name} to {edge}"),
    }
}

/// The same with what they are of: `lag, last 30m`, or `lag 30m to 14:32`.
fn window_of(app: &App, what: &str) -> String {
    let comma = if right_edge(app) == "now" { "," } else { "" };
    format!("{what}{comma} {}", window(app))
}

/// `sort level, part`
fn sort_only<L: Line>(list: &Listing<L>) -> Vec<Piece> {
    let reversed = if list.is_reversed() { " reversed" } else { "" };
    vec![Piece::new(format!("  sort {}{reversed}", list.sort()), Tone::Dim)]
}

/// What an empty list says: that nothing is known yet, that nothing matches, or `nothing`.
fn draw_empty<L: Line>(
    app: &App,
    (list, is_known, noun): (&Listing<L>, bool, &str),
    nothing: &[&str],
    canvas: &mut Canvas<'_>,
    body: Rect,
) {
    let showing = list.showing();
    let lines: Vec<String> = match (is_known, &showing.filter) {
        (false, _) => reading(app),
        (true, Some(filter)) if list.all().len() > 0 => {
            vec![format!("No {noun} matches /{}. Esc clears the filter.", filter.text())]
        }
        (true, _) if showing.only_faults && list.all().len() > 0 => {
            vec![format!("No {noun} has a fault. Esc shows all.")]
        }
        (true, _) => nothing.iter().map(|it| (*it).to_owned()).collect(),
    };
    draw_lines(canvas, body, &lines);
}

/// What has come so far, while the first answers are awaited.
fn reading(app: &App) -> Vec<String> {
    use crate::tui::figures;
    use crate::tui::model::schedule::Kind;
    let hearing = &app.watch.cluster.hearing;
    let took = |at: Millis| figures::duration((at - app.began.monotonic).max(1));
    // Kinds that every broker tells its part of come one after the other.
    let part = |kind: Kind, word: &str| {
        let answers: Vec<Option<Millis>> = hearing.of_kind(kind).map(|it| it.1.answered).collect();
        let come = answers.iter().flatten().count();
        let text = match answers.iter().flatten().max() {
            Some(last) if come == answers.len() => took(*last),
            Some(_) => format!("{come} of {}", answers.len()),
            None => hearing.lack::<()>(kind).text(|()| String::new()),
        };
        format!("{word} {text}")
    };
    let connected = match &app.connected {
        Some((Connection { address, security }, at)) if security.is_empty() => {
            format!("connected to {address} in {}", took(*at))
        }
        Some((Connection { address, security }, at)) => {
            format!("connected to {address} ({security}) in {}", took(*at))
        }
        None => format!("connecting to {}", app.setting.context),
    };
    let parts = [
        part(Kind::Metadata, "metadata"),
        part(Kind::LogEnds, "log ends"),
        part(Kind::Commits, "commits"),
        part(Kind::LogDirs, "sizes"),
    ];
    vec![connected, parts.join("   ")]
}

/// `area` without its first columns.
fn after_columns(area: Rect, columns: u16) -> Rect {
    let taken = columns.min(area.width);
    Rect { x: area.x + taken, width: area.width - taken, ..area }
}

/// `area` without its first lines.
fn below(area: Rect, lines: u16) -> Rect {
    let taken = lines.min(area.height);
    Rect { y: area.y + taken, height: area.height - taken, ..area }
}

#[cfg(test)]
mod tests;
