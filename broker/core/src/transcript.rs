//! Tests written as conversations: what is said to a machine, and all that it answers.
//!
//! ```text
//! # A comment narrates.
//! command with=arguments
//! ----
//! what the machine answers, to the last line
//!
//! next-command
//! ----
//! ```
//!
//! `UPDATE_TRANSCRIPTS=1 cargo test` writes the answers anew; the difference is then to be read as
//! a change of behaviour.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

/// One command: its name, its words, and its `key=value` arguments.
pub(crate) struct Command<'a> {
    pub(crate) name: &'a str,
    pub(crate) words: Vec<&'a str>,
    arguments: BTreeMap<&'a str, &'a str>,
}

impl<'a> Command<'a> {
    pub(crate) fn parse(line: &'a str) -> Command<'a> {
        let mut parts = line.split_whitespace();
        let name = parts.next().expect("a command is not empty");
        let (arguments, words): (Vec<&str>, Vec<&str>) = parts.partition(|it| it.contains('='));
        let arguments = arguments.iter().filter_map(|it| it.split_once('=')).collect();
        Command { name, words, arguments }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a str> {
        self.arguments.get(key).copied()
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        let text = self.get(key)?;
        Some(text.parse().unwrap_or_else(|_| panic!("{key}={text} is not a number")))
    }

    pub(crate) fn list(&self, key: &str, separator: char) -> Vec<&'a str> {
        self.get(key).into_iter().flat_map(|it| it.split(separator)).collect()
    }

    pub(crate) fn has(&self, word: &str) -> bool {
        self.words.contains(&word)
    }
}

/// Runs the transcript `tests/PATH` against `machine`, which answers each command.
#[expect(clippy::disallowed_methods, reason = "a test updates its own expectations")]
pub(crate) fn run(path: &str, text: &str, mut machine: impl FnMut(&Command<'_>) -> String) {
    let mut actual = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        _ = writeln!(actual, "{line}");
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // What follows is the answer of last time; a new command has none yet.
        lines.by_ref().take_while(|it| !it.is_empty()).for_each(drop);
        let answer = machine(&Command::parse(line));
        let answer = if answer.is_empty() { "nothing" } else { answer.trim_end() };
        _ = writeln!(actual, "----\n{answer}\n");
    }
    let actual = format!("{}\n", actual.trim_end());
    if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(path);
        std::fs::write(file, actual).expect("the transcript can be written");
        return;
    }
    assert!(actual == text, "{path} differs; with UPDATE_TRANSCRIPTS=1 it becomes:\n{actual}");
}
