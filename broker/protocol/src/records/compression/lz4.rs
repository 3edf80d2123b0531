//! LZ4 frames: written in independent blocks of 64 KiB without checksums, as Kafka does; read in
//! every shape that the format has, except with a dictionary.
//!
//! ```text
//!  04 22 4d 18 | FLG | BD | content size u64 LE, if FLG says | HC | block .. | 00000000 | checksum
//!  magic       |     |    |                                  |    |          | end mark | if FLG says
//!
//!  FLG: version 01 | independent | block checksum | content size | content checksum | 0 | dictionary
//!  BD: 0 | block size 4..7 | 0000          block: u32 LE length (top bit: stored) | data | checksum
//! ```
//!
//! HC, the descriptor's checksum, is the second byte of its xxHash32. Kafka before 0.10 (magic 0)
//! hashed the frame's magic with it (KAFKA-3160), so both values are taken.

use std::hash::Hasher as _;

use super::{Budget, Compression, DecompressError};

const MAGIC: u32 = 0x184d_2204;
const SKIPPABLE_MAGIC: std::ops::RangeInclusive<u32> = 0x184d_2a50..=0x184d_2a5f;

const FLG_VERSION_MASK: u8 = 0xc0;
const FLG_VERSION: u8 = 0x40;
const FLG_INDEPENDENT: u8 = 0x20;
const FLG_BLOCK_CHECKSUM: u8 = 0x10;
const FLG_CONTENT_SIZE: u8 = 0x08;
const FLG_CONTENT_CHECKSUM: u8 = 0x04;
const FLG_DICTIONARY: u8 = 0x01;
const STORED: u32 = 1 << 31;
/// How far back a linked block may refer.
const HISTORY_SIZE: usize = 64 * 1024;
/// A byte of a compressed block yields at most this many, so a short block needs no large buffer.
const MAX_BYTES_FROM_ONE: usize = 255;

const WRITTEN_BLOCK_SIZE: usize = 64 * 1024;
/// Magic, FLG (version 1, independent), BD (64 KiB) and the checksum of the two.
const WRITTEN_HEADER: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];

/// Decompresses one block at a time.
pub(super) struct Decoder<'a> {
    rest: &'a [u8],
    frame: Option<Frame>,
    block: Vec<u8>,
}

struct Frame {
    flags: u8,
    max_block: usize,
    content_size: Option<u64>,
    content_read: u64,
    content_hash: twox_hash::XxHash32,
    /// The last bytes before the block, kept only where blocks are linked.
    history: Vec<u8>,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Decoder<'a> {
        Decoder { rest: bytes, frame: None, block: Vec::new() }
    }

    pub(super) fn chunk(&self) -> &[u8] {
        &self.block
    }

    pub(super) fn advance(&mut self, budget: &mut Budget) -> Result<(), DecompressError> {
        self.block.clear();
        while self.block.is_empty() {
            match self.frame.take() {
                None if self.rest.is_empty() => break,
                None => self.frame = self.read_descriptor()?,
                Some(frame) => self.frame = self.read_block(frame)?,
            }
        }
        Ok(budget.charge(self.block.len() as u64)?)
    }

    fn read_descriptor(&mut self) -> Result<Option<Frame>, DecompressError> {
        let start = self.rest;
        let magic = self.u32()?;
        if SKIPPABLE_MAGIC.contains(&magic) {
            let length = self.u32()?;
            self.take(length as usize)?;
            return Ok(None);
        }
        if magic != MAGIC {
            return Err(damaged(format!("a frame begins with {magic:#010x}")));
        }
        let flags = self.byte()?;
        let block = self.byte()?;
        if flags & FLG_VERSION_MASK != FLG_VERSION || flags & FLG_DICTIONARY != 0 {
            return Err(damaged(format!("the frame's flags {flags:#04x} are not supported")));
        }
        let max_block = match block >> 4 & 0x07 {
            size @ 4..=7 => 1 << (8 + 2 * size),
            size => return Err(damaged(format!("block size {size} is not defined"))),
        };
        let content_size = if flags & FLG_CONTENT_SIZE == 0 { None } else { Some(self.u64()?) };
        let descriptor = &start[..start.len() - self.rest.len()];
        let checksum = self.byte()?;
        let right = header_checksum(&descriptor[4..]);
        if checksum != right && checksum != header_checksum(descriptor) {
            return Err(damaged(format!("header checksum is {checksum:#04x}, not {right:#04x}")));
        }
        Ok(Some(Frame {
            flags,
            max_block,
            content_size,
            content_read: 0,
            content_hash: twox_hash::XxHash32::with_seed(0),
            history: Vec::new(),
        }))
    }

    /// Reads the next block of the frame, or its end.
    fn read_block(&mut self, mut frame: Frame) -> Result<Option<Frame>, DecompressError> {
        let length = self.u32()?;
        if length == 0 {
            self.end_frame(&frame)?;
            return Ok(None);
        }
        let data = self.take((length & !STORED) as usize)?;
        if data.len() > frame.max_block {
            return Err(damaged(format!("a block has {} bytes, too many", data.len())));
        }
        if frame.flags & FLG_BLOCK_CHECKSUM != 0 {
            let stored = self.u32()?;
            let computed = twox_hash::XxHash32::oneshot(0, data);
            check("block", stored, computed)?;
        }
        if length & STORED == 0 {
            let most = frame.max_block.min(data.len().saturating_mul(MAX_BYTES_FROM_ONE));
            self.block.resize(most, 0);
            let block = &mut self.block;
            let written = lz4_flex::block::decompress_into_with_dict(data, block, &frame.history);
            block.truncate(written.map_err(|error| damaged(error.to_string()))?);
        } else {
            self.block.extend_from_slice(data);
        }
        frame.took(&self.block);
        Ok(Some(frame))
    }

    fn end_frame(&mut self, frame: &Frame) -> Result<(), DecompressError> {
        if let Some(size) = frame.content_size
            && size != frame.content_read
        {
            let read = frame.content_read;
            return Err(damaged(format!("the frame says {size} bytes of content, has {read}")));
        }
        if frame.flags & FLG_CONTENT_CHECKSUM != 0 {
            check("content", self.u32()?, frame.content_hash.finish_32())?;
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, DecompressError> {
        self.field().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Result<u32, DecompressError> {
        self.field().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, DecompressError> {
        self.field().map(u64::from_le_bytes)
    }

    fn field<const SIZE: usize>(&mut self) -> Result<[u8; SIZE], DecompressError> {
        let (field, rest) = self.rest.split_first_chunk().ok_or_else(cut_off)?;
        self.rest = rest;
        Ok(*field)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], DecompressError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(cut_off)?;
        self.rest = rest;
        Ok(taken)
    }
}

impl Frame {
    fn took(&mut self, block: &[u8]) {
        self.content_read += block.len() as u64;
        if self.flags & FLG_CONTENT_CHECKSUM != 0 {
            self.content_hash.write(block);
        }
        if self.flags & FLG_INDEPENDENT == 0 {
            let kept = HISTORY_SIZE.saturating_sub(block.len()).min(self.history.len());
            self.history.drain(..self.history.len() - kept);
            self.history.extend_from_slice(&block[block.len().saturating_sub(HISTORY_SIZE)..]);
        }
    }
}

fn header_checksum(bytes: &[u8]) -> u8 {
    (twox_hash::XxHash32::oneshot(0, bytes) >> 8) as u8
}

fn check(what: &str, stored: u32, computed: u32) -> Result<(), DecompressError> {
    if stored == computed {
        return Ok(());
    }
    Err(damaged(format!("{what} checksum is {stored:#010x}, not {computed:#010x}")))
}

fn cut_off() -> DecompressError {
    damaged("the frame is cut off".to_owned())
}

fn damaged(reason: String) -> DecompressError {
    DecompressError::Damaged { compression: Compression::Lz4, reason }
}

/// Compresses `bytes` as Kafka does. There is one level: the library has no slower and tighter one.
pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(WRITTEN_HEADER.len() + bytes.len() / 2);
    out.extend_from_slice(&WRITTEN_HEADER);
    let most = lz4_flex::block::get_maximum_output_size(bytes.len().min(WRITTEN_BLOCK_SIZE));
    let mut block = vec![0; most];
    for piece in bytes.chunks(WRITTEN_BLOCK_SIZE) {
        let length = lz4_flex::block::compress_into(piece, &mut block);
        let length = length.expect("the buffer is large enough");
        if length < piece.len() {
            out.extend_from_slice(&(length as u32).to_le_bytes());
            out.extend_from_slice(&block[..length]);
        } else {
            out.extend_from_slice(&(piece.len() as u32 | STORED).to_le_bytes());
            out.extend_from_slice(piece);
        }
    }
    out.extend_from_slice(&0u32.to_le_bytes());
    out
}
