//! Looks into a data directory of this machine. The only part of the dashboard that names
//! `kt_storage::inspect`.
//!
//! Nothing is written or locked; what a broker writes meanwhile is seen the next time. Every look
//! gives a bounded piece.

mod batches;
mod lines;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use kt_client::consumer::FetchedRecords;
use kt_protocol::types::{Offset, TopicPartition};
use kt_storage::inspect::{self, FileClass, Listed, LogWalk, Step};
use kt_storage::{DiskError, File as _};

use crate::internal_records::Decoder;
use crate::read_only_disk::{ReadOnlyDisk, ReadOnlyFile};
use crate::tui::model::screens::records::line::RecordLine;
use crate::tui::model::screens::segments::looking::{Look, Looked, Place};

/// Records of one batch that are shown, and the bytes that they take.
const RECORDS: usize = 1_000;
const RECORDS_BYTES: usize = 8 << 20;
/// Bytes that are shown at once.
const BYTES: usize = 16 << 10;

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
enum Missing {
    #[error("no directory has {0}; --data names the one of its broker")]
    Partition(TopicPartition),
    #[error("segment {0} is not there any more")]
    Segment(i64),
    #[error("{0}")]
    Disk(#[from] DiskError),
    #[error("the batch at byte {0} cannot be read: {1}")]
    Batch(u64, String),
}

/// Whether what is looked for is still wanted: a segment without an index is walked from its start.
type IsWanted<'a> = &'a dyn Fn() -> bool;

/// Looks at what is asked for, as long as it is wanted.
pub(super) fn look(data: &[PathBuf], look: &Look, is_wanted: IsWanted<'_>) -> Looked {
    if data.is_empty() {
        return Looked::NoData;
    }
    let looked = match look {
        Look::Segments { place, known } => lines::segments(data, place, known),
        Look::Batches { place, base, position, goal } => {
            batches::page((data, place, *base), (*position, *goal), is_wanted)
        }
        Look::Records { place, base, position } => records(data, place, *base, *position),
        Look::Bytes { place, base, position } => bytes_of(data, place, *base, *position),
    };
    looked.unwrap_or_else(|missing| Looked::Failed(missing.to_string()))
}

/// The directory of a partition, and the logs in it in order.
fn logs(data: &[PathBuf], place: &Place) -> Result<(PathBuf, Vec<Listed>), Missing> {
    let partition = TopicPartition::new(&place.topic, place.partition);
    let name = format!("{}-{}", place.topic, place.partition);
    for directory in data {
        // Either the directory of all partitions, or that of this one.
        let candidates = [directory.join(&name), directory.clone()];
        for path in candidates.into_iter().filter(|it| it.ends_with(&name)) {
            let files = match inspect::list(&ReadOnlyDisk, &path) {
                Ok(groups) => groups.into_iter().flatten(),
                Err(error) if error.is_not_found() => continue,
                Err(error) => return Err(error.into()),
            };
            return Ok((path, files.filter(|it| it.class == FileClass::Log).collect()));
        }
    }
    Err(Missing::Partition(partition))
}

fn log_of(data: &[PathBuf], place: &Place, base: i64) -> Result<Listed, Missing> {
    let found = logs(data, place)?.1.into_iter().find(|it| it.base_offset.0 == base);
    found.ok_or(Missing::Segment(base))
}

fn one_batch(log: &Listed, position: u64) -> Result<Bytes, Missing> {
    let file = ReadOnlyFile::open(&log.path)?;
    let mut walk = LogWalk::new(&file, log.base_offset, log.next_base)?.beginning_at(position);
    match walk.next_step() {
        Step::Batch(batch) if batch.position == position => match batch.bytes {
            Some(bytes) => Ok(Bytes::copy_from_slice(bytes)),
            None => Err(Missing::Batch(position, "it is too large".to_owned())),
        },
        Step::Batch(_) | Step::End => Err(Missing::Batch(position, "it is gone".to_owned())),
        Step::Fault(fault) => Err(Missing::Batch(position, fault.reason)),
    }
}

fn records(data: &[PathBuf], place: &Place, base: i64, position: u64) -> Result<Looked, Missing> {
    let log = log_of(data, place, base)?;
    let bytes = one_batch(&log, position)?;
    let partition = TopicPartition::new(&place.topic, place.partition);
    let wrong = |error: String| Missing::Batch(position, error);
    let (from, end) = (Offset(i64::MIN), Offset(i64::MAX));
    let fetched = FetchedRecords::new(partition, &bytes, from, end, Vec::new());
    let fetched = fetched.map_err(|error| wrong(error.to_string()))?;
    let decoder = Decoder::of_topic(&place.topic);
    let (mut lines, mut held) = (Vec::new(), 0);
    let walked = fetched.for_each(|record| {
        let line = RecordLine::new(place.partition, record, decoder);
        held += line.weight();
        lines.push(line);
        match lines.len() < RECORDS && held < RECORDS_BYTES {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    let _ = walked.map_err(|error| wrong(error.to_string()))?;
    if lines.is_empty() {
        // Control records are no reader's; their bytes are.
        return bytes_of(data, place, base, position);
    }
    Ok(Looked::Records(lines))
}

fn bytes_of(data: &[PathBuf], place: &Place, base: i64, position: u64) -> Result<Looked, Missing> {
    let log = log_of(data, place, base)?;
    let bytes = match one_batch(&log, position) {
        Ok(bytes) => bytes[..bytes.len().min(BYTES)].to_vec(),
        // What is no batch has bytes all the same.
        Err(_) => some_bytes(&log.path, position)?,
    };
    Ok(Looked::Bytes { position, bytes })
}

fn some_bytes(path: &Path, position: u64) -> Result<Vec<u8>, Missing> {
    let file = ReadOnlyFile::open(path)?;
    let mut bytes = vec![0; BYTES];
    let read = file.read_at(position, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}

#[cfg(test)]
mod tests;
