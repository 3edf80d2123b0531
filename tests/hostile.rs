//! Hostile frames: an error or a closed connection, bounded memory, and the broker goes on.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{Broker, client};

/// Whatever a frame does, the broker may not grow by more than this.
const GROWTH_MAX: u64 = 192 << 20;

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

fn still_serves(broker: &Broker) {
    client::watermarks(&broker.address(), "alive", 0);
}

#[tokio::test]
async fn frames_cut_short_oversized_and_random_are_survived() {
    let broker = Broker::start();
    client::create_topic(&broker.address(), "alive", 1, &[]).await;
    let before = broker.resident_bytes();
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
    still_serves(&broker);
    let grown = broker.resident_bytes().saturating_sub(before);
    assert!(grown < GROWTH_MAX, "grew by {grown} bytes");
}

#[tokio::test]
async fn huge_array_counts_cost_nothing() {
    let broker = Broker::start();
    client::create_topic(&broker.address(), "alive", 1, &[]).await;
    let before = broker.resident_bytes();
    for version in 0..=13 {
        for count in [0x7fff_ffffu32, 0x0fff_ffff, 0x00ff_ffff] {
            // Both encodings of an array's length: four bytes, and a varint.
            send(&broker, &frame(3, version, &count.to_be_bytes()));
            send(&broker, &frame(3, version, &[0xff, 0xff, 0xff, 0xff, 0x0f]));
        }
    }
    still_serves(&broker);
    let grown = broker.resident_bytes().saturating_sub(before);
    assert!(grown < GROWTH_MAX, "grew by {grown} bytes");
}

#[test]
fn a_thousand_idle_connections_are_held_and_others_served() {
    // As many as this process may open; each end of a connection is one.
    let wanted = 1_000.min(open_files_max().saturating_sub(200));
    let broker =
        Broker::start_with(&[("max.connections", "20000"), ("max.connections.per.ip", "20000")]);
    let before = broker.resident_bytes();
    let idle: Vec<TcpStream> = (0..wanted).map(|_| broker.connect()).collect();
    let answer = send_api_versions(&broker);
    assert!(!answer.is_empty());
    let each = broker.resident_bytes().saturating_sub(before) / wanted.max(1);
    eprintln!("{wanted} idle connections cost {each} bytes each");
    assert!(each < 12 * 1024, "{each} bytes for an idle connection");
    drop(idle);
}

fn open_files_max() -> u64 {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("Linux has it");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("is there");
    line.split_whitespace().nth(3).and_then(|it| it.parse().ok()).unwrap_or(1_024)
}

fn send_api_versions(broker: &Broker) -> Vec<u8> {
    send(broker, &frame(18, 0, &[]))
}
