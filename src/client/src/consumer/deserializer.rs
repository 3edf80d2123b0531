//! Keys and values as what they mean: bytes become the caller's types as records are read.

use std::str::Utf8Error;

use kt_protocol::records::Headers;
use kt_protocol::types::Offset;

use super::records::{FetchedRecords, ReadError, Record, RecordCursor};

/// Why bytes do not mean anything.
pub type MeaningError = Box<dyn std::error::Error + Send + Sync>;

/// Makes values out of the bytes of a key or a value. A value may borrow from the bytes.
///
/// ```
/// use kt_client::consumer::{Deserializer, MeaningError};
/// use kt_protocol::records::Headers;
///
/// /// Big-endian numbers, as Kafka's `LongDeserializer` reads them.
/// struct Long;
///
/// impl Deserializer for Long {
///     type Value<'a> = Option<i64>;
///
///     fn value<'a>(
///         &self,
///         _topic: &str,
///         _headers: &Headers<'a>,
///         bytes: Option<&'a [u8]>,
///     ) -> Result<Option<i64>, MeaningError> {
///         Ok(bytes.map(|it| it.try_into().map(i64::from_be_bytes)).transpose()?)
///     }
/// }
/// assert_eq!(Long.value("t", &Headers::default(), Some(&[0, 0, 0, 0, 0, 0, 0, 7])).unwrap(), Some(7));
/// ```
pub trait Deserializer {
    /// What the bytes mean.
    type Value<'a>;

    /// Reads a key or a value; no bytes are none, or a tombstone.
    ///
    /// # Errors
    ///
    /// Fails if the bytes mean nothing.
    fn value<'a>(
        &self,
        topic: &str,
        headers: &Headers<'a>,
        bytes: Option<&'a [u8]>,
    ) -> Result<Self::Value<'a>, MeaningError>;
}

/// Bytes as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Raw;

impl Deserializer for Raw {
    type Value<'a> = Option<&'a [u8]>;

    fn value<'a>(
        &self,
        _topic: &str,
        _headers: &Headers<'a>,
        bytes: Option<&'a [u8]>,
    ) -> Result<Option<&'a [u8]>, MeaningError> {
        Ok(bytes)
    }
}

/// UTF-8.
#[derive(Clone, Copy, Debug, Default)]
pub struct Text;

impl Deserializer for Text {
    type Value<'a> = Option<&'a str>;

    fn value<'a>(
        &self,
        _topic: &str,
        _headers: &Headers<'a>,
        bytes: Option<&'a [u8]>,
    ) -> Result<Option<&'a str>, MeaningError> {
        let text: Result<Option<&str>, Utf8Error> = bytes.map(std::str::from_utf8).transpose();
        Ok(text?)
    }
}

/// A record with its key and value read.
#[derive(Debug)]
pub struct Typed<'a, K, V> {
    /// Its key.
    pub key: K,
    /// Its value.
    pub value: V,
    /// All else, and the bytes.
    pub record: Record<'a>,
}

/// Why a record cannot be given as what it means.
#[derive(Debug, thiserror::Error)]
pub enum TypedError {
    /// The bytes of a batch cannot be read: nothing comes after.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The key or value of one record means nothing; the next one can be asked for.
    #[error("the {part} at {partition} offset {offset}: {reason}")]
    Meaning {
        /// `key` or `value`.
        part: &'static str,
        /// As Kafka writes it: `orders-0`.
        partition: String,
        /// The record's.
        offset: Offset,
        /// What the deserializer said.
        reason: MeaningError,
    },
}

/// Records one by one, read by two deserializers.
#[derive(Debug)]
pub struct TypedCursor<'r, K, V> {
    records: &'r FetchedRecords,
    cursor: RecordCursor<'r>,
    key: K,
    value: V,
}

impl FetchedRecords {
    /// Gives the records as what their bytes mean.
    ///
    /// ```no_run
    /// # fn example(records: kt_client::consumer::FetchedRecords) -> Result<(), Box<dyn std::error::Error>> {
    /// use kt_client::consumer::Text;
    ///
    /// let mut cursor = records.typed(Text, Text);
    /// while let Some(it) = cursor.next()? {
    ///     println!("{:?} = {:?}", it.key, it.value);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn typed<K: Deserializer, V: Deserializer>(
        &self,
        key: K,
        value: V,
    ) -> TypedCursor<'_, K, V> {
        TypedCursor { records: self, cursor: self.cursor(), key, value }
    }
}

impl<K: Deserializer, V: Deserializer> TypedCursor<'_, K, V> {
    /// The next record, borrowed until the one after it is asked for; none after the last.
    ///
    /// # Errors
    ///
    /// Fails if the bytes cannot be read, or mean nothing: then the next record can be asked for.
    #[expect(clippy::type_complexity, reason = "the parts of one record")]
    #[expect(clippy::should_implement_trait, reason = "an Iterator cannot lend")]
    pub fn next(&mut self) -> Result<Option<Typed<'_, K::Value<'_>, V::Value<'_>>>, TypedError> {
        let partition = self.records.partition();
        let Some(record) = self.cursor.next()? else { return Ok(None) };
        let failed = |part, offset| {
            move |reason| {
                let partition = partition.to_string();
                TypedError::Meaning { part, partition, offset, reason }
            }
        };
        let (topic, offset) = (partition.topic.as_str(), record.offset);
        let key = self.key.value(topic, &record.headers, record.key);
        let value = self.value.value(topic, &record.headers, record.value);
        Ok(Some(Typed {
            key: key.map_err(failed("key", offset))?,
            value: value.map_err(failed("value", offset))?,
            record,
        }))
    }
}

#[cfg(test)]
mod tests {
    use kt_protocol::records::{BatchBuilder, NewRecord};
    use kt_protocol::types::TopicPartition;

    use super::*;

    #[test]
    fn a_value_without_meaning_is_named_and_the_next_one_is_read() {
        let mut batch = BatchBuilder::new().base_offset(Offset(5));
        for value in [&b"one"[..], &[0xff], b"three"] {
            batch.append(NewRecord { value: Some(value), ..Default::default() }).unwrap();
        }
        let partition = TopicPartition::new("orders", 0);
        let (from, end) = (Offset(5), Offset(8));
        let records =
            FetchedRecords::new(partition, &batch.build(), from, end, Vec::new()).unwrap();
        let mut cursor = records.typed(Raw, Text);
        assert_eq!(cursor.next().unwrap().unwrap().value, Some("one"));
        let error = cursor.next().unwrap_err().to_string();
        assert!(error.starts_with("the value at orders-0 offset 6: invalid utf-8"), "{error}");
        let last = cursor.next().unwrap().unwrap();
        assert_eq!((last.key, last.value), (None, Some("three")));
        assert!(cursor.next().unwrap().is_none());
    }
}
