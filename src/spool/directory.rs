//! A spool's directory on the disk, held by one process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::error::SpoolError;
use super::files::Files;
use super::queue::is_of_spool;

/// The file that is locked while a process uses the directory. It stays when the process ends.
pub(super) const LOCK: &str = "lock";

/// A directory that this process alone uses.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    /// The system gives it up when the process ends, however it ends.
    _lock: File,
}

impl Directory {
    /// Creates the directory if it is not there, and locks it. One with other files is refused.
    pub(crate) fn open(path: &Path) -> Result<Directory, SpoolError> {
        let unusable = |error| SpoolError::Directory { directory: path.to_path_buf(), error };
        make(path, |parent| File::open(parent)?.sync_all()).map_err(unusable)?;
        // A directory of somebody else's gets no lock either.
        let names = fs::read_dir(path).map_err(unusable)?;
        let names = names.filter_map(|it| it.ok()?.file_name().into_string().ok());
        if let Some(foreign) = names.into_iter().find(|it| it != LOCK && !is_of_spool(it)) {
            return Err(SpoolError::Foreign(foreign));
        }
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).open(path.join(LOCK));
        let lock = lock.map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Directory { path: path.to_path_buf(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(SpoolError::InUse(path.to_path_buf())),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    fn of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// Makes a directory and those above it that are missing, and syncs the one above each: a
/// directory whose name is lost with the power takes its files along.
fn make(path: &Path, mut sync: impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    let missing: Vec<&Path> =
        path.ancestors().take_while(|it| !it.as_os_str().is_empty() && !it.exists()).collect();
    for directory in missing.iter().rev() {
        match fs::create_dir(directory) {
            // Another process was faster, or the path ends in "..".
            Err(_) if directory.is_dir() => {}
            made => made?,
        }
        above(directory).map_or(Ok(()), &mut sync)?;
    }
    Ok(())
}

/// The directory that has the name of this one. That of `spool` is called "", which nobody can
/// open.
fn above(path: &Path) -> Option<&Path> {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Some(Path::new(".")),
        parent => parent,
    }
}

impl Files for Directory {
    fn list(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.path)?;
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        names
            .map(|entry| entry.map(name))
            .filter(|it| !matches!(it, Ok(it) if it == LOCK))
            .collect()
    }

    fn length(&self, name: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.of(name))?.len())
    }

    fn read(&self, name: &str, at: u64, length: usize) -> io::Result<Vec<u8>> {
        let file = File::open(self.of(name))?;
        let rest = file.metadata()?.len().saturating_sub(at);
        let mut bytes = vec![0; length.min(usize::try_from(rest).unwrap_or(length))];
        file.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }

    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        OpenOptions::new().create(true).append(true).open(self.of(name))?.write_all(bytes)
    }

    fn overwrite(&self, name: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.of(name))?.write_all_at(bytes, at)
    }

    fn truncate(&self, name: &str, length: u64) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.of(name))?.set_len(length)
    }

    fn sync(&self, name: &str) -> io::Result<()> {
        File::open(self.of(name))?.sync_data()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.of(from), self.of(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.of(name))
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_uses_a_directory() {
        let path = tempfile::tempdir().unwrap();
        let path = path.path().join("a/b");
        let first = Directory::open(&path).unwrap();
        let second = Directory::open(&path).unwrap_err().to_string();
        assert!(second.ends_with("a/b is in use by another process"), "{second}");
        drop(first);
        Directory::open(&path).unwrap();
    }

    #[test]
    fn a_directory_with_something_else_is_left_alone() {
        let path = tempfile::tempdir().unwrap();
        fs::write(path.path().join("thesis.txt"), "all my work").unwrap();
        let error = Directory::open(path.path()).unwrap_err().to_string();
        assert_eq!(error, "this is not a spool: it holds \"thesis.txt\"");
        assert_eq!(fs::read_dir(path.path()).unwrap().count(), 1);
    }

    #[test]
    fn whatever_is_made_is_synced_in_the_directory_above() {
        let root = tempfile::tempdir().unwrap();
        let mut synced = Vec::new();
        let mut make = |path: &Path| {
            synced.clear();
            make(path, |parent| {
                synced.push(parent.to_path_buf());
                Ok(())
            })
            .unwrap();
            assert!(path.is_dir());
            synced.clone()
        };
        let path = root.path();
        assert_eq!(
            make(&path.join("a/b/c")),
            [path.to_path_buf(), path.join("a"), path.join("a/b")]
        );
        assert_eq!(make(&path.join("a/d")), [path.join("a")]);
        assert_eq!(make(&path.join("a/d")), [""; 0].map(PathBuf::from));
        assert_eq!(above(Path::new("spool")), Some(Path::new(".")));
        assert_eq!(above(Path::new("/")), None);
    }

    #[test]
    fn files_are_read_where_they_end() {
        let path = tempfile::tempdir().unwrap();
        let directory = Directory::open(path.path()).unwrap();
        directory.append("a", b"hello").unwrap();
        directory.append("a", b" you").unwrap();
        assert_eq!(directory.read("a", 4, 100).unwrap(), b"o you");
        assert_eq!(directory.read("a", 100, 100).unwrap(), b"");
        directory.truncate("a", 5).unwrap();
        directory.overwrite("a", 1, b"al").unwrap();
        assert_eq!(directory.read("a", 0, 9).unwrap(), b"hallo");
        assert!(directory.overwrite("nothing", 0, b"x").is_err());
        directory.sync("a").unwrap();
        directory.rename("a", "b").unwrap();
        directory.sync_directory().unwrap();
        assert_eq!(directory.list().unwrap(), ["b"]);
        assert_eq!(directory.length("b").unwrap(), 5);
        directory.remove("b").unwrap();
        assert_eq!(directory.list().unwrap(), [""; 0]);
    }
}
