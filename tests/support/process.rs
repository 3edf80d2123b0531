//! A test of this program that runs alone in a process of its own, so that it can be killed: it gets a
//! task, says what it does after it has done it, and may wait for a word.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Sender;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use super::command;

const TASK: &str = "KT_TEST_TASK";

/// A running process. Dropping it kills it.
pub(crate) struct Process {
    process: Child,
    stdin: Option<ChildStdin>,
}

impl Process {
    /// Starts the ignored test of this name; what it says goes to `said`, with `number`.
    pub(crate) fn start<S: DeserializeOwned + Send + 'static>(
        test: &str,
        task: &impl Serialize,
        number: u32,
        said: Sender<(u32, S)>,
    ) -> Process {
        let program = std::env::current_exe().expect("the test's own program");
        let mut process = Command::new(program)
            .args([test, "--exact", "--ignored", "--nocapture"])
            .env(TASK, serde_json::to_string(task).expect("it can be written"))
            // What is freed goes back to the system, so that what is resident is what is in use.
            .env("MALLOC_MMAP_THRESHOLD_", "131072")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be started");
        let stdout = process.stdout.take().expect("stdout is piped");
        let stdin = process.stdin.take();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // The test harness speaks too, and a kill may cut the last line off.
                let Ok(line) = serde_json::from_str(&line) else { continue };
                if said.send((number, line)).is_err() {
                    return;
                }
            }
        });
        Process { process, stdin }
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("a signal can be sent");
        self.process.wait().expect("the process can be waited for");
    }

    /// Gives it the word that it waits for.
    pub(crate) fn give_word(&mut self) {
        self.stdin = None;
    }

    /// Stops it where it is.
    pub(crate) fn freeze(&self) {
        command::signal(&self.process, "STOP");
    }

    /// Lets it go on as if nothing had happened.
    pub(crate) fn thaw(&self) {
        command::signal(&self.process, "CONT");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The task of this process, if it was started for one.
pub(crate) fn task<T: DeserializeOwned>() -> Option<T> {
    let task = std::env::var(TASK).ok()?;
    // What is said begins behind what the harness has begun to say.
    println!();
    Some(serde_json::from_str(&task).expect("the test has written it"))
}

/// The word of who started this process; it comes too when that one is no more.
pub(crate) type Word = oneshot::Receiver<()>;

pub(crate) fn word() -> Word {
    let (sender, word) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = sender.send(());
    });
    word
}

/// Says that something is done, a line of JSON.
pub(crate) fn say(said: &impl Serialize) {
    let line = serde_json::to_string(said).expect("it can be written") + "\n";
    std::io::stdout().write_all(line.as_bytes()).expect("the test listens");
}
