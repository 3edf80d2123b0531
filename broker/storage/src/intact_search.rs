//! Looking for the next intact batch behind damage, in one pass over the file whatever it holds.
//!
//! Any byte may look like the head of a batch that reaches to the end of the file. To sum up each
//! of them costs the file's length for each. Instead one checksum runs along: what it is where a
//! batch may begin and where it would end gives the checksum of what lies between.

use std::collections::{BTreeMap, VecDeque};

use kt_protocol::records::{BATCH_HEADER_SIZE, BatchHeader, Checksum, MAGIC_V2, crc32c_of_last};
use kt_protocol::types::Offset;

use crate::disk::{DiskError, File};

/// So much is read at once.
const WINDOW_BYTES: u64 = 1 << 20;
/// Heads are looked for in so many bytes at a time: the next batch is most often near.
const STEP_BYTES: u64 = 1024;
/// So many candidates wait for their ends. Beyond, those that end farthest away are dropped.
const PENDING_MAX: usize = 1 << 16;
/// What is lost to one read error: disks fail by blocks.
pub(crate) const BLOCK_BYTES: u64 = 4096;

/// The disk failed at a position.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) position: u64,
    pub(crate) error: DiskError,
}

/// Searches in one file, at rising positions.
pub(crate) struct IntactSearch<'a> {
    file: &'a dyn File,
    /// No batch of the file has an offset below.
    least: Offset,
    buffer: Vec<u8>,
    buffer_at: u64,
    /// How many bytes may be read beyond what has to be.
    patience: u64,
}

impl<'a> IntactSearch<'a> {
    /// Searches for batches at `least` or above.
    pub(crate) fn new(file: &'a dyn File, least: Offset, patience: u64) -> IntactSearch<'a> {
        IntactSearch { file, least, buffer: Vec::new(), buffer_at: 0, patience }
    }

    /// Whether bytes may still be read in vain.
    pub(crate) fn has_patience(&self) -> bool {
        0 < self.patience
    }

    /// Notes that so many bytes were read in vain.
    pub(crate) fn spend(&mut self, bytes: u64) {
        self.patience = self.patience.saturating_sub(bytes);
    }

    /// Where the first intact batch of magic 2 begins that lies between `from` and `end`. A batch
    /// may stand in a record of another, which then begins before it: it is that other one, as
    /// long as there is patience to look for its end.
    ///
    /// # Errors
    /// Some bytes cannot be read. Behind their block the search may begin anew.
    pub(crate) fn next(&mut self, from: u64, end: u64) -> Result<Option<u64>, Unreadable> {
        let mut pass = Pass::new(from);
        while pass.at < end {
            let at = pass.at;
            let (least, is_decided) = (self.least, pass.best.is_some());
            let bytes = match self.bytes(at, end) {
                Ok(bytes) => bytes,
                // What was found is there, whatever comes.
                Err(_) if is_decided => return Ok(pass.best),
                Err(error) => return Err(Unreadable { position: at, error }),
            };
            if bytes.is_empty() {
                break;
            }
            // A head that is not whole here comes again with the next bytes, unless there are none.
            let step = match (bytes.len() as u64) < STRETCH_BYTES {
                true => bytes.len(),
                false => STEP_BYTES as usize,
            };
            if !is_decided {
                pass.starts.extend(candidates(bytes, at, end, least));
            }
            let step = bytes.get(..step).unwrap_or(bytes);
            let stepped = step.len() as u64;
            pass.advance(step);
            if pass.best.is_some() {
                if pass.ends.is_empty() || !self.has_patience() {
                    break;
                }
                self.spend(stepped);
            }
        }
        Ok(pass.best)
    }

    /// The bytes from `position` on, [`STRETCH_BYTES`] of them; fewer in front of the end and of
    /// what cannot be read.
    fn bytes(&mut self, position: u64, end: u64) -> Result<&[u8], DiskError> {
        let wanted = STRETCH_BYTES.min(end.saturating_sub(position));
        let buffer_end = self.buffer_at + self.buffer.len() as u64;
        if position < self.buffer_at || buffer_end < position + wanted {
            self.read(position, end)?;
        }
        let from = (position - self.buffer_at) as usize;
        let to = (from + wanted as usize).min(self.buffer.len());
        Ok(self.buffer.get(from..to).unwrap_or_default())
    }

    fn read(&mut self, position: u64, end: u64) -> Result<(), DiskError> {
        let block_end = (position / BLOCK_BYTES + 1) * BLOCK_BYTES;
        // A head may reach over the end of a block that is followed by one that can be read.
        let behind_block = block_end + BATCH_HEADER_SIZE as u64;
        let mut result = Ok(());
        for until in [position + WINDOW_BYTES, behind_block, block_end] {
            let length = until.min(end).saturating_sub(position) as usize;
            self.buffer.resize(length, 0);
            match self.file.read_at(position, &mut self.buffer) {
                Ok(read) => {
                    self.buffer.truncate(read);
                    self.buffer_at = position;
                    return Ok(());
                }
                Err(error) => result = Err(error),
            }
        }
        self.buffer.clear();
        result
    }
}

/// A step, and the rest of a head that begins with its last byte.
const STRETCH_BYTES: u64 = STEP_BYTES + BATCH_HEADER_SIZE as u64 - 1;

/// What may be a batch.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    start: u64,
    /// From where on its checksum counts.
    summed_from: u64,
    end: u64,
    stored: u32,
}

/// One pass: the checksum that runs along, and who waits for it.
struct Pass {
    at: u64,
    sum: Checksum,
    /// Those whose first bytes are ahead, in order.
    starts: VecDeque<Candidate>,
    /// Those whose last bytes are ahead, by end and start, with the sum at their beginning.
    ends: BTreeMap<(u64, u64), (Candidate, u32)>,
    /// The foremost one that is intact.
    best: Option<u64>,
}

impl Pass {
    fn new(at: u64) -> Pass {
        let (starts, ends) = (VecDeque::new(), BTreeMap::new());
        Pass { at, sum: Checksum::crc32c(), starts, ends, best: None }
    }

    fn advance(&mut self, mut bytes: &[u8]) {
        let until = self.at + bytes.len() as u64;
        loop {
            let start = self.starts.front().map(|it| it.summed_from);
            let end = self.ends.first_key_value().map(|((end, _), _)| *end);
            let event = start.unwrap_or(u64::MAX).min(end.unwrap_or(u64::MAX));
            let (piece, rest) = bytes.split_at((event.min(until) - self.at) as usize);
            self.sum.update(piece);
            (self.at, bytes) = (self.at + piece.len() as u64, rest);
            if until < event {
                return;
            }
            let sum = self.sum.finish();
            if end == Some(event) {
                self.ended(sum);
            } else if let Some(candidate) = self.starts.pop_front() {
                self.ends.insert((candidate.end, candidate.start), (candidate, sum));
                if PENDING_MAX < self.ends.len() {
                    self.ends.pop_last();
                }
            }
        }
    }

    fn ended(&mut self, sum: u32) {
        let Some((_, (candidate, before))) = self.ends.pop_first() else { return };
        let length = candidate.end - candidate.summed_from;
        if crc32c_of_last(length, sum, before) != candidate.stored {
            return;
        }
        // Whatever begins behind it is no longer of interest.
        let best = self.best.map_or(candidate.start, |it| it.min(candidate.start));
        self.best = Some(best);
        self.starts.clear();
        self.ends.retain(|(_, start), _| *start < best);
    }
}

/// What in `bytes`, which stand at `position`, may be a batch.
fn candidates(
    bytes: &[u8],
    position: u64,
    end: u64,
    least: Offset,
) -> impl Iterator<Item = Candidate> {
    let highest = least.0.saturating_add(i64::from(i32::MAX));
    let heads = bytes.windows(BATCH_HEADER_SIZE).zip(position..);
    heads.filter_map(move |(head, start)| {
        // The offset's upper bytes and the magic refuse nearly everything at once.
        if head.get(16) != Some(&(MAGIC_V2 as u8)) {
            return None;
        }
        let header = BatchHeader::parse_any(head).ok()?;
        let is_plausible = least <= header.base_offset()
            && header.base_offset().0 <= highest
            && header.size() as u64 <= end - start;
        let summed_from = start + header.checksummed_from() as u64;
        let end = start + header.size() as u64;
        is_plausible.then_some(Candidate { start, summed_from, end, stored: header.crc() })
    })
}

#[cfg(test)]
mod tests;
