//! Walking a `.log` with checksums: what recovery and the inspection of damage go by.

use kt_protocol::types::Offset;

use crate::disk::{DiskError, File};
use crate::intact_search::IntactSearch;
use crate::scan::Located;
use kt_protocol::records::{BATCH_HEADER_SIZE, BatchHeader};

/// One read covers many small batches; a larger batch is summed up in pieces of this size.
const WINDOW_BYTES: usize = 1 << 20;

/// What stands where a batch should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// A batch whose checksum fits.
    Intact(Located),
    /// Something else, from here on.
    Invalid {
        /// Where.
        position: u64,
        /// What is wrong.
        reason: String,
    },
    /// Nothing: the end.
    End,
}

/// Reads a file through a moving window.
struct Window<'a> {
    file: &'a dyn File,
    buffer: Vec<u8>,
    at: u64,
}

impl<'a> Window<'a> {
    fn new(file: &'a dyn File) -> Window<'a> {
        Window { file, buffer: Vec::new(), at: 0 }
    }

    /// Up to `length` bytes from `position`; fewer at the end of the file, or of the window.
    fn bytes(&mut self, position: u64, length: u64, end: u64) -> Result<&[u8], DiskError> {
        let length = length.min(end.saturating_sub(position)).min(WINDOW_BYTES as u64);
        let window_end = self.at + self.buffer.len() as u64;
        if position < self.at || window_end < position + length {
            let wanted = end.saturating_sub(position).min(WINDOW_BYTES as u64) as usize;
            self.buffer.resize(wanted, 0);
            let read = self.file.read_at(position, &mut self.buffer)?;
            self.buffer.truncate(read);
            self.at = position;
        }
        let from = (position - self.at) as usize;
        let to = (from + length as usize).min(self.buffer.len());
        Ok(self.buffer.get(from..to).unwrap_or(&[]))
    }
}

/// The batches between two positions of a file, with their checksums compared.
pub struct VerifyingScan<'a> {
    window: Window<'a>,
    position: u64,
    end: u64,
}

impl<'a> VerifyingScan<'a> {
    /// Walks from `position`, where a batch must begin, up to `end`.
    pub fn new(file: &'a dyn File, position: u64, end: u64) -> VerifyingScan<'a> {
        VerifyingScan { window: Window::new(file), position, end }
    }

    /// What stands next. After something invalid, the same again.
    ///
    /// # Errors
    /// The disk's.
    pub fn next_batch(&mut self) -> Result<Verified, DiskError> {
        let position = self.position;
        if self.end <= position {
            return Ok(Verified::End);
        }
        let invalid = |reason: String| Ok(Verified::Invalid { position, reason });
        let bytes = self.window.bytes(position, BATCH_HEADER_SIZE as u64, self.end)?;
        let header = match BatchHeader::parse_any(bytes) {
            Ok(header) => header,
            Err(error) => return invalid(error.to_string()),
        };
        let located = Located { position, header };
        if self.end < located.end() {
            return invalid(located.torn(self.end).to_string());
        }
        let computed = self.checksum(&located)?;
        if computed != header.crc() {
            let stored = header.crc();
            return invalid(format!(
                "its checksum is {stored:#010x}, its bytes give {computed:#010x}"
            ));
        }
        self.position = located.end();
        Ok(Verified::Intact(located))
    }

    fn checksum(&mut self, located: &Located) -> Result<u32, DiskError> {
        let mut position = located.position + located.header.checksummed_from() as u64;
        let mut checksum = located.header.begin_checksum();
        while position < located.end() {
            let piece = self.window.bytes(position, located.end() - position, self.end)?;
            if piece.is_empty() {
                // Shorter than its length said: no checksum fits that.
                return Ok(!located.header.crc());
            }
            checksum.update(piece);
            position += piece.len() as u64;
        }
        Ok(checksum.finish())
    }
}

/// Looks, at every byte from `from` on, for an intact batch of magic 2 whose offsets lie at
/// `least` or above: the mark of damage, where a torn write leaves none. Gives where it begins.
///
/// # Errors
/// The disk's.
pub fn find_intact_batch(
    file: &dyn File,
    from: u64,
    end: u64,
    least: Offset,
) -> Result<Option<u64>, DiskError> {
    IntactSearch::new(file, least, end).next(from, end).map_err(|it| it.error)
}

/// Whether a file holds nothing but zeros between two positions.
///
/// # Errors
/// The disk's.
pub fn holds_only_zeros(file: &dyn File, from: u64, end: u64) -> Result<bool, DiskError> {
    let mut window = Window::new(file);
    let mut position = from;
    while position < end {
        let bytes = window.bytes(position, WINDOW_BYTES as u64, end)?;
        if bytes.is_empty() || bytes.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        position += bytes.len() as u64;
    }
    Ok(true)
}
