//! `kt alerts` against a real broker: what fires, who is told, and how a broken file is refused.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::support::{Broker, Operator, command};

/// Longer than any answer takes on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// Somebody with a topic of 20 records of which the group `billing` has read 5, and rules.
struct Watched {
    operator: Operator,
    folder: tempfile::TempDir,
}

impl Watched {
    fn start() -> Watched {
        let operator = Operator::start();
        operator.ok("topics create orders");
        let lines: String = (0..20).map(|it| format!("{it}\n")).collect();
        operator.produce("orders", 0, &lines);
        operator.ok("consume orders -g billing -c 5");
        Watched { operator, folder: tempfile::tempdir().expect("a folder can be made") }
    }

    /// A rules file with these contents.
    fn rules(&self, text: &str) -> String {
        let path = self.folder.path().join("alerts.toml");
        fs::write(&path, text).expect("a file can be written");
        path.to_str().expect("the path is text").to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

const LAG: &str = "[[rule]]\nname = \"unread\"\nkind = \"lag\"\nwarn = 10\n";

#[test]
fn check_names_what_fires_and_ends_with_7() {
    let watched = Watched::start();
    let rules = watched.rules(&format!(
        "{LAG}[[rule]]\nname = \"old\"\nkind = \"time-lag\"\nmatch = \"bill.*\"\nwarn = \"1ms\"\n\
         bad = \"9w\"\nfor = \"1h\"\n[[rule]]\nname = \"quiet\"\nkind = \"produce-rate\"\n\
         match = \"orders\"\nbad_below = \"100000/s\"\n[[rule]]\nname = \"size\"\n\
         kind = \"topic-size\"\nwarn = \"1TiB\"\n[[rule]]\nname = \"down\"\nkind = \"broker-down\"\n\
         [[rule]]\nname = \"urp\"\nkind = \"under-replicated\"\n",
    ));
    let output = command::run(&watched.operator, &["alerts", "check", &rules, "--json"], b"");
    assert_eq!(output.status.code(), Some(7), "{}", command::stderr(&output));
    let document: Value = serde_json::from_slice(&output.stdout).expect("json");
    assert_eq!(document["kind"], "alerts.check");
    let items = document["items"].as_array().expect("items");
    let shown = |it: &Value| {
        let first = &it["subjects"][0];
        format!("{} {} {} {}", it["rule"], it["level"], first["subject"], first["value_text"])
    };
    let mut lines: Vec<String> = items.iter().map(shown).collect();
    // How old the record is differs.
    for line in lines.iter_mut().filter(|it| it.starts_with("\"old\"")) {
        let end = line.rfind(' ').expect("a value");
        line.replace_range(end.., " AGE");
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    "quiet" "bad" "orders" "0"
    "unread" "warn" "billing" "15"
    "old" "warn" "billing" AGE
    "size" "ok" null null
    "down" "ok" null null
    "urp" "ok" null null
    "#);
    let well = watched.rules(&LAG.replace("10", "1000"));
    insta::assert_snapshot!(watched.operator.ok(&format!("alerts check {well}")), @"
    LEVEL  RULE    KIND  SUBJECT  VALUE  LIMIT
    ok     unread  lag   -            -      -
    ");
}

#[test]
fn a_file_that_is_wrong_is_refused_with_its_line() {
    let operator = Operator::at("127.0.0.1:1");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("alerts.toml");
    let name = path.to_str().expect("the path is text");
    for verb in ["check", "run", "test"] {
        fs::write(&path, "[[rule]]\nname = \"a\"\nkind = \"lga\"\n").expect("written");
        let said = command::fails(&operator, &["alerts", verb, name], "", 2);
        let said = said.replace(name, "FILE");
        assert_eq!(
            said,
            "error: FILE: line 3: kind: \"lga\" is none of lag, time-lag, broker-down, \
             under-replicated, topic-size, produce-rate, disk\nhint: did you mean \"lag\"?\n"
        );
        fs::remove_file(&path).expect("removed");
        let said = command::fails(&operator, &["alerts", verb, name], "", 5);
        assert!(said.contains("does not exist"), "{said}");
    }
    fs::write(&path, "[target.ops]\nbell = true\n").expect("written");
    command::fails(&operator, &["alerts", "check", name], "", 2);
    let said = command::fails(&operator, &["alerts", "test", name, "--target", "osp"], "", 5);
    assert!(said.contains("did you mean \"ops\"?"), "{said}");
    fs::write(&path, LAG).expect("written");
    command::fails(&operator, &["alerts", "check", name, "--timeout", "1s"], "", 6);
    command::fails(&operator, &["alerts", "test", name], "", 2);
}

#[test]
fn test_tells_each_target_and_says_how_it_went() {
    let operator = Operator::at("127.0.0.1:1");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let told = folder.path().join("told");
    let script = format!("cat > '{0}'; echo \" $KT_ALERT_STATE\" >> '{0}'", told.display());
    let (url, posts) = hook();
    let rules = folder.path().join("alerts.toml");
    let text = format!(
        "[target.hook]\nwebhook = \"{url}\"\n[target.nobody]\nwebhook = \"http://127.0.0.1:1/\"\n\
         [target.program]\ncommand = [\"/bin/sh\", \"-c\", \"{}\"]\n",
        script.replace('"', "\\\"")
    );
    fs::write(&rules, text).expect("written");
    let name = rules.to_str().expect("the path is text");
    let said = command::run(&operator, &["alerts", "test", name], b"");
    assert_eq!(said.status.code(), Some(3));
    insta::assert_snapshot!(String::from_utf8_lossy(&said.stdout), @"
    TARGET   WAY      DELIVERED
    hook     webhook  yes
    nobody   webhook  -
    program  command  yes
    ");
    insta::assert_snapshot!(command::stderr(&said), @r#"error: target "nobody" was not told: 127.0.0.1: Connection refused (os error 111)"#);
    let post = posts.recv_timeout(SOON).expect("the webhook was called");
    assert_eq!(post["items"][0]["state"], "test");
    assert!(fs::read_to_string(&told).expect("the program ran").ends_with(" test\n"));
    command::fails(&operator, &["alerts", "test", name, "--target", "nobody"], "", 1);
    command::ok(&operator, &["alerts", "test", name, "--target", "program"], "");
}

#[test]
fn run_tells_what_begins_and_what_is_over_and_reads_its_file_again() {
    let watched = Watched::start();
    let (url, posts) = hook();
    let told = watched.path("told");
    let with_targets = format!(
        "{LAG}send = [\"hook\", \"program\"]\n[target.hook]\nwebhook = \"{url}\"\n\
         [target.program]\ncommand = [\"/usr/bin/tee\", \"{}\"]\nresolved = false\n",
        told.display()
    );
    let rules = watched.rules(&with_targets);
    let mut running = Running::start(&watched.operator, &rules);
    let fired = running.next();
    assert_eq!(fired["text"], "unread fired: billing 15");
    assert_eq!((&fired["level"], &fired["kind"]), (&"warn".into(), &"lag".into()));
    let post = posts.recv_timeout(SOON).expect("the webhook was called");
    assert_eq!(post["kind"], "alerts.run");
    assert_eq!(post["items"][0], fired);
    // A broken file changes nothing, a good one adds a rule.
    fs::write(Path::new(&rules), "rule").expect("written");
    command::signal(&running.process, "HUP");
    running.says("the old rules stay");
    let more = "[[rule]]\nname = \"more\"\nkind = \"lag\"\nbad = 12\n";
    fs::write(Path::new(&rules), format!("{more}{with_targets}")).expect("written");
    command::signal(&running.process, "HUP");
    assert_eq!(running.next()["text"], "more fired: billing 15");
    watched.operator.ok("consume orders -g billing -c 15");
    let mut over = [running.next(), running.next()].map(|it| it["text"].to_string());
    over.sort();
    assert_eq!(over, ["\"more resolved: billing\"", "\"unread resolved: billing\""]);
    let post = posts.recv_timeout(SOON).expect("the webhook was called");
    assert_eq!(post["items"][0]["state"], "resolved");
    let document: Value = serde_json::from_slice(&fs::read(&told).expect("told")).expect("json");
    assert_eq!(document["items"][0], fired);
    command::signal(&running.process, "TERM");
    assert_eq!(running.process.wait().expect("it ends").code(), Some(143));
}

#[test]
fn a_cluster_that_is_lost_fires_at_once() {
    let mut broker = Broker::start();
    let operator = Operator::at(&broker.address());
    let folder = tempfile::tempdir().expect("a folder can be made");
    let rules = folder.path().join("alerts.toml");
    let text =
        "[[rule]]\nname = \"down\"\nkind = \"broker-down\"\n[checks]\nonly = [\"brokers\"]\n";
    fs::write(&rules, text).expect("written");
    let mut running = Running::start(&operator, rules.to_str().expect("the path is text"));
    running.says("watching");
    broker.kill();
    running.says("no broker answers");
    let mut fired = [running.next(), running.next()].map(|it| it["text"].to_string());
    fired.sort();
    assert_eq!(fired, ["\"brokers fired: all 1 silent\"", "\"down fired: broker 1 down\""]);
    command::signal(&running.process, "INT");
    assert_eq!(running.process.wait().expect("it ends").code(), Some(130));
}

#[test]
fn what_cannot_be_printed_is_told_all_the_same() {
    let watched = Watched::start();
    let told = watched.path("told");
    let made = std::process::Command::new("mkfifo").arg(&told).status();
    assert!(made.expect("mkfifo runs").success());
    let program = format!("command = [\"/bin/sh\", \"-c\", \"cat > {}\"]", told.display());
    let rules = watched.rules(&format!("{LAG}send = [\"program\"]\n[target.program]\n{program}\n"));
    // A disk that is full; and a reader that has gone.
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").expect("a device"));
    for stdout in [full(), closed_pipe()] {
        let mut process = watched
            .operator
            .command(&["alerts", "run", &rules])
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .expect("kt runs");
        let said = read(process.stderr.take().expect("stderr is piped"));
        let (sender, read_whole) = channel();
        let pipe = told.clone();
        std::thread::spawn(move || drop(sender.send(fs::read(pipe))));
        let document = read_whole.recv_timeout(SOON).expect("the target is told").expect("a pipe");
        let document: Value = serde_json::from_slice(&document).expect("json");
        assert_eq!(document["items"][0]["text"], "unread fired: billing 15");
        let warned = said.iter().find(|it| it.contains("watching on")).expect("it is said");
        assert!(warned.starts_with("warning: "), "{warned}");
        command::signal(&process, "TERM");
        assert_eq!(process.wait().expect("it ends").code(), Some(143));
    }
    // Where nobody else is told, the reader that has gone is the end.
    let rules = watched.rules(LAG);
    let mut alone = watched.operator.command(&["alerts", "run", &rules]);
    let status = alone.stdin(Stdio::null()).stdout(closed_pipe()).stderr(Stdio::null()).status();
    assert_eq!(status.expect("kt runs").code(), Some(0));
}

/// A pipe that nobody reads.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe can be had");
    drop(reader);
    writer.into()
}

#[test]
fn ctrl_c_takes_along_the_program_that_a_test_has_started() {
    let operator = Operator::at("127.0.0.1:1");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let held = folder.path().join("held");
    let made = std::process::Command::new("mkfifo").arg(&held).status();
    assert!(made.expect("mkfifo runs").success());
    let rules = folder.path().join("alerts.toml");
    let script = format!("exec 3> {}; sleep 600", held.display());
    let text =
        format!("[target.page]\ncommand = [\"/bin/sh\", \"-c\", \"{script}\"]\ntimeout = \"5m\"\n");
    fs::write(&rules, text).expect("written");
    let name = rules.to_str().expect("the path is text");
    let mut process =
        command::command(&operator, &["alerts", "test", name]).spawn().expect("kt runs");
    let (sender, ended) = channel();
    std::thread::spawn(move || {
        // Opened once the program is there, and read to the end once nobody holds it any more.
        let mut file = fs::File::open(held).expect("a pipe");
        sender.send(1).expect("the test runs");
        sender.send(file.read_to_end(&mut Vec::new()).expect("a pipe")).expect("the test runs");
    });
    assert_eq!(ended.recv_timeout(SOON).expect("the program runs"), 1);
    command::signal(&process, "INT");
    assert_eq!(process.wait().expect("it ends").code(), Some(130));
    assert_eq!(ended.recv_timeout(SOON).expect("the program is killed"), 0);
}

/// A listener that answers each POST, and gives its document.
fn hook() -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/kt", listener.local_addr().expect("an address"));
    let (sender, posts) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a connection"));
            let mut length = 0;
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).expect("a header");
                if let Some(it) = line.to_lowercase().strip_prefix("content-length:") {
                    length = it.trim().parse().expect("a length");
                }
                if line == "\r\n" {
                    break;
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).expect("a body");
            let _ = stream.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
            if sender.send(serde_json::from_slice(&body).expect("json")).is_err() {
                return;
            }
        }
    });
    (url, posts)
}

/// A running `kt alerts run`. Dropping it kills it.
struct Running {
    process: Child,
    lines: Receiver<String>,
    notes: Receiver<String>,
}

impl Running {
    fn start(operator: &Operator, rules: &str) -> Running {
        let mut process = operator
            .command(&["alerts", "run", rules, "-o", "jsonl", "--timeout", "2s"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kt runs");
        let stdout: ChildStdout = process.stdout.take().expect("stdout is piped");
        let stderr = process.stderr.take().expect("stderr is piped");
        Running { process, lines: read(stdout), notes: read(stderr) }
    }

    /// The next thing that happens.
    fn next(&mut self) -> Value {
        let line = self.lines.recv_timeout(SOON).expect("something happens");
        serde_json::from_str(&line).expect("a line of json")
    }

    fn says(&mut self, text: &str) {
        while !self.notes.recv_timeout(SOON).expect("something is said").contains(text) {}
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn read(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
