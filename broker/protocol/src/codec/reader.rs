//! Takes values out of a frame that a stranger sent.
//!
//! Every length is checked against the bytes that remain before anything is allocated for it, and
//! every allocation is charged to the frame's budget.

use bytes::Bytes;

use super::{Decode, DecodeBudget, DecodeError, MAX_STRING_BYTES, Records, RecordsView};
use crate::types::Uuid;

/// More tagged fields in one struct than this are refused. No struct of Kafka's has ten.
const MAX_TAGS: u32 = 64;

/// A position in a frame.
///
/// `Bytes` and `Records` fields are slices of the frame, not copies. A reader over a plain slice
/// copies them instead.
#[derive(Debug)]
pub struct Reader<'a> {
    frame: Option<&'a Bytes>,
    rest: &'a [u8],
    /// Bytes that follow `rest` and are out of reach while a tagged field is read.
    hidden: usize,
    total: usize,
    budget: usize,
    flexible: bool,
}

impl<'a> Reader<'a> {
    /// Begins at the start of `frame`.
    pub fn new(frame: &'a Bytes, budget: DecodeBudget) -> Reader<'a> {
        Reader { frame: Some(frame), ..Reader::over_slice(frame, budget) }
    }

    /// Begins at the start of borrowed bytes; for views, which copy nothing anyway.
    pub fn over_slice(frame: &'a [u8], budget: DecodeBudget) -> Reader<'a> {
        Reader {
            frame: None,
            rest: frame,
            hidden: 0,
            total: frame.len(),
            budget: budget.0,
            flexible: false,
        }
    }

    /// The position in what this reader was given.
    pub fn position(&self) -> usize {
        self.total - self.hidden - self.rest.len()
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// What is left of the budget.
    pub fn budget_left(&self) -> usize {
        self.budget
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// Fails if bytes are left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(DecodeError::TrailingBytes { at: self.position(), count }),
        }
    }

    /// The key and version that a request begins with, without taking them.
    pub(crate) fn peek_api(&self) -> Result<(i16, i16), DecodeError> {
        match self.rest.first_chunk() {
            Some([k0, k1, v0, v1]) => {
                Ok((i16::from_be_bytes([*k0, *k1]), i16::from_be_bytes([*v0, *v1])))
            }
            None => Err(self.truncated(4)),
        }
    }

    /// Says whether lengths are compact and structs end with tagged fields, from here on.
    pub(crate) fn set_flexible(&mut self, flexible: bool) {
        self.flexible = flexible;
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(length) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.truncated(length)),
        }
    }

    #[inline]
    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(self.truncated(N)),
        }
    }

    #[cold]
    fn truncated(&self, needed: usize) -> DecodeError {
        DecodeError::Truncated { at: self.position(), needed, remaining: self.rest.len() }
    }

    /// Takes `bytes` of memory from the budget, before they are allocated.
    #[inline]
    pub(crate) fn charge(&mut self, bytes: usize) -> Result<(), DecodeError> {
        match self.budget.checked_sub(bytes) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(DecodeError::OverBudget {
                at: self.position(),
                needed: bytes,
                left: self.budget,
            }),
        }
    }

    /// Reads a varint of up to 32 bits: seven bits a byte, lowest first.
    ///
    /// # Errors
    ///
    /// Fails if it is longer, or the bytes end in it.
    #[inline]
    pub fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let at = self.position();
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.take_array()?;
            if shift == 28 && byte > 0x0f {
                break;
            }
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::VarintTooLong { at })
    }

    /// A length or count that is a varint one greater, or (not flexible) what `old` reads.
    #[inline]
    fn length(
        &mut self,
        old: impl FnOnce(&mut Self) -> Result<i32, DecodeError>,
    ) -> Result<Option<usize>, DecodeError> {
        if self.flexible {
            return Ok(self.unsigned_varint()?.checked_sub(1).map(|length| length as usize));
        }
        let at = self.position();
        match old(self)? {
            -1 => Ok(None),
            length => match usize::try_from(length) {
                Ok(length) => Ok(Some(length)),
                Err(_) => Err(DecodeError::NegativeLength { at, length }),
            },
        }
    }

    pub(crate) fn present<T>(&self, value: Option<T>) -> Result<T, DecodeError> {
        value.ok_or(DecodeError::UnexpectedNull { at: self.position() })
    }

    /// Reads a string that may be null, without copying it.
    pub(crate) fn nullable_str(&mut self) -> Result<Option<&'a str>, DecodeError> {
        let Some(length) = self.length(|reader| Ok(i32::from(reader.i16()?)))? else {
            return Ok(None);
        };
        let at = self.position();
        if MAX_STRING_BYTES < length {
            return Err(DecodeError::StringTooLong { at, length });
        }
        let bytes = self.take(length)?;
        str::from_utf8(bytes).map(Some).map_err(|_| DecodeError::NotUtf8 { at })
    }

    pub(crate) fn str(&mut self) -> Result<&'a str, DecodeError> {
        let value = self.nullable_str()?;
        self.present(value)
    }

    pub(crate) fn nullable_string(&mut self) -> Result<Option<String>, DecodeError> {
        let Some(value) = self.nullable_str()? else { return Ok(None) };
        self.charge(value.len())?;
        Ok(Some(value.to_owned()))
    }

    pub(crate) fn string(&mut self) -> Result<String, DecodeError> {
        let value = self.nullable_string()?;
        self.present(value)
    }

    /// A string with an int16 length in any version (the client id in a request's header).
    pub(crate) fn inflexible_nullable_string(&mut self) -> Result<Option<String>, DecodeError> {
        let flexible = std::mem::replace(&mut self.flexible, false);
        let value = self.nullable_string();
        self.flexible = flexible;
        value
    }

    /// Reads bytes that may be null, without copying them.
    pub(crate) fn nullable_slice(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        match self.length(Reader::i32)? {
            Some(length) => self.take(length).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn nullable_bytes(&mut self) -> Result<Option<Bytes>, DecodeError> {
        let Some(slice) = self.nullable_slice()? else { return Ok(None) };
        match self.frame {
            Some(frame) => Ok(Some(frame.slice_ref(slice))),
            None => {
                self.charge(slice.len())?;
                Ok(Some(Bytes::copy_from_slice(slice)))
            }
        }
    }

    pub(crate) fn bytes(&mut self) -> Result<Bytes, DecodeError> {
        let value = self.nullable_bytes()?;
        self.present(value)
    }

    pub(crate) fn nullable_records(&mut self) -> Result<Option<Records>, DecodeError> {
        Ok(self.nullable_bytes()?.map(Records::Bytes))
    }

    pub(crate) fn records(&mut self) -> Result<Records, DecodeError> {
        self.bytes().map(Records::Bytes)
    }

    pub(crate) fn nullable_records_view(&mut self) -> Result<Option<RecordsView<'a>>, DecodeError> {
        let Some(bytes) = self.nullable_slice()? else { return Ok(None) };
        Ok(Some(RecordsView { position: self.position() - bytes.len(), bytes }))
    }

    /// Reads the count of an array whose elements take `min_len` bytes at least.
    pub(crate) fn count(&mut self, min_len: usize) -> Result<Option<usize>, DecodeError> {
        let Some(count) = self.length(Reader::i32)? else { return Ok(None) };
        if count > self.rest.len() / min_len {
            let remaining = self.rest.len();
            return Err(DecodeError::TooManyElements { at: self.position(), count, remaining });
        }
        Ok(Some(count))
    }

    pub(crate) fn nullable_array<T: Decode<'a>>(
        &mut self,
        version: i16,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(count) = self.count(T::MIN_LEN)? else { return Ok(None) };
        self.charge(count.saturating_mul(size_of::<T>()))?;
        let mut elements = Vec::with_capacity(count);
        for _ in 0..count {
            elements.push(T::read(self, version)?);
        }
        Ok(Some(elements))
    }

    pub(crate) fn array<T: Decode<'a>>(&mut self, version: i16) -> Result<Vec<T>, DecodeError> {
        let value = self.nullable_array(version)?;
        self.present(value)
    }

    /// A struct with one byte in front, negative for null.
    pub(crate) fn nullable_struct<T: Decode<'a>>(
        &mut self,
        version: i16,
    ) -> Result<Option<Box<T>>, DecodeError> {
        if self.i8()? < 0 {
            return Ok(None);
        }
        self.boxed(version).map(Some)
    }

    /// A struct among the tagged fields that may be null: a varint in front, zero for null.
    pub(crate) fn tagged_nullable_struct<T: Decode<'a>>(
        &mut self,
        version: i16,
    ) -> Result<Option<Box<T>>, DecodeError> {
        if self.unsigned_varint()? == 0 {
            return Ok(None);
        }
        self.boxed(version).map(Some)
    }

    fn boxed<T: Decode<'a>>(&mut self, version: i16) -> Result<Box<T>, DecodeError> {
        self.charge(size_of::<T>())?;
        T::read(self, version).map(Box::new)
    }

    /// Skips the tagged fields that end a struct, if the version is flexible.
    #[inline]
    pub(crate) fn skip_tags(&mut self) -> Result<(), DecodeError> {
        self.tagged_fields(|_, _| Ok(false))
    }

    /// Reads the tagged fields that end a struct, if the version is flexible: `read` gets a tag,
    /// reads its value and says true, or says false and the value is skipped. Unknown values are
    /// never stored.
    ///
    /// ```text
    /// count: varint | count x ( tag: varint | length: varint | value )
    /// ```
    #[inline]
    pub(crate) fn tagged_fields(
        &mut self,
        mut read: impl FnMut(&mut Reader<'a>, u32) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        if !self.flexible {
            return Ok(());
        }
        let at = self.position();
        let count = self.unsigned_varint()?;
        if count > MAX_TAGS {
            return Err(DecodeError::TooManyTags { at, count });
        }
        for _ in 0..count {
            let tag = self.unsigned_varint()?;
            let length = self.unsigned_varint()? as usize;
            let Some((value, after)) = self.rest.split_at_checked(length) else {
                return Err(self.truncated(length));
            };
            self.rest = value;
            self.hidden += after.len();
            if read(self, tag)? && !self.rest.is_empty() {
                let unread = self.rest.len();
                let at = self.position() + unread;
                return Err(DecodeError::TagNotConsumed { at, tag, unread });
            }
            self.rest = after;
            self.hidden -= after.len();
        }
        Ok(())
    }

    /// Reads 16 bytes as an id.
    #[inline]
    pub(crate) fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        Ok(Uuid(self.take_array()?))
    }

    /// Reads one byte; any but zero is true.
    #[inline]
    pub(crate) fn bool(&mut self) -> Result<bool, DecodeError> {
        let [byte] = self.take_array()?;
        Ok(byte != 0)
    }
}

macro_rules! numbers {
    ($($number:ident)*) => {
        impl Reader<'_> {
            $(
                #[doc = concat!("Reads a big-endian `", stringify!($number), "`.")]
                ///
                /// # Errors
                ///
                /// Fails if fewer bytes are left than it has.
                #[inline]
                pub fn $number(&mut self) -> Result<$number, DecodeError> {
                    self.take_array().map($number::from_be_bytes)
                }
            )*
        }

        $(
            impl Decode<'_> for $number {
                const MIN_LEN: usize = size_of::<$number>();

                #[inline]
                fn read(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
                    reader.$number()
                }
            }
        )*
    };
}

numbers!(i8 i16 i32 i64 u16 u32 f64);

impl Decode<'_> for Uuid {
    const MIN_LEN: usize = 16;

    fn read(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        reader.uuid()
    }
}

impl Decode<'_> for String {
    const MIN_LEN: usize = 1;

    fn read(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        reader.string()
    }
}

impl<'a> Decode<'a> for &'a str {
    const MIN_LEN: usize = 1;

    fn read(reader: &mut Reader<'a>, _version: i16) -> Result<Self, DecodeError> {
        reader.str()
    }
}

impl Decode<'_> for Bytes {
    const MIN_LEN: usize = 1;

    fn read(reader: &mut Reader<'_>, _version: i16) -> Result<Self, DecodeError> {
        reader.bytes()
    }
}
