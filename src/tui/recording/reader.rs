//! Lines out of a recording, one after the other, in bounded memory.
//!
//! A recording whose writer was killed ends somewhere: it is read as far as it is whole. All else
//! that is wrong is said with the line that it is in.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::line::{AnySchema, Entry, Header, SCHEMA};
use super::{LINE_MAX, WINDOW_LOG};
use crate::error::{CliError, Kind};

/// Why a recording is not read, or no further.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{}: this is no recording of the dashboard: {reason}", path.display())]
    Foreign { path: PathBuf, reason: String },
    #[error("{}: a later kt made this recording (schema {schema}; this kt reads {SCHEMA})", path.display())]
    Later { path: PathBuf, schema: u32 },
    #[error("{}: the recording is damaged in line {line}: {reason}", path.display())]
    Damaged { path: PathBuf, line: u64, reason: String },
}

impl From<ReadError> for CliError {
    fn from(error: ReadError) -> CliError {
        let message = error.to_string();
        match error {
            ReadError::File { source, .. } if source.kind() == ErrorKind::NotFound => {
                CliError::new(Kind::NotFound, "NO_SUCH_FILE", message)
            }
            ReadError::File { .. } => CliError::other(message),
            ReadError::Foreign { .. } => {
                CliError::other(message).hint("kt dashboard --record FILE makes one")
            }
            ReadError::Later { .. } => CliError::other(message).hint("use that kt, or a newer one"),
            ReadError::Damaged { .. } => {
                CliError::other(message).hint("what is before can be seen: --at a time before it")
            }
        }
    }
}

/// How the lines end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// There may be more.
    Open,
    /// The writer has ended it.
    Whole,
    /// The writer was killed, or the file was cut.
    Cut,
}

/// The lines of a recording that are still to be read.
pub(crate) struct Reader<R> {
    path: PathBuf,
    lines: R,
    /// Which line was read last, from 1.
    line: u64,
    buffer: Vec<u8>,
    ending: Ending,
}

/// What a file is read through.
pub(crate) type Decoded = BufReader<zstd::Decoder<'static, BufReader<File>>>;

/// Opens a recording, and reads what it says of itself.
///
/// # Errors
///
/// There is no such file; it is no recording, or one of a later kt.
pub(crate) fn open(path: &Path) -> Result<(Header, Reader<Decoded>), ReadError> {
    let failed = |source| ReadError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    read(path, file)
}

fn read(path: &Path, file: File) -> Result<(Header, Reader<Decoded>), ReadError> {
    let failed = |source| ReadError::File { path: path.to_owned(), source };
    let mut decoder = zstd::Decoder::new(file).map_err(failed)?;
    // A file that asks for more is not ours.
    decoder.window_log_max(WINDOW_LOG).map_err(failed)?;
    Reader::begin(path, BufReader::new(decoder))
}

impl<R: BufRead> Reader<R> {
    /// Reads the header from decompressed lines.
    pub(super) fn begin(path: &Path, lines: R) -> Result<(Header, Reader<R>), ReadError> {
        let (path, ending) = (path.to_owned(), Ending::Open);
        let mut reader = Reader { path, lines, line: 0, buffer: Vec::new(), ending };
        let foreign = |reason: String, reader: &Reader<R>| ReadError::Foreign {
            path: reader.path.clone(),
            reason,
        };
        match reader.next_line() {
            Ok(true) => {}
            Ok(false) => {
                let reason = match reader.ending {
                    Ending::Cut => "it ends within its first line",
                    _ => "it is empty",
                };
                return Err(foreign(reason.to_owned(), &reader));
            }
            Err(ReadError::Damaged { reason, .. }) => return Err(foreign(reason, &reader)),
            Err(error) => return Err(error),
        }
        let schema = match serde_json::from_slice::<AnySchema>(&reader.buffer) {
            Ok(it) => it.schema,
            Err(error) => return Err(foreign(error.to_string(), &reader)),
        };
        if SCHEMA < schema {
            return Err(ReadError::Later { path: reader.path, schema });
        }
        match serde_json::from_slice(&reader.buffer) {
            Ok(header) => Ok((header, reader)),
            Err(error) => Err(foreign(error.to_string(), &reader)),
        }
    }

    /// The next answer; `None` at the end.
    ///
    /// # Errors
    ///
    /// What comes next is damaged; what comes after it is not read.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        while self.next_line()? {
            match Entry::parse(&self.buffer) {
                Ok(None) => {}
                Ok(Some(entry)) => return Ok(Some(entry)),
                Err(reason) => return Err(self.damaged(reason)),
            }
        }
        Ok(None)
    }

    /// The bytes of the next line; `None` at the end.
    pub(super) fn next_bytes(&mut self) -> Result<Option<&[u8]>, ReadError> {
        Ok(if self.next_line()? { Some(&self.buffer) } else { None })
    }

    /// How long the line was that was read last.
    pub(super) fn line_bytes(&self) -> usize {
        self.buffer.len()
    }

    pub(crate) fn ending(&self) -> Ending {
        self.ending
    }

    /// Takes the next line into the buffer; false at the end.
    fn next_line(&mut self) -> Result<bool, ReadError> {
        self.buffer.clear();
        if self.ending != Ending::Open {
            return Ok(false);
        }
        self.line += 1;
        let most = u64::try_from(LINE_MAX).unwrap_or(u64::MAX);
        let read = (&mut self.lines).take(most + 1).read_until(b'\n', &mut self.buffer);
        match read {
            Ok(0) => self.ending = Ending::Whole,
            // The decoder says so of a stream without an end.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => self.ending = Ending::Cut,
            // The system says so, whatever is in the file.
            Err(source) if source.raw_os_error().is_some() => {
                self.ending = Ending::Cut;
                return Err(ReadError::File { path: self.path.clone(), source });
            }
            Err(error) => return Err(self.damaged(error.to_string())),
            Ok(_) if self.buffer.last() == Some(&b'\n') => return Ok(true),
            Ok(_) if LINE_MAX < self.buffer.len() => {
                let reason = format!("it is longer than {} MiB", LINE_MAX >> 20);
                return Err(self.damaged(reason));
            }
            Ok(_) => self.ending = Ending::Cut,
        }
        Ok(false)
    }

    fn damaged(&mut self, reason: String) -> ReadError {
        self.ending = Ending::Cut;
        self.buffer = Vec::new();
        ReadError::Damaged { path: self.path.clone(), line: self.line, reason }
    }
}

impl<R> std::fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("path", &self.path).field("line", &self.line).finish()
    }
}
