//! What a partition's directory holds, after what a crash left there was put in order.
//!
//! Kafka's `LogLoader`: `.deleted` and `.cleaned` files are removed; `.swap` files are complete
//! and take the place of the segments they were made from, unless a `.cleaned` file at or below
//! them shows that the set is not whole.

use std::collections::BTreeSet;
use std::path::Path;

use kt_protocol::types::Offset;

use crate::disk::{Disk, DiskError, OpenMode};
use crate::error::LogError;
use crate::file_names::{FileKind, FileName, FileSuffix};
use crate::verify::{Verified, VerifyingScan};

/// What a partition's directory holds.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    /// Base offsets with a `.log`.
    pub(crate) segments: BTreeSet<Offset>,
    /// Segments that lack a file that each must have.
    pub(crate) without_index: BTreeSet<Offset>,
    /// Segments with a `.txnindex`.
    pub(crate) with_aborted: BTreeSet<Offset>,
    /// Offsets with a producer snapshot.
    pub(crate) snapshots: BTreeSet<Offset>,
    /// What was removed or completed.
    pub(crate) leftovers: Vec<String>,
}

/// Puts the directory in order and says what it holds. Twice does the same as once.
///
/// # Errors
/// The disk's; [`LogError::Damaged`] if a `.swap` file is, and nothing was removed for it then.
pub(crate) fn settle(disk: &dyn Disk, directory: &Path) -> Result<Holdings, LogError> {
    let mut leftovers = Vec::new();
    remove_unfinished(disk, directory, &mut leftovers)?;
    complete_swaps(disk, directory, &mut leftovers)?;
    let mut holdings = Holdings { leftovers, ..Holdings::default() };
    let names = names(disk, directory)?;
    let of_kind = |kind| -> BTreeSet<Offset> {
        names.iter().filter(|name| name.kind == kind).map(|name| name.offset).collect()
    };
    holdings.segments = of_kind(FileKind::Log);
    holdings.snapshots = of_kind(FileKind::ProducerSnapshot);
    let indexed = &of_kind(FileKind::OffsetIndex) & &of_kind(FileKind::TimeIndex);
    holdings.without_index = &holdings.segments - &indexed;
    holdings.with_aborted = &of_kind(FileKind::TransactionIndex) & &holdings.segments;
    for name in &names {
        let is_index = FileKind::OF_A_SEGMENT.contains(&name.kind);
        if is_index && !holdings.segments.contains(&name.offset) {
            remove(disk, directory, name, &mut holdings.leftovers)?;
        }
    }
    Ok(holdings)
}

fn names(disk: &dyn Disk, directory: &Path) -> Result<Vec<FileName>, DiskError> {
    let entries = disk.list(directory)?;
    let files = entries.iter().filter(|entry| !entry.is_directory);
    Ok(files.filter_map(|entry| FileName::parse(&entry.name)).collect())
}

fn remove(
    disk: &dyn Disk,
    directory: &Path,
    name: &FileName,
    leftovers: &mut Vec<String>,
) -> Result<(), DiskError> {
    disk.remove_file(&directory.join(name.to_string()))?;
    leftovers.push(name.to_string());
    Ok(())
}

/// Removes what is out of the log or was never in it.
fn remove_unfinished(
    disk: &dyn Disk,
    directory: &Path,
    leftovers: &mut Vec<String>,
) -> Result<(), DiskError> {
    let names = names(disk, directory)?;
    let cleaned = names.iter().filter(|name| name.suffix == FileSuffix::Cleaned);
    let least_cleaned = cleaned.map(|name| name.offset).min();
    for name in &names {
        let is_unfinished = match name.suffix {
            FileSuffix::None => false,
            FileSuffix::Deleted => true,
            // A .cleaned file goes last: as long as it is there, the swaps above it are known to
            // be unfinished, should this be cut short.
            FileSuffix::Cleaned => false,
            FileSuffix::Swap => least_cleaned.is_some_and(|least| least <= name.offset),
        };
        if is_unfinished {
            remove(disk, directory, name, leftovers)?;
        }
    }
    for name in names.iter().rev().filter(|name| name.suffix == FileSuffix::Cleaned) {
        remove(disk, directory, name, leftovers)?;
    }
    Ok(())
}

/// Puts complete `.swap` segments in the place of those they were made from.
fn complete_swaps(
    disk: &dyn Disk,
    directory: &Path,
    leftovers: &mut Vec<String>,
) -> Result<(), LogError> {
    let names = names(disk, directory)?;
    let swaps: Vec<&FileName> =
        names.iter().filter(|name| name.suffix == FileSuffix::Swap).collect();
    let logs = swaps.iter().filter(|name| name.kind == FileKind::Log);
    let mut replaced: Option<(Offset, Offset)> = None;
    for log in logs {
        // One that the cleaner emptied takes the place of the segment at its base all the same.
        let end = end_offset(disk, &directory.join(log.to_string()), log.offset)?;
        let end = end.max(log.offset.plus(1));
        let (from, to) = replaced.unwrap_or((log.offset, end));
        replaced = Some((from.min(log.offset), to.max(end)));
    }
    if let Some((from, to)) = replaced {
        let in_use = names.iter().filter(|name| name.suffix == FileSuffix::None);
        for name in in_use.filter(|name| from <= name.offset && name.offset < to) {
            // A snapshot at the first base stands for what lies below, which is not replaced.
            if name.kind != FileKind::ProducerSnapshot {
                remove(disk, directory, name, leftovers)?;
            }
        }
    }
    // The log last: as long as its swap is there, all this is done again.
    let (logs, others): (Vec<&FileName>, Vec<&FileName>) =
        swaps.iter().partition(|name| name.kind == FileKind::Log);
    for name in others.into_iter().chain(logs) {
        let to = FileName { suffix: FileSuffix::None, ..*name };
        disk.rename(&directory.join(name.to_string()), &directory.join(to.to_string()))?;
        leftovers.push(name.to_string());
    }
    if !leftovers.is_empty() {
        disk.sync_directory(directory)?;
    }
    Ok(())
}

/// The offset after the last batch of a `.swap` file. It was synced before it had that name, so what
/// is not intact in it is damage; what it says of its end decides over files that are still good.
fn end_offset(disk: &dyn Disk, path: &Path, base: Offset) -> Result<Offset, LogError> {
    let file = disk.open(path, OpenMode::Read)?;
    let mut scan = VerifyingScan::new(&*file, 0, file.len()?);
    let mut end = base;
    loop {
        let (position, reason) = match scan.next_batch()? {
            Verified::End => return Ok(end),
            Verified::Invalid { position, reason } => (position, reason),
            Verified::Intact(located) if located.header.base_offset() < end => {
                (located.position, "its offset goes back".to_owned())
            }
            Verified::Intact(located) => {
                end = located.header.next_offset();
                continue;
            }
        };
        return Err(LogError::Damaged { file: path.to_owned(), position, offset: end, reason });
    }
}
