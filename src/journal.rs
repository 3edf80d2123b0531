//! The journal of changes: what was done to which cluster, and the command that takes it back.
//!
//! One JSON object a line in `$XDG_STATE_HOME/kt/journal.jsonl`, readable by its owner only.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use crate::session::Session;

#[derive(Debug, Serialize)]
struct Entry<'a> {
    time: String,
    cluster_id: Option<String>,
    /// The words of the command line, without the program.
    command: Vec<String>,
    /// The words that undo it; null where nothing can.
    undo: Option<&'a [&'a str]>,
}

/// Notes a change that was made. A journal that cannot be written is a warning: the change is made.
pub(crate) fn record(session: &Session, cluster_id: Option<String>, undo: Option<&[&str]>) {
    let Some(path) = path(|name| std::env::var_os(name).map(PathBuf::from)) else { return };
    let entry = Entry {
        time: Timestamp::now().to_string(),
        cluster_id,
        command: std::env::args().skip(1).collect(),
        undo,
    };
    if let Err(error) = append(&path, &entry) {
        session.warn(&format!("the change is not in the journal {}: {error}", path.display()));
    }
}

/// Where state is kept (XDG base directories); `None` for a user without a home.
fn path(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    // A relative path there is to be ignored, says the specification.
    let state = variable("XDG_STATE_HOME").filter(|it| it.is_absolute());
    let state = state.or_else(|| Some(variable("HOME")?.join(".local/state")))?;
    Some(state.join("kt/journal.jsonl"))
}

fn append(path: &Path, entry: &Entry<'_>) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    // One write, so that lines of commands that run at once do not mix.
    file.write_all(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn lines_are_appended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kt/journal.jsonl");
        let entry = |undo| Entry {
            time: "2026-11-21T01:14:07Z".to_owned(),
            cluster_id: None,
            command: vec!["topics".to_owned()],
            undo,
        };
        append(&path, &entry(Some(&["topics", "delete", "a"]))).unwrap();
        append(&path, &entry(None)).unwrap();
        insta::assert_snapshot!(fs::read_to_string(&path).unwrap(), @r#"
        {"time":"2026-11-21T01:14:07Z","cluster_id":null,"command":["topics"],"undo":["topics","delete","a"]}
        {"time":"2026-11-21T01:14:07Z","cluster_id":null,"command":["topics"],"undo":null}
        "#);
    }
}
