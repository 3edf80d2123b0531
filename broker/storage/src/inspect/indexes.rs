//! The entries of `.index`, `.timeindex` and `.txnindex`, each held against the log.

use kt_protocol::types::{Offset, Timestamp};

use crate::disk::{DiskError, File};
use crate::offset_index::OffsetEntry;
use crate::scan::{HeaderScan, Located, ScanError};
use crate::sparse_index::IndexEntry;
use crate::time_index::TimeEntry;
use crate::transaction_index::{self, AbortedTransaction, TransactionIndexError};
use kt_protocol::records::BatchError;

/// Entries are read so many bytes at a time: whole ones of either index.
const CHUNK_BYTES: usize = 24 << 10;

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexFault {
    /// Where in the index.
    pub position: u64,
    /// What is wrong.
    pub reason: String,
    /// True if it only points behind the whole batches of the log, as after a crash.
    pub is_beyond_log: bool,
}

/// What the log has where an entry points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBatch {
    /// A batch with this last offset.
    LastOffset(Offset),
    /// The end of the log, or a batch that is cut off.
    Nothing,
    /// Something else than a batch.
    NoBatch,
    /// There is no log to look at.
    NoLog,
}

/// An entry of an offset index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetIndexEntry {
    /// Where it stands in the index.
    pub at: u64,
    /// The last offset of a batch.
    pub offset: Offset,
    /// Where that batch begins in the log.
    pub position: i32,
    /// What the log has there.
    pub found: FoundBatch,
    /// Whether it is only zeros: the index was made and not yet written.
    pub is_blank: bool,
}

/// The first batch of the log that reaches an entry's offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundTime {
    /// Its last offset.
    pub last_offset: Offset,
    /// Its greatest timestamp.
    pub timestamp: Timestamp,
    /// Whether compaction has left no record in it.
    pub is_empty: bool,
}

/// An entry of a time index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeIndexEntry {
    /// Where it stands in the index.
    pub at: u64,
    /// The greatest timestamp so far.
    pub timestamp: Timestamp,
    /// The last offset of the batch that has it.
    pub offset: Offset,
    /// The batch of the log; none if it ends before.
    pub found: Option<FoundTime>,
    /// Whether it is only zeros.
    pub is_blank: bool,
}

/// An entry of a transaction index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionEntry {
    /// Where it stands in the index.
    pub at: u64,
    /// What it says.
    pub aborted: AbortedTransaction,
}

/// Reads the entries of a file until the zeros of preallocation. Gives each with where it stands,
/// and at last what is left over.
fn entries<E: IndexEntry, X: From<DiskError>>(
    index: &dyn File,
    mut each: impl FnMut(u64, E) -> Result<(), X>,
) -> Result<Option<IndexFault>, X> {
    let end = index.len()?;
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut at = 0;
    while at < end {
        let read = index.read_at(at, &mut buffer)?;
        let chunks = buffer.get(..read).unwrap_or_default().chunks_exact(E::BYTES);
        let rest = chunks.remainder().len();
        for bytes in chunks {
            let entry = E::decode(bytes);
            // An offset like the base's is that of no entry but perhaps the first.
            if at != 0 && entry.relative_offset() == 0 {
                return Ok(blank_rest(index, at, end)?);
            }
            each(at, entry)?;
            at += E::BYTES as u64;
        }
        if read < CHUNK_BYTES {
            let reason = format!("{rest} bytes at the end are no entry");
            let fault = IndexFault { position: at, reason, is_beyond_log: false };
            return Ok((rest != 0).then_some(fault));
        }
    }
    Ok(None)
}

/// Behind the entries are zeros, or something else is wrong.
fn blank_rest(index: &dyn File, at: u64, end: u64) -> Result<Option<IndexFault>, DiskError> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut at = at;
    while at < end {
        let read = index.read_at(at, &mut buffer)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        if let Some(written) = bytes.iter().position(|byte| *byte != 0) {
            let position = at + written as u64;
            let reason = "what stands behind the entries is not zero".to_owned();
            return Ok(Some(IndexFault { position, reason, is_beyond_log: false }));
        }
        if read < CHUNK_BYTES {
            break;
        }
        at += read as u64;
    }
    Ok(None)
}

/// Reads the entries of a sparse index. `look_up` makes of each what is shown, and says what is
/// wrong with it if it follows the one before as it should.
fn sparse_index<E: IndexEntry, S, X: From<DiskError>>(
    index: &dyn File,
    mut look_up: impl FnMut(u64, E) -> (S, Option<Wrong>),
    mut each: impl FnMut(Option<S>, Option<IndexFault>) -> Result<(), X>,
) -> Result<(), X> {
    let mut last: Option<E> = None;
    let left = entries(index, |at, entry: E| {
        let (shown, wrong) = look_up(at, entry);
        let wrong = match last {
            _ if entry.is_zero() => None,
            Some(before) if !before.precedes(&entry) => {
                Some(("it is not above the entry before it".to_owned(), false))
            }
            _ => wrong,
        };
        last = Some(entry);
        let fault =
            wrong.map(|(reason, is_beyond_log)| IndexFault { position: at, reason, is_beyond_log });
        each(Some(shown), fault)
    })?;
    if left.is_some() {
        each(None, left)?;
    }
    Ok(())
}

/// What is wrong with an entry, and whether it only points beyond the log.
type Wrong = (String, bool);

/// Reads an offset index and looks up every entry in the log. `each` takes the entries and, where
/// one is wrong, the fault.
///
/// # Errors
/// Those of the disk, and of `each`.
pub fn offset_index<X: From<DiskError>>(
    index: &dyn File,
    log: Option<&dyn File>,
    base: Offset,
    each: impl FnMut(Option<OffsetIndexEntry>, Option<IndexFault>) -> Result<(), X>,
) -> Result<(), X> {
    // Taken after the index was opened: a broker writes the log first.
    let log = match log {
        Some(log) => Some((log, log.len()?)),
        None => None,
    };
    let look_up = |at, entry: OffsetEntry| {
        let found = match log {
            Some((log, end)) => batch_at(log, end, entry.position),
            None => FoundBatch::NoLog,
        };
        let offset = Offset(base.0.saturating_add(i64::from(entry.relative_offset)));
        let (position, is_blank) = (entry.position, entry.is_zero());
        let shown = OffsetIndexEntry { at, offset, position, found, is_blank };
        (shown, shown.fault())
    };
    sparse_index(index, look_up, each)
}

impl OffsetIndexEntry {
    fn fault(&self) -> Option<Wrong> {
        let OffsetIndexEntry { offset, position, .. } = self;
        match self.found {
            FoundBatch::NoLog => None,
            FoundBatch::LastOffset(last) if last == *offset => None,
            FoundBatch::LastOffset(last) => Some((
                format!(
                    "it says offset {offset} at byte {position}, where the log has offset {last}"
                ),
                false,
            )),
            FoundBatch::NoBatch => Some((
                format!("it says offset {offset} at byte {position}, where the log has no batch"),
                false,
            )),
            FoundBatch::Nothing => Some((
                format!("it says offset {offset} at byte {position}, beyond the log's last batch"),
                true,
            )),
        }
    }
}

pub(super) fn batch_at(log: &dyn File, end: u64, position: i32) -> FoundBatch {
    let Ok(position) = u64::try_from(position) else { return FoundBatch::NoBatch };
    match HeaderScan::new(log, position, end).next_batch() {
        Ok(Some(located)) => FoundBatch::LastOffset(located.header.last_offset()),
        Ok(None) | Err(ScanError::NotABatch { reason: BatchError::Torn { .. }, .. }) => {
            FoundBatch::Nothing
        }
        Err(_) => FoundBatch::NoBatch,
    }
}

/// The batches of a log, asked for in rising order of offsets.
struct Rising<'a> {
    scan: Option<HeaderScan<'a>>,
    current: Option<Located>,
    /// Where it could not go on, and why.
    broken: Option<String>,
}

impl<'a> Rising<'a> {
    fn new(log: Option<&'a dyn File>) -> Result<Rising<'a>, DiskError> {
        let scan = match log {
            Some(log) => Some(HeaderScan::new(log, 0, log.len()?)),
            None => None,
        };
        Ok(Rising { scan, current: None, broken: None })
    }

    /// The first batch whose last offset is `offset` or above.
    fn reaching(&mut self, offset: Offset) -> Option<Located> {
        loop {
            if let Some(located) = self.current.filter(|it| offset <= it.header.last_offset()) {
                return Some(located);
            }
            match self.scan.as_mut()?.next_batch() {
                Ok(Some(located)) => self.current = Some(located),
                Ok(None) => return None,
                Err(ScanError::NotABatch { reason: BatchError::Torn { .. }, .. }) => return None,
                Err(error) => {
                    self.broken = Some(error.to_string());
                    return None;
                }
            }
        }
    }
}

/// Reads a time index and holds every entry against the log.
///
/// # Errors
/// Those of the disk, and of `each`.
pub fn time_index<X: From<DiskError>>(
    index: &dyn File,
    log: Option<&dyn File>,
    base: Offset,
    each: impl FnMut(Option<TimeIndexEntry>, Option<IndexFault>) -> Result<(), X>,
) -> Result<(), X> {
    let mut batches = Rising::new(log)?;
    let look_up = |at, entry: TimeEntry| {
        let offset = Offset(base.0.saturating_add(i64::from(entry.relative_offset)));
        let found = batches.reaching(offset).map(|it| FoundTime {
            last_offset: it.header.last_offset(),
            timestamp: it.header.max_timestamp(),
            is_empty: it.header.records_count() == 0,
        });
        let (timestamp, is_blank) = (Timestamp(entry.timestamp), entry.is_zero());
        let shown = TimeIndexEntry { at, timestamp, offset, found, is_blank };
        let wrong = log.and_then(|_| shown.fault(batches.broken.as_deref()));
        (shown, wrong)
    };
    sparse_index(index, look_up, each)
}

impl TimeIndexEntry {
    fn fault(&self, broken: Option<&str>) -> Option<Wrong> {
        let TimeIndexEntry { timestamp, offset, .. } = self;
        match (self.found, broken) {
            (None, Some(broken)) => Some((
                format!("it says offset {offset}, and the log cannot be walked so far: {broken}"),
                false,
            )),
            (None, None) => {
                Some((format!("it says offset {offset}, beyond the log's last batch"), true))
            }
            (Some(found), _) if found.last_offset != *offset => Some((
                format!(
                    "it says offset {offset}, where the log has a batch up to {}",
                    found.last_offset
                ),
                false,
            )),
            (Some(found), _) if found.timestamp != *timestamp => Some((
                format!(
                    "it says timestamp {timestamp} for offset {offset}, where the log has {}",
                    found.timestamp
                ),
                false,
            )),
            (Some(_), _) => None,
        }
    }
}

/// Reads a transaction index and looks for every entry's marker in the log.
///
/// # Errors
/// Those of the disk, and of `each`.
pub fn transaction_index<X: From<DiskError>>(
    index: &dyn File,
    log: Option<&dyn File>,
    mut each: impl FnMut(Option<TransactionEntry>, Option<IndexFault>) -> Result<(), X>,
) -> Result<(), X> {
    let end = index.len()?;
    let mut batches = Rising::new(log)?;
    let mut entries = transaction_index::Entries::new(index).map_err(|error| match error {
        TransactionIndexError::Disk(error) => error,
        TransactionIndexError::Unsound { .. } => unreachable!("nothing was read yet"),
    })?;
    for number in 0..end.div_ceil(transaction_index::ENTRY_BYTES) {
        let at = number * transaction_index::ENTRY_BYTES;
        match entries.next_entry() {
            Ok(Some(aborted)) => {
                let fault = log.and_then(|_| marker_fault(at, &aborted, &mut batches));
                each(Some(TransactionEntry { at, aborted }), fault)?;
            }
            Ok(None) => break,
            Err(TransactionIndexError::Disk(error)) => return Err(error.into()),
            Err(TransactionIndexError::Unsound { reason, .. }) => {
                let reason = reason.to_owned();
                each(None, Some(IndexFault { position: at, reason, is_beyond_log: false }))?;
            }
        }
    }
    Ok(())
}

fn marker_fault(
    at: u64,
    aborted: &AbortedTransaction,
    batches: &mut Rising<'_>,
) -> Option<IndexFault> {
    let AbortedTransaction { producer_id, last_offset, .. } = *aborted;
    let found = batches.reaching(last_offset);
    let is_marker = found.is_some_and(|it| {
        it.header.is_control()
            && it.header.base_offset() == last_offset
            && it.header.producer_id() == producer_id
    });
    let reason = format!(
        "it says a marker of producer {producer_id} at offset {last_offset}: there is none"
    );
    let is_beyond_log = found.is_none() && batches.broken.is_none();
    (!is_marker).then_some(IndexFault { position: at, reason, is_beyond_log })
}
