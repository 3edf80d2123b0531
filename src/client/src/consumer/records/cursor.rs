//! Records one by one, each lent until the next: for readers that await between them.

use std::collections::VecDeque;

use bytes::Bytes;
use kt_protocol::records::{AnyBatch, AnyBatches, BatchView, Budget, Headers, RecordView};
use kt_protocol::types::{Offset, Timestamp};

use super::front::Opened;
use super::{AbortFilter, BATCH_BYTES_MAX, FetchedRecords, Origin, ReadError, Record};

/// Where a reader of [`FetchedRecords`] is.
///
/// ```
/// # kt_doc_broker::with_orders(&["tea", "coffee"], async |bootstrap| {
/// use std::time::Duration;
///
/// use kt_client::consumer::{Consumer, ConsumerConfig, Start};
/// use kt_client::{Client, ClientConfig};
/// use kt_protocol::types::TopicPartition;
///
/// async fn store(value: &[u8]) {
///     println!("{value:?}");
/// }
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let consumer = Consumer::new(client, ConsumerConfig::default());
/// consumer.assign([(TopicPartition::new("orders", 0), Start::Earliest)]);
/// let polled = consumer.poll(Duration::from_secs(30)).await?;
/// let mut cursor = polled.records[0].cursor();
/// while let Some(record) = cursor.next()? {
///     // The record is lent across the await.
///     store(record.value.unwrap_or_default()).await;
///     consumer.set_processed(polled.records[0].partition(), record.offset.plus(1));
/// }
/// assert_eq!(consumer.processed(&TopicPartition::new("orders", 0)).map(|it| it.0), Some(2));
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
pub struct RecordCursor<'r> {
    records: &'r FetchedRecords,
    filter: AbortFilter,
    /// Where the next batch begins.
    at: usize,
    batch: Option<Batch<'r>>,
}

#[derive(Debug)]
enum Batch<'r> {
    Current {
        view: BatchView<'r>,
        origin: Origin,
        opened: Opened,
        count: usize,
    },
    /// Of magic 0 or 1: seldom enough to be copied.
    Legacy {
        origin: Origin,
        records: VecDeque<Copied>,
        current: Option<Copied>,
    },
}

#[derive(Debug)]
struct Copied {
    offset: Offset,
    timestamp: Timestamp,
    key: Option<Bytes>,
    value: Option<Bytes>,
}

impl<'r> RecordCursor<'r> {
    pub(super) fn new(records: &'r FetchedRecords) -> RecordCursor<'r> {
        RecordCursor { records, filter: records.filter.clone(), at: 0, batch: None }
    }

    /// The next record, borrowed until the one after it is asked for; none after the last. Not to
    /// be called again after an error.
    ///
    /// # Errors
    ///
    /// Fails if a batch cannot be decompressed or its records cannot be read.
    #[expect(clippy::should_implement_trait, reason = "an Iterator cannot lend")]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        while !self.batch.as_ref().is_some_and(Batch::has_next) {
            if !self.open_next()? {
                return Ok(None);
            }
        }
        let until = self.records.until;
        let Some(batch) = self.batch.as_mut() else { return Ok(None) };
        Ok(batch.next()?.filter(|record| record.offset < until))
    }

    /// Opens the next batch that something is shown of.
    fn open_next(&mut self) -> Result<bool, ReadError> {
        let records = self.records;
        loop {
            let rest = records.bytes.get(self.at..).unwrap_or_default();
            let Some(batch) = AnyBatches::new(rest).next() else { return Ok(false) };
            let batch = batch.map_err(|error| ReadError::Batch(error.to_string()))?;
            let is_first = self.at == 0;
            self.at += batch.size();
            let last_offset = batch.last_offset();
            if self.filter.hides(&batch)? || last_offset < records.position {
                continue;
            }
            let origin = Origin::of(&batch);
            let unreadable = |error| ReadError::Records { last_offset, error };
            let opened = records.opened.as_ref().filter(|_| is_first);
            self.batch = Some(match batch {
                AnyBatch::Batch(view) => {
                    let mut opened = match opened {
                        Some(opened) => opened.clone(),
                        None => Opened::new(&records.bytes, &view).map_err(unreadable)?,
                    };
                    opened.seek(&view, records.position).map_err(unreadable)?;
                    let count = usize::try_from(view.records_count()).unwrap_or(0);
                    Batch::Current { view, origin, opened, count }
                }
                batch @ AnyBatch::Legacy(_) => {
                    let mut budget = Budget::new(BATCH_BYTES_MAX);
                    let body = batch.decompress(&mut budget).map_err(unreadable)?;
                    let copied = body.records().map(|it| it.map(|it| Copied::of(&it)));
                    let copied: Result<VecDeque<Copied>, _> = copied.collect();
                    let mut copied = copied.map_err(unreadable)?;
                    copied.retain(|it| records.position <= it.offset);
                    Batch::Legacy { origin, records: copied, current: None }
                }
            });
            return Ok(true);
        }
    }
}

impl Batch<'_> {
    fn has_next(&self) -> bool {
        match self {
            Batch::Current { opened, count, .. } => opened.place.index() < *count,
            Batch::Legacy { records, .. } => !records.is_empty(),
        }
    }

    fn next(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        match self {
            Batch::Current { view, origin, opened, .. } => {
                let last_offset = view.last_offset();
                let Opened { body, place } = opened;
                let mut records = view.records_in(body).resume(*place);
                let record = records.next().transpose();
                *place = records.place();
                let record = record.map_err(|error| ReadError::Records { last_offset, error })?;
                Ok(record.map(|it| origin.record(&it)))
            }
            Batch::Legacy { origin, records, current } => {
                *current = records.pop_front();
                Ok(current.as_ref().map(|it| it.record(origin)))
            }
        }
    }
}

impl Copied {
    fn of(it: &RecordView<'_>) -> Copied {
        let copy = |bytes: Option<&[u8]>| bytes.map(Bytes::copy_from_slice);
        let (offset, timestamp) = (it.offset, it.timestamp);
        Copied { offset, timestamp, key: copy(it.key), value: copy(it.value) }
    }

    fn record(&self, origin: &Origin) -> Record<'_> {
        let bytes = (self.key.as_deref(), self.value.as_deref());
        origin.place(self.offset, self.timestamp, bytes, Headers::default())
    }
}
