//! The open files of all logs, under one bound: a file is opened when somebody needs it.
//!
//! Each file of a segment is a [`FileSlot`], small while closed. Opening one more than the bound
//! closes another that was not used since the hand of the clock last passed it. A file that
//! somebody still holds (a reply on its way, bytes not flushed) is only let go of: opening it
//! again gives the same file, so that an error of writing back is never lost with a descriptor.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use kt_protocol::types::Offset;
use parking_lot::{Mutex, RwLock};

use crate::disk::{Disk, DiskError, File, OpenMode};
use crate::file_names::{FileKind, FileName, FileSuffix};

/// The open files of all logs of one process.
pub struct FileCache {
    disk: Arc<dyn Disk>,
    limit: usize,
    clock: Mutex<VecDeque<Weak<SlotState>>>,
}

impl FileCache {
    /// Keeps about `limit` files of `disk` open: more only while all of them are held.
    pub fn new(disk: Arc<dyn Disk>, limit: usize) -> Arc<FileCache> {
        assert!(limit > 0, "a log needs at least one open file");
        Arc::new(FileCache { disk, limit, clock: Mutex::new(VecDeque::new()) })
    }

    /// The disk beneath.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// How many files are open by this cache now.
    pub fn open_files(&self) -> usize {
        self.clock.lock().len()
    }

    /// Counts one more open file, and closes those beyond the bound.
    fn opened(&self, slot: &Arc<SlotState>) {
        let mut closed = Vec::new();
        {
            let mut clock = self.clock.lock();
            clock.push_back(Arc::downgrade(slot));
            // Two turns at most: the first takes away every second chance.
            let mut steps = 2 * clock.len();
            while self.limit < clock.len() && 0 < steps {
                steps -= 1;
                let Some(oldest) = clock.pop_front() else { break };
                let Some(state) = oldest.upgrade() else { continue };
                if state.used.swap(false, Ordering::Relaxed) || Arc::ptr_eq(&state, slot) {
                    clock.push_back(oldest);
                } else {
                    closed.push(state);
                }
            }
        }
        for state in closed {
            state.let_go();
        }
    }
}

/// The directory of a partition: it is renamed when its topic is deleted.
pub(crate) struct PartitionDirectory(RwLock<PathBuf>);

impl PartitionDirectory {
    pub(crate) fn new(path: PathBuf) -> Arc<PartitionDirectory> {
        Arc::new(PartitionDirectory(RwLock::new(path)))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.read().clone()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.read().join(name)
    }

    pub(crate) fn renamed(&self, to: PathBuf) {
        *self.0.write() = to;
    }
}

struct SlotState {
    open: Mutex<OpenState>,
    used: AtomicBool,
}

impl SlotState {
    fn let_go(&self) {
        let mut open = self.open.lock();
        open.shared = open.held.as_ref().map(Arc::downgrade).or_else(|| open.shared.take());
        open.held = None;
    }
}

#[derive(Default)]
struct OpenState {
    held: Option<Arc<dyn File>>,
    /// The file after it was let go of, as long as somebody else holds it.
    shared: Option<Weak<dyn File>>,
    suffix: FileSuffix,
    /// The file is gone. Another may have its name by now, which is not this one.
    is_removed: bool,
}

/// One file of a segment: closed until somebody needs it.
pub(crate) struct FileSlot {
    cache: Arc<FileCache>,
    directory: Arc<PartitionDirectory>,
    base_offset: Offset,
    kind: FileKind,
    mode: OpenMode,
    state: Arc<SlotState>,
}

impl FileSlot {
    /// The file of `kind` of the segment at `base_offset`, opened with `mode` when needed.
    pub(crate) fn new(
        cache: &Arc<FileCache>,
        directory: &Arc<PartitionDirectory>,
        base_offset: Offset,
        kind: FileKind,
        mode: OpenMode,
    ) -> FileSlot {
        let state = SlotState { open: Mutex::default(), used: AtomicBool::new(false) };
        FileSlot {
            cache: Arc::clone(cache),
            directory: Arc::clone(directory),
            base_offset,
            kind,
            mode,
            state: Arc::new(state),
        }
    }

    /// The same, of a file that has a suffix to its name.
    pub(crate) fn with_suffix(self, suffix: FileSuffix) -> FileSlot {
        self.state.open.lock().suffix = suffix;
        self
    }

    /// The disk that the file is on.
    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.cache.disk
    }

    /// Where the file is now.
    pub(crate) fn path(&self) -> PathBuf {
        self.path_with(self.state.open.lock().suffix)
    }

    fn path_with(&self, suffix: FileSuffix) -> PathBuf {
        let name = FileName { offset: self.base_offset, kind: self.kind, suffix };
        self.directory.join(&name.to_string())
    }

    /// The file, opened if it is not.
    pub(crate) fn file(&self) -> Result<Arc<dyn File>, DiskError> {
        self.state.used.store(true, Ordering::Relaxed);
        let file = {
            let mut open = self.state.open.lock();
            if let Some(file) = &open.held {
                return Ok(Arc::clone(file));
            }
            let file = match open.shared.take().and_then(|shared| shared.upgrade()) {
                Some(file) => file,
                None if open.is_removed => {
                    let gone = std::io::Error::from(std::io::ErrorKind::NotFound);
                    return Err(DiskError::new("open", &self.path_with(open.suffix), &gone));
                }
                None => self.cache.disk.open(&self.path_with(open.suffix), self.mode)?,
            };
            open.held = Some(Arc::clone(&file));
            file
        };
        self.cache.opened(&self.state);
        Ok(file)
    }

    /// Lets go of the open file, as another takes its name.
    pub(crate) fn forget(&self) {
        let mut open = self.state.open.lock();
        open.held = None;
        open.shared = None;
    }

    /// Removes the file. Who holds it may go on reading. One that is not there is no error, and
    /// what has its name later is not touched.
    pub(crate) fn remove(&self) -> Result<(), DiskError> {
        let mut open = self.state.open.lock();
        open.held = None;
        if open.is_removed {
            return Ok(());
        }
        match self.cache.disk.remove_file(&self.path_with(open.suffix)) {
            Err(error) if !error.is_not_found() => Err(error),
            _ => {
                open.is_removed = true;
                Ok(())
            }
        }
    }

    /// Renames the file, open or not. A file that is not there is left so.
    pub(crate) fn rename(&self, suffix: FileSuffix) -> Result<(), DiskError> {
        let mut open = self.state.open.lock();
        let result = self.cache.disk.rename(&self.path_with(open.suffix), &self.path_with(suffix));
        match result {
            Err(error) if !error.is_not_found() => return Err(error),
            _ => open.suffix = suffix,
        }
        Ok(())
    }
}
