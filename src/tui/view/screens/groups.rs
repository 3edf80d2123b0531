//! Draws the groups.

use kt_client::admin::{GroupState, GroupType};
use ratatui::layout::Rect;

use super::{cells, draw_empty, list_title, window_of};
use crate::tui::figures;
use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::app::{App, Drawn};
use crate::tui::model::listing::{List as _, Listing};
use crate::tui::model::screens::groups::GroupLine;
use crate::tui::view::canvas::Canvas;
use crate::tui::view::frame::Title;
use crate::tui::view::list::Look;
use crate::tui::view::table::{Cell, Column};

const SPARK: u16 = 26;

fn columns(app: &App, width: u16) -> Vec<Column> {
    let wide = |it: Column| it.shown_from(120);
    let mut columns = vec![Column::name("group")];
    if width < 120 {
        columns.push(Column::words("t", 1, 9));
        columns.push(Column::words("state", 8, 7));
        columns.push(Column::figures("mbr", 3, 8));
    } else {
        columns.push(wide(Column::words("type", 8, 13)));
        columns.push(Column::words("state", 11, 7));
        columns.push(Column::figures("mbr", 3, 8));
        columns.push(wide(Column::figures("tp", 4, 14)));
        columns.push(wide(Column::figures("part", 5, 12)));
    }
    columns.push(Column::figures("lag", 6, 0));
    columns.push(Column::figures("late", 6, 3));
    columns.push(wide(Column::figures("in/s", 5, 11)));
    columns.extend([
        Column::figures("read/s", 6, 6),
        Column::figures("eta", 5, 5),
        Column::figures("expires", 7, 4),
        wide(Column::figures("n/c", 4, 10)),
        Column::words("verdict", 7, 2),
        wide(Column::words(window_of(app, "lag"), SPARK, 15)),
    ]);
    columns
}

pub(super) fn draw(app: &App, canvas: &mut Canvas<'_>, body: Rect, drawn: &mut Drawn) {
    let page = &app.pages.groups;
    let columns = columns(app, body.width);
    let is_wide = 120 <= body.width;
    let cells = |it: &GroupLine| cells_of(app, it, is_wide);
    Look { pane: 0, has_focus: true, columns: &columns, cells: &cells }
        .draw(&page.list, canvas, body, drawn);
    if page.list.names().is_empty() {
        let nothing = [
            "No groups on this cluster.  A group exists from its first join or commit.",
            "Try: kt consume orders -g test",
        ];
        let below = Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body };
        draw_empty(app, (&page.list, page.is_known, "group"), &nothing, canvas, below);
    }
}

/// The groups of a topic: beside other panes their types and states make way.
pub(super) fn draw_list(
    app: &App,
    (list, pane, has_focus): (&Listing<GroupLine>, usize, bool),
    canvas: &mut Canvas<'_>,
    area: Rect,
    drawn: &mut Drawn,
) {
    let is_beside = area.width < canvas.area().width;
    if !is_beside {
        let is_wide = 120 <= area.width;
        let cells = |it: &GroupLine| cells_of(app, it, is_wide);
        let columns = columns(app, area.width);
        Look { pane, has_focus, columns: &columns, cells: &cells }.draw(list, canvas, area, drawn);
        return;
    }
    let columns = [
        Column::name("group"),
        Column::figures("lag", 6, 0),
        Column::figures("late", 6, 3),
        Column::figures("read/s", 6, 6),
        Column::figures("eta", 5, 5),
        Column::figures("expires", 7, 4),
        Column::words("verdict", 7, 2),
    ];
    let cells = |it: &GroupLine| {
        let all = lag_cells(it);
        let name = std::iter::once(Cell::plain(it.name.clone()));
        // What comes in, and partitions without a commit, are on the screen of the group.
        let kept = all.into_iter().enumerate().filter(|(at, _)| !matches!(at, 2 | 6));
        name.chain(kept.map(|it| it.1)).collect()
    };
    Look { pane, has_focus, columns: &columns, cells: &cells }.draw(list, canvas, area, drawn);
}

pub(super) fn title(app: &App) -> Title {
    list_title(app, "groups", (&app.pages.groups.list, app.pages.groups.is_known))
}

fn cells_of(app: &App, it: &GroupLine, is_wide: bool) -> Vec<Cell> {
    let mut row = vec![Cell::plain(it.name.clone())];
    let state =
        if is_wide { it.state.map_or("?", GroupState::name) } else { short_state(it.state) };
    let members = it.members.map_or_else(|| "…".to_owned(), |it| figures::count_in(it as u64, 3));
    if is_wide {
        row.push(Cell::plain(it.group_type.name()));
    } else {
        row.push(Cell::plain(letter(it.group_type)));
    }
    row.push(Cell::figure(state));
    row.push(Cell::figure(members));
    if is_wide {
        row.push(cells::count_in(it.topics, 4));
        row.push(cells::count(it.partitions));
    }
    row.extend(lag_cells(it));
    row.push(cells::spark(app, &Subject::Group(it.name.clone()), Metric::Lag, usize::from(SPARK)));
    row
}

/// From `lag` to `verdict`.
fn lag_cells(it: &GroupLine) -> Vec<Cell> {
    let Some(known) = &it.cells else {
        let sign = if it.failure.is_some() { "?" } else { "…" };
        let mut cells = vec![Cell::figure(sign); 7];
        cells.push(cells::no_verdict(it));
        return cells;
    };
    let none = match known.no_commit {
        0 => String::new(),
        count => figures::count_in(count as u64, 4),
    };
    vec![
        cells::lag(known),
        cells::late(known.late),
        cells::rate_of(known.incoming),
        cells::rate_of(known.read),
        cells::eta(known.eta),
        cells::expires(known.expires),
        Cell::plain(none),
        cells::verdict(it, known),
    ]
}

/// Of the type: `c` classic, `n` consumer (KIP-848), `k` streams, `s` share.
fn letter(of: GroupType) -> &'static str {
    match of {
        GroupType::Classic => "c",
        GroupType::Consumer => "n",
        GroupType::Streams => "k",
        GroupType::Share => "s",
        GroupType::Unknown => "?",
    }
}

/// In 8 cells.
pub(super) fn short_state(state: Option<GroupState>) -> &'static str {
    match state {
        None | Some(GroupState::Unknown) => "?",
        Some(GroupState::PreparingRebalance) => "Prepare",
        Some(GroupState::CompletingRebalance) => "Complete",
        Some(GroupState::Assigning) => "Assign",
        Some(GroupState::Reconciling) => "Reconc",
        Some(it) => it.name(),
    }
}
