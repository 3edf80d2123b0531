//! Where a message is written to: memory, or a count of bytes.
//!
//! Messages have one method that writes; run with a [`Counter`] it tells the length, run with a
//! [`Writer`](super::Writer) it makes the bytes. Errors stay in the sink, so that generated code is
//! straight.

use bytes::Bytes;

use super::{Encode, EncodeError, Kind, MAX_STRING_BYTES, Records};
use crate::types::Uuid;

/// What all sinks know of the message they are given.
#[derive(Debug, Default)]
pub struct SinkState {
    pub(crate) flexible: bool,
    pub(crate) version: i16,
    pub(crate) error: Option<EncodeError>,
}

/// The operations that messages are written with.
pub trait Sink: Sized {
    /// Whether the version is flexible, and the first error.
    fn state(&mut self) -> &mut SinkState;

    /// Appends bytes.
    fn put(&mut self, bytes: &[u8]);

    /// Appends record bytes, or a mark for them.
    fn put_records(&mut self, records: &Records);

    /// Appends one byte to be set later, and gives the position behind it.
    fn reserve_byte(&mut self) -> usize;

    /// Puts the length of all that was written since `mark` in front of it. The byte before `mark`
    /// is reserved for it.
    fn put_length_before(&mut self, mark: usize);

    /// Sets the reserved byte before `mark`.
    fn set_byte_before(&mut self, mark: usize, byte: u8);

    /// Remembers the first error.
    #[cold]
    fn fail(&mut self, error: EncodeError) {
        self.state().error.get_or_insert(error);
    }

    /// Fails unless the field, which this version lacks, is at its default.
    fn absent(&mut self, field: &'static str, is_default: bool) {
        if !is_default {
            let version = self.state().version;
            self.fail(EncodeError::UnsupportedField { field, version });
        }
    }

    /// Fails unless the field, which this version does not let be null, is present.
    fn present(&mut self, field: &'static str, is_present: bool) {
        if !is_present {
            let version = self.state().version;
            self.fail(EncodeError::UnexpectedNull { field, version });
        }
    }

    /// Appends one byte, 1 for true.
    #[inline]
    fn bool(&mut self, value: bool) {
        self.put(&[u8::from(value)]);
    }

    /// Appends the 16 bytes of an id.
    #[inline]
    fn uuid(&mut self, value: Uuid) {
        self.put(&value.0);
    }

    /// Appends seven bits a byte, lowest first.
    #[inline]
    fn unsigned_varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.put(&[value as u8 | 0x80]);
            value >>= 7;
        }
        self.put(&[value as u8]);
    }

    /// Appends the length of a byte string or the count of an array.
    #[inline]
    fn length(&mut self, length: Option<usize>) {
        let Ok(number) = length.map_or(Ok(-1), i32::try_from) else {
            return self.fail(EncodeError::TooLong { length: length.unwrap_or_default() });
        };
        if self.state().flexible {
            self.unsigned_varint((number as u32).wrapping_add(1));
        } else {
            self.put(&number.to_be_bytes());
        }
    }

    /// Appends a string that may be null.
    fn nullable_string(&mut self, value: Option<&str>) {
        let length = value.map_or(0, str::len);
        if MAX_STRING_BYTES < length {
            return self.fail(EncodeError::TooLong { length });
        }
        if self.state().flexible {
            self.length(value.map(str::len));
        } else {
            let number = if value.is_some() { length as i16 } else { -1 };
            self.put(&number.to_be_bytes());
        }
        self.put(value.unwrap_or_default().as_bytes());
    }

    /// Appends a string.
    fn string(&mut self, value: &str) {
        self.nullable_string(Some(value));
    }

    /// Appends a string with an int16 length in any version.
    fn inflexible_nullable_string(&mut self, value: Option<&str>) {
        let flexible = std::mem::replace(&mut self.state().flexible, false);
        self.nullable_string(value);
        self.state().flexible = flexible;
    }

    /// Appends bytes that may be null, with their length.
    fn nullable_bytes(&mut self, value: Option<&Bytes>) {
        self.length(value.map(Bytes::len));
        self.put(value.map_or(&[], |value| value.as_ref()));
    }

    /// Appends bytes with their length.
    fn bytes(&mut self, value: &Bytes) {
        self.nullable_bytes(Some(value));
    }

    /// Appends record bytes that may be null, with their length.
    fn nullable_records(&mut self, value: Option<&Records>) {
        self.length(value.map(Records::len));
        if let Some(records) = value {
            self.put_records(records);
        }
    }

    /// Appends elements with their count.
    fn array<T: Encode>(&mut self, elements: &[T], version: i16) {
        self.nullable_array(Some(elements), version);
    }

    /// Appends elements that may be null as a whole, with their count.
    fn nullable_array<T: Encode>(&mut self, elements: Option<&[T]>, version: i16) {
        self.length(elements.map(<[T]>::len));
        for element in elements.unwrap_or_default() {
            element.write(self, version);
        }
    }

    /// Appends a struct that may be null, with one byte in front: 1, or -1 for null.
    fn nullable_struct<T: Encode>(&mut self, value: Option<&T>, version: i16) {
        self.i8(if value.is_some() { 1 } else { -1 });
        if let Some(value) = value {
            value.write(self, version);
        }
    }

    /// Appends a struct among the tagged fields that may be null, with 1 or 0 in front.
    fn tagged_nullable_struct<T: Encode>(&mut self, value: Option<&T>, version: i16) {
        self.bool(value.is_some());
        if let Some(value) = value {
            value.write(self, version);
        }
    }

    /// Ends a struct that has no tagged fields.
    #[inline]
    fn no_tags(&mut self) {
        if self.state().flexible {
            self.put(&[0]);
        }
    }

    /// Appends one byte.
    #[inline]
    fn i8(&mut self, value: i8) {
        self.put(&value.to_be_bytes());
    }

    /// Appends two bytes.
    #[inline]
    fn i16(&mut self, value: i16) {
        self.put(&value.to_be_bytes());
    }

    /// Appends four bytes.
    #[inline]
    fn i32(&mut self, value: i32) {
        self.put(&value.to_be_bytes());
    }

    /// Appends eight bytes.
    #[inline]
    fn i64(&mut self, value: i64) {
        self.put(&value.to_be_bytes());
    }

    /// Appends two bytes.
    #[inline]
    fn u16(&mut self, value: u16) {
        self.put(&value.to_be_bytes());
    }

    /// Appends four bytes.
    #[inline]
    fn u32(&mut self, value: u32) {
        self.put(&value.to_be_bytes());
    }

    /// Appends eight bytes.
    #[inline]
    fn f64(&mut self, value: f64) {
        self.put(&value.to_be_bytes());
    }
}

/// The tagged fields that end a struct, while they are written.
///
/// The count stands in front, in one byte: no schema has 128 tagged fields in a struct.
#[derive(Debug)]
pub struct Tags {
    mark: usize,
    count: u8,
}

impl Tags {
    /// Begins the tagged fields of a struct.
    pub fn open<S: Sink>(sink: &mut S) -> Tags {
        Tags { mark: sink.reserve_byte(), count: 0 }
    }

    /// Appends the field `tag`, if it is to be written. Tags must come in rising order.
    #[inline]
    pub fn field<S: Sink>(&mut self, sink: &mut S, tag: u32, write: impl FnOnce(&mut S)) {
        self.count += 1;
        sink.unsigned_varint(tag);
        let mark = sink.reserve_byte();
        write(sink);
        sink.put_length_before(mark);
    }

    /// Ends the tagged fields.
    pub fn close<S: Sink>(self, sink: &mut S) {
        sink.set_byte_before(self.mark, self.count);
    }
}

/// How many bytes a varint takes.
pub(crate) fn unsigned_varint_len(value: usize) -> usize {
    (usize::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}

/// A sink that only counts.
#[derive(Debug)]
pub(crate) struct Counter {
    state: SinkState,
    length: usize,
}

impl Counter {
    pub(crate) fn new(flexible: bool, version: i16) -> Counter {
        Counter { state: SinkState { flexible, version, error: None }, length: 0 }
    }

    pub(crate) fn result(self) -> Result<usize, EncodeError> {
        self.state.error.map_or(Ok(self.length), Err)
    }
}

impl Sink for Counter {
    #[inline]
    fn state(&mut self) -> &mut SinkState {
        &mut self.state
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.length += bytes.len();
    }

    fn put_records(&mut self, records: &Records) {
        self.length += records.len();
    }

    fn reserve_byte(&mut self) -> usize {
        self.length += 1;
        self.length
    }

    fn put_length_before(&mut self, mark: usize) {
        self.length += unsigned_varint_len(self.length - mark) - 1;
    }

    fn set_byte_before(&mut self, _mark: usize, _byte: u8) {}
}

macro_rules! elements {
    ($($type:ty, $kind:ident, $write:ident;)*) => {$(
        impl Encode for $type {
            const KIND: Kind = Kind::$kind;

            #[inline]
            fn write<S: Sink>(&self, sink: &mut S, _version: i16) {
                sink.$write(*self);
            }
        }
    )*};
}

elements! {
    bool, Bool, bool;
    i8, Int8, i8;
    i16, Int16, i16;
    i32, Int32, i32;
    i64, Int64, i64;
    u16, Uint16, u16;
    u32, Uint32, u32;
    f64, Float64, f64;
    Uuid, Uuid, uuid;
}

impl Encode for String {
    const KIND: Kind = Kind::String;

    #[inline]
    fn write<S: Sink>(&self, sink: &mut S, _version: i16) {
        sink.string(self);
    }
}

impl Encode for Bytes {
    const KIND: Kind = Kind::Bytes;

    fn write<S: Sink>(&self, sink: &mut S, _version: i16) {
        sink.bytes(self);
    }
}

impl Encode for Records {
    const KIND: Kind = Kind::Records;

    fn write<S: Sink>(&self, sink: &mut S, _version: i16) {
        sink.nullable_records(Some(self));
    }
}
