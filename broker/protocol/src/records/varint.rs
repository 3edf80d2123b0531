//! Zigzag varints, as records hold them (Kafka's `ByteUtils`), and a cursor over the bytes of records.

use super::error::RecordFault;

/// A varint of an i32 has at most this many bytes.
const MAX_VARINT_BYTES: u32 = 5;
/// A varlong, of an i64, at most this many.
const MAX_VARLONG_BYTES: u32 = 10;

/// Where the fields of a record are read from: a slice, or the chunks of a decompressed stream.
pub(super) trait Input {
    /// The next byte.
    fn byte(&mut self) -> Result<u8, RecordFault>;

    /// Passes over `count` bytes.
    fn skip(&mut self, count: u64) -> Result<(), RecordFault>;

    /// How many bytes were read so far.
    fn position(&self) -> u64;

    /// The next `count` bytes, if they lie in one piece of memory: reading there is faster. If not,
    /// nothing is read.
    fn contiguous(&mut self, count: u64) -> Option<&[u8]>;

    /// A zigzag varint.
    fn varint(&mut self) -> Result<i32, RecordFault> {
        let raw = unsigned(self, MAX_VARINT_BYTES, u64::from(u32::MAX))? as u32;
        Ok((raw >> 1) as i32 ^ -((raw & 1) as i32))
    }

    /// A zigzag varlong.
    fn varlong(&mut self) -> Result<i64, RecordFault> {
        let raw = unsigned(self, MAX_VARLONG_BYTES, u64::MAX)?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }
}

#[inline]
fn unsigned<I: Input + ?Sized>(input: &mut I, bytes: u32, max: u64) -> Result<u64, RecordFault> {
    let first = input.byte()?;
    if first & 0x80 == 0 {
        return Ok(u64::from(first));
    }
    let mut value = u64::from(first & 0x7f);
    for index in 1..bytes {
        let byte = input.byte()?;
        let bits = u64::from(byte & 0x7f);
        if bits > max >> (7 * index) {
            return Err(RecordFault::Varint);
        }
        value |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(RecordFault::Varint)
}

/// Reads fields off the front of a slice.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { rest: bytes, length: bytes.len() }
    }

    /// The bytes not yet read.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes.
    #[inline]
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], RecordFault> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(RecordFault::Ends),
        }
    }

    /// A length as a varint and as many bytes; `None` for the length -1.
    #[inline]
    pub(super) fn nullable_bytes(&mut self) -> Result<Option<&'a [u8]>, RecordFault> {
        match self.varint()? {
            -1 => Ok(None),
            length => match usize::try_from(length) {
                Ok(length) => self.take(length).map(Some),
                Err(_) => Err(RecordFault::Length { length }),
            },
        }
    }
}

impl Input for Cursor<'_> {
    #[inline]
    fn byte(&mut self) -> Result<u8, RecordFault> {
        match self.rest.split_first() {
            Some((first, rest)) => {
                self.rest = rest;
                Ok(*first)
            }
            None => Err(RecordFault::Ends),
        }
    }

    #[inline]
    fn skip(&mut self, count: u64) -> Result<(), RecordFault> {
        let count = usize::try_from(count).map_err(|_| RecordFault::Ends)?;
        self.take(count).map(drop)
    }

    fn position(&self) -> u64 {
        (self.length - self.rest.len()) as u64
    }

    #[inline]
    fn contiguous(&mut self, count: u64) -> Option<&[u8]> {
        self.take(usize::try_from(count).ok()?).ok()
    }
}

/// Appends a zigzag varint.
pub(super) fn put_varint(out: &mut Vec<u8>, value: i32) {
    put_unsigned(out, u64::from(zigzag32(value)));
}

/// Appends a zigzag varlong.
pub(super) fn put_varlong(out: &mut Vec<u8>, value: i64) {
    put_unsigned(out, zigzag64(value));
}

/// How many bytes a zigzag varint of `value` has.
pub(super) const fn varint_size(value: i32) -> usize {
    unsigned_size(zigzag32(value) as u64)
}

/// How many bytes a zigzag varlong of `value` has.
pub(super) const fn varlong_size(value: i64) -> usize {
    unsigned_size(zigzag64(value))
}

fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

const fn unsigned_size(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

const fn zigzag32(value: i32) -> u32 {
    (value << 1 ^ value >> 31) as u32
}

const fn zigzag64(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_numbers_take_one_byte_of_either_sign() {
        for (value, bytes) in
            [(0, vec![0]), (-1, vec![1]), (1, vec![2]), (-64, vec![0x7f]), (64, vec![0x80, 1])]
        {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(out, bytes);
        }
    }

    #[test]
    fn too_long_and_too_large_varints_are_refused() {
        let long = [0x80; 11];
        assert_eq!(Cursor::new(&long).varint(), Err(RecordFault::Varint));
        assert_eq!(Cursor::new(&long).varlong(), Err(RecordFault::Varint));
        assert_eq!(Cursor::new(&[0xff; 4]).varint(), Err(RecordFault::Ends));
        let large = [0xff, 0xff, 0xff, 0xff, 0x1f];
        assert_eq!(Cursor::new(&large).varint(), Err(RecordFault::Varint));
        let largest = [0xff, 0xff, 0xff, 0xff, 0x0f];
        assert_eq!(Cursor::new(&largest).varint(), Ok(i32::MIN));
    }

    proptest! {
        #[test]
        fn numbers_read_back(value: i64, small in any::<i32>()) {
            let mut out = Vec::new();
            put_varlong(&mut out, value);
            prop_assert_eq!(out.len(), varlong_size(value));
            prop_assert_eq!(Cursor::new(&out).varlong(), Ok(value));
            out.clear();
            put_varint(&mut out, small);
            prop_assert_eq!(out.len(), varint_size(small));
            prop_assert_eq!(Cursor::new(&out).varint(), Ok(small));
        }
    }
}
