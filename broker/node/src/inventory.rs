//! What the log directories hold when the node starts, before the metadata says what they should.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kt_protocol::types::{Offset, PartitionIndex, TopicPartition, Uuid};
use kt_storage::checkpoints::{self, OffsetCheckpoint};
use kt_storage::directory_names::{DirectoryName, DirectoryState};
use kt_storage::{Disk, LoadFacts, SmallFileError, clean_shutdown, partition_metadata};

use crate::checkpointing::DirectoryOffsets;
use crate::log_directories::LogDirectory;
use crate::partition::Durability;

/// Directories in a log directory that are no partition's.
const OTHERS: [&str; 3] = ["__cluster_metadata-0", "remote-log-index-cache", "lost+found"];

/// A partition's directory, as it was found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) directory: Arc<LogDirectory>,
    pub(crate) path: PathBuf,
    pub(crate) name: TopicPartition,
    /// None where the directory lacks the file that names it.
    pub(crate) topic_id: Option<Uuid>,
    /// What the checkpoint files say of it.
    pub(crate) facts: LoadFacts,
    /// What consumers had seen, by the checkpoint.
    pub(crate) high_watermark: Offset,
}

impl Found {
    /// What it is called once it is set aside (`LocalLog.logStrayDirName`).
    pub(crate) fn stray_path(&self) -> PathBuf {
        let stray = DirectoryState::Stray(self.topic_id.unwrap_or_default());
        self.path.with_file_name(DirectoryName::new(&self.name, stray).to_string())
    }
}

/// What the log directories hold.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// Partitions, by the topic id in their directory.
    found: BTreeMap<(Uuid, PartitionIndex), Found>,
    /// Partitions whose directory lacks the file that names the topic id: the crash came between.
    unnamed: BTreeMap<TopicPartition, Found>,
    /// Directories of deleted partitions, to be removed.
    pub(crate) deleted: Vec<(Arc<LogDirectory>, PathBuf)>,
}

/// Why the log directories cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// A file cannot be read, or is damaged.
    #[error(transparent)]
    File(#[from] SmallFileError),
    /// A directory that is no partition's.
    #[error(
        "{path} is in a log directory, but is no partition of a topic; move it elsewhere, or take another directory for log.dirs",
        path = path.display()
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
    },
    /// One partition twice.
    #[error(
        "{first} and {second} hold the same partition; move the one that is not wanted out of its log directory",
        first = first.display(), second = second.display()
    )]
    Twice {
        /// Where it was found first.
        first: PathBuf,
        /// And again.
        second: PathBuf,
    },
}

/// How the last run ended, as far as the machine knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastRun {
    /// The machine has not gone down since.
    pub(crate) same_boot: bool,
    pub(crate) durability: Durability,
}

/// The small files of one log directory.
struct Checkpoints {
    offsets: DirectoryOffsets,
    clean_shutdown: bool,
}

impl Inventory {
    /// Looks into one more log directory.
    pub(crate) fn add(
        &mut self,
        disk: &dyn Disk,
        directory: &Arc<LogDirectory>,
        last_run: LastRun,
    ) -> Result<DirectoryOffsets, InventoryError> {
        let checkpoints = Checkpoints::read(disk, directory)?;
        for entry in disk.list(directory.path()).map_err(SmallFileError::from)? {
            if !entry.is_directory || OTHERS.contains(&entry.name.as_str()) {
                continue;
            }
            let path = directory.path().join(&entry.name);
            // Only a name of the exact form is believed: a topic may be called `x-delete`.
            let Some(name) = DirectoryName::parse(&entry.name) else {
                return Err(InventoryError::Foreign { path });
            };
            match name.state {
                DirectoryState::Live => {}
                DirectoryState::Delete(_) => {
                    self.deleted.push((Arc::clone(directory), path));
                    continue;
                }
                DirectoryState::Future(_) | DirectoryState::Stray(_) => continue,
            }
            let name = TopicPartition { topic: name.topic, partition: name.partition };
            let (facts, high_watermark) = checkpoints.facts(&name, last_run);
            let directory = Arc::clone(directory);
            // A file that a crash left half written says nothing; its name still does.
            let id = match partition_metadata::read(disk, &path) {
                Err(SmallFileError::Damaged { .. }) => None,
                other => other?,
            };
            self.insert(Found { directory, path, name, topic_id: id, facts, high_watermark })?;
        }
        Ok(checkpoints.offsets)
    }

    fn insert(&mut self, found: Found) -> Result<(), InventoryError> {
        let second = found.path.clone();
        let before = match found.topic_id {
            Some(id) => self.found.insert((id, found.name.partition), found),
            None => self.unnamed.insert(found.name.clone(), found),
        };
        match before {
            Some(first) => Err(InventoryError::Twice { first: first.path, second }),
            None => Ok(()),
        }
    }

    /// How many partitions a directory holds.
    pub(crate) fn count_in(&self, directory: &Arc<LogDirectory>) -> usize {
        let found = self.found.values().chain(self.unnamed.values());
        found.filter(|found| Arc::ptr_eq(&found.directory, directory)).count()
    }

    /// Takes out the partition that the metadata speaks of.
    pub(crate) fn claim(&mut self, topic_id: Uuid, name: &TopicPartition) -> Option<Found> {
        let found = self.found.remove(&(topic_id, name.partition));
        found.or_else(|| self.unnamed.remove(name))
    }

    /// Whether a partition's directory lies there that nobody claimed yet.
    pub(crate) fn holds(&self, path: &Path) -> bool {
        self.found.values().chain(self.unnamed.values()).any(|found| found.path == path)
    }

    /// Takes out what the metadata does not speak of.
    pub(crate) fn take_strays(&mut self) -> Vec<Found> {
        let found = std::mem::take(&mut self.found).into_values();
        found.chain(std::mem::take(&mut self.unnamed).into_values()).collect()
    }
}

impl Checkpoints {
    fn read(disk: &dyn Disk, directory: &LogDirectory) -> Result<Checkpoints, SmallFileError> {
        let path = directory.path();
        let offsets = |name| checkpoints::read(disk, &path.join(name));
        Ok(Checkpoints {
            offsets: DirectoryOffsets {
                recovery_points: offsets(checkpoints::RECOVERY_POINT).or_else(only_damage)?,
                high_watermarks: offsets(checkpoints::REPLICATION).or_else(only_damage)?,
                log_starts: offsets(checkpoints::LOG_START)?,
            },
            clean_shutdown: clean_shutdown::read(disk, path)?.is_some(),
        })
    }

    fn facts(&self, name: &TopicPartition, last_run: LastRun) -> (LoadFacts, Offset) {
        let of = |offsets: &OffsetCheckpoint| offsets.get(name).copied().unwrap_or_default();
        let recovery_point = of(&self.offsets.recovery_points);
        let high_watermark = of(&self.offsets.high_watermarks);
        // What consumers saw of the page cache was never promised to outlive the machine.
        let is_promised = last_run.durability == Durability::Flushed || last_run.same_boot;
        let facts = LoadFacts {
            clean_shutdown: self.clean_shutdown,
            same_boot: last_run.same_boot,
            recovery_point,
            high_watermark: if is_promised { high_watermark } else { recovery_point },
            log_start_offset: of(&self.offsets.log_starts),
        };
        (facts, high_watermark)
    }
}

/// A checkpoint that can be derived again may be damaged: everything is read and verified then.
fn only_damage(error: SmallFileError) -> Result<OffsetCheckpoint, SmallFileError> {
    match error {
        SmallFileError::Damaged { .. } => Ok(OffsetCheckpoint::new()),
        SmallFileError::Disk(_) => Err(error),
    }
}
