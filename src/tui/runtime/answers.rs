//! What a terminal says of itself when it is asked: its background, its grey, and how wide it draws.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::tui::view::colors::Rgb;

/// What was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    /// The background.
    pub(crate) background: Option<Rgb>,
    /// Colour 8, which some make the same as the background.
    pub(crate) grey: Option<Rgb>,
    /// Cells of a character that may be one or two wide.
    pub(crate) ambiguous_cells: Option<u16>,
}

/// OSC 11 and OSC 4 ask for colours. Then a character of ambiguous width and CSI 6n, where the
/// cursor is: nearly every terminal answers that, and answers come in order, so with it all is said.
pub(crate) const QUESTIONS: &[u8] =
    "\x1b]11;?\x1b\\\x1b]4;8;?\x1b\\\x1b[1;1H▲\x1b[6n\x1b[1;1H\x1b[2K".as_bytes();

/// How long a terminal may think.
pub(crate) const PATIENCE: Duration = Duration::from_millis(200);

/// After that a terminal has nothing to say any more.
pub(crate) const LATE: Duration = Duration::from_secs(5);

/// Answers are shorter, even with keys that were typed meanwhile.
const BYTES_MAX: usize = 4_096;

/// Reads what `tty` answers to the questions, which were just sent, for at most `patience`.
///
/// An answer that comes later is taken out of the keys by `events`.
pub(crate) fn read(tty: BorrowedFd<'_>, patience: Duration) -> io::Result<Answers> {
    let deadline = Instant::now() + patience;
    let mut heard = Vec::new();
    while !has_cursor(&heard) && heard.len() < BYTES_MAX && is_readable(tty, deadline)? {
        let mut chunk = [0; 256];
        match rustix::io::read(tty, &mut chunk) {
            Ok(0) => break,
            Ok(count) => heard.extend_from_slice(&chunk[..count]),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(understood(&heard))
}

fn is_readable(tty: BorrowedFd<'_>, deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut fds = [PollFd::new(&tty, PollFlags::IN)];
        match poll(&mut fds, Some(&left)) {
            Ok(count) => return Ok(count != 0),
            // Whoever interrupted is not the terminal.
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn has_cursor(heard: &[u8]) -> bool {
    column(heard).is_some()
}

/// Finds the answers among whatever else came.
fn understood(heard: &[u8]) -> Answers {
    Answers {
        background: color(heard, b"\x1b]11;"),
        grey: color(heard, b"\x1b]4;8;"),
        ambiguous_cells: column(heard).and_then(|it| it.checked_sub(1)),
    }
}

/// `rgb:RRRR/GGGG/BBBB`, one to four digits each, behind `before`.
fn color(heard: &[u8], before: &[u8]) -> Option<Rgb> {
    let start = heard.windows(before.len()).position(|it| it == before)? + before.len();
    let rest = &heard[start..];
    let end = rest.iter().position(|it| matches!(it, b'\x07' | b'\x1b'))?;
    let text = std::str::from_utf8(&rest[..end]).ok()?;
    let text = text.strip_prefix("rgb:").or_else(|| text.strip_prefix("rgba:"))?;
    let mut parts = text.split('/').map(part);
    Some(Rgb(parts.next()??, parts.next()??, parts.next()??))
}

fn part(digits: &str) -> Option<u8> {
    let is_hex = digits.bytes().all(|it| it.is_ascii_hexdigit());
    if !is_hex || !(1..=4).contains(&digits.len()) {
        return None;
    }
    let value = u32::from_str_radix(digits, 16).ok()?;
    let max = 16u32.pow(u32::try_from(digits.len()).ok()?) - 1;
    u8::try_from(value * 255 / max).ok()
}

/// The column of `ESC [ row ; column R`, from 1.
fn column(heard: &[u8]) -> Option<u16> {
    let mut rest = heard;
    while let Some(at) = rest.windows(2).position(|it| it == b"\x1b[") {
        rest = &rest[at + 2..];
        let end = rest.iter().position(|it| !matches!(it, b'0'..=b'9' | b';'));
        let Some(end) = end.filter(|end| rest[*end] == b'R') else { continue };
        let text = std::str::from_utf8(&rest[..end]).ok()?;
        if let Some((_, column)) = text.split_once(';') {
            return column.parse().ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixStream;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_are_found_among_keys() {
        let heard = b"j\x1b]11;rgb:0000/2b2b/36\x1b\\k\x1b]4;8;rgb:f/80/000\x07\x1b[A\x1b[1;3Rq";
        let answers = understood(heard);
        assert_eq!(answers.background, Some(Rgb(0, 43, 54)));
        assert_eq!(answers.grey, Some(Rgb(255, 128, 0)));
        assert_eq!(answers.ambiguous_cells, Some(2));
    }

    #[test]
    fn what_is_no_answer_is_none() {
        for heard in [
            "",
            "\x1b]11;rgb:00/11",
            "\x1b]11;rgb:00/11\x07",
            "\x1b]11;rgb:00000/11/11\x07",
            "\x1b]11;rgb:+0/11/11\x07",
            "\x1b]11;#001122\x07",
            "\x1b[R\x1b[1R\x1b[1;0",
        ] {
            let heard = heard.as_bytes();
            assert_eq!(understood(heard), Answers::default(), "{}", heard.escape_ascii());
        }
    }

    #[test]
    fn reading_ends_with_the_last_answer_and_leaves_the_rest() {
        let (mut terminal, us) = UnixStream::pair().unwrap();
        terminal.write_all(b"\x1b[1;2R").unwrap();
        let forever = Duration::from_secs(3_600);
        let answers = read(us.as_fd(), forever).unwrap();
        assert_eq!(answers, Answers { ambiguous_cells: Some(1), ..Answers::default() });
    }

    #[test]
    fn a_terminal_that_says_nothing_or_goes_away_is_not_waited_for() {
        let (terminal, us) = UnixStream::pair().unwrap();
        assert_eq!(read(us.as_fd(), Duration::from_millis(1)).unwrap(), Answers::default());
        drop(terminal);
        let forever = Duration::from_secs(3_600);
        assert_eq!(read(us.as_fd(), forever).unwrap(), Answers::default());
    }

    proptest! {
        #[test]
        fn nothing_that_comes_is_a_panic(heard: Vec<u8>, digits in "[0-9a-f/;R]{0,20}") {
            understood(&heard);
            understood(format!("\x1b]11;rgb:{digits}\x07\x1b[{digits}").as_bytes());
        }
    }
}
