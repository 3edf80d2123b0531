//! The boxes over a screen: help, and what is asked before something is changed.

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::tui::figures::{cells, value};
use crate::tui::view::canvas::{Canvas, Piece, after, line_of};
use crate::tui::view::theme::{Paint, Tone};

const HELP_WIDTH: u16 = 78;
const CONFIRM_WIDTH: u16 = 76;
/// Cells of the first two columns of keys.
const HELP_COLUMNS: [usize; 2] = [26, 22];

/// The keys of a screen.
#[derive(Clone, Debug)]
pub(crate) struct Help {
    /// The screen's name.
    pub(crate) screen: String,
    /// This screen's keys, those that move, and those that work everywhere.
    pub(crate) columns: [HelpColumn; 3],
    /// What the dashboard costs, below the keys.
    pub(crate) cost: String,
    /// Lines of keys that are scrolled out of sight.
    pub(crate) scrolled: usize,
}

/// One column of keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct HelpColumn {
    /// What stands above it.
    pub(crate) head: String,
    /// A line for each key.
    pub(crate) lines: Vec<String>,
}

impl Help {
    /// Draws it in the middle of `area`. How many lines can be scrolled out of sight.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) -> usize {
        let rows = self.columns.iter().map(|it| it.lines.len()).max().unwrap_or(0);
        let room = usize::from(area.height).saturating_sub(4);
        let most = rows.saturating_sub(room);
        let first = self.scrolled.min(most);
        let mut lines = vec![self.line(|it| it.head.clone(), Tone::Dim)];
        for row in (first..rows).take(room) {
            let text = |it: &HelpColumn| it.lines.get(row).cloned().unwrap_or_default();
            lines.push(self.line(text, Tone::Plain));
        }
        lines.push(vec![Piece::new(self.cost.clone(), Tone::Dim)]);
        let title = vec![(format!("keys of {}", self.screen), None)];
        let frame = BoxFrame { title, foot: "Esc closes, j k scroll", tone: Tone::Accent };
        frame.draw(canvas, area, HELP_WIDTH, &lines);
        most
    }

    fn line(&self, text: impl Fn(&HelpColumn) -> String, tone: Tone) -> Vec<Piece> {
        let mut out = String::new();
        let mut end = 0;
        for (index, column) in self.columns.iter().enumerate() {
            let room = HELP_COLUMNS.get(index).map_or(usize::MAX, |it| it - 1);
            let text = text(column);
            // The last column has what the box leaves.
            let text = if room == usize::MAX { text } else { value(&text, room) };
            out.push_str(&text);
            end += HELP_COLUMNS.get(index).copied().unwrap_or(0);
            let used = cells(&out);
            out.push_str(&" ".repeat(end.saturating_sub(used)));
        }
        vec![Piece::new(out, tone)]
    }
}

/// A question before something is changed.
#[derive(Clone, Debug)]
pub(crate) struct Confirm {
    /// What is done to what: `reset offsets of nightly-report`.
    pub(crate) action: String,
    /// The context's name.
    pub(crate) context: String,
    /// The context's colour.
    pub(crate) paint: Option<Paint>,
    /// What will change, a line each.
    pub(crate) plan: Vec<String>,
    /// What is worth knowing before: notes and warnings of the plan.
    pub(crate) notes: Vec<String>,
    /// How it is undone: `kt undo 41`, or `none`.
    pub(crate) undo: String,
    /// The same as a command line.
    pub(crate) same: String,
    /// What must be answered.
    pub(crate) ask: Ask,
    /// Of the question: dim while no answer is taken yet.
    pub(crate) tone: Tone,
}

/// What must be answered before a change.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    /// Level 1: `y`.
    Yes {
        /// The question, without the answers.
        question: String,
    },
    /// Level 2: a name or a number, typed.
    Type {
        /// What is lost: `data is lost`.
        loss: String,
        /// `Type the name to delete it:`
        prompt: String,
        /// What must be typed.
        expected: String,
        /// What has been typed.
        typed: String,
    },
}

impl Confirm {
    /// Draws it in the middle of `area`. The question is always in sight; the plan makes way.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let (level, foot, tone) = match &self.ask {
            Ask::Yes { .. } => (" · level 1".to_owned(), "", Tone::Warn),
            Ask::Type { loss, .. } => {
                let level = format!(" · level 2: {loss}");
                (level, "Esc leaves, nothing is changed", Tone::Bad)
            }
        };
        let paint = self.paint.and_then(|it| canvas.theme().painted(it));
        let title = vec![
            (format!("{} · ", self.action), None),
            (format!("context {}", self.context), paint),
            (level, None),
        ];
        let width = usize::from(CONFIRM_WIDTH.min(area.width).saturating_sub(4));
        let height = usize::from(area.height).saturating_sub(2);
        let mut ending = self.ending(width);
        // What is asked comes last, and is what must be in sight.
        ending.drain(..ending.len().saturating_sub(height));
        let plan = folded(&self.plan, height - ending.len());
        let plan = plan.into_iter().map(|it| (it, Tone::Plain));
        let lines = plan.chain(ending).map(|(it, tone)| vec![Piece::new(it, tone)]);
        let lines: Vec<Vec<Piece>> = lines.collect();
        BoxFrame { title, foot, tone }.draw(canvas, area, CONFIRM_WIDTH, &lines);
    }

    /// All below the plan, in lines of `width` cells.
    fn ending(&self, width: usize) -> Vec<(String, Tone)> {
        let known = self.known(width).into_iter().map(|it| (it, Tone::Plain));
        let asked = match &self.ask {
            Ask::Yes { question } => vec![format!("{question}  [y/N]")],
            Ask::Type { prompt, expected, typed, .. } => asked(prompt, expected, typed, width),
        };
        known.chain(asked.into_iter().map(|it| (it, self.tone))).collect()
    }

    /// What is worth knowing before the answer.
    fn known(&self, width: usize) -> Vec<String> {
        let (undo, same) = (format!("undo: {}", self.undo), format!("same: {}", self.same));
        let mut lines: Vec<String> = self
            .notes
            .iter()
            .take(NOTES_MAX)
            .flat_map(|it| wrapped(it, width, NOTE_LINES))
            .collect();
        if NOTES_MAX < self.notes.len() {
            lines.push(format!("… and {} more", self.notes.len() - NOTES_MAX));
        }
        let both = format!("{undo}    {same}");
        if matches!(self.ask, Ask::Type { .. }) && cells(&both) <= width {
            lines.push(both);
            return lines;
        }
        lines.push(undo);
        lines.extend(wrapped(&same, width, SAME_LINES));
        lines
    }
}

/// Notes that are shown, and the lines of each.
const NOTES_MAX: usize = 3;
const NOTE_LINES: usize = 2;
/// Lines of the command line that says the same.
const SAME_LINES: usize = 3;
/// Lines of what is to be typed: no topic's name is longer.
const TYPED_LINES: usize = 8;

/// What is to be typed below what has been, so that they can be compared; where they find no room
/// beside the prompt, on lines of their own.
fn asked(prompt: &str, expected: &str, typed: &str, width: usize) -> Vec<String> {
    let typed = format!("{typed}_");
    let beside = cells(prompt) + 1;
    if beside + cells(expected).max(cells(&typed)) <= width {
        return vec![format!("{prompt} {typed}"), format!("{}{expected}", " ".repeat(beside))];
    }
    let room = width.saturating_sub(2);
    let mut lines = vec![prompt.to_owned()];
    lines.extend(wrapped(expected, room, TYPED_LINES).iter().map(|it| format!("  {it}")));
    let typed = wrapped(&typed, room, usize::MAX);
    // The end of it is what is being typed.
    let shown = typed.iter().skip(typed.len().saturating_sub(TYPED_LINES));
    lines.extend(shown.map(|it| format!("> {it}")));
    lines
}

/// More of a text is not looked at, cells.
const WRAPPED_MAX: usize = 4_096;

/// `text` in lines of at most `width` cells, and at most so many: broken after a blank where that
/// leaves no short line, else anywhere.
fn wrapped(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = value(text, WRAPPED_MAX);
    while width < cells(&rest) && lines.len() + 1 < most {
        let mut end = 0;
        let mut used = 0;
        for (at, letter) in rest.char_indices() {
            used += cells(letter.encode_utf8(&mut [0; 4]));
            if width < used {
                break;
            }
            end = at + letter.len_utf8();
        }
        if end == 0 {
            break;
        }
        let blank = rest[..end].rfind(' ').map(|it| it + 1);
        let end = blank.filter(|it| width / 2 < *it).unwrap_or(end);
        let next = rest.split_off(end);
        lines.push(std::mem::replace(&mut rest, next));
    }
    lines.push(value(&rest, width));
    lines
}

/// `plan` in at most `room` lines; the last one says how many are not shown.
fn folded(plan: &[String], room: usize) -> Vec<String> {
    if plan.len() <= room {
        return plan.to_vec();
    }
    let Some(shown) = room.checked_sub(1) else { return Vec::new() };
    let mut lines = plan[..shown].to_vec();
    lines.push(format!("… and {} more", plan.len() - shown));
    lines
}

struct BoxFrame<'a> {
    title: Vec<(String, Option<Style>)>,
    foot: &'a str,
    tone: Tone,
}

impl BoxFrame<'_> {
    /// Draws the frame and `lines` in it, as wide as wanted or as `area` allows.
    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, width: u16, lines: &[Vec<Piece>]) {
        let width = width.min(area.width);
        let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(area.height);
        let place = Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y + (area.height - height) / 2,
            width,
            height,
        };
        canvas.clear(place);
        let edge = |left: char, right: char| {
            let between = "─".repeat(usize::from(width.saturating_sub(2)));
            format!("{left}{between}{right}")
        };
        canvas.put(line_of(place, 0), &edge('┌', '┐'), self.tone);
        self.draw_title(canvas, line_of(place, 0));
        for (row, pieces) in (1..height.saturating_sub(1)).zip(lines) {
            self.draw_line(canvas, line_of(place, row), pieces);
        }
        if height < 2 {
            return;
        }
        let bottom = line_of(place, height - 1);
        canvas.put(bottom, &edge('└', '┘'), self.tone);
        if !self.foot.is_empty() {
            let room = Rect { width: width.saturating_sub(3), ..after(bottom, 2) };
            canvas.put(room, &format!(" {} ", self.foot), self.tone);
        }
    }

    /// Names may be long, so it is cut before its last piece, which says the level.
    fn draw_title(&self, canvas: &mut Canvas<'_>, line: Rect) {
        let mut room = Rect { width: line.width.saturating_sub(2), ..after(line, 1) };
        let own = canvas.theme().style(self.tone);
        let mut behind: usize = self.title.iter().map(|it| cells(&it.0)).sum();
        room = after(room, canvas.put(room, " ", self.tone));
        for (text, style) in &self.title {
            behind -= cells(text);
            let free = usize::from(room.width).saturating_sub(behind + 1);
            let text = value(text, free);
            room = after(room, canvas.put_styled(room, &text, style.unwrap_or(own)));
        }
        canvas.put(room, " ", self.tone);
    }

    fn draw_line(&self, canvas: &mut Canvas<'_>, line: Rect, pieces: &[Piece]) {
        canvas.put(line, "│", self.tone);
        canvas.put_right(line, "│", self.tone);
        let mut room = Rect { width: line.width.saturating_sub(4), ..after(line, 2) };
        for piece in pieces {
            let text = value(&piece.text, usize::from(room.width));
            let taken = canvas.put(room, &text, piece.tone);
            room = after(room, taken);
        }
    }
}
