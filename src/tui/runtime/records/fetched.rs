//! Records as a poll brings them, for tests.

use kt_client::consumer::FetchedRecords;
use kt_protocol::records::{BatchBuilder, NewRecord};
use kt_protocol::types::{Offset, Timestamp, TopicPartition};
use tokio::sync::mpsc::{Receiver, channel};

use super::walk::Walk;
use crate::tui::model::msg::Msg;

/// Records from an offset on: the time and the size of the value of each.
pub(super) fn fetched(partition: i32, first: i64, records: &[(i64, usize)]) -> FetchedRecords {
    let mut bytes = Vec::new();
    for (records, base) in records.chunks(50).zip((first..).step_by(50)) {
        let mut batch = BatchBuilder::new().base_offset(Offset(base));
        for (time, size) in records {
            let value = vec![b'x'; *size];
            let (timestamp, value) = (Timestamp(*time), Some(value.as_slice()));
            batch.append(NewRecord { timestamp, value, ..NewRecord::default() }).unwrap();
        }
        bytes.extend_from_slice(&batch.build());
    }
    let partition = TopicPartition::new("orders", partition);
    let (from, end) = (Offset(first), Offset(i64::MAX));
    FetchedRecords::new(partition, &bytes.into(), from, end, Vec::new()).unwrap()
}

/// One that somebody listens to, while the other half is kept.
pub(super) fn walk() -> (Walk, Receiver<Msg>) {
    let (listener, heard) = channel(1);
    (Walk { filter: None, decoder: None, listener }, heard)
}
