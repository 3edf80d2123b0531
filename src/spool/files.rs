//! What a spool asks of a directory. Names are those of files in it.

use std::io;

/// A flat directory. A simulated one has the same calls and can crash at each of them.
pub(crate) trait Files {
    fn list(&self) -> io::Result<Vec<String>>;

    /// How long a file is, in bytes.
    fn length(&self, name: &str) -> io::Result<u64>;

    /// Bytes from `at` on; fewer than `length` at the end of the file.
    fn read(&self, name: &str, at: u64, length: usize) -> io::Result<Vec<u8>>;

    /// Writes to the end of a file, which is created if it is not there.
    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Writes over bytes that a file has: no more room is needed for that.
    fn overwrite(&self, name: &str, at: u64, bytes: &[u8]) -> io::Result<()>;

    fn truncate(&self, name: &str, length: u64) -> io::Result<()>;

    /// Makes a file's bytes survive a loss of power.
    fn sync(&self, name: &str) -> io::Result<()>;

    /// Gives a file another name. One that has that name is replaced.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes creations, renamings and removals survive a loss of power.
    fn sync_directory(&self) -> io::Result<()>;
}
