//! The other lines: bar, title, message, rules, and bodies that are words only.

use ratatui::layout::Rect;

use crate::tui::figures::{cells, name, value};
use crate::tui::model::screen::Screen;
use crate::tui::view::canvas::{Canvas, Piece, after, line_of, width_of};
use crate::tui::view::theme::{Glyphs, Tone};

/// Draws the screens' numbers, with brackets around the one that is lit.
///
/// Brackets take the place of blanks, so that nothing shifts.
pub(crate) fn draw_bar(canvas: &mut Canvas<'_>, line: Rect, screen: Screen) {
    let lit = Screen::BAR.iter().position(|it| *it == screen.on_bar());
    let mut rest = line;
    for (index, screen) in Screen::BAR.into_iter().enumerate() {
        let is_lit = lit == Some(index);
        let before = match lit {
            _ if is_lit => "[",
            Some(it) if it + 1 == index => "]",
            _ => " ",
        };
        let tone = if is_lit { Tone::Accent } else { Tone::Plain };
        let name = format!("{} {}", index + 1, screen.short_name());
        let width = width_of(&name) + 1;
        canvas.put_all(rest, &[Piece::new(before, Tone::Accent), Piece::new(name, tone)]);
        rest = after(rest, width);
    }
    if lit == Some(Screen::BAR.len() - 1) {
        canvas.put(rest, "]", Tone::Accent);
    }
}

/// The line above the body. Pieces hold the blanks before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Title {
    /// Screen, subject and counts. The last ones drop when it is too narrow.
    pub(crate) left: Vec<Piece>,
    /// Filter, order and window of time. The last ones drop when it is too narrow. What has an
    /// accent hides rows: it stays at any width, and loses its end at most.
    pub(crate) right: Vec<Piece>,
}

impl Title {
    /// Draws it, with a margin of one cell at both ends.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>, line: Rect) {
        let room = inside(line);
        let rest = self.draw_left(canvas, room, self.kept(room.width));
        draw_right(canvas, rest, &self.right);
    }

    /// The form of a narrow window: the left side, and what hides rows.
    pub(super) fn draw_narrow(&self, canvas: &mut Canvas<'_>, line: Rect) {
        let room = inside(line);
        let rest = self.draw_left(canvas, room, self.kept(room.width));
        let hides: Vec<Piece> = self.hides().cloned().collect();
        draw_right(canvas, rest, &hides);
    }

    /// What says that not all rows are shown.
    fn hides(&self) -> impl Iterator<Item = &Piece> {
        self.right.iter().filter(|it| it.tone == Tone::Accent)
    }

    /// Cells of `room` that are kept for it, with a blank before them.
    fn kept(&self, room: u16) -> u16 {
        let width: usize = self.hides().map(|it| cells(&it.text)).sum();
        u16::try_from(width).unwrap_or(u16::MAX).min((room / 3).min(KEPT_MOST))
    }

    /// Returns the room that is left, `kept` cells at least if the first piece allows.
    fn draw_left(&self, canvas: &mut Canvas<'_>, room: Rect, kept: u16) -> Rect {
        let mut rest = room;
        for (index, piece) in self.left.iter().enumerate() {
            let width = width_of(&piece.text);
            let free = rest.width.saturating_sub(kept);
            if index > 0 && width > free {
                break;
            }
            let text = name(&piece.text, usize::from(free));
            let taken = canvas.put(rest, &text, piece.tone);
            rest = after(rest, taken);
        }
        rest
    }
}

/// As many of `pieces` as fit at the right end of `room`. What hides rows stays: of that the first
/// one is cut. A blank at least keeps them apart from what stands left.
fn draw_right(canvas: &mut Canvas<'_>, room: Rect, pieces: &[Piece]) {
    let mut pieces = pieces.to_vec();
    let Some(first) = pieces.first_mut() else { return };
    first.text = first.text.trim_start().to_owned();
    let free = usize::from(room.width.saturating_sub(1));
    let width = |pieces: &[Piece]| pieces.iter().map(|it| cells(&it.text)).sum::<usize>();
    while free < width(&pieces) && pieces.last().is_some_and(|it| it.tone != Tone::Accent) {
        pieces.pop();
    }
    if let [first, others @ ..] = pieces.as_mut_slice() {
        first.text = value(&first.text, free.saturating_sub(width(others)));
    }
    while free < width(&pieces) {
        pieces.pop();
    }
    let width = u16::try_from(width(&pieces)).unwrap_or(u16::MAX);
    canvas.put_all(after(room, room.width.saturating_sub(width)), &pieces);
}

/// More than so many cells are not kept for a filter.
const KEPT_MOST: u16 = 20;

/// One line that says something: a message, a banner, a filter while it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    mark: &'static str,
    tone: Tone,
    text: String,
    right: String,
}

impl Notice {
    /// What is wrong or was done, with the mark of its level.
    pub(crate) fn of(level: Tone, text: impl Into<String>, right: impl Into<String>) -> Notice {
        let (text, right) = (text.into(), right.into());
        Notice { mark: level.check_mark(), tone: level, text, right }
    }

    /// Words without a level: progress.
    pub(crate) fn plain(text: impl Into<String>, right: impl Into<String>) -> Notice {
        Notice { mark: "", tone: Tone::Plain, text: text.into(), right: right.into() }
    }

    /// What the user types on this line.
    pub(crate) fn input(text: impl Into<String>, right: impl Into<String>) -> Notice {
        Notice { tone: Tone::Accent, ..Notice::plain(text, right) }
    }

    /// Draws it on `line`, with a margin of one cell at both ends. The text makes way for what
    /// stands right.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>, line: Rect) {
        let mut room = inside(line);
        let taken = width_of(&self.right);
        if 0 < taken && taken < room.width {
            canvas.put_right(room, &self.right, Tone::Dim);
            room.width -= taken + 1;
        }
        if !self.mark.is_empty() {
            canvas.put(room, self.mark, self.tone);
            room = after(room, 2);
        }
        canvas.put(room, &value(&self.text, usize::from(room.width)), self.tone);
    }
}

/// Draws a rule over the whole of `line`, with `title` in it unless that is empty.
pub(crate) fn draw_rule(canvas: &mut Canvas<'_>, line: Rect, title: &str, tone: Tone) {
    canvas.put(line, &"─".repeat(usize::from(line.width)), tone);
    let room = after(line, 2);
    let title = value(title, usize::from(room.width.saturating_sub(2)));
    if !title.is_empty() {
        canvas.put(room, &format!(" {title} "), tone);
    }
}

/// Draws lines of words below each other, behind the gutter: loading and empty screens.
pub(crate) fn draw_lines(canvas: &mut Canvas<'_>, body: Rect, lines: &[String]) {
    for (index, line) in (0..body.height).zip(lines) {
        let room = after(line_of(body, index), 3);
        canvas.put(room, &value(line, usize::from(room.width)), Tone::Plain);
    }
}

/// The one thing that moves, while the first answer is awaited.
pub(crate) fn spinner(tick: u64, glyphs: Glyphs) -> char {
    let frames: &[char] = match glyphs {
        Glyphs::Unicode => &['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
        Glyphs::Ascii => &['|', '/', '-', '\\'],
    };
    frames[(tick % frames.len() as u64) as usize]
}

fn inside(line: Rect) -> Rect {
    Rect { width: line.width.saturating_sub(2), ..after(line, 1) }
}
