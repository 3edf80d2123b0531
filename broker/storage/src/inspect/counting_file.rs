//! A file for tests that knows how much of it was read.

use std::io::IoSlice;
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use kt_protocol::types::Timestamp;

use crate::disk::{DiskError, File};

/// A file in memory, of which some bytes cannot be read, and which counts those that are.
pub(super) struct CountingFile {
    bytes: Vec<u8>,
    unreadable: Range<u64>,
    /// How many bytes were read.
    read: AtomicU64,
}

impl CountingFile {
    pub(super) fn new(bytes: Vec<u8>, unreadable: Range<u64>) -> CountingFile {
        CountingFile { bytes, unreadable, read: AtomicU64::new(0) }
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl File for CountingFile {
    fn len(&self) -> Result<u64, DiskError> {
        Ok(self.bytes.len() as u64)
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<usize, DiskError> {
        let rest = self.bytes.get(position as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        let asked = position..position + length as u64;
        if asked.start < self.unreadable.end && self.unreadable.start < asked.end {
            let error = std::io::Error::from_raw_os_error(5);
            return Err(DiskError::new("read", Path::new("/x.log"), &error));
        }
        self.read.fetch_add(length as u64, Ordering::Relaxed);
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn write_at(&self, _: u64, _: &[IoSlice<'_>]) -> Result<(), DiskError> {
        panic!("inspection never writes")
    }

    fn set_len(&self, _: u64) -> Result<(), DiskError> {
        panic!("inspection never truncates")
    }

    fn sync(&self) -> Result<(), DiskError> {
        panic!("inspection never syncs")
    }

    fn read_ahead(&self, _: u64, _: u64) {}

    fn modified(&self) -> Result<Timestamp, DiskError> {
        Ok(Timestamp(0))
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
