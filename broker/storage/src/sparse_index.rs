//! An append-only file of equal, sorted entries: the shape of `.index` and `.timeindex`.
//!
//! While its segment is active the file is preallocated with zeros, and the newest entries are in
//! memory only: they reach the file by [`BLOCK_BYTES`], at the roll and at the close. Lookups read
//! the file by `pread` and never wait for the writer's I/O.
//!
//! An index is a hint. Whoever uses an entry checks what it points to.

use std::io::IoSlice;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{DiskError, File};
use crate::file_cache::FileSlot;

/// Entries are written by a page, and searched by a page.
const BLOCK_BYTES: usize = 4096;

/// One entry of a sparse index.
pub(crate) trait IndexEntry: Copy + PartialEq {
    /// How many bytes it takes.
    const BYTES: usize;
    /// Appends its bytes.
    fn encode(&self, bytes: &mut Vec<u8>);
    /// Reads it from exactly [`IndexEntry::BYTES`] bytes.
    fn decode(bytes: &[u8]) -> Self;
    /// What the entries are sorted by.
    fn key(&self) -> i64;
    /// The offset, relative to the segment's base.
    fn relative_offset(&self) -> i32;
    /// Whether `next` may stand right behind it.
    fn precedes(&self, next: &Self) -> bool;
    /// True for what zeroed bytes read as: the end of what was written.
    fn is_zero(&self) -> bool;
}

/// Why an index gave no answer.
#[derive(Debug)]
pub(crate) enum IndexError {
    /// The disk failed.
    Disk(DiskError),
    /// The file holds what no index holds. It is to be rebuilt from the log.
    Unsound,
}

impl From<DiskError> for IndexError {
    fn from(error: DiskError) -> IndexError {
        IndexError::Disk(error)
    }
}

/// The shared state: what of the file counts, and what is not in it yet.
struct State<E> {
    /// Entries in the file; none until somebody looked.
    stored: Option<u32>,
    /// The last entry of all; only meaningful once `stored` is known.
    last: Option<E>,
    /// Entries behind those in the file.
    pending: Vec<E>,
    /// All entries, made again from the log because the file is unsound.
    rebuilt: Option<Arc<[E]>>,
}

impl<E: IndexEntry> State<E> {
    /// Has what a reader made of the log written in the place of the unsound file. Entries that
    /// came while the reader was at it are pending already, and perhaps seen by it too.
    fn adopt_rebuilt(&mut self) {
        let Some(rebuilt) = self.rebuilt.take() else { return };
        let newer = std::mem::take(&mut self.pending);
        let is_older = |entry: &&E| newer.first().is_none_or(|first| entry.precedes(first));
        self.pending = rebuilt.iter().take_while(is_older).copied().collect();
        self.pending.extend(newer);
        self.last = self.pending.last().copied();
        self.stored = Some(0);
    }
}

/// How the file of an index ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IndexEnd {
    /// With its last entry: it was closed.
    Entry,
    /// Perhaps with the zeros of preallocation: it was being written.
    Zeros,
}

pub(crate) struct SparseIndex<E> {
    slot: FileSlot,
    end: IndexEnd,
    state: Mutex<State<E>>,
}

const fn entries_per_block<E: IndexEntry>() -> usize {
    BLOCK_BYTES / E::BYTES
}

impl<E: IndexEntry> SparseIndex<E> {
    /// An index whose file is looked at when needed.
    pub(crate) fn unread(slot: FileSlot, end: IndexEnd) -> SparseIndex<E> {
        let state = State { stored: None, last: None, pending: Vec::new(), rebuilt: None };
        SparseIndex { slot, end, state: Mutex::new(state) }
    }

    /// An index that begins empty, whatever its file holds.
    pub(crate) fn empty(slot: FileSlot) -> SparseIndex<E> {
        let state = State { stored: Some(0), last: None, pending: Vec::new(), rebuilt: None };
        SparseIndex { slot, end: IndexEnd::Zeros, state: Mutex::new(state) }
    }

    pub(crate) fn slot(&self) -> &FileSlot {
        &self.slot
    }

    /// How many entries there are.
    pub(crate) fn entries(&self) -> Result<u32, IndexError> {
        self.load()?;
        let state = self.state.lock();
        Ok(state.stored.unwrap_or(0) + state.pending.len() as u32)
    }

    /// The last entry.
    pub(crate) fn last(&self) -> Result<Option<E>, IndexError> {
        self.load()?;
        Ok(self.state.lock().last)
    }

    /// Adds an entry, in memory. The writer has loaded the index before.
    pub(crate) fn append(&self, entry: E) {
        let mut state = self.state.lock();
        assert!(state.stored.is_some(), "an index is loaded before it is written");
        state.adopt_rebuilt();
        state.pending.push(entry);
        state.last = Some(entry);
    }

    /// True if what is pending fills a block.
    pub(crate) fn has_full_block(&self) -> bool {
        entries_per_block::<E>() <= self.state.lock().pending.len()
    }

    /// Writes all that is pending. Only the writer calls this, so nothing is added meanwhile.
    pub(crate) fn write_pending(&self) -> Result<(), DiskError> {
        let (stored, bytes, count) = {
            let mut state = self.state.lock();
            state.adopt_rebuilt();
            let mut bytes = Vec::with_capacity(state.pending.len() * E::BYTES);
            state.pending.iter().for_each(|entry| entry.encode(&mut bytes));
            (state.stored.unwrap_or(0), bytes, state.pending.len())
        };
        if count == 0 {
            return Ok(());
        }
        let position = u64::from(stored) * E::BYTES as u64;
        self.slot.file()?.write_at(position, &[IoSlice::new(&bytes)])?;
        let mut state = self.state.lock();
        state.stored = Some(stored + count as u32);
        state.pending = Vec::new();
        Ok(())
    }

    /// Writes what is pending and cuts the file to what is written: at the roll and at the close.
    pub(crate) fn trim(&self) -> Result<(), IndexError> {
        self.load()?;
        self.write_pending()?;
        let stored = self.state.lock().stored.unwrap_or(0);
        Ok(self.slot.file()?.set_len(u64::from(stored) * E::BYTES as u64)?)
    }

    /// Cuts the file to the entries below a relative offset. `file` is its file, for writing.
    pub(crate) fn cut_file(&self, relative_offset: i64, file: &dyn File) -> Result<(), IndexError> {
        let below = |entry: &E| i64::from(entry.relative_offset()) < relative_offset;
        let keep = self.position_of(below)?;
        if self.is_rebuilt() {
            return Err(IndexError::Unsound);
        }
        self.write_pending()?;
        Ok(file.set_len(u64::from(keep) * E::BYTES as u64)?)
    }

    /// Extends the file to hold `max_bytes`, rounded down to whole entries, with zeros.
    pub(crate) fn preallocate(&self, max_bytes: u32) -> Result<(), DiskError> {
        let entry = E::BYTES as u64;
        self.slot.file()?.set_len(u64::from(max_bytes) / entry * entry)
    }

    /// Puts `entries` in the place of all whose relative offset is `kept_below` or above, in
    /// memory: [`SparseIndex::trim`] writes them. Keeping none never fails.
    pub(crate) fn replace_from(&self, kept_below: i64, entries: Vec<E>) -> Result<(), IndexError> {
        let keep = match kept_below {
            0 => 0,
            _ => self.position_of(|entry| i64::from(entry.relative_offset()) < kept_below)?,
        };
        let last_kept = match keep.checked_sub(1) {
            None => None,
            Some(last) => self.entry(last)?,
        };
        let mut state = self.state.lock();
        let kept_pending = keep.saturating_sub(state.stored.unwrap_or(0)) as usize;
        state.stored = Some(keep.min(state.stored.unwrap_or(0)));
        state.pending.truncate(kept_pending);
        state.last = entries.last().copied().or(last_kept);
        state.pending.extend(entries);
        state.rebuilt = None;
        Ok(())
    }

    /// Lets readers use `entries` in place of an unsound file, until the writer replaces it.
    pub(crate) fn answer_from(&self, entries: Vec<E>) {
        let mut state = self.state.lock();
        if state.rebuilt.is_none() {
            state.last = entries.last().copied();
            state.stored = Some(0);
            state.rebuilt = Some(entries.into());
        }
    }

    /// True if the file was found unsound and not been replaced yet.
    pub(crate) fn is_rebuilt(&self) -> bool {
        self.state.lock().rebuilt.is_some()
    }

    /// What the file should hold: the entries that were made anew. None if the file is sound.
    pub(crate) fn bytes_to_store(&self) -> Option<Vec<u8>> {
        let rebuilt = self.rebuilt()?;
        let mut bytes = Vec::with_capacity(rebuilt.len() * E::BYTES);
        rebuilt.iter().for_each(|entry| entry.encode(&mut bytes));
        Some(bytes)
    }

    /// Notes that another file with these entries has taken the name.
    pub(crate) fn stored(&self, bytes: &[u8]) {
        self.slot.forget();
        let mut state = self.state.lock();
        state.stored = Some((bytes.len() / E::BYTES) as u32);
        state.rebuilt = None;
    }

    /// The rebuilt entries.
    pub(crate) fn rebuilt(&self) -> Option<Arc<[E]>> {
        self.state.lock().rebuilt.clone()
    }

    /// The last entry for which `before` holds, which holds for a beginning of the entries.
    pub(crate) fn last_where(&self, before: impl Fn(&E) -> bool) -> Result<Option<E>, IndexError> {
        self.search(&before).map(|(_, entry)| entry)
    }

    /// The last two entries for which `before` holds, the later one first.
    pub(crate) fn last_two_where(
        &self,
        before: impl Fn(&E) -> bool,
    ) -> Result<(Option<E>, Option<E>), IndexError> {
        let (count, last) = self.search(&before)?;
        match count.checked_sub(2) {
            None => Ok((last, None)),
            Some(index) => Ok((last, self.entry(index)?)),
        }
    }

    /// The first entry for which `before` does not hold any more.
    pub(crate) fn first_not(&self, before: impl Fn(&E) -> bool) -> Result<Option<E>, IndexError> {
        let (count, _) = self.search(&before)?;
        self.entry(count)
    }

    /// For how many entries `before` holds.
    fn position_of(&self, before: impl Fn(&E) -> bool) -> Result<u32, IndexError> {
        self.search(&before).map(|(count, _)| count)
    }

    fn entry(&self, index: u32) -> Result<Option<E>, IndexError> {
        let stored = {
            let state = self.state.lock();
            if let Some(rebuilt) = &state.rebuilt {
                return Ok(rebuilt.get(index as usize).copied());
            }
            let stored = state.stored.unwrap_or(0);
            if stored <= index {
                return Ok(state.pending.get((index - stored) as usize).copied());
            }
            stored
        };
        debug_assert!(index < stored);
        self.stored_entry(index).map(Some)
    }

    /// Counts the entries for which `before` holds, and gives the last of them.
    fn search(&self, before: &impl Fn(&E) -> bool) -> Result<(u32, Option<E>), IndexError> {
        self.load()?;
        let stored = {
            let state = self.state.lock();
            let in_memory = state.rebuilt.as_deref().unwrap_or(&state.pending);
            let stored = state.stored.unwrap_or(0);
            let count = in_memory.partition_point(before);
            if 0 < count || stored == 0 {
                let entry = count.checked_sub(1).and_then(|at| in_memory.get(at)).copied();
                return Ok((stored + count as u32, entry));
            }
            stored
        };
        self.search_file(stored, before)
    }

    /// Searches the file: first for the block by its first entries, then in the block.
    fn search_file(
        &self,
        stored: u32,
        before: &impl Fn(&E) -> bool,
    ) -> Result<(u32, Option<E>), IndexError> {
        let file = self.slot.file()?;
        let per_block = entries_per_block::<E>() as u32;
        let (mut low, mut high) = (0, stored.div_ceil(per_block));
        while low < high {
            let middle = (low + high) / 2;
            if before(&read_entry(&*file, middle * per_block)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let Some(block) = low.checked_sub(1) else { return Ok((0, None)) };
        let first = block * per_block;
        let entries = read_entries::<E>(&*file, first, per_block.min(stored - first))?;
        if entries.windows(2).any(|pair| matches!(pair, [one, next] if !one.precedes(next))) {
            return Err(IndexError::Unsound);
        }
        let count = entries.partition_point(before);
        let entry = count.checked_sub(1).and_then(|at| entries.get(at)).copied();
        Ok((first + count as u32, entry))
    }

    fn stored_entry(&self, index: u32) -> Result<E, IndexError> {
        read_entry(&*self.slot.file()?, index)
    }

    /// Learns what of the file counts: all up to the zeros of preallocation.
    pub(crate) fn load(&self) -> Result<(), IndexError> {
        if self.state.lock().stored.is_some() {
            return Ok(());
        }
        let file = match self.slot.file() {
            Ok(file) => file,
            Err(error) if error.is_not_found() => return Err(IndexError::Unsound),
            Err(error) => return Err(error.into()),
        };
        let length = file.len()?;
        if length % E::BYTES as u64 != 0 {
            return Err(IndexError::Unsound);
        }
        let entries = u32::try_from(length / E::BYTES as u64).map_err(|_| IndexError::Unsound)?;
        let stored = written_entries::<E>(&*file, entries)?;
        if stored < entries && self.end == IndexEnd::Entry {
            return Err(IndexError::Unsound);
        }
        let last = match stored {
            0 => None,
            _ => Some(read_entry::<E>(&*file, stored - 1)?),
        };
        if last.is_some_and(|last| last.relative_offset() < 0 || last.key() < 0) {
            return Err(IndexError::Unsound);
        }
        let mut state = self.state.lock();
        if state.stored.is_none() {
            state.stored = Some(stored);
            state.last = last;
        }
        Ok(())
    }
}

/// How many of `entries` stand before the zeros at the end of the file.
fn written_entries<E: IndexEntry>(file: &dyn File, entries: u32) -> Result<u32, IndexError> {
    if entries == 0 || !read_entry::<E>(file, entries - 1)?.is_zero() {
        return Ok(entries);
    }
    let (mut low, mut high) = (0, entries - 1);
    while low < high {
        let middle = (low + high) / 2;
        if read_entry::<E>(file, middle)?.is_zero() {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

fn read_entry<E: IndexEntry>(file: &dyn File, index: u32) -> Result<E, IndexError> {
    let mut bytes = [0; 16];
    let bytes = &mut bytes[..E::BYTES];
    let read = file.read_at(u64::from(index) * E::BYTES as u64, bytes)?;
    if read < E::BYTES {
        return Err(IndexError::Unsound);
    }
    Ok(E::decode(bytes))
}

fn read_entries<E: IndexEntry>(
    file: &dyn File,
    first: u32,
    count: u32,
) -> Result<Vec<E>, IndexError> {
    let mut block = [0; BLOCK_BYTES];
    let bytes = &mut block[..count as usize * E::BYTES];
    let read = file.read_at(u64::from(first) * E::BYTES as u64, bytes)?;
    if read < bytes.len() {
        return Err(IndexError::Unsound);
    }
    Ok(bytes.chunks_exact(E::BYTES).map(E::decode).collect())
}
