//! The disk's fault twin: it loses, tears, flips and fails, the same way for the same seed.
//!
//! Every file has two images, what the process sees (the page cache) and what is on the device.
//! A write changes the first; only [`File::sync`] copies it to the second. Names work alike:
//! making, renaming and removing are durable only after [`Disk::sync_directory`].
//!
//! ```text
//! write ──► cached image ── sync ──► durable image
//!                │ power cut (Torn): of each unsynced page nothing, all, or some 512-byte
//!                ▼ sectors; a length between the two; of each directory's changes a first part
//!          what the next start finds
//! ```
//!
//! A crash test runs a scenario once to count its changes, then again for each `n`: it calls
//! [`SimulatedDisk::crash_after`], lets the scenario run into the crash, and opens what
//! [`SimulatedDisk::restart`] leaves.

mod calls;
mod file;
mod image;
mod node;

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use kt_protocol::types::Timestamp;
use parking_lot::Mutex;

use crate::disk::{DirectoryEntry, Disk, DiskError, DiskSpace, File, OpenMode};

use crate::random::Random;
pub use calls::Call;
use calls::{Calls, Outcome};
use file::SimulatedFile;
use node::{DirectoryNode, FileNode, Node};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const ENOENT: i32 = 2;
const EEXIST: i32 = 17;
const EXDEV: i32 = 18;
const ENOTDIR: i32 = 20;
const EISDIR: i32 = 21;

/// What of the unsynced survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashMode {
    /// Only the process died (`kill -9`): the page cache is as it was.
    Process,
    /// The power went: nothing that was not synced is there.
    LoseUnsynced,
    /// The power went just after everything had been written back.
    KeepUnsynced,
    /// The power went in the middle of writing back: each unsynced page is kept, lost or torn.
    Torn,
}

impl CrashMode {
    /// Every mode.
    pub const ALL: [CrashMode; 4] =
        [CrashMode::Process, CrashMode::LoseUnsynced, CrashMode::KeepUnsynced, CrashMode::Torn];
}

/// How a planned call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device fails. A write may have happened in part; after a sync the unsynced pages count
    /// as clean although they never reached the device.
    Eio,
    /// No space is left. A write may have happened in part.
    Enospc,
    /// A read succeeds with one bit flipped. Other calls do not notice.
    FlippedBit,
}

struct State {
    random: Random,
    root: Node,
    calls: Calls,
    /// Files opened in an earlier life are dead.
    life: u32,
    is_crashed: bool,
    quota_bytes: Option<u64>,
    wall: Timestamp,
    bytes_read: u64,
}

/// A file system in memory that goes wrong by plan. Clones are the same disk.
#[derive(Clone)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

/// A call that did not go through.
struct Refusal {
    error: DiskError,
    /// It may have happened in part.
    is_partial: bool,
}

impl SimulatedDisk {
    /// An empty disk whose faults follow from `seed`.
    pub fn new(seed: u64) -> SimulatedDisk {
        let state = State {
            random: Random::new(seed),
            root: Node::Directory(Arc::default()),
            calls: Calls::default(),
            life: 0,
            is_crashed: false,
            quota_bytes: None,
            wall: Timestamp(0),
            bytes_read: 0,
        };
        SimulatedDisk { state: Arc::new(Mutex::new(state)) }
    }

    /// Puts files there, durably, with the directories above them. Counts as no call.
    ///
    /// # Panics
    /// If a path leads through a file.
    pub fn import(&self, files: impl IntoIterator<Item = (PathBuf, Vec<u8>)>) {
        let state = self.state.lock();
        for (path, bytes) in files {
            let (parent, name) = split(&path);
            let directory = make_directories(&state.root, parent).expect("imports are sound");
            let file = FileNode::default();
            {
                let content = &mut *file.content.lock();
                content.modified = state.wall;
                content.write(0, &bytes);
            }
            directory.names.lock().link(name, Node::File(Arc::new(file)));
        }
        state.root.sync_all();
    }

    /// Every file as the process sees it.
    pub fn export(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect_files(&self.state.lock().root, Path::new("/"), &mut files);
        files
    }

    /// The bytes of the file at `path` as the process sees them.
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        Some(find_file(&self.state.lock().root, path)?.content.lock().cached.to_bytes())
    }

    /// Goes down in the call that comes after `changes` more calls that change something. A write
    /// may happen in part then. That call and all after it fail until [`SimulatedDisk::restart`].
    pub fn crash_after(&self, changes: u64) {
        self.state.lock().calls.crash_after(changes);
    }

    /// Goes down now.
    pub fn crash(&self) {
        self.state.lock().is_crashed = true;
    }

    /// True from a crash until [`SimulatedDisk::restart`].
    pub fn is_crashed(&self) -> bool {
        self.state.lock().is_crashed
    }

    /// Comes back with what `mode` leaves. Files that are open are dead from now on; planned
    /// faults are forgotten.
    pub fn restart(&self, mode: CrashMode) {
        let state = &mut *self.state.lock();
        state.is_crashed = false;
        state.life += 1;
        state.calls.forget_plan();
        state.root.cut_power(mode, &mut state.random);
    }

    /// Has the `nth` call of its kind from now (the next is the first) go wrong.
    pub fn fail(&self, call: Call, nth: u64, fault: Fault) {
        self.state.lock().calls.fail(call, nth, fault);
    }

    /// Sets the wall clock: files that are changed from now on were modified then.
    pub fn set_wall(&self, wall: Timestamp) {
        self.state.lock().wall = wall;
    }

    /// Bounds the bytes that files may take, in whole pages; none for no bound.
    pub fn set_quota(&self, bytes: Option<u64>) {
        self.state.lock().quota_bytes = bytes;
    }

    /// Flips a bit of a file on the device and in the cache: damage that a checksum must find.
    ///
    /// # Panics
    /// If there is no such file, or it is not that long.
    pub fn flip_bit(&self, path: &Path, position: u64, bit: u8) {
        let state = self.state.lock();
        let file = find_file(&state.root, path).expect("the file to damage is there");
        let content = &mut *file.content.lock();
        for image in [&mut content.cached, &mut content.durable] {
            let mut byte = [0];
            if image.read(position, &mut byte) == 1 {
                image.write(position, &[byte[0] ^ (1 << bit)]);
            }
        }
        assert!(position < content.cached.length(), "the byte to damage is there");
    }

    /// How many calls have changed something: the crash points of what was done.
    pub fn changes(&self) -> u64 {
        self.state.lock().calls.changes()
    }

    /// How many calls of one kind there were.
    pub fn count(&self, call: Call) -> u64 {
        self.state.lock().calls.count(call)
    }

    /// How many bytes were read from files.
    pub fn bytes_read(&self) -> u64 {
        self.state.lock().bytes_read
    }

    /// The newest calls, oldest first, for reading a failure.
    pub fn recent_calls(&self) -> Vec<String> {
        self.state.lock().calls.remembered()
    }
}

impl State {
    /// Counts a call, and refuses it if the disk is down or the plan says so.
    fn begin(&mut self, call: Call, path: &Path) -> Result<(), Refusal> {
        self.begin_at(call, path, None).map(|_| ())
    }

    fn begin_at(
        &mut self,
        call: Call,
        path: &Path,
        at: Option<(u64, u64)>,
    ) -> Result<Option<Fault>, Refusal> {
        if self.is_crashed {
            return Err(Refusal { error: crashed(call, path), is_partial: false });
        }
        match self.calls.begin(call, path, at) {
            Outcome::Done => Ok(None),
            Outcome::Fault(Fault::FlippedBit) => Ok(Some(Fault::FlippedBit)),
            Outcome::Fault(Fault::Eio) => {
                Err(Refusal { error: error(call, path, EIO), is_partial: true })
            }
            Outcome::Fault(Fault::Enospc) => {
                Err(Refusal { error: error(call, path, ENOSPC), is_partial: true })
            }
            Outcome::Crash => {
                self.is_crashed = true;
                Err(Refusal { error: crashed(call, path), is_partial: true })
            }
        }
    }

    fn directory(&self, call: Call, path: &Path) -> Result<Arc<DirectoryNode>, DiskError> {
        match find(&self.root, path) {
            Some(Node::Directory(directory)) => Ok(directory),
            Some(Node::File(_)) => Err(error(call, path, ENOTDIR)),
            None => Err(error(call, path, ENOENT)),
        }
    }

    fn parent(&self, call: Call, path: &Path) -> Result<Arc<DirectoryNode>, DiskError> {
        self.directory(call, split(path).0)
            .map_err(|found| DiskError { path: path.to_owned(), ..found })
    }

    /// Bytes that may still be taken.
    fn usable_bytes(&self) -> u64 {
        let Some(quota) = self.quota_bytes else { return u64::MAX };
        quota.saturating_sub(self.root.allocated_bytes())
    }
}

fn error(call: Call, path: &Path, code: i32) -> DiskError {
    DiskError::new(call.name(), path, &io::Error::from_raw_os_error(code))
}

fn crashed(call: Call, path: &Path) -> DiskError {
    DiskError {
        operation: call.name(),
        path: path.to_owned(),
        kind: io::ErrorKind::Other,
        code: None,
    }
}

/// The directory of a path, and the name in it.
fn split(path: &Path) -> (&Path, &str) {
    let name = path.file_name().and_then(|name| name.to_str());
    (path.parent().unwrap_or(Path::new("/")), name.unwrap_or_default())
}

fn names_of(path: &Path) -> impl Iterator<Item = &str> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => name.to_str(),
        _ => None,
    })
}

fn find(root: &Node, path: &Path) -> Option<Node> {
    let mut node = root.clone();
    for name in names_of(path) {
        let Node::Directory(directory) = &node else { return None };
        let next = directory.names.lock().live.get(name)?.clone();
        node = next;
    }
    Some(node)
}

fn find_file(root: &Node, path: &Path) -> Option<Arc<FileNode>> {
    match find(root, path)? {
        Node::File(file) => Some(file),
        Node::Directory(_) => None,
    }
}

/// None if the path leads through a file.
fn make_directories(root: &Node, path: &Path) -> Option<Arc<DirectoryNode>> {
    let Node::Directory(mut directory) = root.clone() else { return None };
    for name in names_of(path) {
        let next = {
            let names = &mut *directory.names.lock();
            if !names.live.contains_key(name) {
                names.link(name, Node::Directory(Arc::default()));
            }
            names.live.get(name).cloned()
        };
        let Some(Node::Directory(next)) = next else { return None };
        directory = next;
    }
    Some(directory)
}

fn collect_files(node: &Node, path: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    match node {
        Node::File(file) => {
            files.insert(path.to_owned(), file.content.lock().cached.to_bytes());
        }
        Node::Directory(directory) => {
            for (name, node) in &directory.names.lock().live {
                collect_files(node, &path.join(name), files);
            }
        }
    }
}

/// Unlinks everything below, so that a crash may leave a part of it.
fn clear(directory: &DirectoryNode) {
    let names = &mut *directory.names.lock();
    let all: Vec<String> = names.live.keys().cloned().collect();
    for name in all {
        if let Some(Node::Directory(inner)) = names.live.get(&name) {
            clear(inner);
        }
        names.unlink(&name);
    }
}

impl Disk for SimulatedDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> Result<Arc<dyn File>, DiskError> {
        let state = &mut *self.state.lock();
        let found = find(&state.root, path);
        let makes = found.is_none() && matches!(mode, OpenMode::Create | OpenMode::CreateNew);
        let call = if makes { Call::Create } else { Call::Open };
        state.begin(call, path).map_err(|refusal| refusal.error)?;
        let file = match found {
            Some(Node::Directory(_)) => return Err(error(call, path, EISDIR)),
            Some(Node::File(_)) if mode == OpenMode::CreateNew => {
                return Err(error(call, path, EEXIST));
            }
            Some(Node::File(file)) => file,
            None if makes => {
                let file: Arc<FileNode> = Arc::default();
                let parent = state.parent(call, path)?;
                parent.names.lock().link(split(path).1, Node::File(Arc::clone(&file)));
                file
            }
            None => return Err(error(call, path, ENOENT)),
        };
        Ok(Arc::new(SimulatedFile {
            state: Arc::clone(&self.state),
            node: file,
            path: path.to_owned(),
            life: state.life,
            is_writable: mode != OpenMode::Read,
        }))
    }

    fn list(&self, directory: &Path) -> Result<Vec<DirectoryEntry>, DiskError> {
        let state = &mut *self.state.lock();
        state.begin(Call::List, directory).map_err(|refusal| refusal.error)?;
        let node = state.directory(Call::List, directory)?;
        let names = node.names.lock();
        let entry = |(name, node): (&String, &Node)| DirectoryEntry {
            name: name.clone(),
            is_directory: matches!(node, Node::Directory(_)),
        };
        Ok(names.live.iter().map(entry).collect())
    }

    fn exists(&self, path: &Path) -> Result<bool, DiskError> {
        let state = &mut *self.state.lock();
        state.begin(Call::Exists, path).map_err(|refusal| refusal.error)?;
        Ok(find(&state.root, path).is_some())
    }

    fn create_directory(&self, path: &Path) -> Result<(), DiskError> {
        let state = &mut *self.state.lock();
        if matches!(find(&state.root, path), Some(Node::Directory(_))) {
            return match state.is_crashed {
                true => Err(crashed(Call::CreateDirectory, path)),
                false => Ok(()),
            };
        }
        state.begin(Call::CreateDirectory, path).map_err(|refusal| refusal.error)?;
        make_directories(&state.root, path)
            .map(|_| ())
            .ok_or_else(|| error(Call::CreateDirectory, path, ENOTDIR))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        let state = &mut *self.state.lock();
        state.begin(Call::Rename, from).map_err(|refusal| refusal.error)?;
        let ((from_parent, from_name), (to_parent, to_name)) = (split(from), split(to));
        if from_parent != to_parent {
            // Nothing of ours does it, and its half-durable states are many.
            return Err(error(Call::Rename, from, EXDEV));
        }
        let parent = state.parent(Call::Rename, from)?;
        let names = &mut *parent.names.lock();
        match (names.live.get(from_name), names.live.get(to_name)) {
            (None, _) => return Err(error(Call::Rename, from, ENOENT)),
            (Some(_), Some(Node::Directory(_))) => return Err(error(Call::Rename, to, EEXIST)),
            (Some(Node::Directory(_)), Some(Node::File(_))) => {
                return Err(error(Call::Rename, to, ENOTDIR));
            }
            _ => names.rename(from_name, to_name),
        }
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> Result<(), DiskError> {
        let state = &mut *self.state.lock();
        state.begin(Call::RemoveFile, path).map_err(|refusal| refusal.error)?;
        match find(&state.root, path) {
            Some(Node::File(_)) => {}
            Some(Node::Directory(_)) => return Err(error(Call::RemoveFile, path, EISDIR)),
            None => return Err(error(Call::RemoveFile, path, ENOENT)),
        }
        state.parent(Call::RemoveFile, path)?.names.lock().unlink(split(path).1);
        Ok(())
    }

    fn remove_directory(&self, path: &Path) -> Result<(), DiskError> {
        let state = &mut *self.state.lock();
        let admitted = state.begin(Call::RemoveDirectory, path);
        let directory = state.directory(Call::RemoveDirectory, path);
        if let Err(refusal) = admitted {
            if let (true, Ok(directory)) = (refusal.is_partial, directory)
                && state.random.one_in(2)
            {
                clear(&directory);
            }
            return Err(refusal.error);
        }
        clear(&*directory?);
        state.parent(Call::RemoveDirectory, path)?.names.lock().unlink(split(path).1);
        Ok(())
    }

    fn sync_directory(&self, path: &Path) -> Result<(), DiskError> {
        let state = &mut *self.state.lock();
        state.begin(Call::SyncDirectory, path).map_err(|refusal| refusal.error)?;
        state.directory(Call::SyncDirectory, path)?.names.lock().sync();
        Ok(())
    }

    fn sync_file_system(&self, path: &Path) -> Result<(), DiskError> {
        let state = &mut *self.state.lock();
        state.begin(Call::SyncFileSystem, path).map_err(|refusal| refusal.error)?;
        if find(&state.root, path).is_none() {
            return Err(error(Call::SyncFileSystem, path, ENOENT));
        }
        state.root.sync_all();
        Ok(())
    }

    fn space(&self, path: &Path) -> Result<DiskSpace, DiskError> {
        let state = &mut *self.state.lock();
        state.begin(Call::Space, path).map_err(|refusal| refusal.error)?;
        let total_bytes = state.quota_bytes.unwrap_or(1 << 40);
        Ok(DiskSpace { total_bytes, usable_bytes: state.usable_bytes().min(total_bytes) })
    }
}

#[cfg(test)]
mod tests;
