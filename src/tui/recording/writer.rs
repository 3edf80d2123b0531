//! Writes a recording: from where answers come to a file, over a thread of its own.
//!
//! Whoever heard an answer writes its line, and puts it into a queue that is bounded in lines and
//! in bytes. The thread compresses and writes. Where it does not follow, or cannot, recording ends
//! with a word to the dashboard: nothing ever waits for the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use kt_protocol::types::Now;
use parking_lot::Mutex;

use super::line::{Header, beginning, body};
use super::redact::Redactor;
use super::{LINE_MAX, WINDOW_LOG};
use crate::error::CliError;
use crate::tui::model::cluster::{Failure, Said};
use crate::tui::model::schedule::Question;
use crate::tui::worker::Worker;

/// Whether names are hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    AsTheyAre,
    Redacted,
}

/// Compression that costs little; the window matters more.
const LEVEL: i32 = 3;
/// What waits for the disk, in lines and in bytes.
const LINES_MAX: usize = 4_096;
const QUEUED_MAX: usize = 128 << 20;
/// Who is killed loses no more than this.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// Who leaves waits so long for the disk.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// Takes answers into a recording; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Recorder(Arc<Inner>);

/// A line without its beginning; none once the recording has ended.
#[derive(Debug)]
pub(crate) struct Body(Option<Vec<u8>>);

#[derive(Debug)]
struct Inner {
    lines: Mutex<Option<SyncSender<Vec<u8>>>>,
    redactor: Option<Mutex<Redactor>>,
    shared: Arc<Shared>,
}

/// What the thread and the others both see.
#[derive(Debug, Default)]
struct Shared {
    queued: AtomicUsize,
    /// What ended it before its end.
    ended_by: OnceLock<String>,
    /// Whether somebody was told of that while it was recorded.
    is_told: AtomicBool,
}

/// A recording that is made. It is ended by `finish`.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) recorder: Recorder,
    thread: Worker,
}

/// A new file for a recording. It is removed again if none begins.
#[derive(Debug)]
pub(crate) struct NewFile {
    path: PathBuf,
    /// None once it is recorded to.
    file: Option<File>,
}

impl NewFile {
    /// Creates the file, which nobody else may read.
    ///
    /// # Errors
    ///
    /// There is a file of this name, which is never written over; or none can be made.
    pub(crate) fn create(path: &Path) -> Result<NewFile, CliError> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                CliError::other(format!("{} is there already", path.display()))
                    .hint("give another name: a recording replaces nothing")
            }
            _ => CliError::other(format!("{}: {error}", path.display())),
        })?;
        Ok(NewFile { path: path.to_owned(), file: Some(file) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.file.is_some() {
            // Whoever made it has something else to say.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Begins a recording in this file.
///
/// # Errors
///
/// No thread can be started.
pub(crate) fn record(
    mut to: NewFile,
    header: Header,
    naming: Naming,
) -> Result<Recording, CliError> {
    let failed = |error: &io::Error| CliError::other(format!("cannot record: {error}"));
    let Some(file) = &to.file else { return Err(failed(&io::ErrorKind::NotFound.into())) };
    let begun = file.try_clone().and_then(|file| begin(file, header, naming));
    let recording = begun.map_err(|error| failed(&error))?;
    to.file = None;
    Ok(recording)
}

/// Starts the thread that writes.
pub(super) fn begin(
    to: impl Write + Last + Send + 'static,
    mut header: Header,
    naming: Naming,
) -> io::Result<Recording> {
    let redactor = match naming {
        Naming::AsTheyAre => None,
        Naming::Redacted => {
            let mut redactor = Redactor::new();
            redactor.header(&mut header);
            Some(Mutex::new(redactor))
        }
    };
    let mut first = serde_json::to_vec(&header)?;
    first.push(b'\n');
    let shared = Arc::new(Shared::default());
    let (lines, queue) = sync_channel(LINES_MAX);
    let of_thread = Arc::clone(&shared);
    let thread = Worker::start("recording", move || {
        write(to, &first, &queue, &of_thread).map_err(|error| {
            let why = format!("it cannot be written: {error}");
            of_thread.end(&why);
            why
        })
    })?;
    let inner = Inner { lines: Mutex::new(Some(lines)), redactor, shared };
    Ok(Recording { recorder: Recorder(Arc::new(inner)), thread })
}

impl Recorder {
    /// The line of an answer, but for when it came. That may take milliseconds.
    pub(crate) fn line(
        &self,
        question: &Question,
        said: &Result<Said, Failure>,
        took: u64,
    ) -> Body {
        let Recorder(inner) = self;
        if inner.shared.ended_by.get().is_some() {
            return Body(None);
        }
        let body = match &inner.redactor {
            None => body(question, said, took),
            Some(redactor) => {
                let mut said = said.clone();
                redactor.lock().answer(&mut said);
                body(question, &said, took)
            }
        };
        if let Err(error) = &body {
            inner.shared.end(&error.to_string());
        }
        Body(body.ok())
    }

    /// Has the answer heard, and keeps its line with the time that this gives. Lines stand in the
    /// order in which answers are heard.
    pub(crate) fn keep(&self, line: Body, hear: impl FnOnce() -> Now) {
        let Recorder(inner) = self;
        let mut lines = inner.lines.lock();
        let now = hear();
        let Some(body) = line.0 else { return };
        if let Err(why) = inner.queue(lines.as_ref(), now, &body) {
            inner.shared.end(&why);
            *lines = None;
        }
    }

    /// What ended the recording while it was made, to be told once.
    pub(crate) fn take_fault(&self) -> Option<String> {
        let Shared { ended_by, is_told, .. } = &*self.0.shared;
        let why = ended_by.get()?;
        (!is_told.swap(true, Ordering::AcqRel)).then(|| why.clone())
    }
}

impl Inner {
    fn queue(
        &self,
        lines: Option<&SyncSender<Vec<u8>>>,
        now: Now,
        body: &[u8],
    ) -> Result<(), String> {
        let Some(lines) = lines else { return Ok(()) };
        // The brace that it begins with stands in the beginning.
        let mut line = beginning(now).into_bytes();
        line.extend_from_slice(body.get(1..).unwrap_or_default());
        let bytes = line.len();
        if LINE_MAX < bytes {
            return Err(format!("an answer is larger than {} MiB", LINE_MAX >> 20));
        }
        let slow = || "the disk does not follow".to_owned();
        if QUEUED_MAX < self.shared.queued.fetch_add(bytes, Ordering::AcqRel) + bytes {
            return Err(slow());
        }
        match lines.try_send(line) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(slow()),
            // The thread has said why.
            Err(TrySendError::Disconnected(_)) => Ok(()),
        }
    }
}

impl Shared {
    /// The first word counts.
    fn end(&self, why: &str) {
        self.ended_by.get_or_init(|| why.to_owned());
    }
}

impl Recording {
    /// Writes what waits and closes the file.
    ///
    /// # Errors
    ///
    /// It is not whole: it ended while it was made, whoever was told of that, or its end was not
    /// written.
    pub(crate) fn finish(self) -> Result<(), String> {
        let Recording { recorder, thread } = self;
        recorder.0.lines.lock().take();
        let ended = thread.finish(LAST_WAIT);
        match recorder.0.shared.ended_by.get() {
            Some(why) => Err(why.clone()),
            None => ended,
        }
    }
}

/// The thread: until nobody records any more.
fn write(
    to: impl Write + Last,
    first: &[u8],
    queue: &Receiver<Vec<u8>>,
    shared: &Shared,
) -> io::Result<()> {
    let mut encoder = encoder(to)?;
    encoder.write_all(first)?;
    encoder.flush()?;
    let mut dirty_since: Option<Instant> = None;
    loop {
        let wait = match dirty_since {
            Some(since) => FLUSH_EVERY.saturating_sub(since.elapsed()),
            None => Duration::from_secs(3_600),
        };
        match queue.recv_timeout(wait) {
            Ok(line) => {
                shared.queued.fetch_sub(line.len(), Ordering::AcqRel);
                encoder.write_all(&line)?;
                dirty_since.get_or_insert_with(Instant::now);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return encoder.finish()?.last(),
        }
        if dirty_since.is_some_and(|it| FLUSH_EVERY <= it.elapsed()) {
            encoder.flush()?;
            dirty_since = None;
        }
    }
}

pub(super) fn encoder<W: Write>(to: W) -> io::Result<zstd::Encoder<'static, W>> {
    let mut encoder = zstd::Encoder::new(to, LEVEL)?;
    encoder.window_log(WINDOW_LOG)?;
    encoder.long_distance_matching(true)?;
    encoder.include_checksum(true)?;
    Ok(encoder)
}

/// What is done with a file once all is in it.
pub(super) trait Last {
    fn last(self) -> io::Result<()>;
}

impl Last for File {
    fn last(self) -> io::Result<()> {
        self.sync_all()
    }
}
