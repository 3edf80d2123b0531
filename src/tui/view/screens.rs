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

use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece};
use super::frame::{Title, draw_lines};
use super::theme::Tone;
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::listing::{Line, List, Listing};
use crate::tui::model::screen::Screen;

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
fn list_title<L: Line>(name: &str, list: &Listing<L>, is_known: bool) -> Title {
    use crate::tui::model::checks::Level;
    let mut left = vec![Piece::new(name.to_owned(), Tone::Plain)];
    if is_known {
        let (shown, all) = (list.names().len(), list.count());
        let count = if shown == all { format!("  {all}") } else { format!("  {shown} of {all}") };
        left.push(Piece::new(count, Tone::Plain));
    } else {
        left.push(Piece::new("  reading", Tone::Plain));
    }
    let hides_internal = !list.showing().with_internal;
    let counted = |level: Level| {
        let all = list.all().filter(|it| !(hides_internal && it.is_internal()));
        all.filter(|it| it.level() == level).count()
    };
    let mut before = "   ";
    for (level, word, tone) in [
        (Level::Bad, "bad", Tone::Bad),
        (Level::Warn, "warn", Tone::Warn),
        (Level::Unknown, "unknown", Tone::Unknown),
    ] {
        let count = counted(level);
        if 0 < count {
            left.push(Piece::new(format!("{before}{count} {word}"), tone));
            before = "  ";
        }
    }
    Title { left, right: sort_and_time(list) }
}

/// `sort level, name  live`
fn sort_and_time<L: Line>(list: &Listing<L>) -> Vec<Piece> {
    let mut pieces = sort_only(list);
    pieces.push(Piece::new("  live", Tone::Dim));
    pieces
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
    let part = |kind: Kind, word: &str| {
        let heard = app.watch.cluster.oldest(&[kind]);
        let time = heard.map(|at| figures::duration(at - app.began.monotonic));
        format!("{word} {}", time.unwrap_or_else(|| "…".to_owned()))
    };
    let parts = [
        part(Kind::Metadata, "metadata"),
        part(Kind::LogEnds, "log ends"),
        part(Kind::Commits, "commits"),
        part(Kind::LogDirs, "sizes"),
    ];
    vec![format!("connecting to {}", app.setting.context), parts.join("   ")]
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
