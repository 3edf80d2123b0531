//! Puts text into cells: clipped, escaped, and in the glyphs and styles of the theme.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthChar as _;

use super::theme::{Glyphs, Theme, Tone};
use crate::terminal::escaped;
use crate::tui::figures::cells;

/// A buffer and how it is drawn on. Nothing can be put outside it.
pub(crate) struct Canvas<'a> {
    buffer: &'a mut Buffer,
    theme: Theme,
}

impl<'a> Canvas<'a> {
    /// Draws on `buffer` as `theme` says.
    pub(crate) fn new(buffer: &'a mut Buffer, theme: Theme) -> Canvas<'a> {
        Canvas { buffer, theme }
    }

    /// How it is drawn.
    pub(crate) fn theme(&self) -> Theme {
        self.theme
    }

    /// All there is to draw on.
    pub(crate) fn area(&self) -> Rect {
        self.buffer.area
    }

    /// Puts `text` at the left end of `line`, of which only the first row is used. Returns the
    /// cells that were taken.
    pub(crate) fn put(&mut self, line: Rect, text: &str, tone: Tone) -> u16 {
        self.put_styled(line, text, self.theme.style(tone))
    }

    /// The same in a style of one's own.
    pub(crate) fn put_styled(&mut self, line: Rect, text: &str, style: Style) -> u16 {
        let line = line.intersection(self.buffer.area);
        if line.is_empty() {
            return 0;
        }
        let text = self.drawable(text);
        let width = usize::from(line.width);
        let (end, _) = self.buffer.set_stringn(line.x, line.y, text, width, style);
        end - line.x
    }

    /// Puts `text` at the right end of `line`. What does not fit loses its end.
    pub(crate) fn put_right(&mut self, line: Rect, text: &str, tone: Tone) {
        let width = width_of(&escaped(text));
        self.put(after(line, line.width.saturating_sub(width)), text, tone);
    }

    /// Puts pieces one after the other at the left end of `line`.
    pub(crate) fn put_all(&mut self, line: Rect, pieces: &[Piece]) {
        let mut rest = line;
        for piece in pieces {
            let taken = self.put(rest, &piece.text, piece.tone);
            rest = after(rest, taken);
        }
    }

    /// Makes all of `area` blank, whatever was drawn there.
    pub(crate) fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        for position in area.positions() {
            self.buffer[position].reset();
        }
    }

    /// Lays `style` over all of `area`, and leaves the text.
    pub(crate) fn restyle(&mut self, area: Rect, style: Style) {
        self.buffer.set_style(area, style);
    }

    /// Draws the cursor's row: reversed over its whole width.
    pub(crate) fn select(&mut self, area: Rect) {
        self.restyle(area, self.theme.style(Tone::Selection));
    }

    fn drawable(&self, text: &str) -> String {
        let text = escaped(text);
        if self.theme.glyphs == Glyphs::Unicode {
            return text.into_owned();
        }
        let mut out = String::with_capacity(text.len());
        for character in text.chars() {
            let replaced = self.theme.glyphs.of(character);
            // A wide character is replaced by two, and a mark without width by none.
            let times = character.width().unwrap_or(0);
            out.extend(std::iter::repeat_n(replaced, times));
        }
        out
    }
}

/// Text of one tone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    /// What is written.
    pub(crate) text: String,
    /// What it means.
    pub(crate) tone: Tone,
}

impl Piece {
    /// `text` in `tone`.
    pub(crate) fn new(text: impl Into<String>, tone: Tone) -> Piece {
        Piece { text: text.into(), tone }
    }
}

/// The cells that `text` takes, as the screen counts them.
pub(super) fn width_of(text: &str) -> u16 {
    u16::try_from(cells(text)).unwrap_or(u16::MAX)
}

/// What is left of `line` behind its first `cells`.
pub(super) fn after(line: Rect, cells: u16) -> Rect {
    let taken = cells.min(line.width);
    Rect { x: line.x.saturating_add(taken), width: line.width - taken, ..line }
}

/// The `index`th line of `area`, empty when there is none.
pub(super) fn line_of(area: Rect, index: u16) -> Rect {
    if index >= area.height {
        return Rect { height: 0, ..area };
    }
    Rect { y: area.y + index, height: 1, ..area }
}

/// What a buffer shows as text, blanks at the ends of lines left out.
#[cfg(test)]
pub(super) fn text_of(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut line = String::new();
        let mut x = buffer.area.left();
        while x < buffer.area.right() {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += width_of(symbol).max(1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(glyphs: Glyphs, paint: impl FnOnce(&mut Canvas<'_>)) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 2));
        paint(&mut Canvas::new(&mut buffer, Theme { glyphs, ..Theme::default() }));
        text_of(&buffer)
    }

    #[test]
    fn nothing_is_drawn_outside() {
        let shown = draw(Glyphs::Unicode, |canvas| {
            canvas.put(Rect::new(8, 0, 90, 1), "abcdef", Tone::Plain);
            canvas.put(Rect::new(0, 9, 90, 1), "lost", Tone::Plain);
            canvas.put_right(Rect::new(0, 1, 7, 1), "right", Tone::Bad);
            canvas.clear(Rect::new(0, 0, 900, 900).intersection(Rect::new(4, 1, 1, 9)));
            canvas.select(Rect::new(0, 0, 900, 900));
        });
        assert_eq!(shown, "        ab\n  ri ht\n");
    }

    #[test]
    fn ascii_keeps_every_cell_in_its_place() {
        let paint = |canvas: &mut Canvas<'_>| {
            canvas.put(Rect::new(0, 0, 10, 1), "✗ 注文→ü\nx", Tone::Plain);
        };
        assert_eq!(draw(Glyphs::Unicode, paint), "✗ 注文→ü\\n\n\n");
        assert_eq!(draw(Glyphs::Ascii, paint), "X ????=?\\n\n\n");
    }
}
