//! From when to when a recording goes, and a place in it that is given as AT.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::line::When;
use super::reader::{ReadError, open};
use crate::error::CliError;
use crate::position::{At, Time};

/// The times of its first and its last answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

impl Span {
    /// Reads all of a recording for its times alone. Where it is damaged, it ends.
    ///
    /// # Errors
    ///
    /// It is no recording.
    pub(crate) fn of(path: &Path) -> Result<Option<Span>, ReadError> {
        let (_, mut reader) = open(path)?;
        let mut span: Option<Span> = None;
        while let Ok(Some(line)) = reader.next_bytes() {
            let Ok(when) = When::of(line) else { break };
            let Some(at) = when.wall() else { continue };
            let (first, last) = span.map_or((at, at), |it| (it.first, it.last));
            span = Some(Span { first: first.min(at), last: last.max(at) });
        }
        Ok(span)
    }

    /// The moment that is meant. In a recording it is never later than its end: a time of day is the
    /// last one before that, and `-10m` is so long before it.
    ///
    /// # Errors
    ///
    /// It is no time, or one outside the recording.
    pub(crate) fn moment(&self, at: &str, zone: &TimeZone) -> Result<Timestamp, CliError> {
        let time = time(at)?;
        let outside = || {
            // As it can be typed.
            let shown = |it: Timestamp| it.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S");
            let (first, last) = (shown(self.first), shown(self.last));
            CliError::usage(format!("--at {at} is outside the recording"))
                .hint(format!("it goes from {first} to {last}"))
        };
        let moment = time.instant(self.last, zone).ok_or_else(outside)?.timestamp;
        // Who types the seconds that are shown means the first answer too.
        let earliest = Timestamp::from_second(self.first.as_second()).unwrap_or(self.first);
        match (earliest..=self.last).contains(&moment) {
            true => Ok(moment.max(self.first)),
            false => Err(outside()),
        }
    }
}

fn time(at: &str) -> Result<Time, CliError> {
    match at.parse::<At>() {
        Ok(At::Time(time)) => Ok(time),
        Ok(_) => {
            let error = CliError::usage(format!("--at {at} is no time"));
            Err(error.hint("such as 15:04:07, 2026-11-21T15:04 or -10m"))
        }
        Err(error) => Err(CliError::usage(format!("--at: {error}"))),
    }
}
