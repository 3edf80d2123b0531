//! `kt groups check`

use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use kt_client::Admin;
use kt_client::admin::{GroupDescription, Isolation, OffsetQuery};
use schemars::JsonSchema;
use serde::Serialize;

use crate::duration::Span;
use crate::error::{CliError, Failed, Kind};
use crate::group_lag::{self, Assigned, GroupLag, TimeLag, TotalLag};
use crate::group_selection;
use crate::group_verdict::{Level, Verdict};
use crate::output::{Cell, Column, DocumentKind, Item, Table};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  kt groups check billing --max-lag 10000
  kt groups check billing --max-time-lag 5m --for 2m
  kt groups check -r '.*' --max-state warn -q

Exit code 0 if all is so, 7 if something is not, 5 if a group does not exist or has committed nothing.";

/// Check that groups keep up
///
/// The answer is the exit code, and a line for each thing that was checked. What cannot be looked
/// at is an error, never a no: a group that has committed nothing has no lag to check.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct CheckArgs {
    /// Groups
    #[arg(value_name = "GROUP", required = true)]
    groups: Vec<String>,

    /// At most so many unread records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    max_lag: Option<i64>,

    /// The oldest unread record is at most so old
    #[arg(long, value_name = "DURATION")]
    max_time_lag: Option<Span>,

    /// No worse than ok or warn: warn is late by more than 5m or stopped with records unread, bad
    /// is records lost unread
    #[arg(long, value_name = "STATE", value_enum, hide_possible_values = true)]
    max_state: Option<MaxState>,

    /// A no counts only if it is one for so long: a group that is well once in that time is well
    #[arg(long, value_name = "DURATION")]
    r#for: Option<Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MaxState {
    Ok,
    Warn,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct CheckedGroup {
    name: String,
    ok: bool,
    checks: Vec<Check>,
}

#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
struct Check {
    check: &'static str,
    expected: String,
    actual: String,
    ok: bool,
}

const COLUMNS: &[Column] = &[
    Column::text("name"),
    Column::text("check"),
    Column::text("expected"),
    Column::text("actual"),
    Column::text("ok"),
];

pub(super) const KIND: DocumentKind = DocumentKind::of::<CheckedGroup>();

impl Item for CheckedGroup {
    const KIND: &'static str = "groups.check";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn tables(items: &[CheckedGroup]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for group in items {
            for it in &group.checks {
                table.row(vec![
                    Cell::text(&group.name),
                    Cell::text(it.check),
                    Cell::text(&it.expected),
                    Cell::text(&it.actual),
                    Cell::Flag(it.ok),
                ]);
            }
        }
        vec![table]
    }
}

/// How often a no is looked at again under `--for`.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub(crate) fn run(args: &CheckArgs, session: &Session) -> Result<(), CliError> {
    if args.max_lag.is_none() && args.max_time_lag.is_none() && args.max_state.is_none() {
        let hint = format!("kt groups check {} --max-lag 1000", args.groups.join(" "));
        return Err(CliError::usage("nothing to check").hint(hint));
    }
    let admin = session.admin()?;
    session.block_on(async {
        let names = group_selection::names(&admin, session, &args.groups).await?;
        let (items, failed) = look_until_well(args, &admin, &names).await?;
        let is_so = items.iter().all(|it| it.ok);
        session.conclude(&admin, items, &failed, names.len())?;
        if is_so { Ok(()) } else { Err(CliError::silent(Kind::CheckFailed)) }
    })
}

/// Looks once, and while the time of `--for` lasts again at the groups that are not well.
async fn look_until_well(
    args: &CheckArgs,
    admin: &Admin,
    names: &[String],
) -> Result<(Vec<CheckedGroup>, Failed), CliError> {
    let started = Instant::now();
    let patience = args.r#for.map_or(Duration::ZERO, Span::to_std);
    let mut pending = names.to_vec();
    let mut done: Vec<CheckedGroup> = Vec::new();
    let mut failed;
    loop {
        let (looked, faults) = look(args, admin, &pending).await?;
        failed = faults;
        let left = patience.saturating_sub(started.elapsed());
        let is_over = left.is_zero() || !failed.is_empty();
        pending = looked.iter().filter(|it| !it.ok).map(|it| it.name.clone()).collect();
        done.extend(looked.into_iter().filter(|it| it.ok || is_over));
        if is_over || pending.is_empty() {
            break;
        }
        tokio::time::sleep(left.min(LOOK_AGAIN)).await;
    }
    done.sort_by_key(|it| names.iter().position(|name| *name == it.name));
    Ok((done, failed))
}

async fn look(
    args: &CheckArgs,
    admin: &Admin,
    names: &[String],
) -> Result<(Vec<CheckedGroup>, Failed), CliError> {
    let (groups, mut failed) = group_selection::describe(admin, names).await?;
    let names: Vec<String> = groups.iter().map(|it| it.name.clone()).collect();
    let mut lags = group_lag::ask(admin, &names, &Assigned::new()).await?;
    if args.max_time_lag.is_some() || args.max_state.is_some() {
        group_lag::ask_times(admin, lags.values_mut().flatten()).await?;
    }
    let mut items = Vec::new();
    for group in &groups {
        let lag = lags.remove(&group.name).unwrap_or_else(|| Ok(GroupLag::default()));
        let checked = match lag {
            Ok(lag) => check(args, admin, group, &lag).await,
            Err(error) => Err(error),
        };
        match checked {
            Ok(checks) => {
                let ok = checks.iter().all(|it| it.ok);
                items.push(CheckedGroup { name: group.name.clone(), ok, checks });
            }
            Err(error) => failed.push((group.name.clone(), error)),
        }
    }
    Ok((items, failed))
}

async fn check(
    args: &CheckArgs,
    admin: &Admin,
    group: &GroupDescription,
    lag: &GroupLag,
) -> Result<Vec<Check>, CliError> {
    let total = match lag.total() {
        TotalLag::Known(total) => total,
        TotalLag::Unknown(error) => return Err(error),
        TotalLag::NoCommit => return Err(no_commit(&group.name)),
    };
    let mut checks = Vec::new();
    if let Some(max) = args.max_lag {
        checks.push(Check {
            check: "max_lag",
            expected: max.to_string(),
            actual: total.to_string(),
            ok: total <= max,
        });
    }
    let now = Timestamp::now();
    if let Some(max) = args.max_time_lag {
        checks.push(time_lag(max, lag.time(now), &group.name)?);
    }
    if let Some(max) = args.max_state {
        let verdict = verdict(admin, group, lag, now).await?;
        checks.push(state(max, verdict));
    }
    Ok(checks)
}

fn no_commit(group: &str) -> CliError {
    let message = format!("group \"{group}\" has committed nothing: it has no lag");
    let error = CliError::new(Kind::NotFound, "NO_OFFSET", message);
    error.hint(format!("kt groups describe {group}"))
}

fn time_lag(max: Span, actual: TimeLag, group: &str) -> Result<Check, CliError> {
    let (age, ok) = match actual {
        TimeLag::NothingUnread => ("nothing unread".to_owned(), true),
        TimeLag::Known(ms) => {
            let age = Span { milliseconds: ms.unsigned_abs() };
            (age.to_string(), age <= max)
        }
        TimeLag::Unknown => return Err(no_age(group)),
    };
    Ok(Check { check: "max_time_lag", expected: max.to_string(), actual: age, ok })
}

fn no_age(group: &str) -> CliError {
    let message = format!("the age of the oldest unread record of group \"{group}\" is not known");
    CliError::other(message).hint(format!("kt groups describe {group}; --max-lag counts records"))
}

async fn verdict(
    admin: &Admin,
    group: &GroupDescription,
    lag: &GroupLag,
    now: Timestamp,
) -> Result<Verdict, CliError> {
    let committed = lag.partitions.iter().filter(|it| it.1.lag().is_some());
    let queries = committed.map(|it| (it.0.clone(), OffsetQuery::Earliest)).collect();
    let mut is_lost = false;
    for (at, start) in admin.list_offsets(&queries, Isolation::ReadUncommitted).await? {
        let start = start?.offset.unwrap_or_default();
        let commit = lag.partitions.get(&at).and_then(|it| it.committed.as_ref());
        is_lost |= commit.is_some_and(|it| it.offset < start);
    }
    let unread = lag.total_known().unwrap_or_default();
    let age = lag.time(now);
    Verdict::of(is_lost, group.members.len(), unread, age).ok_or_else(|| no_age(&group.name))
}

fn state(max: MaxState, verdict: Verdict) -> Check {
    let (expected, worst) = match max {
        MaxState::Ok => ("ok", Level::Ok),
        MaxState::Warn => ("warn", Level::Warn),
    };
    let level = verdict.level();
    let actual = match verdict {
        Verdict::Ok => "ok".to_owned(),
        verdict => format!("{} ({})", level.name(), verdict.name()),
    };
    Check { check: "max_state", expected: expected.to_owned(), actual, ok: level <= worst }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(check: &Check) -> String {
        format!("{} of {}: {}", check.actual, check.expected, check.ok)
    }

    #[test]
    fn an_age_that_is_not_known_is_no_no() {
        let max: Span = "5m".parse().unwrap();
        let checked = |lag| time_lag(max, lag, "app");
        assert_eq!(shown(&checked(TimeLag::Known(300_000)).unwrap()), "5m of 5m: true");
        assert_eq!(shown(&checked(TimeLag::Known(300_001)).unwrap()), "5m1ms of 5m: false");
        assert_eq!(shown(&checked(TimeLag::NothingUnread).unwrap()), "nothing unread of 5m: true");
        assert_eq!(checked(TimeLag::Unknown).unwrap_err().kind, Kind::Other);
    }

    #[test]
    fn states_are_levels_with_their_reason() {
        assert_eq!(shown(&state(MaxState::Ok, Verdict::Ok)), "ok of ok: true");
        assert_eq!(shown(&state(MaxState::Ok, Verdict::Stopped)), "warn (stopped) of ok: false");
        assert_eq!(shown(&state(MaxState::Warn, Verdict::Behind)), "warn (behind) of warn: true");
        assert_eq!(shown(&state(MaxState::Warn, Verdict::Lost)), "bad (lost) of warn: false");
    }
}
