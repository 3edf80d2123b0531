//! A request on its way through the node: who asked, and how the answer is framed.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kt_protocol::ApiKey;
use kt_protocol::codec::{DecodeBudget, DecodeError, Message, Reader, Segment};
use kt_protocol::frame;
use kt_storage::FileRange;
use smallvec::SmallVec;

use crate::effect::{Chunk, Effect, Reply};
use crate::input::{ReplyTo, Session};

/// What an answer needs to know of its request.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) reply_to: ReplyTo,
    pub(crate) session: Arc<Session>,
    pub(crate) api_key: ApiKey,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
    pub(crate) client_id: Option<String>,
}

/// A request with its body still bytes.
pub(crate) struct Incoming {
    pub(crate) context: Context,
    pub(crate) frame: BytesMut,
    pub(crate) body_at: usize,
}

impl Incoming {
    /// Decodes the body, whose byte strings stay slices of the frame.
    ///
    /// # Errors
    ///
    /// If the body is not such a message. Bytes behind it are passed over, as Kafka does.
    pub(crate) fn decode<M: Message>(self) -> Result<(Context, M), (Context, DecodeError)> {
        let Incoming { context, frame, body_at } = self;
        let frame: Bytes = frame.freeze();
        let body = frame.slice(body_at.min(frame.len())..);
        let mut reader = Reader::new(&body, DecodeBudget::for_frame(frame.len()));
        match M::decode(&mut reader, context.version) {
            Ok(message) => Ok((context, message)),
            Err(error) => Err((context, error)),
        }
    }

    /// Decodes the body and hands it on; a body that is none costs the sender the connection.
    pub(crate) fn decode_or_close<M: Message>(
        self,
        effects: &mut Vec<Effect>,
    ) -> Option<(Context, M)> {
        match self.decode() {
            Ok(decoded) => Some(decoded),
            Err((context, error)) => {
                context.close(&error.to_string(), effects);
                None
            }
        }
    }
}

impl Context {
    /// Answers with a response that is all in memory.
    pub(crate) fn answer<M: Message>(&self, response: &M, effects: &mut Vec<Effect>) {
        effects.push(self.reply(response));
    }

    /// Frames a response that is all in memory.
    pub(crate) fn reply<M: Message>(&self, response: &M) -> Effect {
        self.reply_with_files(response, SmallVec::new())
    }

    /// Frames a response whose external records are `ranges`, in the order of the response.
    ///
    /// A response that cannot be framed is a handler's mistake: it costs this connection and
    /// nothing else, for nothing was changed since the handler was done.
    pub(crate) fn reply_with_files<M: Message>(
        &self,
        response: &M,
        ranges: SmallVec<[FileRange; 1]>,
    ) -> Effect {
        match self.frame(response, ranges) {
            Ok(reply) => Effect::Reply(self.reply_to, reply),
            Err(why) => self.closing(&format!("its answer cannot be written: {why}")),
        }
    }

    fn frame<M: Message>(
        &self,
        response: &M,
        ranges: SmallVec<[FileRange; 1]>,
    ) -> Result<Reply, String> {
        let segments =
            frame::encode_response(self.correlation_id, self.api_key, self.version, response)
                .map_err(|error| error.to_string())?;
        let mut ranges = ranges.into_iter();
        let chunk = |segment| match segment {
            Segment::Bytes(bytes) => Ok(Chunk::Bytes(bytes)),
            Segment::External { length } => match ranges.next() {
                Some(range) if range.length == u64::from(length) => Ok(Chunk::File(range)),
                Some(range) => Err(format!("{length} bytes are promised of {}", range.length)),
                None => Err(format!("{length} bytes are promised of no file")),
            },
        };
        let chunks = segments.into_iter().map(chunk).collect::<Result<_, String>>()?;
        match ranges.next() {
            None => Ok(Reply { chunks }),
            Some(range) => Err(format!("{} bytes of a file have no field", range.length)),
        }
    }

    /// Closes the connection, because of this request.
    pub(crate) fn close(&self, why: &str, effects: &mut Vec<Effect>) {
        effects.push(self.closing(why));
    }

    fn closing(&self, why: &str) -> Effect {
        let (key, version) = (self.api_key, self.version);
        let (host, id) = (self.session.client_host, self.client_id.as_deref().unwrap_or(""));
        let text = format!("{key} v{version} from {host} (client {id:?}): {why}");
        Effect::Close(self.reply_to.connection, text)
    }

    /// Whether it came by the controller's listener.
    pub(crate) fn is_on_controller(&self) -> bool {
        self.session.is_controller_listener
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use kt_protocol::messages::{FetchResponse, fetch_response};

    use super::*;
    use crate::input::ConnectionId;

    fn context(version: i16) -> Context {
        Context {
            reply_to: ReplyTo { connection: ConnectionId(7), sequence: 3 },
            session: Arc::new(Session {
                listener: "PLAINTEXT".to_owned(),
                is_controller_listener: false,
                client_host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            }),
            api_key: ApiKey::Fetch,
            version,
            correlation_id: 1,
            client_id: None,
        }
    }

    fn closed(effect: &Effect) -> &str {
        match effect {
            Effect::Close(ConnectionId(7), why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_that_its_version_cannot_carry_costs_the_connection() {
        let mut effects = Vec::new();
        context(12).answer(&FetchResponse::default(), &mut effects);
        assert!(matches!(effects[..], [Effect::Reply(..)]));
        let why = context(99).reply(&FetchResponse::default());
        assert!(closed(&why).contains("Fetch v99 from 127.0.0.1"), "{why:?}");
    }

    #[test]
    fn a_promise_of_bytes_without_a_file_costs_the_connection() {
        let records = Some(kt_protocol::codec::Records::External { length: 9 });
        let partition = fetch_response::PartitionData { records, ..Default::default() };
        let topic = fetch_response::FetchableTopicResponse {
            partitions: vec![partition],
            ..Default::default()
        };
        let response = FetchResponse { responses: vec![topic], ..Default::default() };
        let effect = context(12).reply(&response);
        assert!(closed(&effect).ends_with("9 bytes are promised of no file"), "{effect:?}");
    }
}
