//! How old the oldest unread records of groups are, read from the records themselves: rules about
//! time are not content with an estimate.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kt_client::Admin;

use crate::error::CliError;
use crate::group_lag::{self, Assigned, TimeLag};
use crate::tui::alerts::measured::Measured;
use crate::tui::alerts::rules::{RuleKind, Rules};
use crate::tui::{Answer, Lag, Late};

/// Of each group that was asked about.
pub(super) type Ages = BTreeMap<String, Late>;

/// The groups with unread records that a rule about time is about.
pub(super) fn wanted(rules: &Rules, measured: &Measured<'_>) -> Vec<String> {
    let Answer::Known(groups) = &measured.groups else { return Vec::new() };
    let timed = || rules.rules.iter().filter(|it| it.kind == RuleKind::TimeLag);
    let is_behind = |lag: Lag| matches!(lag, Lag::Records(1..) | Lag::Unknown);
    let wanted = groups.iter().filter(|it| is_behind(it.lag));
    let wanted = wanted.filter(|it| timed().any(|rule| rule.subjects.hold(it.name)));
    wanted.map(|it| it.name.to_owned()).collect()
}

pub(super) async fn ask(admin: &Admin, groups: &[String]) -> Result<Ages, CliError> {
    if groups.is_empty() {
        return Ok(Ages::new());
    }
    let mut lags = group_lag::ask(admin, groups, &Assigned::new()).await?;
    group_lag::ask_times(admin, lags.values_mut().flatten()).await?;
    let now = Timestamp::now();
    let mut ages = Ages::new();
    for (name, lag) in lags {
        let late = lag.map_or(Late::Unknown, |lag| match lag.time(now) {
            TimeLag::Known(age) => Late::Read(age.unsigned_abs()),
            TimeLag::NothingUnread => Late::CaughtUp,
            TimeLag::Unknown => Late::Unknown,
        });
        ages.insert(name, late);
    }
    Ok(ages)
}

/// Puts what records said in the place of what was estimated.
pub(super) fn put(ages: &Ages, measured: &mut Measured<'_>) {
    let Answer::Known(groups) = &mut measured.groups else { return };
    for group in groups {
        let is_known = matches!(group.late, Late::CaughtUp | Late::NoCommit);
        if let Some(late) = ages.get(group.name).filter(|_| !is_known) {
            group.late = *late;
        }
    }
}
