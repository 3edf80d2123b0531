//! One row: its level, its marks and its cells.

use super::layout::{Column, Width};
use super::{cut, cut_pieces};
use crate::tui::figures::cells;
use crate::tui::view::canvas::Piece;
use crate::tui::view::theme::Tone;

/// Whether the subject of a row still exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It does.
    #[default]
    Here,
    /// It has vanished, and its row stays a while, dim.
    Gone,
}

/// One row of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    /// The level, shown as a mark in the gutter.
    pub(crate) level: Tone,
    /// Whether the user marked it for an action.
    pub(crate) is_marked: bool,
    /// Whether its subject still exists.
    pub(crate) presence: Presence,
    /// A cell for every column of the table, shown or not.
    pub(crate) cells: Vec<Cell>,
}

impl Row {
    /// A row of `cells`, one for every column.
    pub(crate) fn new(level: Tone, cells: impl IntoIterator<Item = Cell>) -> Row {
        Row { level, cells: cells.into_iter().collect(), ..Row::default() }
    }

    pub(super) fn gutter_sign(&self, is_cursor: bool) -> &'static str {
        match (is_cursor, self.is_marked) {
            (true, true) => "*",
            (true, false) => ">",
            (false, true) => "+",
            (false, false) => " ",
        }
    }

    pub(super) fn mark_tone(&self) -> Tone {
        match self.presence {
            Presence::Here => self.level,
            Presence::Gone => Tone::Dim,
        }
    }

    /// What stands in the column `index`, in at most `width` cells.
    pub(super) fn pieces(&self, index: usize, column: &Column, width: usize) -> Vec<Piece> {
        let Some(cell) = self.cells.get(index) else { return Vec::new() };
        match self.presence {
            Presence::Here => cut_pieces(&cell.0, width, column.cut),
            Presence::Gone => gone(cell, column, width),
        }
    }
}

const GONE: &str = " gone";

/// The name says `gone` at its end; everything is dim.
fn gone(cell: &Cell, column: &Column, width: usize) -> Vec<Piece> {
    let text: String = cell.0.iter().map(|it| it.text.as_str()).collect();
    let room = width.saturating_sub(GONE.len());
    if column.width != Width::Elastic || room == 0 {
        return vec![Piece::new(cut(&text, width, column.cut), Tone::Dim)];
    }
    let name = cut(&text, room, column.cut);
    let blanks = " ".repeat(room.saturating_sub(cells(&name)));
    vec![Piece::new(format!("{name}{blanks}{GONE}"), Tone::Dim)]
}

/// What stands in one cell: pieces of text, each of its own tone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell(Vec<Piece>);

impl Cell {
    /// Text of one tone.
    pub(crate) fn new(text: impl Into<String>, tone: Tone) -> Cell {
        Cell(vec![Piece::new(text, tone)])
    }

    /// Text with nothing special about it.
    pub(crate) fn plain(text: impl Into<String>) -> Cell {
        Cell::new(text, Tone::Plain)
    }

    /// A figure: a zero and what is not known are dim, a failure is unknown.
    pub(crate) fn figure(text: impl Into<String>) -> Cell {
        let text = text.into();
        let tone = match text.as_str() {
            "0" | "0%" | "–" | "…" => Tone::Dim,
            "?" => Tone::Unknown,
            _ => Tone::Plain,
        };
        Cell::new(text, tone)
    }

    /// What it is made of.
    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// The same cell with `text` behind it.
    pub(crate) fn and(mut self, text: impl Into<String>, tone: Tone) -> Cell {
        self.0.push(Piece::new(text, tone));
        self
    }

    /// What stands in it, for a line that is no row.
    pub(crate) fn into_pieces(self) -> Vec<Piece> {
        self.0
    }

    /// The same text, dim: a value that has not been renewed.
    pub(crate) fn stale(mut self) -> Cell {
        for piece in &mut self.0 {
            piece.tone = Tone::Dim;
        }
        self
    }
}
