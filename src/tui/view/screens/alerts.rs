//! Draws what fires, and what has happened.

use std::path::Path;

use ratatui::layout::Rect;

use super::below;
use crate::tui::alerts::rules::Origin;
use crate::tui::figures::{self, Clock};
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::checks::Level;
use crate::tui::model::listing::{Line as _, List as _};
use crate::tui::model::screens::alerts::{EventLine, RuleLine};
use crate::tui::view::app::tone;
use crate::tui::view::canvas::{Canvas, Piece, after, line_of};
use crate::tui::view::frame::{Title, draw_rule};
use crate::tui::view::list::Look;
use crate::tui::view::table::{Cell, Column, Cut};
use crate::tui::view::theme::Tone;

fn columns() -> Vec<Column> {
    vec![
        Column::words("level", 5, 0),
        Column { cut: Cut::Middle, ..Column::words("rule", 16, 0) },
        Column::name("subject"),
        Column::figures("value", 7, 1),
        Column::figures("limit", 8, 3),
        Column::figures("since", 5, 2),
        Column::words("sent", 10, 4),
    ]
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let page = &app.pages.alerts;
    let count = u16::try_from(page.rules.names().len()).unwrap_or(u16::MAX);
    let height = count.saturating_add(1).min((body.height * 2 / 3).max(8)).min(body.height);
    let table = Rect { height, ..body };
    let columns = columns();
    Look { pane: 0, has_focus: page.pane == 0, columns: &columns, cells: &cells_of }.draw(
        &page.rules,
        canvas,
        table,
        drawn,
    );
    draw_ok_marks(app, canvas, table, drawn);
    if page.rules.names().is_empty() {
        super::draw_lines(canvas, below(body, 1), &super::reading(app));
    }
    let rest = below(body, height);
    let rule_tone = if page.pane == 1 { Tone::Accent } else { Tone::Dim };
    draw_rule(canvas, line_of(rest, 0), "events", rule_tone);
    draw_events(app, canvas, below(rest, 1), drawn);
}

/// What is well has its mark here too: each line stands for one rule.
fn draw_ok_marks(app: &App, canvas: &mut Canvas<'_>, table: Rect, drawn: &Drawn) {
    let first = drawn.lists.last().map_or(0, |it| it.first);
    let shown = app.pages.alerts.rules.shown().skip(first);
    for (index, it) in (1..table.height).zip(shown) {
        if it.level() == Level::Ok {
            let mark = Rect { width: 1, ..after(line_of(table, index), 1) };
            canvas.put(mark, Tone::Ok.check_mark(), Tone::Ok);
        }
    }
}

fn draw_events(app: &App, canvas: &mut Canvas<'_>, area: Rect, drawn: &mut Drawn) {
    let page = &app.pages.alerts;
    let now = jiff::Timestamp::from_millisecond(app.shown_now().wall.0).unwrap_or_default();
    let clock = Clock { now, zone: app.setting.zone.clone() };
    let columns =
        [Column::words(format!("time {}", clock.zone_text()), 14, 0), Column::rest("what")];
    let cells = |it: &EventLine| {
        let time = kt_protocol::types::Timestamp(it.time.as_millisecond());
        let what = Cell::new(tone(it.level).check_mark(), tone(it.level));
        vec![Cell::new(clock.time(time), Tone::Dim), what.and(format!(" {}", it.text), Tone::Plain)]
    };
    Look { pane: 1, has_focus: page.pane == 1, columns: &columns, cells: &cells }.draw_as(
        &page.events,
        canvas,
        area,
        drawn,
        |_| Tone::Plain,
    );
    if page.events.names().is_empty() {
        canvas.put(after(line_of(area, 1), 3), "nothing has happened yet", Tone::Dim);
    }
}

pub(super) fn title(app: &App) -> Title {
    let page = &app.pages.alerts;
    let badge = page.summary.badge;
    let mut left = vec![Piece::new("alerts", Tone::Plain)];
    for (count, word, tone) in [
        (badge.bad, "bad", Tone::Bad),
        (badge.warn, "warn", Tone::Warn),
        (badge.unknown, "unknown", Tone::Unknown),
    ] {
        if 0 < count {
            left.push(Piece::new(format!("  {count} {word}"), tone));
        }
    }
    let counts = format!("  of {} subjects, {} rules", page.summary.subjects, page.summary.rules);
    left.push(Piece::new(counts, Tone::Plain));
    let name = |path: &Path| {
        path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let right = match (&page.refused, &page.origin) {
        // The message line says why.
        (Some(_), Some(it)) => Piece::new(format!("  {} refused", name(&it.path)), Tone::Warn),
        (None, Some(Origin { path, read: Some(read) })) => {
            let zone = &app.setting.zone;
            let at = read.to_zoned(zone.clone()).strftime("%H:%M").to_string();
            Piece::new(format!("  {} of {at}", name(path)), Tone::Dim)
        }
        _ => Piece::new("  built-in checks alone", Tone::Dim),
    };
    Title { left, right: vec![right] }
}

pub(super) fn cells_of(it: &RuleLine) -> Vec<Cell> {
    let (word, level_tone) = match it.level() {
        Level::Bad => ("bad", Tone::Bad),
        Level::Warn => ("warn", Tone::Warn),
        Level::Unknown => ("?", Tone::Unknown),
        Level::Ok => ("ok", Tone::Plain),
    };
    let since = it.since_ms.map_or_else(|| "–".to_owned(), figures::duration);
    vec![
        Cell::new(word, level_tone),
        Cell::plain(it.it.rule.clone()),
        // The column cuts it, by the room that there is.
        Cell::plain(it.it.subject_text(usize::MAX)),
        Cell::plain(it.it.value.clone()),
        Cell::figure(it.it.limit.clone()),
        Cell::figure(since),
        Cell::figure(it.it.sent.text()),
    ]
}
