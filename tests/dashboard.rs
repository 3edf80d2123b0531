//! The dashboard on a real terminal, before real clusters: keys, what is shown, and how it ends.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::support::screen::{Screen, start_on_a_full_terminal};
use crate::support::tool::ApacheKafka;
use crate::support::{Broker, Operator, command, ports};

const ESC: &str = "\x1b";
const ENTER: &str = "\r";
/// How long a node of Apache Kafka may take to recover its logs on a busy machine.
const RECOVERED_WITHIN: Duration = Duration::from_secs(300);
/// Leaves the alternate screen: the terminal is as it was.
const GIVEN_BACK: &str = "\x1b[?1049l";

fn dashboard(operator: &Operator, words: &[&str]) -> Screen {
    let line = [&["dashboard"], words].concat();
    Screen::start(&mut operator.command(&line), 80, 24)
}

fn is_given_back(screen: &Screen) -> bool {
    String::from_utf8_lossy(&screen.bytes).trim_end().ends_with(GIVEN_BACK)
}

#[test]
fn what_happens_in_a_cluster_is_seen_and_its_end_too() {
    let mut broker = Broker::start();
    let operator = Operator::at(&broker.address());
    operator.ok("topics create orders --partitions 3");
    let mut screen = dashboard(&operator, &[]);
    screen.wait_for("1 of 1 up");
    screen.wait_for("none; no throttle left behind");
    screen.press("2");
    screen.wait_for("[2 topics]");
    screen.wait_until("the topic", |it| line_of(it, "orders").is_some());
    // Lag rises with what is written, and falls with what is read.
    operator.produce("orders", 0, &"x\n".repeat(500));
    operator.ok("consume orders -g billing -c 100");
    screen.press("3");
    screen.wait_until("the lag of billing", |it| {
        line_of(it, "billing").is_some_and(|it| it.contains(" 400"))
    });
    operator.ok("consume orders -g billing -c 400");
    // Two of the three partitions never had a record.
    screen
        .wait_until("no lag", |it| line_of(it, "billing").is_some_and(|it| it.ends_with("n/c 2")));
    screen.press(&format!("/nothing{ENTER}"));
    screen.wait_for("No group matches /nothing");
    // What follows at once would be read as one key with it.
    screen.press(ESC);
    screen.wait_until("no filter", |it| !it.contains("/nothing"));
    screen.press("1");
    screen.wait_for("[1 over]");
    // Nobody answers any more: that is said, and the last values stay.
    broker.kill();
    screen.wait_for("none answers");
    screen.press("q");
    assert_eq!(screen.end().code(), Some(0));
    assert!(is_given_back(&screen));
}

/// The line of the screen that a subject stands on, from its name on.
fn line_of(shown: &str, subject: &str) -> Option<String> {
    let names = shown.lines().map(|it| it.chars().skip(3).collect::<String>());
    let mut found = names.filter(|it| it.starts_with(subject));
    found.next().map(|it| it.trim_end().to_owned())
}

/// The line above the footer.
fn message_line(shown: &str) -> Option<&str> {
    shown.lines().nth(22)
}

/// Types what a box asks for, once it hears keys: at first they may have been meant for something
/// else, and what it asks is dim.
fn answer(screen: &mut Screen, asks: &str, keys: &str) {
    screen.wait_for_bright(asks);
    screen.press(keys);
}

#[test]
fn changes_are_planned_agreed_to_and_taken_back() {
    let operator = Operator::start();
    let mut screen = dashboard(&operator, &["--screen", "topics"]);
    screen.wait_for("No topics on this cluster.");
    // What adds asks nobody.
    screen.press("n");
    screen.wait_for(":topics create");
    screen.press(&format!("orders --partitions 2{ENTER}"));
    screen.wait_for("undo: kt undo 1");
    screen.press(&format!(":topics alter orders --set segment.bytes=2000000{ENTER}"));
    screen.wait_for("Alter 1 topic?  [y/N]");
    assert!(screen.text().contains("level 1") && screen.text().contains("undo: kt undo 2"));
    answer(&mut screen, "[y/N]", "y");
    screen.wait_for("altered topic orders; undo: kt undo 2");
    assert!(operator.ok("history").contains("topics alter orders --set segment.bytes=2000000 -b"));
    assert!(operator.ok("configs describe topic/orders").contains("2000000"));
    screen.press("au");
    screen.wait_for("Undo 1 change?  [y/N]");
    answer(&mut screen, "[y/N]", "y");
    screen.wait_for("undid change topic/orders; undo: kt undo 3");
    assert!(!operator.ok("configs describe topic/orders").contains("2000000"));
    // What loses data needs the name.
    screen.wait_until("the topic", |it| line_of(it, "orders").is_some());
    screen.press("ad");
    screen.wait_for("level 2: data is lost");
    answer(&mut screen, "Type", &format!("order{ENTER}"));
    screen.wait_for("that is not it");
    assert!(operator.ok("topics list -o name").contains("orders"));
    screen.press(&format!("s{ENTER}"));
    screen.wait_for("deleted topic orders");
    assert_eq!(operator.ok("topics list -o name"), "");
    screen.press("q");
    assert_eq!(screen.end().code(), Some(0));
}

#[test]
fn a_config_is_edited_where_it_stands() {
    let operator = Operator::start();
    operator.ok("topics create orders --partitions 1 --set retention.ms=3600000");
    let mut screen = dashboard(&operator, &["--screen", "configs/topic/orders"]);
    screen.wait_until("what is set", |it| {
        line_of(it, "retention.ms").is_some_and(|it| it.contains("3600000"))
    });
    screen.press("e");
    screen.wait_for("edit retention.ms");
    // The old value stands there to be changed.
    screen.press(&format!("0{ENTER}"));
    screen.wait_for("retention.ms 3600000 -> 36000000");
    answer(&mut screen, "[y/N]", "y");
    screen.wait_until("the new value", |it| {
        line_of(it, "retention.ms").is_some_and(|it| it.contains("36000000"))
    });
    assert!(operator.ok("configs describe topic/orders").contains("36000000"));
    screen.press("q");
    assert_eq!(screen.end().code(), Some(0));
}

/// Three records of three days, in one partition.
fn produce_three_days(operator: &Operator) {
    for day in 1..=3 {
        operator.produce_at(
            "orders",
            0,
            &format!("2026-03-0{day}T12:00:00Z"),
            &format!("day{day}\n"),
        );
    }
}

/// Goes from the list of topics to the records of `orders`, and there to a time.
fn browse_by_time(screen: &mut Screen) {
    screen.press("2");
    screen.wait_until("the topic", |it| line_of(it, "orders").is_some());
    screen.press(ENTER);
    screen.wait_for("part leader");
    screen.press(ENTER);
    screen.wait_for("f follow");
    screen.press("@");
    screen
        .wait_until("what is typed", |it| message_line(it).is_some_and(|it| it.starts_with(" @")));
    screen.press(&format!("2026-03-02{ENTER}"));
    screen.wait_until("the record of that day first", |it| {
        let records: Vec<&str> = it.lines().filter(|it| it.chars().nth(6) == Some('0')).collect();
        records.len() == 2 && records[0].contains("day2") && records[1].contains("day3")
    });
}

#[test]
fn a_record_is_found_by_its_time_and_seen_whole() {
    let operator = Operator::start();
    operator.ok("topics create orders --partitions 1");
    produce_three_days(&operator);
    let mut screen = dashboard(&operator, &[]);
    screen.wait_for("1 of 1 up");
    browse_by_time(&mut screen);
    screen.press(ENTER);
    screen.wait_for("orders-0 @1");
    screen.wait_for("03-02 12:00:00");
    screen.press("q");
    assert_eq!(screen.end().code(), Some(0));
}

#[test]
fn segments_are_shown_of_a_directory_of_this_machine() {
    let broker = Broker::start();
    let operator = Operator::at(&broker.address());
    operator.ok("topics create orders --partitions 1");
    produce_three_days(&operator);
    let data = broker.data();
    let data = data.to_str().expect("the path is text");
    let words = ["--screen", "segments/orders:0", "--data", data];
    let mut screen = dashboard(&operator, &words);
    screen.wait_for("base");
    screen.wait_for("active");
    // Down to the batches, the records and their bytes.
    screen.press(ENTER);
    screen.wait_until("the first batch under the cursor", |it| {
        it.lines().any(|it| it.starts_with('>') && it.contains("none") && it.contains("ok"))
    });
    screen.press(ENTER);
    screen.wait_for("records of 0 at byte 0");
    screen.wait_for("day1");
    screen.press("q");
    assert_eq!(screen.end().code(), Some(0));
    // Without the directory that is said.
    let mut screen = dashboard(&operator, &words[..2]);
    screen.wait_for("--data");
    screen.press("q");
    assert_eq!(screen.end().code(), Some(0));
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let operator = Operator::start();
    for (signal, code) in [("TERM", Some(143)), ("HUP", Some(0))] {
        let mut screen = dashboard(&operator, &["--screen", "topics"]);
        screen.wait_for("No topics on this cluster.");
        let pid = screen.pid().to_string();
        let sent = Command::new("kill").args([&format!("-{signal}"), &pid]).status();
        assert!(sent.expect("kill runs").success());
        assert_eq!(screen.end().code(), code, "after SIG{signal}");
        assert!(is_given_back(&screen), "after SIG{signal}");
    }
}

#[test]
fn a_change_is_in_the_journal_though_the_terminal_goes_away() {
    let broker = Broker::start();
    let operator = Operator::at(&broker.address());
    operator.ok("topics create orders --partitions 2");
    let mut screen = dashboard(&operator, &["--screen", "topics"]);
    screen.wait_until("the topic", |it| line_of(it, "orders").is_some());
    screen.press(&format!(":topics alter orders --set segment.bytes=2000000{ENTER}"));
    screen.wait_for_bright("[y/N]");
    // From here on the change takes as long as we like.
    command::signal_to(broker.pid(), "STOP");
    screen.press("yq");
    screen.wait_for("a change is being made: leave? [y/N]");
    // This is what comes when a terminal is closed.
    command::signal_to(screen.pid(), "HUP");
    screen.wait_for("waiting for the change that is being made; Ctrl-C ends at once");
    command::signal_to(screen.pid(), "CONT");
    command::signal_to(screen.pid(), "HUP");
    command::signal_to(broker.pid(), "CONT");
    assert_eq!(screen.end().code(), Some(0));
    assert!(operator.ok("history").contains("topics alter orders --set segment.bytes=2000000"));
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_back() {
    let operator = Operator::start();
    let kt = operator.command(&["dashboard", "--screen", "topics"]);
    // A session with a controlling terminal, in which the shell has jobs.
    let mut shell = Command::new("setsid");
    shell.args(["--ctty", "bash", "--norc", "--noprofile", "-i"]).env("PS1", "shell> ");
    for (name, value) in kt.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    let line: Vec<&str> =
        [kt.get_program()].into_iter().chain(kt.get_args()).filter_map(|it| it.to_str()).collect();
    let mut screen = Screen::start(&mut shell, 80, 24);
    screen.wait_for("shell> ");
    screen.press(&format!("{}{ENTER}", line.join(" ")));
    screen.wait_for("No topics on this cluster.");
    screen.press("\x1a");
    screen.wait_for("Stopped");
    // Meanwhile something happens, and the shell has the line.
    operator.ok("topics create orders --partitions 1");
    screen.press(&format!("echo free-$((6 * 7)){ENTER}"));
    screen.wait_for("free-42");
    screen.press(&format!("fg{ENTER}"));
    screen.wait_until("the new topic", |it| line_of(it, "orders").is_some());
    screen.press("q");
    // The shell asks again: what is typed before belongs to the dashboard.
    screen.wait_until("the shell", |it| {
        it.contains("free-42") && it.trim_end().ends_with("topics\nshell>")
    });
    screen.press(&format!("exit 7{ENTER}"));
    assert_eq!(screen.end().code(), Some(7));
}

#[test]
fn after_a_stop_from_outside_the_picture_is_drawn_anew() {
    let operator = Operator::start();
    let mut screen = dashboard(&operator, &["--screen", "topics"]);
    screen.wait_for("No topics on this cluster.");
    command::signal_to(screen.pid(), "STOP");
    operator.ok("topics create orders --partitions 1");
    command::signal_to(screen.pid(), "CONT");
    screen.wait_until("the new topic", |it| line_of(it, "orders").is_some());
    // Ctrl-L draws it anew, too.
    let drawn = wholes(&screen);
    screen.press("\x0c");
    screen.press("?");
    screen.wait_for("cost ");
    screen.press("qq");
    assert_eq!(screen.end().code(), Some(0));
    let entered = String::from_utf8_lossy(&screen.bytes).matches("\x1b[?1049h").count();
    assert_eq!((entered, drawn < wholes(&screen)), (2, true));
}

/// How many pictures were drawn whole.
fn wholes(screen: &Screen) -> usize {
    String::from_utf8_lossy(&screen.bytes).matches("\x1b[2J").count()
}

#[test]
fn a_cluster_that_is_not_there_is_shown_and_waited_for() {
    let operator = Operator::at("127.0.0.1:1");
    let mut screen = dashboard(&operator, &["--timeout", "2s"]);
    screen.wait_for("unreachable");
    screen.press("\x03");
    assert_eq!(screen.end().code(), Some(0));
}

#[test]
fn one_screen_is_printed_in_every_form() {
    let operator = Operator::start();
    operator.ok("topics create orders --partitions 3");
    let text = operator.ok("dashboard --once topics");
    assert!(text.contains("orders") && !text.contains(ESC), "{text}");
    assert!(!text.contains("? help"), "{text}");
    assert!(operator.ok("dashboard --once topics -o svg").starts_with("<svg"));
    let json: serde_json::Value =
        serde_json::from_str(&operator.ok("dashboard --once topics -o json")).expect("json");
    assert_eq!((&json["kind"], &json["version"]), (&"dashboard.screen".into(), &1.into()));
    assert!(json["cluster_id"].is_string() && json["errors"] == serde_json::json!([]), "{json}");
    let screen = &json["items"][0];
    assert_eq!(screen["screen"], "topics");
    assert_eq!(screen["topics"][0]["name"], "orders");
    assert_eq!(screen["topics"][0]["partitions"], 3);
    let wide = operator.ok("dashboard --once overview --size 160x50");
    assert!(wide.contains("alerts now"), "{wide}");
    let output = operator.output("dashboard --once nosuch");
    assert_eq!(output.status.code(), Some(2), "{}", command::stderr(&output));
    let output = operator.output("dashboard");
    assert_eq!(output.status.code(), Some(2), "{}", command::stderr(&output));
    assert!(command::stderr(&output).contains("--once SCREEN"));
    let output = operator.output("topics list -o svg");
    assert_eq!(output.status.code(), Some(2), "{}", command::stderr(&output));
}

#[test]
fn a_screen_of_what_does_not_exist_is_printed_and_ends_with_5() {
    let operator = Operator::start();
    operator.ok("topics create orders --partitions 3");
    for (screen, what) in [
        ("topic/nosuch", "topic \"nosuch\" does not exist"),
        ("records/nosuch", "topic \"nosuch\" does not exist"),
        ("records/orders:9", "topic \"orders\" has no partition 9"),
        ("group/nosuch", "group \"nosuch\" does not exist"),
    ] {
        let output = operator.output(&format!("dashboard --once {screen} -o json"));
        let said = command::stderr(&output);
        assert_eq!((output.status.code(), said), (Some(5), format!("error: {what}\n")));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("json");
        assert_eq!(
            (&json["errors"][0]["exit"], &json["errors"][0]["item"]),
            (&5.into(), &screen.into())
        );
    }
    let output = operator.output("dashboard --once topic/nosuch");
    assert_eq!(output.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&output.stdout).contains("There is no topic nosuch."));
}

#[test]
fn what_is_told_of_retries_is_not_written_over_the_picture() {
    let operator = Operator::at("127.0.0.1:1");
    let mut screen = dashboard(&operator, &["--timeout", "2s", "-vv"]);
    screen.wait_for("unreachable");
    screen.press("q");
    assert_eq!(screen.end().code(), Some(0));
    let bytes = String::from_utf8_lossy(&screen.bytes);
    let outside =
        bytes.split("\x1b[?2026h").map(|it| it.split_once("\x1b[?2026l").map_or(it, |it| it.1));
    let outside: String = outside.collect();
    assert!(!outside.contains("again in") && !outside.contains("refused"), "{outside:?}");
}

#[test]
fn a_terminal_that_takes_nothing_holds_up_no_signal() {
    let operator = Operator::start();
    let mut kt = operator.command(&["dashboard", "--screen", "topics"]);
    let (mut process, terminal) = start_on_a_full_terminal(&mut kt);
    // It draws from when it takes the signals over.
    while !takes_signal(process.id(), 15) {
        assert!(process.try_wait().expect("it is ours").is_none(), "it ends by itself");
        std::thread::yield_now();
    }
    command::signal(&process, "TERM");
    let (sender, ended) = channel();
    let pid = process.id();
    std::thread::spawn(move || drop(sender.send(process.wait())));
    let code = ended.recv_timeout(Duration::from_secs(60));
    if code.is_err() {
        command::signal_to(pid, "KILL");
    }
    assert_eq!(code.expect("it ends").expect("it is ours").code(), Some(143));
    drop(terminal);
}

/// Whether the process has a handler of its own for a signal of this number.
fn takes_signal(pid: u32, number: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let caught = status.lines().find_map(|it| it.strip_prefix("SigCgt:")).expect("it says so");
    let caught = u64::from_str_radix(caught.trim(), 16).expect("a number");
    caught & (1 << (number - 1)) != 0
}

#[test]
fn the_demo_is_alive_and_leaves_nothing_behind() {
    let state = tempfile::tempdir().expect("a folder can be made");
    let mut kt = crate::support::broker::kt();
    kt.args(["demo"]).env("XDG_STATE_HOME", state.path()).env("XDG_CONFIG_HOME", state.path());
    kt.env("TMPDIR", state.path());
    let mut screen = Screen::start(&mut kt, 120, 40);
    screen.wait_for("warehouse-loader");
    screen.wait_until("records come in", |it| {
        it.lines().any(|it| it.contains("records in") && it.contains("/s") && !it.contains(" 0/s"))
    });
    screen.press("q");
    assert_eq!(screen.end().code(), Some(0));
    assert!(is_given_back(&screen));
    let left: Vec<_> = std::fs::read_dir(state.path()).expect("a folder").flatten().collect();
    let left: Vec<_> =
        left.iter().filter(|it| it.file_name().to_string_lossy().starts_with(".tmp")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Three nodes of Apache Kafka, killed when dropped.
struct Cluster {
    kafka: ApacheKafka,
    folder: tempfile::TempDir,
    port: u16,
    again: Vec<Child>,
}

impl Cluster {
    fn start(kafka: ApacheKafka) -> Cluster {
        let folder = tempfile::tempdir().expect("a folder can be made");
        // Each node takes one for clients, the next for its controller.
        let port = ports::in_a_row(6);
        let mut start = kafka.command("start-cluster");
        start.env("KAFKA_HEAP_OPTS", "-Xms256m -Xmx512m");
        let output = start.arg(folder.path()).args(["3", &port.to_string()]).output();
        let output = output.expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Cluster { kafka, folder, port, again: Vec::new() }
    }

    fn kill(&self, node: i32) {
        let mut stop = self.kafka.command("stop");
        let stopped = stop.env("KILL", "1").arg(self.folder.path().join(node.to_string())).status();
        assert!(stopped.expect("it runs").success());
    }

    /// The node that was killed, on its port and its directory. It serves when this returns.
    fn start_again(&mut self, node: i32) {
        let folder = self.folder.path().join(node.to_string());
        let mut run = self.kafka.command("run-node");
        run.arg(folder.join("server.properties")).env("KAFKA_HEAP_OPTS", "-Xms256m -Xmx512m");
        run.env("KAFKA_LOG_LEVEL", "info");
        run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut node = run.spawn().expect("it runs");
        let log = node.stderr.take().expect("stderr is piped");
        self.again.push(node);
        let (sender, started) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                if line.contains("Kafka Server started") {
                    // Who waited for it may have given up.
                    let _ = sender.send(());
                }
            }
        });
        started.recv_timeout(RECOVERED_WITHIN).expect("the node starts");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in &mut self.again {
            let _ = node.kill();
            let _ = node.wait();
        }
        let mut stop = self.kafka.command("stop-cluster");
        let _ = stop.env("KILL", "1").arg(self.folder.path()).stdout(Stdio::null()).status();
    }
}

#[test]
fn a_cluster_of_apache_kafka_is_seen_through_the_loss_of_a_broker() {
    let Some(kafka) = ApacheKafka::find("the dashboard before Apache Kafka") else { return };
    let mut cluster = Cluster::start(kafka);
    let operator = Operator::at(&format!("127.0.0.1:{}", cluster.port));
    operator.ok("topics create orders --partitions 6 --replication-factor 3");
    produce_three_days(&operator);
    let mut screen = dashboard(&operator, &[]);
    screen.wait_for("3 of 3 up");
    screen.wait_for("voters 3/3");
    browse_by_time(&mut screen);
    // Lag rises with what is written, and falls with what is read.
    operator.ok("consume orders -g billing -c 3");
    operator.produce("orders", 0, &"x\n".repeat(400));
    screen.press("3");
    screen.wait_until("the lag of billing", |it| {
        line_of(it, "billing").is_some_and(|it| it.contains(" 400"))
    });
    operator.ok("consume orders -g billing -c 400");
    screen.wait_until("no lag", |it| line_of(it, "billing").is_some_and(|it| !it.contains(" 400")));
    cluster.kill(3);
    screen.press("1");
    screen.wait_for("2 of 3 up");
    screen.wait_for("BAD");
    screen.press("4");
    screen.wait_until("broker 3 is down", |it| {
        it.lines().any(|it| it.contains("✗    3") && it.contains("down"))
    });
    cluster.start_again(3);
    screen.wait_until("broker 3 is back", |it| {
        !it.lines().any(|it| it.contains("   3") && it.contains("down")) && it.contains("brk 3/3")
    });
    screen.press("1");
    screen.wait_for("all 56 in sync");
    screen.press("q");
    assert_eq!(screen.end().code(), Some(0));
}
