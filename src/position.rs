//! Positions in a partition as the command line writes them (AT): an end, an offset, or a time.
//!
//! Reading needs neither clock nor zone; `At::instant` turns the forms that are times into one,
//! given both.

use std::fmt;
use std::str::FromStr;

use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::duration::Span;

/// A position, as written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum At {
    /// The log start offset.
    Earliest,
    /// The high watermark, or the last stable offset under `read_committed`.
    Latest,
    /// This offset.
    Offset(i64),
    /// So many offsets before `latest`.
    BeforeLatest(i64),
    /// So many offsets after `earliest`.
    AfterEarliest(i64),
    /// The first record with that timestamp or a later one.
    Time(Time),
    /// The committed offset of this group.
    Committed(String),
}

/// A time, as written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Time {
    /// So long before now.
    Ago(Span),
    /// An instant that needs no zone.
    Instant(Timestamp),
    /// A day, or a day and a time, in the local zone.
    Local(civil::DateTime),
    /// A time of day in the local zone: the last one that has passed.
    OfDay(civil::Time),
}

/// An instant, and whether summer time made the written time stand for more or less than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instant {
    pub(crate) timestamp: Timestamp,
    pub(crate) clock_change: Option<ClockChange>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClockChange {
    /// The clock showed this time twice; the first is meant.
    Doubled,
    /// The clock never showed this time; it was moved on by the gap.
    Skipped,
}

impl Time {
    /// The instant that is meant at `now` in `zone`; `None` if it is out of the range of time.
    pub(crate) fn instant(&self, now: Timestamp, zone: &TimeZone) -> Option<Instant> {
        match self {
            Time::Instant(timestamp) => Some(plain(*timestamp)),
            Time::Ago(span) => {
                let milliseconds = i64::try_from(span.as_millis()).ok()?;
                let past =
                    Timestamp::from_millisecond(now.as_millisecond().checked_sub(milliseconds)?);
                Some(plain(past.ok()?))
            }
            Time::Local(datetime) => in_zone(*datetime, zone),
            Time::OfDay(time) => {
                let today = now.to_zoned(zone.clone()).date();
                let here = in_zone(today.to_datetime(*time), zone)?;
                if here.timestamp <= now {
                    return Some(here);
                }
                let yesterday = today.checked_sub(1.day()).ok()?;
                in_zone(yesterday.to_datetime(*time), zone)
            }
        }
    }
}

fn plain(timestamp: Timestamp) -> Instant {
    Instant { timestamp, clock_change: None }
}

fn in_zone(datetime: civil::DateTime, zone: &TimeZone) -> Option<Instant> {
    let ambiguous = zone.to_ambiguous_timestamp(datetime);
    let clock_change = match ambiguous.offset() {
        jiff::tz::AmbiguousOffset::Fold { .. } => Some(ClockChange::Doubled),
        jiff::tz::AmbiguousOffset::Gap { .. } => Some(ClockChange::Skipped),
        jiff::tz::AmbiguousOffset::Unambiguous { .. } => None,
    };
    // "Compatible" is RFC 5545's rule: the first of two, or moved on by the gap.
    Some(Instant { timestamp: ambiguous.compatible().ok()?, clock_change })
}

/// A text that is no position. Its message names the nearest form that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParseAtError {
    message: String,
}

impl fmt::Display for ParseAtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ParseAtError {}

fn wrong(text: &str, fault: &str) -> ParseAtError {
    ParseAtError { message: format!("\"{text}\" is not a position: {fault}") }
}

impl FromStr for At {
    type Err = ParseAtError;

    fn from_str(text: &str) -> Result<At, ParseAtError> {
        if let Some(group) = text.strip_prefix("committed:") {
            if group.is_empty() {
                return Err(wrong(text, "name the group: committed:GROUP"));
            }
            return Ok(At::Committed(group.to_owned()));
        }
        match text {
            "earliest" => return Ok(At::Earliest),
            "latest" => return Ok(At::Latest),
            "beginning" | "start" | "smallest" => return Err(wrong(text, "write earliest")),
            "end" | "largest" | "newest" => return Err(wrong(text, "write latest")),
            _ => {}
        }
        match text.as_bytes().first() {
            Some(b'-') => parse_relative(text, &text[1..]),
            Some(b'+') => match whole_number(&text[1..]) {
                Some(count) => Ok(At::AfterEarliest(count)),
                None => Err(wrong(text, "+N is N offsets after earliest; -1h is an hour ago")),
            },
            Some(b'@') => parse_epoch(text, &text[1..]).map(At::Time),
            Some(_) => match whole_number(text) {
                Some(offset) => Ok(At::Offset(offset)),
                None => parse_clock(text).map(At::Time),
            },
            None => Err(wrong(text, EVERY_FORM)),
        }
    }
}

const EVERY_FORM: &str = "write earliest, latest, an offset (42), -10, +10, -1h, \
                          2026-11-21T02:00, 02:00 or @EPOCH";

/// `-10` or `-1h`; `rest` is what follows the minus.
fn parse_relative(text: &str, rest: &str) -> Result<At, ParseAtError> {
    if let Some(count) = whole_number(rest) {
        return Ok(At::BeforeLatest(count));
    }
    match rest.parse() {
        Ok(span) => Ok(At::Time(Time::Ago(span))),
        Err(_) => Err(wrong(text, "-10 is ten offsets before latest, -1h30m that long ago")),
    }
}

/// `@-1h`, `@1700000000000` or `@1700000000`; `rest` is what follows the at sign.
fn parse_epoch(text: &str, rest: &str) -> Result<Time, ParseAtError> {
    if let Some(ago) = rest.strip_prefix('-') {
        let span = ago.parse().map_err(|_| wrong(text, "@-1h is an hour ago"))?;
        return Ok(Time::Ago(span));
    }
    let out_of_range = || wrong(text, "that instant is out of range");
    let instant = match (whole_number(rest), rest.len()) {
        (Some(milliseconds), 13) => Timestamp::from_millisecond(milliseconds),
        (Some(seconds), 10) => Timestamp::from_second(seconds),
        _ => return Err(wrong(text, "@ takes epoch milliseconds (13 digits) or seconds (10)")),
    };
    Ok(Time::Instant(instant.map_err(|_| out_of_range())?))
}

/// `2026-11-21`, `2026-11-21T02:00[:05.123][Z|+01:00]`, `02:00[:05]`.
fn parse_clock(text: &str) -> Result<Time, ParseAtError> {
    let no_form = || wrong(text, EVERY_FORM);
    if !text.starts_with(|it: char| it.is_ascii_digit()) {
        return Err(no_form());
    }
    let Some((day, clock)) = text.split_once('T') else {
        if let Some(time) = parse_time(text) {
            return Ok(Time::OfDay(time));
        }
        let day = parse_day(text).ok_or_else(no_form)?;
        return Ok(Time::Local(day.to_datetime(civil::Time::midnight())));
    };
    let day = parse_day(day).ok_or_else(no_form)?;
    let zone_at = clock.find(['Z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(zone_at);
    let datetime = day.to_datetime(parse_time(clock).ok_or_else(no_form)?);
    if zone.is_empty() {
        return Ok(Time::Local(datetime));
    }
    let offset_s = parse_zone(zone).ok_or_else(|| wrong(text, "a zone is Z or +01:00"))?;
    let offset = jiff::tz::Offset::from_seconds(offset_s);
    let instant = offset.and_then(|offset| offset.to_timestamp(datetime));
    Ok(Time::Instant(instant.map_err(|_| wrong(text, "that instant is out of range"))?))
}

fn parse_day(text: &str) -> Option<civil::Date> {
    let [year, month, day] = fields(text, '-')?;
    let [year, month, day] = [digits(year, 4)?, digits(month, 2)?, digits(day, 2)?];
    civil::Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?)
        .ok()
}

/// `02:00`, `02:00:05` or `02:00:05.123`.
fn parse_time(text: &str) -> Option<civil::Time> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, rest) = rest.split_once(':').map_or((rest, None), |it| (it.0, Some(it.1)));
    let (second, nanosecond) = match rest {
        None => (0, 0),
        Some(rest) => {
            let (second, fraction) = rest.split_once('.').unwrap_or((rest, "0"));
            if fraction.is_empty() || 9 < fraction.len() {
                return None;
            }
            let scale = 10_i64.pow(9 - u32::try_from(fraction.len()).ok()?);
            (digits(second, 2)?, digits(fraction, fraction.len())? * scale)
        }
    };
    civil::Time::new(
        i8::try_from(digits(hour, 2)?).ok()?,
        i8::try_from(digits(minute, 2)?).ok()?,
        i8::try_from(second).ok()?,
        i32::try_from(nanosecond).ok()?,
    )
    .ok()
}

/// Seconds east of Greenwich.
fn parse_zone(text: &str) -> Option<i32> {
    if text == "Z" {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text[1..].split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    if 59 < minutes {
        return None;
    }
    i32::try_from(sign * (hours * 3_600 + minutes * 60)).ok()
}

fn fields(text: &str, separator: char) -> Option<[&str; 3]> {
    let parts: Vec<&str> = text.split(separator).collect();
    parts.try_into().ok()
}

fn digits(text: &str, count: usize) -> Option<i64> {
    if text.len() == count { whole_number(text) } else { None }
}

/// Digits only: no sign, no space.
fn whole_number(text: &str) -> Option<i64> {
    let is_digits = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    if is_digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
