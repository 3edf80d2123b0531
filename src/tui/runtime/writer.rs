//! Writes to the terminal beside the loop, so that a terminal that takes no bytes holds nobody up.
//!
//! Of pictures only the latest is written: what changed is found against what the terminal shows.
//! All else is written whole and in its order, before the next picture.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use ratatui::buffer::Buffer;
use rustix::event::{PollFd, PollFlags, poll};

use super::painter::Painter;
use crate::tui::view::sgr::Depth;

/// More is not kept for a terminal that takes nothing, bytes.
const WAITING_MAX: usize = 4 << 20;
/// Between two of these a picture can be cut short, bytes.
const AT_ONCE: usize = 4 << 10;

/// What is to be written. Each of its copies is the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Writer(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    picture: Option<Buffer>,
    /// The next picture is drawn whole.
    is_whole: bool,
    depth: Depth,
    writing: Writing,
    /// A picture that is being written ends where it is.
    is_cut: bool,
    /// Who writes.
    thread: Option<ThreadId>,
    fault: Option<io::Error>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Writing {
    #[default]
    Nothing,
    Bytes,
    Picture,
    /// Nobody writes any more.
    Ended,
}

enum Work {
    Bytes(Vec<u8>),
    Picture { picture: Buffer, whole: Option<Depth> },
}

impl Writer {
    /// Begins to write to `out`, for as long as the process lives.
    ///
    /// # Errors
    ///
    /// No thread can be had.
    pub(super) fn start(out: impl AsFd + Send + 'static) -> io::Result<Writer> {
        let writer = Writer::default();
        let own = writer.clone();
        let run = move || own.run(out.as_fd());
        let thread = thread::Builder::new().name("screen".to_owned()).spawn(run)?;
        writer.state().thread = Some(thread.thread().id());
        Ok(writer)
    }

    /// Takes bytes.
    ///
    /// # Errors
    ///
    /// Nothing can be written any more.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.working()?;
        if state.bytes.len() + bytes.len() <= WAITING_MAX {
            state.bytes.extend_from_slice(bytes);
        }
        self.0.changed.notify_all();
        Ok(())
    }

    /// Takes a picture in the place of the one that waits.
    ///
    /// # Errors
    ///
    /// Nothing can be written any more.
    pub(super) fn draw(&self, picture: Buffer) -> io::Result<()> {
        self.working()?.picture = Some(picture);
        self.0.changed.notify_all();
        Ok(())
    }

    /// The next picture is drawn whole: something else may have written to the terminal.
    pub(super) fn forget(&self) {
        self.state().is_whole = true;
    }

    /// The terminal tells so many colours apart.
    pub(super) fn set_depth(&self, depth: Depth) {
        let mut state = self.state();
        (state.depth, state.is_whole) = (depth, true);
    }

    /// Waits until all is written, for so long at most. Says whether it is.
    pub(super) fn flush(&self, within: Duration) -> bool {
        let is_busy = |it: &mut State| {
            let waits = !it.bytes.is_empty() || it.picture.is_some();
            it.writing != Writing::Ended && (waits || it.writing != Writing::Nothing)
        };
        let waited = self.0.changed.wait_timeout_while(self.state(), within, is_busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Writes this last: pictures make way for it. Waits for so long at most.
    pub(super) fn leave(&self, bytes: &[u8], within: Duration) {
        let mut state = self.state();
        // The one who writes has failed, and there is nobody else.
        if state.thread == Some(thread::current().id()) {
            drop(state);
            let _ = write(io::stdout().as_fd(), bytes);
            return;
        }
        state.picture = None;
        state.is_cut = state.writing == Writing::Picture;
        state.bytes.extend_from_slice(bytes);
        drop(state);
        self.0.changed.notify_all();
        self.flush(within);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn working(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if state.writing == Writing::Ended {
            let fault = state.fault.take();
            return Err(fault.unwrap_or_else(|| io::ErrorKind::BrokenPipe.into()));
        }
        Ok(state)
    }

    fn run(&self, out: BorrowedFd<'_>) {
        let mut painter = Painter::default();
        loop {
            let written = match self.next() {
                Work::Bytes(bytes) => write(out, &bytes),
                Work::Picture { picture, whole } => {
                    if let Some(depth) = whole {
                        painter = Painter::new(depth);
                    }
                    self.write_picture(out, painter.paint(picture).as_bytes())
                }
            };
            let mut state = self.state();
            (state.writing, state.is_cut) = (Writing::Nothing, false);
            if let Err(error) = written {
                (state.writing, state.fault) = (Writing::Ended, Some(error));
            }
            let is_ended = state.writing == Writing::Ended;
            drop(state);
            self.0.changed.notify_all();
            if is_ended {
                return;
            }
        }
    }

    /// Waits for something to be written.
    fn next(&self) -> Work {
        let is_idle = |it: &mut State| it.bytes.is_empty() && it.picture.is_none();
        let waited = self.0.changed.wait_while(self.state(), is_idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        if !state.bytes.is_empty() {
            state.writing = Writing::Bytes;
            return Work::Bytes(std::mem::take(&mut state.bytes));
        }
        state.writing = Writing::Picture;
        let whole = std::mem::take(&mut state.is_whole).then_some(state.depth);
        Work::Picture { picture: state.picture.take().unwrap_or_default(), whole }
    }

    fn write_picture(&self, out: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<()> {
        for part in bytes.chunks(AT_ONCE) {
            if self.state().is_cut {
                return Ok(());
            }
            write(out, part)?;
        }
        Ok(())
    }
}

/// Writes all of it, also if somebody else made the terminal non-blocking.
fn write(out: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(out, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => {
                let mut fds = [PollFd::new(&out, PollFlags::OUT)];
                match poll(&mut fds, None) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::net::UnixStream;

    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    const SOON: Duration = Duration::from_secs(60);

    fn picture(text: &str) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        buffer.set_string(0, 0, text, Style::new());
        buffer
    }

    /// A terminal that takes nothing by now, and who writes to it.
    fn full() -> (UnixStream, Writer) {
        let (terminal, us) = UnixStream::pair().unwrap();
        let writer = Writer::start(us).unwrap();
        // More than any socket holds.
        writer.send(&vec![b'.'; WAITING_MAX]).unwrap();
        (terminal, writer)
    }

    /// What comes behind what filled it, up to these bytes.
    fn heard(terminal: &mut UnixStream, end: &str) -> String {
        terminal.set_read_timeout(Some(SOON)).unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(end.as_bytes()) {
            let mut chunk = [0; 4096];
            let count = terminal.read(&mut chunk).unwrap();
            assert!(0 < count, "it ends early");
            heard.extend(chunk[..count].iter().filter(|it| **it != b'.'));
        }
        String::from_utf8(heard).unwrap().replace('\x1b', "^")
    }

    #[test]
    fn a_terminal_that_takes_nothing_holds_nobody_up_and_gets_the_latest_picture() {
        let (mut terminal, writer) = full();
        for number in 0..1_000 {
            writer.draw(picture(&format!("orders {}", number % 10))).unwrap();
        }
        assert!(!writer.flush(Duration::ZERO));
        let end = "\x1b[?2026l";
        assert_eq!(heard(&mut terminal, end), "^[?2026h^[0m^[2J^[1;1Horders^[1;8H9^[?2026l");
        assert!(writer.flush(SOON));
        writer.draw(picture("orders 8")).unwrap();
        assert_eq!(heard(&mut terminal, end), "^[?2026h^[1;8H8^[?2026l");
        writer.forget();
        writer.draw(picture("orders 8")).unwrap();
        assert!(heard(&mut terminal, end).contains("^[2J"));
    }

    #[test]
    fn what_is_no_picture_is_written_whole_and_leaving_takes_no_picture_along() {
        let (mut terminal, writer) = full();
        writer.draw(picture("orders 1")).unwrap();
        writer.leave(b"copied", Duration::ZERO);
        writer.leave(b"left", Duration::ZERO);
        assert_eq!(heard(&mut terminal, "left"), "copiedleft");
    }

    #[test]
    fn a_terminal_that_has_gone_is_noticed() {
        let (terminal, us) = UnixStream::pair().unwrap();
        drop(terminal);
        let writer = Writer::start(us).unwrap();
        writer.send(b"orders").unwrap();
        assert!(writer.flush(SOON));
        assert_eq!(writer.draw(picture("a")).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
