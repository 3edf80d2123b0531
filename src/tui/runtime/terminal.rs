//! The real terminal under the dashboard: taken over whole, and given back whatever happens.
//!
//! What it was told is known to the whole process and not to one value, for a panic must be able to
//! take it back before its message is printed. Nothing here goes through the buffer of `stdout`: the
//! one who panics may hold it.

use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Signal, kill_current_process_group};
use rustix::termios::{QueueSelector, tcflush, tcgetwinsize};

use super::answers::{self, Answers};
use super::events::tty;
use super::look::{Look, Surroundings};
use super::painter::{END, Painter};
use super::signals::Signals;
use crate::error::CliError;

/// Whether the mouse is ours: while it is, the terminal cannot select text as its user is used to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MouseMode {
    /// The terminal's.
    #[default]
    Off,
    /// Ours.
    On,
}

/// Alternate screen, no cursor, pastes marked as such.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?2004h";
/// Buttons and wheel, in the form that knows windows wider than 223.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";
const LEAVE: &str = "\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l";

/// Whether the terminal is ours now.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether it may still send what the shell must not read: answers, movements of the mouse.
static MAY_SEND: AtomicBool = AtomicBool::new(false);

/// A process that is not stopped although it asked for it has no shell that would continue it.
const STOPPED_WITHIN: Duration = Duration::from_millis(100);

/// The terminal, from `take` until it is dropped.
#[derive(Debug)]
pub(crate) struct RealTerminal {
    mouse: MouseMode,
    painter: Painter,
    look: Look,
}

impl RealTerminal {
    /// Takes it over, and asks it what it can show. Signals must be listened to before.
    pub(crate) fn take(
        surroundings: &Surroundings,
        mouse: MouseMode,
    ) -> Result<RealTerminal, CliError> {
        require_terminal()?;
        install_hook();
        let mut terminal =
            RealTerminal { mouse, painter: Painter::default(), look: Look::default() };
        terminal.enter()?;
        let answers = terminal.ask(surroundings)?;
        terminal.look = surroundings.look(&answers);
        terminal.painter = Painter::new(terminal.look.depth);
        Ok(terminal)
    }

    /// How the dashboard looks on it.
    pub(crate) fn look(&self) -> Look {
        self.look
    }

    /// All of its window.
    pub(crate) fn area(&self) -> Result<Rect, CliError> {
        let size = tcgetwinsize(io::stdout()).map_err(|it| gone(&it.into()))?;
        // One that does not know its size is an old one.
        let (columns, rows) = match (size.ws_col, size.ws_row) {
            (0, _) | (_, 0) => (80, 24),
            size => size,
        };
        Ok(Rect::new(0, 0, columns, rows))
    }

    /// Shows `picture`, which fills the window.
    pub(crate) fn draw(&mut self, picture: Buffer) -> Result<(), CliError> {
        let bytes = self.painter.paint(picture);
        self.send(bytes.as_bytes())
    }

    /// Takes the mouse, or leaves it to the terminal.
    pub(crate) fn set_mouse(&mut self, mouse: MouseMode) -> Result<(), CliError> {
        self.mouse = mouse;
        match mouse {
            MouseMode::On => {
                MAY_SEND.store(true, Ordering::SeqCst);
                self.send(MOUSE_ON.as_bytes())
            }
            MouseMode::Off => self.send(MOUSE_OFF.as_bytes()),
        }
    }

    /// Sends what is no picture, such as a text for the clipboard.
    pub(crate) fn send(&self, bytes: &[u8]) -> Result<(), CliError> {
        if !IS_TAKEN.load(Ordering::SeqCst) {
            return Err(CliError::other("a part of the dashboard failed, and it ended"));
        }
        send(bytes).map_err(|it| gone(&it))
    }

    /// Gives the terminal back and stops the process, as Ctrl-Z does elsewhere. Returns when it
    /// goes on, with the terminal taken again; the next picture is drawn whole.
    pub(crate) async fn suspend(&mut self, signals: &mut Signals) -> Result<(), CliError> {
        give_back();
        // The whole job, as the terminal itself would: others of a pipe stop too.
        kill_current_process_group(Signal::TSTP)
            .map_err(|error| CliError::other(format!("cannot suspend: {error}")))?;
        // The stop reaches all threads a moment after the signal was sent; here none must have
        // taken the terminal again.
        let _ = tokio::time::timeout(STOPPED_WITHIN, signals.resumed()).await;
        self.enter()
    }

    /// After SIGCONT: whoever had the terminal meanwhile left it as they like it.
    pub(crate) fn enter_again(&mut self) -> Result<(), CliError> {
        give_back_modes();
        self.enter()
    }

    fn enter(&mut self) -> Result<(), CliError> {
        crossterm::terminal::enable_raw_mode().map_err(|it| gone(&it))?;
        IS_TAKEN.store(true, Ordering::SeqCst);
        self.painter.forget();
        self.send(ENTER.as_bytes())?;
        self.set_mouse(self.mouse)
    }

    fn ask(&self, surroundings: &Surroundings) -> Result<Answers, CliError> {
        if !surroundings.asks() {
            return Ok(Answers::default());
        }
        self.send(answers::QUESTIONS)?;
        let tty = tty().map_err(|it| gone(&it))?;
        let answers = answers::read(tty.as_fd(), answers::PATIENCE).map_err(|it| gone(&it))?;
        if answers.ambiguous_cells.is_none() || answers.background.is_none() {
            MAY_SEND.store(true, Ordering::SeqCst);
        }
        Ok(answers)
    }
}

impl Drop for RealTerminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// Refuses to go on where there is none: nothing is begun before that is known.
pub(crate) fn require_terminal() -> Result<(), CliError> {
    if io::stdout().is_terminal() {
        return Ok(());
    }
    Err(CliError::usage("the dashboard needs a terminal, and stdout is none")
        .hint("kt dashboard --once SCREEN prints one screen"))
}

/// As it was before. Does nothing the second time.
fn give_back() {
    if !IS_TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // A picture may have been cut short; and a terminal that has gone needs nothing.
    let _ = send(format!("{END}{MOUSE_OFF}{LEAVE}").as_bytes());
    if MAY_SEND.load(Ordering::SeqCst)
        && let Ok(tty) = tty()
    {
        let _ = tcflush(tty, QueueSelector::IFlush);
    }
    give_back_modes();
}

fn give_back_modes() {
    let _ = crossterm::terminal::disable_raw_mode();
}

/// A panic gives the terminal back before its message is printed, in whichever thread.
fn install_hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back();
            before(info);
        }));
    });
}

/// Writes all of it, also if somebody else made the terminal non-blocking.
fn send(mut bytes: &[u8]) -> io::Result<()> {
    let stdout = io::stdout();
    while !bytes.is_empty() {
        match rustix::io::write(&stdout, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => {
                let mut fds = [PollFd::new(&stdout, PollFlags::OUT)];
                match poll(&mut fds, None) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn gone(error: &io::Error) -> CliError {
    CliError::other(format!("cannot use the terminal: {error}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The private modes that `bytes` sets, and those that it resets.
    fn modes(bytes: &str) -> (BTreeSet<&str>, BTreeSet<&str>) {
        let modes = || bytes.split("\x1b[?").skip(1);
        let ending = |end| modes().filter_map(move |it| it.split('\x1b').next()?.strip_suffix(end));
        (ending('h').collect(), ending('l').collect())
    }

    #[test]
    fn all_that_is_set_is_reset() {
        let entered = format!("{ENTER}{MOUSE_ON}\x1b[?2026h");
        let left = format!("{END}{MOUSE_OFF}{LEAVE}");
        let (set, hidden) = modes(&entered);
        let (shown, reset) = modes(&left);
        assert_eq!(hidden, shown);
        assert_eq!(set, reset);
    }

    #[test]
    fn giving_back_what_was_never_taken_writes_nothing() {
        give_back();
        assert!(!IS_TAKEN.load(Ordering::SeqCst));
    }
}
