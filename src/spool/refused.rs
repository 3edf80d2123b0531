//! The file of records that no cluster takes: each a line of JSON with the reason, beside the queue
//! that they would hold up.

use super::error::SpoolError;
use super::files::Files;

/// The file's name in the spool's directory.
pub(crate) const REFUSED: &str = "refused.jsonl";

/// How much is read at once in search of the last whole line.
const WINDOW_BYTES: u64 = 64 << 10;

/// Appends whole lines and syncs them. A line that a crash has torn is cut off first: its record
/// was not acknowledged, and is refused again.
pub(crate) fn put_aside(files: &impl Files, lines: &[u8]) -> Result<(), SpoolError> {
    let fail = |error| SpoolError::io("write to", REFUSED)(error);
    let is_new = !files.list().map_err(fail)?.iter().any(|it| it == REFUSED);
    if !is_new {
        let length = files.length(REFUSED).map_err(fail)?;
        let whole = whole_bytes(files, length)?;
        if whole < length {
            files.truncate(REFUSED, whole).map_err(fail)?;
        }
    }
    files.append(REFUSED, lines).map_err(fail)?;
    files.sync(REFUSED).map_err(fail)?;
    // One that was found may be of a process that was killed before it did this.
    files.sync_directory().map_err(fail)
}

/// Where the last whole line ends.
fn whole_bytes(files: &impl Files, length: u64) -> Result<u64, SpoolError> {
    let mut end = length;
    while 0 < end {
        let start = end.saturating_sub(WINDOW_BYTES);
        let bytes = usize::try_from(end - start).unwrap_or(0);
        let window = files.read(REFUSED, start, bytes).map_err(SpoolError::io("read", REFUSED))?;
        if let Some(at) = window.iter().rposition(|it| *it == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::super::simulated::SimulatedFiles;
    use super::*;

    #[test]
    fn a_torn_line_is_cut_off_before_the_next() {
        let files = SimulatedFiles::new(1);
        put_aside(&files, b"one\n").unwrap();
        files.append(REFUSED, &[b'x'; 150_000]).unwrap();
        put_aside(&files, b"two\nthree\n").unwrap();
        assert_eq!(files.read(REFUSED, 0, 100).unwrap(), b"one\ntwo\nthree\n");
        let files = SimulatedFiles::new(1);
        files.append(REFUSED, b"torn").unwrap();
        put_aside(&files, b"one\n").unwrap();
        assert_eq!(files.read(REFUSED, 0, 100).unwrap(), b"one\n");
    }
}
