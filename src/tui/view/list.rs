//! Draws a list: its head, the rows that are in sight, and the cursor among them.

use ratatui::layout::Rect;

use super::app::tone;
use super::canvas::Canvas;
use super::table::{Cell, Column, Presence, Row, Shown, Table, first_shown, scrolls};
use super::theme::Tone;
use crate::tui::model::app::{Drawn, DrawnList};
use crate::tui::model::listing::{Line, List, Listing};

/// A list that nobody goes through where it is drawn.
pub(crate) const NO_PANE: usize = usize::MAX;

/// How a list is drawn.
pub(crate) struct Look<'a, L> {
    /// Which pane of its screen it is, or `NO_PANE`.
    pub(crate) pane: usize,
    /// Whether its cursor is shown: keys go to it.
    pub(crate) has_focus: bool,
    pub(crate) columns: &'a [Column],
    /// A cell for every column.
    pub(crate) cells: &'a dyn Fn(&L) -> Vec<Cell>,
}

impl<L: Line> Look<'_, L> {
    /// Draws it into `area`, the head on the first line.
    pub(crate) fn draw(
        &self,
        list: &Listing<L>,
        canvas: &mut Canvas<'_>,
        area: Rect,
        drawn: &mut Drawn,
    ) {
        self.draw_as(list, canvas, area, drawn, |it| tone(it.level()));
    }

    /// The same with marks of one's own.
    pub(crate) fn draw_as(
        &self,
        list: &Listing<L>,
        canvas: &mut Canvas<'_>,
        area: Rect,
        drawn: &mut Drawn,
        mark: impl Fn(&L) -> Tone,
    ) {
        let height = usize::from(area.height.saturating_sub(1));
        let cursor = list.cursor().unwrap_or(0);
        let first = first_shown(list.seen().0, cursor, list.names().len(), height);
        let gone = list.gone();
        let is_stale = drawn.is_stale;
        let row = |it: &L| Row {
            level: stale_mark(mark(it), is_stale),
            is_marked: list.rows.is_marked(it.key()),
            presence: if gone.contains(&it.key()) { Presence::Gone } else { Presence::Here },
            cells: stale_cells((self.cells)(it), is_stale),
        };
        let rows: Vec<Row> = list.shown().skip(first).take(height).map(row).collect();
        let sorted = self.columns.iter().position(|it| it.head == list.sort());
        let shown = match list.showing().wide {
            Some(scrolled) => Shown::All { scrolled },
            None => Shown::Fitting,
        };
        let table = Table {
            columns: self.columns,
            rows: &rows,
            cursor: (self.has_focus && !drawn.is_printed && !rows.is_empty())
                .then(|| cursor - first),
            sorted,
            shown,
        };
        table.draw(canvas, area);
        if self.pane == NO_PANE {
            return;
        }
        drawn.lists.push(DrawnList {
            pane: self.pane,
            rows: (area.x, area.y + 1, area.width, area.height.saturating_sub(1)),
            first,
            heads: table.heads(area),
            scrolls: scrolls(self.columns),
        });
    }
}

/// Nobody knows how it is by now; what was bad is more likely bad than well.
fn stale_mark(mark: Tone, is_stale: bool) -> Tone {
    if is_stale && mark != Tone::Bad { Tone::Unknown } else { mark }
}

/// The last good values, dim. The subject stays to be read.
fn stale_cells(cells: Vec<Cell>, is_stale: bool) -> Vec<Cell> {
    if !is_stale {
        return cells;
    }
    let each = cells.into_iter().enumerate();
    each.map(|(index, it)| if index == 0 { it } else { it.stale() }).collect()
}
