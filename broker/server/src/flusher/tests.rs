//! Every ticket is reported once, with the truth; nothing is synced again after a failure.

use std::io::IoSlice;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kt_node::MachineId;
use kt_protocol::types::{Offset, TopicPartition};
use kt_storage::disk::{DirectoryEntry, DiskSpace, OpenMode};
use smallvec::smallvec;

use super::*;

/// A disk that counts what it is asked to make durable.
#[derive(Default)]
struct CountingDisk {
    directories: Mutex<Vec<PathBuf>>,
    file_systems: AtomicUsize,
    directory_fails: AtomicBool,
}

#[derive(Default)]
struct CountingFile {
    syncs: AtomicUsize,
    fails: AtomicBool,
}

fn input_output_error(operation: &'static str) -> DiskError {
    DiskError::new(operation, Path::new("/data/t-0"), &std::io::Error::from_raw_os_error(5))
}

impl File for CountingFile {
    fn len(&self) -> Result<u64, DiskError> {
        Ok(0)
    }
    fn read_at(&self, _: u64, _: &mut [u8]) -> Result<usize, DiskError> {
        Ok(0)
    }
    fn write_at(&self, _: u64, _: &[IoSlice<'_>]) -> Result<(), DiskError> {
        Ok(())
    }
    fn set_len(&self, _: u64) -> Result<(), DiskError> {
        Ok(())
    }
    fn sync(&self) -> Result<(), DiskError> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        if self.fails.swap(false, Ordering::SeqCst) {
            return Err(input_output_error("sync"));
        }
        Ok(())
    }
    fn modified(&self) -> Result<kt_protocol::types::Timestamp, DiskError> {
        Ok(kt_protocol::types::Timestamp(0))
    }
    fn read_ahead(&self, _: u64, _: u64) {}
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

impl Disk for CountingDisk {
    fn open(&self, _: &Path, _: OpenMode) -> Result<Arc<dyn File>, DiskError> {
        Ok(Arc::new(CountingFile::default()))
    }
    fn list(&self, _: &Path) -> Result<Vec<DirectoryEntry>, DiskError> {
        Ok(Vec::new())
    }
    fn exists(&self, _: &Path) -> Result<bool, DiskError> {
        Ok(false)
    }
    fn create_directory(&self, _: &Path) -> Result<(), DiskError> {
        Ok(())
    }
    fn rename(&self, _: &Path, _: &Path) -> Result<(), DiskError> {
        Ok(())
    }
    fn remove_file(&self, _: &Path) -> Result<(), DiskError> {
        Ok(())
    }
    fn remove_directory(&self, _: &Path) -> Result<(), DiskError> {
        Ok(())
    }
    fn sync_directory(&self, path: &Path) -> Result<(), DiskError> {
        self.directories.lock().push(path.to_owned());
        if self.directory_fails.load(Ordering::SeqCst) {
            return Err(input_output_error("sync directory"));
        }
        Ok(())
    }
    fn sync_file_system(&self, _: &Path) -> Result<(), DiskError> {
        self.file_systems.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
    fn space(&self, _: &Path) -> Result<DiskSpace, DiskError> {
        Ok(DiskSpace { total_bytes: 0, usable_bytes: 0 })
    }
}

struct Setup {
    disk: Arc<CountingDisk>,
    files: Vec<Arc<CountingFile>>,
    flusher: Flusher,
}

fn setup(files: usize) -> Setup {
    let disk = Arc::new(CountingDisk::default());
    let files = (0..files).map(|_| Arc::default()).collect();
    let flusher = Flusher::new(PathBuf::from("/data"), disk.clone());
    Setup { disk, files, flusher }
}

impl Setup {
    fn ticket(&self, index: usize) -> FlushTicket {
        let file: Arc<dyn File> = self.files[index].clone();
        FlushTicket {
            partition: TopicPartition::new("t", index as i32),
            machine: MachineId(1),
            log_directory: PathBuf::from("/data"),
            files: smallvec![file],
            directories: (index == 0).then(|| PathBuf::from("/data/t-0")).into_iter().collect(),
            up_to: Offset(7),
            generation: 0,
        }
    }

    fn round(&mut self, indices: &[usize]) -> Vec<(i32, bool)> {
        let tickets = indices.iter().map(|index| self.ticket(*index)).collect();
        let reported = self.flusher.round(tickets).into_iter();
        reported.map(|(ticket, result)| (ticket.partition.partition.0, result.is_ok())).collect()
    }

    fn syncs(&self) -> Vec<usize> {
        self.files.iter().map(|file| file.syncs.load(Ordering::SeqCst)).collect()
    }
}

#[test]
fn a_round_syncs_each_file_and_directory_once() {
    let mut setup = setup(9);
    let all: Vec<usize> = (0..9).collect();
    let reported = setup.round(&all);
    assert_eq!(reported, (0..9).map(|it| (it, true)).collect::<Vec<_>>());
    assert_eq!(setup.syncs(), [1; 9]);
    assert_eq!(*setup.disk.directories.lock(), [PathBuf::from("/data/t-0")]);
    // The same file twice in one round, of two tickets.
    setup.round(&[3, 3]);
    assert_eq!(setup.syncs()[3], 2);
}

#[test]
fn many_files_share_one_syncfs() {
    let mut setup = setup(SYNCFS_FILES_MIN);
    let all: Vec<usize> = (0..SYNCFS_FILES_MIN).collect();
    assert!(setup.round(&all).into_iter().all(|(_, is_ok)| is_ok));
    assert_eq!(setup.disk.file_systems.load(Ordering::SeqCst), 1);
    assert_eq!(setup.syncs(), [0; SYNCFS_FILES_MIN]);
}

#[test]
fn a_failed_flush_fails_its_ticket_and_is_never_tried_again() {
    let mut setup = setup(3);
    setup.files[1].fails.store(true, Ordering::SeqCst);
    assert_eq!(setup.round(&[0, 1, 2]), [(0, true), (1, false), (2, true)]);
    // The file would say success now. It is not asked.
    assert_eq!(setup.round(&[1, 2]), [(1, false), (2, false)]);
    assert_eq!(setup.syncs(), [1, 1, 1]);
}

#[test]
fn a_directory_that_fails_fails_who_named_it() {
    let mut setup = setup(2);
    setup.disk.directory_fails.store(true, Ordering::SeqCst);
    assert_eq!(setup.round(&[0, 1]), [(0, false), (1, true)]);
}
