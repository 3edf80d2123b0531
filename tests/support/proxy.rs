//! A proxy between client and broker that reads Kafka's frames and meddles with chosen ones.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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
        let address = listener.local_addr().expect("it is bound");
        let upstream = Arc::new(Mutex::new(upstream));
        let is_open = Arc::new(AtomicBool::new(true));
        let (target, open) = (Arc::clone(&upstream), Arc::clone(&is_open));
        let counts: Arc<Mutex<HashMap<i16, AtomicU64>>> = Arc::default();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if !open.load(Ordering::SeqCst) {
                    continue;
                }
                let upstream = *target.lock().expect("no holder panics");
                let Ok(server) = TcpStream::connect(upstream) else { continue };
                serve(client, server, Arc::clone(&judge), Arc::clone(&counts));
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

type Pending = Arc<Mutex<HashMap<i32, i16>>>;

fn serve(
    client: TcpStream,
    server: TcpStream,
    judge: Arc<Judge>,
    counts: Arc<Mutex<HashMap<i16, AtomicU64>>>,
) {
    let pending: Pending = Arc::default();
    let requests = (
        client.try_clone().expect("a socket can be shared"),
        server.try_clone().expect("a socket can be shared"),
    );
    let seen = Arc::clone(&pending);
    std::thread::spawn(move || {
        let (mut client, mut server) = requests;
        while let Ok(frame) = read_frame(&mut client) {
            // Body of a request: api key, version, correlation id.
            if let (Some(key), Some(correlation)) = (i16_at(&frame, 4), i32_at(&frame, 8)) {
                seen.lock().expect("no holder panics").insert(correlation, key);
            }
            if server.write_all(&frame).is_err() {
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Both);
        let _ = client.shutdown(Shutdown::Both);
    });
    std::thread::spawn(move || {
        let (mut client, mut server) = (client, server);
        while let Ok(frame) = read_frame(&mut server) {
            let correlation = i32_at(&frame, 4).unwrap_or_default();
            let key = pending.lock().expect("no holder panics").remove(&correlation);
            let key = key.unwrap_or(-1);
            let number = {
                let mut counts = counts.lock().expect("no holder panics");
                counts.entry(key).or_default().fetch_add(1, Ordering::SeqCst)
            };
            if judge(key, number) == Verdict::DropAndCut || client.write_all(&frame).is_err() {
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Both);
        let _ = client.shutdown(Shutdown::Both);
    });
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
