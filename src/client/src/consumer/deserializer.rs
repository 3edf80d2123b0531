//! Keys and values as what they mean: bytes become the caller's types as records are read.

use std::str::Utf8Error;

use kt_protocol::records::Headers;
use kt_protocol::types::Offset;

use super::records::{FetchedRecords, ReadError, Record, RecordCursor};

/// Why bytes do not mean anything.
///
/// Shown at [`Deserializer`].
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
///
/// Shown at [`FetchedRecords::typed`].
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
///
/// Shown at [`FetchedRecords::typed`].
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
///
/// Shown at [`FetchedRecords::typed`].
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
///
/// ```
/// # kt_doc_broker::with_orders(&["40", "coffee", "2"], async |bootstrap| {
/// use std::time::Duration;
///
/// use kt_client::consumer::{
///     Consumer, ConsumerConfig, Deserializer, MeaningError, Raw, Start, TypedError,
/// };
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::records::Headers;
/// use kt_protocol::types::TopicPartition;
///
/// /// Numbers written as text.
/// struct Number;
///
/// impl Deserializer for Number {
///     type Value<'a> = u32;
///
///     fn value<'a>(
///         &self,
///         _topic: &str,
///         _headers: &Headers<'a>,
///         bytes: Option<&'a [u8]>,
///     ) -> Result<u32, MeaningError> {
///         Ok(std::str::from_utf8(bytes.unwrap_or_default())?.parse()?)
///     }
/// }
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let consumer = Consumer::new(client, ConsumerConfig::default());
/// consumer.assign([(TopicPartition::new("orders", 0), Start::Earliest)]);
/// let polled = consumer.poll(Duration::from_secs(30)).await?;
/// let (mut sum, mut skipped) = (0, 0);
/// let mut cursor = polled.records[0].typed(Raw, Number);
/// loop {
///     match cursor.next() {
///         Ok(Some(it)) => sum += it.value,
///         Ok(None) => break,
///         Err(TypedError::Meaning { .. }) => skipped += 1,
///         Err(error) => return Err(error.into()),
///     }
/// }
/// assert_eq!((sum, skipped), (42, 1));
/// # Ok(())
/// # });
/// ```
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
///
/// Shown at [`FetchedRecords::typed`].
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
    /// ```
    /// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
    /// use std::time::Duration;
    ///
    /// use kt_client::consumer::{Consumer, ConsumerConfig, Raw, Start, Text};
    /// use kt_client::{Client, ClientConfig};
    /// use kt_protocol::types::TopicPartition;
    ///
    /// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
    /// let consumer = Consumer::new(client, ConsumerConfig::default());
    /// consumer.assign([(TopicPartition::new("orders", 0), Start::Earliest)]);
    /// let polled = consumer.poll(Duration::from_secs(30)).await?;
    /// let mut cursor = polled.records[0].typed(Raw, Text);
    /// let mut values = Vec::new();
    /// while let Some(it) = cursor.next()? {
    ///     values.extend(it.value.map(str::to_owned));
    /// }
    /// assert_eq!(values, ["tea", "coffee"]);
    /// # Ok(())
    /// # });
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
