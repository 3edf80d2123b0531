//! The tables of a group: the partitions that it reads, and its members.

use ratatui::layout::Rect;

use super::super::{below, cells, draw_empty};
use crate::tui::figures::{self, Reading};
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::lag::Trend;
use crate::tui::model::listing::List as _;
use crate::tui::model::screens::group::{MemberLine, Pane, ReadLine, Reader, Since};
use crate::tui::view::canvas::Canvas;
use crate::tui::view::frame::draw_lines;
use crate::tui::view::list::Look;
use crate::tui::view::table::{Cell, Column, Cut};
use crate::tui::view::theme::Tone;

/// From here on there are the host and the end too.
const WIDE: u16 = 120;
/// How a pane stands on the screen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Alone,
    /// Beside the other one, which says who reads.
    Beside,
}

fn columns(width: u16, form: Form, is_wide: bool) -> Vec<Column> {
    let has_member = form == Form::Alone;
    let has_end = !has_member || WIDE <= width;
    let topic = match has_member && width < WIDE {
        // The names of members take what is left.
        true => Column { cut: Cut::Middle, ..Column::words("topic", 15, 0) },
        false => Column::name("topic"),
    };
    let mut columns = vec![topic, Column::figures("part", 4, 0)];
    columns.push(Column::offset("committed", is_wide, 2));
    if has_end {
        columns.push(Column::offset("end", is_wide, 6));
    }
    columns.push(Column::figures("lag", 6, 0));
    columns.push(Column::figures("late", 6, 1));
    columns.push(Column::figures("read/s", 6, 3));
    columns.push(Column::figures("expires", 7, 4));
    if has_member {
        columns.push(match width {
            WIDE.. => Column::words("member", 24, 5),
            _ => Column { order: 5, ..Column::rest("member") },
        });
    }
    if WIDE <= width {
        columns.push(Column::words("host", 15, 7));
    }
    columns
}

fn cells_of(columns: &[Column], it: &ReadLine) -> Vec<Cell> {
    let offset = |it: Option<i64>, unknown: &str| {
        Cell::figure(
            it.map_or_else(|| unknown.to_owned(), |it| figures::offset(it, figures::OFFSET)),
        )
    };
    let known = &it.cells;
    let cell = |column: &Column| match column.head.as_ref() {
        "topic" => Cell::plain(it.at.topic.clone()),
        "part" => cells::id(it.at.partition.0, 4),
        "committed" => offset(it.committed, "–"),
        "end" => offset(it.end, "…"),
        "lag" => cells::lag(known),
        "late" => cells::late(known.late),
        "read/s" if it.committed.is_none() => Cell::figure("–"),
        "read/s" => cells::rate_of(known.read),
        "expires" => cells::expires(known.expires),
        "member" => member(it),
        _ => Cell::plain(match &it.reader {
            Reader::Member { host, .. } => host.trim_start_matches('/').to_owned(),
            _ => String::new(),
        }),
    };
    columns.iter().map(cell).collect()
}

fn member(it: &ReadLine) -> Cell {
    match &it.reader {
        Reader::Member { client, .. } => Cell::plain(client.clone()),
        Reader::Nobody if it.is_orphan() => Cell::new("nobody", Tone::Warn),
        Reader::Nobody => Cell::figure("–"),
        Reader::Unknown => Cell::figure("…"),
        Reader::Shared => Cell::new("all", Tone::Dim),
    }
}

pub(super) fn draw_partitions(
    app: &App,
    canvas: &mut Canvas<'_>,
    (area, form): (Rect, Form),
    drawn: &mut Drawn,
) {
    let page = &app.pages.group;
    let columns = columns(area.width, form, page.partitions.showing().wide.is_some());
    let cells = |it: &ReadLine| cells_of(&columns, it);
    let has_focus = page.pane == Pane::Partitions;
    Look { pane: 0, has_focus, columns: &columns, cells: &cells }.draw(
        &page.partitions,
        canvas,
        area,
        drawn,
    );
    if !page.partitions.names().is_empty() {
        return;
    }
    let whole = page.whole.as_ref();
    if whole.is_some_and(|it| it.cells.is_none() && it.failure.is_some()) {
        return draw_lines(canvas, below(area, 1), &["not told".to_owned()]);
    }
    let is_known = whole.is_some_and(|it| it.cells.is_some());
    let nothing = ["It has committed nothing, and reads nothing."];
    let what = (&page.partitions, is_known, "partition");
    draw_empty(app, what, &nothing, canvas, below(area, 1));
}

/// Beside the partitions: what each has; alone: who each is.
fn columns_of_members(form: Form) -> Vec<Column> {
    let is_beside = form == Form::Beside;
    let middle = |it: Column| Column { cut: Cut::Middle, ..it };
    let mut columns = Vec::new();
    if is_beside {
        columns.push(middle(Column::words("client", 16, 0)));
        columns.push(middle(Column::words("host", 16, 3)));
    } else {
        columns.push(Column::name("client"));
        columns.push(middle(Column::words("host", 15, 3)));
        columns.push(middle(Column::words("member id", 20, 5)));
    }
    columns.push(Column::figures("part", 5, 1));
    columns.push(Column::figures("lag", 6, 0));
    if is_beside {
        columns.push(Column::figures("read/s", 6, 2));
        columns.push(Column { order: 4, ..Column::rest("assigned") });
    } else {
        columns.push(Column::figures("since", 6, 4));
    }
    columns
}

fn cells_of_member(columns: &[Column], it: &MemberLine) -> Vec<Cell> {
    let cell = |column: &Column| match column.head.as_ref() {
        "client" => Cell::plain(it.client_id.clone()),
        "host" => Cell::plain(it.host.clone()),
        "member id" => Cell::plain(it.member_id.clone()),
        "part" => cells::count(it.assignment.len()),
        "lag" => lag(it),
        "read/s" => cells::rate(it.read.map_or(Reading::Pending, Reading::Known)),
        "assigned" => Cell::plain(it.assigned.clone()),
        _ => Cell::plain(match it.since {
            Since::Came(ms) => figures::duration(ms),
            Since::Before(ms) => format!(">{}", figures::duration(ms)),
        }),
    };
    columns.iter().map(cell).collect()
}

fn lag(it: &MemberLine) -> Cell {
    let Some(lag) = it.lag else { return Cell::figure("–").and(" ", Tone::Plain) };
    let arrow = match it.trend {
        _ if lag == 0 => " ",
        Some(Trend::Grows) => "↑",
        Some(Trend::Falls) => "↓",
        Some(Trend::Steady) => "→",
        None => " ",
    };
    let tone = match (lag, arrow) {
        (0, _) => Tone::Dim,
        (_, "↑") => Tone::Warn,
        _ => Tone::Plain,
    };
    Cell::new(figures::count(lag.unsigned_abs()), tone).and(arrow, tone)
}

pub(super) fn draw_members(
    app: &App,
    canvas: &mut Canvas<'_>,
    (area, form): (Rect, Form),
    drawn: &mut Drawn,
) {
    let page = &app.pages.group;
    let columns = columns_of_members(form);
    let cells = |it: &MemberLine| cells_of_member(&columns, it);
    let has_focus = page.pane == Pane::Members;
    Look { pane: 1, has_focus, columns: &columns, cells: &cells }.draw(
        &page.members,
        canvas,
        area,
        drawn,
    );
    if !page.members.names().is_empty() {
        return;
    }
    let below = below(area, 1);
    let count = page.whole.as_ref().and_then(|it| it.members);
    match (&page.members_failure, count) {
        (Some(why), _) => draw_lines(canvas, below, &[format!("not told: {why}")]),
        (None, Some(0)) => {
            draw_empty(app, (&page.members, true, "member"), &["No member."], canvas, below);
        }
        (None, _) => draw_lines(canvas, below, &["reading its members …".to_owned()]),
    }
}
