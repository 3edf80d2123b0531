//! Walking a `.log` or `.checkpoint` from batch to batch with everything checked, and on behind
//! what is damaged.

use kt_protocol::records::{BATCH_HEADER_SIZE, BatchError, BatchHeader, MAGIC_V2, crc32, crc32c};
use kt_protocol::types::{LeaderEpoch, Offset};

use crate::disk::{DiskError, File};
use crate::intact_search::{BLOCK_BYTES, IntactSearch, Unreadable};
use crate::verify::holds_only_zeros;

/// So much is read at once.
const CHUNK_BYTES: usize = 1 << 20;
/// Larger batches are summed up in pieces, and their bytes are not given: memory stays bounded.
const WHOLE_BATCH_BYTES_MAX: usize = 128 << 20;
/// Zeros are looked for in so many bytes before the file is read on for more.
const ZEROS_BYTES: usize = 64 << 10;
/// Heads whose checksum does not fit may have this many times the file's length summed up in vain.
/// Then only heads of intact batches are believed, and the walk stays linear whatever the bytes.
const PATIENCE: u64 = 4;

/// What stands next in the file.
#[derive(Debug)]
pub enum Step<'a> {
    /// A batch, or a message of an old format.
    Batch(WalkedBatch<'a>),
    /// Bytes that are no batch. The walk goes on behind them.
    Fault(Fault),
    /// Nothing.
    End,
}

/// A batch as it stands in the file.
#[derive(Clone, Debug)]
pub struct WalkedBatch<'a> {
    /// Where it begins.
    pub position: u64,
    /// Its head.
    pub header: BatchHeader,
    /// All its bytes; none if it is too large to be held.
    pub bytes: Option<&'a [u8]>,
    /// Whether its checksum fits.
    pub is_intact: bool,
    /// What is wrong with it.
    pub fault: Option<String>,
}

/// What kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The last batch was not written to its end. A crash leaves that, and recovery removes it.
    Torn,
    /// Something else than a batch.
    Damaged,
    /// The disk did not give the bytes.
    Unreadable,
}

/// Bytes that are no batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which kind.
    pub kind: FaultKind,
    /// Where they begin.
    pub position: u64,
    /// Where the walk goes on.
    pub end: u64,
    /// What is wrong.
    pub reason: String,
}

/// Everything in a file, from its first byte to the end that it had at the start.
pub struct LogWalk<'a> {
    file: &'a dyn File,
    position: u64,
    end: u64,
    buffer: Vec<u8>,
    buffer_at: u64,
    filled: usize,
    /// No batch of the file has an offset below.
    base_offset: Offset,
    /// No batch of the file has this offset or one above: the next segment begins there.
    limit: Option<Offset>,
    next_offset: Offset,
    epoch: LeaderEpoch,
    search: IntactSearch<'a>,
}

impl<'a> LogWalk<'a> {
    /// Walks a file whose first offset is `base_offset` or above, and whose last is below `limit`.
    ///
    /// # Errors
    /// The disk does not tell the file's length.
    pub fn new(
        file: &'a dyn File,
        base_offset: Offset,
        limit: Option<Offset>,
    ) -> Result<LogWalk<'a>, DiskError> {
        let end = file.len()?;
        Ok(LogWalk {
            file,
            position: 0,
            end,
            buffer: Vec::new(),
            buffer_at: 0,
            filled: 0,
            base_offset,
            limit,
            next_offset: base_offset,
            epoch: LeaderEpoch::UNKNOWN,
            search: IntactSearch::new(file, base_offset, end.saturating_mul(PATIENCE)),
        })
    }

    /// Begins at `position`, where a batch must begin; what stands before is not looked at.
    #[must_use]
    pub fn beginning_at(self, position: u64) -> LogWalk<'a> {
        LogWalk { position, ..self }
    }

    /// Where the file ends, or did when the walk began.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The offset after the last batch that was seen.
    pub fn next_offset(&self) -> Offset {
        self.next_offset
    }

    /// What stands next.
    pub fn next_step(&mut self) -> Step<'_> {
        if self.end <= self.position {
            return Step::End;
        }
        match self.next_batch() {
            Ok(Ok((header, is_intact))) => Step::Batch(self.given(header, is_intact)),
            Ok(Err(fault)) | Err(fault) => Step::Fault(fault),
        }
    }

    /// The head of the next batch and whether its checksum fits; or what stands there instead.
    fn next_batch(&mut self) -> Result<Result<(BatchHeader, bool), Fault>, Fault> {
        let position = self.position;
        self.fill(position, BATCH_HEADER_SIZE).map_err(|it| self.unreadable(it))?;
        let header = match BatchHeader::parse_any(self.bytes_from(position)) {
            Ok(header) => header,
            Err(error) => return Ok(Err(self.no_batch(&error))),
        };
        let size = header.size();
        let have = self.end.saturating_sub(position);
        if have < size as u64 {
            let have = usize::try_from(have).unwrap_or(usize::MAX);
            return Ok(Err(self.no_batch(&BatchError::Torn { have, need: size })));
        }
        if !self.search.has_patience() {
            let next = self.find_intact(position);
            if next != Some(position) {
                let reason = "it is no intact batch".to_owned();
                return Ok(Err(self.go_on_at(next, FaultKind::Damaged, position, reason)));
            }
        }
        let computed = self.checksum(&header).map_err(|it| self.unreadable(it))?;
        let is_intact = computed == header.crc();
        if !is_intact && !self.goes_on_at(position + size as u64) {
            self.search.spend(size as u64);
            let (stored, kind) = (header.crc(), FaultKind::Damaged);
            let reason = format!("its checksum is {stored:#010x}, its bytes give {computed:#010x}");
            return Ok(Err(self.skip_from(kind, position, position + 1, reason)));
        }
        Ok(Ok((header, is_intact)))
    }

    fn given(&mut self, header: BatchHeader, is_intact: bool) -> WalkedBatch<'_> {
        let position = self.position;
        let fault = match is_intact {
            true => self.out_of_order(&header),
            false => Some("its checksum does not fit its bytes".to_owned()),
        };
        self.position += header.size() as u64;
        if is_intact {
            self.next_offset = header.next_offset();
            self.epoch = header.partition_leader_epoch();
        } else {
            // How many records it has may be what is wrong; where it begins is not checksummed.
            self.next_offset = self.next_offset.max(header.base_offset().plus(1));
        }
        let bytes = self.bytes_from(position).get(..header.size());
        WalkedBatch { position, header, bytes, is_intact, fault }
    }

    /// Neither offset nor epoch are under a checksum: only their order tells.
    fn out_of_order(&self, header: &BatchHeader) -> Option<String> {
        let (first, last) = (header.base_offset(), header.last_offset());
        if first < self.next_offset {
            return Some(match self.next_offset == self.base_offset {
                true => format!("offset {first} is below the file's first, {}", self.base_offset),
                false => format!("offset {first} comes after offset {}", self.next_offset.0 - 1),
            });
        }
        if let Some(limit) = self.limit.filter(|limit| *limit <= last) {
            return Some(format!("offset {last} belongs to the next segment, which has {limit}"));
        }
        let epoch = header.partition_leader_epoch();
        (epoch < self.epoch && LeaderEpoch::UNKNOWN < epoch)
            .then(|| format!("leader epoch {epoch} comes after leader epoch {}", self.epoch))
    }

    /// What was read, from `position` on.
    fn bytes_from(&self, position: u64) -> &[u8] {
        let Some(from) = position.checked_sub(self.buffer_at) else { return &[] };
        self.buffer.get(from as usize..self.filled).unwrap_or_default()
    }

    /// Has the buffer hold `length` bytes from `position`, or all that the file has of them.
    fn fill(&mut self, position: u64, length: usize) -> Result<(), Unreadable> {
        let held = self.bytes_from(position).len();
        let wanted = (length as u64).min(self.end.saturating_sub(position)) as usize;
        if self.buffer_at <= position && wanted <= held {
            return Ok(());
        }
        self.buffer.copy_within(self.filled - held..self.filled, 0);
        (self.buffer_at, self.filled) = (position, held);
        let size = (CHUNK_BYTES.max(length) as u64).min(self.end.saturating_sub(position));
        if self.buffer.len() < size as usize {
            self.buffer.resize(size as usize, 0);
        }
        let from = position + held as u64;
        match self.file.read_at(from, &mut self.buffer[held..size as usize]) {
            Ok(read) => {
                self.filled += read;
                if self.filled < size as usize {
                    // It was cut meanwhile.
                    self.end = position + self.filled as u64;
                }
                Ok(())
            }
            Err(_) => self.fill_by_blocks(position + wanted as u64),
        }
    }

    /// Reads on up to `end`, block by block, so that only what cannot be read is lost.
    fn fill_by_blocks(&mut self, end: u64) -> Result<(), Unreadable> {
        loop {
            let position = self.buffer_at + self.filled as u64;
            if end <= position {
                return Ok(());
            }
            let block_end = (position / BLOCK_BYTES + 1) * BLOCK_BYTES;
            let length = (block_end.min(self.end) - position) as usize;
            if self.buffer.len() < self.filled + length {
                self.buffer.resize(self.filled + length, 0);
            }
            let block = &mut self.buffer[self.filled..self.filled + length];
            match self.file.read_at(position, block) {
                Ok(0) => return Ok(()),
                Ok(read) => self.filled += read,
                Err(error) => return Err(Unreadable { position, error }),
            }
        }
    }

    fn checksum(&mut self, header: &BatchHeader) -> Result<u32, Unreadable> {
        let (position, size) = (self.position, header.size());
        if size <= WHOLE_BATCH_BYTES_MAX {
            self.fill(position, size)?;
            let bytes = self.bytes_from(position);
            let bytes = bytes.get(header.checksummed_from()..size).unwrap_or_default();
            return Ok(if header.magic() == MAGIC_V2 { crc32c(bytes) } else { crc32(bytes) });
        }
        let end = position + size as u64;
        let mut at = position + header.checksummed_from() as u64;
        let mut checksum = header.begin_checksum();
        while at < end {
            self.fill(at, 1)?;
            let piece = self.bytes_from(at);
            let piece = &piece[..piece.len().min((end - at) as usize)];
            if piece.is_empty() {
                break;
            }
            checksum.update(piece);
            at += piece.len() as u64;
        }
        Ok(checksum.finish())
    }

    /// Whether the file ends at `position`, or what might be a batch begins there: the length that
    /// led there is to be trusted.
    fn goes_on_at(&self, position: u64) -> bool {
        if position == self.end {
            return true;
        }
        let mut head = [0; BATCH_HEADER_SIZE];
        let read = self.file.read_at(position, &mut head).unwrap_or(0);
        let header = BatchHeader::parse_any(&head[..read]);
        header.is_ok_and(|it| self.next_offset <= it.base_offset())
    }

    fn unreadable(&mut self, failed: Unreadable) -> Fault {
        let Unreadable { position, error } = failed;
        let next = (position / BLOCK_BYTES + 1) * BLOCK_BYTES;
        // What was read before the error is kept nowhere: the batch is lost with it.
        self.skip_from(FaultKind::Unreadable, position, next, format!("cannot be read: {error}"))
    }

    fn no_batch(&mut self, error: &BatchError) -> Fault {
        let position = self.position;
        let kind = match error {
            BatchError::Torn { .. } => FaultKind::Torn,
            _ if self.has_only_zeros() => FaultKind::Torn,
            _ => FaultKind::Damaged,
        };
        self.skip_from(kind, position, position + 1, error.to_string())
    }

    /// Whether nothing but zeros comes.
    fn has_only_zeros(&mut self) -> bool {
        let position = self.position;
        if self.fill(position, ZEROS_BYTES).is_err() {
            return false;
        }
        let held = self.bytes_from(position);
        held.iter().all(|byte| *byte == 0)
            && holds_only_zeros(self.file, position, self.end).unwrap_or(false)
    }

    /// Goes on with the next intact batch from `from` on.
    fn skip_from(&mut self, kind: FaultKind, position: u64, from: u64, reason: String) -> Fault {
        let next = self.find_intact(from);
        self.go_on_at(next, kind, position, reason)
    }

    /// Goes on with the next intact batch, which is at `next`. Behind a torn batch there is none.
    fn go_on_at(
        &mut self,
        next: Option<u64>,
        kind: FaultKind,
        position: u64,
        reason: String,
    ) -> Fault {
        let end = next.unwrap_or(self.end);
        self.position = end;
        let kind = match (kind, next) {
            (FaultKind::Torn, Some(_)) => FaultKind::Damaged,
            (kind, _) => kind,
        };
        Fault { kind, position, end, reason }
    }

    fn find_intact(&mut self, from: u64) -> Option<u64> {
        let mut from = from;
        loop {
            match self.search.next(from, self.end) {
                Ok(next) => return next,
                Err(failed) => from = (failed.position / BLOCK_BYTES + 1) * BLOCK_BYTES,
            }
        }
    }
}

#[cfg(test)]
mod tests;
