//! The lock of a protected context: until when it is open, and what closes it.

use kt_protocol::types::{Millis, Now, Timestamp};

use super::App;
use super::overlay::{Overlay, Question};
use crate::tui::keymap::Key;

/// An unlocked context locks again after this, in ms.
const UNLOCKED_MS: u64 = 300_000;
/// A context's name is not longer.
const NAME_MAX: usize = 256;

/// Until when a context is unlocked, by both clocks: our own may stand still while the machine
/// sleeps, and the other one may be set back.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnlockedUntil {
    monotonic: Millis,
    wall: Timestamp,
}

impl UnlockedUntil {
    fn from(now: Now) -> UnlockedUntil {
        let wall = Timestamp(now.wall.0.saturating_add_unsigned(UNLOCKED_MS));
        UnlockedUntil { monotonic: now.monotonic + UNLOCKED_MS, wall }
    }

    fn is_over(self, now: Now) -> bool {
        self.monotonic <= now.monotonic || self.wall.0 <= now.wall.0
    }
}

impl App {
    pub(crate) fn is_locked(&self) -> bool {
        self.setting.is_protected && self.unlocked_until.is_none()
    }

    pub(crate) fn is_unlocked(&self) -> bool {
        self.setting.is_protected && self.unlocked_until.is_some()
    }

    /// The name of a protected context that is unlocked: for the other side, which looks again.
    pub(super) fn unlocked_name(&self) -> Option<String> {
        self.is_unlocked().then(|| self.setting.context.clone())
    }

    pub(super) fn lock(&mut self) {
        self.unlocked_until = None;
    }

    /// Comes before anything else that happens: what was unlocked an hour ago must not count for
    /// the key that is pressed now.
    pub(super) fn lock_in_time(&mut self) {
        if self.unlocked_until.is_some_and(|it| it.is_over(self.now)) {
            self.lock();
        }
    }

    /// The question itself, unless nothing can be changed.
    pub(super) fn or_locked(&self, question: Question) -> Question {
        if self.is_locked() { Question::Locked } else { question }
    }

    pub(super) fn begin_unlock(&mut self) {
        if !self.setting.is_protected {
            return self.say(format!("{} is not protected", self.setting.context));
        }
        if self.is_unlocked() {
            self.lock();
            return self.say("locked again");
        }
        self.overlay = Overlay::Question(Question::Unlock { typed: String::new() });
    }

    /// A key while the name is typed.
    pub(super) fn type_name(&mut self, key: Key, mut typed: String) {
        match key {
            Key::Esc => return,
            Key::Enter if typed == self.setting.context => {
                self.unlocked_until = Some(UnlockedUntil::from(self.now));
                return self.say("unlocked for 5m");
            }
            Key::Enter => return self.say("that is not its name: still locked"),
            Key::Backspace => drop(typed.pop()),
            Key::Char(it) if typed.chars().count() < NAME_MAX => typed.push(it),
            _ => {}
        }
        self.overlay = Overlay::Question(Question::Unlock { typed });
    }
}
