//! A program that is told: the alert on its stdin and in its environment.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

/// Runs it to its end. Its output goes nowhere: a dashboard owns the terminal.
pub(super) async fn run(
    argv: &[String],
    environment: &[(&'static str, String)],
    input: &[u8],
    timeout: Duration,
) -> Result<(), String> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err("there is no program".to_owned());
    };
    let mut child = Command::new(program)
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A group of its own: what it starts ends with it, and Ctrl-C is not for it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    let group = Group::of(&child);
    match tokio::time::timeout(timeout, told(&mut child, input)).await {
        Err(_) => {
            drop(group);
            // Killed, it ends at once.
            let _ = child.wait().await;
            Err(format!("{program} did not end within {} s", timeout.as_secs()))
        }
        Ok(Err(error)) => Err(format!("{program}: {error}")),
        Ok(Ok(status)) if status.success() => {
            // What it leaves behind is meant to go on.
            group.leave();
            Ok(())
        }
        Ok(Ok(status)) => {
            group.leave();
            Err(format!("{program} ended with {status}"))
        }
    }
}

async fn told(child: &mut Child, input: &[u8]) -> io::Result<ExitStatus> {
    if let Some(mut stdin) = child.stdin.take() {
        // Whoever does not read its input may end before it is written.
        let _ = stdin.write_all(input).await;
    }
    child.wait().await
}

/// Kills the program and all that it started, unless it is left alone.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Group {
        let id = child.id().and_then(|it| i32::try_from(it).ok());
        Group(id.and_then(Pid::from_raw))
    }

    fn leave(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}
