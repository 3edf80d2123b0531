//! From positions as they are written to the offsets of one partition's files.

use std::path::Path;

use kt_protocol::records::BatchHeader;
use kt_protocol::types::{Offset, Timestamp};
use kt_storage::inspect::{Listed, LogWalk, Step};

use super::findings::Findings;
use super::log::{Stopped, each_record};
use super::{DumpLogArgs, seek, unreadable};
use crate::error::{CliError, Kind};
use crate::position::At;
use crate::read_only_disk::ReadOnlyFile;
use crate::resolve;
use crate::session::Session;

/// The offsets that are shown.
#[derive(Clone, Debug)]
pub(super) struct Range {
    from: Offset,
    until: Offset,
    /// Only the first batch or record is shown (`--find`).
    search: Option<Search>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Search {
    /// Compaction may have taken the offset.
    Going,
    Done,
}

impl Range {
    pub(super) fn all() -> Range {
        Range { from: Offset(i64::MIN), until: Offset(i64::MAX), search: None }
    }

    pub(super) fn is_all(&self) -> bool {
        self.from.0 == i64::MIN && self.until.0 == i64::MAX
    }

    pub(super) fn is_done(&self) -> bool {
        self.search == Some(Search::Done)
    }

    /// The offset that is looked for, if there is one thing to find.
    pub(super) fn searched(&self) -> Option<Offset> {
        self.search.map(|_| self.from)
    }

    /// Whether what is looked for is at `offset` or behind.
    pub(super) fn searches_from(&self, offset: Offset) -> bool {
        self.searched().is_some_and(|it| offset <= it)
    }

    /// Whether nothing from `offset` on is shown.
    pub(super) fn ends_below(&self, offset: Offset) -> bool {
        self.until <= offset
    }

    pub(super) fn meets(&self, batch: &BatchHeader) -> bool {
        self.from <= batch.last_offset() && batch.base_offset() < self.until
    }

    pub(super) fn holds(&self, offset: Offset) -> bool {
        !self.is_done() && self.from <= offset && offset < self.until
    }

    /// Notes that what begins with `first` was shown; says so if another offset was looked for.
    pub(super) fn found(&mut self, first: Offset) -> Option<String> {
        self.search?;
        self.search = Some(Search::Done);
        let from = self.from;
        (from < first).then(|| format!("there is no offset {from} any more; {first} is next"))
    }
}

/// Groups' offsets are in a cluster; here is none.
pub(super) fn refuse_committed(args: &DumpLogArgs) -> Result<(), CliError> {
    for (flag, at) in [("--from", &args.from), ("--until", &args.until), ("--find", &args.find)] {
        if let Some(At::Committed(group)) = at {
            let message = format!("{flag} committed:{group}: dump-log asks no cluster");
            return Err(CliError::usage(message).hint("write an offset or a time"));
        }
    }
    Ok(())
}

/// What the flags mean in these logs, which are of one partition and in order.
pub(super) fn resolve(
    args: &DumpLogArgs,
    session: &Session,
    logs: &[Listed],
    findings: &mut Findings<'_>,
) -> Result<Range, CliError> {
    let bounds = bounds(logs, findings)?;
    let mut place = |flag, at: &Option<At>| match at {
        Some(at) => place(session, flag, at, logs, bounds, findings).map(Some),
        None => Ok(None),
    };
    if let Some(found) = place("--find", &args.find)? {
        if bounds.end <= found {
            let message =
                format!("{} has nothing there: it ends at {}", bounds.name.display(), bounds.end);
            return Err(CliError::not_found(message).hint("--find -1 is the last offset"));
        }
        let search = Some(Search::Going);
        return Ok(Range { from: found, until: Offset(i64::MAX), search });
    }
    let from = place("--from", &args.from)?.unwrap_or(Offset(i64::MIN));
    let until = place("--until", &args.until)?.unwrap_or(Offset(i64::MAX));
    Ok(Range { from, until, search: None })
}

#[derive(Clone, Copy)]
struct Bounds<'a> {
    start: Offset,
    end: Offset,
    name: &'a Path,
}

fn bounds<'a>(logs: &'a [Listed], findings: &mut Findings<'_>) -> Result<Bounds<'a>, CliError> {
    let (Some(first), Some(last)) = (logs.first(), logs.last()) else {
        return Err(CliError::not_found("there is no .log file"));
    };
    let file = ReadOnlyFile::open(&last.path).map_err(|error| unreadable(&error))?;
    let walk = LogWalk::new(&file, last.base_offset, None);
    let begin = seek::offset(last, &file, Offset(i64::MAX), findings)?;
    let mut walk = walk.map_err(|error| unreadable(&error))?.beginning_at(begin);
    while !matches!(walk.next_step(), Step::End) {}
    let of_partition = last.path.parent().filter(|_| 1 < logs.len());
    let name = of_partition.unwrap_or(&last.path);
    Ok(Bounds { start: first.base_offset, end: walk.next_offset(), name })
}

fn place(
    session: &Session,
    flag: &str,
    at: &At,
    logs: &[Listed],
    bounds: Bounds<'_>,
    findings: &mut Findings<'_>,
) -> Result<Offset, CliError> {
    let Bounds { start, end, name } = bounds;
    let name = name.display();
    Ok(match at {
        At::Earliest => start,
        At::Latest | At::Committed(_) => end,
        At::BeforeLatest(count) => Offset(end.0.saturating_sub(*count)).max(start),
        At::AfterEarliest(count) => Offset(start.0.saturating_add(*count)).min(end),
        At::Offset(offset) if (start.0..=end.0).contains(offset) => Offset(*offset),
        At::Offset(offset) => {
            let message = format!("{flag} {offset}: {name} has offsets {start} to {end}");
            let error = CliError::new(Kind::NotFound, "OFFSET_OUT_OF_RANGE", message);
            return Err(match offset.to_string().len() {
                10 | 13 => error.hint(format!("a time is written {flag} @{offset}")),
                _ => error,
            });
        }
        At::Time(time) => {
            let instant = resolve::instant(session, flag, time)?;
            let target = Timestamp(instant.as_millisecond());
            first_at(target, logs, findings)?.unwrap_or(end)
        }
    })
}

/// The first record of that time or later.
fn first_at(
    target: Timestamp,
    logs: &[Listed],
    findings: &mut Findings<'_>,
) -> Result<Option<Offset>, CliError> {
    for log in logs {
        let file = ReadOnlyFile::open(&log.path).map_err(|error| unreadable(&error))?;
        let walk = LogWalk::new(&file, log.base_offset, log.next_base);
        let begin = seek::time(log, &file, target, findings)?;
        let mut walk = walk.map_err(|error| unreadable(&error))?.beginning_at(begin);
        loop {
            let batch = match walk.next_step() {
                Step::End => break,
                Step::Fault(_) => continue,
                Step::Batch(batch) => batch,
            };
            if !batch.is_intact || batch.header.max_timestamp() < target {
                continue;
            }
            let mut found = None;
            let read = each_record(&batch, batch.bytes.unwrap_or_default(), |record, _| {
                if found.is_none() && target <= record.timestamp {
                    found = Some(record.offset);
                }
                Ok(())
            });
            if let Err(Stopped::Cli(error)) = read {
                return Err(error);
            }
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}
