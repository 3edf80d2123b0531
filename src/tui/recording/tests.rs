//! Recordings made and played: what is in them, what is wrong with them, and what they show.

mod files;
mod kinds;
mod naming;
mod replays;
mod size;

use std::path::{Path, PathBuf};

use kt_protocol::types::{Millis, Now, Timestamp};

use super::line::{Entry, Header};
use super::reader::{Ending, ReadError, open};
use super::writer::{Naming, NewFile, Recording, record};

/// Half a minute past 15:00 in the zone of the tests.
const WALL: i64 = 1_795_269_630_000;

fn header() -> Header {
    let began = jiff::Timestamp::from_millisecond(WALL).unwrap();
    Header::new(began, "zq-context".to_owned(), " --context zq-context".to_owned(), true)
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A recording in this directory, and its file.
fn begun(directory: &tempfile::TempDir, naming: Naming) -> (Recording, PathBuf) {
    let file = directory.path().join("a.kt");
    (record(NewFile::create(&file).unwrap(), header(), naming).unwrap(), file)
}

/// Takes entries into a recording, as an asker would.
fn keep(recording: &Recording, entries: &[Entry]) {
    for it in entries {
        let line = recording.recorder.line(&it.question(), &it.said, it.took);
        recording.recorder.keep(line, || it.at);
    }
}

/// All that is in a recording, and how it ends.
fn all(file: &Path) -> Result<(Header, Vec<Entry>, Ending), ReadError> {
    let (header, mut reader) = open(file)?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next()? {
        entries.push(entry);
    }
    Ok((header, entries, reader.ending()))
}

fn at(ms: u64) -> Now {
    Now { monotonic: Millis(ms), wall: Timestamp(WALL + i64::try_from(ms).unwrap()) }
}
