//! Produce (0), v3-13, told as v0-13.
//!
//! - v0-2 are told and refused when sent: librdkafka before 2.11 compresses nothing if the lowest
//!   version is above 2 (KAFKA-18659).
//! - v13 names topics by id (KIP-516).
//! - v12 lets a transactional producer add partitions by producing (KIP-890): there are no
//!   transactions yet, and a transactional batch is refused with a fatal error.
//! - v10 tells where the leader is, where it is not here (KIP-951): with one broker it always is.
//! - acks=0 has no answer; an error closes the connection, so that the client notices.
//! - acks=1 is answered after the append, acks=all once the high watermark has passed it.

use std::ops::Range;
use std::sync::Arc;

use kt_core::replica::Acks;
use kt_core::topic_name;
use kt_protocol::codec::{DecodeBudget, DecodeError, MessageView, Reader, Versions};
use kt_protocol::messages::ProduceResponse;
use kt_protocol::messages::produce_request::ProduceRequestView;
use kt_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use kt_protocol::records::BatchHeader;
use kt_protocol::types::{Now, Uuid};
use kt_protocol::{ApiKey, ErrorCode};

use super::{Api, Context, Incoming, Listeners};
use crate::batch_validation::{Refusal, Rules, validate};
use crate::effect::{Effect, Reply};
use crate::node::Node;
use crate::partition::{Appended, Partition, ProducedBatch};
use crate::purgatory::{ParkedProduce, PartitionReply, Waiter, Waiting};

pub(super) const API: Api = Api {
    key: ApiKey::Produce,
    advertised: Versions::new(0, 13),
    listeners: Listeners::Broker,
    handle,
};

/// The client id that may write to internal topics (`AdminUtils.ADMIN_CLIENT_ID`).
const ADMIN_CLIENT: &str = "__admin_client";

/// The first version that names topics by id.
const FIRST_VERSION_WITH_IDS: i16 = 13;

/// A topic of the request, as the answer names it.
struct Topic {
    name: String,
    id: Uuid,
    partitions: Vec<i32>,
}

/// A partition of the request.
struct Part {
    partition: Result<Arc<Partition>, ErrorCode>,
    /// Where in the frame its batch stands; none where there is none.
    records: Option<Range<usize>>,
}

struct Request {
    acks: i16,
    timeout_ms: i32,
    is_transactional: bool,
    topics: Vec<Topic>,
    /// All partitions of all topics, in the order of the request.
    parts: Vec<Part>,
}

fn handle(node: &Node, now: Now, mut incoming: Incoming, effects: &mut Vec<Effect>) {
    let request = match read(node, &incoming) {
        Ok(request) => request,
        Err(error) => return incoming.context.close(&error.to_string(), effects),
    };
    let context = incoming.context;
    let Ok(acks) = Acks::from_wire(request.acks) else {
        let refused = PartitionReply::failed(ErrorCode::InvalidRequiredAcks, None);
        let replies = vec![refused; request.parts.len()];
        context.answer(&response(&request.topics, replies), effects);
        return;
    };
    let work = Work { node, now, context: &context, acks, request: &request };
    let mut replies = Vec::with_capacity(request.parts.len());
    let mut appended = Vec::new();
    for (at, part) in request.parts.iter().enumerate() {
        let range = part.records.clone().unwrap_or_default();
        let bytes = incoming.frame.get_mut(range).unwrap_or_default();
        match work.append(part, bytes, effects) {
            Ok((partition, done)) => {
                replies.push(appended_reply(&done));
                appended.push((at as u32, partition, done));
            }
            Err(refusal) => replies.push(refused_reply(refusal)),
        }
    }
    match acks {
        Acks::None => answer_nothing(&context, &replies, effects),
        Acks::Leader => context.answer(&response(&request.topics, replies), effects),
        Acks::All if appended.is_empty() => {
            context.answer(&response(&request.topics, replies), effects);
        }
        Acks::All => wait(node, now, context, request, replies, appended, effects),
    }
}

/// Reads the request without copying records. Positions are in the whole frame.
fn read(node: &Node, incoming: &Incoming) -> Result<Request, DecodeError> {
    let version = incoming.context.version;
    let body = incoming.frame.get(incoming.body_at..).unwrap_or_default();
    let budget = DecodeBudget::for_frame(incoming.frame.len());
    let mut reader = Reader::over_slice(body, budget);
    let view = ProduceRequestView::decode(&mut reader, version)?;
    let by_id = FIRST_VERSION_WITH_IDS <= version;
    let served = node.replicas.served();
    let mut topics = Vec::with_capacity(view.topic_data.len());
    let mut parts = Vec::new();
    for topic in &view.topic_data {
        let found = match by_id {
            true => served.by_id(topic.topic_id).ok_or(ErrorCode::UnknownTopicId),
            false => served.by_name(topic.name).ok_or(ErrorCode::UnknownTopicOrPartition),
        };
        for partition in &topic.partition_data {
            let found = found.and_then(|topic| topic.partition(partition.index));
            let at =
                |range: Range<usize>| range.start + incoming.body_at..range.end + incoming.body_at;
            let records = partition.records.as_ref().map(|records| at(records.range()));
            parts.push(Part { partition: found, records });
        }
        topics.push(Topic {
            name: topic.name.to_owned(),
            id: topic.topic_id,
            partitions: topic.partition_data.iter().map(|it| it.index).collect(),
        });
    }
    Ok(Request {
        acks: view.acks,
        timeout_ms: view.timeout_ms,
        is_transactional: view.transactional_id.is_some(),
        topics,
        parts,
    })
}

/// What every partition of one request shares.
struct Work<'a> {
    node: &'a Node,
    now: Now,
    context: &'a Context,
    acks: Acks,
    request: &'a Request,
}

type Outcome = Result<(Arc<Partition>, Appended), Refusal>;

impl Work<'_> {
    /// What coordinators write, nobody else does: they would not know of it. Kafka lets its admin
    /// client, by name.
    fn check_not_internal(&self, partition: &Partition) -> Result<(), Refusal> {
        let topic = &partition.name().topic;
        if !topic_name::is_internal(topic)
            || self.context.client_id.as_deref() == Some(ADMIN_CLIENT)
        {
            return Ok(());
        }
        let message = format!("Cannot append to internal topic {topic}");
        let code = ErrorCode::InvalidTopicException;
        Err(Refusal { code, message, records: Vec::new() })
    }

    fn append(&self, part: &Part, bytes: &mut [u8], effects: &mut Vec<Effect>) -> Outcome {
        let refuse =
            |code: ErrorCode| Refusal { code, message: String::new(), records: Vec::new() };
        let partition = part.partition.clone().map_err(refuse)?;
        self.check_not_internal(&partition)?;
        if let Some(refusal) = self.node.replicas.refusal(&partition) {
            return Err(refuse(refusal));
        }
        let config = partition.config();
        let rules = Rules {
            partition: partition.name(),
            config: &config,
            version: self.context.version,
            now: self.now.wall,
        };
        let mut validated = validate(bytes, &rules)?;
        let bytes = validated.rebuilt.as_deref_mut().unwrap_or(bytes);
        let header = BatchHeader::parse(bytes).map_err(|_| refuse(ErrorCode::CorruptMessage))?;
        if self.request.is_transactional || header.is_transactional() {
            let message = "transactions are not supported by this broker yet".to_owned();
            return Err(Refusal { code: ErrorCode::InvalidTxnState, message, records: Vec::new() });
        }
        let log_append_time = validated.log_append_time;
        let batch = ProducedBatch { bytes, header, log_append_time };
        match partition.append(self.now, batch, self.acks, effects) {
            Ok((appended, moved)) => {
                self.node.appended(self.now, &partition, header.size() as u64, effects);
                self.node.deliver(moved, effects);
                Ok((partition, appended))
            }
            Err(error) => {
                if let Some(fault) = error.fault {
                    self.node.fault(&partition, fault, effects);
                }
                let message = error.message.unwrap_or_default();
                Err(Refusal { code: error.code, message, records: Vec::new() })
            }
        }
    }
}

fn appended_reply(appended: &Appended) -> PartitionReply {
    PartitionReply {
        error: ErrorCode::None,
        base_offset: appended.base_offset,
        log_append_time: appended.log_append_time,
        log_start_offset: appended.log_start,
        message: None,
        records: Vec::new(),
    }
}

fn refused_reply(refusal: Refusal) -> PartitionReply {
    let message = Some(refusal.message).filter(|message| !message.is_empty());
    PartitionReply { records: refusal.records, ..PartitionReply::failed(refusal.code, message) }
}

/// acks=0: the place on the connection is given up, or the connection is.
fn answer_nothing(context: &Context, replies: &[PartitionReply], effects: &mut Vec<Effect>) {
    let failed = replies.iter().find(|reply| reply.error != ErrorCode::None);
    match failed {
        Some(reply) => context.close(&format!("{} with acks=0", reply.error.name()), effects),
        None => effects.push(Effect::Reply(context.reply_to, Reply::default())),
    }
}

/// acks=all: parks what was appended at its end offset.
fn wait(
    node: &Node,
    now: Now,
    context: Context,
    request: Request,
    mut replies: Vec<PartitionReply>,
    appended: Vec<(u32, Arc<Partition>, Appended)>,
    effects: &mut Vec<Effect>,
) {
    // What is said of a part if its high watermark does not come in time.
    for (at, _, _) in &appended {
        replies[*at as usize].error = ErrorCode::RequestTimedOut;
    }
    let reply_to = context.reply_to;
    let topics = request.topics;
    let waiter = Waiter::new(reply_to, appended.len() as u32, replies, move |replies| {
        context.reply(&response(&topics, replies))
    });
    node.purgatory.park(reply_to, Waiting::Produce(Arc::clone(&waiter)));
    let deadline = now.monotonic + u64::try_from(request.timeout_ms).unwrap_or(0);
    let mut is_waiting = true;
    for (at, partition, appended) in appended {
        let parked = ParkedProduce { end: appended.end, waiter: Arc::clone(&waiter), at };
        if let Some((parked, error)) = partition.park(appended.epoch, parked) {
            is_waiting = !node.fill(&parked, error, effects);
        }
    }
    if is_waiting {
        effects.push(Effect::Expire(reply_to, deadline));
    }
}

/// The answer of all parts, grouped as the request groups them.
fn response(topics: &[Topic], replies: Vec<PartitionReply>) -> ProduceResponse {
    let mut replies = replies.into_iter();
    let topic = |topic: &Topic| TopicProduceResponse {
        name: topic.name.clone(),
        topic_id: topic.id,
        partition_responses: topic.partitions.iter().zip(&mut replies).map(partition).collect(),
    };
    ProduceResponse { responses: topics.iter().map(topic).collect(), ..Default::default() }
}

fn partition((index, reply): (&i32, PartitionReply)) -> PartitionProduceResponse {
    let blamed = |(batch_index, message)| BatchIndexAndErrorMessage {
        batch_index,
        batch_index_error_message: Some(message),
    };
    // A part that failed late has no place that the client could rely on.
    let has_place = reply.error == ErrorCode::None;
    PartitionProduceResponse {
        index: *index,
        error_code: reply.error as i16,
        base_offset: if has_place { reply.base_offset.0 } else { -1 },
        log_append_time_ms: if has_place { reply.log_append_time.0 } else { -1 },
        log_start_offset: reply.log_start_offset.0,
        record_errors: reply.records.into_iter().map(blamed).collect(),
        error_message: reply.message,
        ..Default::default()
    }
}
