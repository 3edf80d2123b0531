//! What a log gives to those who read it.

use std::collections::BTreeSet;

use kt_protocol::records::control::{EndTxnMarker, TxnOutcome};
use kt_protocol::records::{BatchHeader, BatchView, Batches, Budget};
use kt_protocol::types::Offset;
use kt_storage::{Log, ReadRequest, aborted_transactions, read};

use super::model::Record;

/// A batch as it stands in the log.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) header: BatchHeader,
    pub(crate) bytes: Vec<u8>,
    /// Of data.
    pub(crate) records: Vec<Record>,
    /// Of a marker that was not emptied.
    pub(crate) outcome: Option<TxnOutcome>,
}

fn says(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn found(view: &BatchView<'_>) -> Result<Found, String> {
    if !view.crc_is_valid() {
        return Err(format!("the batch at {} has a wrong checksum", view.base_offset()));
    }
    let mut budget = Budget::new(64 << 20);
    let body = view.decompress(&mut budget).map_err(says)?;
    let mut found = Found {
        header: *view.header(),
        bytes: view.bytes().to_vec(),
        records: Vec::new(),
        outcome: None,
    };
    for record in body.records() {
        let record = record.map_err(says)?;
        if view.is_control() {
            let marker = EndTxnMarker::from_record(&record).map_err(says)?;
            found.outcome = marker.map(|marker| marker.outcome);
            continue;
        }
        found.records.push(Record {
            offset: record.offset.0,
            timestamp: record.timestamp.0,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            header: record.headers().next().and_then(|it| it.value.map(<[u8]>::to_vec)),
        });
    }
    Ok(found)
}

/// All batches, file by file.
pub(crate) fn batches(log: &Log) -> Result<Vec<Found>, String> {
    let mut all = Vec::new();
    for segment in log.segments().iter() {
        let mut bytes = vec![0; segment.size().map_err(says)? as usize];
        segment.log_file().map_err(says)?.read_at(0, &mut bytes).map_err(says)?;
        for view in Batches::new(&bytes) {
            all.push(found(&view.map_err(says)?)?);
        }
    }
    Ok(all)
}

/// What a consumer with `read_committed` gets from `from` on, below `last_stable`: it fetches,
/// drops what the transaction indexes say was aborted, and goes on behind each batch.
pub(crate) fn committed(
    log: &Log,
    from: Offset,
    last_stable: Offset,
) -> Result<Vec<Record>, String> {
    let mut from = from;
    let mut records = Vec::new();
    while from < last_stable {
        let request =
            ReadRequest { from, max_offset: last_stable, max_bytes: 900, min_one_batch: true };
        let Some(slice) = read(log.segments(), &request).map_err(says)? else { break };
        let mut aborted =
            aborted_transactions(log.segments(), &slice, last_stable).map_err(says)?;
        aborted.sort_by_key(|it| it.first_offset);
        let mut aborted = aborted.into_iter().peekable();
        let mut under_way = BTreeSet::new();
        let mut bytes = vec![0; slice.range.length as usize];
        slice.range.file.read_at(slice.range.position, &mut bytes).map_err(says)?;
        for view in Batches::new(&bytes) {
            // The last may be cut off.
            let Ok(view) = view else { break };
            let batch = found(&view)?;
            while let Some(next) =
                aborted.next_if(|it| it.first_offset <= batch.header.last_offset())
            {
                under_way.insert(next.producer_id);
            }
            if batch.outcome == Some(TxnOutcome::Abort) {
                under_way.remove(&batch.header.producer_id());
            }
            let is_aborted =
                batch.header.is_transactional() && under_way.contains(&batch.header.producer_id());
            if !is_aborted {
                records.extend(batch.records.into_iter().filter(|it| from.0 <= it.offset));
            }
            from = batch.header.next_offset();
        }
    }
    Ok(records)
}
