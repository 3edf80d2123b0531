//! The first half of `kt produce --spool`: lines become batches of the spool.

use std::sync::Arc;

use kt_protocol::records::NewRecord;
use tokio::sync::watch;

use super::super::input::Input;
use super::super::lines::{LineRecord, Lines};
use super::super::progress::Bar;
use super::super::throttle::Throttle;
use super::destinations::Destinations;
use super::{Shared, SharedDeliveries, on_disk};
use crate::error::{CliError, Kind};
use crate::session::Session;
use crate::spool::{Draft, SpoolError};
use crate::topic_selection;

/// Says which signal came, when one has.
type Stop = watch::Receiver<Option<Kind>>;

/// Bytes of a header, and of a record, beside what they say; at the most.
const OVERHEAD_BYTES: usize = 32;

/// Reads lines into the spool.
pub(super) struct Taking<'a> {
    pub(super) shared: Arc<Shared>,
    pub(super) session: &'a Session,
    pub(super) deliveries: SharedDeliveries<'a>,
    pub(super) destinations: Destinations,
    pub(super) lines: Lines,
    pub(super) throttle: Throttle,
    pub(super) bar: Bar,
    pub(super) repeat: u64,
    /// What the producer would refuse is not taken.
    pub(super) record_bytes_max: usize,
    pub(super) batch_bytes: usize,
    pub(super) spares_internal: bool,
    pub(super) gathered: Gathered,
}

/// What was read and is not taken yet.
pub(super) struct Gathered {
    /// Records that come with the next write.
    draft: Draft,
    /// Records that the line at hand is still to make.
    pending: u64,
    /// The line of the last record in the draft, and of the last one that was taken.
    line: u64,
    taken_line: u64,
    /// Records that were taken.
    taken: u64,
    was_full: bool,
    is_unreadable: bool,
}

impl Gathered {
    pub(super) fn new(draft: Draft) -> Gathered {
        Gathered {
            draft,
            pending: 0,
            line: 0,
            taken_line: 0,
            taken: 0,
            was_full: false,
            is_unreadable: false,
        }
    }
}

impl Taking<'_> {
    /// Takes one record and nothing from the input.
    pub(super) async fn take_one(&mut self, mut stop: Stop) -> Result<(), CliError> {
        let record = self.lines.tombstone();
        self.add(1, &record, &mut stop).await?;
        self.commit(&mut stop).await
    }

    /// Takes all lines until the input ends or a signal comes. What was read is taken then, if there
    /// is room and no rate holds it back.
    pub(super) async fn take_all(
        &mut self,
        input: &mut Input,
        mut stop: Stop,
    ) -> Result<(), CliError> {
        loop {
            let read = self.take_ready(input, &mut stop).await;
            let committed = self.commit(&mut stop).await;
            // Why the reading ended says more than that a failed spool takes nothing more.
            read.and(committed)?;
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
    async fn take_ready(&mut self, input: &mut Input, stop: &mut Stop) -> Result<(), CliError> {
        loop {
            let next = self.lines.next(input);
            self.gathered.is_unreadable = next.is_err();
            let Some(record) = next? else { return Ok(()) };
            self.add(input.line(), &record, stop).await?;
        }
    }

    /// Adds a record as often as it is wanted, or refuses it.
    async fn add(
        &mut self,
        line: u64,
        record: &LineRecord,
        stop: &mut Stop,
    ) -> Result<(), CliError> {
        self.gathered.pending = self.repeat;
        let checked = match self.spares_internal && topic_selection::is_internal(&record.topic) {
            true => Err(topic_selection::internal(&record.topic)),
            false => self.destinations.check(&record.topic, record.partition).await,
        };
        if let Err(error) = checked {
            self.refuse(line, &error);
            return Ok(());
        }
        let headers = record.borrowed_headers();
        while self.gathered.pending != 0 {
            if let Err(error) = self.make_room(record, &record.now(&headers), stop).await? {
                self.refuse(line, &error);
                return Ok(());
            }
            // Its time is that of its being taken.
            let new = record.now(&headers);
            let added = self.gathered.draft.add(&record.topic, record.partition, new);
            let position = match added {
                Ok(position) => position,
                Err(error) => {
                    self.refuse(line, &CliError::other(error.to_string()));
                    return Ok(());
                }
            };
            if let Err(error @ SpoolError::TooLarge { .. }) = self.has_room() {
                // Then it is the only one: a batch of several is far smaller.
                self.gathered.draft = self.shared.spool.lock().draft();
                self.refuse(line, &error.into());
                return Ok(());
            }
            self.gathered.pending -= 1;
            self.gathered.line = line;
            self.shared.numbers.begin(self.shared.tag(position), line);
        }
        Ok(())
    }

    /// Waits as `--rate` says and writes the draft if it gets too large; or says why the record
    /// cannot be sent at all.
    async fn make_room(
        &mut self,
        record: &LineRecord,
        new: &NewRecord<'_>,
        stop: &mut Stop,
    ) -> Result<Result<(), CliError>, CliError> {
        let bytes = bytes_of(new);
        if self.record_bytes_max < bytes {
            let max = self.record_bytes_max;
            let message =
                format!("the record has {bytes} bytes, {max} are allowed (max.request.size)");
            return Ok(Err(CliError::other(message)));
        }
        if let Some(until) = self.throttle.hold_back(new) {
            // What was read before is on the disk while this one waits.
            self.commit(stop).await?;
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                kind = stopped(stop) => return Err(CliError::silent(kind)),
            }
        }
        // A batch is written when it is full, or when no more input is there.
        let around = record.topic.len() + OVERHEAD_BYTES * (2 + record.headers.len());
        if self.batch_bytes < self.gathered.draft.bytes() + bytes + around {
            self.commit(stop).await?;
            let stopped = *stop.borrow();
            if let Some(kind) = stopped.filter(|_| 1 < self.repeat) {
                return Err(CliError::silent(kind));
            }
        }
        Ok(Ok(()))
    }

    /// The rest of a line's records are not sent, and the input goes on.
    fn refuse(&mut self, line: u64, error: &CliError) {
        let records = std::mem::take(&mut self.gathered.pending);
        self.deliveries.borrow_mut().refused_line(line, records, error);
    }

    fn has_room(&self) -> Result<bool, SpoolError> {
        self.shared.spool.lock().has_room(&self.gathered.draft)
    }

    /// Writes a batch and syncs it: from then on its records are taken. Waits while the spool is
    /// full.
    async fn commit(&mut self, stop: &mut Stop) -> Result<(), CliError> {
        if self.gathered.draft.is_empty() {
            return Ok(());
        }
        while !self.has_room()? {
            if !std::mem::replace(&mut self.gathered.was_full, true) {
                self.session.note("the spool is full: the input waits until records are delivered");
            }
            tokio::select! {
                () = self.shared.emptied.notified() => {}
                kind = stopped(stop) => return Err(CliError::silent(kind)),
            }
        }
        let written = {
            let mut spool = self.shared.spool.lock();
            Arc::new(spool.write(&self.shared.files, &self.gathered.draft)?)
        };
        let to_sync = Arc::clone(&written);
        let synced = on_disk(&self.shared, move |files| to_sync.sync(files)).await?;
        let next = {
            let mut spool = self.shared.spool.lock();
            spool.synced(&written, synced)?;
            spool.draft()
        };
        self.shared.filled.notify_one();
        let gathered = &mut self.gathered;
        gathered.taken += std::mem::replace(&mut gathered.draft, next).len();
        gathered.taken_line = gathered.line;
        if 0 < self.session.globals.verbose {
            self.session.say(&format!("{} taken", counted(gathered.taken)));
        }
        Ok(())
    }

    /// Says what was read and is not in the spool, if the reading ended before the input did.
    pub(super) fn tell_untaken(&self, input: Option<&mut Input>) {
        let gathered = &self.gathered;
        if gathered.is_unreadable {
            // That was told with its line.
            return;
        }
        let behind = input.map_or(0, |it| self.unread(it));
        let untaken = gathered.draft.len() + gathered.pending + behind;
        if untaken != 0 {
            let unit = if self.lines.format.is_some() { "record" } else { "line" };
            self.session.warn(&format!(
                "the input was taken up to {unit} {}: {} that had been read behind it {} not",
                gathered.taken_line,
                counted(untaken),
                if untaken == 1 { "was" } else { "were" },
            ));
        }
    }

    /// How many records the rest of what was read would make.
    fn unread(&self, input: &mut Input) -> u64 {
        let mut count = 0;
        loop {
            match self.lines.next(input) {
                Ok(None) if input.more_of_rest() => {}
                Ok(None) => return count,
                Ok(Some(_)) => count += self.repeat,
                // Where fields are not known, nobody knows where the next record begins.
                Err(_) if self.lines.format.is_some() => return count + self.repeat,
                Err(_) => count += self.repeat,
            }
        }
    }
}

/// "1 record", "2 records".
fn counted(records: u64) -> String {
    if records == 1 { "1 record".to_owned() } else { format!("{records} records") }
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
