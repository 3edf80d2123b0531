//! Records of a program's own types, and what becomes of each.

use std::borrow::Cow;
use std::sync::Arc;

use kt_protocol::types::{Offset, Timestamp};

/// Why code that is not ours failed, in its own words.
///
/// Shown at [`Serializer`].
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A record to send, with key and value of the program's types.
///
/// ```
/// use kt_client::producer::Record;
///
/// let record: Record<&str, String> =
///     Record::new("orders", "one more".to_owned()).key("customer 7").header("source", b"web");
/// assert_eq!(&*record.topic, "orders");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<K, V> {
    /// Its topic. Cloning an `Arc<str>` costs nothing worth counting.
    pub topic: Arc<str>,
    /// Its partition; `None`: the one that the partitioner chooses.
    pub partition: Option<i32>,
    /// Its time; `None`: now.
    pub timestamp: Option<Timestamp>,
    /// Its key.
    pub key: Option<K>,
    /// Its value; none is a tombstone.
    pub value: Option<V>,
    /// Its headers, in order.
    pub headers: Vec<Header>,
}

/// A header of a record.
///
/// ```
/// use kt_client::producer::{Header, Record};
///
/// let record: Record<&str, &str> = Record::new("orders", "tea").header("trace", b"17");
/// let header = Header { key: "trace".to_owned(), value: Some(b"17".to_vec()) };
/// assert_eq!(record.headers, [header]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Option<Vec<u8>>,
}

impl<K, V> Record<K, V> {
    /// A record with a value and nothing else.
    pub fn new(topic: impl Into<Arc<str>>, value: V) -> Record<K, V> {
        Record { value: Some(value), ..Record::tombstone(topic) }
    }

    /// A record without a value: it deletes its key from a compacted topic.
    pub fn tombstone(topic: impl Into<Arc<str>>) -> Record<K, V> {
        Record {
            topic: topic.into(),
            partition: None,
            timestamp: None,
            key: None,
            value: None,
            headers: Vec::new(),
        }
    }

    /// With this key.
    #[must_use]
    pub fn key(self, key: K) -> Record<K, V> {
        Record { key: Some(key), ..self }
    }

    /// To this partition.
    #[must_use]
    pub fn partition(self, partition: i32) -> Record<K, V> {
        Record { partition: Some(partition), ..self }
    }

    /// At this time.
    #[must_use]
    pub fn timestamp(self, timestamp: Timestamp) -> Record<K, V> {
        Record { timestamp: Some(timestamp), ..self }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, key: impl Into<String>, value: &[u8]) -> Record<K, V> {
        self.headers.push(Header { key: key.into(), value: Some(value.to_vec()) });
        self
    }
}

/// Where a record was written.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use kt_client::producer::{AsBytes, Producer, ProducerConfig, Record};
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::types::{Offset, Timestamp};
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let producer = Producer::new(client, ProducerConfig::default(), AsBytes, AsBytes)?;
/// let record = Record::<&str, _>::new("orders", "tea").timestamp(Timestamp(1_700_000_000_000));
/// let written = producer.send(record).await?.await?;
/// assert_eq!((&*written.topic, written.partition), ("orders", 0));
/// assert_eq!(written.offset, Some(Offset(0)));
/// assert_eq!(written.timestamp, Timestamp(1_700_000_000_000));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its topic.
    pub topic: Arc<str>,
    /// Its partition.
    pub partition: i32,
    /// Its offset; `None` if nobody told it (`acks=0`).
    pub offset: Option<Offset>,
    /// Its time: its own, or the broker's where the topic wants that.
    pub timestamp: Timestamp,
}

/// Makes bytes of a key or a value.
///
/// ```
/// use std::borrow::Cow;
/// use kt_client::producer::{BoxError, Header, Serializer};
///
/// /// A price in cents, as text.
/// struct Cents;
///
/// impl Serializer<u64> for Cents {
///     fn serialize<'a>(
///         &self,
///         _topic: &str,
///         _headers: &mut Vec<Header>,
///         cents: &'a u64,
///     ) -> Result<Cow<'a, [u8]>, BoxError> {
///         Ok(Cow::Owned(format!("{}.{:02}", cents / 100, cents % 100).into_bytes()))
///     }
/// }
///
/// let mut headers = Vec::new();
/// assert_eq!(*Cents.serialize("prices", &mut headers, &1999)?, *b"19.99");
/// # Ok::<(), BoxError>(())
/// ```
pub trait Serializer<T>: Send + Sync {
    /// The bytes of `it`, for a record of this topic; may add to the record's headers.
    ///
    /// # Errors
    ///
    /// Says why `it` has no bytes; the record is not sent then.
    fn serialize<'a>(
        &self,
        topic: &str,
        headers: &mut Vec<Header>,
        it: &'a T,
    ) -> Result<Cow<'a, [u8]>, BoxError>;
}

/// Takes what is bytes already: strings, vectors, slices, [`bytes::Bytes`].
///
/// ```
/// use kt_client::producer::{AsBytes, Serializer};
///
/// let mut headers = Vec::new();
/// assert_eq!(*AsBytes.serialize("orders", &mut headers, &"tea")?, *b"tea");
/// assert_eq!(*AsBytes.serialize("orders", &mut headers, &vec![1, 2])?, [1, 2]);
/// # Ok::<(), kt_client::producer::BoxError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AsBytes;

impl<T: AsRef<[u8]>> Serializer<T> for AsBytes {
    fn serialize<'a>(
        &self,
        _topic: &str,
        _headers: &mut Vec<Header>,
        it: &'a T,
    ) -> Result<Cow<'a, [u8]>, BoxError> {
        Ok(Cow::Borrowed(it.as_ref()))
    }
}

/// Numbers as Kafka's own serializers write them: big-endian, with all their bytes.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use kt_client::producer::{AsBytes, BigEndian, Producer, ProducerConfig, Record};
/// use kt_client::{Client, ClientConfig};
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let config = ProducerConfig::default();
/// let producer = Producer::<i64, String>::new(client, config, BigEndian, AsBytes)?;
/// let record = Record::new("orders", "tea".to_owned()).key(7);
/// producer.send(record).await?.await?;
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct BigEndian;

macro_rules! big_endian {
    ($($number:ty)*) => {
        $(impl Serializer<$number> for BigEndian {
            fn serialize<'a>(
                &self,
                _topic: &str,
                _headers: &mut Vec<Header>,
                it: &'a $number,
            ) -> Result<Cow<'a, [u8]>, BoxError> {
                Ok(Cow::Owned(it.to_be_bytes().to_vec()))
            }
        })*
    };
}

big_endian!(i16 i32 i64 u64 f32 f64);

impl<T, F> Serializer<T> for F
where
    F: Fn(&T) -> Result<Vec<u8>, BoxError> + Send + Sync,
{
    fn serialize<'a>(
        &self,
        _topic: &str,
        _headers: &mut Vec<Header>,
        it: &'a T,
    ) -> Result<Cow<'a, [u8]>, BoxError> {
        self(it).map(Cow::Owned)
    }
}
