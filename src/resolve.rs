//! From positions as they are written to an offset in each partition.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kt_client::Admin;
use kt_client::admin::{FoundOffsets, Isolation, OffsetQuery};
use kt_protocol::types::TopicPartition;

use crate::error::{CliError, Kind};
use crate::position::{At, ClockChange, Time};
use crate::session::Session;

/// The offsets that a partition has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The log start offset.
    pub(crate) start: i64,
    /// The high watermark, or the last stable offset under `read_committed`.
    pub(crate) end: i64,
}

/// The offset that was meant in each partition.
pub(crate) type Places = BTreeMap<TopicPartition, i64>;

/// What becomes of an offset that a partition does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutOfRange {
    /// It is an error.
    Refuse,
    /// The nearest is taken (`--clamp`).
    Clamp,
}

/// Asks each partition for its bounds.
pub(crate) async fn bounds(
    admin: &Admin,
    partitions: &[TopicPartition],
    isolation: Isolation,
) -> Result<BTreeMap<TopicPartition, Bounds>, CliError> {
    let ask = |query: OffsetQuery| partitions.iter().map(|it| (it.clone(), query)).collect();
    let (earliest, latest) = (ask(OffsetQuery::Earliest), ask(OffsetQuery::Latest));
    let starts = offsets(admin.list_offsets(&earliest, Isolation::ReadUncommitted).await?)?;
    let ends = offsets(admin.list_offsets(&latest, isolation).await?)?;
    let bounds = starts.into_iter().map(|(partition, start)| {
        let end = ends.get(&partition).copied().flatten().unwrap_or_default();
        (partition, Bounds { start: start.unwrap_or_default(), end })
    });
    Ok(bounds.collect())
}

/// The offsets of an answer; the first partition that failed fails all.
fn offsets(found: FoundOffsets) -> Result<BTreeMap<TopicPartition, Option<i64>>, CliError> {
    let found = found.into_iter().map(|(partition, result)| {
        let found = result?;
        Ok((partition, found.offset.map(|it| it.0)))
    });
    found.collect()
}

/// Turns `at`, the value of `flag`, into an offset in each partition.
pub(crate) async fn places(
    admin: &Admin,
    session: &Session,
    flag: &str,
    at: &At,
    bounds: &BTreeMap<TopicPartition, Bounds>,
    out_of_range: OutOfRange,
) -> Result<Places, CliError> {
    let time = match at {
        At::Time(time) => Some(instant(session, flag, time)?),
        _ => None,
    };
    places_from(admin, flag, (at, time), bounds, out_of_range).await
}

/// The same for whoever knows the instant that is meant, if `at` is a time.
pub(crate) async fn places_from(
    admin: &Admin,
    flag: &str,
    (at, time): (&At, Option<Timestamp>),
    bounds: &BTreeMap<TopicPartition, Bounds>,
    out_of_range: OutOfRange,
) -> Result<Places, CliError> {
    if let Some(instant) = time {
        return places_of_time(admin, instant, bounds).await;
    }
    match at {
        At::Committed(group) => {
            let commits = admin.committed_offsets(group).await?;
            let place = |(partition, bounds): (&TopicPartition, &Bounds)| {
                let commit = commits.get(partition).cloned().transpose()?;
                let commit = commit.map(|it| it.offset.0);
                let offset =
                    place_of_commit(flag, group, commit, partition, *bounds, out_of_range)?;
                Ok((partition.clone(), offset))
            };
            bounds.iter().map(place).collect()
        }
        at => bounds
            .iter()
            .map(|(partition, bounds)| {
                Ok((partition.clone(), place(flag, at, partition, *bounds, out_of_range)?))
            })
            .collect(),
    }
}

/// The instant that a written time means, with a note where the clocks changed.
pub(crate) fn instant(session: &Session, flag: &str, time: &Time) -> Result<Timestamp, CliError> {
    let instant = time
        .instant(Timestamp::now(), &session.zone())
        .ok_or_else(|| CliError::usage(format!("the time of {flag} is out of range")))?;
    let timestamp = instant.timestamp;
    match instant.clock_change {
        Some(ClockChange::Doubled) => session.note(&format!(
            "the clocks showed the time of {flag} twice: the first, {timestamp}, is taken"
        )),
        Some(ClockChange::Skipped) => session
            .note(&format!("the clocks never showed the time of {flag}: {timestamp} is taken")),
        None => {}
    }
    Ok(timestamp)
}

/// In each partition the first record of that time or later, else its end.
async fn places_of_time(
    admin: &Admin,
    instant: Timestamp,
    bounds: &BTreeMap<TopicPartition, Bounds>,
) -> Result<Places, CliError> {
    let query = OffsetQuery::At(instant.as_millisecond().into());
    let queries = bounds.keys().map(|it| (it.clone(), query)).collect();
    // A record that is not stable yet has its offset all the same; the end cuts it off.
    let found = offsets(admin.list_offsets(&queries, Isolation::ReadUncommitted).await?)?;
    let places = bounds.iter().map(|(partition, bounds)| {
        let found = found.get(partition).copied().flatten();
        (partition.clone(), found.unwrap_or(bounds.end).min(bounds.end))
    });
    Ok(places.collect())
}

/// Where a group has come to. One that has committed nothing of a partition without records has
/// read all of it.
fn place_of_commit(
    flag: &str,
    group: &str,
    commit: Option<i64>,
    partition: &TopicPartition,
    bounds: Bounds,
    out_of_range: OutOfRange,
) -> Result<i64, CliError> {
    let Some(offset) = commit else {
        if bounds.start == bounds.end {
            return Ok(bounds.end);
        }
        let message = format!(
            "{flag} committed:{group}: group \"{group}\" has committed no offset of partition {} \
             of topic \"{}\"",
            partition.partition, partition.topic
        );
        let error = CliError::new(Kind::NotFound, "NO_OFFSET", message);
        return Err(error.hint(format!("{flag} earliest; kt topics offsets {}", partition.topic)));
    };
    place(flag, &At::Offset(offset), partition, bounds, out_of_range)
}

/// The forms that are neither a time nor a group.
pub(crate) fn place(
    flag: &str,
    at: &At,
    partition: &TopicPartition,
    bounds: Bounds,
    out_of_range: OutOfRange,
) -> Result<i64, CliError> {
    let Bounds { start, end } = bounds;
    Ok(match at {
        At::Earliest => start,
        At::BeforeLatest(count) => end.saturating_sub(*count).max(start),
        At::AfterEarliest(count) => start.saturating_add(*count).min(end),
        At::Offset(offset) if start <= *offset && *offset <= end => *offset,
        At::Offset(offset) => match out_of_range {
            OutOfRange::Clamp => *offset.max(&start).min(&end),
            OutOfRange::Refuse => return Err(no_such_offset(flag, *offset, partition, bounds)),
        },
        At::Latest | At::Time(_) | At::Committed(_) => end,
    })
}

fn no_such_offset(flag: &str, offset: i64, partition: &TopicPartition, bounds: Bounds) -> CliError {
    let Bounds { start, end } = bounds;
    let message = format!(
        "{flag} {offset}: partition {} of topic \"{}\" has offsets {start} to {end}",
        partition.partition, partition.topic
    );
    let error = CliError::new(Kind::NotFound, "OFFSET_OUT_OF_RANGE", message);
    match offset.to_string().len() {
        10 | 13 => error.hint(format!("is it a time? {flag} @{offset}")),
        _ => error.hint("--clamp takes the nearest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { start: 100, end: 200 };

    fn placed(at: &str, out_of_range: OutOfRange) -> Result<i64, CliError> {
        let partition = TopicPartition::new("orders", 3);
        place("--from", &at.parse().unwrap(), &partition, BOUNDS, out_of_range)
    }

    #[test]
    fn ends_and_distances_stay_inside_the_log() {
        for (at, offset) in [
            ("earliest", 100),
            ("latest", 200),
            ("-10", 190),
            ("-1000", 100),
            ("+10", 110),
            ("+1000", 200),
            ("100", 100),
            ("200", 200),
        ] {
            assert_eq!(placed(at, OutOfRange::Refuse), Ok(offset), "{at}");
        }
    }

    #[test]
    fn a_group_without_a_commit_has_read_nothing() {
        let partition = TopicPartition::new("orders", 3);
        let placed = |commit, bounds| {
            let refuse = OutOfRange::Refuse;
            match place_of_commit("--from", "app", commit, &partition, bounds, refuse) {
                Ok(offset) => offset.to_string(),
                Err(error) => format!("{} ({})", error.message, error.hint.unwrap()),
            }
        };
        insta::assert_snapshot!(placed(Some(150), BOUNDS), @"150");
        insta::assert_snapshot!(placed(Some(99), BOUNDS), @r#"--from 99: partition 3 of topic "orders" has offsets 100 to 200 (--clamp takes the nearest)"#);
        insta::assert_snapshot!(placed(None, BOUNDS), @r#"--from committed:app: group "app" has committed no offset of partition 3 of topic "orders" (--from earliest; kt topics offsets orders)"#);
        insta::assert_snapshot!(placed(None, Bounds { start: 7, end: 7 }), @"7");
    }

    #[test]
    fn an_offset_outside_is_refused_or_clamped() {
        assert_eq!(placed("99", OutOfRange::Clamp), Ok(100));
        assert_eq!(placed("201", OutOfRange::Clamp), Ok(200));
        let refused = |at: &str| {
            let error = placed(at, OutOfRange::Refuse).unwrap_err();
            assert_eq!(error.kind, Kind::NotFound);
            format!("{} ({})", error.message, error.hint.unwrap())
        };
        insta::assert_snapshot!(refused("99"), @r#"--from 99: partition 3 of topic "orders" has offsets 100 to 200 (--clamp takes the nearest)"#);
        insta::assert_snapshot!(refused("1700000000000"), @r#"--from 1700000000000: partition 3 of topic "orders" has offsets 100 to 200 (is it a time? --from @1700000000000)"#);
    }
}
