//! Somebody who types `kt` lines at one broker: what they read, with ids and times made alike.

use std::process::{Command, Output, Stdio};

use regex::Regex;

use super::Broker;
use super::broker::kt;
use super::{command, terminal};

/// All formats of `--output`.
const FORMATS: [&str; 9] =
    ["table", "wide", "json", "jsonl", "yaml", "csv", "tsv", "name", "kafka"];

/// A broker, and a journal of changes that is nobody else's.
pub(crate) struct Operator {
    address: String,
    state: tempfile::TempDir,
    /// Ends with the operator, if it was started for them.
    _broker: Option<Broker>,
}

impl Operator {
    /// With a new broker.
    pub(crate) fn start() -> Operator {
        let broker = Broker::start();
        let operator = Operator::at(&broker.address());
        Operator { _broker: Some(broker), ..operator }
    }

    /// With a broker that runs already.
    pub(crate) fn at(address: &str) -> Operator {
        let state = tempfile::tempdir().expect("a temporary directory can be made");
        Operator { address: address.to_owned(), state, _broker: None }
    }

    /// `HOST:PORT` for clients.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Runs one line, whose words are parted by spaces, off a terminal and without input.
    pub(crate) fn output(&self, line: &str) -> Output {
        self.line(line).stdin(Stdio::null()).output().expect("kt runs")
    }

    /// `kt` with these words behind it.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = kt();
        command
            .env("KT_BOOTSTRAP", &self.address)
            .env("XDG_CONFIG_HOME", self.state.path())
            .env("XDG_STATE_HOME", self.state.path())
            .env("TZ", "UTC")
            .env("NO_COLOR", "1")
            .args(words);
        command
    }

    fn line(&self, line: &str) -> Command {
        self.command(&line.split(' ').collect::<Vec<_>>())
    }

    /// Runs a line on a terminal, and types `answer` when `prompt` is shown.
    pub(crate) fn answer(&self, line: &str, prompt: &str, answer: &str) -> String {
        let seen = terminal::answer(&mut self.line(line), prompt, answer);
        let code = match seen.code {
            Some(0) => String::new(),
            code => format!("exit {}\n", code.expect("an exit code")),
        };
        self.normalized(&format!("$ kt {line}\n{}{code}", seen.text))
    }

    /// The line, what it wrote, and its exit code if it is not 0.
    pub(crate) fn run(&self, line: &str) -> String {
        let output = self.output(line);
        let mut text = format!("$ kt {line}\n");
        for stream in [&output.stdout, &output.stderr] {
            text.push_str(&String::from_utf8_lossy(stream));
        }
        match output.status.code() {
            Some(0) => {}
            code => text.push_str(&format!("exit {}\n", code.expect("an exit code"))),
        }
        self.normalized(&text)
    }

    /// Several lines, one after the other.
    pub(crate) fn run_all(&self, lines: &[&str]) -> String {
        lines.iter().map(|line| self.run(line)).collect()
    }

    /// A line that must succeed; what it wrote to stdout, as it came.
    pub(crate) fn ok(&self, line: &str) -> String {
        let output = self.output(line);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "kt {line}: {stderr}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Writes a record for each line.
    pub(crate) fn produce(&self, topic: &str, partition: i32, lines: &str) {
        self.produce_with(topic, partition, "", lines);
    }

    /// The same, with the time that records say they were created at.
    pub(crate) fn produce_at(&self, topic: &str, partition: i32, time: &str, lines: &str) {
        self.produce_with(topic, partition, &format!("--timestamp {time}"), lines);
    }

    fn produce_with(&self, topic: &str, partition: i32, words: &str, lines: &str) {
        let path = self.state.path().join("lines");
        std::fs::write(&path, lines).expect("a file can be written");
        let path = path.to_str().expect("the path is text");
        self.ok(format!("produce {topic} -p {partition} --file {path} {words}").trim_end());
    }

    /// The journal's file.
    pub(crate) fn journal(&self) -> std::path::PathBuf {
        self.state.path().join("kt/journal.jsonl")
    }

    /// What a line writes to stdout in every format; to stderr too where it has no such format.
    pub(crate) fn every_format(&self, line: &str) -> String {
        self.every_format_of(line, "")
    }

    /// The same of a line that reads this.
    pub(crate) fn every_format_of(&self, line: &str, input: &str) -> String {
        let mut text = String::new();
        for format in FORMATS {
            let all = format!("{line} -o {format}");
            let words: Vec<&str> = all.split(' ').collect();
            let output = command::run(self, &words, input.as_bytes());
            text.push_str(&format!("$ kt {all}\n"));
            text.push_str(&String::from_utf8_lossy(&output.stdout));
            if format == "kafka" || output.status.code() == Some(2) {
                text.push_str(&String::from_utf8_lossy(&output.stderr));
            }
        }
        self.normalized(&text)
    }

    fn normalized(&self, text: &str) -> String {
        let text = text.replace(&self.address, "HOST:PORT");
        let text = text.replace(self.state.path().to_str().expect("the path is text"), "HOME");
        let time = Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)");
        let text = time.expect("a pattern").replace_all(&text, "TIME");
        // Ids of topics and clusters: 16 bytes in base64. Padding differs with them in tables.
        let id = Regex::new(r"(^|[^\w-])([\w-]{22})($|[^\w-])").expect("a pattern");
        let text = id.replace_all(&text, |it: &regex::Captures<'_>| {
            let word = &it[2];
            let is_word = word.chars().all(|it| it.is_ascii_lowercase() || it == '_')
                || word.chars().all(|it| it.is_ascii_uppercase() || it == '_');
            let shown = if is_word { word } else { "ID" };
            format!("{}{shown}{}", &it[1], &it[3])
        });
        text.into_owned()
    }
}
