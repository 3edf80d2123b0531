//! Lines that a person types, with editing and a history for as long as the command runs.

use std::io;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use tokio::sync::mpsc;

use crate::session::Session;

/// True if somebody sits at both ends.
pub(super) fn is_wanted(session: &Session) -> bool {
    let terminal = &session.terminal;
    terminal.stdin_is_terminal && terminal.stdout_is_terminal && !session.globals.no_input
}

/// Reads until Ctrl-D; Ctrl-C comes as an error.
pub(super) fn read_all(prompt: &str, sender: &mpsc::Sender<io::Result<Vec<u8>>>) {
    let mut editor = match DefaultEditor::new() {
        Ok(editor) => editor,
        Err(error) => return drop(sender.blocking_send(Err(io::Error::other(error.to_string())))),
    };
    loop {
        let message = match editor.readline(prompt) {
            Ok(line) => {
                // A line that is too odd to be remembered is sent all the same.
                let _ = editor.add_history_entry(line.as_str());
                Ok(format!("{line}\n").into_bytes())
            }
            Err(ReadlineError::Eof) => return,
            Err(ReadlineError::Interrupted) => Err(io::ErrorKind::Interrupted.into()),
            Err(ReadlineError::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error.to_string())),
        };
        let is_error = message.is_err();
        if sender.blocking_send(message).is_err() || is_error {
            return;
        }
    }
}

/// The terminal as it was. The editor's thread is left behind when a signal ends the command, and
/// could not put it back.
#[derive(Debug)]
pub(super) struct TerminalGuard {
    before: Option<Termios>,
}

impl TerminalGuard {
    /// Remembers the settings of standard input.
    pub(super) fn new() -> TerminalGuard {
        TerminalGuard { before: tcgetattr(io::stdin()).ok() }
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
