//! `kt consume -g`: who may enter, what is committed however it ends, and how partitions change hands.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::FutureRecord;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::groups;
use crate::support::client::{self, SOON};
use crate::support::command::{self, command, fails, ok, signal};
use crate::support::member::{Member, QUICK_GROUPS};
use crate::support::{Broker, Operator, scenarios};

scenarios![
    a_group_goes_on_where_it_has_come_to,
    committed_offsets_win_over_from,
    several_topics_by_a_pattern,
    what_does_not_go_with_a_group,
];

/// A member that ends without a word is missed after `session.timeout.ms`, 45 s. One that says so is
/// followed at once: 0.2 s where little else runs, and far below the session everywhere.
const HANDOVER: Duration = Duration::from_secs(10);

fn quick() -> (Broker, Operator) {
    let broker = Broker::start_with(&QUICK_GROUPS);
    let operator = Operator::at(&broker.address());
    (broker, operator)
}

/// What was said, but not that joining took its time: on a busy machine it does.
fn without_waiting(said: &str) -> String {
    said.split_inclusive('\n').filter(|it| !it.starts_with("note: joining group")).collect()
}

/// A topic of one partition with the numbers up to `count` as values.
fn numbered(operator: &Operator, topic: &str, count: u32) {
    ok(operator, &["topics", "create", topic, "--partitions", "1"], "");
    let lines: String = (0..count).map(|it| format!("{it}\n")).collect();
    ok(operator, &["produce", topic], &lines);
}

/// Where a group has come to; `None` if it has committed nothing.
fn committed(operator: &Operator, group: &str, topic: &str) -> Option<i64> {
    let consumer: BaseConsumer =
        client::config(operator.address(), &[("group.id", group)]).create().expect("right");
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, 0);
    let found = consumer.committed_offsets(list, SOON).expect("the coordinator answers");
    match found.elements()[0].offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    }
}

/// What is read of a process, line by line, as it comes.
struct Lines {
    process: Child,
    lines: Receiver<String>,
}

impl Lines {
    fn of(operator: &Operator, arguments: &[&str]) -> Lines {
        let mut process = command(operator, arguments).spawn().expect("kt runs");
        let stdout = process.stdout.take().expect("stdout is piped");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let line = line.expect("text");
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Lines { process, lines }
    }

    fn next(&self) -> String {
        self.lines.recv_timeout(SOON).expect("a line comes")
    }

    /// Sends a signal; the exit code, all that was printed and not taken, and stderr.
    fn end(mut self, name: &str) -> (i32, Vec<String>, String) {
        signal(&self.process, name);
        let code = self.process.wait().expect("kt ends").code().expect("it ends by itself");
        let mut stderr = String::new();
        let pipe = self.process.stderr.take().expect("stderr is piped");
        BufReader::new(pipe).read_to_string(&mut stderr).expect("text");
        (code, self.lines.iter().collect(), without_waiting(&stderr))
    }
}

fn a_group_goes_on_where_it_has_come_to(operator: &Operator) {
    numbered(operator, "steps", 10);
    let consume = |more: &[&str]| {
        ok(operator, &[&["consume", "steps", "-g", "steps", "-f", "%v "], more].concat(), "")
    };
    // What was fetched with it is not what was read.
    assert_eq!(consume(&["-c", "2"]), "0 1 ");
    assert_eq!(committed(operator, "steps", "steps"), Some(2));
    assert_eq!(consume(&["-c", "3", "--no-commit"]), "2 3 4 ");
    assert_eq!(committed(operator, "steps", "steps"), Some(2));
    // What a filter leaves out is done with, too.
    assert_eq!(consume(&["--where", "offset = 4"]), "4 ");
    assert_eq!(committed(operator, "steps", "steps"), Some(10));
    assert_eq!(consume(&[]), "");
}

fn committed_offsets_win_over_from(operator: &Operator) {
    numbered(operator, "wins", 6);
    let consume = |more: &[&str]| {
        let arguments = [&["consume", "wins", "-g", "wins", "-f", "%v "], more].concat();
        let output = command::run(operator, &arguments, b"");
        let stdout = String::from_utf8(output.stdout.clone()).expect("text");
        let stderr = command::stderr(&output);
        (stdout, without_waiting(&stderr))
    };
    let first = consume(&["--from", "3", "-c", "1"]);
    assert_eq!(first, ("3 ".to_owned(), String::new()));
    let (read, said) = consume(&["--from", "earliest"]);
    assert_eq!(read, "4 5 ");
    assert_eq!(
        said,
        "note: group \"wins\" has committed offsets of wins:0: they win over --from; \
         kt groups reset wins --to AT moves them\n"
    );
}

fn several_topics_by_a_pattern(operator: &Operator) {
    for topic in ["log-a", "log-b", "other"] {
        numbered(operator, topic, 2);
    }
    let arguments = ["consume", "-r", "log-.*", "-g", "logs", "-f", "%t%v\\n"];
    let read = ok(operator, &arguments, "");
    let read: BTreeSet<&str> = read.lines().collect();
    assert_eq!(read, BTreeSet::from(["log-a0", "log-a1", "log-b0", "log-b1"]));
    assert!(
        fails(operator, &["consume", "-r", "nothing.*", "-g", "logs"], "", 5)
            .contains("no topic matches")
    );
}

fn what_does_not_go_with_a_group(operator: &Operator) {
    ok(operator, &["topics", "create", "whole"], "");
    for more in [&["-p", "0"][..], &["whole:0"]] {
        let arguments = [&["consume", "whole", "-g", "g"], more].concat();
        let said = fails(operator, &arguments, "", 2);
        assert!(said.contains("a group shares out whole topics"), "{said}");
    }
    for alone in ["--no-commit", "--join"] {
        fails(operator, &["consume", "whole", alone], "", 2);
    }
    fails(operator, &["consume", "whole", "-g", "g", "--assignor", "fair"], "", 2);
    let said = fails(operator, &["consume", "whloe", "-g", "g"], "", 5);
    assert!(said.contains("did you mean \"whole\"?"), "{said}");
}

/// One has the partition and the other waits; Ctrl-C hands over.
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_hands_the_partition_over_long_before_a_session_ends() {
    let (broker, operator) = quick();
    ok(&operator, &["topics", "create", "relay", "--partitions", "1"], "");
    let member = || Lines::of(&operator, &["consume", "relay", "-g", "relay", "-F"]);
    let members = [member(), member()];
    let producer = client::producer(&broker.address(), &[("linger.ms", "0")]);
    let sent = Cell::new(0);
    let send = async || {
        let value = sent.get().to_string();
        sent.set(sent.get() + 1);
        let record = FutureRecord::<(), str>::to("relay").payload(&value);
        producer.send(record, SOON).await.expect("the record is delivered");
        value
    };
    until("one of two has the partition", || {
        let mut shares = members_of(&operator, "relay");
        shares.sort_unstable();
        shares == [0, 1]
    });
    let patience = Duration::from_millis(100);
    let owner = loop {
        let value = send().await;
        // What came while they joined may be anybody's.
        let prints = |it: &Lines| {
            std::iter::from_fn(|| it.lines.recv_timeout(patience).ok()).any(|line| line == value)
        };
        if let Some(owner) = members.iter().position(prints) {
            break owner;
        }
    };
    let [one, other] = members;
    let (mut owner, idle) = if owner == 0 { (one, other) } else { (other, one) };
    while idle.lines.try_recv().is_ok() {}
    for _ in 0..10 {
        send().await;
    }
    let last = sent.get() - 1;
    while owner.next().parse() != Ok(last) {}
    assert!(idle.lines.try_recv().is_err(), "one partition has one reader");
    let begun = Instant::now();
    signal(&owner.process, "INT");
    let first = loop {
        send().await;
        if let Ok(line) = idle.lines.recv_timeout(Duration::from_millis(20)) {
            break line;
        }
        assert!(begun.elapsed() < SOON, "nobody goes on");
    };
    let took = begun.elapsed();
    // The owner may have had some of them before it heard the signal.
    let left: Vec<String> = owner.lines.iter().collect();
    assert_eq!(owner.process.wait().expect("kt ends").code(), Some(130));
    let next = left.last().map_or(last + 1, |it| it.parse::<i32>().expect("a number") + 1);
    assert_eq!(first.parse(), Ok(next), "no record is lost or read twice");
    println!("the handover took {took:?}");
    assert!(took < HANDOVER, "the handover took {took:?}");
    let (code, ..) = idle.end("INT");
    assert_eq!(code, 130);
}

/// How many partitions each member of a group has.
fn members_of(operator: &Operator, group: &str) -> Vec<usize> {
    let output = operator.output(&format!("groups describe {group} --members --json"));
    let Ok(described) = serde_json::from_slice::<serde_json::Value>(&output.stdout) else {
        return Vec::new();
    };
    let Some(members) = described["items"][0]["members"].as_array() else { return Vec::new() };
    let shares = members.iter().map(|it| it["partitions"].as_u64().expect("a count"));
    shares.map(|it| usize::try_from(it).expect("a count")).collect()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + SOON;
    while !holds() {
        assert!(Instant::now() < end, "in {SOON:?} not: {what}");
    }
}

#[test]
fn who_waits_for_a_group_is_told_why() {
    let broker = Broker::start();
    let operator = Operator::at(&broker.address());
    numbered(&operator, "slow", 1);
    let arguments = ["consume", "slow", "-g", "slow", "-f", "%v "];
    let output = command::run(&operator, &arguments, b"");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0 ");
    assert_eq!(
        command::stderr(&output),
        "note: joining group \"slow\": an empty one gathers members for \
         group.initial.rebalance.delay.ms (3 s unless set), another waits for its members\n"
    );
    let quiet = [&arguments[..], &["-q"]].concat();
    assert_eq!(command::stderr(&command::run(&operator, &quiet, b"")), "");
}

/// Held back by a rate, one is stopped in the middle of what it has: what stands on stdout is what is
/// committed, record by record.
#[test]
fn after_a_signal_just_what_was_printed_is_committed() {
    let (_broker, operator) = quick();
    numbered(&operator, "stopped", 2000);
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let arguments = ["consume", "stopped", "-g", name, "-F", "--rate", "400/s"];
        let lines = Lines::of(&operator, &arguments);
        for number in 0..50 {
            assert_eq!(lines.next(), number.to_string());
        }
        let (ended, left, stderr) = lines.end(name);
        assert_eq!((ended, stderr.as_str()), (code, ""));
        let printed = 50 + i64::try_from(left.len()).expect("a count");
        assert!(printed < 2000, "it was stopped in the middle");
        assert_eq!(committed(&operator, name, "stopped"), Some(printed));
        let next = ok(&operator, &["consume", "stopped", "-g", name, "-c", "1"], "");
        assert_eq!(next, format!("{printed}\n"));
    }
}

/// What one poll gave may take minutes to write: the group does not wait for that.
#[test]
fn a_rate_holds_back_neither_commits_nor_other_members() {
    let (_broker, operator) = quick();
    numbered(&operator, "drops", 50_000);
    let slow = ["consume", "drops", "-g", "drops", "-F", "--rate", "100/s"];
    let one = Lines::of(&operator, &slow);
    until("something is committed", || committed(&operator, "drops", "drops") > Some(0));
    let other = Lines::of(&operator, &slow);
    until("one of two has the partition", || {
        let mut shares = members_of(&operator, "drops");
        shares.sort_unstable();
        shares == [0, 1]
    });
    for member in [one, other] {
        assert_eq!(member.end("INT").0, 130);
    }
}

#[test]
fn a_commit_behind_the_end_is_said_and_left_out() {
    let (_broker, operator) = quick();
    numbered(&operator, "short", 3);
    for (group, more, place) in [
        ("first", &[][..], "from earliest"),
        ("last", &["-X", "auto.offset.reset=latest"], "from latest"),
        ("named", &["--from", "1"], "as --from says"),
    ] {
        groups::commit(&operator, group, &[("short", 0, 1000)]);
        let arguments = ["consume", "short", "-g", group, "-f", "%v "];
        let output = command::run(&operator, &[&arguments[..], more].concat(), b"");
        assert_eq!(
            without_waiting(&command::stderr(&output)),
            format!(
                "warning: group \"{group}\" had come to 1000 in short-0, \
                 which ends at 3 now: the records in between are gone; it goes on {place}\n"
            )
        );
        let read = String::from_utf8(output.stdout).expect("text");
        let expected = match group {
            "first" => "0 1 2 ",
            "last" => "",
            _ => "1 2 ",
        };
        assert_eq!(read, expected, "{group}");
    }
}

#[test]
fn a_dry_run_does_not_read_as_a_member() {
    let (_broker, operator) = quick();
    numbered(&operator, "dry", 2);
    let said = fails(&operator, &["consume", "dry", "-g", "dry", "-n"], "", 2);
    assert!(said.contains("--no-commit; or without -g: --from committed:dry"), "{said}");
    assert_eq!(ok(&operator, &["consume", "dry", "-g", "dry", "-n", "--no-commit"], ""), "0\n1\n");
    assert_eq!(committed(&operator, "dry", "dry"), None);
}

/// `kt consume | head`: what the pipe did not take is read again.
#[test]
fn behind_a_closed_pipe_nothing_unwritten_is_committed() {
    const COUNT: usize = 60_000;
    /// What a pipe holds that nobody has read.
    const PIPE_BYTES: usize = 64 << 10;
    let (_broker, operator) = quick();
    ok(&operator, &["topics", "create", "pipe", "--partitions", "1"], "");
    let filler = "x".repeat(90);
    let lines: String = (0..COUNT).map(|it| format!("{it:08} {filler}\n")).collect();
    ok(&operator, &["produce", "pipe"], &lines);
    let mut process =
        command(&operator, &["consume", "pipe", "-g", "pipe"]).spawn().expect("kt runs");
    let mut stdout: BufReader<ChildStdout> =
        BufReader::with_capacity(1, process.stdout.take().expect("piped"));
    let mut line = String::new();
    for _ in 0..5 {
        line.clear();
        stdout.read_line(&mut line).expect("a line");
    }
    drop(stdout);
    assert_eq!(process.wait().expect("kt ends").code(), Some(0));
    let done = committed(&operator, "pipe", "pipe").unwrap_or(0);
    let taken = i64::try_from(5 + PIPE_BYTES / 100).expect("a count");
    assert!(done <= taken, "{done} are committed, at most {taken} were taken");
    let rest = ok(&operator, &["consume", "pipe", "-g", "pipe"], "");
    let skip = usize::try_from(done).expect("an offset") * (lines.len() / COUNT);
    assert!(rest == lines[skip..], "{} lines came after {done}", rest.lines().count());
}

#[test]
fn a_write_that_fails_is_said_and_not_committed() {
    let (_broker, operator) = quick();
    numbered(&operator, "full", 100);
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let output = command(&operator, &["consume", "full", "-g", "full"])
        .stdout(Stdio::from(full))
        .output()
        .expect("kt runs");
    assert_eq!(output.status.code(), Some(1));
    let said = command::stderr(&output);
    assert!(said.starts_with("error: cannot write the output: No space left"), "{said}");
    assert_eq!(committed(&operator, "full", "full"), None);
    // It has left: the next one enters at once, and begins anew.
    assert_eq!(ok(&operator, &["consume", "full", "-g", "full", "-c", "1"], ""), "0\n");
}

#[test]
fn beside_others_only_if_told_to() {
    let (broker, operator) = quick();
    ok(&operator, &["topics", "create", "mixed", "--partitions", "2"], "");
    let pairs = [("client.id", "billing-app"), ("partition.assignment.strategy", "range")];
    let mut app = [Member::join(&broker.address(), "mixed", "mixed", &pairs)];
    crate::support::member::until(&mut app, "the app has both", |it| it[0].owned() == [0, 1]);
    let said = fails(&operator, &["consume", "mixed", "-g", "mixed"], "", 1);
    assert!(
        said.starts_with("error: group \"mixed\" has a member that would lose partitions: billing-app at 127.0.0.1"),
        "{said}"
    );
    assert!(said.contains("hint: --join "), "{said}");
    let arguments =
        ["consume", "mixed", "-g", "mixed", "--join", "-F", "-v", "--assignor", "range"];
    let lines = Lines::of(&operator, &arguments);
    crate::support::member::until(&mut app, "they share", |it| it[0].owned().len() == 1);
    ok(&operator, &["produce", "mixed", "-f", "%p,%v\\n"], "0,zero\n1,one\n");
    let theirs = if app[0].owned() == [0] { "zero" } else { "one" };
    crate::support::member::until(&mut app, "the app reads its own", |it| it[0].read.len() == 1);
    assert_eq!(app[0].read[0].1.text(), theirs);
    assert_ne!(lines.next(), theirs);
    let (code, left, said) = lines.end("INT");
    assert_eq!((code, left.len()), (130, 0));
    assert!(said.contains("group \"mixed\": reads mixed:"), "{said}");
    crate::support::member::until(&mut app, "the app has both", |it| it[0].owned() == [0, 1]);
}

/// Whoever reads the output falls asleep: the group goes on without this member, which says so.
#[test]
fn a_reader_that_is_too_slow_is_told_by_how_much() {
    let (_broker, operator) = quick();
    ok(&operator, &["topics", "create", "slow", "--partitions", "1"], "");
    let filler = "x".repeat(1000);
    let lines: String = (0..2000).map(|it| format!("{it} {filler}\n")).collect();
    ok(&operator, &["produce", "slow"], &lines);
    let mut arguments = vec!["consume", "slow", "-g", "slow"];
    for key in ["max.poll.interval.ms=1500", "session.timeout.ms=6000"] {
        arguments.extend(["-X", key]);
    }
    let process = command(&operator, &arguments).spawn().expect("kt runs");
    until("it is a member", || members_of(&operator, "slow").len() == 1);
    until("it is one no more", || members_of(&operator, "slow").is_empty());
    let output = process.wait_with_output().expect("kt ends");
    let said = command::stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let expected = "error: group \"slow\": too long between two polls: max.poll.interval.ms=1500 was \
                    passed by ";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("what was written last of slow:0 is not committed"), "{said}");
    assert_eq!(committed(&operator, "slow", "slow"), None);
}

#[test]
fn a_name_that_another_took_ends_the_first() {
    let (_broker, operator) = quick();
    numbered(&operator, "named", 3);
    let arguments = ["consume", "named", "-g", "named", "-F", "-X", "group.instance.id=one"];
    let mut first = Lines::of(&operator, &arguments);
    assert_eq!(first.next(), "0");
    until("it has committed", || committed(&operator, "named", "named") == Some(3));
    let second = Lines::of(&operator, &arguments);
    let code = first.process.wait().expect("kt ends").code();
    let mut said = String::new();
    first.process.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("another member has joined with the same group.instance.id"), "{said}");
    ok(&operator, &["produce", "named"], "3\n");
    assert_eq!(second.next(), "3");
    assert_eq!(second.end("TERM").0, 143);
}
