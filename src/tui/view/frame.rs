//! What stands around every screen, in lines that never move.
//!
//! Header, bar and title above the body, message and footer below it. A small window loses bar and
//! message; a tiny one shows the badge and the faults alone.

mod boxes;
mod footer;
mod header;
mod lines;
mod tiny;

pub(crate) use boxes::{Ask, Confirm, Help, HelpColumn};
pub(crate) use footer::draw_footer;
pub(crate) use header::{Age, Badge, Header, Protection};
pub(crate) use lines::{Notice, Title, draw_bar, draw_lines, draw_rule, spinner};
pub(crate) use tiny::Fault;

use ratatui::layout::Rect;

use super::canvas::{Canvas, line_of};
use crate::tui::model::screen::Screen;

/// How much of the frame a window has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// All six lines, from 60 columns and 16 lines on.
    Full,
    /// Without bar and message, from 40 columns and 8 lines on.
    Narrow,
    /// The badge, and one line for each fault.
    Tiny,
}

impl Form {
    /// The form of a window of this size.
    pub(crate) fn of(area: Rect) -> Form {
        match (area.width, area.height) {
            (60.., 16..) => Form::Full,
            (40.., 8..) => Form::Narrow,
            _ => Form::Tiny,
        }
    }
}

/// Where everything of the frame stands. A line that the form lacks is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    /// The line of the context and the badge.
    pub(crate) header: Rect,
    /// The line of the screens' numbers.
    pub(crate) bar: Rect,
    /// The line of the screen's name, counts, filter and order.
    pub(crate) title: Rect,
    /// What belongs to the screen.
    pub(crate) body: Rect,
    /// The line of messages, of the filter and of banners.
    pub(crate) message: Rect,
    /// The line of keys, and of commands.
    pub(crate) footer: Rect,
}

impl Places {
    /// The places in a window of this size.
    pub(crate) fn of(area: Rect) -> Places {
        let none = Rect { height: 0, ..area };
        let last = line_of(area, area.height.saturating_sub(1));
        let line = |index: u16| line_of(area, index);
        match Form::of(area) {
            Form::Full => Places {
                header: line(0),
                bar: line(1),
                title: line(2),
                body: Rect { y: area.y + 3, height: area.height - 5, ..area },
                message: line(area.height - 2),
                footer: last,
            },
            Form::Narrow => Places {
                header: line(0),
                bar: none,
                title: line(1),
                body: Rect { y: area.y + 2, height: area.height - 3, ..area },
                message: none,
                footer: last,
            },
            Form::Tiny => Places {
                header: none,
                bar: none,
                title: none,
                body: none,
                message: none,
                footer: none,
            },
        }
    }
}

/// Everything around the body of a screen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    /// The first line.
    pub(crate) header: &'a Header,
    /// What is shown; the bar lights it or the screen that it was opened from.
    pub(crate) screen: Screen,
    /// The third line.
    pub(crate) title: &'a Title,
    /// What the message line says, if anything.
    pub(crate) notice: Option<&'a Notice>,
    /// The keys that are valid here with their words, in the order of the keymap.
    pub(crate) keys: &'a [String],
    /// What a tiny window shows, the worst first.
    pub(crate) faults: &'a [Fault],
}

impl Frame<'_> {
    /// Draws it over all of the canvas. Returns the room of the body; a tiny window has none.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>) -> Rect {
        let area = canvas.area();
        let places = Places::of(area);
        match Form::of(area) {
            Form::Full => {
                self.header.draw(canvas, places.header);
                draw_bar(canvas, places.bar, self.screen);
                self.title.draw(canvas, places.title);
            }
            Form::Narrow => {
                self.header.draw_narrow(canvas, places.header);
                self.title.draw_narrow(canvas, places.title);
            }
            Form::Tiny => {
                tiny::draw(canvas, area, self.header, self.faults);
                return places.body;
            }
        }
        if let Some(notice) = self.notice {
            notice.draw(canvas, places.message);
        }
        draw_footer(canvas, places.footer, self.keys);
        places.body
    }
}

#[cfg(test)]
mod tests;
