//! Whoever runs the cluster: makes the topics, and in the end reads all that is in the log, with
//! plain requests and no machine.

use kt_core::random::Random;
use kt_protocol::messages::create_topics_request::CreatableTopic;
use kt_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kt_protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, FetchRequest, FetchResponse,
};
use kt_protocol::types::{Now, Offset};
use kt_protocol::{ApiKey, ErrorCode};

use super::cluster::{self, TOPICS};
use super::program::{Answer, Asked, Desk, Lane, Program};
use crate::client_history::{ClientSeen, Place};

const CREATE_TOPICS_VERSION: i16 = 7;
const FETCH_VERSION: i16 = 12;
const WITHIN_MS: u64 = 2_000;

/// The log as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Whether there are topics.
    pub(super) has_topics: bool,
    /// The values of each partition, by offset.
    values: Vec<Vec<u64>>,
    /// All that was there at this time was read.
    pub(super) complete_at: Option<u64>,
}

impl Log {
    /// Where each partition ends.
    pub(super) fn ends(&self) -> Vec<i64> {
        self.values.iter().map(|it| it.len() as i64).collect()
    }

    /// All records.
    pub(super) fn records(&self) -> impl Iterator<Item = ClientSeen> {
        self.values.iter().enumerate().flat_map(|(place, values)| {
            let all = (0..).zip(values);
            all.map(move |(offset, value)| ClientSeen::Logged {
                place: Place(place),
                offset,
                value: *value,
            })
        })
    }
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Auditor {
    log: Log,
    is_waiting: bool,
    is_calm: bool,
    /// When the round over all partitions began.
    round_at: u64,
    /// The partition that is read in this round.
    place: usize,
}

impl Auditor {
    pub(super) fn new() -> Auditor {
        let log = Log { values: vec![Vec::new(); cluster::places()], ..Log::default() };
        Auditor { log, is_waiting: false, is_calm: false, round_at: 0, place: 0 }
    }

    fn create_topics(&mut self, desk: &mut Desk) {
        let topic = |(name, partitions): &(&str, i32)| CreatableTopic {
            name: (*name).to_owned(),
            num_partitions: *partitions,
            replication_factor: 1,
            ..CreatableTopic::default()
        };
        let topics = TOPICS.iter().map(topic).collect();
        let message = CreateTopicsRequest { topics, ..CreateTopicsRequest::default() };
        let asked = Asked { api: ApiKey::CreateTopics, version: CREATE_TOPICS_VERSION, id: 0 };
        desk.ask(Lane::Calls, asked, &message, WITHIN_MS);
        self.is_waiting = true;
    }

    fn fetch(&mut self, now: u64, desk: &mut Desk) {
        if self.place == 0 {
            self.round_at = now;
        }
        let (topic, partition) = cluster::partition(Place(self.place));
        let partition = FetchPartition {
            partition,
            fetch_offset: self.log.values[self.place].len() as i64,
            partition_max_bytes: 1 << 20,
            ..FetchPartition::default()
        };
        let message = FetchRequest {
            min_bytes: 0,
            session_epoch: -1,
            topics: vec![FetchTopic {
                topic: topic.to_owned(),
                partitions: vec![partition],
                ..FetchTopic::default()
            }],
            ..FetchRequest::default()
        };
        let asked = Asked { api: ApiKey::Fetch, version: FETCH_VERSION, id: self.place as u64 };
        desk.ask(Lane::Fetches, asked, &message, WITHIN_MS);
        self.is_waiting = true;
    }

    fn on_topics(&mut self, response: &CreateTopicsResponse) {
        let is_there = |code| {
            matches!(ErrorCode::from_code(code), ErrorCode::None | ErrorCode::TopicAlreadyExists)
        };
        self.log.has_topics = !response.topics.is_empty()
            && response.topics.iter().all(|topic| is_there(topic.error_code));
    }

    fn on_fetched(&mut self, response: &FetchResponse) -> Result<(), String> {
        let partition = response.responses.first().and_then(|topic| topic.partitions.first());
        let Some(partition) = partition else { return Ok(()) };
        let error = ErrorCode::from_code(partition.error_code);
        if !error.is_none() {
            return match error.is_retriable() {
                true => Ok(()),
                false => Err(format!("the log cannot be read: {error}")),
            };
        }
        let values = &mut self.log.values[self.place];
        let records = partition.records.as_ref().and_then(|it| it.as_bytes());
        let from = Offset(values.len() as i64);
        for (offset, value) in crate::client::values(records.map_or(&[], |it| it), from)? {
            if offset != values.len() as i64 {
                return Err(format!("offset {offset} of {} is a hole", Place(self.place)));
            }
            values.push(value);
        }
        if partition.high_watermark <= values.len() as i64 {
            self.place += 1;
        }
        if self.place == self.log.values.len() {
            self.place = 0;
            self.log.complete_at = Some(self.round_at);
        }
        Ok(())
    }
}

impl Program for Auditor {
    fn act(&mut self, now: Now, _random: &mut Random, desk: &mut Desk) -> Result<(), String> {
        match self.is_waiting {
            true => {}
            false if !self.log.has_topics => self.create_topics(desk),
            false if self.is_calm => self.fetch(now.monotonic.0, desk),
            false => {}
        }
        Ok(())
    }

    fn wake(&mut self, _now: Now, _desk: &mut Desk) -> Result<(), String> {
        Ok(())
    }

    fn hear(
        &mut self,
        _now: Now,
        asked: Asked,
        answer: Answer,
        _desk: &mut Desk,
    ) -> Result<(), String> {
        self.is_waiting = false;
        let Ok(reply) = answer else { return Ok(()) };
        match asked.api {
            ApiKey::CreateTopics => {
                let response = crate::client::message(asked.api, asked.version, &reply)?;
                self.on_topics(&response);
                Ok(())
            }
            _ => {
                let response = crate::client::message(asked.api, asked.version, &reply)?;
                self.on_fetched(&response)
            }
        }
    }

    fn next_deadline(&self) -> Option<u64> {
        None
    }

    fn calm_down(&mut self) {
        self.is_calm = true;
    }

    fn is_done(&self, ends: Option<&[i64]>) -> bool {
        ends.is_some()
    }

    fn log(&self) -> Option<&Log> {
        Some(&self.log)
    }
}
