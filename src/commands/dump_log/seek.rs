//! Where in a segment to begin, by the indexes beside it; one that lies is reported and not used.

use kt_protocol::types::{Offset, Timestamp};
use kt_storage::file_names::FileKind;
use kt_storage::inspect::{self, Listed, SeekError};

use super::findings::Findings;
use crate::error::CliError;
use crate::read_only_disk::ReadOnlyFile;

/// Where to begin to meet an offset.
pub(super) fn offset(
    log: &Listed,
    file: &ReadOnlyFile,
    target: Offset,
    findings: &mut Findings<'_>,
) -> Result<u64, CliError> {
    let Some(index) = index(log, FileKind::OffsetIndex) else { return Ok(0) };
    let found = inspect::seek_offset(file, &index, log.base_offset, target);
    Ok(or_start(found, log, findings))
}

/// Where to begin to meet the first record of a time.
pub(super) fn time(
    log: &Listed,
    file: &ReadOnlyFile,
    target: Timestamp,
    findings: &mut Findings<'_>,
) -> Result<u64, CliError> {
    let (offsets, times) = (index(log, FileKind::OffsetIndex), index(log, FileKind::TimeIndex));
    let (Some(offsets), Some(times)) = (offsets, times) else { return Ok(0) };
    let found = inspect::seek_time(file, &offsets, &times, log.base_offset, target);
    Ok(or_start(found, log, findings))
}

/// An index that is not there, or cannot be opened, is none. A snapshot has none, nor has a log
/// that is on its way out of the directory.
fn index(log: &Listed, kind: FileKind) -> Option<ReadOnlyFile> {
    if log.path != log.sibling(FileKind::Log) {
        return None;
    }
    ReadOnlyFile::open(&log.sibling(kind)).ok()
}

fn or_start(found: Result<u64, SeekError>, log: &Listed, findings: &mut Findings<'_>) -> u64 {
    let (kind, fault) = match found {
        Ok(position) => return position,
        // The walk from the start tells whether it is the log.
        Err(SeekError::Disk(_)) => return 0,
        Err(SeekError::OffsetIndex(fault)) => (FileKind::OffsetIndex, fault),
        Err(SeekError::TimeIndex(fault)) => (FileKind::TimeIndex, fault),
    };
    findings.lie(&log.sibling(kind), &fault, log.is_of_last_segment());
    0
}
