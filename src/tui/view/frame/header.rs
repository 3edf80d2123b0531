//! The first line: which cluster this is, how it is, and how old that knowledge is.

use kt_protocol::types::NodeId;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use crate::tui::figures::{Reading, cells, duration, name, value};
use crate::tui::model::checks;
use crate::tui::recording::speed::Speed;
use crate::tui::view::app::tone;
use crate::tui::view::canvas::{Canvas, after, width_of};
use crate::tui::view::theme::{Paint, Tone};

const CONTEXT: u16 = 12;
const BADGE: u16 = 13;
const BROKERS: u16 = 11;
const CONTROLLER: u16 = 7;
const CLUSTER_ID: u16 = 9;
const WHOLE_CLUSTER_ID: u16 = 22;
const PROTECTION: u16 = 9;
const AGE: u16 = 11;
/// From this width on the cluster id is whole.
const WIDE: u16 = 120;

/// What the first line says.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// The name of the context.
    pub(crate) context: String,
    /// The colour that the context was given.
    pub(crate) paint: Option<Paint>,
    /// How many rules fire.
    pub(crate) badge: Badge,
    /// Brokers that are up, of those registered.
    pub(crate) brokers: Reading<(usize, usize)>,
    /// The leader of the metadata quorum.
    pub(crate) controller: Reading<NodeId>,
    /// The cluster's id, empty until it is known.
    pub(crate) cluster_id: String,
    /// Whether actions are locked.
    pub(crate) protection: Protection,
    /// How old the oldest answer is that the screen needs.
    pub(crate) age: Age,
}

/// The firing rules, counted by level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Badge {
    /// Nothing is known yet.
    Unknown,
    /// So many fire; with none of either all is well.
    Firing {
        /// Rules, not subjects.
        bad: usize,
        /// Rules, not subjects.
        warn: usize,
    },
}

impl Badge {
    /// What it says in at most `room` cells: the warnings drop if both do not fit.
    pub(super) fn words(self, room: u16) -> Vec<(String, Tone)> {
        let badge = match self {
            Badge::Unknown => checks::Badge { unknown: 1, ..checks::Badge::default() },
            Badge::Firing { bad, warn } => checks::Badge { bad, warn, unknown: 0 },
        };
        let words = badge.words(usize::from(room)).into_iter();
        words.map(|(text, level)| (text, tone(level))).collect()
    }

    /// Draws it at the left end of `line`.
    pub(super) fn draw(self, canvas: &mut Canvas<'_>, line: Rect) {
        let mut rest = line;
        for (text, tone) in self.words(line.width) {
            let style = match tone {
                Tone::Ok => canvas.theme().badge_ok(),
                other => canvas.theme().style(other),
            };
            let taken = canvas.put_styled(rest, &text, style.add_modifier(Modifier::BOLD));
            rest = after(rest, taken + 1);
        }
    }
}

/// Whether actions are locked in this context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// They are not.
    None,
    /// They are.
    Protected,
    /// They were, and the user unlocked them for a while.
    Unlocked,
}

impl Protection {
    fn words(self) -> (String, Tone) {
        match self {
            Protection::None => (String::new(), Tone::Plain),
            Protection::Protected => ("PROTECTED".to_owned(), Tone::Plain),
            Protection::Unlocked => ("UNLOCKED".to_owned(), Tone::Warn),
        }
    }
}

/// How old the picture is. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// Nothing was answered yet.
    None,
    /// As young as it should be.
    Fresh(u64),
    /// Over two intervals.
    Stale(u64),
    /// Over six intervals.
    Lost(u64),
    /// The user stopped the picture that long ago.
    Frozen(u64),
    /// A recording is shown so many times as fast.
    Replay(Speed),
}

impl Age {
    pub(super) fn words(self) -> (String, Tone) {
        match self {
            Age::None => (String::new(), Tone::Plain),
            Age::Fresh(age) => (seconds(age), Tone::Dim),
            Age::Stale(age) => (format!("stale {}", seconds(age)), Tone::Warn),
            Age::Lost(age) => (format!("STALE {}", seconds(age)), Tone::Bad),
            Age::Frozen(age) => (format!("frozen {}", seconds(age)), Tone::Accent),
            Age::Replay(speed) => (format!("replay {speed}x"), Tone::Accent),
        }
    }
}

/// The picture is drawn once a second: less is nothing.
fn seconds(milliseconds: u64) -> String {
    if milliseconds < 1000 { "0s".to_owned() } else { duration(milliseconds) }
}

impl Header {
    /// Draws it in its fixed cells; those that do not fit are left out.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>, line: Rect) {
        let mut room = self.draw_age(canvas, line);
        for part in kept(line.width, room.width) {
            let width = part.width(line.width);
            self.draw_part(canvas, Rect { width, ..room }, part);
            room = after(room, width + 1);
        }
        self.paint(canvas, line);
    }

    /// The form of a narrow window: context, badge and age alone.
    pub(super) fn draw_narrow(&self, canvas: &mut Canvas<'_>, line: Rect) {
        let room = self.draw_age(canvas, line);
        let taken = canvas.put(room, &name(&self.context, usize::from(CONTEXT)), Tone::Plain);
        self.badge.draw(canvas, after(room, taken + 2));
        self.paint(canvas, line);
    }

    fn draw_part(&self, canvas: &mut Canvas<'_>, cell: Rect, part: Part) {
        let (text, tone) = match part {
            Part::Badge => return self.badge.draw(canvas, cell),
            Part::Context => (name(&self.context, usize::from(CONTEXT)), Tone::Plain),
            Part::Brokers => self.brokers_words(),
            Part::Controller => {
                let text = self.controller.text(|it| it.to_string());
                (labelled("ctl", &text, CONTROLLER), Tone::Plain)
            }
            Part::ClusterId => (short_id(&self.cluster_id, usize::from(cell.width)), Tone::Dim),
            Part::Protection => self.protection.words(),
        };
        canvas.put(cell, &text, tone);
    }

    fn brokers_words(&self) -> (String, Tone) {
        let is_short = matches!(self.brokers, Reading::Known((up, all)) if up < all);
        let tone = if is_short { Tone::Bad } else { Tone::Plain };
        let text = self.brokers.text(|(up, all)| format!("{up}/{all}"));
        (labelled("brk", &text, BROKERS), tone)
    }

    /// Draws the age at the right end. Returns the room of the other cells.
    fn draw_age(&self, canvas: &mut Canvas<'_>, line: Rect) -> Rect {
        let (text, tone) = self.age.words();
        // The longest age is one cell longer than its room and takes the margin.
        let margin = u16::from(width_of(&text) <= AGE);
        let place = Rect { width: line.width.saturating_sub(margin), ..line };
        canvas.put_right(place, &text, tone);
        let room = after(line, 1);
        Rect { width: room.width.saturating_sub(AGE + 2), ..room }
    }

    fn paint(&self, canvas: &mut Canvas<'_>, line: Rect) {
        if let Some(style) = self.paint.and_then(|it| canvas.theme().painted(it)) {
            canvas.restyle(line, style);
        }
    }
}

/// A cell of the first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Context,
    Badge,
    Brokers,
    Controller,
    ClusterId,
    Protection,
}

impl Part {
    const ALL: [Part; 6] = [
        Part::Context,
        Part::Badge,
        Part::Brokers,
        Part::Controller,
        Part::ClusterId,
        Part::Protection,
    ];
    /// What goes first when there is no room for all. Context and badge never go.
    const DROPPING: [Part; 4] =
        [Part::ClusterId, Part::Controller, Part::Protection, Part::Brokers];

    /// In a line of `line_width` cells.
    fn width(self, line_width: u16) -> u16 {
        match self {
            Part::Context => CONTEXT,
            Part::Badge => BADGE,
            Part::Brokers => BROKERS,
            Part::Controller => CONTROLLER,
            Part::ClusterId if line_width < WIDE => CLUSTER_ID,
            Part::ClusterId => WHOLE_CLUSTER_ID,
            Part::Protection => PROTECTION,
        }
    }
}

/// The cells that find `room` in a line of `line_width` cells.
fn kept(line_width: u16, room: u16) -> Vec<Part> {
    let mut kept = Part::ALL.to_vec();
    for dropped in Part::DROPPING {
        let taken: u16 = kept.iter().map(|it| it.width(line_width) + 1).sum();
        if taken <= room + 1 {
            break;
        }
        kept.retain(|it| *it != dropped);
    }
    kept
}

/// `label text` in `width` cells; the blank goes first, then the label.
fn labelled(label: &str, text: &str, width: u16) -> String {
    let width = usize::from(width);
    let forms = [format!("{label} {text}"), format!("{label}{text}")];
    let fitting = forms.into_iter().find(|it| cells(it) <= width);
    fitting.unwrap_or_else(|| value(text, width))
}

/// An id keeps as much of its start as of its end.
fn short_id(id: &str, width: usize) -> String {
    if cells(id) <= width || !id.is_ascii() || width < 3 {
        return name(id, width);
    }
    let half = (width - 1) / 2;
    format!("{}…{}", &id[..half], &id[id.len() - half..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_drop_when_both_do_not_fit() {
        let words = |bad, warn| {
            let words = Badge::Firing { bad, warn }.words(BADGE);
            words.into_iter().map(|it| it.0).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(words(3, 2), "BAD 3 WARN 2");
        assert_eq!(words(13, 2), "BAD 13 WARN 2");
        assert_eq!(words(13, 20), "BAD 13");
        assert_eq!(words(0, 2), "WARN 2");
        assert_eq!(words(0, 0), "OK");
        assert_eq!(Badge::Unknown.words(BADGE)[0].0, "UNKNOWN");
    }

    #[test]
    fn ages_say_what_they_are() {
        let ages = [
            Age::Fresh(2_400),
            Age::Fresh(300),
            Age::Stale(47_000),
            Age::Lost(552_000),
            Age::Frozen(190_000),
            Age::Replay("8".parse().unwrap()),
        ];
        let words = ages.map(|it| it.words().0);
        assert_eq!(words, ["2s", "0s", "stale 47s", "STALE 9m12s", "frozen 3m10s", "replay 8x"]);
    }

    #[test]
    fn a_long_number_keeps_its_digits_and_loses_its_label() {
        assert_eq!(labelled("ctl", "101", CONTROLLER), "ctl 101");
        assert_eq!(labelled("ctl", "1001", CONTROLLER), "ctl1001");
        assert_eq!(labelled("ctl", "20001", CONTROLLER), "20001");
        assert_eq!(short_id("MkU3OEVBNTcwNTJENDM2Qk", 9), "MkU3…M2Qk");
        assert_eq!(short_id("MkU3OEVBNTcwNTJENDM2Qk", 22), "MkU3OEVBNTcwNTJENDM2Qk");
    }
}
