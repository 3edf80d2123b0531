//! The second half of `kt produce --spool`: what the spool has is delivered, then forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kt_client::producer::{ProducerRecord, RawProducer};
use kt_protocol::records::NewRecord;
use kt_protocol::types::Offset;

use super::refusal::is_final;
use super::{Reach, Shared, SharedDeliveries, note_outage, on_disk};
use crate::error::{CliError, Kind};
use crate::record_json::{Refused, write_refused};
use crate::session::Session;
use crate::spool::{Acknowledged, Cursor, Entry, entries, put_aside};

/// Delivers out of the spool.
pub(super) struct Delivering<'a> {
    pub(super) shared: Arc<Shared>,
    pub(super) session: &'a Session,
    pub(super) producer: RawProducer,
    pub(super) deliveries: SharedDeliveries<'a>,
    /// How long a cluster may be out of reach once the input has ended.
    pub(super) patience: Duration,
    /// Gone: it was said that the cluster is out of reach.
    pub(super) reach: Reach,
    /// How many records were put aside.
    pub(super) refused: u64,
}

/// Where delivery stands.
struct Standing {
    cursor: Cursor,
    acknowledged: Acknowledged,
    /// Where what is not acknowledged was read, by the first position of each piece.
    pieces: BTreeMap<Offset, Cursor>,
    /// What no other try can deliver, with the reasons.
    refused: BTreeMap<Offset, String>,
}

impl Delivering<'_> {
    /// Delivers until nothing more comes and everything is delivered.
    pub(super) async fn run(&mut self) -> Result<(), CliError> {
        let mut standing = Standing {
            cursor: self.shared.spool.lock().cursor(),
            acknowledged: Acknowledged::new(self.shared.first),
            pieces: BTreeMap::new(),
            refused: BTreeMap::new(),
        };
        loop {
            let here = standing.cursor;
            let batches = {
                let spool = self.shared.spool.lock();
                spool.read(&self.shared.files, &mut standing.cursor)?
            };
            match batches {
                Some(batches) => {
                    standing.pieces.insert(here.position(), here);
                    self.send_all(&batches, &mut standing).await?;
                }
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
        loop {
            tokio::select! {
                biased;
                () = self.producer.flush() => return self.acknowledge(standing).await,
                () = self.producer.next_delivery() => self.acknowledge(standing).await?,
                () = tokio::time::sleep(self.patience) => {
                    let seconds = self.patience.as_secs_f64();
                    let message = format!("the cluster took nothing for {seconds} s");
                    return Err(CliError::new(Kind::Unreachable, "REQUEST_TIMED_OUT", message));
                }
            }
        }
    }

    fn is_done(&self) -> bool {
        self.shared.is_ended() && self.shared.spool.lock().depth() == 0
    }

    async fn send_all(&mut self, batches: &[u8], standing: &mut Standing) -> Result<(), CliError> {
        for entry in entries(batches) {
            let entry = entry.map_err(|reason| CliError::other(format!("the spool: {reason}")))?;
            // Batches are read whole, and the first may be delivered in part.
            if entry.position < self.shared.first {
                continue;
            }
            self.send(&entry, standing).await?;
        }
        self.acknowledge(standing).await
    }

    async fn send(&mut self, entry: &Entry<'_>, standing: &mut Standing) -> Result<(), CliError> {
        let tag = self.shared.tag(entry.position);
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
            let is_final = is_final(&error);
            let error = CliError::from(error);
            if is_final {
                self.deliveries.borrow_mut().refused(tag, &error);
                standing.refused.insert(entry.position, error.message);
                return Ok(());
            }
            let failing_for = failing_since.map_or(Duration::ZERO, |it| it.elapsed());
            let has_patience = !self.shared.is_ended() || failing_for < self.patience;
            if error.kind != Kind::Unreachable || !has_patience {
                return Err(error);
            }
            if self.reach != Reach::Gone {
                note_outage(self.session, &error);
                self.reach = Reach::Gone;
            }
            failing_since.get_or_insert_with(Instant::now);
        }
        self.deliveries.borrow_mut().sent(tag, entry.timestamp.0);
        Ok(())
    }

    /// Forgets what was delivered, and what never will be once it is put aside. A record that may be
    /// delivered later stays, with all behind it.
    async fn acknowledge(&mut self, standing: &mut Standing) -> Result<(), CliError> {
        let deliveries = self.producer.deliveries();
        let mut failed = None;
        for delivery in &deliveries {
            let positions = delivery.tags.iter().map(|it| self.shared.position(*it));
            match &delivery.outcome {
                Ok(_) => {
                    self.reach = Reach::Unknown;
                    positions.for_each(|it| standing.acknowledged.add(it));
                }
                Err(error) if is_final(error) => {
                    standing.refused.extend(positions.map(|it| (it, error.to_string())));
                }
                Err(error) => failed = failed.or_else(|| Some(CliError::from(error.clone()).kind)),
            }
        }
        self.deliveries.borrow_mut().take(deliveries);
        let aside = self.put_aside(standing).await;
        self.forget(standing).await?;
        aside?;
        match failed {
            // It was told with its record.
            Some(kind) => Err(CliError::silent(kind)),
            None => Ok(()),
        }
    }

    async fn forget(&mut self, standing: &mut Standing) -> Result<(), CliError> {
        let before = standing.acknowledged.before();
        let forgotten = self.shared.spool.lock().acknowledge(before);
        let Some(forgotten) = forgotten.map(Arc::new) else { return Ok(()) };
        let to_perform = Arc::clone(&forgotten);
        on_disk(&self.shared, move |files| to_perform.perform(files)).await??;
        self.shared.spool.lock().forgotten(&forgotten);
        self.shared.emptied.notify_one();
        // The piece that has the first missing one is kept.
        if let Some((first, _)) = standing.pieces.range(..=before).next_back() {
            standing.pieces = standing.pieces.split_off(&first.clone());
        }
        Ok(())
    }

    /// Writes what was refused into the spool's file of such records: out of the way, not lost.
    async fn put_aside(&mut self, standing: &mut Standing) -> Result<(), CliError> {
        if standing.refused.is_empty() {
            return Ok(());
        }
        let mut wanted = standing.refused.clone();
        let mut lines = Vec::new();
        while let Some((first, _)) = wanted.first_key_value() {
            let first = *first;
            let piece = standing.pieces.range(..=first).next_back().map(|it| *it.1);
            let mut cursor = piece.unwrap_or(standing.cursor);
            let batches = self.shared.spool.lock().read(&self.shared.files, &mut cursor)?;
            for entry in entries(&batches.unwrap_or_default()) {
                let entry = entry.map_err(CliError::other)?;
                if let Some(reason) = wanted.remove(&entry.position) {
                    write_entry(&entry, &reason, &mut lines);
                }
            }
            if wanted.remove(&first).is_some() {
                return Err(CliError::other(format!(
                    "the spool: record {first} is not where it was"
                )));
            }
        }
        on_disk(&self.shared, move |files| put_aside(files, &lines)).await??;
        for position in std::mem::take(&mut standing.refused).into_keys() {
            standing.acknowledged.add(position);
            self.refused += 1;
        }
        Ok(())
    }
}

fn write_entry(entry: &Entry<'_>, reason: &str, lines: &mut Vec<u8>) {
    let refused = Refused {
        topic: entry.topic,
        partition: entry.partition,
        timestamp: entry.timestamp.0,
        key: entry.key,
        value: entry.value,
        headers: &entry.headers,
        error: reason,
    };
    write_refused(&refused, lines);
    lines.push(b'\n');
}
