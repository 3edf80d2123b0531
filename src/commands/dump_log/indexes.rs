//! `.index`, `.timeindex` and `.txnindex`: their entries, each held against the log.

use kt_protocol::types::Timestamp;
use kt_storage::file_names::FileKind;
use kt_storage::inspect::{self, FileClass, IndexFault, Listed};
use kt_storage::{DiskError, File};

use super::findings::Findings;
use super::form::{Entry, Form};
use super::unreadable;
use crate::error::CliError;
use crate::read_only_disk::ReadOnlyFile;

/// Why an index was not read to its end.
enum Stopped {
    Disk(DiskError),
    Cli(CliError),
}

impl From<DiskError> for Stopped {
    fn from(error: DiskError) -> Stopped {
        Stopped::Disk(error)
    }
}

impl From<CliError> for Stopped {
    fn from(error: CliError) -> Stopped {
        Stopped::Cli(error)
    }
}

/// Shows an index and reports what is wrong with it.
pub(super) fn dump(
    file: &Listed,
    form: &mut dyn Form,
    findings: &mut Findings<'_>,
) -> Result<(), CliError> {
    let index = ReadOnlyFile::open(&file.path).map_err(|error| unreadable(&error))?;
    let log = match ReadOnlyFile::open(&file.sibling(FileKind::Log)) {
        Ok(log) => Some(log),
        Err(error) if error.is_not_found() => {
            let path = file.path.display();
            findings.note(&format!("{path} has no .log beside it: its entries are not looked up"));
            None
        }
        Err(error) => return Err(unreadable(&error)),
    };
    let log = log.as_ref().map(|it| it as &dyn File);
    form.begin(file)?;
    let mut seen = 0;
    let base = file.base_offset;
    let read = match file.class {
        FileClass::OffsetIndex => inspect::offset_index(&index, log, base, |entry, fault| {
            if let Some(entry) = entry {
                seen = entry.at;
                form.entry(file, &Entry::OffsetIndex(entry))?;
            }
            report(file, fault, findings);
            Ok::<(), Stopped>(())
        }),
        FileClass::TimeIndex => {
            let mut previous = Timestamp::NONE;
            inspect::time_index(&index, log, base, |entry, fault| {
                if let Some(entry) = entry {
                    seen = entry.at;
                    form.entry(file, &Entry::TimeIndex(entry, previous))?;
                    previous = entry.timestamp;
                }
                report(file, fault, findings);
                Ok(())
            })
        }
        _ => inspect::transaction_index(&index, log, |entry, fault| {
            if let Some(entry) = entry {
                seen = entry.at;
                form.entry(file, &Entry::Transaction(entry))?;
            }
            report(file, fault, findings);
            Ok(())
        }),
    };
    match read {
        Ok(()) => form.end(),
        Err(Stopped::Cli(error)) => Err(error),
        Err(Stopped::Disk(error)) => {
            findings.unreadable(&file.path, seen, &format!("cannot be read: {error}"));
            form.end()
        }
    }
}

fn report(file: &Listed, fault: Option<IndexFault>, findings: &mut Findings<'_>) {
    if let Some(fault) = fault {
        findings.index(&file.path, &fault, file.is_of_last_segment());
    }
}
