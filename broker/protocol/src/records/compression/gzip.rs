//! Gzip (RFC 1952) through zlib-rs.

use std::io::{Read, Write};

use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::{Budget, CHUNK_SIZE, Compression, DecompressError};

/// Decompresses gzip, several members in a row too.
pub(super) struct Decoder<'a> {
    inner: MultiGzDecoder<&'a [u8]>,
    chunk: Vec<u8>,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Decoder<'a> {
        Decoder { inner: MultiGzDecoder::new(bytes), chunk: Vec::new() }
    }

    pub(super) fn chunk(&self) -> &[u8] {
        &self.chunk
    }

    pub(super) fn advance(&mut self, budget: &mut Budget) -> Result<(), DecompressError> {
        self.chunk.resize(CHUNK_SIZE, 0);
        let read = self.inner.read(&mut self.chunk).map_err(|error| DecompressError::Damaged {
            compression: Compression::Gzip,
            reason: error.to_string(),
        })?;
        self.chunk.truncate(read);
        Ok(budget.charge(read as u64)?)
    }
}

/// Compresses `bytes`; `level` is 1 to 9, or -1 for zlib's own choice.
pub(super) fn compress(bytes: &[u8], level: i32) -> Vec<u8> {
    let level =
        u32::try_from(level).map_or(flate2::Compression::default(), flate2::Compression::new);
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory cannot fail")
}
