//! A whole server around a scripted node: it starts, serves, and stops when told.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread::JoinHandle;

use bytes::Bytes;
use kt_node::config::Strictness;
use kt_node::{Chunk, Reply};
use kt_storage::simulated_disk::SimulatedDisk;
use parking_lot::Mutex;
use rustix::process::{Signal, getpid, kill_process};
use smallvec::smallvec;

use super::*;
use crate::stop::StopHandle;

/// Signals are the process's: one server at a time.
static SERVERS: Mutex<()> = Mutex::new(());

/// Ready at once; answers each request with its own frame; stops when asked.
#[derive(Default)]
struct Echo {
    inputs: Mutex<Vec<&'static str>>,
}

impl Engine for Echo {
    fn handle(&self, _: Now, input: Input, effects: &mut Vec<Effect>) {
        let name = match input {
            Input::Request(to, request) => {
                let size = Bytes::from((request.frame.len() as u32).to_be_bytes().to_vec());
                let chunks = smallvec![Chunk::Bytes(size), Chunk::Bytes(request.frame.freeze())];
                effects.push(Effect::Reply(to, Reply { chunks }));
                "request"
            }
            Input::Closed(_) => "closed",
            Input::Stop => {
                effects.push(Effect::Stopped);
                "stop"
            }
            _ => "other",
        };
        self.inputs.lock().push(name);
    }
}

fn sources(directory: &std::path::Path) -> BrokerSources {
    let pairs = [
        ("node.id", "1".to_owned()),
        ("process.roles", "broker,controller".to_owned()),
        ("listeners", "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0".to_owned()),
        ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned()),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        ("log.dirs", directory.display().to_string()),
    ];
    let mut sources = BrokerSources::default();
    let pairs = pairs.into_iter().map(|(key, value)| (key.to_owned(), value));
    sources.add_static(pairs, Strictness::RefuseUnknown, &mut Vec::new()).unwrap();
    sources
}

#[test]
fn serves_until_it_is_told_to_stop() {
    let _alone = SERVERS.lock();
    let directory = tempfile::tempdir().unwrap();
    let engine = Arc::new(Echo::default());
    let opened = engine.clone();
    let (told, serving) = mpsc::channel();
    let sources = sources(directory.path());
    let server = std::thread::spawn(move || {
        let disk: Arc<dyn Disk> = Arc::new(SimulatedDisk::new(1));
        let open = |_: Opening| Ok((opened as Arc<dyn Engine>, vec![Effect::Ready]));
        run(sources, &disk, StopBy::Signals, open, |serving| told.send(serving.clone()).unwrap())
    });
    let serving = serving.recv().unwrap();
    let mut client = TcpStream::connect(serving.addresses[0]).unwrap();
    let frame = [&[0, 0, 0, 10], &[0, 3, 0, 8, 0, 0, 0, 7, 255, 255][..]].concat();
    client.write_all(&frame).unwrap();
    let mut echoed = [0; 14];
    client.read_exact(&mut echoed).unwrap();
    assert_eq!(echoed[..], frame[..]);

    kill_process(getpid(), Signal::TERM).unwrap();
    assert_eq!(server.join().unwrap().unwrap(), StopSignal::Terminate);
    assert_eq!(client.read(&mut echoed).unwrap(), 0);
    assert_eq!(*engine.inputs.lock(), ["request", "closed", "stop"]);
    assert!(TcpStream::connect(serving.addresses[0]).is_err());
}

/// A server of which somebody has the handle.
fn owned_server(directory: &std::path::Path) -> (StopHandle, JoinHandle<StopSignal>) {
    let (handle, request) = StopHandle::new();
    let (told, serving) = mpsc::channel();
    let sources = sources(directory);
    let server = std::thread::spawn(move || {
        let disk: Arc<dyn Disk> = Arc::new(SimulatedDisk::new(1));
        let open =
            |_: Opening| Ok((Arc::new(Echo::default()) as Arc<dyn Engine>, vec![Effect::Ready]));
        let stop = StopBy::Program(request);
        run(sources, &disk, stop, open, |_| told.send(()).unwrap()).unwrap()
    });
    serving.recv().unwrap();
    (handle, server)
}

#[test]
fn its_program_ends_it_by_asking_or_by_losing_the_handle() {
    let directory = tempfile::tempdir().unwrap();
    let (handle, server) = owned_server(directory.path());
    handle.stop();
    assert_eq!(server.join().unwrap(), StopSignal::Program);

    let (handle, server) = owned_server(directory.path());
    drop(handle);
    assert_eq!(server.join().unwrap(), StopSignal::Program);
}

#[test]
fn a_node_that_cannot_go_on_ends_with_its_code_and_sentence() {
    let _alone = SERVERS.lock();
    let directory = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(SimulatedDisk::new(1));
    let fatal =
        Effect::Fatal { exit_code: 3, message: "the last log directory is lost".to_owned() };
    let open = |_: Opening| Ok((Arc::new(Echo::default()) as Arc<dyn Engine>, vec![fatal]));
    let sources = sources(directory.path());
    let error = run(sources, &disk, StopBy::Signals, open, |_| panic!("never ready"));
    let Err(ServeError::Fatal { exit_code: 3, message }) = error else { panic!("{error:?}") };
    assert_eq!(message, "the last log directory is lost");
}
