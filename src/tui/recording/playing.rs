//! Answers out of a recording, and the passing of time between them, into the dashboard.
//!
//! The dashboard hears of each answer at the time at which it came, and of the seconds between, as
//! it did while it was recorded: what follows from both is the same again.

use kt_protocol::types::{Millis, Now, Timestamp};

use super::line::Entry;
use super::reader::{Ending, ReadError, Reader};
use crate::tui::model::app::{App, PlayEnd};
use crate::tui::model::msg::Msg;

/// Where answers come from.
pub(crate) trait Entries {
    /// The next answer; `None` at the end.
    fn next(&mut self) -> Result<Option<Entry>, ReadError>;
    fn ending(&self) -> Ending;
}

impl<R: std::io::BufRead> Entries for Reader<R> {
    fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        Reader::next(self)
    }

    fn ending(&self) -> Ending {
        Reader::ending(self)
    }
}

/// A recording that is played.
#[derive(Debug)]
pub(crate) struct Playing<E> {
    entries: E,
    /// The answer that comes next.
    next: Option<Entry>,
    /// What the dashboard was told last.
    now: Now,
    /// Why no more comes.
    end: Option<PlayEnd>,
}

/// While nothing comes for long, time passes in seconds for so many of them, and then at once: who
/// records was asleep.
const SECONDS_MAX: u64 = 120;

impl<E: Entries> Playing<E> {
    /// Begins with the first answer, which is not told yet.
    pub(crate) fn begin(entries: E) -> Result<Playing<E>, ReadError> {
        let mut playing = Playing { entries, next: None, now: Now::default(), end: None };
        playing.next = playing.entries.next()?;
        match &playing.next {
            Some(first) => playing.now = first.at,
            None => playing.end = Some(playing.ended()),
        }
        Ok(playing)
    }

    /// The dashboard's time.
    pub(crate) fn now(&self) -> Now {
        self.now
    }

    /// When the next answer comes.
    pub(crate) fn next_at(&self) -> Option<Now> {
        self.next.as_ref().map(|it| it.at)
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Why it ended, if it is damaged.
    pub(crate) fn damage(&self) -> Option<&str> {
        match &self.end {
            Some(PlayEnd::Damaged(why)) => Some(why),
            _ => None,
        }
    }

    /// Tells the dashboard what happens up to `until`, but no more than so many answers and
    /// moments; whether that was all.
    pub(crate) fn advance(&mut self, app: &mut App, until: Millis, most: usize) -> bool {
        for _ in 0..most {
            if self.is_ended() || !self.step(app, until) {
                return true;
            }
        }
        false
    }

    /// Tells all that came up to a time of the wall clock, and lets time pass up to there.
    pub(crate) fn advance_to(&mut self, app: &mut App, wall: Timestamp) {
        while let Some(next) = self.next_at() {
            if wall < next.wall {
                let left = u64::try_from(wall.0 - self.now.wall.0).unwrap_or(0);
                let until = (self.now.monotonic + left).min(next.monotonic);
                while self.step(app, until) {}
                self.pass(app, until);
                return;
            }
            while self.next_at() == Some(next) && self.step(app, next.monotonic) {}
        }
    }

    /// Plays it to its end.
    pub(crate) fn advance_to_end(&mut self, app: &mut App) {
        while !self.is_ended() && self.step(app, Millis(u64::MAX)) {}
    }

    /// The next answer, or the next moment at which something is to be computed; false if there is
    /// none up to then.
    fn step(&mut self, app: &mut App, until: Millis) -> bool {
        let Some(next) = self.next_at() else { return false };
        let silence = next.monotonic - self.now.monotonic;
        let moment = app.next_deadline().max(self.now.monotonic + 1);
        if moment < next.monotonic && silence <= SECONDS_MAX * 1_000 {
            if until < moment {
                return false;
            }
            self.pass(app, moment);
            return true;
        }
        if until < next.monotonic {
            return false;
        }
        self.tell(app);
        true
    }

    /// Nothing but time passes.
    fn pass(&mut self, app: &mut App, until: Millis) {
        let passed = i64::try_from(until - self.now.monotonic).unwrap_or(i64::MAX);
        let wall = Timestamp(self.now.wall.0.saturating_add(passed));
        self.now = Now { monotonic: until, wall };
        self.update(app, Msg::Tick);
    }

    /// The next answer is told, and the one after it read.
    fn tell(&mut self, app: &mut App) {
        let Some(entry) = self.next.take() else { return };
        self.now = Now { monotonic: entry.at.monotonic.max(self.now.monotonic), ..entry.at };
        let question = entry.question();
        let Entry { said, took, .. } = entry;
        self.update(app, Msg::Answer { question, said, took });
        match self.entries.next() {
            Ok(Some(next)) => self.next = Some(in_order(next, self.now)),
            Ok(None) => self.end_with(app, self.ended()),
            Err(error) => self.end_with(app, PlayEnd::Damaged(error.to_string())),
        }
    }

    fn ended(&self) -> PlayEnd {
        match self.entries.ending() {
            Ending::Cut => PlayEnd::Cut,
            Ending::Open | Ending::Whole => PlayEnd::Whole,
        }
    }

    /// The picture stands still; all that was told is in it.
    fn end_with(&mut self, app: &mut App, end: PlayEnd) {
        app.compute_all();
        self.update(app, Msg::Played(end.clone()));
        self.end = Some(end);
    }

    /// A recording asks for nothing: what the dashboard wants of the outside is not done.
    fn update(&self, app: &mut App, msg: Msg) {
        app.update(self.now, msg, &mut Vec::new());
    }
}

/// Two answers that came at once may stand in any order.
fn in_order(mut next: Entry, now: Now) -> Entry {
    next.at.monotonic = next.at.monotonic.max(now.monotonic);
    next
}
