//! The last line: the keys that are valid here.

use ratatui::layout::Rect;

use crate::tui::view::canvas::{Canvas, after, width_of};
use crate::tui::view::theme::Tone;

/// The way to all the keys that have dropped: it stays however narrow the window is.
const HELP: &str = "? help";
const BETWEEN: &str = "  ";

/// Draws the footer's parts in their order (`Enter open`); the last ones drop until the others
/// fit, but `? help` stays.
pub(crate) fn draw_footer(canvas: &mut Canvas<'_>, line: Rect, parts: &[String]) {
    let room = after(line, 1);
    let mut shown: Vec<&str> = parts.iter().map(String::as_str).collect();
    while width_of(&shown.join(BETWEEN)) > room.width {
        let Some(last) = shown.iter().rposition(|it| *it != HELP) else { break };
        shown.remove(last);
    }
    canvas.put(room, &shown.join(BETWEEN), Tone::Dim);
}
