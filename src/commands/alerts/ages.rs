//! How old the oldest unread records of groups are, read from the records themselves: rules about
//! time are not content with an estimate.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kt_client::Admin;
use kt_protocol::types::Millis;

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

/// Ages are read so often, in ms.
const EVERY_MS: u64 = 30_000;

/// One that was not read again is not believed for longer, in ms: the next answer is under way, or
/// the next one after a failure.
const BELIEVED_MS: u64 = 2 * EVERY_MS;

/// The ages that were read, and the groups that they are wanted of.
#[derive(Debug, Default)]
pub(super) struct KnownAges {
    read: Ages,
    /// When these were asked for.
    asked: Option<Millis>,
    /// When ages were asked for last: the answer may be under way.
    asking: Option<Millis>,
    /// Groups that are behind, each since when without a break.
    since: BTreeMap<String, Millis>,
}

impl KnownAges {
    /// These groups are behind now, and no others.
    pub(super) fn want(&mut self, wanted: &[String], now: Millis) {
        let since = |it: &String| (it.clone(), self.since.get(it).copied().unwrap_or(now));
        self.since = wanted.iter().map(since).collect();
    }

    /// Whether it is time to read them.
    pub(super) fn is_due(&self, now: Millis) -> bool {
        !self.since.is_empty() && self.asking.is_none_or(|it| EVERY_MS <= now - it)
    }

    /// They are asked for.
    pub(super) fn ask(&mut self, now: Millis) {
        self.asking = Some(now);
    }

    /// They were read. If not, those of before count until they are too old; then estimates have
    /// to do.
    pub(super) fn take(&mut self, read: Result<Ages, CliError>) {
        if let Ok(ages) = read {
            (self.read, self.asked) = (ages, self.asking);
        }
    }

    /// Puts what records said in the place of what was estimated.
    pub(super) fn put(&self, now: Millis, measured: &mut Measured<'_>) {
        let Answer::Known(groups) = &mut measured.groups else { return };
        for group in groups {
            let is_known = matches!(group.late, Late::CaughtUp | Late::NoCommit);
            if let Some(late) = self.age(group.name, now).filter(|_| !is_known) {
                group.late = late;
            }
        }
    }

    /// What was read of a group in its present trouble: of one that had caught up meanwhile, it is
    /// about other records.
    fn age(&self, group: &str, now: Millis) -> Option<Late> {
        let (asked, since) = (self.asked?, *self.since.get(group)?);
        let counts = since <= asked && now - asked < BELIEVED_MS;
        self.read.get(group).copied().filter(|_| counts)
    }
}

/// Puts what records said in the place of what was estimated, just now.
pub(super) fn put(ages: &Ages, measured: &mut Measured<'_>) {
    let now = Millis(0);
    let since = ages.keys().map(|it| (it.clone(), now)).collect();
    KnownAges { read: ages.clone(), asked: Some(now), asking: None, since }.put(now, measured);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(ages: &KnownAges, at: u64) -> Option<Late> {
        ages.age("billing", Millis(at))
    }

    #[test]
    fn an_age_counts_for_the_trouble_that_it_was_read_in() {
        let billing = ["billing".to_owned()];
        let read = || Ages::from([(billing[0].clone(), Late::Read(7_200_000))]);
        let mut ages = KnownAges::default();
        assert!(!ages.is_due(Millis(0)));
        ages.want(&billing, Millis(1_000));
        assert!(ages.is_due(Millis(1_000)));
        ages.ask(Millis(1_000));
        assert!(!ages.is_due(Millis(30_999)) && ages.is_due(Millis(31_000)));
        ages.take(Ok(read()));
        assert_eq!(known(&ages, 2_000), Some(Late::Read(7_200_000)));
        // Nobody answers any more.
        assert_eq!(known(&ages, 60_999), Some(Late::Read(7_200_000)));
        assert_eq!(known(&ages, 61_000), None);
        // It catches up, and is behind again: what was read, or comes late, was of other records.
        ages.want(&[], Millis(3_000));
        ages.want(&billing, Millis(4_000));
        assert_eq!(known(&ages, 5_000), None);
        ages.take(Ok(read()));
        assert_eq!(known(&ages, 5_000), None);
        ages.ask(Millis(31_000));
        assert_eq!(known(&ages, 31_000), None);
        ages.take(Ok(read()));
        assert_eq!(known(&ages, 32_000), Some(Late::Read(7_200_000)));
    }

    #[test]
    fn a_reading_that_fails_takes_nothing_away_before_its_time() {
        let billing = ["billing".to_owned()];
        let mut ages = KnownAges::default();
        ages.want(&billing, Millis(1_000));
        ages.ask(Millis(1_000));
        ages.take(Ok(Ages::from([(billing[0].clone(), Late::Read(7_200_000))])));
        ages.ask(Millis(31_000));
        ages.take(Err(CliError::other("a broker is gone")));
        assert_eq!(known(&ages, 32_000), Some(Late::Read(7_200_000)));
        // The next one is asked for as always, and what was read last grows too old meanwhile.
        assert!(!ages.is_due(Millis(60_999)) && ages.is_due(Millis(61_000)));
        assert_eq!(known(&ages, 61_000), None);
    }
}
