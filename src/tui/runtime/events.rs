//! What the user does with keyboard, mouse and window, as plain values.
//!
//! Two threads of their own. One reads: crossterm waits for the rest of a half sequence, and turns in
//! circles once the terminal has gone, and neither may happen to those who draw. The other sees that
//! the terminal has gone, which crossterm never says.

mod late;

use std::io::{self, IsTerminal as _};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Instant;

use crossterm::event::{
    self, Event as Raw, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent,
    MouseEventKind,
};
use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use self::late::LateAnswer;
use crate::error::CliError;
use crate::terminal::is_unsafe;
use crate::tui::keymap::Key;
use crate::tui::model::msg::{Mouse, Pointed};

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A key went down, or is held down.
    Key(Key),
    /// Something in the window was pointed at.
    Mouse(Mouse),
    /// The window has another size, or is to be drawn whole: Ctrl-L.
    Resize,
    /// One line of text, without anything that could act.
    Paste(String),
}

/// More is not taken from one paste, characters: an input is not longer either.
const PASTE_MAX: usize = 4_096;

/// Typed ahead, while nobody asks.
const WAITING_MAX: usize = 256;

/// All that is done, one after the other.
#[derive(Debug)]
pub(crate) struct Events {
    read: Receiver<io::Result<Event>>,
}

impl Events {
    /// Begins to read from the terminal, which must be in raw mode. Once in a process: the threads
    /// stay until its end. Up to `answers_until` the terminal may still answer what it was asked.
    pub(crate) fn start(answers_until: Option<Instant>) -> Result<Events, CliError> {
        let tty = tty().map_err(|error| cannot_read(&error))?;
        let (sender, read) = channel(WAITING_MAX);
        let other = sender.clone();
        let late = LateAnswer::until(answers_until);
        start_thread("keys", move || read_all(late, &sender))?;
        start_thread("terminal", move || {
            if let Err(error) = wait_until_gone(&tty) {
                let _ = other.blocking_send(Err(error));
            }
        })?;
        Ok(Events { read })
    }

    /// Waits for the next one. What is not waited for any longer is not lost.
    pub(crate) async fn next(&mut self) -> Result<Event, CliError> {
        match self.read.recv().await {
            Some(read) => read.map_err(|error| cannot_read(&error)),
            None => Err(CliError::other("cannot read the keys: their reader has ended")),
        }
    }
}

fn start_thread(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), CliError> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(run);
    started.map(drop).map_err(|error| cannot_read(&error))
}

fn cannot_read(error: &io::Error) -> CliError {
    CliError::other(format!("cannot read the keys: {error}"))
}

/// What the keyboard is behind: stdin, or the terminal of the process if that is something else.
pub(crate) fn tty() -> io::Result<OwnedFd> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return std::os::fd::AsFd::as_fd(&stdin).try_clone_to_owned();
    }
    Ok(std::fs::File::open("/dev/tty")?.into())
}

/// Runs until nobody wants events any longer.
fn read_all(mut late: LateAnswer, to: &Sender<io::Result<Event>>) {
    loop {
        let read = match event::read() {
            Ok(raw) if late.takes(&raw, Instant::now()) => continue,
            Ok(raw) => understood(raw).map(Ok),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Some(Err(error)),
        };
        let is_over = matches!(read, Some(Err(_)));
        let is_unwanted = read.is_some_and(|it| to.blocking_send(it).is_err());
        if is_over || is_unwanted {
            return;
        }
    }
}

/// Waits until there is no terminal any longer, which is an error. Keys do not end the wait.
fn wait_until_gone(tty: &OwnedFd) -> io::Result<()> {
    let mut fds = [PollFd::new(tty, PollFlags::empty())];
    loop {
        match poll(&mut fds, None) {
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    match fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR) {
        true => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal has gone")),
        // A system that cannot tell of terminals; there SIGHUP has to do.
        false => Ok(()),
    }
}

/// What `raw` is to the dashboard, if it is anything.
fn understood(raw: Raw) -> Option<Event> {
    match raw {
        Raw::Key(it) => match key(it)? {
            Key::Ctrl('l') => Some(Event::Resize),
            key => Some(Event::Key(key)),
        },
        Raw::Mouse(it) => mouse(it).map(Event::Mouse),
        Raw::Resize(..) => Some(Event::Resize),
        Raw::Paste(text) => Some(Event::Paste(one_line(&text))),
        Raw::FocusGained | Raw::FocusLost => None,
    }
}

fn key(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let held = event.modifiers.difference(KeyModifiers::SHIFT);
    if held == KeyModifiers::CONTROL {
        return control(event.code);
    }
    if !held.is_empty() {
        return None;
    }
    Some(match event.code {
        KeyCode::Char(it) if is_unsafe(it) => return None,
        KeyCode::Char(it) => Key::Char(it),
        KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => Key::BackTab,
        code => return named(code),
    })
}

fn control(code: KeyCode) -> Option<Key> {
    match code {
        // What some terminals send for the key that deletes backwards.
        KeyCode::Char('h') => Some(Key::Backspace),
        KeyCode::Char(it) => Some(Key::Ctrl(it.to_ascii_lowercase())),
        _ => None,
    }
}

fn named(code: KeyCode) -> Option<Key> {
    Some(match code {
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        _ => return None,
    })
}

fn mouse(event: MouseEvent) -> Option<Mouse> {
    let what = match event.kind {
        MouseEventKind::Down(MouseButton::Left) => Pointed::Click,
        MouseEventKind::ScrollUp => Pointed::WheelUp,
        MouseEventKind::ScrollDown => Pointed::WheelDown,
        _ => return None,
    };
    Some(Mouse { x: event.column, y: event.row, what })
}

/// Ends of lines and tabs become one blank, so that a pasted text never acts as Enter or Tab.
fn one_line(text: &str) -> String {
    let text = text.trim_matches(|it: char| it.is_whitespace() || it.is_control());
    let mut out = String::new();
    let mut is_after_blank = false;
    for character in text.chars().take(PASTE_MAX) {
        let separates = matches!(character, '\n' | '\r' | '\t');
        if separates && !is_after_blank {
            out.push(' ');
        }
        is_after_blank = separates;
        if !is_unsafe(character) {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(code: KeyCode, modifiers: KeyModifiers) -> Option<Event> {
        understood(Raw::Key(KeyEvent::new(code, modifiers)))
    }

    #[test]
    fn keys_are_as_the_keymap_has_them() {
        let none = KeyModifiers::NONE;
        let shift = KeyModifiers::SHIFT;
        let ctrl = KeyModifiers::CONTROL;
        for (code, modifiers, key) in [
            (KeyCode::Char('j'), none, Some(Key::Char('j'))),
            (KeyCode::Char('G'), shift, Some(Key::Char('G'))),
            (KeyCode::Char('ü'), none, Some(Key::Char('ü'))),
            (KeyCode::Char('c'), ctrl, Some(Key::Ctrl('c'))),
            (KeyCode::Char('D'), ctrl | shift, Some(Key::Ctrl('d'))),
            (KeyCode::Char('h'), ctrl, Some(Key::Backspace)),
            (KeyCode::BackTab, shift, Some(Key::BackTab)),
            (KeyCode::Tab, shift, Some(Key::BackTab)),
            (KeyCode::Down, shift, Some(Key::Down)),
            (KeyCode::Esc, none, Some(Key::Esc)),
            (KeyCode::Char('x'), KeyModifiers::ALT, None),
            (KeyCode::Enter, KeyModifiers::ALT, None),
            (KeyCode::Up, ctrl, None),
            (KeyCode::F(3), none, None),
            (KeyCode::Null, none, None),
            (KeyCode::Char('\u{202e}'), none, None),
        ] {
            assert_eq!(pressed(code, modifiers), key.map(Event::Key), "{code:?} {modifiers:?}");
        }
    }

    #[test]
    fn a_key_counts_when_it_goes_down_and_while_it_is_held() {
        let event = |kind| {
            let none = KeyModifiers::NONE;
            understood(Raw::Key(KeyEvent::new_with_kind(KeyCode::Enter, none, kind)))
        };
        assert_eq!(event(KeyEventKind::Press), Some(Event::Key(Key::Enter)));
        assert_eq!(event(KeyEventKind::Repeat), Some(Event::Key(Key::Enter)));
        assert_eq!(event(KeyEventKind::Release), None);
    }

    #[test]
    fn a_mouse_clicks_and_rolls() {
        let event = |kind| {
            let modifiers = KeyModifiers::NONE;
            understood(Raw::Mouse(MouseEvent { kind, column: 79, row: 3, modifiers }))
        };
        let at = |what| Some(Event::Mouse(Mouse { x: 79, y: 3, what }));
        assert_eq!(event(MouseEventKind::Down(MouseButton::Left)), at(Pointed::Click));
        assert_eq!(event(MouseEventKind::ScrollUp), at(Pointed::WheelUp));
        assert_eq!(event(MouseEventKind::ScrollDown), at(Pointed::WheelDown));
        assert_eq!(event(MouseEventKind::Up(MouseButton::Left)), None);
        assert_eq!(event(MouseEventKind::Down(MouseButton::Right)), None);
        assert_eq!(event(MouseEventKind::Moved), None);
    }

    #[test]
    fn a_pasted_text_is_one_line_and_acts_as_nothing() {
        let pasted = |text: &str| understood(Raw::Paste(text.to_owned()));
        let line = |text: &str| Some(Event::Paste(text.to_owned()));
        assert_eq!(pasted("orders\r\n"), line("orders"));
        assert_eq!(pasted("\tgroups reset\n\n  q\x1b[A\x03"), line("groups reset   q[A"));
        assert_eq!(pasted("a\u{202e}b\0c"), line("abc"));
        assert_eq!(pasted("\n"), line(""));
        assert_eq!(pasted(&"ü".repeat(9_999)), line(&"ü".repeat(PASTE_MAX)));
    }

    #[test]
    fn a_window_may_change_its_size() {
        assert_eq!(understood(Raw::Resize(80, 24)), Some(Event::Resize));
        assert_eq!(pressed(KeyCode::Char('l'), KeyModifiers::CONTROL), Some(Event::Resize));
        assert_eq!(understood(Raw::FocusLost), None);
    }

    #[test]
    fn a_terminal_that_has_gone_is_noticed() {
        let (terminal, us) = std::os::unix::net::UnixStream::pair().unwrap();
        drop(terminal);
        let error = wait_until_gone(&us.into()).unwrap_err();
        assert_eq!(error.to_string(), "the terminal has gone");
    }
}
