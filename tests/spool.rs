//! `kt produce --spool`: what was taken is delivered, whoever is killed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output};

use crate::support::command::{command, fails, ok, run, signal, stderr};
use crate::support::{Broker, Operator};

fn spool_in(directory: &tempfile::TempDir) -> String {
    directory.path().join("spool").to_str().expect("the path is text").to_owned()
}

/// Reads what is said on stderr until a line has this text; all of it up to there.
fn hears(process: &mut Child, text: &str) -> (String, impl Read + use<>) {
    let mut told = BufReader::new(process.stderr.take().expect("stderr is piped"));
    let mut said = String::new();
    while !said.contains(text) {
        let length = told.read_line(&mut said).expect("text");
        assert_ne!(length, 0, "{text} is not said: {said}");
    }
    (said, told)
}

/// Reads what is said on stderr until so many records were taken; all of it up to there.
fn hears_of(process: &mut Child, taken: usize) -> (String, impl Read + use<>) {
    let mut told = BufReader::new(process.stderr.take().expect("stderr is piped"));
    let mut said = String::new();
    loop {
        let mut line = String::new();
        assert_ne!(told.read_line(&mut line).expect("text"), 0, "{taken} are not taken: {said}");
        said += &line;
        let count = line.strip_suffix(" records taken\n").and_then(|it| it.parse().ok());
        if count.is_some_and(|it: usize| taken <= it) {
            return (said, told);
        }
    }
}

/// The number before a text.
fn number_before(text: &str, said: &str) -> usize {
    let at = said.find(text).unwrap_or_else(|| panic!("{text} is not said: {said}"));
    let number = said[..at].rsplit(' ').next().expect("a word");
    let number = number.rsplit('\n').next().expect("a line");
    number.parse().unwrap_or_else(|_| panic!("{number} is no number: {said}"))
}

fn lines(prefix: &str, count: usize) -> String {
    (1..=count).map(|it| format!("{prefix}{it}\n")).collect()
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
    // Its files are Kafka's.
    let log = Path::new(&spool).join("00000000000000000000.log");
    let dumped = ok(&operator, &["dump-log", log.to_str().expect("text")], "");
    assert!(dumped.contains("BASE OFFSET"), "{dumped}");
    let again = run(&operator, &["produce", "orders", "--spool", &spool], b"");
    assert_eq!(stderr(&again), "0 records delivered\n");
    assert!(!log.exists(), "what was delivered takes no room");
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
    let loud = [&arguments[..], &["-v"]].concat();
    let mut process = command(&operator, &loud).spawn().expect("kt runs");
    let mut stdin = process.stdin.take().expect("stdin is piped");
    let lines: Vec<String> = (0..1_000).map(|it| format!("record {it}.")).collect();
    stdin.write_all((lines.join("\n") + "\n").as_bytes()).expect("it reads");
    hears_of(&mut process, 1_000);
    let busy = fails(&operator, &arguments, "", 1);
    assert!(busy.contains("in use by another process"), "{busy}");
    kill(process);
    // Nobody listens: what is there stays there.
    let left = fails(&operator, &arguments, "", 6);
    assert!(left.contains(&format!("1000 records are left in {spool}")), "{left}");
    // Nothing was sent, and nothing is said of the sending: it is all there.
    assert!(left.contains("\n0 records delivered\n"), "{left}");
    assert_eq!(left.matches("the spool takes records meanwhile").count(), 1, "{left}");
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

/// What would never be delivered holds up nothing, and nothing is delivered twice.
#[test]
fn a_record_that_the_broker_refuses_is_put_aside() {
    let operator = Operator::start();
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let spool = spool_in(&directory);
    ok(&operator, &["topics", "create", "small", "--set", "max.message.bytes=2000"], "");
    let arguments = ["produce", "small", "--spool", &spool];
    let input = format!("a\n{}\nc\n", "b".repeat(5_000));
    let refused = fails(&operator, &arguments, &input, 3);
    assert!(refused.contains("line 2: ") && refused.contains("MESSAGE_TOO_LARGE"), "{refused}");
    assert!(refused.contains("\n2 records delivered: 2 to small, 1 failed\n"), "{refused}");
    let aside = format!("{spool}/refused.jsonl");
    let told = format!("1 record that no retry can deliver is in {aside}, with the reason");
    assert!(refused.contains(&told) && !refused.contains("left in"), "{refused}");
    assert_eq!(ok(&operator, &arguments, "d\n"), "");
    assert_eq!(ok(&operator, &["consume", "small"], ""), "a\nc\nd\n");
    let lines = std::fs::read_to_string(&aside).expect("it is there");
    assert!(lines.starts_with(r#"{"topic":"small","partition":null,"timestamp":"#), "{lines}");
    assert!(lines.ends_with("}\n") && lines.contains("MESSAGE_TOO_LARGE"), "{lines}");
    // Alone, it fails with a code of its own.
    let alone = fails(&operator, &arguments, &format!("{}\n", "e".repeat(5_000)), 1);
    assert!(alone.contains("0 records delivered, 1 failed"), "{alone}");
    let larger = ["configs", "alter", "topic/small", "--set", "max.message.bytes=10000", "-y"];
    ok(&operator, &larger, "");
    ok(&operator, &["produce", "--jsonl", "--file", &aside], "");
    let read = ok(&operator, &["consume", "small"], "");
    let lengths: Vec<usize> = read.lines().map(str::len).collect();
    assert_eq!(lengths, [1, 1, 1, 5_000, 5_000]);
}

#[test]
fn lines_for_places_that_do_not_exist_are_refused_and_the_rest_goes_on() {
    let mut broker = Broker::start();
    let operator = Operator::at(&broker.address());
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let spool = spool_in(&directory);
    ok(&operator, &["topics", "create", "orders"], "");
    let timeout = "default.api.timeout.ms=2000";
    let arguments = ["produce", "--jsonl", "--spool", &spool, "-X", timeout];
    let input = concat!(
        r#"{"topic":"typo","value":"1"}"#,
        "\n",
        r#"{"topic":"orders","value":"2"}"#,
        "\n",
        r#"{"topic":"orders","partition":77,"value":"3"}"#,
        "\n",
        r#"{"topic":"__consumer_offsets","value":"4"}"#,
        "\n",
        r#"{"topic":"orders","value":"5"}"#,
        "\n",
    );
    let told = run(&operator, &[&arguments[..], &["-o", "jsonl"]].concat(), input.as_bytes());
    let said = stderr(&told);
    assert_eq!(told.status.code(), Some(3), "{said}");
    assert!(said.contains("line 1: ") && said.contains("\"typo\""), "{said}");
    assert!(said.contains("line 3: topic \"orders\" has no partition 77: it has 1"), "{said}");
    assert!(said.contains("line 4: ") && said.contains("--internal allows"), "{said}");
    assert!(said.contains("\n2 records delivered: 2 to orders, 3 failed\n"), "{said}");
    assert!(!said.contains("refused.jsonl"), "they were not even taken: {said}");
    let delivered = String::from_utf8_lossy(&told.stdout).into_owned();
    let starts: Vec<&str> = delivered.lines().map(|it| &it[..10]).collect();
    assert_eq!(starts, ["{\"line\":2,", "{\"line\":5,"]);
    // While nobody answers all are taken; then they get out of the way.
    broker.kill();
    let left = fails(&operator, &arguments, input, 6);
    assert!(left.contains("4 records are left"), "{left}");
    broker.restart();
    let operator = Operator::at(&broker.address());
    let delivered = fails(&operator, &arguments, "", 3);
    assert!(delivered.contains("\n2 records delivered: 2 to orders, 2 failed\n"), "{delivered}");
    assert!(delivered.contains("2 records that no retry can deliver"), "{delivered}");
    assert_eq!(stderr(&run(&operator, &arguments, b"")), "0 records delivered\n");
    assert_eq!(ok(&operator, &["consume", "orders"], ""), "2\n5\n2\n5\n");
}

#[test]
fn deliveries_that_nobody_reads_are_acknowledged() {
    let operator = Operator::start();
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let spool = spool_in(&directory);
    ok(&operator, &["topics", "create", "orders"], "");
    let arguments = ["produce", "orders", "--spool", &spool, "-o", "jsonl"];
    let mut process = command(&operator, &arguments).spawn().expect("kt runs");
    drop(process.stdout.take());
    let input = lines("", 20_000);
    let mut stdin = process.stdin.take().expect("stdin is piped");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let output = process.wait_with_output().expect("kt ends");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "20000 records delivered: 20000 to orders\n");
    assert_eq!(stderr(&run(&operator, &arguments, b"")), "0 records delivered\n");
    assert_eq!(ok(&operator, &["consume", "orders"], ""), input);
}

/// Runs it where no file may become larger than some hundred KiB: a disk that is full.
fn run_without_room(operator: &Operator, arguments: &[&str]) -> Output {
    let kt = operator.command(arguments);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 600; exec \"$0\" \"$@\""]);
    shell.arg(kt.get_program()).args(kt.get_args());
    shell.envs(kt.get_envs().filter_map(|(key, value)| Some((key, value?))));
    shell.output().expect("the shell runs")
}

#[test]
fn a_full_disk_is_told_with_what_was_not_taken_and_empties_again() {
    let mut broker = Broker::start();
    let operator = Operator::at(&broker.address());
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let spool = spool_in(&directory);
    ok(&operator, &["topics", "create", "orders"], "");
    broker.kill();
    let (first, second) = (lines("a", 150_000), lines("b", 150_000));
    let file = directory.path().join("lines");
    let file = file.to_str().expect("text");
    std::fs::write(file, &first).expect("it can be written");
    let arguments = |file| {
        let timeout = "default.api.timeout.ms=2000";
        ["produce", "orders", "--spool", &spool, "--file", file, "-X", timeout]
    };
    let full = run_without_room(&operator, &arguments(file));
    let said = stderr(&full);
    assert_eq!(full.status.code(), Some(6), "{said}");
    let left = number_before(" records are left in", &said);
    assert!(said.contains("File too large"), "{said}");
    assert!(said.contains(&format!("the input was taken up to line {left}: ")), "{said}");
    assert!(0 < left && 0 < number_before(" records that had been read behind it", &said));
    broker.restart();
    let operator = Operator::at(&broker.address());
    let emptied = run_without_room(&operator, &arguments("/dev/null"));
    let said = stderr(&emptied);
    assert_eq!(emptied.status.code(), Some(0), "{said}");
    assert!(said.contains(&format!("\n{left} records delivered: ")), "{said}");
    assert!(!said.contains("cut off"), "{said}");
    // With the cluster there, what was taken is delivered all the same, and once.
    std::fs::write(file, &second).expect("it can be written");
    let some = run_without_room(&operator, &arguments(file));
    let said = stderr(&some);
    assert_eq!(some.status.code(), Some(3), "{said}");
    let delivered = number_before(" records delivered: ", &said);
    assert!(said.contains("File too large") && !said.contains("left in"), "{said}");
    assert!(said.contains(&format!("the input was taken up to line {delivered}: ")), "{said}");
    assert_eq!(stderr(&run(&operator, &arguments("/dev/null"), b"")), "0 records delivered\n");
    let read = ok(&operator, &["consume", "orders"], "");
    let expected = first.lines().take(left).chain(second.lines().take(delivered));
    assert!(read.lines().eq(expected), "{} records", read.lines().count());
}

#[test]
fn a_smaller_spool_goes_on_where_a_larger_one_was() {
    let operator = Operator::start();
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let spool = spool_in(&directory);
    ok(&operator, &["topics", "create", "orders"], "");
    let input = lines("a line of some length ", 20_000);
    ok(&operator, &["produce", "orders", "--spool", &spool], &input);
    let arguments = ["produce", "orders", "--spool", &spool, "--spool-max", "64KiB"];
    let more = run(&operator, &arguments, b"x\n");
    assert_eq!(stderr(&more), "1 record delivered: 1 to orders\n");
}

#[test]
fn a_record_is_on_the_disk_while_the_rate_holds_the_next_back() {
    let mut broker = Broker::start();
    let operator = Operator::at(&broker.address());
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let spool = spool_in(&directory);
    ok(&operator, &["topics", "create", "orders"], "");
    broker.kill();
    let arguments = ["produce", "orders", "--spool", &spool, "-X", "default.api.timeout.ms=1000"];
    let slow = [&arguments[..], &["--rate", "5/s", "-v"]].concat();
    let mut process = command(&operator, &slow).spawn().expect("kt runs");
    let mut stdin = process.stdin.take().expect("stdin is piped");
    stdin.write_all(lines("", 500).as_bytes()).expect("it reads");
    hears_of(&mut process, 3);
    kill(process);
    let left = fails(&operator, &arguments, "", 6);
    let taken = number_before(" records are left in", &left);
    assert!((3..500).contains(&taken), "{left}");
    // A signal does not wait until the rate lets all of them pass.
    let mut process = command(&operator, &slow).spawn().expect("kt runs");
    let mut stdin = process.stdin.take().expect("stdin is piped");
    stdin.write_all(lines("", 500).as_bytes()).expect("it reads");
    let (mut said, mut rest) = hears_of(&mut process, 2);
    signal(&process, "TERM");
    rest.read_to_string(&mut said).expect("text");
    assert_eq!(process.wait().expect("it ends").code(), Some(143), "{said}");
    let left = number_before(" records are left in", &said);
    assert!(left < 500, "{said}");
    assert!(said.contains(&format!("up to line {}: ", left - taken)), "{said}");
    broker.restart();
    let operator = Operator::at(&broker.address());
    ok(&operator, &arguments, "");
    let expected = lines("", taken) + &lines("", left - taken);
    assert_eq!(ok(&operator, &["consume", "orders"], ""), expected);
}

#[test]
fn a_signal_at_a_full_spool_counts_once_what_was_not_taken() {
    const LINES: usize = 20_000;
    let mut broker = Broker::start();
    let operator = Operator::at(&broker.address());
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    ok(&operator, &["topics", "create", "orders"], "");
    broker.kill();
    let file = directory.path().join("lines");
    std::fs::write(&file, lines("", LINES)).expect("it can be written");
    let file = file.to_str().expect("text");
    for (signals, spool) in [(1, "one"), (2, "two")] {
        let spool = directory.path().join(spool);
        let spool = spool.to_str().expect("text");
        let arguments = ["produce", "orders", "--spool", spool, "--spool-max", "64KiB"];
        let rest = ["--file", file, "-X", "default.api.timeout.ms=2000"];
        let mut process = command(&operator, &[&arguments[..], &rest].concat());
        let mut process = process.spawn().expect("kt runs");
        let (mut said, rest) = hears(&mut process, "the spool is full: the input waits");
        let mut rest = BufReader::new(rest);
        signal(&process, "INT");
        while !said.contains("a second signal ends at once") {
            assert_ne!(rest.read_line(&mut said).expect("text"), 0, "{said}");
        }
        if signals == 2 {
            signal(&process, "INT");
        }
        rest.read_to_string(&mut said).expect("text");
        assert_eq!(process.wait().expect("it ends").code(), Some(130), "{said}");
        let left = number_before(" records are left in", &said);
        let untaken = number_before(" records that had been read behind it were not", &said);
        assert_eq!(left + untaken, LINES, "{said}");
        assert!(said.contains(&format!("the input was taken up to line {left}: ")), "{said}");
        assert_eq!(said.matches("had been read").count(), 1, "{said}");
    }
}

#[test]
fn a_spool_of_another_format_is_refused_by_its_number() {
    let operator = Operator::at("127.0.0.1:1");
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = directory.path().join("acknowledged");
    std::fs::write(&file, "version 1\nacknowledged 0\nsynced 0\n").expect("it can be written");
    let spool = directory.path().to_str().expect("text");
    let refused = fails(&operator, &["produce", "orders", "--spool", spool], "x\n", 1);
    assert!(refused.contains("the spool has format 1, this kt knows format 2"), "{refused}");
}
