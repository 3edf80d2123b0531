//! One node over a simulated disk, driven by hand: what it asks for is done at once, in order.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kt_node::config::{BrokerSources, Strictness};
use kt_node::{
    Chunk, ConnectionId, Effect, FlushTicket, Formatting, HostFacts, Input, LogLevel, MachineId,
    Node, OpenError, Reply, ReplyTo, Request, Session, Start,
};
use kt_protocol::ApiKey;
use kt_protocol::codec::{DecodeBudget, Message, Reader};
use kt_protocol::frame;
use kt_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kt_protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse,
};
use kt_protocol::types::{Millis, Now, Timestamp};
use kt_storage::simulated_disk::{CrashMode, SimulatedDisk};
use kt_storage::{Disk, DiskError};

/// When the simulated wall clock starts.
pub(crate) const START_OF_TIME: i64 = 1_700_000_000_000;

/// A node with everything around it.
pub(crate) struct Harness {
    pub(crate) disk: Arc<SimulatedDisk>,
    pub(crate) now: Now,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) boot_id: String,
    pub(crate) is_ready: bool,
    pub(crate) is_stopped: bool,
    pub(crate) fatal: Option<String>,
    pub(crate) log: Vec<(LogLevel, String)>,
    pub(crate) closed: Vec<(ConnectionId, String)>,
    /// While true, flushes are not carried out.
    pub(crate) holds_flushes: bool,
    pub(crate) held_flushes: Vec<FlushTicket>,
    /// While true, jobs are not carried out.
    pub(crate) holds_jobs: bool,
    held_jobs: VecDeque<Effect>,
    node: Option<Node>,
    pending: VecDeque<Effect>,
    timers: BTreeMap<MachineId, Millis>,
    expiries: BTreeMap<ReplyTo, Millis>,
    replies: BTreeMap<ReplyTo, Reply>,
    sessions: BTreeMap<bool, Arc<Session>>,
    sequences: BTreeMap<ConnectionId, u64>,
    next_correlation_id: i32,
    seed: u64,
}

impl Harness {
    /// A node with these settings on an empty disk, joined.
    pub(crate) fn new(settings: &[(&str, &str)]) -> Harness {
        let mut harness = Harness::unopened(settings);
        harness.open().expect("an empty disk is formatted");
        assert!(harness.is_ready, "it joins without further ado: {:?}", harness.fatal);
        harness
    }

    /// A node that is not opened yet.
    pub(crate) fn unopened(settings: &[(&str, &str)]) -> Harness {
        let own = [
            ("process.roles", "broker,controller"),
            ("node.id", "1"),
            ("listeners", "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"),
            ("controller.listener.names", "CONTROLLER"),
            ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"),
            ("log.dirs", "/data"),
            // Small, so that a simulated disk is quick.
            ("log.index.size.max.bytes", "4096"),
        ];
        let all = own.iter().chain(settings).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Harness {
            disk: Arc::new(SimulatedDisk::new(1)),
            now: Now { monotonic: Millis(1_000), wall: Timestamp(START_OF_TIME) },
            settings: all.collect(),
            boot_id: "boot-1".to_owned(),
            is_ready: false,
            is_stopped: false,
            fatal: None,
            log: Vec::new(),
            closed: Vec::new(),
            holds_flushes: false,
            held_flushes: Vec::new(),
            holds_jobs: false,
            held_jobs: VecDeque::new(),
            node: None,
            pending: VecDeque::new(),
            timers: BTreeMap::new(),
            expiries: BTreeMap::new(),
            replies: BTreeMap::new(),
            sessions: BTreeMap::new(),
            sequences: BTreeMap::new(),
            next_correlation_id: 1,
            seed: 7,
        }
    }

    /// Opens the node on the disk as it is.
    pub(crate) fn open(&mut self) -> Result<(), OpenError> {
        let mut sources = BrokerSources::default();
        sources
            .add_static(self.settings.clone(), Strictness::RefuseUnknown, &mut Vec::new())
            .expect("the test's settings are right");
        self.seed += 1;
        self.disk.set_wall(self.now.wall);
        let start = Start {
            sources,
            disk: Arc::clone(&self.disk) as Arc<dyn Disk>,
            host: HostFacts { boot_id: self.boot_id.clone(), open_files_max: 100 },
            formatting: Formatting::IfEmpty(None),
            seed: self.seed,
            now: self.now,
        };
        let mut effects = Vec::new();
        let node = Node::open(start, &mut effects)?;
        self.node = Some(node);
        self.pending.extend(effects);
        self.run();
        Ok(())
    }

    /// The process dies, or the machine; then it is opened again.
    pub(crate) fn crash_and_reopen(&mut self, mode: CrashMode) {
        self.crash(mode);
        self.open().expect("it opens after a crash");
    }

    /// The process dies, or the machine.
    pub(crate) fn crash(&mut self, mode: CrashMode) {
        self.forget();
        self.disk.crash();
        self.disk.restart(mode);
        if mode != CrashMode::Process {
            self.boot_id.push('+');
        }
    }

    /// Stops cleanly.
    pub(crate) fn stop(&mut self) {
        self.input(Input::Stop);
        assert!(self.is_stopped, "a stop ends");
        self.forget();
    }

    fn forget(&mut self) {
        self.node = None;
        self.pending.clear();
        self.timers.clear();
        self.expiries.clear();
        self.replies.clear();
        self.held_flushes.clear();
        self.held_jobs.clear();
        self.is_ready = false;
        self.is_stopped = false;
    }

    /// The node.
    pub(crate) fn node(&self) -> &Node {
        self.node.as_ref().expect("it is open")
    }

    /// Gives one input and does what it asks for.
    pub(crate) fn input(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.node().handle(self.now, input, &mut effects);
        self.pending.extend(effects);
        self.run();
    }

    fn run(&mut self) {
        while let Some(effect) = self.pending.pop_front() {
            if let Some(input) = self.carry_out(effect) {
                let mut effects = Vec::new();
                self.node().handle(self.now, input, &mut effects);
                self.pending.extend(effects);
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Reply(reply_to, reply) => {
                self.expiries.remove(&reply_to);
                let before = self.replies.insert(reply_to, reply);
                assert!(before.is_none(), "{reply_to:?} is answered once");
            }
            Effect::Expire(reply_to, at) => {
                if !self.replies.contains_key(&reply_to) {
                    self.expiries.insert(reply_to, at);
                }
            }
            Effect::Close(connection, why) => self.closed.push((connection, why)),
            Effect::Flush(ticket) if self.holds_flushes => self.held_flushes.push(ticket),
            Effect::Flush(ticket) => {
                let result = self.flush(&ticket);
                return Some(Input::Flushed(ticket, result));
            }
            effect @ Effect::Run(..) if self.holds_jobs => self.held_jobs.push_back(effect),
            Effect::Run(id, job) => return Some(Input::Done(id, (job.run)())),
            Effect::Wake(machine) => return Some(Input::Wake(machine)),
            Effect::WakeAt(machine, at) => {
                self.timers.insert(machine, at);
            }
            Effect::Log { level, message } => self.log.push((level, message)),
            Effect::Ready => self.is_ready = true,
            Effect::Stopped => self.is_stopped = true,
            Effect::Fatal { message, .. } => self.fatal = Some(message),
        }
        None
    }

    fn flush(&self, ticket: &FlushTicket) -> Result<(), DiskError> {
        ticket.files.iter().try_for_each(|file| file.sync())?;
        ticket.directories.iter().try_for_each(|path| self.disk.sync_directory(path))
    }

    /// Carries out the flushes that were held.
    pub(crate) fn release_flushes(&mut self) {
        self.holds_flushes = false;
        for ticket in std::mem::take(&mut self.held_flushes) {
            let result = self.flush(&ticket);
            self.input(Input::Flushed(ticket, result));
        }
    }

    /// Carries out the jobs that were held.
    pub(crate) fn release_jobs(&mut self) {
        self.holds_jobs = false;
        self.pending.append(&mut self.held_jobs);
        self.run();
    }

    /// Carries out those held jobs that have this name, so many at most.
    pub(crate) fn release_jobs_named(&mut self, name: &str, count: usize) {
        let mut left = count;
        for effect in std::mem::take(&mut self.held_jobs) {
            match effect {
                Effect::Run(id, job) if job.name == name && 0 < left => {
                    left -= 1;
                    self.input(Input::Done(id, (job.run)()));
                }
                other => self.held_jobs.push_back(other),
            }
        }
    }

    /// Lets time pass: deadlines and timers come in their order.
    pub(crate) fn advance(&mut self, ms: u64) {
        let end = self.now.monotonic + ms;
        loop {
            let timer = self.timers.iter().map(|(machine, at)| (*at, *machine)).min();
            let expiry = self.expiries.iter().map(|(reply_to, at)| (*at, *reply_to)).min();
            let next = timer.map(|(at, _)| at).into_iter().chain(expiry.map(|(at, _)| at)).min();
            let Some(at) = next.filter(|at| *at <= end) else { break };
            self.move_clock(at.max(self.now.monotonic));
            match (timer, expiry) {
                (Some((timer_at, machine)), _) if timer_at == at => {
                    self.timers.remove(&machine);
                    self.input(Input::Wake(machine));
                }
                (_, Some((_, reply_to))) => {
                    self.expiries.remove(&reply_to);
                    self.input(Input::Expired(reply_to));
                }
                (_, None) => break,
            }
        }
        self.move_clock(end);
    }

    fn move_clock(&mut self, to: Millis) {
        let passed = to - self.now.monotonic;
        self.now.monotonic = to;
        self.now.wall = Timestamp(self.now.wall.0 + passed as i64);
        self.disk.set_wall(self.now.wall);
    }

    /// Sends a request over a connection of the broker's listener.
    pub(crate) fn send<M: Message>(
        &mut self,
        connection: u64,
        version: i16,
        message: &M,
    ) -> ReplyTo {
        self.send_on(connection, false, version, message)
    }

    fn send_on<M: Message>(
        &mut self,
        connection: u64,
        is_controller: bool,
        version: i16,
        message: &M,
    ) -> ReplyTo {
        let api_key = ApiKey::from_code(M::API_KEY.expect("a request")).expect("a known one");
        let body = message.encode_to_bytes(version).expect("the version can carry it");
        self.send_bytes(connection, is_controller, api_key as i16, version, &body)
    }

    /// Sends any bytes as the body of a request.
    pub(crate) fn send_bytes(
        &mut self,
        connection: u64,
        is_controller: bool,
        api_key: i16,
        version: i16,
        body: &[u8],
    ) -> ReplyTo {
        let connection = ConnectionId(connection);
        let sequence = self.sequences.entry(connection).or_insert(0);
        let reply_to = ReplyTo { connection, sequence: *sequence };
        *sequence += 1;
        let session = self.sessions.entry(is_controller).or_insert_with(|| {
            let listener = if is_controller { "CONTROLLER" } else { "PLAINTEXT" };
            Arc::new(Session {
                listener: listener.to_owned(),
                is_controller_listener: is_controller,
                client_host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            })
        });
        let session = Arc::clone(session);
        // The header's bytes do not matter here: the edge has read them.
        let mut frame = BytesMut::from(&b"header"[..]);
        let body_at = frame.len();
        frame.extend_from_slice(body);
        self.next_correlation_id += 1;
        let correlation_id = self.next_correlation_id;
        let api_version = version;
        let client_id = Some("test".to_owned());
        self.input(Input::Request(
            reply_to,
            Request { session, api_key, api_version, correlation_id, client_id, frame, body_at },
        ));
        reply_to
    }

    /// Whether a request was answered, with an answer or with the news that there is none.
    pub(crate) fn is_answered(&self, reply_to: ReplyTo) -> bool {
        self.replies.contains_key(&reply_to)
    }

    /// The bytes of an answer, size and all, files read.
    pub(crate) fn answer_bytes(&mut self, reply_to: ReplyTo) -> Bytes {
        let reply = self.replies.remove(&reply_to).expect("it is answered");
        let mut bytes = BytesMut::new();
        for chunk in reply.chunks {
            match chunk {
                Chunk::Bytes(chunk) => bytes.extend_from_slice(&chunk),
                Chunk::File(range) => {
                    let mut buffer = vec![0; range.length as usize];
                    let read = range.file.read_at(range.position, &mut buffer).unwrap();
                    assert_eq!(read, buffer.len(), "the length was promised");
                    bytes.extend_from_slice(&buffer);
                }
            }
        }
        bytes.freeze()
    }

    /// An answer, decoded.
    pub(crate) fn answer<M: Message>(&mut self, reply_to: ReplyTo, version: i16) -> M {
        let bytes = self.answer_bytes(reply_to);
        let api_key = ApiKey::from_code(M::API_KEY.expect("a response")).expect("a known one");
        let body = bytes.slice(frame::SIZE_LEN..);
        let mut reader = Reader::new(&body, DecodeBudget::UNLIMITED);
        frame::decode_response_header(&mut reader, api_key, version).unwrap();
        let message = M::decode(&mut reader, version).unwrap();
        reader.finish().unwrap();
        message
    }

    /// Sends a request and gives its answer.
    pub(crate) fn call<Q: Message, A: Message>(&mut self, version: i16, request: &Q) -> A {
        let reply_to = self.send(1, version, request);
        self.answer(reply_to, version)
    }

    /// As [`Harness::call`], on the controller's listener.
    pub(crate) fn call_controller<Q: Message, A: Message>(
        &mut self,
        version: i16,
        request: &Q,
    ) -> A {
        let reply_to = self.send_on(2, true, version, request);
        self.answer(reply_to, version)
    }

    /// Asks for a topic of one partition, and does not wait for the answer.
    pub(crate) fn begin_create_topic(&mut self, name: &str) -> ReplyTo {
        self.send(1, 7, &creation(name, 1, &[]))
    }

    /// Makes a topic with these configs.
    pub(crate) fn create_topic(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let request = creation(name, partitions, configs);
        let response: CreateTopicsResponse = self.call(7, &request);
        assert_eq!(response.topics[0].error_code, 0, "{:?}", response.topics[0].error_message);
    }

    /// Deletes a topic.
    pub(crate) fn delete_topic(&mut self, name: &str) {
        let request = DeleteTopicsRequest {
            topic_names: vec![name.to_owned()],
            ..DeleteTopicsRequest::default()
        };
        let response: DeleteTopicsResponse = self.call(5, &request);
        assert_eq!(response.responses[0].error_code, 0);
    }
}

fn creation(name: &str, partitions: i32, configs: &[(&str, &str)]) -> CreateTopicsRequest {
    let config = |(name, value): &(&str, &str)| CreatableTopicConfig {
        name: (*name).to_owned(),
        value: Some((*value).to_owned()),
    };
    CreateTopicsRequest {
        topics: vec![CreatableTopic {
            name: name.to_owned(),
            num_partitions: partitions,
            replication_factor: 1,
            configs: configs.iter().map(config).collect(),
            ..CreatableTopic::default()
        }],
        timeout_ms: 1000,
        ..CreateTopicsRequest::default()
    }
}
