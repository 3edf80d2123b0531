//! What differs while a recording is made, and while one is played.

use jiff::Timestamp;
use kt_protocol::types::Now;

use super::App;
use super::message::Message;
use crate::tui::figures;
use crate::tui::keymap::Command;
use crate::tui::model::checks::Level;
use crate::tui::model::screen::Screen;
use crate::tui::recording::speed::Speed;

/// A recording that is played instead of a cluster that is asked.
#[derive(Clone, Debug)]
pub(crate) struct Played {
    pub(crate) speed: Speed,
    /// Where it came to its end.
    end: Option<(Now, PlayEnd)>,
}

/// How a recording ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PlayEnd {
    /// Whoever made it left.
    Whole,
    /// Whoever made it was killed.
    Cut,
    /// What comes next cannot be read.
    Damaged(String),
}

impl App {
    /// From now on nothing is asked: answers come out of a recording.
    pub(crate) fn play(&mut self, speed: Speed) {
        self.watch.schedule.follow();
        self.played = Some(Played { speed, end: None });
    }

    /// From now on answers go into this file too.
    pub(crate) fn record(&mut self, file: String) {
        self.say(format!("recording to {file}; q ends it"));
        self.recording = Some(file);
    }

    /// The dashboard goes on without it.
    pub(crate) fn recording_ended(&mut self, why: &str) {
        if let Some(file) = self.recording.take() {
            let text = format!("recording to {file} has ended: {why}");
            self.say_level(Some(Level::Warn), text);
        }
    }

    pub(super) fn played_to_its_end(&mut self, end: PlayEnd) {
        if let Some(played) = &mut self.played {
            played.end = Some((self.now, end));
            self.message = None;
        }
    }

    /// The time stands still after the end: what was said stays until the next key.
    pub(super) fn forget_what_was_said(&mut self) {
        if self.played.as_ref().is_some_and(|it| it.end.is_some()) {
            self.message = None;
        }
    }

    /// What stands in the message line once all was played.
    pub(super) fn end_of_recording(&self) -> Option<Message> {
        let (at, end) = self.played.as_ref()?.end.as_ref()?;
        let at = Timestamp::from_millisecond(at.wall.0).unwrap_or(Timestamp::UNIX_EPOCH);
        let at = figures::clock_of(at, &self.setting.zone);
        let (level, text) = match end {
            PlayEnd::Whole => (None, format!("end of the recording, {at}")),
            PlayEnd::Cut => (None, format!("end of the recording, {at}; it was cut off there")),
            PlayEnd::Damaged(why) => (Some(Level::Bad), format!("end at {at}: {why}")),
        };
        Some(Message::standing(level, text))
    }

    /// Why a command means nothing while a recording is played.
    pub(super) fn refused_in_replay(&self, command: Command) -> Option<&'static str> {
        self.played.as_ref()?;
        match command {
            Command::Actions
            | Command::Edit
            | Command::New
            | Command::Produce
            | Command::Unlock => Some(UNCHANGED),
            Command::Refresh => Some("a recording is played: nothing is asked"),
            _ => None,
        }
    }

    /// The same of a line that is a change.
    pub(super) fn is_unchangeable(&self) -> Option<&'static str> {
        self.played.as_ref().map(|_| UNCHANGED)
    }

    /// Why a screen has nothing to show while a recording is played.
    pub(super) fn lacks_in_replay(&self, screen: Screen) -> Option<&'static str> {
        self.played.as_ref().and_then(|_| not_recorded(screen))
    }
}

const UNCHANGED: &str = "a recording is played: nothing can be changed";

/// What a recording does not hold, if this screen shows that alone.
pub(crate) fn not_recorded(screen: Screen) -> Option<&'static str> {
    match screen {
        Screen::Records => Some("a recording holds no records"),
        Screen::Segments => Some("a recording holds no segments"),
        _ => None,
    }
}
