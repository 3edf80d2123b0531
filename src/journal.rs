//! The journal of changes: what was done to which cluster, and what takes it back.
//!
//! One JSON object a line in `$XDG_STATE_HOME/kt/journal.jsonl`, readable by its owner only. The
//! number of a change is the number of its line; nothing is ever rewritten. Secrets are not in it.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::session::Session;
use crate::shell_words::quoted;

/// What stands for a secret.
pub(crate) const HIDDEN: &str = "(hidden)";

/// A change that was made.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    pub(crate) time: Timestamp,
    pub(crate) cluster_id: Option<String>,
    /// The words of the command line, without the program and without secrets.
    pub(crate) command: Vec<String>,
    /// What takes it back, in the order of doing; none where nothing can.
    #[serde(default)]
    pub(crate) inverse: Vec<Step>,
    /// What stays of it all the same.
    #[serde(default)]
    pub(crate) lasting: Option<String>,
    /// The number of the change that this one took back.
    #[serde(default)]
    pub(crate) undoes: Option<usize>,
}

/// One step of an inverse, with what the change left: only that is taken back.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(crate) enum Step {
    /// Deletes a topic that was created, while it is empty.
    DeleteTopic {
        name: String,
        /// Tells it from a later topic of that name.
        topic_id: Option<String>,
    },
    /// Gives configs of one entity the values that they had.
    RestoreConfigs {
        /// `topic/orders`.
        entity: String,
        keys: Vec<KeyState>,
    },
    /// Gives a group the committed offsets that it had.
    RestoreOffsets { group: String, partitions: Vec<OffsetState> },
}

/// A committed offset before and after a change. `None` is "no commit".
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct OffsetState {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) was: Option<i64>,
    pub(crate) left: Option<i64>,
    /// Beside the offset that was.
    #[serde(default)]
    pub(crate) leader_epoch: Option<i32>,
    #[serde(default)]
    pub(crate) metadata: String,
}

/// A config before and after a change. `None` is "not set on the entity".
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct KeyState {
    pub(crate) key: String,
    pub(crate) was: Option<String>,
    pub(crate) left: Option<String>,
    /// What counted before while it was not set, if that was told.
    pub(crate) inherited: Option<String>,
}

impl Entry {
    /// The line that made the change, as a shell takes it.
    pub(crate) fn line(&self) -> String {
        let words = self.command.iter().map(|word| quoted(word));
        let line: Vec<String> = std::iter::once("kt".to_owned()).chain(words).collect();
        line.join(" ")
    }
}

impl Step {
    /// The `kt` line that does the same without looking at the present state.
    pub(crate) fn line(&self) -> String {
        match self {
            Step::DeleteTopic { name, .. } => format!("kt topics delete {}", quoted(name)),
            Step::RestoreConfigs { entity, keys } => {
                let mut line = format!("kt configs alter {}", quoted(entity));
                for KeyState { key, was, .. } in keys {
                    match was {
                        Some(value) => {
                            line.push_str(&format!(" --set {}", quoted(&format!("{key}={value}"))));
                        }
                        None => line.push_str(&format!(" --unset {}", quoted(key))),
                    }
                }
                line
            }
            Step::RestoreOffsets { group, partitions } => restoring_lines(group, partitions),
        }
    }
}

/// A line for each offset that is restored, and one for the commits that go.
fn restoring_lines(group: &str, partitions: &[OffsetState]) -> String {
    let group = quoted(group);
    let mut by_offset: BTreeMap<Option<i64>, Vec<String>> = BTreeMap::new();
    for it in partitions {
        let topic = quoted(&format!("{}:{}", it.topic, it.partition));
        by_offset.entry(it.was).or_default().push(format!("-t {topic}"));
    }
    let line = |(offset, topics): (Option<i64>, Vec<String>)| {
        let topics = topics.join(" ");
        match offset {
            Some(offset) => format!("kt groups reset {group} {topics} --to {offset}"),
            None => format!("kt groups delete-offsets {group} {topics}"),
        }
    };
    by_offset.into_iter().map(line).collect::<Vec<_>>().join(" && ")
}

/// What a command tells of the change it made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Made {
    pub(crate) cluster_id: Option<String>,
    pub(crate) inverse: Vec<Step>,
    /// What no undo takes back.
    pub(crate) lasting: Option<String>,
    /// Config keys whose values must not be written down.
    pub(crate) secret_keys: Vec<String>,
    /// The number of the change that it took back.
    pub(crate) undoes: Option<usize>,
}

/// Notes a change that was made, and says how to take it back. A journal that cannot be written is
/// a warning: the change is made.
pub(crate) fn record(session: &Session, made: Made) {
    let Some(path) = path_for(session) else { return };
    let words = session.command_words().into_iter();
    let entry = Entry {
        time: Timestamp::now(),
        cluster_id: made.cluster_id,
        command: words.map(|word| without_secrets(word, &made.secret_keys)).collect(),
        inverse: made.inverse,
        lasting: made.lasting,
        undoes: made.undoes,
    };
    match append(&path, &entry) {
        Ok(number) if !entry.inverse.is_empty() => session.say_undo(number),
        Ok(_) => {}
        Err(error) => {
            session.warn(&format!("the change is not in the journal {}: {error}", path.display()));
        }
    }
}

/// All changes, the oldest first, each with its number. A line that cannot be read has a number
/// and no entry.
pub(crate) fn read(session: &Session) -> Result<Vec<(usize, Option<Entry>)>, CliError> {
    match path_for(session) {
        Some(path) => read_at(&path).map_err(|error| {
            CliError::other(format!("cannot read the journal {}: {error}", path.display()))
        }),
        None => Ok(Vec::new()),
    }
}

/// The number that the next change will have; `path` if not where the user's journal is.
pub(crate) fn next_number(path: Option<PathBuf>) -> Option<usize> {
    let entries = read_at(&path.or_else(path_of_user)?).ok()?;
    Some(entries.len() + 1)
}

/// The change that took back the one of that number, unless that was taken back itself.
pub(crate) fn undone_by(entries: &[(usize, Option<Entry>)], number: usize) -> Option<usize> {
    let takes_back =
        |(_, it): &&(usize, Option<Entry>)| it.as_ref().is_some_and(|it| it.undoes == Some(number));
    // Later lines only: a line cannot take back what comes after it, so this ends.
    let later = entries.iter().filter(|it| number < it.0).filter(takes_back);
    later.map(|it| it.0).rfind(|it| undone_by(entries, *it).is_none())
}

fn read_at(path: &Path) -> io::Result<Vec<(usize, Option<Entry>)>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    Ok((1..).zip(text.lines().map(|line| serde_json::from_str(line).ok())).collect())
}

/// Where the journal is; a host may have it elsewhere than its user.
fn path_for(session: &Session) -> Option<PathBuf> {
    match session.host().and_then(|it| it.journal()) {
        Some(path) => Some(path),
        None => path_of_user(),
    }
}

fn path_of_user() -> Option<PathBuf> {
    path(|name| std::env::var_os(name).map(PathBuf::from))
}

/// Where state is kept (XDG base directories); `None` for a user without a home.
fn path(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    // A relative path there is to be ignored, says the specification.
    let state = variable("XDG_STATE_HOME").filter(|it| it.is_absolute());
    let state = state.or_else(|| Some(variable("HOME")?.join(".local/state")))?;
    Some(state.join("kt/journal.jsonl"))
}

/// `KEY=VALUE` with a secret key, also behind `--set=`, keeps the key only.
fn without_secrets(word: String, secret_keys: &[String]) -> String {
    for key in secret_keys {
        let setting = format!("{key}=");
        if let Some(at) = word.find(&setting) {
            return format!("{}{setting}{HIDDEN}", &word[..at]);
        }
    }
    word
}

/// Appends a line; gives its number.
fn append(path: &Path, entry: &Entry) -> io::Result<usize> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    // One write, so that lines of commands that run at once do not mix.
    file.write_all(&line)?;
    let end = usize::try_from(file.stream_position()?).unwrap_or(usize::MAX);
    let bytes = fs::read(path)?;
    Ok(bytes.iter().take(end).filter(|it| **it == b'\n').count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(undoes: Option<usize>) -> Entry {
        Entry {
            time: "2026-11-21T01:14:07Z".parse().unwrap(),
            cluster_id: Some("MkU3OEVBNTcwNTJENDM2Qk".to_owned()),
            command: vec!["topics".to_owned()],
            inverse: vec![Step::DeleteTopic { name: "a".to_owned(), topic_id: None }],
            lasting: None,
            undoes,
        }
    }

    #[test]
    fn state_goes_where_the_user_says_else_home() {
        let at = |state: Option<&str>, home: Option<&str>| {
            path(|name| match name {
                "XDG_STATE_HOME" => state.map(PathBuf::from),
                _ => home.map(PathBuf::from),
            })
        };
        assert_eq!(at(Some("/s"), Some("/h")).unwrap(), Path::new("/s/kt/journal.jsonl"));
        let home = Path::new("/h/.local/state/kt/journal.jsonl");
        assert_eq!(at(Some("relative"), Some("/h")).unwrap(), home);
        assert_eq!(at(None, None), None);
    }

    #[test]
    fn lines_are_appended_and_numbered_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kt/journal.jsonl");
        assert_eq!(read_at(&path).unwrap(), []);
        assert_eq!(append(&path, &entry(None)).unwrap(), 1);
        fs::write(&path, format!("{}torn\n", fs::read_to_string(&path).unwrap())).unwrap();
        assert_eq!(append(&path, &entry(Some(1))).unwrap(), 3);
        insta::assert_snapshot!(fs::read_to_string(&path).unwrap(), @r#"
        {"time":"2026-11-21T01:14:07Z","cluster_id":"MkU3OEVBNTcwNTJENDM2Qk","command":["topics"],"inverse":[{"step":"delete_topic","name":"a","topic_id":null}],"lasting":null,"undoes":null}
        torn
        {"time":"2026-11-21T01:14:07Z","cluster_id":"MkU3OEVBNTcwNTJENDM2Qk","command":["topics"],"inverse":[{"step":"delete_topic","name":"a","topic_id":null}],"lasting":null,"undoes":1}
        "#);
        let all = read_at(&path).unwrap();
        assert_eq!(all, [(1, Some(entry(None))), (2, None), (3, Some(entry(Some(1))))]);
    }

    #[test]
    fn what_was_taken_back_can_come_back() {
        let first = (1, Some(entry(None)));
        assert_eq!(undone_by(std::slice::from_ref(&first), 1), None);
        let undone = [first.clone(), (2, Some(entry(Some(1))))];
        assert_eq!(undone_by(&undone, 1), Some(2));
        let redone = [undone[0].clone(), undone[1].clone(), (3, Some(entry(Some(2))))];
        assert_eq!(undone_by(&redone, 1), None);
        assert_eq!(undone_by(&redone, 2), Some(3));
    }

    #[test]
    fn secrets_are_not_written_down() {
        let keys = ["ssl.key.password".to_owned()];
        let shown = |word: &str| without_secrets(word.to_owned(), &keys);
        assert_eq!(shown("ssl.key.password=hunter2"), "ssl.key.password=(hidden)");
        assert_eq!(shown("--set=ssl.key.password=hunter2"), "--set=ssl.key.password=(hidden)");
        assert_eq!(shown("retention.ms=5"), "retention.ms=5");
    }

    #[test]
    fn steps_are_lines_that_a_shell_takes() {
        let key = |key: &str, was: Option<&str>| KeyState {
            key: key.to_owned(),
            was: was.map(str::to_owned),
            left: None,
            inherited: None,
        };
        let step = Step::RestoreConfigs {
            entity: "topic/orders".to_owned(),
            keys: vec![key("retention.ms", Some("9")), key("a", Some("b c")), key("d", None)],
        };
        insta::assert_snapshot!(step.line(), @"kt configs alter topic/orders --set retention.ms=9 --set 'a=b c' --unset d");
    }
}
