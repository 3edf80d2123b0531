//! Clusters that misbehave under `kt produce` and `kt consume`: a sentence that names the thing, an
//! end in time, nothing lost silently.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Output};
use std::sync::mpsc;
use std::time::Duration;

use crate::support::command::{command, ok, stderr};
use crate::support::{Broker, Operator};

/// What `--timeout 3s` may take on a machine that is busy.
const IN_TIME: Duration = Duration::from_secs(60);

/// Waits for the end; one that hangs fails.
fn ends(process: Child) -> Output {
    let pid = process.id().to_string();
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || sender.send(process.wait_with_output()));
    let output = ended.recv_timeout(IN_TIME).unwrap_or_else(|_| {
        let _ = Command::new("kill").args(["-KILL", &pid]).status();
        panic!("it hangs: {:?}", ended.recv());
    });
    output.expect("kt has ended")
}

/// Waits until it has printed this line; gives the rest of its stdout.
fn printed(process: &mut Child, expected: &str) -> BufReader<ChildStdout> {
    let mut stdout = BufReader::new(process.stdout.take().expect("piped"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    assert_eq!(line, expected);
    stdout
}

/// Accepts anybody, and says what no broker would.
fn babbler(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                let mut question = [0; 4096];
                while stream.read(&mut question).is_ok_and(|it| 0 < it) {
                    if stream.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

#[test]
fn a_bootstrap_that_answers_garbage_is_named() {
    let answers: [&[u8]; 5] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x7f\xff\xff\xff",
        b"\x00\x00\x00\x00",
        b"\x00\x00\x00\x08\x00\x00\x00\x00\x00\x2a\x00\x00",
        b"\xff\xff\xff\xff\xff\xff\xff\xff",
    ];
    for answer in answers {
        let address = babbler(answer);
        let operator = Operator::at(&address);
        for line in ["consume t", "consume t -g g", "produce t"] {
            let mut words: Vec<&str> = line.split(' ').collect();
            words.extend(["--timeout", "3s"]);
            let output = ends(command(&operator, &words).spawn().expect("kt runs"));
            let said = stderr(&output);
            assert!(matches!(output.status.code(), Some(1 | 4 | 6)), "{line}: {said}");
            assert!(said.starts_with("error: "), "{line}: {said}");
            assert!(!said.contains("panicked"), "{line}: {said}");
            assert!(said.contains(&address), "{line}: {said}");
        }
    }
}

/// A broker that stops in the middle, and goes on when the test ends.
struct Stopped<'a>(&'a Broker);

impl Stopped<'_> {
    fn stop(broker: &Broker) -> Stopped<'_> {
        send(broker, "STOP");
        Stopped(broker)
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        send(self.0, "CONT");
    }
}

fn send(broker: &Broker, name: &str) {
    let pid = broker.pid().to_string();
    let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status();
    assert!(sent.expect("kill runs").success());
}

#[test]
fn a_broker_that_stops_answering_ends_the_reading_and_the_writing() {
    let broker = Broker::start();
    let operator = Operator::at(&broker.address());
    ok(&operator, &["topics", "create", "still", "--partitions", "1"], "");
    ok(&operator, &["produce", "still"], "one\n");
    let mut reading: Vec<Child> = [
        &["consume", "still", "-F", "--from", "earliest"][..],
        &["consume", "still", "-F", "-g", "g"],
    ]
    .into_iter()
    .map(|it| {
        let arguments = [it, &["--timeout", "3s"]].concat();
        command(&operator, &arguments).spawn().expect("kt runs")
    })
    .collect();
    // Open until the end: a reader that goes away would end them, too.
    let outputs: Vec<_> = reading.iter_mut().map(|it| printed(it, "one\n")).collect();
    let arguments = ["produce", "still", "--timeout", "3s", "-v"];
    let mut writing = command(&operator, &arguments).spawn().expect("kt runs");
    let mut stdin = writing.stdin.take().expect("piped");
    stdin.write_all(b"two\n").expect("kt reads");
    let read = ok(&operator, &["consume", "still", "--from", "1", "-F", "-c", "1"], "");
    assert_eq!(read, "two\n");
    let stopped = Stopped::stop(&broker);
    stdin.write_all(b"three\n").expect("kt reads");
    drop(stdin);
    let output = ends(writing);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("1 record delivered: 1 to still, 1 failed"), "{said}");
    for process in reading {
        let output = ends(process);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(6), "{said}");
        assert!(said.contains("got no answer within"), "{said}");
    }
    drop((stopped, outputs));
}

#[test]
fn a_topic_that_vanishes_is_named() {
    let broker = Broker::start();
    let operator = Operator::at(&broker.address());
    let words = [
        &["consume", "gone", "-F", "--from", "earliest"][..],
        &["consume", "gone", "-F", "-g", "g"],
    ];
    for words in words {
        ok(&operator, &["topics", "create", "gone", "--partitions", "1"], "");
        ok(&operator, &["produce", "gone"], "one\n");
        let arguments = [words, &["--timeout", "3s"]].concat();
        let mut reading = command(&operator, &arguments).spawn().expect("kt runs");
        let stdout = printed(&mut reading, "one\n");
        let mut writing =
            command(&operator, &["produce", "gone", "--timeout", "3s"]).spawn().expect("kt runs");
        let mut stdin = writing.stdin.take().expect("piped");
        stdin.write_all(b"two\n").expect("kt reads");
        let read = ok(&operator, &["consume", "gone", "--from", "1", "-F", "-c", "1"], "");
        assert_eq!(read, "two\n");
        ok(&operator, &["topics", "delete", "gone", "--yes"], "");
        stdin.write_all(b"three\n").expect("kt reads");
        drop(stdin);
        let output = ends(writing);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("topic \"gone\""), "{said}");
        assert!(said.contains("1 failed"), "{said}");
        let output = ends(reading);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(5), "{said}");
        assert!(said.contains("topic \"gone\""), "{said}");
        drop(stdout);
    }
}
