//! The smallest windows: the badge, and one line for each fault.

use ratatui::layout::Rect;

use super::header::Header;
use crate::tui::figures::{cells, name};
use crate::tui::view::canvas::{Canvas, after, line_of, width_of};
use crate::tui::view::theme::Tone;

/// Below this there is room for the badge alone.
const LEAST: (u16, u16) = (20, 5);

/// Something that is wrong, in few words: `orders-7 offline`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// How bad it is.
    pub(crate) level: Tone,
    /// What it is about. Its middle goes when it is too long.
    pub(crate) subject: String,
    /// What is wrong with it, a word or two.
    pub(crate) says: String,
}

pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, header: &Header, faults: &[Fault]) {
    if area.width < LEAST.0 || area.height < LEAST.1 {
        header.badge.draw(canvas, line_of(area, 0));
        return;
    }
    let inside = Rect { width: area.width - 2, ..after(area, 1) };
    let first = line_of(inside, 0);
    let (age, tone) = header.age.words();
    // The badge is what matters: an age that would hide it is left out.
    let badge: usize = header.badge.words(first.width).iter().map(|it| cells(&it.0) + 1).sum();
    if badge + cells(&age) <= usize::from(first.width) {
        canvas.put_right(first, &age, tone);
    }
    header.badge.draw(canvas, first);
    for (index, fault) in (1..area.height).zip(faults) {
        let line = line_of(inside, index);
        let room = usize::from(line.width).saturating_sub(cells(&fault.says) + 1);
        let subject = name(&fault.subject, room);
        canvas.put(line, &subject, fault.level);
        canvas.put(after(line, width_of(&subject) + 1), &fault.says, fault.level);
    }
}
