//! A proxy between client and broker that reads Kafka's frames and meddles with chosen ones.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};

/// What to do with one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Hand it on.
    Pass,
    /// Swallow it and cut the connection: the client cannot know what became of its request.
    DropAndCut,
}

/// Decides over an answer: the API key of its request, and its number among those of that key.
pub(crate) type Judge = dyn Fn(i16, u64) -> Verdict + Send + Sync;

/// Answers a request in the broker's place: the API key, its number among those of that key, and
/// the frame without its size. None: the broker answers.
pub(crate) type StandIn = dyn Fn(i16, u64, &[u8]) -> Option<Vec<u8>> + Send + Sync;

/// A running proxy. It ends with the process.
pub(crate) struct Proxy {
    address: SocketAddr,
    upstream: Arc<Mutex<SocketAddr>>,
    is_open: Arc<AtomicBool>,
}

impl Proxy {
    /// Listens on a free port.
    pub(crate) fn bind() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        (listener, address)
    }

    /// Forwards what arrives at `listener` to `upstream`, as `judge` allows.
    pub(crate) fn start(listener: TcpListener, upstream: SocketAddr, judge: Arc<Judge>) -> Proxy {
        Proxy::start_with(listener, upstream, Rules { judge, stand_in: Arc::new(|_, _, _| None) })
    }

    /// Forwards what arrives at `listener` to `upstream`, but for what `stand_in` answers.
    pub(crate) fn stand_in(
        listener: TcpListener,
        upstream: SocketAddr,
        stand_in: Arc<StandIn>,
    ) -> Proxy {
        Proxy::start_with(
            listener,
            upstream,
            Rules { judge: Arc::new(|_, _| Verdict::Pass), stand_in },
        )
    }

    fn start_with(listener: TcpListener, upstream: SocketAddr, rules: Rules) -> Proxy {
        let address = listener.local_addr().expect("it is bound");
        let upstream = Arc::new(Mutex::new(upstream));
        let is_open = Arc::new(AtomicBool::new(true));
        let (target, open) = (Arc::clone(&upstream), Arc::clone(&is_open));
        let counts = Counts::default();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if !open.load(Ordering::SeqCst) {
                    continue;
                }
                let upstream = *target.lock().expect("no holder panics");
                let Ok(server) = TcpStream::connect(upstream) else { continue };
                serve(client, server, rules.clone(), counts.clone());
            }
        });
        Proxy { address, upstream, is_open }
    }

    /// Where clients connect.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Sends new connections elsewhere.
    pub(crate) fn redirect(&self, upstream: SocketAddr) {
        *self.upstream.lock().expect("no holder panics") = upstream;
    }

    /// Whether new connections are served.
    pub(crate) fn set_open(&self, is_open: bool) {
        self.is_open.store(is_open, Ordering::SeqCst);
    }
}

/// What the proxy does of its own.
#[derive(Clone)]
struct Rules {
    judge: Arc<Judge>,
    stand_in: Arc<StandIn>,
}

/// Requests and answers so far, by API key, over all connections.
#[derive(Clone, Default)]
struct Counts {
    requests: Arc<Mutex<HashMap<i16, u64>>>,
    answers: Arc<Mutex<HashMap<i16, u64>>>,
}

fn next_of(counts: &Mutex<HashMap<i16, u64>>, key: i16) -> u64 {
    let mut counts = counts.lock().expect("no holder panics");
    let count = counts.entry(key).or_default();
    *count += 1;
    *count - 1
}

/// The API keys of requests that wait for their answer, by correlation id.
#[derive(Default)]
struct Pending {
    keys: Mutex<HashMap<i32, i16>>,
    answered: Condvar,
}

impl Pending {
    fn wait_until_empty(&self) {
        let keys = self.keys.lock().expect("no holder panics");
        drop(self.answered.wait_while(keys, |keys| !keys.is_empty()).expect("no holder panics"));
    }
}

fn serve(client: TcpStream, server: TcpStream, rules: Rules, counts: Counts) {
    let pending = Arc::new(Pending::default());
    let share = |stream: &TcpStream| stream.try_clone().expect("a socket can be shared");
    let (forward, back) = ((share(&client), share(&server)), (client, server));
    let (stand_in, judge) = (rules.stand_in, rules.judge);
    let (requests, answers) = (counts.requests, counts.answers);
    let seen = Arc::clone(&pending);
    std::thread::spawn(move || {
        let (mut client, mut server) = forward;
        while let Ok(frame) = read_frame(&mut client) {
            // Body of a request: api key, version, correlation id.
            let head = i16_at(&frame, 4).zip(i32_at(&frame, 8));
            let own = head.and_then(|(key, _)| stand_in(key, next_of(&requests, key), &frame[4..]));
            if let Some(answer) = own {
                // In its turn: answers come in the order of requests.
                seen.wait_until_empty();
                if client.write_all(&answer).is_err() {
                    break;
                }
                continue;
            }
            if let Some((key, correlation)) = head {
                seen.keys.lock().expect("no holder panics").insert(correlation, key);
            }
            if server.write_all(&frame).is_err() {
                break;
            }
        }
        cut(&client, &server);
    });
    std::thread::spawn(move || {
        let (mut client, mut server) = back;
        while let Ok(frame) = read_frame(&mut server) {
            let correlation = i32_at(&frame, 4).unwrap_or_default();
            let known = pending.keys.lock().expect("no holder panics").get(&correlation).copied();
            let key = known.unwrap_or(-1);
            let is_cut = judge(key, next_of(&answers, key)) == Verdict::DropAndCut;
            if is_cut || client.write_all(&frame).is_err() {
                break;
            }
            pending.keys.lock().expect("no holder panics").remove(&correlation);
            pending.answered.notify_all();
        }
        cut(&client, &server);
        // Nobody answers any more.
        pending.keys.lock().expect("no holder panics").clear();
        pending.answered.notify_all();
    });
}

fn cut(client: &TcpStream, server: &TcpStream) {
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
}

fn read_frame(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut size = [0; 4];
    stream.read_exact(&mut size)?;
    let length = usize::try_from(i32::from_be_bytes(size)).map_err(io::Error::other)?;
    let mut frame = size.to_vec();
    frame.resize(4 + length, 0);
    stream.read_exact(&mut frame[4..])?;
    Ok(frame)
}

fn i16_at(frame: &[u8], at: usize) -> Option<i16> {
    Some(i16::from_be_bytes(frame.get(at..at + 2)?.try_into().ok()?))
}

fn i32_at(frame: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_be_bytes(frame.get(at..at + 4)?.try_into().ok()?))
}
