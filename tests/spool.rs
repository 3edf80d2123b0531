//! `kt produce --spool`: what was taken is delivered, whoever is killed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use crate::support::command::{command, fails, ok, run, signal, stderr};
use crate::support::{Broker, Operator};

/// Longer than anything takes here on a busy machine.
const SOON: Duration = Duration::from_secs(60);

fn spool_in(directory: &tempfile::TempDir) -> String {
    directory.path().join("spool").to_str().expect("the path is text").to_owned()
}

/// All bytes of the spool's segments.
fn segments(spool: &str) -> Vec<u8> {
    let Ok(files) = std::fs::read_dir(spool) else { return Vec::new() };
    let mut bytes = Vec::new();
    for path in files.map(|it| it.expect("a name").path()) {
        if path.extension().is_some_and(|it| it == "log") {
            // It may be removed meanwhile.
            bytes.extend(std::fs::read(path).unwrap_or_default());
        }
    }
    bytes
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < SOON, "{what} took too long");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn kill(mut process: Child) {
    process.kill().expect("it can be killed");
    process.wait().expect("it has ended");
}

#[test]
fn a_spool_delivers_and_is_empty_again() {
    let operator = Operator::start();
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let spool = spool_in(&directory);
    ok(&operator, &["topics", "create", "orders", "--partitions", "2"], "");
    let arguments = ["produce", "--jsonl", "--spool", &spool, "-o", "jsonl"];
    let lines = concat!(
        r#"{"topic":"orders","partition":1,"key":"k","value":"a","timestamp":5,"#,
        r#""headers":[{"key":"h","value":"v"}]}"#,
        "\n",
        r#"{"topic":"orders","partition":0,"key":null,"value":null,"timestamp":6}"#,
    );
    let mut told: Vec<String> =
        ok(&operator, &arguments, lines).lines().map(str::to_owned).collect();
    told.sort_unstable();
    insta::assert_snapshot!(told.join("\n"), @r#"
    {"line":1,"topic":"orders","partition":1,"offset":0,"timestamp":5,"error":null}
    {"line":2,"topic":"orders","partition":0,"offset":0,"timestamp":6,"error":null}
    "#);
    let read = ok(&operator, &["consume", "orders", "-f", "%p %T %k=%v %h{%k:%v}\\n"], "");
    let mut read: Vec<&str> = read.lines().collect();
    read.sort_unstable();
    assert_eq!(read, ["0 6 = ", "1 5 k=a h:v"]);
    let again = run(&operator, &["produce", "orders", "--spool", &spool], b"");
    assert_eq!(stderr(&again), "0 records delivered\n");
    // Its files are Kafka's.
    let log = Path::new(&spool).join("00000000000000000000.log");
    let dumped = ok(&operator, &["dump-log", log.to_str().expect("text")], "");
    assert!(dumped.contains("BASE OFFSET"), "{dumped}");
    let refused =
        fails(&operator, &["produce", "orders", "--spool", &spool, "--acks", "1"], "x\n", 2);
    assert!(refused.contains("--spool needs acks=all"), "{refused}");
    let other = directory.path().to_str().expect("text");
    // The directory above.
    let refused = fails(&operator, &["produce", "orders", "--spool", other], "x\n", 1);
    assert!(refused.contains("this is not a spool: it holds \"spool\""), "{refused}");
}

#[test]
fn records_are_taken_while_the_cluster_is_gone_and_survive_a_kill() {
    let mut broker = Broker::start();
    let operator = Operator::at(&broker.address());
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let spool = spool_in(&directory);
    ok(&operator, &["topics", "create", "orders"], "");
    broker.kill();
    let arguments = ["produce", "orders", "--spool", &spool, "-X", "default.api.timeout.ms=2000"];
    let mut process = command(&operator, &arguments).spawn().expect("kt runs");
    let mut stdin = process.stdin.take().expect("stdin is piped");
    let lines: Vec<String> = (0..1_000).map(|it| format!("record {it}.")).collect();
    stdin.write_all((lines.join("\n") + "\n").as_bytes()).expect("it reads");
    wait_until("taking", || {
        let last = b"record 999.";
        segments(&spool).windows(last.len()).any(|it| it == last)
    });
    let busy = fails(&operator, &arguments, "", 1);
    assert!(busy.contains("in use by another process"), "{busy}");
    kill(process);
    // Nobody listens: what is there stays there.
    let left = fails(&operator, &arguments, "", 6);
    assert!(left.contains(&format!("1000 records are left in {spool}")), "{left}");
    broker.restart();
    let operator = Operator::at(&broker.address());
    let delivered = run(&operator, &arguments, b"one more\n");
    let said = stderr(&delivered);
    assert_eq!(delivered.status.code(), Some(0), "{said}");
    assert!(said.contains("1000 records that an earlier run left"), "{said}");
    assert!(said.ends_with("1001 records delivered: 1001 to orders\n"), "{said}");
    let read = ok(&operator, &["consume", "orders"], "");
    assert_eq!(read, lines.join("\n") + "\none more\n");
}

/// Kills the producer again and again while it takes and delivers. Each run's records arrive from
/// its first on without a gap, those that were reported at the least.
#[test]
fn nothing_is_missing_after_kills_in_a_loop() {
    const RUNS: usize = 12;
    let operator = Operator::start();
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let spool = spool_in(&directory);
    ok(&operator, &["topics", "create", "orders"], "");
    let arguments = ["produce", "orders", "--spool", &spool, "--spool-max", "64KiB", "-o", "jsonl"];
    let mut reported = vec![0; RUNS];
    for (number, reported) in reported.iter_mut().enumerate() {
        let mut process = command(&operator, &arguments).spawn().expect("kt runs");
        let mut stdin = process.stdin.take().expect("stdin is piped");
        // More than the spool holds: some waits for room.
        let feeder = std::thread::spawn(move || {
            for line in 0.. {
                let text = format!("{number}:{line}:{}\n", "x".repeat(line % 300));
                if stdin.write_all(text.as_bytes()).is_err() {
                    return;
                }
            }
        });
        let stdout = process.stdout.take().expect("stdout is piped");
        let mut told = BufReader::new(stdout).lines();
        // Deliveries of earlier runs say line 0.
        let wanted = 100 * (number + 1);
        for line in told.by_ref().map_while(Result::ok) {
            let at = line.find("\"line\":").expect("each delivery has a line") + 7;
            let digits: String = line[at..].chars().take_while(char::is_ascii_digit).collect();
            let seen: usize = digits.parse().expect("a number");
            *reported = seen.max(*reported);
            if wanted <= *reported {
                break;
            }
        }
        kill(process);
        feeder.join().expect("the feeder ends");
    }
    let last = run(&operator, &arguments, b"");
    assert_eq!(last.status.code(), Some(0), "{}", stderr(&last));
    let read = ok(&operator, &["consume", "orders"], "");
    let mut seen: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); RUNS];
    for line in read.lines() {
        let mut words = line.split(':').map(str::parse::<usize>);
        let (Some(Ok(number)), Some(Ok(record))) = (words.next(), words.next()) else {
            panic!("{line} was not sent")
        };
        seen[number].insert(record);
    }
    for (number, (seen, reported)) in seen.iter().zip(&reported).enumerate() {
        let contiguous = (0..).take_while(|it| seen.contains(it)).count();
        assert_eq!(seen.len(), contiguous, "run {number} has a gap behind {contiguous}");
        assert!(*reported <= contiguous && 0 < contiguous, "run {number}: {reported} reported");
    }
}

#[test]
fn a_signal_ends_the_taking_and_delivers_what_was_taken() {
    let operator = Operator::start();
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let spool = spool_in(&directory);
    ok(&operator, &["topics", "create", "orders"], "");
    let arguments = ["produce", "orders", "--spool", &spool, "-o", "jsonl"];
    let mut process = command(&operator, &arguments).spawn().expect("kt runs");
    let mut stdin = process.stdin.take().expect("stdin is piped");
    stdin.write_all(b"a\nb\n").expect("it reads");
    let mut told = BufReader::new(process.stdout.take().expect("stdout is piped"));
    let mut line = String::new();
    told.read_line(&mut line).expect("a delivery is told");
    signal(&process, "TERM");
    let mut rest = String::new();
    told.read_to_string(&mut rest).expect("text");
    assert_eq!(process.wait().expect("it ends").code(), Some(143));
    assert_eq!(ok(&operator, &["consume", "orders"], ""), "a\nb\n");
}
