//! `.txnindex`: the aborted transactions of a segment, in the order of their markers.
//!
//! ```text
//!  0  i16  version (0)
//!  2  i64  producer id
//! 10  i64  first offset of the transaction
//! 18  i64  last offset: that of the abort marker
//! 26  i64  last stable offset once the marker was written
//! ```
//!
//! There is no file until a transaction is aborted. Unlike the other indexes it is no hint: a
//! reader that misses an entry sees records that were taken back. Kafka's `TransactionIndex` and
//! `AbortedTxn`.

use std::io::IoSlice;

use kt_protocol::types::{Offset, ProducerId};

use crate::disk::{DiskError, File};

/// The size of an entry.
pub const ENTRY_BYTES: u64 = 34;
const VERSION: i16 = 0;
/// Entries that are read at once: about a page.
const ENTRIES_PER_READ: u64 = 120;

/// An aborted transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Whose it was.
    pub producer_id: ProducerId,
    /// Its first record.
    pub first_offset: Offset,
    /// Its abort marker.
    pub last_offset: Offset,
    /// The last stable offset once the marker was written: later entries of this index have none
    /// below it, so a search may stop there.
    pub last_stable_offset: Offset,
}

/// A transaction index that cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TransactionIndexError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Bytes that are no entry, or one that does not belong there. The index is to be made anew
    /// from the log.
    #[error("entry {entry} of the transaction index is unsound: {reason}")]
    Unsound {
        /// The entry's number, from 0.
        entry: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl AbortedTransaction {
    /// Its bytes in the file.
    pub fn encode(&self) -> [u8; ENTRY_BYTES as usize] {
        let mut bytes = [0; ENTRY_BYTES as usize];
        bytes[0..2].copy_from_slice(&VERSION.to_be_bytes());
        bytes[2..10].copy_from_slice(&self.producer_id.0.to_be_bytes());
        bytes[10..18].copy_from_slice(&self.first_offset.0.to_be_bytes());
        bytes[18..26].copy_from_slice(&self.last_offset.0.to_be_bytes());
        bytes[26..34].copy_from_slice(&self.last_stable_offset.0.to_be_bytes());
        bytes
    }

    /// Reads it from its bytes; an error is a word on what is wrong.
    fn decode(bytes: &[u8; ENTRY_BYTES as usize]) -> Result<AbortedTransaction, &'static str> {
        let number = |at: usize| {
            i64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes were taken"))
        };
        if bytes[0..2] != VERSION.to_be_bytes() {
            return Err("its version is unknown");
        }
        let found = AbortedTransaction {
            producer_id: ProducerId(number(2)),
            first_offset: Offset(number(10)),
            last_offset: Offset(number(18)),
            last_stable_offset: Offset(number(26)),
        };
        if found.producer_id.0 < 0 || found.first_offset.0 < 0 || found.last_stable_offset.0 < 0 {
            return Err("it has a negative number");
        }
        // A marker stands behind the first record; zeros, which a power cut leaves, say otherwise.
        if found.last_offset <= found.first_offset {
            return Err("it ends before it begins");
        }
        Ok(found)
    }
}

/// The entries of an index, read a few at a time.
pub struct Entries<'a> {
    file: &'a dyn File,
    length: u64,
    next: u64,
    buffer: Vec<u8>,
    buffer_at: u64,
}

impl<'a> Entries<'a> {
    /// Reads `file` from its first entry.
    ///
    /// # Errors
    /// The disk's.
    pub fn new(file: &'a dyn File) -> Result<Entries<'a>, TransactionIndexError> {
        Ok(Entries { file, length: file.len()?, next: 0, buffer: Vec::new(), buffer_at: 0 })
    }

    /// The next entry; none at the end.
    ///
    /// # Errors
    /// The disk's, or the entry is none.
    pub fn next_entry(&mut self) -> Result<Option<AbortedTransaction>, TransactionIndexError> {
        let entry = self.next;
        let unsound = |reason| TransactionIndexError::Unsound { entry, reason };
        let position = entry * ENTRY_BYTES;
        if self.length <= position {
            return Ok(None);
        }
        if self.buffer_at + self.buffer.len() as u64 <= position {
            let count = (self.length - position).min(ENTRIES_PER_READ * ENTRY_BYTES);
            self.buffer.resize(count as usize, 0);
            let read = self.file.read_at(position, &mut self.buffer)?;
            self.buffer.truncate(read);
            self.buffer_at = position;
        }
        let bytes = self.buffer.get((position - self.buffer_at) as usize..).unwrap_or_default();
        let bytes = bytes.first_chunk().ok_or_else(|| unsound("the file ends within it"))?;
        self.next += 1;
        AbortedTransaction::decode(bytes).map(Some).map_err(unsound)
    }
}

/// Adds an entry at the end.
///
/// # Errors
/// The disk's. What was written of the entry is cut off again, or, where that fails too, found by
/// [`check`].
pub fn append(file: &dyn File, aborted: &AbortedTransaction) -> Result<(), DiskError> {
    let length = file.len()?;
    let end = length - length % ENTRY_BYTES;
    if let Err(error) = file.write_at(end, &[IoSlice::new(&aborted.encode())]) {
        let _ = file.set_len(end);
        return Err(error);
    }
    Ok(())
}

/// Collects the transactions that a reader of `from..upper_bound` must skip. True if all are found,
/// false if the next segment's index may hold more.
///
/// # Errors
/// The disk's, or an unsound entry.
pub fn collect(
    file: &dyn File,
    from: Offset,
    upper_bound: Offset,
    aborted: &mut Vec<AbortedTransaction>,
) -> Result<bool, TransactionIndexError> {
    let mut entries = Entries::new(file)?;
    while let Some(entry) = entries.next_entry()? {
        if from <= entry.last_offset && entry.first_offset < upper_bound {
            aborted.push(entry);
        }
        if upper_bound <= entry.last_stable_offset {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The entries whose marker is below `end_offset`.
///
/// # Errors
/// The disk's, or an unsound entry before.
pub(crate) fn entries_below(
    file: &dyn File,
    end_offset: Offset,
) -> Result<Vec<AbortedTransaction>, TransactionIndexError> {
    let mut entries = Entries::new(file)?;
    let mut below = Vec::new();
    while let Some(entry) = entries.next_entry()?.filter(|it| it.last_offset < end_offset) {
        below.push(entry);
    }
    Ok(below)
}

/// Forgets the transactions whose marker is at `end_offset` or above: the log was cut there.
///
/// # Errors
/// The disk's, or an unsound entry before the cut.
pub fn truncate(file: &dyn File, end_offset: Offset) -> Result<(), TransactionIndexError> {
    let mut entries = Entries::new(file)?;
    while let Some(entry) = entries.next_entry()? {
        if end_offset <= entry.last_offset {
            let kept = entries.next - 1;
            file.set_len(kept * ENTRY_BYTES)?;
            return Ok(());
        }
    }
    Ok(())
}

/// Checks every entry: that it is one, that it ends in the segment (from `base_offset` up to
/// `end_offset`), and that markers follow each other.
///
/// # Errors
/// The disk's, or the first unsound entry.
pub fn check(
    file: &dyn File,
    base_offset: Offset,
    end_offset: Offset,
) -> Result<(), TransactionIndexError> {
    let mut entries = Entries::new(file)?;
    let mut previous: Option<AbortedTransaction> = None;
    while let Some(entry) = entries.next_entry()? {
        let unsound = |reason| TransactionIndexError::Unsound { entry: entries.next - 1, reason };
        if entry.last_offset < base_offset || end_offset <= entry.last_offset {
            return Err(unsound("its marker is not in the segment"));
        }
        if previous.is_some_and(|previous| entry.last_offset <= previous.last_offset) {
            return Err(unsound("its marker is not above the one before"));
        }
        previous = Some(entry);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::disk::{Disk, OpenMode};
    use crate::simulated_disk::{Call, Fault, SimulatedDisk};

    const PATH: &str = "/data/00000000000000000000.txnindex";

    fn entry(producer_id: i64, first: i64, last: i64, stable: i64) -> AbortedTransaction {
        AbortedTransaction {
            producer_id: ProducerId(producer_id),
            first_offset: Offset(first),
            last_offset: Offset(last),
            last_stable_offset: Offset(stable),
        }
    }

    fn open(disk: &SimulatedDisk) -> Arc<dyn File> {
        disk.open(Path::new(PATH), OpenMode::Create).unwrap()
    }

    fn index(entries: &[AbortedTransaction]) -> (SimulatedDisk, Arc<dyn File>) {
        let disk = SimulatedDisk::new(2);
        disk.import([(PATH.into(), Vec::new())]);
        let file = open(&disk);
        entries.iter().for_each(|entry| append(&*file, entry).unwrap());
        (disk, file)
    }

    fn all(file: &Arc<dyn File>) -> Vec<AbortedTransaction> {
        let mut entries = Entries::new(&**file).unwrap();
        std::iter::from_fn(|| entries.next_entry().unwrap()).collect()
    }

    /// As the fixture `txn-0/00000000000000000047.txnindex` has them.
    fn interleaved() -> Vec<AbortedTransaction> {
        vec![entry(9, 41, 49, 50), entry(8, 50, 57, 51), entry(9, 51, 59, 60), entry(8, 62, 63, 64)]
    }

    #[test]
    fn a_reader_gets_the_transactions_it_must_skip_and_stops_early() {
        let (_, file) = index(&interleaved());
        let collected = |from, to| {
            let mut found = Vec::new();
            let is_complete = collect(&*file, Offset(from), Offset(to), &mut found).unwrap();
            (found.iter().map(|entry| entry.last_offset.0).collect::<Vec<_>>(), is_complete)
        };
        assert_eq!(collected(0, 41), (vec![], true));
        assert_eq!(collected(0, 42), (vec![49], true));
        assert_eq!(collected(50, 51), (vec![57], true));
        assert_eq!(collected(58, 61), (vec![59], true));
        assert_eq!(collected(41, 64), (vec![49, 57, 59, 63], true));
        assert_eq!(collected(60, 100), (vec![63], false));
    }

    #[test]
    fn truncation_forgets_markers_that_were_cut_off() {
        for (end, kept) in [(0, 0), (49, 0), (50, 1), (57, 1), (60, 3), (64, 4), (100, 4)] {
            let (_, file) = index(&interleaved());
            truncate(&*file, Offset(end)).unwrap();
            assert_eq!(all(&file), interleaved()[..kept]);
        }
    }

    #[test]
    fn entries_that_cannot_be_there_are_found() {
        let message = |base, end, entries: &[AbortedTransaction]| {
            let (_, file) = index(entries);
            check(&*file, Offset(base), Offset(end)).unwrap_err().to_string()
        };
        let (_, file) = index(&interleaved());
        check(&*file, Offset(47), Offset(64)).unwrap();
        assert!(message(50, 99, &interleaved()).contains("entry 0"));
        assert!(message(47, 63, &interleaved()).contains("its marker is not in the segment"));
        let repeated = [entry(1, 1, 5, 6), entry(2, 2, 5, 6)];
        assert!(message(0, 99, &repeated).contains("not above the one before"));
        assert!(message(0, 99, &[entry(1, 9, 5, 6)]).contains("ends before it begins"));
        assert!(message(0, 99, &[entry(-1, 1, 5, 6)]).contains("negative"));
        file.set_len(4 * ENTRY_BYTES - 1).unwrap();
        let torn = check(&*file, Offset(0), Offset(99)).unwrap_err().to_string();
        assert_eq!(torn, "entry 3 of the transaction index is unsound: the file ends within it");
    }

    #[test]
    fn a_failed_append_leaves_whole_entries() {
        for seed in 0..20 {
            let disk = SimulatedDisk::new(seed);
            disk.import([(PATH.into(), interleaved()[0].encode().to_vec())]);
            let file = open(&disk);
            disk.fail(Call::Write, 1, Fault::Enospc);
            append(&*file, &interleaved()[1]).unwrap_err();
            assert_eq!(all(&file), interleaved()[..1]);
            append(&*file, &interleaved()[1]).unwrap();
            assert_eq!(all(&file), interleaved()[..2]);
        }
    }

    proptest! {
        #[test]
        fn many_entries_read_back(count in 0..400i64) {
            let entries: Vec<_> = (0..count).map(|at| entry(at, at * 3, at * 3 + 2, at * 3 + 3)).collect();
            let (_, file) = index(&entries);
            prop_assert_eq!(all(&file), entries);
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let disk = SimulatedDisk::new(2);
            disk.import([(PATH.into(), bytes)]);
            let file = open(&disk);
            let _ = check(&*file, Offset(0), Offset(i64::MAX));
            let _ = collect(&*file, Offset(0), Offset(10), &mut Vec::new());
            let _ = truncate(&*file, Offset(5));
        }
    }
}
