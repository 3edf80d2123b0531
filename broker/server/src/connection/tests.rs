//! A connection over loopback with a scripted node behind it: order, overlap, limits, deadlines.

use std::fs::File as OsFile;
use std::io::{IoSlice, Seek, SeekFrom, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use bytes::Bytes;
use kt_node::{Chunk, Effect, MachineId, Reply, Request};
use kt_protocol::types::Timestamp;
use kt_storage::{DiskError, File, FileRange};
use parking_lot::Mutex;
use smallvec::smallvec;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;
use crate::engine::Engine;
use crate::host::tests::host_around;

const PRODUCE: i16 = 0;
const FETCH: i16 = 1;
const METADATA: i16 = 3;

/// Does what the client id says, and writes down what it was asked.
struct Script {
    seen: watch::Sender<Vec<String>>,
    parked: Mutex<Vec<(ReplyTo, String)>>,
    file: Option<FileRange>,
}

impl Script {
    fn new() -> Arc<Script> {
        Script::with_file(None)
    }

    fn with_file(file: Option<FileRange>) -> Arc<Script> {
        Arc::new(Script { seen: watch::Sender::default(), parked: Mutex::default(), file })
    }

    fn note(&self, text: String) {
        self.seen.send_modify(|seen| seen.push(text));
    }

    async fn saw(&self, count: usize) -> Vec<String> {
        let mut seen = self.seen.subscribe();
        seen.wait_for(|seen| count <= seen.len()).await.unwrap().clone()
    }

    fn answer(&self, to: ReplyTo, request: &Request, now: Now, effects: &mut Vec<Effect>) {
        let word = request.client_id.clone().unwrap_or_default();
        self.note(format!("{} {word}", request.api_key));
        match word.as_str() {
            "silent" => effects.push(Effect::Reply(to, Reply::default())),
            "close" => effects.push(Effect::Close(to.connection, "as asked".to_owned())),
            "file" => {
                let range = self.file.clone().expect("the test gave a file");
                let head = Bytes::from(range.length.to_be_bytes().to_vec());
                let chunks = smallvec![Chunk::Bytes(head), Chunk::File(range)];
                effects.push(Effect::Reply(to, Reply { chunks }));
            }
            "large" => effects.push(Effect::Reply(to, reply(&"x".repeat(300 * 1024)))),
            word if word.starts_with("park") => {
                self.parked.lock().push((to, word.to_owned()));
                effects.push(Effect::Expire(to, now.monotonic + 500));
            }
            word => effects.push(Effect::Reply(to, reply(word))),
        }
    }
}

impl Engine for Script {
    fn handle(&self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Request(to, request) => self.answer(to, &request, now, effects),
            Input::Expired(to) => {
                self.note(format!("expired {}", to.sequence));
                effects.push(Effect::Reply(to, reply("expired")));
            }
            Input::Closed(_) => self.note("closed".to_owned()),
            // Answers the last that was parked.
            Input::Wake(_) => {
                let last = self.parked.lock().pop();
                if let Some((to, word)) = last {
                    effects.push(Effect::Reply(to, reply(&word)));
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

fn reply(text: &str) -> Reply {
    let size = (text.len() as u32).to_be_bytes();
    let bytes = [&size[..], text.as_bytes()].concat();
    Reply { chunks: smallvec![Chunk::Bytes(Bytes::from(bytes))] }
}

fn frame(api_key: i16, word: &str) -> Vec<u8> {
    padded_frame(api_key, word, 0)
}

fn padded_frame(api_key: i16, word: &str, padding: usize) -> Vec<u8> {
    let mut bytes = ((10 + word.len() + padding) as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(&api_key.to_be_bytes());
    bytes.extend_from_slice(&5i16.to_be_bytes());
    bytes.extend_from_slice(&7i32.to_be_bytes());
    bytes.extend_from_slice(&(word.len() as i16).to_be_bytes());
    bytes.extend_from_slice(word.as_bytes());
    bytes.resize(bytes.len() + padding, 0);
    bytes
}

const CONFIG: ConnectionConfig =
    ConnectionConfig { frame_bytes_max: 1024 * 1024, idle_ms_max: Some(600_000) };

struct Client {
    script: Arc<Script>,
    host: Arc<Host>,
    stream: TcpStream,
}

async fn connect(script: Arc<Script>) -> Client {
    connect_with(script, CONFIG).await
}

async fn connect_with(script: Arc<Script>, config: ConnectionConfig) -> Client {
    let host = host_around(script.clone());
    let stream = connect_to(&host, config).await;
    Client { script, host, stream }
}

async fn connect_to(host: &Arc<Host>, config: ConnectionConfig) -> TcpStream {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (far, _) = listener.accept().await.unwrap();
    let session = Arc::new(Session {
        listener: "PLAINTEXT".to_owned(),
        is_controller_listener: false,
        client_host: IpAddr::V4(Ipv4Addr::LOCALHOST),
    });
    tokio::spawn(serve(host.clone(), Stream::Plain(far), session, config));
    near
}

impl Client {
    async fn send(&mut self, frames: &[Vec<u8>]) {
        self.stream.write_all(&frames.concat()).await.unwrap();
    }

    async fn receive(&mut self) -> String {
        let size = self.stream.read_u32().await.unwrap();
        let mut text = vec![0; size as usize];
        self.stream.read_exact(&mut text).await.unwrap();
        String::from_utf8(text).unwrap()
    }

    /// What comes until the server closes. A reset is a close too: it had not read everything.
    async fn rest(&mut self) -> usize {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest).await;
        rest.len()
    }

    /// Lets the script answer the last request that it parked.
    fn release(&self) {
        self.script.note("release".to_owned());
        self.host.handle(Input::Wake(MachineId(1)));
    }
}

#[tokio::test]
async fn answers_keep_the_order_of_the_requests() {
    let mut client = connect(Script::new()).await;
    client.send(&[frame(PRODUCE, "park 0"), frame(FETCH, "park 1"), frame(FETCH, "two")]).await;
    client.script.saw(3).await;
    // The last is answered, the one before it now, the first at last.
    client.release();
    client.release();
    for expected in ["park 0", "park 1", "two"] {
        assert_eq!(client.receive().await, expected);
    }
}

#[tokio::test]
async fn a_request_without_an_answer_gives_its_place_up() {
    let mut client = connect(Script::new()).await;
    client.send(&[frame(PRODUCE, "silent"), frame(PRODUCE, "silent"), frame(FETCH, "f")]).await;
    assert_eq!(client.receive().await, "f");
}

#[tokio::test]
async fn others_wait_for_all_before_them_and_hold_back_those_behind() {
    let mut client = connect(Script::new()).await;
    let one_write = [frame(PRODUCE, "park"), frame(METADATA, "park meta"), frame(FETCH, "f")];
    client.send(&one_write).await;
    assert_eq!(client.script.saw(1).await, ["0 park"]);
    client.release();
    assert_eq!(client.script.saw(3).await, ["0 park", "release", "3 park meta"]);
    client.release();
    for expected in ["park", "park meta", "f"] {
        assert_eq!(client.receive().await, expected);
    }
    assert_eq!(*client.script.saw(5).await.last().unwrap(), "1 f");
}

#[tokio::test]
async fn frames_are_whole_however_they_arrive() {
    let mut client = connect(Script::new()).await;
    let stream = [padded_frame(PRODUCE, "one", 3), padded_frame(PRODUCE, "two", 200_000)].concat();
    for piece in stream[..40].chunks(1).chain(stream[40..].chunks(7_001)) {
        client.stream.write_all(piece).await.unwrap();
        client.stream.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(client.receive().await, "one");
    assert_eq!(client.receive().await, "two");
    assert_eq!(client.host.budget.used(), 0);
}

#[tokio::test]
async fn frames_that_cannot_be_close_the_connection() {
    let oversized = (CONFIG.frame_bytes_max as u32 + 1).to_be_bytes().to_vec();
    let hello = vec![0x16, 3, 1, 2, 0, 1, 0, 1];
    let wrong_key = frame(999, "x");
    let short_header = vec![0, 0, 0, 3, 1, 2, 3];
    let http = b"GET / HTTP/1.1\r\n\r\n".to_vec();
    for junk in [oversized, hello, http, wrong_key, short_header, vec![255; 8]] {
        let mut client = connect(Script::new()).await;
        client.send(&[junk]).await;
        assert_eq!(client.rest().await, 0);
        assert_eq!(client.script.saw(1).await, ["closed"]);
    }
}

#[tokio::test]
async fn the_third_junk_request_closes() {
    let mut client = connect(Script::new()).await;
    let mut probe = frame(18, "p");
    probe[6..8].copy_from_slice(&99i16.to_be_bytes());
    client.send(&[probe.clone(), probe.clone()]).await;
    assert_eq!(client.receive().await, "p");
    assert_eq!(client.receive().await, "p");
    client.send(&[probe]).await;
    assert_eq!(client.rest().await, 0);
}

#[tokio::test]
async fn closing_in_the_middle_tells_the_node_and_frees_the_budget() {
    let mut client = connect(Script::new()).await;
    let partial = padded_frame(PRODUCE, "never whole", 100_000);
    client.send(&[frame(PRODUCE, "park"), partial[..50_000].to_vec()]).await;
    client.script.saw(1).await;
    drop(client.stream);
    assert_eq!(client.script.saw(2).await, ["0 park", "closed"]);
    // The answer comes late and goes nowhere.
    client.host.handle(Input::Wake(MachineId(1)));
    assert_eq!(client.host.budget.used(), 0);
    assert_eq!(client.host.connections.count(), 0);
}

#[tokio::test]
async fn the_node_may_close() {
    let mut client = connect(Script::new()).await;
    client.send(&[frame(METADATA, "close")]).await;
    assert_eq!(client.rest().await, 0);
}

#[tokio::test]
async fn deadlines_reach_the_node_once_and_in_order() {
    let mut client = connect(Script::new()).await;
    client.send(&[frame(FETCH, "park 0"), frame(FETCH, "park 1")]).await;
    client.script.saw(2).await;
    tokio::time::pause();
    client.release();
    // The second was answered in time, the first was not.
    assert_eq!(client.receive().await, "expired");
    assert_eq!(client.receive().await, "park 1");
    let seen = client.script.saw(4).await;
    assert_eq!(seen, ["1 park 0", "1 park 1", "release", "expired 0"]);
}

#[tokio::test]
async fn an_idle_connection_is_closed_but_not_one_that_waits() {
    let config = ConnectionConfig { idle_ms_max: Some(400), ..CONFIG };
    let mut client = connect_with(Script::new(), config).await;
    client.send(&[frame(FETCH, "park")]).await;
    client.script.saw(1).await;
    // From here on the clock jumps to the next deadline. The first answer is due after 500 ms.
    tokio::time::pause();
    assert_eq!(client.receive().await, "expired");
    assert_eq!(client.rest().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_trickles_in_closes() {
    let mut client = connect(Script::new()).await;
    let started = Instant::now();
    client.send(&[frame(PRODUCE, "whole")[..9].to_vec()]).await;
    assert_eq!(client.rest().await, 0);
    assert!(started.elapsed() < Duration::from_millis(FRAME_MS_MAX + 1_000));
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_not_served_for_ever() {
    let mut client = connect(Script::new()).await;
    let flood: Vec<Vec<u8>> = (0..90).map(|_| frame(FETCH, "large")).collect();
    client.send(&flood).await;
    client.script.saw(4).await;
    // 90 answers of 300 KiB were asked for. Those that fit the socket and the bound were made.
    let made_max = 90 / 2;
    let unread = client.script.seen.borrow().len();
    assert!(unread < made_max, "{unread}");
    for _ in 0..90 {
        assert_eq!(client.receive().await.len(), 300 * 1024);
    }
}

#[tokio::test]
async fn requests_wait_for_memory() {
    let mut client = connect(Script::new()).await;
    let held = client.host.budget.try_pay(crate::host::tests::BUDGET_BYTES).unwrap();
    client.send(&[frame(PRODUCE, "one"), padded_frame(PRODUCE, "two", 100_000)]).await;
    let waits = tokio::time::timeout(Duration::from_millis(20), client.script.saw(1)).await;
    assert!(waits.is_err());
    drop(held);
    assert_eq!(client.receive().await, "one");
    assert_eq!(client.receive().await, "two");
}

#[tokio::test]
async fn stopping_finishes_what_is_under_way() {
    let mut client = connect(Script::new()).await;
    client.send(&[frame(PRODUCE, "park"), frame(FETCH, "park poll")]).await;
    client.script.saw(2).await;
    client.host.lifecycle.drain();
    client.host.connections.drain();
    // The long poll ends at once, the append when it is done.
    assert_eq!(*client.script.saw(3).await.last().unwrap(), "expired 1");
    client.script.parked.lock().pop();
    client.release();
    assert_eq!(client.receive().await, "park");
    assert_eq!(client.receive().await, "expired");
    assert_eq!(client.rest().await, 0);
}

struct TestFile {
    file: OsFile,
    has_descriptor: bool,
}

impl File for TestFile {
    fn len(&self) -> Result<u64, DiskError> {
        Ok(self.file.metadata().unwrap().len())
    }
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<usize, DiskError> {
        Ok(self.file.read_at(buffer, position).unwrap())
    }
    fn write_at(&self, _: u64, _: &[IoSlice<'_>]) -> Result<(), DiskError> {
        Ok(())
    }
    fn set_len(&self, length: u64) -> Result<(), DiskError> {
        self.file.set_len(length).unwrap();
        Ok(())
    }
    fn sync(&self) -> Result<(), DiskError> {
        Ok(())
    }
    fn modified(&self) -> Result<Timestamp, DiskError> {
        Ok(Timestamp(0))
    }
    fn read_ahead(&self, _: u64, _: u64) {}
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.has_descriptor.then(|| self.file.as_fd())
    }
}

fn file_range(has_descriptor: bool, position: u64, length: u64) -> (FileRange, Vec<u8>) {
    let mut file = tempfile::tempfile().unwrap();
    let bytes: Vec<u8> = (0..3_000_000u32).flat_map(|it| (it as u16).to_be_bytes()).collect();
    file.write_all(&bytes).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    let promised = bytes[position as usize..(position + length) as usize].to_vec();
    (FileRange { file: Arc::new(TestFile { file, has_descriptor }), position, length }, promised)
}

#[tokio::test]
async fn files_are_sent_as_they_are_by_either_way() {
    for (has_descriptor, length) in
        [(true, 5_000_000), (true, 16 * 1024), (true, 700), (false, 2_000_000)]
    {
        let (range, promised) = file_range(has_descriptor, 12_345, length);
        let mut client = connect(Script::with_file(Some(range))).await;
        client.send(&[frame(FETCH, "file"), frame(FETCH, "after")]).await;
        assert_eq!(client.stream.read_u64().await.unwrap(), length);
        let mut received = vec![0; promised.len()];
        client.stream.read_exact(&mut received).await.unwrap();
        assert!(received == promised, "{has_descriptor} {length}");
        assert_eq!(client.receive().await, "after");
    }
}

#[tokio::test]
async fn a_file_shorter_than_promised_closes() {
    for (has_descriptor, length) in [(true, 500_000), (true, 700), (false, 500_000)] {
        let (mut range, _) = file_range(has_descriptor, 0, length);
        range.file.set_len(length - 1).unwrap();
        range.length = length;
        let mut client = connect(Script::with_file(Some(range))).await;
        client.send(&[frame(FETCH, "file"), frame(FETCH, "never")]).await;
        assert!((client.rest().await as u64) < 8 + length);
    }
}

#[tokio::test]
async fn a_thousand_idle_connections_own_no_buffers() {
    let script = Script::new();
    let host = host_around(script.clone());
    let mut clients = Vec::new();
    for _ in 0..1_000 {
        let mut stream = connect_to(&host, CONFIG).await;
        stream.write_all(&frame(FETCH, "hello")).await.unwrap();
        clients.push(stream);
    }
    for stream in &mut clients {
        let size = stream.read_u32().await.unwrap();
        assert_eq!(size, 5);
    }
    assert_eq!(host.connections.count(), 1_000);
    assert_eq!(host.budget.used(), 0);
    // What a connection costs, beside its socket: kept in one place, so that growth is noticed.
    assert!(size_of::<Connection>() <= 640, "{}", size_of::<Connection>());
    drop(clients);
    script.saw(2_000).await;
    assert_eq!(host.connections.count(), 0);
}

#[test]
fn the_wall_clock_is_the_real_one() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let now = runtime.block_on(async { crate::clock::Clock::start().now() });
    assert!(Timestamp(1_700_000_000_000) < now.wall);
}
