//! Records of the spool, as they were taken from the input.

use kt_protocol::records::{BatchView, Batches, HeaderView, RecordView};
use kt_protocol::types::{Offset, Timestamp};

/// A record, borrowed from the bytes that a cursor read.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) position: Offset,
    pub(crate) topic: &'a str,
    /// `None`: the producer chooses one.
    pub(crate) partition: Option<i32>,
    pub(crate) timestamp: Timestamp,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: Vec<(&'a str, Option<&'a [u8]>)>,
}

/// The records of whole batches, in their order. The error says which record cannot be understood:
/// its checksum holds, so it was not a spool that wrote it.
pub(crate) fn entries(batches: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, String>> {
    Batches::new(batches).flat_map(|batch| -> Box<dyn Iterator<Item = _>> {
        match batch {
            Ok(batch) => of_batch(&batch),
            Err(error) => Box::new(std::iter::once(Err(error.to_string()))),
        }
    })
}

fn of_batch<'a>(batch: &BatchView<'a>) -> Box<dyn Iterator<Item = Result<Entry<'a>, String>> + 'a> {
    match batch.records_in_place() {
        Ok(records) => Box::new(records.map(|record| match record {
            Ok(record) => entry(&record),
            Err(error) => Err(error.to_string()),
        })),
        Err(error) => Box::new(std::iter::once(Err(error.to_string()))),
    }
}

fn entry<'a>(record: &RecordView<'a>) -> Result<Entry<'a>, String> {
    let unclear = || format!("record {} does not say where it goes", record.offset);
    let mut headers = record.headers();
    let destination = headers.next().ok_or_else(unclear)?;
    let partition = match destination.value.map(<[u8; 4]>::try_from) {
        None => None,
        Some(Ok(index)) => Some(i32::from_be_bytes(index)),
        Some(Err(_)) => return Err(unclear()),
    };
    let pair = |it: HeaderView<'a>| it.key().map(|key| (key, it.value));
    Ok(Entry {
        position: record.offset,
        topic: destination.key().map_err(|_| unclear())?,
        partition,
        timestamp: record.timestamp,
        key: record.key,
        value: record.value,
        headers: headers.map(pair).collect::<Result<_, _>>().map_err(|_| unclear())?,
    })
}
