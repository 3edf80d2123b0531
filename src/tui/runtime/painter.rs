//! Turns a picture into the bytes that make a terminal show it: only what has changed.

use ratatui::buffer::{Buffer, CellWidth as _};

use crate::tui::view::sgr::{Depth, Ink, push_change};

/// Between these two a terminal shows nothing, so that nobody sees half a picture. Those that do
/// not know them show it as it comes.
const BEGIN: &str = "\x1b[?2026h";
pub(crate) const END: &str = "\x1b[?2026l";
/// Plain ink, and nothing on the screen.
const CLEAR: &str = "\x1b[0m\x1b[2J";

/// Knows what the terminal shows.
#[derive(Debug, Default)]
pub(crate) struct Painter {
    depth: Depth,
    shown: Option<Buffer>,
}

impl Painter {
    /// For a terminal that tells so many colours apart, and of which nothing is known.
    pub(crate) fn new(depth: Depth) -> Painter {
        Painter { depth, shown: None }
    }

    /// What shows `next` instead of what was shown last; empty if that is the same.
    pub(crate) fn paint(&mut self, next: Buffer) -> String {
        let whole = self.shown.as_ref().is_none_or(|it| it.area != next.area);
        let blank = Buffer::empty(next.area);
        let before = self.shown.as_ref().filter(|_| !whole).unwrap_or(&blank);
        let mut pen = Pen { out: BEGIN.to_owned(), depth: self.depth, ink: Ink::PLAIN, at: None };
        if whole {
            pen.out.push_str(CLEAR);
        }
        let empty = pen.out.len();
        for (x, y, cell) in before.diff_iter(&next) {
            pen.put((x, y), cell.symbol(), Ink::of(cell));
        }
        let Pen { mut out, ink, .. } = pen;
        let is_same = !whole && out.len() == empty;
        self.shown = Some(next);
        if is_same {
            return String::new();
        }
        push_change(ink, Ink::PLAIN, self.depth, &mut out);
        out.push_str(END);
        out
    }
}

struct Pen {
    out: String,
    depth: Depth,
    ink: Ink,
    /// Where the terminal's cursor is for sure.
    at: Option<(u16, u16)>,
}

impl Pen {
    fn put(&mut self, place: (u16, u16), symbol: &str, ink: Ink) {
        let (x, y) = place;
        if self.at != Some(place) {
            self.out.push_str(&format!("\x1b[{};{}H", u32::from(y) + 1, u32::from(x) + 1));
        }
        push_change(self.ink, ink, self.depth, &mut self.out);
        self.ink = ink;
        self.out.push_str(symbol);
        self.at = is_sure(symbol).then(|| (x.saturating_add(symbol.cell_width()), y));
    }
}

/// Whether every terminal draws it as wide as we think. After any other the cursor is put in its
/// place again, so that one odd character in a name does not shift the rest of its row.
fn is_sure(symbol: &str) -> bool {
    let mut characters = symbol.chars();
    let (Some(it), None) = (characters.next(), characters.next()) else { return false };
    matches!(it, ' '..='~' | '\u{2500}'..='\u{259f}' | '\u{2800}'..='\u{28ff}')
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::{Color, Style};

    use super::*;

    fn picture(width: u16, lines: &[&str]) -> Buffer {
        let height = u16::try_from(lines.len()).unwrap();
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        for (y, line) in lines.iter().enumerate() {
            buffer.set_string(0, u16::try_from(y).unwrap(), line, Style::new());
        }
        buffer
    }

    fn shown(bytes: &str) -> String {
        bytes.replace('\x1b', "^")
    }

    #[test]
    fn only_what_changed_is_written() {
        let mut painter = Painter::new(Depth::True);
        let first = painter.paint(picture(8, &["orders 1", "⣀⣀  age"]));
        assert_eq!(shown(&first), "^[?2026h^[0m^[2J^[1;1Horders^[1;8H1^[2;1H⣀⣀^[2;5Hage^[?2026l");
        let second = painter.paint(picture(8, &["orders 2", "⣀⣀  age"]));
        assert_eq!(shown(&second), "^[?2026h^[1;8H2^[?2026l");
        assert_eq!(painter.paint(picture(8, &["orders 2", "⣀⣀  age"])), "");
    }

    #[test]
    fn another_size_is_drawn_whole() {
        let mut painter = Painter::new(Depth::True);
        painter.paint(picture(3, &["abc"]));
        assert_eq!(shown(&painter.paint(picture(2, &["ab"]))), "^[?2026h^[0m^[2J^[1;1Hab^[?2026l");
        assert_eq!(shown(&painter.paint(Buffer::empty(Rect::ZERO))), "^[?2026h^[0m^[2J^[?2026l");
    }

    #[test]
    fn ink_ends_with_the_picture() {
        let mut painter = Painter::new(Depth::Sixteen);
        let mut next = picture(4, &["a bc"]);
        next.set_style(Rect::new(2, 0, 2, 1), Style::new().fg(Color::LightRed));
        assert_eq!(shown(&painter.paint(next)), "^[?2026h^[0m^[2J^[1;1Ha^[1;3H^[91mbc^[0m^[?2026l");
    }

    #[test]
    fn a_character_of_doubtful_width_shifts_nothing() {
        let mut painter = Painter::new(Depth::True);
        let bytes = painter.paint(picture(8, &["a✗b注c"]));
        assert_eq!(shown(&bytes), "^[?2026h^[0m^[2J^[1;1Ha✗^[1;3Hb注^[1;6Hc^[?2026l");
        // The second half of a wide one is drawn when it goes.
        let bytes = painter.paint(picture(8, &["a✗bxyc"]));
        assert_eq!(shown(&bytes), "^[?2026h^[1;4Hxy^[?2026l");
    }
}
