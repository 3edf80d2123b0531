//! The first half of `kt produce --spool`: lines become batches of the spool.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kt_protocol::records::NewRecord;
use kt_protocol::types::Timestamp;
use tokio::sync::watch;

use super::super::input::{Input, Source};
use super::super::lines::{LineRecord, Lines};
use super::super::now_ms;
use super::super::progress::Bar;
use super::{Shared, on_disk};
use crate::error::{CliError, Kind};
use crate::rate::Pace;
use crate::session::Session;
use crate::spool::Draft;
use crate::topic_selection;

/// Says which signal came, when one has.
type Stop = watch::Receiver<Option<Kind>>;

/// Reads lines into the spool.
pub(super) struct Taking<'a> {
    pub(super) shared: Arc<Shared>,
    pub(super) session: &'a Session,
    pub(super) lines: Lines,
    pub(super) pace: Option<(Pace, Instant)>,
    pub(super) bar: Bar,
    pub(super) repeat: u64,
    /// What the producer would refuse is not taken: it would stay for ever.
    pub(super) record_bytes_max: usize,
    pub(super) batch_bytes: usize,
    pub(super) spares_internal: bool,
}

impl Taking<'_> {
    /// Takes one record and nothing from the input.
    pub(super) async fn take_one(&mut self, mut stop: Stop) -> Result<(), CliError> {
        let record = self.lines.tombstone();
        let mut draft = self.draft();
        self.add(&mut draft, &record, &mut stop).await?;
        self.commit(&mut draft, &mut stop).await
    }

    /// Takes all lines until the input ends or a signal comes. What was read is taken then, if there
    /// is room.
    pub(super) async fn take_all(
        &mut self,
        source: Source,
        mut stop: Stop,
    ) -> Result<(), CliError> {
        let mut input = source.start();
        let mut draft = self.draft();
        loop {
            let read = self.read(&mut input, &mut draft, &mut stop).await;
            self.commit(&mut draft, &mut stop).await?;
            read?;
            self.bar.reach(input.taken());
            tokio::select! {
                more = input.more() => {
                    if !more? {
                        return Ok(());
                    }
                }
                kind = stopped(&mut stop) => return Err(CliError::silent(kind)),
            }
        }
    }

    /// Takes the lines that are there.
    async fn read(
        &mut self,
        input: &mut Input,
        draft: &mut Draft,
        stop: &mut Stop,
    ) -> Result<(), CliError> {
        loop {
            let next = self.lines.next(input);
            let record = next.map_err(|reason| self.unreadable(input, &reason))?;
            let Some(record) = record else { return Ok(()) };
            self.add(draft, &record, stop).await.map_err(|error| match error.kind {
                Kind::Other => self.unreadable(input, &error.message),
                _ => error,
            })?;
        }
    }

    fn unreadable(&self, input: &Input, reason: &str) -> CliError {
        match self.lines.format {
            None => CliError::other(format!("line {}: {reason}", input.line())),
            Some(_) => CliError::other(format!("record {}: {reason}", input.line() + 1)),
        }
    }

    fn draft(&self) -> Draft {
        self.shared.spool.lock().draft()
    }

    /// Adds a record as often as it is wanted.
    async fn add(
        &mut self,
        draft: &mut Draft,
        record: &LineRecord,
        stop: &mut Stop,
    ) -> Result<(), CliError> {
        if self.spares_internal && topic_selection::is_internal(&record.topic) {
            return Err(topic_selection::internal(&record.topic));
        }
        let headers: Vec<(&str, Option<&[u8]>)> =
            record.headers.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
        for _ in 0..self.repeat {
            let new = NewRecord {
                timestamp: Timestamp(record.timestamp.unwrap_or_else(now_ms)),
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                headers: &headers,
            };
            let bytes = bytes_of(&new);
            if self.record_bytes_max < bytes {
                return Err(CliError::other(format!(
                    "the record has {bytes} bytes, {} are allowed (max.request.size)",
                    self.record_bytes_max
                )));
            }
            self.hold_back(bytes).await;
            // A batch is written when it is full, or when no more input is there.
            if self.batch_bytes < draft.bytes() + bytes {
                self.commit(draft, stop).await?;
            }
            let added = draft.add(&record.topic, record.partition, new);
            added.map_err(|error| CliError::other(error.to_string()))?;
        }
        Ok(())
    }

    async fn hold_back(&mut self, bytes: usize) {
        let Some((pace, started)) = &mut self.pace else { return };
        let ahead = pace.pass(bytes, started.elapsed());
        if Duration::ZERO < ahead {
            tokio::time::sleep(ahead).await;
        }
    }

    /// Writes a batch and syncs it: from then on its records are taken. Waits while the spool is
    /// full.
    async fn commit(&self, draft: &mut Draft, stop: &mut Stop) -> Result<(), CliError> {
        if draft.is_empty() {
            return Ok(());
        }
        while !self.shared.spool.lock().has_room(draft)? {
            tokio::select! {
                () = self.shared.emptied.notified() => {}
                kind = stopped(stop) => {
                    let count = draft.len();
                    self.session.warn(&format!("{count} records were read and not taken: the spool is full"));
                    return Err(CliError::silent(kind));
                }
            }
        }
        let written = {
            let mut spool = self.shared.spool.lock();
            Arc::new(spool.write(&self.shared.files, draft)?)
        };
        let to_sync = Arc::clone(&written);
        let synced = on_disk(&self.shared, move |files| to_sync.sync(files)).await?;
        self.shared.spool.lock().synced(&written, synced)?;
        self.shared.filled.notify_one();
        *draft = self.draft();
        Ok(())
    }
}

/// The signal that ends the taking.
async fn stopped(stop: &mut Stop) -> Kind {
    match stop.wait_for(Option::is_some).await {
        Ok(kind) => kind.unwrap_or(Kind::Interrupted),
        Err(_) => std::future::pending().await,
    }
}

/// Bytes of key, value and headers, as the producer counts them.
fn bytes_of(record: &NewRecord<'_>) -> usize {
    let length = |it: Option<&[u8]>| it.map_or(0, <[u8]>::len);
    let headers: usize = record.headers.iter().map(|(key, it)| key.len() + length(*it)).sum();
    length(record.key) + length(record.value) + headers
}
