//! Answers out of a recording, and the passing of time between them, into the dashboard.
//!
//! The dashboard hears of each answer at the time at which it came, and of the seconds between, as
//! it did while it was recorded: what follows from both is the same again.

use std::io::BufRead;
use std::task::Poll;

use kt_protocol::types::{Millis, Now, Timestamp};

use super::line::Entry;
use super::reader::{Ending, ReadError, Reader};
use crate::tui::model::app::{App, PlayEnd};
use crate::tui::model::msg::Msg;

/// Where answers come from.
pub(crate) trait Entries {
    /// The next answer, which is waited for; `None` at the end.
    fn next(&mut self) -> Result<Option<Entry>, ReadError>;

    /// The same, if it was read already.
    fn try_next(&mut self) -> Poll<Result<Option<Entry>, ReadError>>;

    fn ending(&self) -> Ending;
}

impl<R: BufRead> Entries for Reader<R> {
    fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        Reader::next(self)
    }

    fn try_next(&mut self) -> Poll<Result<Option<Entry>, ReadError>> {
        Poll::Ready(Reader::next(self))
    }

    fn ending(&self) -> Ending {
        Reader::ending(self)
    }
}

/// A recording that is played.
#[derive(Debug)]
pub(crate) struct Playing<E> {
    entries: E,
    /// The answer that comes next; none while it is still read, and at the end.
    next: Option<Entry>,
    /// What the dashboard was told last.
    now: Now,
    /// Why no more comes.
    end: Option<PlayEnd>,
}

/// Where nothing comes for longer than this, in ms, who recorded was asleep: that time passes at once.
const SILENCE_MAX: u64 = 120_000;

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

    /// When the next answer comes, if it was read.
    pub(crate) fn next_at(&self) -> Option<Now> {
        self.next.as_ref().map(|it| it.at)
    }

    /// Whether the next answer is still read.
    pub(crate) fn is_reading(&self) -> bool {
        self.next.is_none() && self.end.is_none()
    }

    /// Where answers come from.
    pub(crate) fn entries(&self) -> &E {
        &self.entries
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

    /// Tells all that came up to a time of the wall clock, and lets time pass up to there. Where that
    /// clock was set back, a time may come twice, and the first one is meant.
    pub(crate) fn advance_to(&mut self, app: &mut App, wall: Timestamp) {
        loop {
            self.wait(app);
            let Some(next) = self.next_at() else { return };
            if self.now.wall <= wall && wall < next.wall {
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
        loop {
            self.wait(app);
            if self.is_ended() || !self.step(app, Millis(u64::MAX)) {
                return;
            }
        }
    }

    /// When the dashboard is told something next, of what was read: an answer, or a moment at which
    /// something is to be computed, which it has at `deadline`.
    pub(crate) fn due(&self, deadline: Millis) -> Option<Millis> {
        let next = self.next_at()?.monotonic;
        match self.silent_until() {
            Some(_) => Some(next),
            None => Some(deadline.max(self.now.monotonic + 1).min(next)),
        }
    }

    /// The next answer, if it comes so late that the time before it is not worth waiting for.
    pub(crate) fn silent_until(&self) -> Option<Millis> {
        let next = self.next_at()?.monotonic;
        (SILENCE_MAX < next - self.now.monotonic).then_some(next)
    }

    /// Tells the next answer, or lets time pass to the next moment; false if there is none up to
    /// `until`.
    pub(crate) fn step(&mut self, app: &mut App, until: Millis) -> bool {
        self.look(app);
        let Some(due) = self.due(app.next_deadline()).filter(|it| *it <= until) else {
            return false;
        };
        match self.next_at() {
            Some(next) if due < next.monotonic => self.pass(app, due),
            _ => self.tell(app),
        }
        true
    }

    /// Takes over the next answer if it was read meanwhile.
    pub(crate) fn look(&mut self, app: &mut App) {
        if self.is_reading()
            && let Poll::Ready(read) = self.entries.try_next()
        {
            self.take(app, read);
        }
    }

    /// Waits until the next answer is read.
    fn wait(&mut self, app: &mut App) {
        if self.is_reading() {
            let read = self.entries.next();
            self.take(app, read);
        }
    }

    fn take(&mut self, app: &mut App, read: Result<Option<Entry>, ReadError>) {
        match read {
            Ok(Some(next)) => self.next = Some(in_order(next, self.now)),
            Ok(None) => self.end_with(app, self.ended()),
            Err(error) => self.end_with(app, PlayEnd::Damaged(error.to_string())),
        }
    }

    /// Nothing but time passes.
    fn pass(&mut self, app: &mut App, until: Millis) {
        let passed = i64::try_from(until - self.now.monotonic).unwrap_or(i64::MAX);
        let wall = Timestamp(self.now.wall.0.saturating_add(passed));
        self.now = Now { monotonic: until, wall };
        self.update(app, Msg::Tick);
    }

    /// The next answer is told, and the one after it taken over if it was read.
    fn tell(&mut self, app: &mut App) {
        let Some(entry) = self.next.take() else { return };
        self.now = Now { monotonic: entry.at.monotonic.max(self.now.monotonic), ..entry.at };
        let question = entry.question();
        let Entry { said, took, .. } = entry;
        self.update(app, Msg::Answer { question, said, took });
        self.look(app);
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
