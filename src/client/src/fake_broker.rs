//! A broker that says what a test tells it to, over a real socket.

use std::sync::Arc;

use bytes::Bytes;
use kt_protocol::ApiKey;
use kt_protocol::codec::{DecodeBudget, Message, Reader, Segment};
use kt_protocol::frame::{RequestHeader, encode_response};
use kt_protocol::messages::api_versions_response::ApiVersion;
use kt_protocol::messages::metadata_response::MetadataResponseBroker;
use kt_protocol::messages::{
    ApiVersionsResponse, MetadataResponse, SaslAuthenticateRequest, SaslAuthenticateResponse,
    SaslHandshakeResponse,
};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A request that came.
pub(crate) struct Asked {
    /// The address that it came to.
    pub(crate) address: String,
    /// Which connection it came over, from 0.
    pub(crate) connection: usize,
    pub(crate) api: ApiKey,
    version: i16,
    correlation_id: i32,
    body: Bytes,
}

/// What becomes of it.
pub(crate) enum Answer {
    /// These bytes are sent.
    Bytes(Vec<u8>),
    /// Nothing is sent, and the connection stays.
    Silence,
    /// The connection is closed.
    Close,
}

type Script = Arc<dyn Fn(&Asked) -> Answer + Send + Sync>;

pub(crate) struct FakeBroker {
    pub(crate) address: String,
    log: Arc<Mutex<Vec<String>>>,
    changed: watch::Receiver<Counts>,
    task: JoinHandle<()>,
}

impl Drop for FakeBroker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeBroker {
    /// Starts one; each request is given to `script`.
    pub(crate) async fn start(
        script: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> FakeBroker {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (tell, changed) = watch::channel(Counts::default());
        let serving = Serving {
            script: Arc::new(script),
            address: address.clone(),
            log: Arc::clone(&log),
            tell: Arc::new(tell),
        };
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serving.clone().serve(stream, connection));
            }
        });
        FakeBroker { address, log, changed, task }
    }

    /// What came so far: `CONNECTION API`.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().clone()
    }

    /// Waits until so many requests have come.
    pub(crate) async fn until(&self, requests: usize) {
        self.wait_for(|it| requests <= it.requests).await;
    }

    /// Waits until clients have left so many connections.
    pub(crate) async fn until_left(&self, connections: usize) {
        self.wait_for(|it| connections <= it.left).await;
    }

    async fn wait_for(&self, come: impl FnMut(&Counts) -> bool) {
        let mut changed = self.changed.clone();
        let come = changed.wait_for(come);
        let come = tokio::time::timeout(std::time::Duration::from_secs(30), come).await;
        come.expect("they come in time").unwrap();
    }
}

/// What has happened so far.
#[derive(Default)]
struct Counts {
    requests: usize,
    /// Connections that clients have closed.
    left: usize,
}

#[derive(Clone)]
struct Serving {
    script: Script,
    address: String,
    log: Arc<Mutex<Vec<String>>>,
    tell: Arc<watch::Sender<Counts>>,
}

impl Serving {
    async fn serve(self, mut stream: TcpStream, connection: usize) {
        loop {
            let Ok(size) = stream.read_i32().await else {
                return self.tell.send_modify(|it| it.left += 1);
            };
            let mut frame = vec![0; usize::try_from(size).unwrap()];
            if stream.read_exact(&mut frame).await.is_err() {
                return;
            }
            let asked = self.asked(&Bytes::from(frame), connection);
            self.log.lock().push(format!("{connection} {}", asked.api));
            let answer = (self.script)(&asked);
            self.tell.send_modify(|it| it.requests += 1);
            match answer {
                Answer::Bytes(bytes) => stream.write_all(&bytes).await.unwrap(),
                Answer::Silence => {}
                Answer::Close => return,
            }
        }
    }

    fn asked(&self, frame: &Bytes, connection: usize) -> Asked {
        let budget = DecodeBudget::for_frame(frame.len());
        let mut reader = Reader::new(frame, budget);
        let header = RequestHeader::decode(&mut reader).unwrap();
        let at = frame.len() - reader.remaining();
        Asked {
            address: self.address.clone(),
            connection,
            api: header.api_key,
            version: header.api_version,
            correlation_id: header.correlation_id,
            body: frame.slice(at..),
        }
    }
}

impl Asked {
    pub(crate) fn answer<M: Message>(&self, message: &M) -> Answer {
        let segments =
            encode_response(self.correlation_id, self.api, self.version, message).unwrap();
        let bytes = segments.into_iter().flat_map(|it| match it {
            Segment::Bytes(bytes) => bytes.to_vec(),
            Segment::External { .. } => unreachable!("nothing is kept elsewhere"),
        });
        Answer::Bytes(bytes.collect())
    }

    /// What a broker says that is alone and has no topics.
    pub(crate) fn usual(&self) -> Answer {
        match self.api {
            ApiKey::ApiVersions => self.versions(),
            ApiKey::Metadata => self.metadata(&self.address),
            ApiKey::SaslHandshake => self.answer(&SaslHandshakeResponse {
                mechanisms: vec!["PLAIN".to_owned()],
                ..SaslHandshakeResponse::default()
            }),
            ApiKey::SaslAuthenticate => self.answer(&SaslAuthenticateResponse::default()),
            _ => Answer::Close,
        }
    }

    /// Metadata of a cluster whose only broker stands there.
    pub(crate) fn metadata(&self, broker: &str) -> Answer {
        let (host, port) = broker.rsplit_once(':').unwrap();
        self.answer(&MetadataResponse {
            brokers: vec![MetadataResponseBroker {
                node_id: 1,
                host: host.to_owned(),
                port: port.parse().unwrap(),
                ..Default::default()
            }],
            cluster_id: Some("fake".to_owned()),
            controller_id: 1,
            ..Default::default()
        })
    }

    fn versions(&self) -> Answer {
        let keys = [
            (ApiKey::Metadata, 13),
            (ApiKey::ApiVersions, 4),
            (ApiKey::SaslHandshake, 1),
            (ApiKey::SaslAuthenticate, 2),
        ];
        let api_keys = keys.map(|(api, max_version)| ApiVersion {
            api_key: api.code(),
            min_version: 0,
            max_version,
        });
        self.answer(&ApiVersionsResponse {
            api_keys: api_keys.to_vec(),
            ..ApiVersionsResponse::default()
        })
    }

    /// What the client says to log in.
    pub(crate) fn authentication(&self) -> Bytes {
        let mut reader = Reader::new(&self.body, DecodeBudget::for_frame(self.body.len()));
        SaslAuthenticateRequest::decode(&mut reader, self.version).unwrap().auth_bytes
    }
}
