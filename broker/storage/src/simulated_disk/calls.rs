//! The calls a simulated disk was asked for: counted, remembered, and made to fail by plan.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::path::{Path, PathBuf};

use super::Fault;

/// How many calls are remembered for reading a failure.
const REMEMBERED_CALLS: usize = 512;

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// [`crate::Disk::open`] of what is there.
    Open,
    /// [`crate::Disk::open`] that makes a file.
    Create,
    /// [`crate::Disk::list`].
    List,
    /// [`crate::Disk::exists`].
    Exists,
    /// [`crate::Disk::create_directory`] that makes one.
    CreateDirectory,
    /// [`crate::Disk::rename`].
    Rename,
    /// [`crate::Disk::remove_file`].
    RemoveFile,
    /// [`crate::Disk::remove_directory`].
    RemoveDirectory,
    /// [`crate::Disk::sync_directory`].
    SyncDirectory,
    /// [`crate::Disk::sync_file_system`].
    SyncFileSystem,
    /// [`crate::Disk::space`].
    Space,
    /// [`crate::File::len`].
    Length,
    /// [`crate::File::read_at`].
    Read,
    /// [`crate::File::write_at`].
    Write,
    /// [`crate::File::set_len`].
    SetLength,
    /// [`crate::File::sync`].
    Sync,
}

impl Call {
    /// Its name in errors, as the real disk says it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Call::Open | Call::Create => "open",
            Call::List => "list",
            Call::Exists | Call::Length => "stat",
            Call::CreateDirectory => "create directory",
            Call::Rename => "rename",
            Call::RemoveFile => "remove",
            Call::RemoveDirectory => "remove directory",
            Call::SyncDirectory => "sync directory",
            Call::SyncFileSystem => "sync file system",
            Call::Space => "ask for space",
            Call::Read => "read",
            Call::Write => "write",
            Call::SetLength => "set length",
            Call::Sync => "sync",
        }
    }

    /// Whether a crash before it differs from a crash after it.
    pub fn is_change(self) -> bool {
        !matches!(
            self,
            Call::Open | Call::List | Call::Exists | Call::Space | Call::Length | Call::Read
        )
    }
}

/// One remembered call.
struct Remembered {
    call: Call,
    path: PathBuf,
    at: Option<(u64, u64)>,
}

impl fmt::Display for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.call.name(), self.path.display())?;
        match self.at {
            Some((position, length)) => write!(f, " {position}+{length}"),
            None => Ok(()),
        }
    }
}

/// What the plan says of a call.
pub(super) enum Outcome {
    Done,
    Fault(Fault),
    /// The machine goes down in the middle of this call.
    Crash,
}

/// Counts, memory and plan.
#[derive(Default)]
pub(super) struct Calls {
    changes: u64,
    crash_after: Option<u64>,
    counts: BTreeMap<Call, u64>,
    faults: BTreeMap<(Call, u64), Fault>,
    remembered: VecDeque<Remembered>,
}

impl Calls {
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    pub(super) fn count(&self, call: Call) -> u64 {
        self.counts.get(&call).copied().unwrap_or(0)
    }

    pub(super) fn crash_after(&mut self, changes: u64) {
        self.crash_after = Some(self.changes + changes);
    }

    pub(super) fn fail(&mut self, call: Call, nth: u64, fault: Fault) {
        assert!(0 < nth, "the next call is the first");
        self.faults.insert((call, self.count(call) + nth), fault);
    }

    pub(super) fn forget_plan(&mut self) {
        self.crash_after = None;
        self.faults.clear();
    }

    pub(super) fn remembered(&self) -> Vec<String> {
        self.remembered.iter().map(Remembered::to_string).collect()
    }

    pub(super) fn begin(&mut self, call: Call, path: &Path, at: Option<(u64, u64)>) -> Outcome {
        if self.remembered.len() == REMEMBERED_CALLS {
            self.remembered.pop_front();
        }
        self.remembered.push_back(Remembered { call, path: path.to_owned(), at });
        if call.is_change() {
            if self.crash_after == Some(self.changes) {
                return Outcome::Crash;
            }
            self.changes += 1;
        }
        let count = self.counts.entry(call).or_default();
        *count += 1;
        match self.faults.remove(&(call, *count)) {
            Some(fault) => Outcome::Fault(fault),
            None => Outcome::Done,
        }
    }
}
