//! The real terminal under the dashboard: taken over whole, and given back whatever happens.
//!
//! What it was told is known to the whole process and not to one value, for a panic must be able to
//! take it back before its message is printed. Nothing here goes through the buffer of `stdout`: the
//! one who panics may hold it. `writer` writes, so that a terminal that takes nothing stops nobody.

use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Once, OnceLock};
use std::time::{Duration, Instant};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use rustix::process::{Signal, kill_current_process_group};
use rustix::termios::{QueueSelector, tcflush, tcgetwinsize};

use super::answers::{self, Answers};
use super::events::tty;
use super::look::{Look, Surroundings};
use super::painter::END;
use super::signals::Signals;
use super::writer::Writer;
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
/// Who writes to it: one for the process.
static WRITER: OnceLock<Writer> = OnceLock::new();

/// A terminal that takes nothing for so long is not waited for at the end.
const LEAVES_WITHIN: Duration = Duration::from_millis(500);
/// A question to it that is not taken by then is not waited for.
const ASKED_WITHIN: Duration = Duration::from_secs(1);

/// A process that is not stopped although it asked for it has no shell that would continue it.
const STOPPED_WITHIN: Duration = Duration::from_millis(100);

/// The terminal, from `take` until it is dropped.
#[derive(Debug)]
pub(crate) struct RealTerminal {
    mouse: MouseMode,
    writer: Writer,
    look: Look,
    /// Until when an answer may come that was not waited for.
    answers_until: Option<Instant>,
}

impl RealTerminal {
    /// Takes it over, and asks it what it can show. Signals must be listened to before.
    pub(crate) fn take(
        surroundings: &Surroundings,
        mouse: MouseMode,
    ) -> Result<RealTerminal, CliError> {
        require_terminal()?;
        install_hook();
        let writer = writer().map_err(|it| gone(&it))?;
        let look = Look::default();
        let mut terminal = RealTerminal { mouse, writer, look, answers_until: None };
        terminal.enter()?;
        let answers = terminal.ask(surroundings)?;
        terminal.look = surroundings.look(&answers);
        terminal.writer.set_depth(terminal.look.depth);
        Ok(terminal)
    }

    /// How the dashboard looks on it.
    pub(crate) fn look(&self) -> Look {
        self.look
    }

    /// All of its window.
    pub(crate) fn area(&self) -> Result<Rect, CliError> {
        let (columns, rows) = size().map_err(|it| gone(&it))?;
        Ok(Rect::new(0, 0, columns, rows))
    }

    /// Until when an answer may come that was not waited for.
    pub(crate) fn answers_until(&self) -> Option<Instant> {
        self.answers_until
    }

    /// Shows `picture`, which fills the window. A terminal that is slow shows the latest alone.
    pub(crate) fn draw(&mut self, picture: Buffer) -> Result<(), CliError> {
        require_taken()?;
        self.writer.draw(picture).map_err(|it| gone(&it))
    }

    /// The next picture is drawn whole: the terminal may have lost some of the last one.
    pub(crate) fn forget(&self) {
        self.writer.forget();
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
        require_taken()?;
        self.writer.send(bytes).map_err(|it| gone(&it))
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
        self.forget();
        self.send(ENTER.as_bytes())?;
        self.set_mouse(self.mouse)
    }

    fn ask(&mut self, surroundings: &Surroundings) -> Result<Answers, CliError> {
        if !surroundings.asks() {
            return Ok(Answers::default());
        }
        self.send(answers::QUESTIONS)?;
        self.writer.flush(ASKED_WITHIN);
        let tty = tty().map_err(|it| gone(&it))?;
        let answers = answers::read(tty.as_fd(), answers::PATIENCE).map_err(|it| gone(&it))?;
        if answers.ambiguous_cells.is_none() || answers.background.is_none() {
            MAY_SEND.store(true, Ordering::SeqCst);
            self.answers_until = Some(Instant::now() + answers::LATE);
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
    if let Some(writer) = WRITER.get() {
        writer.leave(format!("{END}{MOUSE_OFF}{LEAVE}").as_bytes(), LEAVES_WITHIN);
    }
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

/// Columns and lines of what stdout is.
///
/// # Errors
///
/// It is no terminal, or has gone.
pub(crate) fn size() -> io::Result<(u16, u16)> {
    let size = tcgetwinsize(io::stdout())?;
    Ok(known_size((size.ws_col, size.ws_row)))
}

/// A terminal that does not know its size is an old one.
fn known_size(size: (u16, u16)) -> (u16, u16) {
    match size {
        (0, _) | (_, 0) => (80, 24),
        size => size,
    }
}

/// Who writes, from the first time on.
fn writer() -> io::Result<Writer> {
    if let Some(writer) = WRITER.get() {
        return Ok(writer.clone());
    }
    let started = Writer::start(io::stdout())?;
    Ok(WRITER.get_or_init(|| started).clone())
}

fn require_taken() -> Result<(), CliError> {
    match IS_TAKEN.load(Ordering::SeqCst) {
        true => Ok(()),
        false => Err(CliError::other("a part of the dashboard failed, and it ended")),
    }
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
    fn a_terminal_that_does_not_know_its_size_has_one() {
        assert_eq!(known_size((0, 0)), (80, 24));
        assert_eq!(known_size((132, 0)), (80, 24));
        assert_eq!(known_size((1, 1)), (1, 1));
    }

    #[test]
    fn giving_back_what_was_never_taken_writes_nothing() {
        give_back();
        assert!(!IS_TAKEN.load(Ordering::SeqCst));
    }
}
