//! Goes through fetched records beside the threads that ask, and stops when nobody listens any more.
//!
//! A poll may unpack to gigabytes, and a condition may be slow: none of that may hold up a question.

use std::ops::ControlFlow;
use std::sync::Arc;

use kt_client::consumer::FetchedRecords;
use tokio::sync::mpsc::Sender;

use super::Stopped;
use crate::internal_records::Decoder;
use crate::record_filter::RecordFilter;
use crate::tui::model::msg::Msg;
use crate::tui::model::screens::records::line::RecordLine;

/// After so many records, or so many of their bytes, it looks whether anybody listens.
const RECORDS_BETWEEN: usize = 1_000;
const BYTES_BETWEEN: usize = 1 << 20;

/// Which records are wanted, and by whom.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    pub(super) filter: Option<Arc<RecordFilter>>,
    pub(super) decoder: Option<Decoder>,
    /// Closed when the reader is stopped.
    pub(super) listener: Sender<Msg>,
}

/// Where a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walked {
    /// At the end, or where it was to end.
    Whole,
    /// Where it was broken off.
    Broken,
}

impl Walk {
    /// Shows `see` each record before `until`: its offset, and the record itself if it is wanted.
    pub(super) fn each(
        &self,
        records: &FetchedRecords,
        until: i64,
        mut see: impl FnMut(i64, Option<RecordLine>) -> ControlFlow<()>,
    ) -> Result<Walked, Stopped> {
        let of = records.partition();
        let partition = of.partition.0;
        let (mut passed, mut bytes) = (0, 0);
        let walked = records.for_each(|record| {
            if until <= record.offset.0 {
                return ControlFlow::Break(Ok(Walked::Whole));
            }
            passed += 1;
            bytes += record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len);
            if RECORDS_BETWEEN <= passed || BYTES_BETWEEN <= bytes {
                (passed, bytes) = (0, 0);
                if self.listener.is_closed() {
                    return ControlFlow::Break(Err(Stopped::NobodyListens));
                }
            }
            let is_wanted = self.filter.as_ref().is_none_or(|it| it.matches(of, record));
            let line = is_wanted.then(|| RecordLine::new(partition, record, self.decoder));
            match see(record.offset.0, line) {
                ControlFlow::Continue(()) => ControlFlow::Continue(()),
                ControlFlow::Break(()) => ControlFlow::Break(Ok(Walked::Broken)),
            }
        });
        match walked {
            Ok(ControlFlow::Continue(())) => Ok(Walked::Whole),
            Ok(ControlFlow::Break(ended)) => ended,
            Err(error) => Err(Stopped::Failed(format!("{of}: {error}"))),
        }
    }
}

/// Does what takes long where it holds up nobody.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Stopped> + Send + 'static,
) -> Result<T, Stopped> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_cancelled() => Err(Stopped::NobodyListens),
        Err(error) => Err(Stopped::Failed(error.to_string())),
    }
}
