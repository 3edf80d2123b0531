//! Pictures of the screen as files: plain text, text with colours, and a drawing.
//!
//! What is in a cell is data of somebody else's: no form lets it drive a terminal or break XML.

mod ansi;
mod svg;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use ratatui::buffer::{Buffer, Cell, CellWidth as _};

pub(crate) use ansi::ansi;
pub(crate) use svg::svg;

use super::sgr::Ink;
use crate::terminal::is_unsafe;

/// A line for each row, blanks at its end left out.
pub(crate) fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let start = out.len();
        for glyph in glyphs(buffer, y) {
            out.push_str(&glyph.symbol);
        }
        let end = start + out[start..].trim_end_matches(' ').len();
        out.truncate(end);
        out.push('\n');
    }
    out
}

/// One symbol of a row.
struct Glyph<'a> {
    /// Cells before it.
    x: u16,
    /// Cells that it takes.
    width: u16,
    symbol: Cow<'a, str>,
    ink: Ink,
}

impl Glyph<'_> {
    /// Whether nothing would be missed if it were left out at the end of a line.
    fn is_nothing(&self) -> bool {
        self.symbol == " " && self.ink.is_invisible()
    }
}

/// The symbols of a row. The second cell of a wide one is no symbol of its own.
fn glyphs(buffer: &Buffer, y: u16) -> impl Iterator<Item = Glyph<'_>> {
    let area = buffer.area;
    let mut x = area.left();
    std::iter::from_fn(move || {
        let cell = if x < area.right() { buffer.cell((x, y))? } else { return None };
        let room = area.right() - x;
        let (symbol, width) = drawable(cell, room);
        let glyph = Glyph { x: x - area.left(), width, symbol, ink: Ink::of(cell) };
        x += width;
        Some(glyph)
    })
}

/// The symbol and its cells. What could harm, has no width or does not fit is `?`.
fn drawable(cell: &Cell, room: u16) -> (Cow<'_, str>, u16) {
    let symbol = cell.symbol();
    let is_harmful = |it: char| is_unsafe(it) || matches!(it, '\u{fffe}' | '\u{ffff}');
    if symbol.contains(is_harmful) {
        return ("?".into(), 1);
    }
    let width = symbol.cell_width();
    if width == 0 || room < width {
        return ("?".into(), 1);
    }
    (symbol.into(), width)
}
