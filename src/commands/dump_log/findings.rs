//! What is wrong with the files, said at once and counted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kt_storage::inspect::IndexFault;

use crate::error::{CliError, Kind};
use crate::output::ItemError;
use crate::session::Session;

/// So many are kept for the envelope: a file may be damaged all over.
const KEPT_MAX: usize = 1000;

/// All that was found so far.
pub(super) struct Findings<'a> {
    session: &'a Session,
    strict: bool,
    damaged: u64,
    errors: Vec<ItemError>,
    /// Entries of indexes by which something was looked for.
    lies: BTreeSet<(PathBuf, u64)>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(session: &'a Session, strict: bool) -> Findings<'a> {
        Findings { session, strict, damaged: 0, errors: Vec::new(), lies: BTreeSet::new() }
    }

    /// Bytes that should be otherwise.
    pub(super) fn damage(&mut self, path: &Path, position: u64, reason: &str) {
        self.add(path, &format!("{} is damaged at byte {position}: {reason}", path.display()));
    }

    /// A small file that is damaged as a whole.
    pub(super) fn damaged_file(&mut self, path: &Path, reason: &str) {
        self.add(path, &format!("{} is damaged: {reason}", path.display()));
    }

    /// Bytes that the disk did not give.
    pub(super) fn unreadable(&mut self, path: &Path, position: u64, reason: &str) {
        self.add(path, &format!("{} at byte {position}: {reason}", path.display()));
    }

    /// What a crash leaves, and the next start removes.
    pub(super) fn torn(&mut self, path: &Path, position: u64, reason: &str) {
        let message = format!("{} is torn at byte {position}: {reason}", path.display());
        match self.strict {
            true => self.add(path, &message),
            false => self.session.note(&message),
        }
    }

    /// An entry by which something was looked for and that is not as the log has it; told once,
    /// however often it is met.
    pub(super) fn lie(&mut self, path: &Path, fault: &IndexFault, is_of_last_segment: bool) {
        if self.lies.insert((path.to_owned(), fault.position)) {
            self.index(path, fault, is_of_last_segment);
        }
    }

    /// An entry of an index that is not as the log has it. A crash may take the end of the log, and
    /// leave the index entries for it.
    pub(super) fn index(&mut self, path: &Path, fault: &IndexFault, is_of_last_segment: bool) {
        let IndexFault { position, reason, is_beyond_log } = fault;
        match is_of_last_segment && *is_beyond_log {
            true => self.torn(path, *position, reason),
            false => self.damage(path, *position, reason),
        }
    }

    /// A path that could not be opened.
    pub(super) fn failed(&mut self, path: &Path, error: &CliError) {
        self.keep(ItemError::new(path.display().to_string(), error));
    }

    pub(super) fn note(&self, message: &str) {
        self.session.note(message);
    }

    pub(super) fn has_damage(&self) -> bool {
        self.damaged != 0
    }

    pub(super) fn errors(&self) -> &[ItemError] {
        &self.errors
    }

    fn add(&mut self, path: &Path, message: &str) {
        self.damaged += 1;
        let error = CliError::new(Kind::CheckFailed, "DAMAGED", message);
        self.session.complain(&error);
        self.keep(ItemError::new(path.display().to_string(), &error));
    }

    fn keep(&mut self, error: ItemError) {
        if self.errors.len() < KEPT_MAX {
            self.errors.push(error);
        }
    }
}
