//! One run: a node, a producer, a consumer, and everything that goes wrong, out of one seed.
//!
//! Two phases: chaos, then quiet. In the quiet the producer's last batch must be acknowledged and
//! the consumer must reach the end; a node that never recovers is a failure too.

use std::collections::BTreeMap;

use kt_node::{ConnectionId, Input, Reply, ReplyTo, Request};
use kt_protocol::ApiKey;
use kt_protocol::messages::create_topics_request::CreatableTopic;
use kt_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kt_protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, FetchRequest, FetchResponse, InitProducerIdRequest,
    InitProducerIdResponse,
};
use kt_protocol::types::{Offset, ProducerEpoch, ProducerId};
use kt_storage::simulated_disk::CrashMode;

use crate::client::{self, Outgoing};
use crate::history::{History, Seen};
use crate::host::Host;
use crate::invariants;
use crate::world::News;

/// What a run is made of.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Everything follows from it.
    pub seed: u64,
    /// Steps of chaos.
    pub steps: u64,
    /// `log.flush.on.ack`. Without it only the process dies, never the power.
    pub flushes: bool,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Two runs of one seed have the same.
    pub trace_hash: u64,
    /// How many events there were.
    pub events: u64,
    /// How many values were acknowledged.
    pub acknowledged: usize,
    /// How often the node went down.
    pub crashes: u64,
}

/// Steps that a healed node may take to acknowledge and to be read to its end.
const QUIET_STEPS_MAX: u64 = 20_000;
/// Of this many steps one is a crash.
const CRASH_EVERY: usize = 400;
/// How far time goes at once while nothing is due.
const WAIT_MS_MAX: u64 = 50;
const FETCH_VERSION: i16 = 12;
const CREATE_TOPICS_VERSION: i16 = 7;
const INIT_PRODUCER_ID_VERSION: i16 = 4;

/// What a request was, for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    CreateTopic,
    InitProducerId,
    Produce,
    Fetch,
}

struct Simulation {
    settings: Settings,
    host: Host,
    history: History,
    connection: ConnectionId,
    next_sequence: u64,
    asked: BTreeMap<ReplyTo, Asked>,
    has_topic: bool,
    producer: Option<(ProducerId, ProducerEpoch)>,
    outgoing: Option<Outgoing>,
    next_value: u64,
    next_batch_sequence: i32,
    read_up_to: i64,
    /// No new batches, no more crashes.
    is_quiet: bool,
}

/// Runs one seed.
///
/// # Errors
///
/// What was violated, with the end of the trace.
pub fn run(settings: Settings) -> Result<Outcome, String> {
    let mut simulation = Simulation::new(settings);
    let result = simulation.run();
    let tail = || simulation.host.trace.tail();
    result.map_err(|error| format!("seed {}: {error}\n{}", settings.seed, tail()))?;
    let is_acknowledged = |seen: &&Seen| matches!(seen, Seen::Acknowledged { .. });
    Ok(Outcome {
        trace_hash: simulation.host.trace.hash(),
        events: simulation.host.trace.events(),
        acknowledged: simulation.history.seen().iter().filter(is_acknowledged).count(),
        crashes: simulation.host.crashes,
    })
}

impl Simulation {
    fn new(settings: Settings) -> Simulation {
        Simulation {
            settings,
            host: Host::new(settings, &[]),
            history: History::default(),
            connection: ConnectionId(0),
            next_sequence: 0,
            asked: BTreeMap::new(),
            has_topic: false,
            producer: None,
            outgoing: None,
            next_value: 0,
            next_batch_sequence: 0,
            read_up_to: 0,
            is_quiet: false,
        }
    }

    fn run(&mut self) -> Result<(), String> {
        self.start()?;
        for _ in 0..self.settings.steps {
            self.step()?;
        }
        self.is_quiet = true;
        self.crash()?;
        // From here on everything is read again: what is there now is what counts.
        self.read_up_to = 0;
        for _ in 0..QUIET_STEPS_MAX {
            self.step()?;
            if self.is_done() {
                return invariants::check(&self.history);
            }
        }
        Err("the node did not recover: the last batch is not acknowledged or not read".to_owned())
    }

    fn is_done(&self) -> bool {
        let acknowledged_end = self.history.seen().iter().map(|seen| match seen {
            Seen::Acknowledged { offset, .. } => offset + 1,
            _ => 0,
        });
        let end = acknowledged_end.max().unwrap_or(0);
        self.outgoing.is_none() && self.has_topic && end <= self.read_up_to
    }

    fn start(&mut self) -> Result<(), String> {
        self.connection = self.host.connect();
        self.next_sequence = 0;
        let news = self.host.start()?;
        self.take(news)
    }

    fn crash(&mut self) -> Result<(), String> {
        self.asked.clear();
        let lost_power = self.host.crash() != CrashMode::Process;
        self.history.add(Seen::Restarted { lost_power });
        self.start()
    }

    /// Either something that waits happens, or a client does something, or the node dies.
    fn step(&mut self) -> Result<(), String> {
        if !self.is_quiet && self.host.random.below(CRASH_EVERY) == 0 {
            return self.crash();
        }
        if self.host.random.below(3) == 0 && self.host.is_ready {
            return self.act();
        }
        let news = self.host.step(WAIT_MS_MAX);
        self.take(news)
    }

    fn is_asking(&self, what: Asked) -> bool {
        self.asked.values().any(|asked| *asked == what)
    }

    fn act(&mut self) -> Result<(), String> {
        if !self.has_topic {
            return if self.is_asking(Asked::CreateTopic) { Ok(()) } else { self.create_topic() };
        }
        let Some(producer) = self.producer else {
            return if self.is_asking(Asked::InitProducerId) { Ok(()) } else { self.init() };
        };
        if self.host.random.below(2) == 0 && !self.is_asking(Asked::Fetch) {
            return self.fetch();
        }
        if self.is_asking(Asked::Produce) {
            return Ok(());
        }
        if self.outgoing.is_none() {
            if self.is_quiet {
                return Ok(());
            }
            self.next_batch();
        }
        let Some(batch) = &self.outgoing else { return Ok(()) };
        let request = client::produce(batch, producer, self.host.world.now().wall);
        self.ask(Asked::Produce, request)
    }

    fn next_batch(&mut self) {
        let count = 1 + self.host.random.below(20) as u64;
        let values: Vec<u64> = (self.next_value..self.next_value + count).collect();
        self.next_value += count;
        self.outgoing = Some(Outgoing { values, sequence: self.next_batch_sequence });
    }

    fn create_topic(&mut self) -> Result<(), String> {
        let topic = CreatableTopic {
            name: client::TOPIC.to_owned(),
            num_partitions: 1,
            replication_factor: 1,
            ..CreatableTopic::default()
        };
        let message = CreateTopicsRequest { topics: vec![topic], ..CreateTopicsRequest::default() };
        let request = client::request(ApiKey::CreateTopics, CREATE_TOPICS_VERSION, &message);
        self.ask(Asked::CreateTopic, request)
    }

    fn init(&mut self) -> Result<(), String> {
        let message = InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: 60_000,
            ..InitProducerIdRequest::default()
        };
        let request = client::request(ApiKey::InitProducerId, INIT_PRODUCER_ID_VERSION, &message);
        self.ask(Asked::InitProducerId, request)
    }

    fn fetch(&mut self) -> Result<(), String> {
        let partition = FetchPartition {
            partition: 0,
            fetch_offset: self.read_up_to,
            partition_max_bytes: 1 + self.host.random.below(1 << 16) as i32,
            ..FetchPartition::default()
        };
        let message = FetchRequest {
            max_wait_ms: self.host.random.below(100) as i32,
            min_bytes: 1,
            topics: vec![FetchTopic {
                topic: client::TOPIC.to_owned(),
                partitions: vec![partition],
                ..FetchTopic::default()
            }],
            ..FetchRequest::default()
        };
        let request = client::request(ApiKey::Fetch, FETCH_VERSION, &message);
        self.ask(Asked::Fetch, request)
    }

    fn ask(&mut self, what: Asked, request: Request) -> Result<(), String> {
        let to = ReplyTo { connection: self.connection, sequence: self.next_sequence };
        self.next_sequence += 1;
        self.asked.insert(to, what);
        self.host.trace.note(format_args!("ask {what:?}"));
        let news = self.host.call(Input::Request(to, request));
        self.take(news)
    }

    fn take(&mut self, all: Vec<News>) -> Result<(), String> {
        for news in all {
            match news {
                News::Reply(to, reply) => {
                    let Some(asked) = self.asked.remove(&to) else {
                        return Err(format!(
                            "{to:?} was answered, but not asked or already answered"
                        ));
                    };
                    self.answered(asked, &reply)?;
                }
                News::Close(_, why) => return Err(format!("a connection was closed: {why}")),
                News::Fatal(message) => return Err(format!("the node gave up: {message}")),
                News::Ready => self.host.is_ready = true,
                News::Stopped => return Err("the node stopped, unasked".to_owned()),
            }
        }
        Ok(())
    }

    fn answered(&mut self, asked: Asked, reply: &Reply) -> Result<(), String> {
        match asked {
            Asked::CreateTopic => self.on_topic(reply),
            Asked::InitProducerId => self.on_producer(reply),
            Asked::Produce => self.on_produced(reply),
            Asked::Fetch => self.on_fetched(reply),
        }
    }

    fn on_topic(&mut self, reply: &Reply) -> Result<(), String> {
        const TOPIC_ALREADY_EXISTS: i16 = 36;
        let response: CreateTopicsResponse =
            client::response(ApiKey::CreateTopics, CREATE_TOPICS_VERSION, reply)?;
        let code = response.topics.first().map_or(-1, |topic| topic.error_code);
        self.host.trace.note(format_args!("topic {code}"));
        self.has_topic = code == 0 || code == TOPIC_ALREADY_EXISTS;
        Ok(())
    }

    fn on_producer(&mut self, reply: &Reply) -> Result<(), String> {
        let response: InitProducerIdResponse =
            client::response(ApiKey::InitProducerId, INIT_PRODUCER_ID_VERSION, reply)?;
        self.host.trace.note(format_args!("producer {}", response.producer_id));
        if response.error_code == 0 {
            let epoch = ProducerEpoch(response.producer_epoch);
            self.producer = Some((ProducerId(response.producer_id), epoch));
        }
        Ok(())
    }

    fn on_produced(&mut self, reply: &Reply) -> Result<(), String> {
        let (code, base_offset) = client::produced(reply)?;
        self.host.trace.note(format_args!("produced {code} {base_offset}"));
        let error = kt_protocol::ErrorCode::from_code(code);
        if !error.is_none() {
            // What a producer may try again; anything else would lose its batch.
            return match error.is_retriable() {
                true => Ok(()),
                false => Err(format!("a batch was refused: {error}")),
            };
        }
        let Some(batch) = self.outgoing.take() else {
            return Err("an acknowledgement of nothing".to_owned());
        };
        self.next_batch_sequence += i32::try_from(batch.values.len()).unwrap_or(0);
        for (value, offset) in batch.values.into_iter().zip(base_offset..) {
            self.history.add(Seen::Acknowledged { value, offset });
        }
        Ok(())
    }

    fn on_fetched(&mut self, reply: &Reply) -> Result<(), String> {
        let response: FetchResponse = client::response(ApiKey::Fetch, FETCH_VERSION, reply)?;
        let partition = response.responses.first().and_then(|topic| topic.partitions.first());
        let Some(partition) = partition else {
            self.host.trace.note("fetched nothing");
            return Ok(());
        };
        let error = kt_protocol::ErrorCode::from_code(partition.error_code);
        self.host.trace.note(format_args!("fetched {error} {}", partition.high_watermark));
        if !error.is_none() {
            return match error.is_retriable() {
                true => Ok(()),
                false => Err(format!("a fetch from offset {} failed: {error}", self.read_up_to)),
            };
        }
        self.history.add(Seen::HighWatermark(partition.high_watermark));
        let records = partition.records.as_ref().and_then(|it| it.as_bytes());
        let from = Offset(self.read_up_to);
        for (offset, value) in client::values(records.map_or(&[], |it| it), from)? {
            self.history.add(Seen::Read { value, offset });
            self.read_up_to = offset + 1;
        }
        Ok(())
    }
}
