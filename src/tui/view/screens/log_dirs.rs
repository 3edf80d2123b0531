//! Draws the log directories, and what is largest in one of them.

use ratatui::layout::Rect;

use super::{below, draw_empty, sort_only};
use crate::tui::figures;
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::listing::{Line as _, List as _};
use crate::tui::model::screens::log_dirs::{DirLine, ReplicaLine, Standing, volumes};
use crate::tui::view::canvas::{Canvas, Piece, line_of};
use crate::tui::view::chart;
use crate::tui::view::frame::{Title, draw_rule};
use crate::tui::view::list::Look;
use crate::tui::view::table::{Cell, Column};
use crate::tui::view::theme::{Glyphs, Tone};

const BAR: usize = 10;

fn columns() -> Vec<Column> {
    vec![
        Column::figures("brk", 3, 0),
        Column::name("directory"),
        Column::words("used", 15, 0),
        Column::figures("free", 7, 2),
        Column::figures("total", 7, 3),
        Column::figures("repl", 5, 4),
        Column::figures("per day", 7, 5),
        Column::figures("full in", 7, 1),
    ]
}

fn columns_of_largest() -> Vec<Column> {
    vec![
        Column::name("partition"),
        Column::figures("size", 7, 0),
        Column::figures("share", 5, 1),
        Column::figures("offset lag", 10, 2),
        Column::words("future", 11, 3),
    ]
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let page = &app.pages.log_dirs;
    let count = u16::try_from(page.dirs.names().len()).unwrap_or(u16::MAX).max(1);
    let height = count.saturating_add(1).min(body.height / 2 + 1);
    let columns = columns();
    let glyphs = app.theme.glyphs;
    let cells = |it: &DirLine| cells_of(it, glyphs);
    let table = Rect { height, ..body };
    Look { pane: 0, has_focus: page.pane == 0, columns: &columns, cells: &cells }
        .draw(&page.dirs, canvas, table, drawn);
    if page.dirs.names().is_empty() {
        let nothing = ["No broker tells its log directories."];
        let what = (&page.dirs, page.is_known, "directory");
        return draw_empty(app, what, &nothing, canvas, below(body, 1));
    }
    let rest = below(body, height);
    let title = page.of.as_ref().map_or_else(String::new, |it| format!("largest on {it}"));
    let tone = if page.pane == 1 { Tone::Accent } else { Tone::Dim };
    draw_rule(canvas, line_of(rest, 0), &title, tone);
    let columns = columns_of_largest();
    Look { pane: 1, has_focus: page.pane == 1, columns: &columns, cells: &cells_of_largest }.draw(
        &page.largest,
        canvas,
        below(rest, 1),
        drawn,
    );
}

pub(super) fn title(app: &App) -> Title {
    let page = &app.pages.log_dirs;
    let lines: Vec<&DirLine> = page.dirs.all().collect();
    let brokers: std::collections::BTreeSet<i32> = lines.iter().map(|it| it.broker).collect();
    let mut left = vec![Piece::new("log dirs", Tone::Plain)];
    if !page.is_known {
        left.push(Piece::new("  reading", Tone::Plain));
        return Title { left, right: sort_only(&page.dirs) };
    }
    let count = format!("  {} on {} brokers", lines.len(), brokers.len());
    left.push(Piece::new(count, Tone::Plain));
    if let Some((used, all)) = volumes(&lines) {
        // Some brokers have not told yet.
        let sign = if brokers.len() < app.watch.cluster.brokers.len() { "~" } else { "" };
        let text = format!("  {sign}{} used of {}", figures::bytes(used), figures::bytes(all));
        left.push(Piece::new(text, Tone::Plain));
    }
    Title { left, right: sort_only(&page.dirs) }
}

fn cells_of(it: &DirLine, glyphs: Glyphs) -> Vec<Cell> {
    let bytes = |it: Option<u64>| Cell::figure(it.map_or_else(|| "–".to_owned(), figures::bytes));
    // One that is down grows no more.
    let unknown = if it.is_live { "…" } else { "–" };
    let per_day = it.per_day.map_or_else(|| unknown.to_owned(), figures::byte_rate);
    let full_in = it.full_in_ms.map_or_else(|| "–".to_owned(), figures::duration);
    vec![
        super::cells::id(it.broker, 3),
        Cell::plain(it.path.clone()),
        used(it, glyphs),
        bytes(it.free),
        bytes(it.total),
        Cell::figure(figures::count(it.replicas as u64)),
        Cell::figure(per_day),
        Cell::figure(full_in),
    ]
}

/// A bar and the share; or what the directory is instead.
fn used(it: &DirLine, glyphs: Glyphs) -> Cell {
    let share = it.used.map_or_else(|| "–".to_owned(), figures::share);
    let bar = match it.standing {
        Standing::Offline => return Cell::new("offline", Tone::Bad),
        Standing::Cordoned => "cordoned".to_owned(),
        Standing::Open if it.is_shared => "shared".to_owned(),
        Standing::Open => it.used.map_or_else(String::new, |it| chart::bar(it, BAR, glyphs)),
    };
    Cell::plain(format!("{bar:<BAR$} {share:>4}"))
}

fn cells_of_largest(it: &ReplicaLine) -> Vec<Cell> {
    let future = it.future.map_or_else(String::new, figures::share);
    vec![
        Cell::plain(it.key()),
        Cell::figure(figures::bytes(it.size)),
        Cell::figure(it.share.map_or_else(|| "–".to_owned(), figures::share)),
        Cell::figure(it.offset_lag.to_string()),
        Cell::plain(future),
    ]
}
