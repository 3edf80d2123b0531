//! `--shift`: forth or back from what is committed, in offsets or in time.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use kt_client::Admin;
use kt_client::admin::{Isolation, OffsetQuery};
use kt_protocol::types::{Offset, Timestamp, TopicPartition};

use super::Commits;
use crate::duration::Span;
use crate::error::{CliError, Kind};
use crate::position::At;
use crate::resolve::{self, Bounds, OutOfRange, Places};

/// How far, and in which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shift {
    Offsets(i64),
    /// In ms.
    Time(i64),
}

/// A text that is no shift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParseShiftError {
    text: String,
}

impl fmt::Display for ParseShiftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is no shift: write +10 or -10 offsets, +1h or -90s in time", self.text)
    }
}

impl std::error::Error for ParseShiftError {}

impl FromStr for Shift {
    type Err = ParseShiftError;

    fn from_str(text: &str) -> Result<Shift, ParseShiftError> {
        let wrong = || ParseShiftError { text: text.to_owned() };
        let (sign, rest) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
            (Some(rest), _) => (1, rest),
            (_, Some(rest)) => (-1, rest),
            _ => return Err(wrong()),
        };
        if rest.bytes().all(|it| it.is_ascii_digit()) {
            let count: i64 = rest.parse().map_err(|_| wrong())?;
            return Ok(Shift::Offsets(sign * count));
        }
        let span: Span = rest.parse().map_err(|_| wrong())?;
        let ms = i64::try_from(span.as_millis()).map_err(|_| wrong())?;
        Ok(Shift::Time(sign * ms))
    }
}

impl fmt::Display for Shift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shift::Offsets(count) => write!(f, "{count:+}"),
            Shift::Time(ms) => {
                let sign = if *ms < 0 { '-' } else { '+' };
                write!(f, "{sign}{}", Span { milliseconds: ms.unsigned_abs() })
            }
        }
    }
}

impl Shift {
    /// The offset in each partition, all of which must have a commit.
    pub(super) async fn places(
        &self,
        admin: &Admin,
        commits: &Commits,
        bounds: &BTreeMap<TopicPartition, Bounds>,
        out_of_range: OutOfRange,
    ) -> Result<Places, CliError> {
        let mut committed = Places::new();
        for at in bounds.keys() {
            let commit = commits.get(at).ok_or_else(|| self.no_commit(at))?;
            committed.insert(at.clone(), commit.offset.0);
        }
        match self {
            Shift::Offsets(count) => {
                let flag = format!("--shift {self} to");
                let place = |(at, offset): (TopicPartition, i64)| {
                    let wanted = At::Offset(offset.saturating_add(*count));
                    let place = resolve::place(&flag, &wanted, &at, bounds[&at], out_of_range)?;
                    Ok((at, place))
                };
                committed.into_iter().map(place).collect()
            }
            Shift::Time(ms) => in_time(admin, *ms, &committed, bounds).await,
        }
    }

    fn no_commit(&self, at: &TopicPartition) -> CliError {
        let message = format!(
            "--shift {self}: the group has committed no offset of partition {} of topic \"{}\"",
            at.partition, at.topic
        );
        CliError::new(Kind::NotFound, "NO_OFFSET", message).hint("--to earliest")
    }
}

/// From the time of the next record to read; where all is read, from that of the last record.
async fn in_time(
    admin: &Admin,
    ms: i64,
    committed: &Places,
    bounds: &BTreeMap<TopicPartition, Bounds>,
) -> Result<Places, CliError> {
    let base = |(at, offset): (&TopicPartition, &i64)| {
        let Bounds { start, end } = bounds[at];
        (start < end).then(|| (at.clone(), Offset(*offset.min(&(end - 1)).max(&start))))
    };
    let bases: BTreeMap<TopicPartition, Offset> = committed.iter().filter_map(base).collect();
    let mut queries = BTreeMap::new();
    for (at, time) in admin.record_times(&bases).await? {
        let Some(time) = time? else {
            let message = format!("the record at offset {} of {at} has no time", bases[&at]);
            return Err(CliError::other(message).hint("--shift -10 counts offsets"));
        };
        queries.insert(at, OffsetQuery::At(Timestamp(time.0.saturating_add(ms).max(0))));
    }
    // A partition without records has one offset only.
    let mut places: Places = bounds.iter().map(|(at, it)| (at.clone(), it.end)).collect();
    for (at, found) in admin.list_offsets(&queries, Isolation::ReadUncommitted).await? {
        if let Some(offset) = found?.offset {
            let end = bounds[&at].end;
            places.insert(at, offset.0.min(end));
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_are_read_and_written() {
        for (text, shift) in [
            ("+10", Shift::Offsets(10)),
            ("-1", Shift::Offsets(-1)),
            ("+1h30m", Shift::Time(5_400_000)),
            ("-90s", Shift::Time(-90_000)),
        ] {
            assert_eq!(text.parse(), Ok(shift));
        }
        assert_eq!(Shift::Time(-90_000).to_string(), "-1m30s");
        assert_eq!(Shift::Offsets(10).to_string(), "+10");
        for text in ["", "10", "+", "-", "1h", "+h", "--1", "+99999999999999999999"] {
            assert!(text.parse::<Shift>().is_err(), "{text}");
        }
    }
}
