//! Bytes of a file or of standard input, read by a thread of their own, cut into lines.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use tokio::sync::mpsc;

use super::prompt;
use crate::error::{CliError, Kind};
use crate::record_format::input::Tail;

/// Bytes read at once.
const CHUNK_BYTES: usize = 128 << 10;

/// Chunks that were read and not yet taken.
const CHUNKS_AHEAD: usize = 8;

/// The longest line. A broker would have to be told to take a record of that size; without a bound
/// a file without line ends would fill the memory.
const LINE_BYTES_MAX: usize = 256 << 20;

/// Where lines come from.
#[derive(Debug)]
pub(super) enum Source {
    Stdin,
    File(File),
    /// A person at a terminal, who sees this before each line.
    Prompt(String),
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Source, CliError> {
        if path == Path::new("-") {
            return Ok(Source::Stdin);
        }
        File::open(path).map(Source::File).map_err(|error| {
            let message = format!("cannot read {}: {error}", path.display());
            match error.kind() {
                io::ErrorKind::NotFound => CliError::not_found(message),
                _ => CliError::other(message),
            }
        })
    }

    /// How many bytes there are, if that is known.
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Source::File(file) => file.metadata().ok().map(|it| it.len()).filter(|it| *it != 0),
            Source::Stdin | Source::Prompt(_) => None,
        }
    }

    /// Begins to read.
    pub(super) fn start(self) -> Input {
        let (sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
        // Reading a terminal or a pipe blocks, and nothing can interrupt it: the thread is left
        // behind when the process ends.
        std::thread::spawn(move || match self {
            Source::Stdin => read_all(io::stdin().lock(), &sender),
            Source::File(file) => read_all(file, &sender),
            Source::Prompt(text) => prompt::read_all(&text, &sender),
        });
        Input::of(chunks)
    }
}

fn read_all(mut source: impl Read, sender: &mpsc::Sender<io::Result<Vec<u8>>>) {
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = source.read(&mut chunk);
        let message = match read {
            Ok(0) => return,
            Ok(length) => {
                chunk.truncate(length);
                Ok(chunk)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let is_error = message.is_err();
        if sender.blocking_send(message).is_err() || is_error {
            return;
        }
    }
}

/// Lines, one after the other.
#[derive(Debug)]
pub(super) struct Input {
    chunks: mpsc::Receiver<io::Result<Vec<u8>>>,
    buffer: Vec<u8>,
    /// Where the next line begins in the buffer.
    start: usize,
    /// How far after that a line's end has been looked for.
    searched: usize,
    line: u64,
    /// Bytes of the buffers before this one.
    passed: u64,
    is_ended: bool,
}

impl Input {
    fn of(chunks: mpsc::Receiver<io::Result<Vec<u8>>>) -> Input {
        Input {
            chunks,
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            line: 0,
            passed: 0,
            is_ended: false,
        }
    }

    /// The bytes that are there and not taken.
    pub(super) fn rest(&self) -> (&[u8], Tail) {
        let tail = if self.is_ended { Tail::Ended } else { Tail::Open };
        (&self.buffer[self.start..], tail)
    }

    /// Takes a record of so many bytes.
    pub(super) fn advance(&mut self, length: usize) {
        self.start += length;
        self.line += 1;
    }

    /// How many bytes were taken.
    pub(super) fn taken(&self) -> u64 {
        self.passed + self.start as u64
    }

    /// The number of the line, or the record, that was given last, from 1 on.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// A line that is there already, without its end.
    pub(super) fn next_ready(&mut self) -> Option<&[u8]> {
        let rest = &self.buffer[self.start..];
        let end = rest[self.searched..].iter().position(|it| *it == b'\n');
        let (length, skipped) = match end {
            Some(position) => (self.searched + position, 1),
            // The last line may lack its end.
            None if self.is_ended && !rest.is_empty() => (rest.len(), 0),
            None => {
                self.searched = rest.len();
                return None;
            }
        };
        let start = self.start;
        self.start += length + skipped;
        self.searched = 0;
        self.line += 1;
        Some(&self.buffer[start..start + length])
    }

    /// Waits for more bytes; false at the end. A wait that is dropped has lost nothing.
    pub(super) async fn more(&mut self) -> Result<bool, CliError> {
        if self.is_ended {
            return Ok(false);
        }
        let chunk = self.chunks.recv().await;
        self.passed += self.start as u64;
        self.buffer.drain(..self.start);
        self.start = 0;
        match chunk {
            None => {
                self.is_ended = true;
                Ok(!self.buffer.is_empty())
            }
            Some(Ok(chunk)) if self.buffer.len() + chunk.len() <= LINE_BYTES_MAX => {
                self.buffer.extend_from_slice(&chunk);
                Ok(true)
            }
            Some(Ok(_)) => Err(CliError::other(format!(
                "line {} is longer than {LINE_BYTES_MAX} bytes",
                self.line + 1
            ))),
            Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {
                Err(CliError::silent(Kind::Interrupted))
            }
            Some(Err(error)) => Err(CliError::other(format!("cannot read the input: {error}"))),
        }
    }
}

impl Input {
    /// Ends the reading and gives more of what was read by then; false where that ends. A line
    /// that was read in part counts as one.
    pub(super) fn more_of_rest(&mut self) -> bool {
        self.chunks.close();
        match self.chunks.try_recv() {
            Ok(Ok(chunk)) => {
                self.buffer.extend_from_slice(&chunk);
                true
            }
            Ok(Err(_)) | Err(_) => {
                let is_new = !self.is_ended;
                self.is_ended = true;
                is_new && self.start < self.buffer.len()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(chunks: &[&str]) -> Vec<String> {
        let (sender, receiver) = mpsc::channel(64);
        for chunk in chunks {
            sender.send(Ok(chunk.as_bytes().to_vec())).await.unwrap();
        }
        drop(sender);
        let mut input = Input::of(receiver);
        let mut lines = Vec::new();
        while input.more().await.unwrap() {
            while let Some(line) = input.next_ready() {
                lines.push(String::from_utf8(line.to_vec()).unwrap());
            }
        }
        assert_eq!(input.line(), lines.len() as u64);
        lines
    }

    #[tokio::test]
    async fn what_was_read_can_be_looked_at_without_reading_more() {
        let (sender, receiver) = mpsc::channel(64);
        for chunk in ["a\nb", "c\n", "d\nhal"] {
            sender.send(Ok(chunk.as_bytes().to_vec())).await.unwrap();
        }
        let mut input = Input::of(receiver);
        input.more().await.unwrap();
        assert_eq!(input.next_ready(), Some(b"a".as_slice()));
        let mut rest = Vec::new();
        while input.more_of_rest() {
            while let Some(line) = input.next_ready() {
                rest.push(String::from_utf8(line.to_vec()).unwrap());
            }
        }
        assert_eq!(rest, ["bc", "d", "hal"]);
        assert!(sender.send(Ok(Vec::new())).await.is_err());
    }

    #[tokio::test]
    async fn lines_are_cut_wherever_the_chunks_end() {
        assert_eq!(lines(&["a\nb", "b\n", "\nc"]).await, ["a", "bb", "", "c"]);
        assert_eq!(lines(&["a\r\n"]).await, ["a\r"]);
        assert_eq!(lines(&["a", "b", "c\n", "d\n"]).await, ["abc", "d"]);
        assert_eq!(lines(&[]).await, [] as [&str; 0]);
    }
}
