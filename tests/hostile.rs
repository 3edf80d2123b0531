//! Hostile frames: an error or a closed connection, bounded memory, and the broker goes on.

use std::io::{Read, Write};
use std::net::TcpStream;

use kt_protocol::ApiKey;
use kt_protocol::records::{BatchBuilder, Compression, NewRecord};
use kt_protocol::types::Timestamp;

use crate::support::{Broker, client};

/// Whatever hostile bytes do, the broker may not grow by more than this, not even for a moment.
const GROWTH_MAX: u64 = 64 << 20;

/// What a bomb decompresses to: more than the broker reads of one batch.
const BOMB_BYTES: usize = 300 << 20;

/// A small generator of a fixed seed: failures repeat.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // xorshift64*, as good as needed to fill frames.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[3]).collect()
    }
}

/// Size, API key, version, correlation id, null client id, body.
fn frame(api_key: i16, version: i16, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend(i32::try_from(10 + body.len()).expect("small").to_be_bytes());
    frame.extend(api_key.to_be_bytes());
    frame.extend(version.to_be_bytes());
    frame.extend(7i32.to_be_bytes());
    frame.extend((-1i16).to_be_bytes());
    frame.extend(body);
    frame
}

/// Sends and reads until the broker answers or closes; both are right, hanging is not.
fn send(broker: &Broker, bytes: &[u8]) -> Vec<u8> {
    let mut stream = broker.connect();
    // The broker may close before all is sent.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => answer,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => answer,
        Err(error) => panic!("the broker neither answered nor closed: {error}"),
    }
}

/// By how many bytes the broker grew during `work` at most. It still serves afterwards.
fn growth(broker: &Broker, work: impl FnOnce()) -> u64 {
    let before = broker.resident_bytes();
    broker.forget_peak();
    work();
    client::watermarks(&broker.address(), "alive", 0);
    broker.peak_resident_bytes().saturating_sub(before)
}

/// Runs `work` and sees that the broker never grew much meanwhile.
fn bounded(broker: &Broker, work: impl FnOnce()) {
    let grown = growth(broker, work);
    assert!(grown < GROWTH_MAX, "grew by {grown} bytes");
}

#[tokio::test]
async fn frames_cut_short_oversized_and_random_are_survived() {
    let broker = Broker::start();
    client::create_topic(&broker.address(), "alive", 1, &[]).await;
    bounded(&broker, || {
        send(&broker, &[0x7f, 0xff, 0xff, 0xff]);
        send(&broker, &[0xff, 0xff, 0xff, 0xff]);
        send(&broker, &[0, 0, 0, 0]);
        send(&broker, &[0, 0, 0, 2, 0, 3]);
        send(&broker, b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n");
        send(&broker, &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]);
        let mut random = Random(0x5eed);
        for _ in 0..2_000 {
            let key = i16::try_from(random.next() % 93).expect("small");
            let version = i16::try_from(random.next() % 19).expect("small");
            let length = usize::try_from(random.next() % 300).expect("small");
            send(&broker, &frame(key, version, &random.bytes(length)));
        }
    });
}

/// A frame that promises 100 MiB gets a first MiB, and more as its bytes come; a cut one gets no
/// answer.
#[tokio::test]
async fn frames_that_never_end_take_little_of_what_they_promise() {
    const SENDERS: u64 = 50;
    let broker = Broker::start();
    client::create_topic(&broker.address(), "alive", 1, &[]).await;
    let grown = growth(&broker, || {
        let promise = (100u32 << 20).to_be_bytes();
        let slow: Vec<TcpStream> = (0..SENDERS)
            .map(|_| {
                let mut stream = broker.connect();
                stream.write_all(&promise).expect("it is read");
                stream.write_all(&[0, 0, 0, 9, 0, 0, 0, 7]).expect("it is read");
                stream
            })
            .collect();
        assert_eq!(send(&broker, &[0, 0, 0, 100, 0, 3, 0, 1]), b"");
        drop(slow);
    });
    assert!(grown < GROWTH_MAX + SENDERS * (1 << 20), "grew by {grown} bytes");
}

/// The count of an array stands at another place in each API and version: it is put at every one
/// of the first few, in both of its encodings.
#[tokio::test]
async fn huge_array_counts_cost_nothing() {
    let broker = Broker::start();
    client::create_topic(&broker.address(), "alive", 1, &[]).await;
    let counts: [&[u8]; 3] =
        [&[0x7f, 0xff, 0xff, 0xff], &[0xff, 0xff, 0xff, 0xff, 0x0f], &[0x00, 0xff, 0xff, 0xff]];
    bounded(&broker, || {
        for api in ApiKey::all() {
            let versions = api.valid_versions();
            for version in versions.min..=versions.max {
                for (before, count) in (0..12).flat_map(|at| counts.map(|count| (at, count))) {
                    // A header's tags, or the first bytes of the body.
                    let body = [vec![0; before].as_slice(), count, &[0; 40]].concat();
                    send(&broker, &frame(api.code(), version, &body));
                }
            }
        }
    });
}

/// One record of zeros that takes [`BOMB_BYTES`].
fn bomb(codec: Compression) -> Vec<u8> {
    let zeros = vec![0; BOMB_BYTES];
    let mut batch = BatchBuilder::new().compressed(codec);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after");
    let record = NewRecord {
        timestamp: Timestamp(i64::try_from(now.as_millis()).expect("small")),
        key: Some(b"k"),
        value: Some(&zeros),
        ..NewRecord::default()
    };
    batch.append(record).expect("it fits");
    batch.build().to_vec()
}

/// Produce version 9 with acks=1, by hand.
fn produce_frame(topic: &str, batch: &[u8]) -> Vec<u8> {
    let mut body = vec![0, 0, 1];
    body.extend(30_000i32.to_be_bytes());
    body.extend([2, u8::try_from(topic.len() + 1).expect("small")]);
    body.extend(topic.as_bytes());
    body.extend([2, 0, 0, 0, 0]);
    let mut length = batch.len() + 1;
    while 0x80 <= length {
        body.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
        length >>= 7;
    }
    body.push(u8::try_from(length).expect("seven bits"));
    body.extend(batch);
    body.extend([0, 0, 0]);
    // The header's tags come first.
    body.insert(0, 0);
    frame(0, 9, &body)
}

/// The error code of the only partition in an answer to [`produce_frame`].
fn produced(broker: &Broker, topic: &str, batch: &[u8]) -> i16 {
    let mut stream = broker.connect();
    stream.write_all(&produce_frame(topic, batch)).expect("the broker reads");
    let mut size = [0; 4];
    stream.read_exact(&mut size).expect("the broker answers");
    let mut answer = vec![0; usize::try_from(u32::from_be_bytes(size)).expect("small")];
    stream.read_exact(&mut answer).expect("the broker answers");
    // Correlation id, tags, one topic, its name, one partition, its number.
    let at = 4 + 1 + 1 + 1 + topic.len() + 1 + 4;
    i16::from_be_bytes([answer[at], answer[at + 1]])
}

#[tokio::test]
async fn bombs_are_refused_where_they_would_have_to_be_opened() {
    const MESSAGE_TOO_LARGE: i16 = 10;
    let broker = Broker::start();
    let address = broker.address();
    client::create_topic(&address, "alive", 1, &[]).await;
    let max = ("max.message.bytes", "100000000");
    client::create_topic(&address, "compacted", 1, &[max, ("cleanup.policy", "compact")]).await;
    client::create_topic(&address, "anew", 1, &[max, ("compression.type", "uncompressed")]).await;
    client::create_topic(&address, "opaque", 1, &[max]).await;
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let bomb = bomb(codec);
        // The frame itself is taken in whole, and counted: small bombs show what opening costs.
        let own = 2 * u64::try_from(bomb.len()).expect("small");
        let grown = growth(&broker, || {
            assert_eq!(produced(&broker, "compacted", &bomb), MESSAGE_TOO_LARGE, "{codec:?}");
            assert_eq!(produced(&broker, "anew", &bomb), MESSAGE_TOO_LARGE, "{codec:?}");
            // Where nobody asks what is inside, it is stored as it came.
            assert_eq!(produced(&broker, "opaque", &bomb), 0, "{codec:?}");
        });
        assert!(grown < GROWTH_MAX + own, "{codec:?}: grew by {grown} bytes");
    }
    assert_eq!(client::watermarks(&address, "opaque", 0), (0, 4));
}

#[test]
fn ten_thousand_idle_connections_are_held_and_others_served() {
    // Each end of a connection is one of this process's or the broker's files.
    let wanted = 10_000.min(raised_open_files_max().saturating_sub(500));
    let broker = Broker::start();
    let before = broker.resident_bytes();
    let started = std::time::Instant::now();
    let mut idle: Vec<TcpStream> = (0..wanted).map(|_| broker.connect()).collect();
    // All are accepted once the last one is answered.
    for stream in idle.iter_mut().rev().take(10) {
        stream.write_all(&frame(18, 0, &[])).expect("the broker reads");
        stream.read_exact(&mut [0; 4]).expect("the broker answers");
    }
    eprintln!("{wanted} connections in {:?}", started.elapsed());
    let each = broker.resident_bytes().saturating_sub(before) / wanted.max(1);
    eprintln!("each costs {each} bytes");
    assert!(each < 12 * 1024, "{each} bytes for an idle connection");
    assert!(!send(&broker, &frame(18, 0, &[])).is_empty());
    drop(idle);
}

/// How many files this process may have open, after asking for as many as it can get.
fn raised_open_files_max() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum.unwrap_or(u64::MAX),
        Err(_) => limit.current.unwrap_or(u64::MAX),
    }
}
