//! A recording that is read by a thread of its own, a little ahead of what is told: neither its disk nor
//! what is passed over in it keeps a key waiting.

use std::collections::VecDeque;
use std::io::{self, BufRead};
use std::sync::Arc;
use std::task::Poll;

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use super::line::Entry;
use super::playing::Entries;
use super::reader::{Ending, ReadError, Reader};

/// What was read and not taken yet: so many answers, and so many bytes of their lines.
const ENTRIES_MAX: usize = 64;
const BYTES_MAX: usize = 64 << 20;

/// Answers that are read ahead, until it is dropped.
#[derive(Debug)]
pub(crate) struct Ahead {
    shared: Arc<Shared>,
    ending: Ending,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Something was read, for who waits for nothing else.
    read: Condvar,
    /// The same, for who does.
    woken: Notify,
    /// Something was taken, or nobody takes any more.
    taken: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Answers, each with the length of its line.
    entries: VecDeque<(usize, Entry)>,
    bytes: usize,
    /// What comes after them, once that is known.
    end: Option<Result<Ending, ReadError>>,
    /// Nobody takes any more.
    is_left: bool,
}

impl Ahead {
    /// Starts the thread.
    pub(crate) fn start<R: BufRead + Send + 'static>(reader: Reader<R>) -> io::Result<Ahead> {
        let shared = Arc::new(Shared::default());
        let reading = Reading(Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("recording".to_owned());
        thread.spawn(move || reading.all_of(reader))?;
        Ok(Ahead { shared, ending: Ending::Open })
    }

    /// Waits until there is something to take. Nothing is lost if it is dropped meanwhile.
    pub(crate) async fn ready(&self) {
        while !self.shared.state.lock().is_ready() {
            self.shared.woken.notified().await;
        }
    }

    /// What comes next, if it was read.
    fn take(&mut self, state: &mut State) -> Poll<Result<Option<Entry>, ReadError>> {
        if let Some((bytes, entry)) = state.entries.pop_front() {
            state.bytes -= bytes;
            self.shared.taken.notify_one();
            return Poll::Ready(Ok(Some(entry)));
        }
        match state.end.take() {
            None => Poll::Pending,
            Some(Ok(ending)) => {
                self.ending = ending;
                state.end = Some(Ok(ending));
                Poll::Ready(Ok(None))
            }
            Some(Err(error)) => {
                self.ending = Ending::Cut;
                state.end = Some(Ok(Ending::Cut));
                Poll::Ready(Err(error))
            }
        }
    }
}

impl Entries for Ahead {
    fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state.lock();
        loop {
            match self.take(&mut state) {
                Poll::Ready(read) => return read,
                Poll::Pending => shared.read.wait(&mut state),
            }
        }
    }

    fn try_next(&mut self) -> Poll<Result<Option<Entry>, ReadError>> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state.lock();
        self.take(&mut state)
    }

    fn ending(&self) -> Ending {
        self.ending
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.shared.state.lock().is_left = true;
        self.shared.taken.notify_one();
    }
}

impl State {
    fn is_ready(&self) -> bool {
        !self.entries.is_empty() || self.end.is_some()
    }

    /// Whether a line of this length may be put there. The longest one may, where nothing waits.
    fn has_room(&self, bytes: usize) -> bool {
        let is_within = self.bytes + bytes <= BYTES_MAX && self.entries.len() < ENTRIES_MAX;
        is_within || self.entries.is_empty()
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock());
        self.read.notify_one();
        self.woken.notify_one();
    }
}

/// The thread. However it ends, nobody waits for more.
struct Reading(Arc<Shared>);

impl Reading {
    fn all_of<R: BufRead>(self, mut reader: Reader<R>) {
        loop {
            match reader.next() {
                Ok(Some(entry)) => {
                    if !self.put(entry, reader.line_bytes()) {
                        return;
                    }
                }
                Ok(None) => return self.end(Ok(reader.ending())),
                Err(error) => return self.end(Err(error)),
            }
        }
    }

    /// Adds an answer when there is room; false if nobody takes it.
    fn put(&self, entry: Entry, bytes: usize) -> bool {
        let mut state = self.0.state.lock();
        while !state.is_left && !state.has_room(bytes) {
            self.0.taken.wait(&mut state);
        }
        if state.is_left {
            return false;
        }
        drop(state);
        self.0.change(|state| {
            state.bytes += bytes;
            state.entries.push_back((bytes, entry));
        });
        true
    }

    fn end(&self, end: Result<Ending, ReadError>) {
        self.0.change(|state| state.end = Some(end));
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.change(|state| {
            state.end.get_or_insert(Ok(Ending::Cut));
        });
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};
    use std::path::Path;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::tui::recording::line::Header;

    /// A disk that has only what was sent to it so far.
    struct Slow(Receiver<String>);

    impl Read for Slow {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let Ok(text) = self.0.recv() else { return Ok(0) };
            bytes[..text.len()].copy_from_slice(text.as_bytes());
            Ok(text.len())
        }
    }

    fn begun() -> (Sender<String>, Ahead) {
        let (sent, disk) = channel();
        let header = Header::new(jiff::Timestamp::UNIX_EPOCH, String::new(), String::new(), false);
        sent.send(format!("{}\n", serde_json::to_string(&header).unwrap())).unwrap();
        let (_, reader) = Reader::begin(Path::new("a.kt"), BufReader::new(Slow(disk))).unwrap();
        (sent, Ahead::start(reader).unwrap())
    }

    fn answer(ms: u64) -> String {
        format!(
            "{{\"kind\":\"Answer\",\"wall\":1,\"ms\":{ms},\"asked\":\"Moves\",\"broker\":null,\
             \"part\":0,\"took\":1,\"said\":{{\"Ok\":{{\"Moves\":{{}}}}}}}}\n"
        )
    }

    fn came(read: Result<Option<Entry>, ReadError>) -> Option<u64> {
        read.unwrap().map(|it| it.at.monotonic.0)
    }

    #[tokio::test]
    async fn nobody_waits_for_the_disk_but_who_wants_to() {
        let (sent, mut ahead) = begun();
        assert!(ahead.try_next().is_pending());
        // What is passed over is no answer either.
        sent.send("{\"kind\":\"Note\"}\n".to_owned()).unwrap();
        assert!(ahead.try_next().is_pending());
        sent.send(answer(7)).unwrap();
        ahead.ready().await;
        let Poll::Ready(read) = ahead.try_next() else { panic!("it was ready") };
        assert_eq!(came(read), Some(7));
        sent.send(answer(8)).unwrap();
        assert_eq!(came(ahead.next()), Some(8));
        // Dropped while its thread waits for the disk: that is not waited for.
        drop(ahead);
        drop(sent);
    }

    #[test]
    fn all_is_told_in_its_order_and_no_more_than_so_much_is_read() {
        let (sent, mut ahead) = begun();
        let all = 5 * ENTRIES_MAX as u64;
        (0..all).for_each(|it| sent.send(answer(it)).unwrap());
        drop(sent);
        for it in 0..all {
            assert_eq!(came(ahead.next()), Some(it));
            assert!(ahead.shared.state.lock().entries.len() <= ENTRIES_MAX);
        }
        assert_eq!((came(ahead.next()), ahead.ending()), (None, Ending::Whole));
        assert_eq!(came(ahead.next()), None);
    }
}
