//! Which files of a directory can be read, and in which order they are shown.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use kt_protocol::types::{Offset, TopicPartition};

use crate::checkpoints;
use crate::directory_names::DirectoryName;
use crate::disk::{Disk, DiskError};
use crate::file_names::{FileKind, FileName, FileSuffix};
use crate::leader_epochs::LEADER_EPOCH_FILE;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileClass {
    /// Record batches.
    Log,
    /// Offsets to positions.
    OffsetIndex,
    /// Timestamps to offsets.
    TimeIndex,
    /// Aborted transactions.
    TransactionIndex,
    /// Producers.
    ProducerSnapshot,
    /// The metadata up to an offset.
    MetadataSnapshot,
    /// Where leader epochs begin.
    LeaderEpochs,
    /// An offset for each partition.
    PartitionOffsets,
}

/// A file that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub class: FileClass,
    /// The offset in its name; 0 if there is none.
    pub base_offset: Offset,
    /// The partition whose directory it is in.
    pub partition: Option<TopicPartition>,
    /// The base offset of the segment behind, in the same directory.
    pub next_base: Option<Offset>,
}

impl Listed {
    /// The file of another kind that belongs to the same segment.
    pub fn sibling(&self, kind: FileKind) -> PathBuf {
        self.path.with_file_name(FileName::new(self.base_offset, kind).to_string())
    }

    /// Whether the last records of a partition are in this file, or would be.
    pub fn is_of_last_segment(&self) -> bool {
        self.next_base.is_none()
    }
}

/// What a path is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file that can be read.
    File(Listed),
    /// A directory with such files: those of each directory together, in order.
    Directory(Vec<Vec<Listed>>),
    /// Something else.
    Other,
}

impl FileClass {
    /// What a file of that name holds.
    pub fn of_name(name: &str) -> Option<FileClass> {
        match name {
            LEADER_EPOCH_FILE => return Some(FileClass::LeaderEpochs),
            checkpoints::RECOVERY_POINT
            | checkpoints::LOG_START
            | checkpoints::REPLICATION
            | checkpoints::CLEANER => return Some(FileClass::PartitionOffsets),
            _ => {}
        }
        let in_life = [FileSuffix::Deleted, FileSuffix::Cleaned, FileSuffix::Swap];
        let name = in_life.iter().find_map(|it| name.strip_suffix(it.text())).unwrap_or(name);
        let (_, extension) = name.rsplit_once('.')?;
        match extension {
            "log" => Some(FileClass::Log),
            "index" => Some(FileClass::OffsetIndex),
            "timeindex" => Some(FileClass::TimeIndex),
            "txnindex" => Some(FileClass::TransactionIndex),
            "snapshot" => Some(FileClass::ProducerSnapshot),
            "checkpoint" => Some(FileClass::MetadataSnapshot),
            _ => None,
        }
    }
}

/// Says what is at `path`.
///
/// # Errors
/// There is nothing, or it cannot be read.
pub fn look(disk: &dyn Disk, path: &Path) -> Result<Place, DiskError> {
    match list(disk, path) {
        Ok(groups) => return Ok(Place::Directory(groups)),
        Err(error) if error.kind == ErrorKind::NotADirectory => {}
        Err(error) => return Err(error),
    }
    let Some(file) = listed(path) else { return Ok(Place::Other) };
    // Without its directory a file is only what its name says.
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let directory = absolute.parent().unwrap_or(Path::new("/"));
    let neighbours = files_in(disk, directory).unwrap_or_default();
    let partition = partition_of(directory);
    Ok(Place::File(Listed { partition, next_base: next_base(&file, &neighbours), ..file }))
}

/// The files in a directory, and in the partitions' directories in it.
///
/// # Errors
/// It cannot be read.
pub fn list(disk: &dyn Disk, directory: &Path) -> Result<Vec<Vec<Listed>>, DiskError> {
    let mut groups = vec![in_order(directory, files_in(disk, directory)?)];
    let mut partitions = Vec::new();
    for entry in disk.list(directory)? {
        match DirectoryName::parse(&entry.name) {
            Some(parsed) if entry.is_directory => partitions.push((parsed, entry.name)),
            _ => {}
        }
    }
    partitions.sort();
    for (_, name) in partitions {
        let path = directory.join(name);
        match files_in(disk, &path) {
            Ok(files) => groups.push(in_order(&path, files)),
            // A topic may be deleted while we look.
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    groups.retain(|files| !files.is_empty());
    Ok(groups)
}

/// The files of a directory that are in use.
fn files_in(disk: &dyn Disk, directory: &Path) -> Result<Vec<Listed>, DiskError> {
    let in_use = |name: &str| FileName::parse(name).is_none_or(|it| it.suffix == FileSuffix::None);
    let entries = disk.list(directory)?;
    let files = entries.iter().filter(|it| !it.is_directory && in_use(&it.name));
    Ok(files.filter_map(|it| listed(&directory.join(&it.name))).collect())
}

fn in_order(directory: &Path, mut files: Vec<Listed>) -> Vec<Listed> {
    let partition = partition_of(directory);
    let bounds: Vec<Option<Offset>> = files.iter().map(|file| next_base(file, &files)).collect();
    for (file, bound) in files.iter_mut().zip(bounds) {
        file.next_base = bound;
        file.partition.clone_from(&partition);
    }
    // Segment by segment; what belongs to no segment comes last.
    let rank = |file: &Listed| match file.class {
        FileClass::LeaderEpochs | FileClass::PartitionOffsets => 2,
        FileClass::MetadataSnapshot => 1,
        _ => 0,
    };
    files.sort_by(|a, b| {
        (rank(a), a.base_offset, a.class, &a.path).cmp(&(rank(b), b.base_offset, b.class, &b.path))
    });
    files
}

fn listed(path: &Path) -> Option<Listed> {
    let name = path.file_name()?.to_str()?;
    let class = FileClass::of_name(name)?;
    let base_offset = match class {
        // The records of a snapshot count from 0.
        FileClass::MetadataSnapshot => Offset(0),
        _ => FileName::parse(name).map_or(Offset(0), |it| it.offset),
    };
    Some(Listed { path: path.to_owned(), class, base_offset, partition: None, next_base: None })
}

fn next_base(file: &Listed, neighbours: &[Listed]) -> Option<Offset> {
    let is_of_segment = matches!(
        file.class,
        FileClass::Log
            | FileClass::OffsetIndex
            | FileClass::TimeIndex
            | FileClass::TransactionIndex
    );
    let logs = neighbours.iter().filter(|it| is_of_segment && it.class == FileClass::Log);
    logs.map(|it| it.base_offset).filter(|it| file.base_offset < *it).min()
}

fn partition_of(directory: &Path) -> Option<TopicPartition> {
    let absolute = std::path::absolute(directory).ok()?;
    DirectoryName::parse(absolute.file_name()?.to_str()?)?.topic_partition()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_a_file_holds() {
        let class = FileClass::of_name;
        assert_eq!(class("00000000000000000000.log"), Some(FileClass::Log));
        assert_eq!(class("00000000000000000000.log.deleted"), Some(FileClass::Log));
        assert_eq!(class("00000000000000000000.timeindex"), Some(FileClass::TimeIndex));
        assert_eq!(class("bootstrap.checkpoint"), Some(FileClass::MetadataSnapshot));
        assert_eq!(class("leader-epoch-checkpoint"), Some(FileClass::LeaderEpochs));
        assert_eq!(class("cleaner-offset-checkpoint"), Some(FileClass::PartitionOffsets));
        for name in ["", "log", "meta.properties", "partition.metadata", "quorum-state", ".lock"] {
            assert_eq!(class(name), None, "{name}");
        }
    }
}
