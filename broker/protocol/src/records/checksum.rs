//! The two checksums of records: CRC-32C over a batch of magic 2, CRC-32 over a message before it.

/// CRC-32C (Castagnoli), as batches of magic 2 carry it.
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// CRC-32 (ISO-HDLC, zlib's), as messages of magic 0 and 1 carry it.
pub fn crc32(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iso_hdlc(bytes)
}

/// One of the two checksums, over bytes that come in pieces.
#[derive(Clone, Copy, Debug)]
pub struct Checksum(crc_fast::Digest);

impl Checksum {
    /// Begins a CRC-32C.
    pub fn crc32c() -> Checksum {
        Checksum(crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi))
    }

    /// Begins a CRC-32.
    pub fn crc32() -> Checksum {
        Checksum(crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32IsoHdlc))
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all bytes that were added.
    pub fn finish(self) -> u32 {
        // The algorithms have 32 bits; the digest has room for wider ones.
        self.0.finalize() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_values_of_the_catalogue_come_out() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        for (mut sum, expected) in
            [(Checksum::crc32c(), 0xe306_9283), (Checksum::crc32(), 0xcbf4_3926)]
        {
            sum.update(b"1234");
            sum.update(b"56789");
            assert_eq!(sum.finish(), expected);
        }
    }
}
