//! A table of rows: a head, a gutter, and columns whose widths depend on the room alone.
//!
//! The gutter has three cells: the cursor or a mark, the level, and a blank. One column may be
//! elastic and takes what the others leave; a column that finds no room is dropped, the last in
//! the screen's order first.

mod layout;
mod row;
mod window;

pub(crate) use layout::{Align, Column, Cut, Shown, Width, scrolls};
pub(crate) use row::{Cell, Presence, Row};
pub(crate) use window::first_shown;

use layout::{Place, places};
use ratatui::layout::Rect;

use super::canvas::{Canvas, Piece, after, line_of, width_of};
use super::theme::Tone;
use crate::tui::figures::{cells, name, value};

/// The cells before the first column.
pub(crate) const GUTTER: u16 = 3;

/// Rows that are on the screen, and how they are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'a> {
    /// All columns that the screen has at this width.
    pub(crate) columns: &'a [Column],
    /// The rows to show, from the first one in sight.
    pub(crate) rows: &'a [Row],
    /// The cursor's place among `rows`.
    pub(crate) cursor: Option<usize>,
    /// The column, of `columns`, that the rows are sorted by.
    pub(crate) sorted: Option<usize>,
    /// Which of the columns are shown.
    pub(crate) shown: Shown,
}

impl Table<'_> {
    /// Draws the head on the first line of `area` and the rows below it.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let places = places(self.columns, area.width, self.shown);
        self.draw_head(canvas, line_of(area, 0), &places);
        let rows = Rect { height: area.height.saturating_sub(1), y: area.y + 1, ..area };
        for (index, row) in (0..rows.height).zip(self.rows) {
            let line = line_of(rows, index);
            let is_cursor = self.cursor == Some(usize::from(index));
            self.draw_row(canvas, line, &places, (row, is_cursor));
        }
    }

    /// Where the heads of columns stand in `area`: from, to, and what they say.
    pub(crate) fn heads(&self, area: Rect) -> Vec<(u16, u16, String)> {
        let places = places(self.columns, area.width, self.shown);
        let head = |place: Place| {
            let from = area.x.saturating_add(place.x);
            let head = self.columns[place.column].head.clone().into_owned();
            (from, from.saturating_add(place.width), head)
        };
        places.into_iter().map(head).collect()
    }

    fn draw_head(&self, canvas: &mut Canvas<'_>, line: Rect, places: &[Place]) {
        for place in places {
            let column = &self.columns[place.column];
            let tone = match self.sorted == Some(place.column) {
                true => Tone::Accent,
                false => Tone::Dim,
            };
            let head = [Piece::new(value(&column.head, usize::from(place.width)), tone)];
            put_aligned(canvas, place.within(line), column.align, &head);
        }
    }

    fn draw_row(
        &self,
        canvas: &mut Canvas<'_>,
        line: Rect,
        places: &[Place],
        (row, is_cursor): (&Row, bool),
    ) {
        canvas.put(line, row.gutter_sign(is_cursor), Tone::Accent);
        canvas.put(after(line, 1), row.level.mark(), row.mark_tone());
        for place in places {
            let column = &self.columns[place.column];
            let pieces = row.pieces(place.column, column, usize::from(place.width));
            put_aligned(canvas, place.within(line), column.align, &pieces);
        }
        if is_cursor {
            canvas.select(line);
        }
    }
}

fn put_aligned(canvas: &mut Canvas<'_>, cell: Rect, align: Align, pieces: &[Piece]) {
    let width: u16 = pieces.iter().map(|it| width_of(&it.text)).fold(0, u16::saturating_add);
    let cell = match align {
        Align::Left => cell,
        Align::Right => after(cell, cell.width.saturating_sub(width)),
    };
    canvas.put_all(cell, pieces);
}

/// `text` in `width` cells, cut as the column cuts.
fn cut(text: &str, width: usize, cut: Cut) -> String {
    match cut {
        Cut::Middle => name(text, width),
        Cut::End => value(text, width),
    }
}

/// `pieces` in `width` cells: the piece that does not fit is cut, and those behind it are left out.
fn cut_pieces(pieces: &[Piece], width: usize, how: Cut) -> Vec<Piece> {
    let mut free = width;
    let mut out = Vec::with_capacity(pieces.len());
    for piece in pieces {
        if free == 0 {
            break;
        }
        let text = cut(&piece.text, free, how);
        free = free.saturating_sub(cells(&text));
        out.push(Piece::new(text, piece.tone));
    }
    out
}

#[cfg(test)]
mod tests;
