//! A fetcher and what drives it: requests for what it wants, and what it gives, noted record by
//! record.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kt_client::consumer::fetcher::{
    CheckedFetch, Effect, Fetcher, RequestId, Settings, request_for,
};
use kt_client::consumer::{ConsumerConfig, CrcCheck, FetchedRecords, OffsetReset, Start};
use kt_client::{BackoffRange, Error, Metadata};
use kt_core::random::Random;
use kt_protocol::ApiKey;
use kt_protocol::messages::{FetchRequest, FetchResponse};
use kt_protocol::types::{Now, Offset, TopicPartition};

use super::answers::{decoded, error};
use super::cluster::{self, REQUEST_TIMEOUT_MS};
use super::program::{Answer, Asked, Desk, Lane};
use crate::client_history::{ClientSeen, Life};

const LIST_OFFSETS_VERSION: i16 = 10;
const EPOCH_VERSION: i16 = 4;
pub(super) const METADATA_VERSION: i16 = 13;
/// More than any batch of these producers has.
const BATCH_BYTES_MAX: usize = 8 << 10;

/// Waits between tries, of all machines.
pub(super) const BACKOFF: BackoffRange =
    BackoffRange { first: Duration::from_millis(20), max: Duration::from_millis(300) };

/// How a reader is set.
#[derive(Clone, Debug)]
pub(super) struct ReadingSettings {
    config: ConsumerConfig,
    fetch_version: i16,
}

impl ReadingSettings {
    pub(super) fn any(random: &mut Random) -> ReadingSettings {
        let partition_bytes = [700, 4_000, 1 << 16][random.below(3)];
        let config = ConsumerConfig {
            fetch_max_wait: Duration::from_millis([20, 100, 500][random.below(3)]),
            fetch_min_bytes: [1, 500][random.below(2)],
            fetch_max_bytes: 2 * partition_bytes,
            partition_fetch_bytes_max: partition_bytes,
            queued_bytes_max: [None, Some(3_000)][random.below(2)],
            offset_reset: OffsetReset::None,
            ..ConsumerConfig::default()
        };
        ReadingSettings { config, fetch_version: [12, 16, 17, 18][random.below(4)] }
    }

    fn bytes_max(&self) -> usize {
        let answer = usize::try_from(self.config.fetch_max_bytes).unwrap_or(0);
        self.config.queued_bytes_max.unwrap_or(answer) + BATCH_BYTES_MAX
    }
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) fetcher: Fetcher,
    settings: ReadingSettings,
    life: Life,
    held_most: usize,
    /// The offsets behind what the caller was given.
    pub(super) given: BTreeMap<TopicPartition, Offset>,
}

impl Reading {
    pub(super) fn new(settings: &ReadingSettings, life: Life, seed: u64) -> Reading {
        let of_machine = Settings {
            consumer: settings.config.clone(),
            backoff: BACKOFF,
            metadata_max_age: Duration::from_secs(2),
            error_after: Duration::from_secs(5),
        };
        Reading {
            fetcher: Fetcher::new(of_machine, Arc::new(Metadata::default()), seed),
            settings: settings.clone(),
            life,
            held_most: 0,
            given: BTreeMap::new(),
        }
    }

    /// Reads a partition from here on; `None` is its beginning.
    pub(super) fn assign(
        &mut self,
        partition: &TopicPartition,
        from: Option<Offset>,
        desk: &mut Desk,
    ) -> Result<(), String> {
        self.starts(partition, from, desk)?;
        self.fetcher.assign([(partition.clone(), start(from))]);
        Ok(())
    }

    /// Goes on there; `None` is the partition's beginning.
    pub(super) fn seek(
        &mut self,
        partition: &TopicPartition,
        from: Option<Offset>,
        desk: &mut Desk,
    ) -> Result<(), String> {
        self.starts(partition, from, desk)?;
        match self.fetcher.seek(partition, start(from)) {
            true => Ok(()),
            false => Err(format!("{partition} is not read")),
        }
    }

    fn starts(
        &mut self,
        partition: &TopicPartition,
        from: Option<Offset>,
        desk: &mut Desk,
    ) -> Result<(), String> {
        let (life, place) = (self.life, cluster::place(partition)?);
        // The log begins at 0.
        let offset = from.unwrap_or(Offset(0));
        desk.see(ClientSeen::ReadsFrom { life, place, offset: offset.0 });
        self.given.insert(partition.clone(), offset);
        Ok(())
    }

    pub(super) fn unassign(&mut self, partition: &TopicPartition) {
        self.fetcher.unassign(partition);
        self.given.remove(partition);
    }

    /// Gives the caller records, and goes on fetching.
    pub(super) fn give(
        &mut self,
        now: Now,
        records_max: usize,
        desk: &mut Desk,
    ) -> Result<(), String> {
        match self.fetcher.give(records_max) {
            Ok(given) => given.records.iter().try_for_each(|it| self.note_given(it, desk))?,
            // A caller would be told, and poll again.
            Err(Error::TimedOut { .. }) => desk.note("a reader is stuck"),
            Err(it) if it.is_retriable() => desk.note(it),
            Err(it) => return Err(format!("{} cannot read: {it}", self.life)),
        }
        self.poll(now, desk)
    }

    fn note_given(&mut self, records: &FetchedRecords, desk: &mut Desk) -> Result<(), String> {
        let (life, place) = (self.life, cluster::place(records.partition())?);
        let high_watermark = records.marks().high_watermark.0;
        let mut cursor = records.cursor();
        while let Some(record) = cursor.next().map_err(|it| it.to_string())? {
            let value = record.value.and_then(|it| it.first_chunk().copied());
            let value = value.map(u64::from_be_bytes).ok_or("a record without a number")?;
            let offset = record.offset.0;
            desk.see(ClientSeen::Given { life, place, offset, value, high_watermark });
        }
        self.given.insert(records.partition().clone(), records.next_offset());
        Ok(())
    }

    /// Does what the machine wants done.
    pub(super) fn poll(&mut self, now: Now, desk: &mut Desk) -> Result<(), String> {
        let mut effects = Vec::new();
        self.fetcher.poll(now, &mut effects);
        for effect in effects {
            self.ask(effect, desk);
        }
        self.note_held(desk);
        Ok(())
    }

    fn ask(&self, effect: Effect, desk: &mut Desk) {
        match effect {
            Effect::Fetch { id, request, version_max, .. } => {
                let version = self.settings.fetch_version.min(version_max);
                let within_ms = REQUEST_TIMEOUT_MS;
                note_fetch(&request, desk);
                let asked = Asked { api: ApiKey::Fetch, version, id: id.0 };
                desk.ask(Lane::Fetches, asked, &request_for(&request, version), within_ms);
            }
            Effect::ListOffsets { id, request, .. } => {
                let (api, version) = (ApiKey::ListOffsets, LIST_OFFSETS_VERSION);
                let asked = Asked { api, version, id: id.0 };
                desk.ask(Lane::Calls, asked, &request, REQUEST_TIMEOUT_MS);
            }
            Effect::OffsetForLeaderEpoch { id, request, .. } => {
                let (api, version) = (ApiKey::OffsetForLeaderEpoch, EPOCH_VERSION);
                let asked = Asked { api, version, id: id.0 };
                desk.ask(Lane::Calls, asked, &request, REQUEST_TIMEOUT_MS);
            }
            Effect::RefreshMetadata { topics } => {
                let asked = Asked { api: ApiKey::Metadata, version: METADATA_VERSION, id: 0 };
                let request = cluster::metadata_request(&topics);
                desk.ask(Lane::Calls, asked, &request, REQUEST_TIMEOUT_MS);
            }
        }
    }

    fn note_held(&mut self, desk: &mut Desk) {
        let counts = self.fetcher.counts();
        let bytes = usize::try_from(counts.queued_bytes + counts.reserved_bytes).unwrap_or(0);
        if self.held_most < bytes {
            self.held_most = bytes;
            let (life, bytes_max) = (self.life, self.settings.bytes_max());
            desk.see(ClientSeen::Holds { life, bytes, bytes_max });
        }
    }

    /// Takes an answer to what the machine asked.
    pub(super) fn hear(
        &mut self,
        now: Now,
        asked: Asked,
        answer: Answer,
        desk: &mut Desk,
    ) -> Result<(), String> {
        let id = RequestId(asked.id);
        let (api, version) = (asked.api, asked.version);
        let reply = answer.map_err(|it| error(api, it));
        match api {
            ApiKey::Fetch => {
                let answer: Result<FetchResponse, Error> = decoded(api, version, reply)?;
                if let Ok(answer) = &answer {
                    note_fetched(answer, desk);
                }
                let answer = answer.map(|it| CheckedFetch::new(it, CrcCheck::On));
                self.fetcher.on_fetch(now, id, answer);
            }
            ApiKey::ListOffsets => {
                self.fetcher.on_list_offsets(now, id, decoded(api, version, reply)?);
            }
            ApiKey::OffsetForLeaderEpoch => {
                self.fetcher.on_epochs(now, id, decoded(api, version, reply)?);
            }
            _ => {
                let answer = decoded(api, version, reply)?.map(cluster::metadata);
                let answer = answer.map(|(metadata, errors)| (Arc::new(metadata), errors));
                self.fetcher.on_metadata(now, answer);
            }
        }
        self.poll(now, desk)
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.fetcher.next_deadline().map(|it| it.0)
    }
}

/// What is asked, for the trace.
fn note_fetch(request: &FetchRequest, desk: &mut Desk) {
    let (session, epoch) = (request.session_id, request.session_epoch);
    desk.note(format_args!("fetches {} bytes in {session}/{epoch}", request.max_bytes));
    for topic in &request.topics {
        for it in &topic.partitions {
            let (partition, from) = (it.partition, it.fetch_offset);
            desk.note(format_args!("fetches {}-{partition} from {from}", topic.topic));
        }
    }
    for topic in &request.forgotten_topics_data {
        desk.note(format_args!("forgets {}-{:?}", topic.topic, topic.partitions));
    }
}

/// What came, for the trace.
fn note_fetched(response: &FetchResponse, desk: &mut Desk) {
    desk.note(format_args!("fetched {} in {}", response.error_code, response.session_id));
    for topic in &response.responses {
        for it in &topic.partitions {
            let bytes = it.records.as_ref().and_then(|it| it.as_bytes()).map_or(0, |it| it.len());
            let (code, end) = (it.error_code, it.high_watermark);
            let id = (&topic.topic, topic.topic_id);
            desk.note(format_args!(
                "fetched {id:?}-{}: {code}, {bytes} bytes, up to {end}",
                it.partition_index
            ));
        }
    }
}

fn start(from: Option<Offset>) -> Start {
    from.map_or(Start::Earliest, Start::from)
}
