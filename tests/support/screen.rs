//! A terminal with a screen of its own: what a full-screen program shows is waited for as text.

use std::fs::File;
use std::io::Write;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::terminal::{fill, open, read};

/// What the dashboard puts around each picture.
const PICTURE_BEGINS: &[u8] = b"\x1b[?2026h";
const PICTURE_ENDS: &[u8] = b"\x1b[?2026l";

/// How long anything may take to be shown.
const SOON: Duration = Duration::from_secs(60);

/// A process on a terminal of its own, and what that shows.
pub(crate) struct Screen {
    process: Child,
    keys: File,
    shown: Receiver<Vec<u8>>,
    /// What came and is not shown yet: each picture is looked at by itself, however fast they come.
    waiting: Vec<u8>,
    parser: vt100::Parser,
    /// All bytes that came.
    pub(crate) bytes: Vec<u8>,
}

impl Screen {
    /// Starts `command` on a terminal of this size; all its streams are the terminal.
    pub(crate) fn start(command: &mut Command, columns: u16, rows: u16) -> Screen {
        let (ours, theirs) = open(columns, rows);
        let copy = || theirs.try_clone().expect("a descriptor can be copied");
        command.env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8");
        command.stdin(copy()).stdout(copy()).stderr(copy());
        let process = command.spawn().expect("kt runs");
        drop(theirs);
        // What the command holds of the terminal would keep it open.
        command.stdin(std::process::Stdio::null());
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let keys = ours.try_clone().expect("a descriptor can be copied");
        let parser = vt100::Parser::new(rows, columns, 0);
        let (shown, waiting, bytes) = (read(ours), Vec::new(), Vec::new());
        Screen { process, keys, shown, waiting, parser, bytes }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What is shown now.
    pub(crate) fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Waits until the screen shows this, somewhere.
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |shown| shown.contains(text));
    }

    /// Waits until the screen is as wanted.
    pub(crate) fn wait_until(&mut self, what: &str, is_so: impl Fn(&str) -> bool) {
        let end = Instant::now() + SOON;
        while !is_so(&self.text()) {
            if self.show_next(end).is_err() {
                panic!("{what} is not shown:\n{}\n{}", self.text(), self.latest());
            }
        }
    }

    /// Waits for text that is no longer dim: a box that hears keys.
    pub(crate) fn wait_for_bright(&mut self, text: &str) {
        let end = Instant::now() + SOON;
        while !self.is_bright(text) {
            if self.show_next(end).is_err() {
                panic!("{text} is not bright:\n{}", self.text());
            }
        }
    }

    fn is_bright(&self, text: &str) -> bool {
        let screen = self.parser.screen();
        let (rows, columns) = screen.size();
        (0..rows).any(|row| {
            let line: String = (0..columns)
                .filter_map(|column| screen.cell(row, column))
                .map(|it| if it.has_contents() { it.contents() } else { " " })
                .collect();
            let Some(at) = line.find(text) else { return false };
            let column = u16::try_from(line[..at].chars().count()).expect("it is on the screen");
            screen.cell(row, column).is_some_and(|it| !it.dim())
        })
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal takes it");
    }

    /// Waits for the end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let end = Instant::now() + SOON;
        loop {
            match self.show_next(end) {
                Ok(()) => {}
                // Nobody holds the terminal any more.
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end:\n{}", self.text()),
            }
        }
        self.process.wait().expect("kt ends")
    }

    /// The last bytes that came, for whoever looks for why something is not shown.
    fn latest(&self) -> String {
        let from = self.bytes.len().saturating_sub(6_000);
        String::from_utf8_lossy(&self.bytes[from..]).escape_debug().to_string()
    }

    /// Shows the next picture whole, or what came and is none.
    fn show_next(&mut self, end: Instant) -> Result<(), RecvTimeoutError> {
        loop {
            let picture_end = find(&self.waiting, PICTURE_ENDS).map(|at| at + PICTURE_ENDS.len());
            let is_in_picture =
                picture_end.is_none() && find(&self.waiting, PICTURE_BEGINS).is_some();
            if !self.waiting.is_empty() && !is_in_picture {
                self.show(picture_end.unwrap_or(self.waiting.len()));
                return Ok(());
            }
            match self.shown.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.waiting.extend(bytes),
                Err(error) => {
                    self.show(self.waiting.len());
                    return Err(error);
                }
            }
        }
    }

    /// Shows so many of the bytes that wait.
    fn show(&mut self, count: usize) {
        let rest = self.waiting.split_off(count);
        let bytes = std::mem::replace(&mut self.waiting, rest);
        self.parser.process(&bytes);
        self.bytes.extend(bytes);
    }
}

/// Starts `command` on a terminal that takes no byte any more, for as long as the other end is held.
pub(crate) fn start_on_a_full_terminal(command: &mut Command) -> (Child, File) {
    let (ours, theirs) = open(80, 24);
    fill(&theirs);
    let copy = || theirs.try_clone().expect("a descriptor can be copied");
    command.env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8");
    command.stdin(copy()).stdout(copy()).stderr(std::process::Stdio::null());
    (command.spawn().expect("kt runs"), ours)
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|it| it == part)
}
