//! A terminal with a screen of its own: what a full-screen program shows is waited for as text.

use std::fs::File;
use std::io::Write;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::terminal::{open, read};

/// How long anything may take to be shown.
const SOON: Duration = Duration::from_secs(60);

/// A process on a terminal of its own, and what that shows.
pub(crate) struct Screen {
    process: Child,
    keys: File,
    shown: Receiver<Vec<u8>>,
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
        Screen { process, keys, shown: read(ours), parser, bytes: Vec::new() }
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
            let left = end.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(_) => panic!("{what} is not shown:\n{}\n{}", self.text(), self.latest()),
            }
        }
    }

    /// Waits for text that is no longer dim: a box that hears keys.
    pub(crate) fn wait_for_bright(&mut self, text: &str) {
        let end = Instant::now() + SOON;
        while !self.is_bright(text) {
            let left = end.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(_) => panic!("{text} is not bright:\n{}", self.text()),
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
            match self.shown.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.take(&bytes),
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

    fn take(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.parser.process(bytes);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
