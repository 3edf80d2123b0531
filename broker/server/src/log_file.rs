//! A file of logs that never grows without bound: a full one becomes `FILE.1`, in place of the last.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// When a file is full. With the one before it there are twice as many bytes at most.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Appends to a file that only its owner reads.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    bytes_max: u64,
}

impl LogFile {
    /// Opens it, with its folder, and goes on at its end.
    pub(crate) fn open(path: &Path) -> io::Result<LogFile> {
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let file = append(path)?;
        let bytes = file.metadata()?.len();
        Ok(LogFile { path: path.to_owned(), file, bytes, bytes_max: FILE_BYTES_MAX })
    }

    fn turn_over(&mut self) -> io::Result<()> {
        let mut full = self.path.clone().into_os_string();
        full.push(".1");
        fs::rename(&self.path, full)?;
        self.file = append(&self.path)?;
        self.bytes = 0;
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.bytes_max <= self.bytes {
            self.turn_over()?;
        }
        let written = self.file.write(line)?;
        self.bytes = self.bytes.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file_makes_room_and_the_one_before_it_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kt/serve.log");
        let mut log = LogFile { bytes_max: 8, ..LogFile::open(&path).unwrap() };
        for line in ["first\n", "more\n", "third\n", "fourth\n", "fifth\n"] {
            log.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(
            fs::read_to_string(folder.path().join("kt/serve.log.1")).unwrap(),
            "third\nfourth\n"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "fifth\n");
        assert_eq!(fs::read_dir(folder.path().join("kt")).unwrap().count(), 2);
    }

    #[test]
    fn another_run_goes_on_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("serve.log");
        for line in ["one\n", "two\n"] {
            let mut log = LogFile::open(&path).unwrap();
            assert_eq!(log.bytes, if line == "one\n" { 0 } else { 4 });
            log.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }
}
