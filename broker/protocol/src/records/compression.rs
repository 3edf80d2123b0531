//! The codecs of record batches: ids, names and levels, and bytes through them both ways.

mod budget;
mod gzip;
mod lz4;
mod snappy;
mod zstd;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

pub use budget::{Budget, BudgetExceeded};

/// How the records of a batch are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compression {
    /// Not at all.
    #[default]
    None = 0,
    /// RFC 1952.
    Gzip = 1,
    /// Snappy, in the framing of `xerial/snappy-java` or raw.
    Snappy = 2,
    /// LZ4 frames.
    Lz4 = 3,
    /// Zstandard (KIP-110), not before magic 2.
    Zstd = 4,
}

/// An id that names no codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("compression type {0} is unknown")]
pub struct UnknownCompression(pub u8);

/// A name that is no codec's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no compression type: must be none, gzip, snappy, lz4 or zstd")]
pub struct ParseCompressionError(pub String);

impl Compression {
    /// Every codec, in the order of the ids.
    pub const ALL: [Compression; 5] = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];

    /// The id in the attributes.
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// The codec with this id.
    ///
    /// # Errors
    /// There is none above 4.
    pub fn from_id(id: u8) -> Result<Compression, UnknownCompression> {
        Compression::ALL.get(usize::from(id)).copied().ok_or(UnknownCompression(id))
    }

    /// Kafka's name of it, as in `compression.type`.
    pub const fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Snappy => "snappy",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Compression {
    type Err = ParseCompressionError;

    fn from_str(name: &str) -> Result<Compression, ParseCompressionError> {
        let found = Compression::ALL.into_iter().find(|codec| codec.name() == name);
        found.ok_or_else(|| ParseCompressionError(name.to_owned()))
    }
}

/// Why compressed bytes cannot be decompressed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecompressError {
    /// The bytes are not what the codec writes.
    #[error("{compression} data is damaged: {reason}")]
    Damaged {
        /// The codec.
        compression: Compression,
        /// What is wrong.
        reason: String,
    },
    /// More would come out than was granted.
    #[error(transparent)]
    Budget(#[from] BudgetExceeded),
}

/// How much is decompressed at a time, in bytes, by the codecs whose blocks do not decide it: so
/// much may come out beyond the budget before it is noticed.
const CHUNK_SIZE: usize = 64 * 1024;
/// With so much a buffer for decompressed bytes begins at most: what claims to be large has to show it.
const MAX_INITIAL_CAPACITY: usize = 1024 * 1024;

/// Decompresses a stream chunk by chunk. What was charged for its window is released with it.
pub struct Decompressor<'a, 'b> {
    codec: Codec<'a>,
    /// How much of the chunk was consumed.
    consumed: usize,
    budget: &'b mut Budget,
}

enum Codec<'a> {
    /// What is still to come, and the chunk: all of it, once.
    None(&'a [u8], &'a [u8]),
    Gzip(gzip::Decoder<'a>),
    Snappy(snappy::Decoder<'a>),
    Lz4(lz4::Decoder<'a>),
    Zstd(zstd::Decoder<'a>),
}

impl<'a, 'b> Decompressor<'a, 'b> {
    /// Begins to decompress `bytes` at the expense of `budget`.
    pub fn new(compression: Compression, bytes: &'a [u8], budget: &'b mut Budget) -> Self {
        let codec = match compression {
            Compression::None => Codec::None(bytes, &[]),
            Compression::Gzip => Codec::Gzip(gzip::Decoder::new(bytes)),
            Compression::Snappy => Codec::Snappy(snappy::Decoder::new(bytes)),
            Compression::Lz4 => Codec::Lz4(lz4::Decoder::new(bytes)),
            Compression::Zstd => Codec::Zstd(zstd::Decoder::new(bytes)),
        };
        Decompressor { codec, consumed: 0, budget }
    }

    /// Decompresses the next chunk, and forgets the one before it; an empty one is the end. Not to be
    /// called again after an error.
    ///
    /// # Errors
    /// The stream is damaged or cut off, or the budget is spent.
    pub fn advance(&mut self) -> Result<(), DecompressError> {
        self.consumed = 0;
        match &mut self.codec {
            // Nothing is made of them, so nothing is charged.
            Codec::None(rest, chunk) => *chunk = std::mem::take(rest),
            Codec::Gzip(decoder) => decoder.advance(self.budget)?,
            Codec::Snappy(decoder) => decoder.advance(self.budget)?,
            Codec::Lz4(decoder) => decoder.advance(self.budget)?,
            Codec::Zstd(decoder) => decoder.advance(self.budget)?,
        }
        Ok(())
    }

    /// What is left of the chunk.
    pub fn chunk(&self) -> &[u8] {
        self.codec.chunk().get(self.consumed..).unwrap_or_default()
    }

    /// Takes up to `count` bytes off what is left of the chunk.
    pub fn consume(&mut self, count: usize) -> &[u8] {
        let start = self.consumed;
        self.consumed += count.min(self.chunk().len());
        self.codec.chunk().get(start..self.consumed).unwrap_or_default()
    }
}

impl Codec<'_> {
    fn chunk(&self) -> &[u8] {
        match self {
            Codec::None(_, chunk) => chunk,
            Codec::Gzip(decoder) => decoder.chunk(),
            Codec::Snappy(decoder) => decoder.chunk(),
            Codec::Lz4(decoder) => decoder.chunk(),
            Codec::Zstd(decoder) => decoder.chunk(),
        }
    }
}

impl Drop for Decompressor<'_, '_> {
    fn drop(&mut self) {
        if let Codec::Zstd(decoder) = &self.codec {
            self.budget.release(decoder.window());
        }
    }
}

/// Decompresses `bytes` whole.
///
/// # Errors
/// They are damaged or cut off, or the budget is spent.
pub fn decompress(
    compression: Compression,
    bytes: &[u8],
    budget: &mut Budget,
) -> Result<Vec<u8>, DecompressError> {
    if compression == Compression::Snappy && !snappy::is_framed(bytes) {
        return snappy::decompress_raw(bytes, budget);
    }
    let capacity = bytes.len().saturating_mul(4).min(MAX_INITIAL_CAPACITY);
    let mut out = Vec::new();
    let mut stream = Decompressor::new(compression, bytes, budget);
    loop {
        stream.advance()?;
        let chunk = stream.chunk();
        if chunk.is_empty() {
            return Ok(out);
        }
        if out.is_empty() {
            out.reserve(capacity.max(chunk.len()));
        }
        out.extend_from_slice(chunk);
    }
}

/// A codec at a level: what a producer or a topic is configured to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compressor {
    compression: Compression,
    level: i32,
}

/// A level that the codec does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{compression} has no compression level {level}: must be {allowed}")]
pub struct LevelError {
    /// The codec.
    pub compression: Compression,
    /// The level asked for.
    pub level: i32,
    /// The levels it has, in words.
    pub allowed: &'static str,
}

impl Compressor {
    /// A codec at one of its levels (`compression.gzip.level`, `.lz4.level`, `.zstd.level`, KIP-390).
    ///
    /// # Errors
    /// Gzip has the levels 1 to 9 and -1, lz4 1 to 17, zstd -131072 to 22, none and snappy have none.
    pub fn new(compression: Compression, level: i32) -> Result<Compressor, LevelError> {
        let (fits, allowed) = match compression {
            Compression::None | Compression::Snappy => (false, "left out"),
            Compression::Gzip => (level == -1 || (1..=9).contains(&level), "1 to 9, or -1"),
            Compression::Lz4 => ((1..=17).contains(&level), "1 to 17"),
            Compression::Zstd => ((-131_072..=22).contains(&level), "-131072 to 22"),
        };
        if !fits {
            return Err(LevelError { compression, level, allowed });
        }
        Ok(Compressor { compression, level })
    }

    /// The codec.
    pub const fn compression(&self) -> Compression {
        self.compression
    }

    /// Compresses `bytes`. With lz4 all levels are one: the library has no slower and tighter mode.
    pub fn compress<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match self.compression {
            Compression::None => Cow::Borrowed(bytes),
            Compression::Gzip => Cow::Owned(gzip::compress(bytes, self.level)),
            Compression::Snappy => Cow::Owned(snappy::compress(bytes)),
            Compression::Lz4 => Cow::Owned(lz4::compress(bytes)),
            Compression::Zstd => Cow::Owned(zstd::compress(bytes, self.level)),
        }
    }
}

/// A codec at Kafka's default level.
impl From<Compression> for Compressor {
    fn from(compression: Compression) -> Compressor {
        let level = match compression {
            Compression::None | Compression::Snappy => 0,
            Compression::Gzip => -1,
            Compression::Lz4 => 9,
            Compression::Zstd => 3,
        };
        Compressor { compression, level }
    }
}

impl Default for Compressor {
    fn default() -> Compressor {
        Compressor::from(Compression::None)
    }
}

#[cfg(test)]
mod tests;
