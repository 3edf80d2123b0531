//! A terminal for one `kt` process: what it asks is read, and an answer is typed.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Command;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// What was to be seen, and the exit code.
pub(crate) struct Seen {
    pub(crate) text: String,
    pub(crate) code: Option<i32>,
}

/// Runs `command` on a terminal of its own and types `answer` once `prompt` is shown.
pub(crate) fn answer(command: &mut Command, prompt: &str, answer: &str) -> Seen {
    let (mut ours, theirs) = open();
    let copy = || theirs.try_clone().expect("a descriptor can be copied");
    command.stdin(copy()).stdout(copy()).stderr(copy());
    let mut process = command.spawn().expect("kt runs");
    // The terminal ends for us when nobody holds the other side any more.
    drop(theirs);
    command.stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::null());
    command.stderr(std::process::Stdio::null());
    let mut text = String::new();
    let mut is_answered = false;
    let mut buffer = [0; 4096];
    // On Linux the end is an error.
    while let Ok(count @ 1..) = ours.read(&mut buffer) {
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        if !is_answered && text.ends_with(prompt) {
            ours.write_all(answer.as_bytes()).expect("the terminal takes it");
            is_answered = true;
        }
    }
    let code = process.wait().expect("kt ends").code();
    Seen { text: text.replace("\r\n", "\n"), code }
}

fn open() -> (File, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal can be had");
    grantpt(&ours).expect("it is ours");
    unlockpt(&ours).expect("it is ours");
    let name = ptsname(&ours, Vec::new()).expect("it has a name");
    let theirs = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
    (File::from(ours), theirs.expect("it can be opened"))
}
