//! A producer: accumulator and sender, and a caller that gives them records, mostly small ones, of
//! which each is a number.

use std::time::Duration;

use kt_client::producer::sender::{Found, Sender, Surroundings};
use kt_client::producer::{
    Acks, Delivery, Effect, Idempotence, ProducerConfig, ProducerRecord, Rejected, RequestId,
};
use kt_core::random::Random;
use kt_protocol::ApiKey;
use kt_protocol::records::NewRecord;
use kt_protocol::types::{Millis, Now};

use super::answers::{decoded, error};
use super::cluster::{self, REQUEST_TIMEOUT_MS, TOPICS};
use super::program::{Answer, Asked, Desk, Lane, Program};
use super::reading::{BACKOFF, METADATA_VERSION};
use crate::client_history::{ClientSeen, Life};

const INIT_VERSION: i16 = 5;
/// `delivery.timeout.ms`
const DELIVERY_TIMEOUT_MS: u64 = 2_500;
/// How late a delivery may be told: clocks are late, and time goes on while the node is down.
const TOLD_LATE_MS: u64 = 300;
/// Bytes of a value, at most.
const VALUE_BYTES_MAX: usize = 120;
/// The requests for topics that are not the machine's.
const LOOKUP: u64 = 1;
/// Values of one life; those of the next are above.
const VALUES_PER_LIFE: u64 = 1 << 32;

/// How a producer is set.
#[derive(Clone, Debug)]
pub(super) struct SenderRole {
    in_flight_max: usize,
    batch_bytes: usize,
    linger_ms: u64,
    buffer_bytes_max: usize,
    produce_version: i16,
}

impl SenderRole {
    pub(super) fn any(random: &mut Random) -> SenderRole {
        SenderRole {
            in_flight_max: 1 + random.below(5),
            batch_bytes: [1, 300, 1_500][random.below(3)],
            linger_ms: [0, 5, 30][random.below(3)],
            buffer_bytes_max: [3_000, 30_000][random.below(2)],
            produce_version: [9, 11, 12, 13][random.below(4)],
        }
    }
}

/// See the module's text.
#[derive(Debug)]
pub(super) struct Sending {
    sender: Sender,
    life: Life,
    role: SenderRole,
    next_value: u64,
    held_most: usize,
    is_calm: bool,
    is_flushing: bool,
}

impl Sending {
    pub(super) fn new(role: &SenderRole, life: Life, seed: u64) -> Sending {
        let config = ProducerConfig {
            acks: Acks::All,
            idempotence: Idempotence::On,
            in_flight_max: role.in_flight_max,
            batch_bytes: role.batch_bytes,
            linger: Duration::from_millis(role.linger_ms),
            buffer_bytes_max: role.buffer_bytes_max,
            delivery_timeout: Duration::from_millis(DELIVERY_TIMEOUT_MS),
            ..ProducerConfig::default()
        };
        let around = Surroundings {
            backoff: BACKOFF,
            request_timeout_ms: REQUEST_TIMEOUT_MS,
            metadata_max_age_ms: 2_000,
            seed,
        };
        Sending {
            sender: Sender::new(&config, around),
            life,
            role: role.clone(),
            next_value: life.0 * VALUES_PER_LIFE,
            held_most: 0,
            is_calm: false,
            is_flushing: false,
        }
    }

    /// Sends a record, if there is room.
    fn send(&mut self, now: Millis, random: &mut Random, desk: &mut Desk) -> Result<(), String> {
        let (topic, partitions) = TOPICS[random.below(TOPICS.len())];
        let mut value = self.next_value.to_be_bytes().to_vec();
        value.resize(8 + random.below(VALUE_BYTES_MAX), b'.');
        let key = [b'k', random.below(7) as u8];
        let (partition, key) = match random.below(3) {
            0 => (Some(random.below(partitions.unsigned_abs() as usize) as i32), None),
            1 => (None, Some(&key[..])),
            _ => (None, None),
        };
        let record = NewRecord { key, value: Some(&value), ..NewRecord::default() };
        let record = ProducerRecord { topic, partition, record, tag: self.next_value };
        match self.sender.append(|| now, &record) {
            Ok(_) => {
                let until = now.0 + DELIVERY_TIMEOUT_MS + TOLD_LATE_MS;
                let (life, value) = (self.life, self.next_value);
                desk.see(ClientSeen::Accepted { life, value, until });
                self.next_value += 1;
            }
            Err(Rejected::UnknownTopic) => self.find(&[topic.to_owned()], LOOKUP, desk),
            Err(Rejected::Full { .. }) => desk.note("the buffer is full"),
            Err(other) => return Err(format!("a record is refused: {other}")),
        }
        Ok(())
    }

    fn find(&self, topics: &[String], id: u64, desk: &mut Desk) {
        let asked = Asked { api: ApiKey::Metadata, version: METADATA_VERSION, id };
        let request = cluster::metadata_request(topics);
        desk.ask(Lane::Calls, asked, &request, REQUEST_TIMEOUT_MS);
    }

    fn poll(&mut self, now: Millis, desk: &mut Desk) -> Result<(), String> {
        let mut effects = Vec::new();
        self.sender.poll(now, &mut effects);
        self.perform(now, effects, desk)
    }

    fn perform(
        &mut self,
        now: Millis,
        effects: Vec<Effect>,
        desk: &mut Desk,
    ) -> Result<(), String> {
        for effect in effects {
            match effect {
                Effect::Produce(produce) => {
                    let version = self.role.produce_version.min(produce.version_max());
                    let asked = Asked { api: ApiKey::Produce, version, id: produce.id.0 };
                    let request = produce.request(version);
                    desk.ask(Lane::Produces, asked, &request, REQUEST_TIMEOUT_MS);
                }
                Effect::InitProducerId(request) => {
                    let (api, version) = (ApiKey::InitProducerId, INIT_VERSION);
                    let asked = Asked { api, version, id: 0 };
                    desk.ask(Lane::Calls, asked, &request, REQUEST_TIMEOUT_MS);
                }
                Effect::FindTopics(topics) => self.find(&topics, 0, desk),
                Effect::Retrying { .. } => {}
                Effect::Deliver(delivery) => note_delivery(now, &delivery, desk)?,
            }
        }
        let bytes = usize::try_from(self.sender.metrics().buffer_bytes).unwrap_or(0);
        if self.held_most < bytes {
            self.held_most = bytes;
            let (life, bytes_max) = (self.life, self.role.buffer_bytes_max);
            desk.see(ClientSeen::Holds { life, bytes, bytes_max });
        }
        Ok(())
    }
}

/// What the caller hears of its records.
fn note_delivery(now: Millis, delivery: &Delivery, desk: &mut Desk) -> Result<(), String> {
    let place = cluster::place(&delivery.partition)?;
    let at = now.0;
    match &delivery.outcome {
        Ok(delivered) => {
            let base = delivered.base_offset.map(|it| it.0);
            for (value, index) in delivery.tags.iter().zip(0..) {
                let (value, offset) = (*value, base.map(|it| it + index));
                desk.see(ClientSeen::Delivered { value, place, offset, at });
            }
        }
        Err(error) => {
            desk.note(format_args!("{:?} are given up: {error}", delivery.tags));
            for value in &delivery.tags {
                desk.see(ClientSeen::GivenUp { value: *value, at });
            }
        }
    }
    Ok(())
}

impl Program for Sending {
    fn act(&mut self, now: Now, random: &mut Random, desk: &mut Desk) -> Result<(), String> {
        let now = now.monotonic;
        if self.is_flushing && self.sender.is_idle() {
            self.sender.end_flush();
            self.is_flushing = false;
        }
        if (self.is_calm || random.below(20) == 0) && !self.is_flushing {
            self.sender.begin_flush(now);
            self.is_flushing = true;
        }
        let records = if self.is_calm { 0 } else { random.below(6) };
        (0..records).try_for_each(|_| self.send(now, random, desk))?;
        self.poll(now, desk)
    }

    fn wake(&mut self, now: Now, desk: &mut Desk) -> Result<(), String> {
        self.poll(now.monotonic, desk)
    }

    fn hear(
        &mut self,
        now: Now,
        asked: Asked,
        answer: Answer,
        desk: &mut Desk,
    ) -> Result<(), String> {
        let now = now.monotonic;
        let (api, version) = (asked.api, asked.version);
        let reply = answer.map_err(|it| error(api, it));
        let mut effects = Vec::new();
        match (api, asked.id) {
            (ApiKey::Produce, id) => {
                let answer = decoded(api, version, reply)?.map(Some);
                self.sender.on_answer(now, RequestId(id), answer, &mut effects);
            }
            (ApiKey::InitProducerId, _) => {
                self.sender.on_identity(now, decoded(api, version, reply)?, &mut effects);
            }
            (_, LOOKUP) => {
                if let Ok(response) = decoded(api, version, reply)? {
                    let (metadata, _) = cluster::metadata(response);
                    for topic in metadata.topics.values() {
                        self.sender.add_topic(now, topic, &mut effects);
                    }
                }
            }
            _ => match decoded(api, version, reply)?.map(cluster::metadata) {
                Ok((metadata, errors)) => {
                    let found = Found { metadata: &metadata, errors: &errors };
                    self.sender.on_topics(now, Ok(found), &mut effects);
                }
                Err(error) => self.sender.on_topics(now, Err(error), &mut effects),
            },
        }
        self.sender.poll(now, &mut effects);
        self.perform(now, effects, desk)
    }

    fn next_deadline(&self) -> Option<u64> {
        self.sender.next_deadline().map(|it| it.0)
    }

    fn calm_down(&mut self) {
        self.is_calm = true;
    }

    fn is_done(&self, _ends: Option<&[i64]>) -> bool {
        self.sender.is_idle()
    }
}
