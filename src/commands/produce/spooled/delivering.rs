//! The second half of `kt produce --spool`: what the spool has is delivered, then forgotten.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kt_client::producer::{Delivery, ProducerRecord, RawProducer};
use kt_protocol::records::NewRecord;
use kt_protocol::types::Offset;

use super::super::report::Deliveries;
use super::{Shared, on_disk};
use crate::error::{CliError, Kind};
use crate::session::Session;
use crate::spool::{Acknowledged, Cursor, Entry, entries};

/// Delivers out of the spool.
pub(super) struct Delivering<'a> {
    pub(super) shared: Arc<Shared>,
    pub(super) session: &'a Session,
    pub(super) producer: RawProducer,
    pub(super) deliveries: Deliveries<'a>,
    /// How long a cluster may be out of reach once the input has ended.
    pub(super) patience: Duration,
}

/// Where delivery stands.
struct Standing {
    cursor: Cursor,
    acknowledged: Acknowledged,
    /// The position of the record with tag 1.
    first: Offset,
}

impl Delivering<'_> {
    /// Delivers until nothing more comes and everything is delivered.
    pub(super) async fn run(&mut self) -> Result<(), CliError> {
        let mut standing = {
            let spool = self.shared.spool.lock();
            let first = spool.acknowledged();
            Standing { cursor: spool.cursor(), acknowledged: Acknowledged::new(first), first }
        };
        loop {
            let batches = {
                let spool = self.shared.spool.lock();
                spool.read(&self.shared.files, &mut standing.cursor)?
            };
            match batches {
                Some(batches) => self.send_all(&batches, &mut standing).await?,
                None if self.is_done() => return Ok(()),
                None if self.shared.is_ended() => self.flush(&mut standing).await?,
                None => tokio::select! {
                    () = self.shared.filled.notified() => {}
                    () = self.producer.next_delivery() => self.acknowledge(&mut standing).await?,
                },
            }
        }
    }

    /// Waits for what is under way, as long as something of it is delivered now and then.
    async fn flush(&mut self, standing: &mut Standing) -> Result<(), CliError> {
        let before = standing.acknowledged.before();
        let flushed = tokio::time::timeout(self.patience, self.producer.flush()).await;
        self.acknowledge(standing).await?;
        if flushed.is_err() && standing.acknowledged.before() == before {
            let seconds = self.patience.as_secs();
            let message = format!("the cluster took nothing for {seconds} s");
            return Err(CliError::new(Kind::Unreachable, "REQUEST_TIMED_OUT", message));
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.shared.is_ended() && self.shared.spool.lock().depth() == 0
    }

    async fn send_all(&mut self, batches: &[u8], standing: &mut Standing) -> Result<(), CliError> {
        for entry in entries(batches) {
            let entry = entry.map_err(|reason| CliError::other(format!("the spool: {reason}")))?;
            // Batches are read whole, and the first may be delivered in part.
            if entry.position < standing.first {
                continue;
            }
            self.send(&entry).await?;
        }
        self.acknowledge(standing).await
    }

    async fn send(&mut self, entry: &Entry<'_>) -> Result<(), CliError> {
        let tag = self.deliveries.next_tag();
        let record = NewRecord {
            timestamp: entry.timestamp,
            key: entry.key,
            value: entry.value,
            headers: &entry.headers,
        };
        let (topic, partition) = (entry.topic, entry.partition);
        let mut failing_since: Option<Instant> = None;
        loop {
            let sent = self.producer.send(ProducerRecord { topic, partition, record, tag }).await;
            let Err(error) = sent else { break };
            let error = CliError::from(error);
            let failing_for = failing_since.map_or(Duration::ZERO, |it| it.elapsed());
            let has_patience = !self.shared.is_ended() || failing_for < self.patience;
            if error.kind != Kind::Unreachable || !has_patience {
                self.deliveries.refused(tag, &error);
                return Err(CliError::silent(error.kind));
            }
            if failing_since.is_none() {
                let message = &error.message;
                self.session.note(&format!("{message}; the spool takes records meanwhile"));
                failing_since = Some(Instant::now());
            }
        }
        self.deliveries.sent(tag, entry.timestamp.0);
        Ok(())
    }

    /// Forgets what was delivered. A record that was not stays, with all behind it.
    async fn acknowledge(&mut self, standing: &mut Standing) -> Result<(), CliError> {
        let deliveries = self.producer.deliveries();
        let failed = deliveries.iter().find_map(|it| it.outcome.as_ref().err().cloned());
        for Delivery { tags, .. } in deliveries.iter().filter(|it| it.outcome.is_ok()) {
            for tag in tags {
                // Tags count from 1 on.
                let behind = i64::try_from(*tag).unwrap_or(i64::MAX) - 1;
                standing.acknowledged.add(standing.first.plus(behind));
            }
        }
        self.deliveries.take(deliveries)?;
        let before = standing.acknowledged.before();
        let forgotten = self.shared.spool.lock().acknowledge(before);
        if let Some(forgotten) = forgotten.map(Arc::new) {
            let to_perform = Arc::clone(&forgotten);
            on_disk(&self.shared, move |files| to_perform.perform(files)).await??;
            self.shared.spool.lock().forgotten(&forgotten);
            self.shared.emptied.notify_one();
        }
        match failed {
            // It was told with its record.
            Some(error) => Err(CliError::silent(CliError::from(error).kind)),
            None => Ok(()),
        }
    }
}
