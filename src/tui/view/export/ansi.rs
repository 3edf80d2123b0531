//! The screen as text with colours: what `cat` shows as it was.

use ratatui::buffer::Buffer;

use super::glyphs;
use crate::tui::view::sgr::{Depth, Ink, push_change};

/// A line for each row. Every line begins and ends in the terminal's own colours, and the cursor is
/// never moved, so lines may be cut out and put elsewhere.
pub(crate) fn ansi(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        push_line(buffer, y, &mut out);
        out.push('\n');
    }
    out
}

fn push_line(buffer: &Buffer, y: u16, out: &mut String) {
    let glyphs: Vec<_> = glyphs(buffer, y).collect();
    let shown = glyphs.iter().rposition(|it| !it.is_nothing()).map_or(0, |last| last + 1);
    let mut ink = Ink::PLAIN;
    for glyph in &glyphs[..shown] {
        push_change(ink, glyph.ink, Depth::True, out);
        ink = glyph.ink;
        out.push_str(&glyph.symbol);
    }
    push_change(ink, Ink::PLAIN, Depth::True, out);
}
