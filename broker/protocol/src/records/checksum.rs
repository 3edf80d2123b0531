//! The two checksums of records: CRC-32C over a batch of magic 2, CRC-32 over a message before it.

/// CRC-32C (Castagnoli), as batches of magic 2 carry it.
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// CRC-32 (ISO-HDLC, zlib's), as messages of magic 0 and 1 carry it.
pub fn crc32(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iso_hdlc(bytes)
}

/// The CRC-32C of the last `length` of some bytes, from that of all of them and that of what stands
/// before: so the sums at two places of a stream give the sum of what lies between.
pub fn crc32c_of_last(length: u64, of_all: u32, of_before: u32) -> u32 {
    // To combine two sums is to move the first by a length and to add the second, and adding is
    // its own opposite.
    let algorithm = crc_fast::CrcAlgorithm::Crc32Iscsi;
    crc_fast::checksum_combine(algorithm, of_before.into(), of_all.into(), length) as u32
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
    fn the_sums_at_two_places_give_that_of_what_lies_between() {
        let bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
        for (from, to) in [(0, 0), (0, 5000), (1, 2), (17, 4999), (2500, 2500)] {
            let found =
                crc32c_of_last((to - from) as u64, crc32c(&bytes[..to]), crc32c(&bytes[..from]));
            assert_eq!(found, crc32c(&bytes[from..to]), "{from}..{to}");
        }
    }

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
