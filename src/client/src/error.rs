//! What can go wrong between a caller and a cluster, by what the caller can do about it.

mod faults;

use std::fmt;
use std::time::Duration;

use kt_protocol::types::{NodeId, Offset, TopicPartition};
use kt_protocol::{ApiKey, ErrorCode};

use crate::config::ConfigError;
use crate::consumer::group::LossCause;
pub use faults::{AuthenticationFault, Listener, TokenError};

/// What an [`Error`] is about, for programs that only branch on it.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use kt_client::consumer::{Consumer, ConsumerConfig};
/// use kt_client::{Client, ClientConfig, ErrorKind};
///
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let consumer = Consumer::new(client, ConsumerConfig::default());
/// match consumer.partitions_for("invoices").await {
///     Ok(partitions) => println!("{} partitions", partitions.len()),
///     Err(error) if error.kind() == ErrorKind::NotFound => println!("{error}"),
///     Err(error) => return Err(error.into()),
/// }
/// # let missing = consumer.partitions_for("invoices").await.unwrap_err();
/// # assert_eq!(missing.kind(), ErrorKind::NotFound);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ErrorKind {
    /// Nobody listens, or the name has no address.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// The cluster does not believe who we are.
    Authentication,
    /// The cluster does not let us.
    Authorization,
    /// A topic, partition, offset or other thing does not exist.
    NotFound,
    /// The broker refuses for another reason; its error code says which.
    Broker,
    /// The other end does not speak Kafka's protocol, or breaks it.
    Protocol,
    /// A setting is wrong or missing.
    Config,
    /// What was asked for makes no sense or is not supported by this cluster.
    Unsupported,
}

/// Why an operation failed.
///
/// ```
/// use kt_client::{Admin, Client, ClientConfig, Error, ErrorKind};
///
/// /// What a program ends with.
/// fn exit_code(error: &Error) -> i32 {
///     match error.kind() {
///         ErrorKind::Authentication | ErrorKind::Authorization => 4,
///         ErrorKind::Unreachable | ErrorKind::TimedOut => 6,
///         _ => 1,
///     }
/// }
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// // Nobody listens on port 1.
/// let bootstrap = vec!["127.0.0.1:1".to_owned()];
/// let client = Client::new(ClientConfig { bootstrap, ..ClientConfig::default() });
/// let error = Admin::new(client).list_topics().await.unwrap_err();
/// assert!(error.to_string().contains("127.0.0.1:1"));
/// assert_eq!(exit_code(&error), 6);
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// A broker cannot be reached.
    #[error("{reason}{}", Advertised(*.node))]
    Unreachable {
        /// The broker, if it was known by more than a bootstrap address.
        node: Option<NodeId>,
        /// Names the address and says what happened.
        reason: String,
    },
    /// Who listens there does not speak as was expected.
    #[error("{address} {found}")]
    WrongListener {
        /// `HOST:PORT`.
        address: String,
        /// What was found instead.
        found: Listener,
    },
    /// The broker and the client do not believe each other.
    #[error("{}", faults::Accused(.address, .fault))]
    Authentication {
        /// `HOST:PORT`.
        address: String,
        /// Why not.
        fault: AuthenticationFault,
    },
    /// What the client was told makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No answer in time, all tries included.
    #[error("{operation} got no answer within {}{}", Seconds(*.after), Because(.last))]
    TimedOut {
        /// What was under way.
        operation: String,
        /// The limit.
        after: Duration,
        /// What the last try failed of, if it failed before the time was up.
        last: Option<Box<Error>>,
    },
    /// The connection broke while an answer was due.
    #[error("{operation}: {reason}")]
    Disconnected {
        /// What was under way.
        operation: String,
        /// What happened.
        reason: String,
    },
    /// The broker answered with an error code.
    #[error("{}", BrokerSays::new(*.api, *.code, .subject, .message))]
    Broker {
        /// The request that was refused.
        api: ApiKey,
        /// Kafka's code.
        code: ErrorCode,
        /// What the code is about.
        subject: Subject,
        /// In the broker's words, if it had any.
        message: Option<String>,
    },
    /// The broker does not speak a version that this needs.
    #[error("the broker has {api} {theirs}, this needs {ours}")]
    Version {
        /// The request.
        api: ApiKey,
        /// The broker's versions, or "not at all".
        theirs: String,
        /// What would be needed.
        ours: String,
    },
    /// An answer that cannot be.
    #[error("{api}: {reason}")]
    Protocol {
        /// The request that it answers.
        api: ApiKey,
        /// What is wrong with it.
        reason: String,
    },
    /// The group went on without this member, or goes on right now.
    #[error("group \"{group}\": {cause}")]
    GroupLost {
        /// The group's id.
        group: String,
        /// Why.
        cause: LossCause,
    },
    /// A record that the producer does not take.
    #[error("{0}")]
    Refused(String),
    /// A position that the log does not have, and `auto.offset.reset=none`.
    #[error("offset {offset} of {} is out of range and auto.offset.reset is none", Named(.partition))]
    OffsetOutOfRange {
        /// Which partition.
        partition: TopicPartition,
        /// Where it was read.
        offset: Offset,
    },
    /// A partition without a position, and `auto.offset.reset=none`.
    #[error("{} has no position to begin at and auto.offset.reset is none", Named(.partition))]
    NoPosition {
        /// Which partition.
        partition: TopicPartition,
    },
    /// The log was cut below what was read of it (KIP-320), and `auto.offset.reset=none`.
    #[error("the log of {} was truncated: {position} was read up to, {}", Named(.partition), Diverges(*.diverging))]
    LogTruncated {
        /// Which partition.
        partition: TopicPartition,
        /// The next offset that was to be read.
        position: Offset,
        /// The first offset that is other than what was read, if known.
        diverging: Option<Offset>,
    },
    /// The log does not go on where a store beside the results says.
    #[error("{} goes on at offset {found}, the stored position is {stored}: the records in between are gone", Named(.partition))]
    OffsetGap {
        /// Which partition.
        partition: TopicPartition,
        /// The next offset to read, as it was stored.
        stored: Offset,
        /// The first offset that there is.
        found: Offset,
    },
    /// A store of positions cannot be read.
    #[error("the stored positions cannot be read: {0}")]
    Store(String),
    /// A topic was deleted and created anew while it was read, and `auto.offset.reset=none`.
    #[error(
        "topic \"{topic}\" was deleted and created anew: positions in the old one mean nothing"
    )]
    TopicReplaced {
        /// Its name.
        topic: String,
    },
    /// The producer, the consumer or what else was asked takes no more work.
    #[error("the {0} is closed")]
    Closed(&'static str),
    /// What waits already leaves no room.
    #[error("{0}")]
    Full(String),
    /// Another cluster answers than the one that is meant.
    #[error("the cluster is {}, expected {expected}", .found.as_deref().unwrap_or("without an id"))]
    OtherCluster {
        /// The id that was expected.
        expected: String,
        /// The id that the brokers tell.
        found: Option<String>,
    },
}

/// What a broker's error code is about.
///
/// ```
/// # kt_doc_broker::with_orders(&[], async |bootstrap| {
/// use kt_client::{Admin, Client, ClientConfig, Error, Subject};
///
/// let admin = Admin::new(Client::new(ClientConfig { bootstrap, ..ClientConfig::default() }));
/// for (_, described) in admin.describe_topics(&["invoices".to_owned()]).await? {
///     let Err(Error::Broker { code, subject, .. }) = described else { continue };
///     println!("{subject}: {code:?}");
///     assert_eq!(subject, Subject::Topic("invoices".to_owned()));
/// }
/// # assert!(matches!(admin.describe_topics(&["invoices".to_owned()]).await?[..], [(_, Err(_))]));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    /// The request as a whole.
    #[default]
    Request,
    /// A topic.
    Topic(String),
    /// A partition.
    Partition(TopicPartition),
    /// Something else, in words: `broker 1`.
    Other(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Request => f.write_str("the request"),
            Subject::Other(thing) => f.write_str(thing),
            Subject::Topic(topic) => write!(f, "topic \"{topic}\""),
            Subject::Partition(it) => Named(it).fmt(f),
        }
    }
}

impl Error {
    pub(crate) fn broker(api: ApiKey, code: ErrorCode, subject: Subject) -> Error {
        Error::Broker { api, code, subject, message: None }
    }

    pub(crate) fn protocol(api: ApiKey, reason: impl fmt::Display) -> Error {
        Error::Protocol { api, reason: reason.to_string() }
    }

    /// What this is about.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Unreachable { .. }
            | Error::Disconnected { .. }
            | Error::WrongListener { .. } => ErrorKind::Unreachable,
            Error::Authentication { .. } => ErrorKind::Authentication,
            Error::Config(_) => ErrorKind::Config,
            Error::TimedOut { last: Some(last), .. } if last.kind() == ErrorKind::Unreachable => {
                ErrorKind::Unreachable
            }
            Error::TimedOut { .. } | Error::Full(_) => ErrorKind::TimedOut,
            Error::Broker { code, .. } => broker_kind(*code),
            Error::OffsetOutOfRange { .. }
            | Error::NoPosition { .. }
            | Error::OffsetGap { .. }
            | Error::TopicReplaced { .. } => ErrorKind::NotFound,
            Error::LogTruncated { .. } | Error::GroupLost { .. } => ErrorKind::Broker,
            Error::Version { .. }
            | Error::Refused(_)
            | Error::Closed(_)
            | Error::Store(_)
            | Error::OtherCluster { .. } => ErrorKind::Unsupported,
            Error::Protocol { .. } => ErrorKind::Protocol,
        }
    }

    /// The broker's code, if one answered.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Error::Broker { code, .. } => Some(*code),
            Error::TimedOut { last: Some(last), .. } => last.code(),
            _ => None,
        }
    }

    /// Whether the same request may succeed a little later.
    pub fn is_retriable(&self) -> bool {
        match self {
            Error::Unreachable { .. } | Error::Disconnected { .. } | Error::Full(_) => true,
            // A broker that ends while it is asked closes in the same way, and one that stands
            // still says nothing. Who never was there is not waited for: callers see to that.
            Error::WrongListener { found, .. } => {
                use Listener::{Closes, ClosesTls, Silent, WantsLogin};
                matches!(found, Closes | ClosesTls | WantsLogin | Silent)
            }
            Error::Broker { code, .. } => code.is_retriable(),
            Error::TimedOut { .. }
            | Error::Authentication { .. }
            | Error::Config(_)
            | Error::OffsetOutOfRange { .. }
            | Error::NoPosition { .. }
            | Error::LogTruncated { .. }
            | Error::OffsetGap { .. }
            | Error::Store(_)
            | Error::TopicReplaced { .. }
            | Error::Version { .. }
            | Error::Protocol { .. }
            | Error::Refused(_)
            | Error::GroupLost { .. }
            | Error::Closed(_)
            | Error::OtherCluster { .. } => false,
        }
    }
}

fn broker_kind(code: ErrorCode) -> ErrorKind {
    match code {
        ErrorCode::SaslAuthenticationFailed
        | ErrorCode::UnsupportedSaslMechanism
        | ErrorCode::IllegalSaslState => ErrorKind::Authentication,
        ErrorCode::TopicAuthorizationFailed
        | ErrorCode::GroupAuthorizationFailed
        | ErrorCode::ClusterAuthorizationFailed
        | ErrorCode::TransactionalIdAuthorizationFailed
        | ErrorCode::DelegationTokenAuthorizationFailed => ErrorKind::Authorization,
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::UnknownTopicId
        | ErrorCode::OffsetOutOfRange
        | ErrorCode::GroupIdNotFound
        | ErrorCode::ResourceNotFound
        | ErrorCode::TransactionalIdNotFound => ErrorKind::NotFound,
        ErrorCode::RequestTimedOut => ErrorKind::TimedOut,
        _ => ErrorKind::Broker,
    }
}

/// The sentence for a broker's code. The common ones are said in words; the code is always named.
struct BrokerSays<'a> {
    api: ApiKey,
    code: ErrorCode,
    subject: &'a Subject,
    message: &'a Option<String>,
}

impl<'a> BrokerSays<'a> {
    fn new(
        api: ApiKey,
        code: ErrorCode,
        subject: &'a Subject,
        message: &'a Option<String>,
    ) -> BrokerSays<'a> {
        BrokerSays { api, code, subject, message }
    }
}

impl fmt::Display for BrokerSays<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BrokerSays { api, code, subject, message } = self;
        match code {
            ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::GroupIdNotFound => {
                return write!(f, "{subject} does not exist");
            }
            ErrorCode::TopicAlreadyExists => return write!(f, "{subject} exists already"),
            ErrorCode::TopicAuthorizationFailed | ErrorCode::GroupAuthorizationFailed => {
                return write!(f, "not authorized for {subject}");
            }
            _ => {}
        }
        if **subject != Subject::Request {
            write!(f, "{subject}: ")?;
        }
        match message {
            Some(message) => {
                write!(f, "{} ({code} from {api})", message.trim_end_matches(['.', '\n']))
            }
            None => write!(f, "{code} from {api}"),
        }
    }
}

struct Named<'a>(&'a TopicPartition);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "partition {} of topic \"{}\"", self.0.partition, self.0.topic)
    }
}

struct Diverges(Option<Offset>);

impl fmt::Display for Diverges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(offset) => write!(f, "it differs from {offset} on"),
            None => f.write_str("it knows nothing of what was read last"),
        }
    }
}

struct Advertised(Option<NodeId>);

impl fmt::Display for Advertised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(node) => write!(f, " (the advertised address of broker {node})"),
            None => Ok(()),
        }
    }
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.subsec_millis() {
            0 => write!(f, "{} s", self.0.as_secs()),
            _ => write!(f, "{} ms", self.0.as_millis()),
        }
    }
}

struct Because<'a>(&'a Option<Box<Error>>);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(last) => write!(f, ": {last}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_thing_and_the_code() {
        let topic = Subject::Topic("orders".to_owned());
        let missing =
            Error::broker(ApiKey::Metadata, ErrorCode::UnknownTopicOrPartition, topic.clone());
        assert_eq!(missing.to_string(), "topic \"orders\" does not exist");
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        let policy = Error::Broker {
            api: ApiKey::CreateTopics,
            code: ErrorCode::PolicyViolation,
            subject: topic,
            message: Some("Too many partitions.".to_owned()),
        };
        assert_eq!(
            policy.to_string(),
            "topic \"orders\": Too many partitions (POLICY_VIOLATION from CreateTopics)"
        );
        let unreachable = Error::Unreachable {
            node: Some(NodeId(1)),
            reason: "kafka:9092 refuses connections".to_owned(),
        };
        let late = Error::TimedOut {
            operation: "Fetch".to_owned(),
            after: Duration::from_secs(15),
            last: Some(Box::new(unreachable)),
        };
        assert_eq!(
            late.to_string(),
            "Fetch got no answer within 15 s: kafka:9092 refuses connections \
             (the advertised address of broker 1)"
        );
        assert_eq!(late.kind(), ErrorKind::Unreachable);
    }
}
