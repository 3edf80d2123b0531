//! Reads records for the screen: one reader at a time, which joins no group and commits nothing.
//!
//! What it sends waits in a channel of one message, so that it stops reading while nobody looks.
//! It stops for good when that channel is closed: at the latest with the next thousand records, or
//! the next MiB of keys and values.

mod backward;
#[cfg(test)]
mod fetched;
mod forward;
mod lanes;
mod through;
mod walk;

use std::collections::BTreeMap;
use std::time::Duration;

use kt_client::Admin;
use kt_client::admin::Isolation;
use kt_client::consumer::{Consumer, ConsumerConfig, OffsetReset, PartitionEnds};
use kt_protocol::types::{Offset, TopicPartition};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::AbortHandle;

use self::walk::Walk;
use crate::error::CliError;
use crate::internal_records::Decoder;
use crate::position::At;
use crate::resolve::{self, Bounds, OutOfRange};
use crate::tui::model::msg::Msg;
use crate::tui::model::screens::records::reading::{Offsets, Place, ReadNews, ReadPlan, Way};

/// Messages that wait to be taken: each may be as large as the list.
const WAITING_MAX: usize = 1;
/// Longer than anybody looks.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// What is fetched and not yet looked at, in bytes.
const QUEUED_BYTES_MAX: usize = 16 << 20;

/// What one answer brings, in bytes.
const FETCHED: i32 = 8 << 20;

/// The reader, or none.
#[derive(Debug)]
pub(super) struct RecordReader {
    admin: Admin,
    handle: Handle,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    heard: Receiver<Msg>,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RecordReader {
    pub(super) fn new(admin: Admin, handle: Handle) -> RecordReader {
        RecordReader { admin, handle, running: None }
    }

    /// Reads this, and what was read before no more.
    pub(super) fn read(&mut self, plan: ReadPlan) {
        let (sender, heard) = channel(WAITING_MAX);
        let teller = Teller { sender, generation: plan.generation };
        let admin = self.admin.clone();
        let task = self.handle.spawn(async move {
            let news = match run(&admin, &plan, &teller).await {
                Ok(Exhausted::Yes) => ReadNews::Ended { is_exhausted: true },
                Ok(Exhausted::No) => ReadNews::Ended { is_exhausted: false },
                Err(Stopped::NobodyListens) => return,
                Err(Stopped::Failed(why)) => ReadNews::Failed(why),
            };
            // Nobody listens any more once another plan is read.
            drop(teller.tell(news).await);
        });
        self.running = Some(Running { heard, task: task.abort_handle() });
    }

    pub(super) fn stop(&mut self) {
        self.running = None;
    }

    /// What it has to say next; waits for ever while nothing is read.
    pub(super) async fn next(&mut self) -> Msg {
        loop {
            let Some(running) = &mut self.running else { return std::future::pending().await };
            match running.heard.recv().await {
                Some(msg) => return msg,
                None => self.running = None,
            }
        }
    }
}

/// Whether there is nothing more in the direction of the reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exhausted {
    Yes,
    No,
}

/// Why a reading was given up.
#[derive(Debug)]
enum Stopped {
    NobodyListens,
    Failed(String),
}

impl From<CliError> for Stopped {
    fn from(error: CliError) -> Stopped {
        Stopped::Failed(match error.hint {
            Some(hint) => format!("{} ({hint})", error.message),
            None => error.message,
        })
    }
}

impl From<kt_client::Error> for Stopped {
    fn from(error: kt_client::Error) -> Stopped {
        Stopped::Failed(error.to_string())
    }
}

/// Sends what was read, and waits while nobody takes it.
#[derive(Debug)]
struct Teller {
    sender: Sender<Msg>,
    generation: u64,
}

impl Teller {
    async fn tell(&self, news: ReadNews) -> Result<(), Stopped> {
        let msg = Msg::Read { generation: self.generation, news };
        self.sender.send(msg).await.map_err(|_| Stopped::NobodyListens)
    }
}

async fn run(admin: &Admin, plan: &ReadPlan, teller: &Teller) -> Result<Exhausted, Stopped> {
    let partitions: Vec<TopicPartition> =
        plan.partitions.iter().map(|it| TopicPartition::new(&plan.topic, *it)).collect();
    let bounds = resolve::bounds(admin, &partitions, Isolation::ReadUncommitted).await?;
    let ends = || bounds.iter().map(|(it, bounds)| (it.partition.0, bounds.end)).collect();
    let source = Source { admin, plan, teller };
    match &plan.way {
        Way::Newest => backward::read(&source, &bounds, &ends(), teller).await,
        Way::Before(offsets) => backward::read(&source, &bounds, offsets, teller).await,
        Way::From(place) => {
            let from = places(admin, place, &bounds).await?;
            teller.tell(ReadNews::Began { from: from.clone(), until: ends() }).await?;
            forward::read(&source, &from, &ends(), teller).await
        }
        Way::Through(place, room) => {
            let from = places(admin, place, &bounds).await?;
            teller.tell(ReadNews::Began { from: from.clone(), until: ends() }).await?;
            through::scan(&source, &from, (&ends(), *room), teller).await
        }
        Way::Follow(offsets) => {
            let from = clamped(offsets, &bounds);
            through::follow(&source, &from, teller).await
        }
    }
}

type AllBounds = BTreeMap<TopicPartition, Bounds>;

/// Where reading begins in each partition.
async fn places(admin: &Admin, place: &Place, bounds: &AllBounds) -> Result<Offsets, Stopped> {
    let (at, time) = match place {
        Place::Offsets(offsets) => return Ok(clamped(offsets, bounds)),
        Place::At { at, time } => (at, *time),
    };
    // One offset can hardly be meant in each of several partitions.
    let out_of_range = match at {
        At::Offset(_) if bounds.len() == 1 => OutOfRange::Refuse,
        _ => OutOfRange::Clamp,
    };
    let places = resolve::places_from(admin, "@", (at, time), bounds, out_of_range).await?;
    Ok(places.into_iter().map(|(it, offset)| (it.partition.0, offset)).collect())
}

/// Retention may have taken what was known, and partitions that are not named begin at their ends.
fn clamped(offsets: &Offsets, bounds: &AllBounds) -> Offsets {
    let clamp = |(it, bounds): (&TopicPartition, &Bounds)| {
        let partition = it.partition.0;
        let offset = offsets.get(&partition).copied().unwrap_or(bounds.end);
        (partition, offset.clamp(bounds.start, bounds.end.max(bounds.start)))
    };
    bounds.iter().map(clamp).collect()
}

/// What is read, and with what.
#[derive(Clone, Copy, Debug)]
struct Source<'a> {
    admin: &'a Admin,
    plan: &'a ReadPlan,
    teller: &'a Teller,
}

impl Source<'_> {
    fn partition(&self, index: i32) -> TopicPartition {
        TopicPartition::new(&self.plan.topic, index)
    }

    /// What goes through its records.
    fn walk(&self) -> Walk {
        Walk {
            filter: self.plan.filter.clone(),
            decoder: Decoder::of_topic(&self.plan.topic),
            listener: self.teller.sender.clone(),
        }
    }

    /// A reader that has begun at these offsets.
    fn consumer(&self, from: &Offsets, offset_reset: OffsetReset) -> Consumer {
        let count = i32::try_from(from.len()).unwrap_or(i32::MAX).max(1);
        let config = ConsumerConfig {
            poll_records_max: usize::MAX,
            offset_reset,
            fetch_max_bytes: FETCHED,
            // Of many partitions a page has few records each.
            partition_fetch_bytes_max: (FETCHED / count).clamp(64 << 10, 1 << 20),
            queued_bytes_max: Some(QUEUED_BYTES_MAX),
            partition_ends: PartitionEnds::Told,
            ..ConsumerConfig::default()
        };
        let consumer = Consumer::new(self.admin.client().clone(), config);
        consumer.assign(from.iter().map(|(it, offset)| (self.partition(*it), Offset(*offset))));
        consumer
    }
}

#[cfg(test)]
mod tests;
