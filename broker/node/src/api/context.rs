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
    /// Frames a response that is all in memory.
    ///
    /// # Panics
    ///
    /// If the response sets a field that its version cannot carry: a mistake of the handler.
    pub(crate) fn reply<M: Message>(&self, response: &M) -> Reply {
        self.reply_with_files(response, SmallVec::new())
    }

    /// Frames a response whose external records are `ranges`, in the order of the response.
    ///
    /// # Panics
    ///
    /// If there are not as many ranges as external records, of the same lengths.
    pub(crate) fn reply_with_files<M: Message>(
        &self,
        response: &M,
        ranges: SmallVec<[FileRange; 1]>,
    ) -> Reply {
        let segments =
            frame::encode_response(self.correlation_id, self.api_key, self.version, response)
                .expect("a handler sets only what the version can carry");
        let mut ranges = ranges.into_iter();
        let chunk = |segment| match segment {
            Segment::Bytes(bytes) => Chunk::Bytes(bytes),
            Segment::External { length } => {
                let range = ranges.next().expect("each external field has its range");
                assert_eq!(range.length, u64::from(length), "the length is promised");
                Chunk::File(range)
            }
        };
        let chunks = segments.into_iter().map(chunk).collect();
        assert!(ranges.next().is_none(), "each range has its external field");
        Reply { chunks }
    }

    /// Answers with a response that is all in memory.
    pub(crate) fn answer<M: Message>(&self, response: &M, effects: &mut Vec<Effect>) {
        effects.push(Effect::Reply(self.reply_to, self.reply(response)));
    }

    /// Closes the connection, because of this request.
    pub(crate) fn close(&self, why: &str, effects: &mut Vec<Effect>) {
        let (key, version) = (self.api_key, self.version);
        let (host, id) = (self.session.client_host, self.client_id.as_deref().unwrap_or(""));
        let text = format!("{key} v{version} from {host} (client {id:?}): {why}");
        effects.push(Effect::Close(self.reply_to.connection, text));
    }

    /// Whether it came by the controller's listener.
    pub(crate) fn is_on_controller(&self) -> bool {
        self.session.is_controller_listener
    }
}
