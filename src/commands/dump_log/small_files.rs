//! Producer snapshots and the checkpoint files of text: files that are read whole.

use std::fs::File;
use std::io::{self, Read};

use kt_storage::DiskError;
use kt_storage::inspect::{self, FileClass, Listed};
use kt_storage::producer_state::{SnapshotError, decode_snapshot};

use super::findings::Findings;
use super::form::{Entry, Form};
use super::unreadable;
use crate::error::CliError;

/// No such file grows so large; what does is something else.
const BYTES_MAX: u64 = 64 << 20;

/// Shows a file and reports what is wrong with it.
pub(super) fn dump(
    file: &Listed,
    form: &mut dyn Form,
    findings: &mut Findings<'_>,
) -> Result<(), CliError> {
    let failed = |error: io::Error| unreadable(&DiskError::new("read", &file.path, &error));
    let mut bytes = Vec::new();
    let opened = File::open(&file.path).map_err(failed)?;
    form.begin(file)?;
    if let Err(error) = opened.take(BYTES_MAX + 1).read_to_end(&mut bytes) {
        let at = bytes.len() as u64;
        findings.unreadable(&file.path, at, &format!("cannot be read: {error}"));
        return form.end();
    }
    if BYTES_MAX < bytes.len() as u64 {
        findings.damaged_file(&file.path, "it is far too large for such a file");
        return form.end();
    }
    match file.class {
        FileClass::ProducerSnapshot => producers(file, &bytes, form, findings)?,
        FileClass::LeaderEpochs => match inspect::leader_epochs(&bytes) {
            Ok(epochs) => epochs
                .into_iter()
                .try_for_each(|entry| form.entry(file, &Entry::LeaderEpoch(entry)))?,
            Err(reason) => findings.damaged_file(&file.path, &reason),
        },
        _ => match inspect::partition_offsets(&bytes) {
            Ok(offsets) => offsets.into_iter().try_for_each(|(partition, offset)| {
                form.entry(file, &Entry::PartitionOffset(partition, offset))
            })?,
            Err(reason) => findings.damaged_file(&file.path, &reason),
        },
    }
    form.end()
}

fn producers(
    file: &Listed,
    bytes: &[u8],
    form: &mut dyn Form,
    findings: &mut Findings<'_>,
) -> Result<(), CliError> {
    match decode_snapshot(bytes) {
        Ok(entries) => {
            entries.into_iter().try_for_each(|it| form.entry(file, &Entry::Producer(it)))
        }
        Err(error) => {
            findings.damage(&file.path, position_of(&error), &error.to_string());
            Ok(())
        }
    }
}

/// Where in a producer snapshot stands what is wrong.
fn position_of(error: &SnapshotError) -> u64 {
    match error {
        SnapshotError::Length(_) | SnapshotError::Version(_) => 0,
        SnapshotError::Checksum { .. } => 2,
        SnapshotError::Count { .. } => 6,
        SnapshotError::Entry(index) => 10 + 46 * *index as u64,
    }
}
