//! The disk of the operating system.
//!
//! Files and directories are made readable by their owner and group only: they hold other people's
//! data.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IoSlice};
use std::num::NonZeroU64;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use kt_protocol::types::Timestamp;
use kt_storage::disk::{DirectoryEntry, DiskSpace, OpenMode};
use kt_storage::{Disk, DiskError, File};
use parking_lot::Mutex;
use rustix::fs::Advice;

const FILE_PERMISSIONS: u32 = 0o640;
const DIRECTORY_PERMISSIONS: u32 = 0o750;

/// How many buffers one `pwritev` takes (Linux's `IOV_MAX`).
const BUFFERS_PER_CALL: usize = 1024;

/// The disk of the operating system.
#[derive(Default)]
pub struct RealDisk {
    /// A descriptor for each path that `syncfs` was called for, kept from the first call on: the
    /// kernel tells of an error in writing back only those whose descriptor is older than it.
    /// There is one to a log directory.
    file_systems: Mutex<BTreeMap<PathBuf, Arc<fs::File>>>,
}

impl RealDisk {
    /// The disk of the operating system.
    pub fn new() -> RealDisk {
        RealDisk::default()
    }

    fn file_system(&self, path: &Path) -> io::Result<Arc<fs::File>> {
        let mut file_systems = self.file_systems.lock();
        if let Some(descriptor) = file_systems.get(path) {
            return Ok(Arc::clone(descriptor));
        }
        let descriptor = Arc::new(fs::File::open(path)?);
        file_systems.insert(path.to_owned(), Arc::clone(&descriptor));
        Ok(descriptor)
    }
}

impl Disk for RealDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> Result<Arc<dyn File>, DiskError> {
        let mut options = fs::OpenOptions::new();
        options.read(true).mode(FILE_PERMISSIONS);
        match mode {
            OpenMode::Read => &mut options,
            OpenMode::Write => options.write(true),
            OpenMode::Create => options.write(true).create(true).truncate(false),
            OpenMode::CreateNew => options.write(true).create_new(true),
        };
        let file = options.open(path).map_err(|error| DiskError::new("open", path, &error))?;
        Ok(Arc::new(RealFile { file, path: path.to_owned() }))
    }

    fn list(&self, directory: &Path) -> Result<Vec<DirectoryEntry>, DiskError> {
        list(directory).map_err(|error| DiskError::new("list", directory, &error))
    }

    fn exists(&self, path: &Path) -> Result<bool, DiskError> {
        path.try_exists().map_err(|error| DiskError::new("stat", path, &error))
    }

    fn create_directory(&self, path: &Path) -> Result<(), DiskError> {
        let mut builder = fs::DirBuilder::new();
        let result = builder.recursive(true).mode(DIRECTORY_PERMISSIONS).create(path);
        result.map_err(|error| DiskError::new("create directory", path, &error))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        fs::rename(from, to).map_err(|error| DiskError::new("rename", from, &error))
    }

    fn remove_file(&self, path: &Path) -> Result<(), DiskError> {
        fs::remove_file(path).map_err(|error| DiskError::new("remove", path, &error))
    }

    fn remove_directory(&self, path: &Path) -> Result<(), DiskError> {
        fs::remove_dir_all(path).map_err(|error| DiskError::new("remove directory", path, &error))
    }

    fn sync_directory(&self, path: &Path) -> Result<(), DiskError> {
        let result = fs::File::open(path).and_then(|directory| directory.sync_all());
        result.map_err(|error| DiskError::new("sync directory", path, &error))
    }

    fn sync_file_system(&self, path: &Path) -> Result<(), DiskError> {
        let result = self.file_system(path).and_then(|descriptor| sync_file_system(&descriptor));
        result.map_err(|error| DiskError::new("sync file system", path, &error))
    }

    fn space(&self, path: &Path) -> Result<DiskSpace, DiskError> {
        let space = rustix::fs::statvfs(path)
            .map_err(|error| DiskError::new("ask for space", path, &error.into()))?;
        Ok(DiskSpace {
            total_bytes: space.f_blocks.saturating_mul(space.f_frsize),
            usable_bytes: space.f_bavail.saturating_mul(space.f_frsize),
        })
    }
}

fn list(directory: &Path) -> io::Result<Vec<DirectoryEntry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        // A partition may be a link to a directory elsewhere; a link to nowhere is no directory.
        let is_directory = kind.is_dir()
            || (kind.is_symlink() && fs::metadata(entry.path()).is_ok_and(|it| it.is_dir()));
        let name = entry.file_name().to_string_lossy().into_owned();
        entries.push(DirectoryEntry { name, is_directory });
    }
    entries.sort_unstable();
    Ok(entries)
}

#[cfg(target_os = "linux")]
fn sync_file_system(descriptor: &fs::File) -> io::Result<()> {
    Ok(rustix::fs::syncfs(descriptor)?)
}

/// Elsewhere no call reports errors for a whole file system.
#[cfg(not(target_os = "linux"))]
fn sync_file_system(_descriptor: &fs::File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// An open file of the operating system.
struct RealFile {
    file: fs::File,
    /// Where it was when it was opened, for errors.
    path: PathBuf,
}

impl RealFile {
    fn error(&self, operation: &'static str, error: &io::Error) -> DiskError {
        DiskError::new(operation, &self.path, error)
    }
}

impl File for RealFile {
    fn len(&self) -> Result<u64, DiskError> {
        let metadata = self.file.metadata().map_err(|error| self.error("stat", &error))?;
        Ok(metadata.len())
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<usize, DiskError> {
        read_at(&self.file, position, buffer).map_err(|error| self.error("read", &error))
    }

    fn write_at(&self, position: u64, buffers: &[IoSlice<'_>]) -> Result<(), DiskError> {
        let result = match buffers {
            [bytes] => self.file.write_all_at(bytes, position),
            _ => write_all_at(&self.file, position, &mut buffers.to_vec()),
        };
        result.map_err(|error| self.error("write", &error))
    }

    fn set_len(&self, length: u64) -> Result<(), DiskError> {
        self.file.set_len(length).map_err(|error| self.error("set length", &error))
    }

    fn allocate(&self, length: u64) -> Result<(), DiskError> {
        match allocate(&self.file, length) {
            // Not every file system can; a longer file does no harm there.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => self.set_len(length),
            result => result.map_err(|error| self.error("allocate", &error)),
        }
    }

    // There is no call that starts writing back: `sync_file_range` has no safe wrapper (neither
    // rustix nor nix has one), and the advice that would also do it (`POSIX_FADV_DONTNEED`) drops
    // what consumers at the end of the log read next. Group commit keeps the dirty pages few.
    fn sync(&self) -> Result<(), DiskError> {
        self.file.sync_data().map_err(|error| self.error("sync", &error))
    }

    fn read_ahead(&self, position: u64, length: u64) {
        // A length of zero would mean up to the end.
        if let Some(length) = NonZeroU64::new(length) {
            // A hint that is refused is no error: the read that follows tells.
            let _ = rustix::fs::fadvise(&self.file, position, Some(length), Advice::WillNeed);
        }
    }

    fn modified(&self) -> Result<Timestamp, DiskError> {
        let modified = self.file.metadata().and_then(|metadata| metadata.modified());
        let modified = modified.map_err(|error| self.error("stat", &error))?;
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.file.as_fd())
    }
}

#[cfg(target_os = "linux")]
fn allocate(file: &fs::File, length: u64) -> io::Result<()> {
    Ok(rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, length)?)
}

/// Elsewhere there is no call that extends the file too.
#[cfg(not(target_os = "linux"))]
fn allocate(_file: &fs::File, _length: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn read_at(file: &fs::File, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], position + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Consumes `buffers` from the front.
fn write_all_at(file: &fs::File, position: u64, buffers: &mut [IoSlice<'_>]) -> io::Result<()> {
    let (mut rest, mut position) = (buffers, position);
    // Without this, empty buffers alone would look like a write of nothing.
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        let now = &rest[..rest.len().min(BUFFERS_PER_CALL)];
        match rustix::io::pwritev(file, now, position) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                IoSlice::advance_slices(&mut rest, count);
                position += count as u64;
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> (tempfile::TempDir, RealDisk) {
        (tempfile::tempdir().unwrap(), RealDisk::new())
    }

    fn contents(file: &Arc<dyn File>) -> Vec<u8> {
        let mut bytes = vec![0; file.len().unwrap() as usize + 10];
        let count = file.read_at(0, &mut bytes).unwrap();
        bytes.truncate(count);
        bytes
    }

    #[test]
    fn all_of_many_buffers_is_written_at_its_position() {
        let (directory, disk) = disk();
        let file = disk.open(&directory.path().join("file"), OpenMode::CreateNew).unwrap();
        let bytes: Vec<u8> = (0..10_000u32).map(|at| at as u8).collect();
        // More buffers than one call takes, with empty ones among them.
        let buffers: Vec<IoSlice<'_>> =
            bytes.chunks(3).flat_map(|it| [IoSlice::new(it), IoSlice::new(&[])]).collect();
        file.write_at(5, &buffers).unwrap();
        file.write_at(2, &[IoSlice::new(b"abc")]).unwrap();
        file.write_at(0, &[]).unwrap();
        file.write_at(0, &[IoSlice::new(&[]), IoSlice::new(&[])]).unwrap();
        assert_eq!(contents(&file), [b"\0\0abc", &bytes[..]].concat());
        file.set_len(4).unwrap();
        file.sync().unwrap();
        assert_eq!(contents(&file), b"\0\0ab");
        assert!(file.descriptor().is_some());
        file.read_ahead(0, 0);
        file.read_ahead(0, 100);
    }

    #[test]
    fn modes_say_what_may_be_there_and_what_may_be_done() {
        let (directory, disk) = disk();
        let path = directory.path().join("file");
        for mode in [OpenMode::Read, OpenMode::Write] {
            assert!(disk.open(&path, mode).err().unwrap().is_not_found());
        }
        let file = disk.open(&path, OpenMode::Create).unwrap();
        file.write_at(0, &[IoSlice::new(b"kept")]).unwrap();
        assert_eq!(contents(&disk.open(&path, OpenMode::Create).unwrap()), b"kept");
        let error = disk.open(&path, OpenMode::CreateNew).err().unwrap();
        assert_eq!(error.kind, io::ErrorKind::AlreadyExists);
        let reader = disk.open(&path, OpenMode::Read).unwrap();
        let error = reader.write_at(0, &[IoSlice::new(b"x")]).unwrap_err();
        assert_eq!((error.operation, error.path), ("write", path));
    }

    #[test]
    fn a_file_tells_when_it_was_changed_and_takes_its_space_ahead() {
        use std::os::unix::fs::MetadataExt;
        let (directory, disk) = disk();
        let path = directory.path().join("file");
        let file = disk.open(&path, OpenMode::Create).unwrap();
        file.write_at(0, &[IoSlice::new(b"abc")]).unwrap();
        let written = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(1_700_000_000_123);
        fs::File::open(&path).unwrap().set_modified(written).unwrap();
        assert_eq!(file.modified().unwrap(), Timestamp(1_700_000_000_123));
        file.allocate(1 << 20).unwrap();
        assert_eq!(file.len().unwrap(), 1 << 20);
        assert!(contents(&file).starts_with(b"abc\0"));
        assert!(Timestamp(1_700_000_000_123) < file.modified().unwrap());
        // tmpfs, ext4, xfs and btrfs all take the space.
        assert!(1 << 11 <= fs::metadata(&path).unwrap().blocks());
        let reader = disk.open(&path, OpenMode::Read).unwrap();
        assert_eq!(reader.allocate(2 << 20).unwrap_err().operation, "allocate");
    }

    #[test]
    fn names_are_made_listed_renamed_and_removed() {
        let (directory, disk) = disk();
        let at = |name: &str| directory.path().join(name);
        disk.create_directory(&at("b/c")).unwrap();
        disk.create_directory(&at("b/c")).unwrap();
        disk.open(&at("a"), OpenMode::Create).unwrap();
        std::os::unix::fs::symlink(at("b"), at("link")).unwrap();
        let list = |path: &Path| -> Vec<(String, bool)> {
            let entries = disk.list(path).unwrap();
            entries.into_iter().map(|it| (it.name, it.is_directory)).collect()
        };
        let entry = |name: &str, is_directory| (name.to_owned(), is_directory);
        assert_eq!(
            list(directory.path()),
            [entry("a", false), entry("b", true), entry("link", true)]
        );
        disk.rename(&at("b"), &at("d")).unwrap();
        disk.sync_directory(directory.path()).unwrap();
        disk.sync_file_system(directory.path()).unwrap();
        disk.sync_file_system(directory.path()).unwrap();
        assert!(disk.exists(&at("d/c")).unwrap() && !disk.exists(&at("b")).unwrap());
        disk.remove_directory(&at("d")).unwrap();
        disk.remove_file(&at("a")).unwrap();
        assert!(disk.remove_file(&at("a")).unwrap_err().is_not_found());
        assert_eq!(list(directory.path()), [entry("link", false)], "it leads nowhere now");
        let space = disk.space(directory.path()).unwrap();
        assert!(0 < space.usable_bytes && space.usable_bytes <= space.total_bytes);
    }
}
