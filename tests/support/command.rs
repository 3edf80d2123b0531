//! Runs of `kt` to their ends.

use std::io::Write;
use std::process::{Child, Command, Output, Stdio};

use super::Operator;

/// `kt` with a broker to talk to, its streams piped.
pub(crate) fn command(operator: &Operator, arguments: &[&str]) -> Command {
    let mut command = operator.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it with this input.
pub(crate) fn run(operator: &Operator, arguments: &[&str], input: &[u8]) -> Output {
    let mut process = command(operator, arguments).spawn().expect("kt runs");
    let mut stdin = process.stdin.take().expect("stdin is piped");
    let input = input.to_vec();
    // A command that does not read its input may be gone before it is written.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = process.wait_with_output().expect("kt ends");
    writer.join().expect("the writer ends");
    output
}

/// Runs it; its stdout, if it succeeds.
pub(crate) fn ok(operator: &Operator, arguments: &[&str], input: &str) -> String {
    let output = run(operator, arguments, input.as_bytes());
    assert_eq!(output.status.code(), Some(0), "kt {arguments:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).expect("text")
}

/// Runs it; its stderr, if it ends with this code.
pub(crate) fn fails(operator: &Operator, arguments: &[&str], input: &str, code: i32) -> String {
    let output = run(operator, arguments, input.as_bytes());
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "kt {arguments:?}: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    stderr
}

/// What was said on stderr.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Sends a signal by its name.
pub(crate) fn signal(process: &Child, name: &str) {
    signal_to(process.id(), name);
}

/// The same, to a process by its number.
pub(crate) fn signal_to(pid: u32, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(sent.expect("kill runs").success(), "{name} reaches the process");
}
