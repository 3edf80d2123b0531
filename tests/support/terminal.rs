//! A terminal for one `kt` process: what it shows is waited for, and keys are pressed.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// How long anything may take to be shown.
const SOON: Duration = Duration::from_secs(30);

/// What was to be seen, and the exit code.
pub(crate) struct Seen {
    pub(crate) text: String,
    pub(crate) code: Option<i32>,
}

/// Runs `command` on a terminal of its own and types `answer` once `prompt` is shown.
pub(crate) fn answer(command: &mut Command, prompt: &str, answer: &str) -> Seen {
    let mut terminal = Terminal::start(command, 80);
    terminal.wait_for(prompt);
    terminal.press(answer);
    terminal.end()
}

/// Runs `command` on a terminal of so many columns, to its end.
pub(crate) fn show(command: &mut Command, columns: u16) -> Seen {
    Terminal::start(command, columns).end()
}

/// A process on a terminal of its own.
pub(crate) struct Terminal {
    process: Child,
    keys: File,
    shown: Receiver<Vec<u8>>,
    text: String,
    /// How much of the text was waited for.
    seen: usize,
}

impl Terminal {
    /// Starts `command`; all its streams are the terminal.
    pub(crate) fn start(command: &mut Command, columns: u16) -> Terminal {
        let (ours, theirs) = open(columns, 24);
        let copy = || theirs.try_clone().expect("a descriptor can be copied");
        command.stdin(copy()).stdout(copy()).stderr(copy());
        let process = command.spawn().expect("kt runs");
        // The terminal ends for us when nobody holds the other side any more.
        drop(theirs);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let keys = ours.try_clone().expect("a descriptor can be copied");
        Terminal { process, keys, shown: read(ours), text: String::new(), seen: 0 }
    }

    /// Waits until this is shown, after what was waited for before.
    pub(crate) fn wait_for(&mut self, text: &str) {
        loop {
            if let Some(at) = self.text[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            match self.shown.recv_timeout(SOON) {
                Ok(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("{text:?} is not shown in {:?}", self.text),
            }
        }
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal takes it");
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Seen {
        loop {
            match self.shown.recv_timeout(SOON) {
                Ok(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let _ = self.process.kill();
                    panic!("no end after {:?}", self.text);
                }
            }
        }
        let code = self.process.wait().expect("kt ends").code();
        Seen { text: self.text.replace("\r\n", "\n"), code }
    }
}

/// What is shown, as it comes.
pub(super) fn read(mut ours: File) -> Receiver<Vec<u8>> {
    let (sender, shown) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        // On Linux the end is an error.
        while let Ok(count @ 1..) = ours.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    shown
}

/// Writes to a terminal until it takes no more.
pub(super) fn fill(theirs: &OwnedFd) {
    let flags = rustix::fs::fcntl_getfl(theirs).expect("it has flags");
    rustix::fs::fcntl_setfl(theirs, flags | OFlags::NONBLOCK).expect("they can be set");
    while rustix::io::write(theirs, &[b'.'; 4096]).is_ok() {}
    // What the other end buffers makes room for a moment.
    for _ in 0..1_000 {
        while rustix::io::write(theirs, b".").is_ok() {}
        std::thread::yield_now();
    }
    rustix::fs::fcntl_setfl(theirs, flags).expect("they can be set");
}

pub(super) fn open(columns: u16, rows: u16) -> (File, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal can be had");
    grantpt(&ours).expect("it is ours");
    unlockpt(&ours).expect("it is ours");
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&ours, size).expect("it has a size");
    let name = ptsname(&ours, Vec::new()).expect("it has a name");
    let theirs = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
    (File::from(ours), theirs.expect("it can be opened"))
}
