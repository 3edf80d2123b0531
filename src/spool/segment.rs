//! A segment file of the spool: record batches, one behind the other, whose positions have no gaps.

use kt_protocol::records::{BATCH_HEADER_SIZE, BatchError, BatchView, MAGIC_V2, Prefix};
use kt_protocol::types::{LeaderEpoch, Offset};

use super::error::SpoolError;
use super::files::Files;

/// How much is read at once, if batches are not larger.
const WINDOW_BYTES: usize = 1 << 20;

/// Where a batch's header has its leader epoch and its magic. No spool knows of epochs.
const EPOCH_AT: std::ops::Range<usize> = 12..16;
const MAGIC_AT: usize = 16;

const SUFFIX: &str = ".log";

/// The name of the segment whose first record is at `base`.
pub(super) fn name(base: Offset) -> String {
    format!("{:020}{SUFFIX}", base.0)
}

/// The position of the first record of a segment, if it is the name of one.
pub(super) fn base_of(name: &str) -> Option<Offset> {
    let digits = name.strip_suffix(SUFFIX)?;
    let is_number = digits.len() == 20 && digits.bytes().all(|it| it.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number).map(Offset)
}

/// A place within a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// In bytes of the file.
    pub(super) at: u64,
    /// The position of the record there.
    pub(super) position: Offset,
}

/// Whole batches that were read.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// What comes behind them.
    pub(super) next: Place,
}

/// A batch that is not as it was written.
#[derive(Debug)]
pub(super) struct Flaw {
    /// Where it begins, in bytes of the file.
    pub(super) at: u64,
    pub(super) reason: String,
}

/// Reads batches from a place on, at least one, of a file that has `length` bytes.
pub(super) fn read(
    files: &impl Files,
    name: &str,
    from: Place,
    length: u64,
) -> Result<Result<Piece, Flaw>, SpoolError> {
    let rest = length.saturating_sub(from.at);
    let window = |bytes: usize| {
        let bytes = bytes.min(usize::try_from(rest).unwrap_or(bytes));
        files.read(name, from.at, bytes).map_err(SpoolError::io("read", name))
    };
    let mut bytes = window(WINDOW_BYTES)?;
    if let Ok(first) = Prefix::parse(&bytes)
        && bytes.len() < first.size
        && first.size as u64 <= rest
    {
        bytes = window(first.size)?;
    }
    let mut next = from;
    let mut taken = 0;
    while taken < bytes.len() || taken == 0 {
        match check(&bytes[taken..], next.position) {
            Ok(batch) => {
                taken += batch.size();
                next.at += batch.size() as u64;
                next.position = batch.last_offset().plus(1);
            }
            // What is cut off by the window, or broken, comes first the next time.
            Err(_) if taken != 0 => break,
            Err(reason) => return Ok(Err(Flaw { at: from.at, reason })),
        }
    }
    bytes.truncate(taken);
    Ok(Ok(Piece { bytes, next }))
}

/// The first batch of `bytes`, if it is whole and at its place.
fn check(bytes: &[u8], expected: Offset) -> Result<BatchView<'_>, String> {
    let batch = BatchView::first_of(bytes).map_err(|error| match error {
        BatchError::Torn { have, need } => format!("{have} of {need} bytes of a batch are there"),
        error => error.to_string(),
    })?;
    if !batch.crc_is_valid() {
        return Err("the checksum of a batch does not hold".to_owned());
    }
    let is_at_its_place = batch.base_offset() == expected && expected <= batch.last_offset();
    if !is_at_its_place || batch.partition_leader_epoch() != LeaderEpoch::UNKNOWN {
        let found = batch.base_offset();
        return Err(format!("record {expected} should be here, a batch of {found} is"));
    }
    Ok(batch)
}

/// Where a whole batch of later records begins behind a flaw, if there is one.
pub(super) fn whole_batch_behind(
    files: &impl Files,
    name: &str,
    flaw: Place,
    length: u64,
) -> Result<Option<u64>, SpoolError> {
    let mut at = flaw.at + 1;
    while at + BATCH_HEADER_SIZE as u64 <= length {
        let window = files.read(name, at, WINDOW_BYTES).map_err(SpoolError::io("read", name))?;
        for (start, header) in window.windows(BATCH_HEADER_SIZE).enumerate() {
            let here = at + start as u64;
            if let Some(size) = later_batch(header, flaw.position, length - here) {
                let bytes = files.read(name, here, size).map_err(SpoolError::io("read", name))?;
                if BatchView::first_of(&bytes).is_ok_and(|it| it.crc_is_valid()) {
                    return Ok(Some(here));
                }
            }
        }
        let passed = window.len().saturating_sub(BATCH_HEADER_SIZE - 1);
        if passed == 0 {
            break;
        }
        at += passed as u64;
    }
    Ok(None)
}

/// The size of a batch that may begin here: most places are ruled out by a byte.
fn later_batch(header: &[u8], position: Offset, rest: u64) -> Option<usize> {
    if i8::try_from(header[MAGIC_AT]) != Ok(MAGIC_V2) || header[EPOCH_AT] != [0xff; 4] {
        return None;
    }
    let prefix = Prefix::parse(header).ok()?;
    (position < prefix.offset && prefix.size as u64 <= rest).then_some(prefix.size)
}
