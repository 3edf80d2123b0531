//! Checkpoint files: recovery points, high watermarks and log start offsets, every second while
//! anything moves, one writer per log directory at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kt_protocol::types::{Millis, Now, Offset, TopicPartition};
use kt_storage::checkpoints::{self, OffsetCheckpoint};
use kt_storage::{Disk, DiskError, Log, UnsyncedSnapshot};

use crate::effect::Effect;
use crate::lock_rank::{Rank, RankedMutex};
use crate::machine::Machine;
use crate::node::Node;
use crate::partition::Partition;

/// How often the files are written under load. Kafka's minute would make recovery read a minute's
/// worth of records.
const INTERVAL_MS: u64 = 1000;

/// What the three files of one log directory say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DirectoryOffsets {
    pub(crate) recovery_points: OffsetCheckpoint,
    pub(crate) high_watermarks: OffsetCheckpoint,
    pub(crate) log_starts: OffsetCheckpoint,
}

/// What one partition contributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartitionOffsets {
    pub(crate) recovery_point: Offset,
    pub(crate) high_watermark: Offset,
    /// None where it is the first segment's base offset: then it needs no entry.
    pub(crate) log_start: Option<Offset>,
}

/// What one partition has to be made durable, and what its checkpoints say then.
pub(crate) struct PartitionCheckpoint {
    pub(crate) offsets: PartitionOffsets,
    /// So that recovery from here on need not read what its producers sent before.
    pub(crate) snapshot: Option<UnsyncedSnapshot>,
}

impl PartitionOffsets {
    /// What a log's state says.
    pub(crate) fn of(log: &Log, high_watermark: Offset) -> PartitionOffsets {
        let first = log.segments().first().map(|segment| segment.base_offset());
        let start = log.log_start_offset();
        PartitionOffsets {
            recovery_point: log.recovery_point_to_checkpoint(),
            high_watermark,
            log_start: Some(start).filter(|start| first.is_some_and(|first| first < *start)),
        }
    }
}

impl DirectoryOffsets {
    /// Says this of a partition.
    pub(crate) fn set(&mut self, name: &TopicPartition, offsets: &PartitionOffsets) {
        self.recovery_points.insert(name.clone(), offsets.recovery_point);
        self.high_watermarks.insert(name.clone(), offsets.high_watermark);
        match offsets.log_start {
            Some(start) => self.log_starts.insert(name.clone(), start),
            None => self.log_starts.remove(name),
        };
    }

    fn remove(&mut self, name: &TopicPartition) {
        self.recovery_points.remove(name);
        self.high_watermarks.remove(name);
        self.log_starts.remove(name);
    }

    /// Writes the three files; a job. The high watermark first: it is never above what the
    /// recovery point then says of older files.
    pub(crate) fn write(&self, disk: &dyn Disk, directory: &Path) -> Result<(), DiskError> {
        let files = [
            (checkpoints::LOG_START, &self.log_starts),
            (checkpoints::RECOVERY_POINT, &self.recovery_points),
            (checkpoints::REPLICATION, &self.high_watermarks),
        ];
        for (name, offsets) in files {
            checkpoints::write(disk, &directory.join(name), offsets)?;
        }
        Ok(())
    }
}

/// What to do once the files say what is waited for, or never will: the directory is lost then.
pub(crate) type Checkpointed = Box<dyn FnOnce(&Node, Now, bool, &mut Vec<Effect>) + Send>;

#[derive(Default)]
struct OfDirectory {
    offsets: DirectoryOffsets,
    /// Counts the changes of `offsets`.
    version: u64,
    /// The version that is being written.
    writing: Option<u64>,
    /// The version that the files hold.
    written: u64,
    /// To be synced before they are written.
    snapshots: Vec<UnsyncedSnapshot>,
}

impl OfDirectory {
    fn is_due(&self) -> bool {
        self.writing.is_none() && self.written < self.version
    }
}

#[derive(Default)]
struct State {
    directories: BTreeMap<PathBuf, OfDirectory>,
    /// Partitions that moved since they were last looked at.
    moved: Vec<Arc<Partition>>,
    is_scheduled: bool,
    /// Who waits for what has moved, by the versions that have to be written before.
    waiting: Vec<(BTreeMap<PathBuf, u64>, Checkpointed)>,
    /// Who waits for a directory that is lost.
    failed: Vec<Checkpointed>,
}

/// The checkpoints of all log directories.
pub(crate) struct Checkpointing {
    state: RankedMutex<State>,
}

/// One directory's files, to be written by a job.
pub(crate) struct Write {
    pub(crate) directory: PathBuf,
    offsets: DirectoryOffsets,
    snapshots: Vec<UnsyncedSnapshot>,
}

impl Write {
    /// Carries it out; a job. Snapshots first: what the files then say is where they begin.
    pub(crate) fn carry_out(&self, disk: &dyn Disk) -> Result<(), DiskError> {
        self.snapshots.iter().try_for_each(|snapshot| snapshot.sync(disk))?;
        self.offsets.write(disk, &self.directory)
    }
}

impl Checkpointing {
    /// Begins with what the files say now.
    pub(crate) fn new(
        directories: impl IntoIterator<Item = (PathBuf, DirectoryOffsets)>,
    ) -> Checkpointing {
        let of_directory = |offsets| OfDirectory { offsets, ..OfDirectory::default() };
        let directories =
            directories.into_iter().map(|(path, offsets)| (path, of_directory(offsets))).collect();
        let state = State { directories, ..State::default() };
        Checkpointing { state: RankedMutex::new(Rank::Waiter, state) }
    }

    /// A partition's offsets moved.
    pub(crate) fn moved(&self, partition: &Arc<Partition>, now: Millis, effects: &mut Vec<Effect>) {
        if partition.note_moved() {
            let mut state = self.state.lock();
            state.moved.push(Arc::clone(partition));
            schedule(&mut state, now, effects);
        }
    }

    /// Sets what is known of a partition that is no [`Partition`]: the metadata log.
    pub(crate) fn set(
        &self,
        directory: &Path,
        name: &TopicPartition,
        offsets: &PartitionOffsets,
        now: Millis,
        effects: &mut Vec<Effect>,
    ) {
        let mut state = self.state.lock();
        let of_directory = state.directories.entry(directory.to_owned()).or_default();
        of_directory.offsets.set(name, offsets);
        of_directory.version += 1;
        schedule(&mut state, now, effects);
    }

    /// A partition is gone.
    pub(crate) fn remove(
        &self,
        directory: &Path,
        name: &TopicPartition,
        now: Millis,
        effects: &mut Vec<Effect>,
    ) {
        let mut state = self.state.lock();
        if let Some(of_directory) = state.directories.get_mut(directory) {
            of_directory.offsets.remove(name);
            of_directory.version += 1;
        }
        schedule(&mut state, now, effects);
    }

    /// Gives the directories whose files are to be written now.
    pub(crate) fn take_due(&self) -> Vec<Write> {
        let moved = {
            let mut state = self.state.lock();
            state.is_scheduled = false;
            std::mem::take(&mut state.moved)
        };
        let looked: Vec<_> =
            moved.iter().map(|partition| (partition, partition.take_checkpoint())).collect();
        let mut state = self.state.lock();
        for (partition, checkpoint) in looked {
            let path = partition.identity.directory.path();
            let Some(of_directory) = state.directories.get_mut(path) else { continue };
            let Some(PartitionCheckpoint { offsets, snapshot }) = checkpoint else { continue };
            of_directory.offsets.set(partition.name(), &offsets);
            of_directory.snapshots.extend(snapshot);
            of_directory.version += 1;
        }
        let due = state.directories.iter_mut().filter(|(_, it)| it.is_due());
        let write = |(path, it): (&PathBuf, &mut OfDirectory)| {
            it.writing = Some(it.version);
            let (offsets, snapshots) = (it.offsets.clone(), std::mem::take(&mut it.snapshots));
            Write { directory: path.clone(), offsets, snapshots }
        };
        due.map(write).collect()
    }

    /// Writes what has moved at once; `done` comes back with the write that ends last of those of
    /// `directories`, or right away if there is nothing to write there.
    pub(crate) fn write_now(
        &self,
        directories: &BTreeSet<PathBuf>,
        done: Checkpointed,
    ) -> (Vec<Write>, Option<Checkpointed>) {
        let writes = self.take_due();
        let mut state = self.state.lock();
        let known = state.directories.iter().filter(|(path, _)| directories.contains(*path));
        let unwritten = known.filter(|(_, it)| it.written < it.version);
        let unwritten: BTreeMap<PathBuf, u64> =
            unwritten.map(|(path, it)| (path.clone(), it.version)).collect();
        if unwritten.is_empty() {
            return (writes, Some(done));
        }
        state.waiting.push((unwritten, done));
        (writes, None)
    }

    /// Gives `done` back if the files of a directory hold all that is known of it, else it comes
    /// back with the write in whose turn they do. Dropped if the directory is lost.
    pub(crate) fn once_written(
        &self,
        directory: &Path,
        done: Checkpointed,
    ) -> Option<Checkpointed> {
        let mut state = self.state.lock();
        let of_directory = state.directories.get(directory)?;
        if of_directory.written == of_directory.version {
            return Some(done);
        }
        let unwritten = BTreeMap::from([(directory.to_owned(), of_directory.version)]);
        state.waiting.push((unwritten, done));
        None
    }

    /// A directory's files were written, or not. What moved meanwhile is written in its turn.
    /// Gives who waited for this.
    #[must_use = "somebody waits"]
    pub(crate) fn written(
        &self,
        directory: &Path,
        now: Millis,
        effects: &mut Vec<Effect>,
    ) -> Vec<Checkpointed> {
        let mut state = self.state.lock();
        let Some(of_directory) = state.directories.get_mut(directory) else { return Vec::new() };
        of_directory.written = of_directory.writing.take().unwrap_or_default();
        let written = of_directory.written;
        if of_directory.is_due() {
            schedule(&mut state, now, effects);
        }
        for (unwritten, _) in &mut state.waiting {
            if unwritten.get(directory).is_some_and(|needed| *needed <= written) {
                unwritten.remove(directory);
            }
        }
        let over = state.waiting.extract_if(.., |(unwritten, _)| unwritten.is_empty());
        over.map(|(_, done)| done).collect()
    }

    /// A partition's log was closed: nothing of it moves any more.
    pub(crate) fn closed(&self, partition: &Partition, offsets: &PartitionOffsets) {
        let mut state = self.state.lock();
        if let Some(it) = state.directories.get_mut(partition.identity.directory.path()) {
            it.offsets.set(partition.name(), offsets);
        }
    }

    /// Takes out everything, to be written for the last time.
    pub(crate) fn take_all(&self) -> Vec<(PathBuf, DirectoryOffsets)> {
        let directories = std::mem::take(&mut self.state.lock().directories);
        directories.into_iter().map(|(path, it)| (path, it.offsets)).collect()
    }

    /// A directory is lost: nothing is written there any more.
    pub(crate) fn lose(&self, directory: &Path) {
        let mut state = self.state.lock();
        state.directories.remove(directory);
        // Nobody can be told any more that it is durable there.
        let State { waiting, failed, .. } = &mut *state;
        let over = waiting.extract_if(.., |(unwritten, _)| unwritten.contains_key(directory));
        failed.extend(over.map(|(_, done)| done));
    }

    /// Takes out who waited for a directory that was lost.
    pub(crate) fn take_failed(&self) -> Vec<Checkpointed> {
        std::mem::take(&mut self.state.lock().failed)
    }
}

fn schedule(state: &mut State, now: Millis, effects: &mut Vec<Effect>) {
    if !std::mem::replace(&mut state.is_scheduled, true) {
        effects.push(Effect::WakeAt(Machine::Checkpoints.id(), now + INTERVAL_MS));
    }
}
