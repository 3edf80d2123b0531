//! Snappy, in the framing of `xerial/snappy-java` (what Kafka writes) or raw (what librdkafka may).
//!
//! ```text
//!  82 53 4e 41 50 50 59 00   u32 BE 1   u32 BE 1     u32 BE n   n bytes
//!  \x82 S  N  A  P  P  Y \0  version    compatible   length     raw snappy    length  ...
//! ```

use super::{Budget, Compression, DecompressError};

const MAGIC: &[u8; 8] = b"\x82SNAPPY\0";
/// Magic, version and the least version that can read it.
const HEADER_SIZE: usize = 16;
const VERSION: u32 = 1;
/// The block size of Kafka's `SnappyCompression`, in bytes before compression.
const BLOCK_SIZE: usize = 32 * 1024;
/// Raw snappy's best element makes 64 bytes of three, so this bounds what a block can hold. A block
/// that claims more lies, and is not allocated for.
const MAX_BYTES_FROM_ONE: u64 = 22;

/// Decompresses one block at a time.
pub(super) struct Decoder<'a> {
    framing: Framing,
    rest: &'a [u8],
    block: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Framing {
    Raw,
    Xerial,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Decoder<'a> {
        let framing = if is_framed(bytes) { Framing::Xerial } else { Framing::Raw };
        Decoder { framing, rest: bytes, block: Vec::new() }
    }

    pub(super) fn chunk(&self) -> &[u8] {
        &self.block
    }

    pub(super) fn advance(&mut self, budget: &mut Budget) -> Result<(), DecompressError> {
        self.block.clear();
        while self.block.is_empty() && !self.rest.is_empty() {
            let raw = match self.framing {
                Framing::Raw => std::mem::take(&mut self.rest),
                Framing::Xerial => self.next_block()?,
            };
            decompress_block(raw, &mut self.block, budget)?;
        }
        Ok(())
    }

    fn next_block(&mut self) -> Result<&'a [u8], DecompressError> {
        // Each stream that was appended brings its own header, as snappy-java allows.
        while self.rest.starts_with(MAGIC) {
            self.take(HEADER_SIZE)?;
        }
        if self.rest.is_empty() {
            return Ok(&[]);
        }
        let length = self.take(4)?.first_chunk().map_or(0, |length| u32::from_be_bytes(*length));
        self.take(length as usize)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], DecompressError> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            let have = self.rest.len();
            return Err(damaged(format!("a block of {count} bytes has only {have}")));
        };
        self.rest = rest;
        Ok(taken)
    }
}

/// Whether `bytes` begin as the framing does; if not, they are one raw block.
pub(super) fn is_framed(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Decompresses one raw block straight into the memory that is returned.
pub(super) fn decompress_raw(raw: &[u8], budget: &mut Budget) -> Result<Vec<u8>, DecompressError> {
    let mut block = Vec::new();
    decompress_block(raw, &mut block, budget)?;
    Ok(block)
}

fn decompress_block(
    raw: &[u8],
    block: &mut Vec<u8>,
    budget: &mut Budget,
) -> Result<(), DecompressError> {
    if raw.is_empty() {
        return Ok(());
    }
    let length = snap::raw::decompress_len(raw).map_err(|error| damaged(error.to_string()))?;
    budget.charge(length as u64)?;
    if length as u64 > raw.len() as u64 * MAX_BYTES_FROM_ONE {
        return Err(damaged(format!("a block of {} bytes claims to hold {length}", raw.len())));
    }
    block.resize(length, 0);
    let written = snap::raw::Decoder::new().decompress(raw, block);
    block.truncate(written.map_err(|error| damaged(error.to_string()))?);
    Ok(())
}

fn damaged(reason: String) -> DecompressError {
    DecompressError::Damaged { compression: Compression::Snappy, reason }
}

/// Compresses `bytes` as Kafka does.
pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_SIZE + bytes.len() / 2);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&VERSION.to_be_bytes());
    let mut encoder = snap::raw::Encoder::new();
    let mut block = vec![0; snap::raw::max_compress_len(BLOCK_SIZE)];
    for piece in bytes.chunks(BLOCK_SIZE) {
        let length = encoder.compress(piece, &mut block).expect("the buffer is large enough");
        out.extend_from_slice(&(length as u32).to_be_bytes());
        out.extend_from_slice(&block[..length]);
    }
    out
}
