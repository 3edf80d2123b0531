//! Committed offsets that a command moves or takes away, or gives back what they were.

use std::collections::BTreeMap;

use kt_client::Admin;
use kt_client::admin::{CommittedOffset, PerPartition};
use kt_protocol::ErrorCode;
use kt_protocol::types::{LeaderEpoch, Offset, TopicPartition};

use crate::change::counted;
use crate::error::{CliError, Kind};
use crate::group_selection;
use crate::journal::{OffsetState, Step};

/// What becomes of the commits of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OffsetPlan {
    pub(crate) group: String,
    /// Only what changes.
    pub(crate) changes: Vec<OffsetChange>,
}

/// One partition: from a commit or none to a commit or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OffsetChange {
    pub(crate) partition: TopicPartition,
    pub(crate) old: Option<CommittedOffset>,
    pub(crate) new: Option<CommittedOffset>,
}

/// Commits that can be read; the first that cannot fails all.
pub(crate) async fn present(
    admin: &Admin,
    group: &str,
) -> Result<BTreeMap<TopicPartition, CommittedOffset>, CliError> {
    let commits = admin.committed_offsets(group).await?;
    commits.into_iter().map(|(partition, it)| Ok((partition, it?))).collect()
}

/// A commit without anything beside it.
pub(crate) fn plain(offset: i64) -> CommittedOffset {
    CommittedOffset { offset: Offset(offset), leader_epoch: None, metadata: String::new() }
}

impl OffsetPlan {
    /// What gives `partitions` back what they had; refuses if they are not what was left, or if the
    /// group has members by now.
    pub(crate) async fn to_restore(
        admin: &Admin,
        group: &str,
        partitions: &[OffsetState],
    ) -> Result<OffsetPlan, CliError> {
        if let Some(described) = group_selection::find_if_any(admin, group).await? {
            group_selection::require_inactive(&described)?;
        }
        restoring(group, partitions, &present(admin, group).await?)
    }

    /// A line for each partition.
    pub(crate) fn lines(&self, is_dry_run: bool) -> Vec<String> {
        let verb = |new: &Option<CommittedOffset>| match (new, is_dry_run) {
            (Some(_), false) => "reset",
            (Some(_), true) => "would reset",
            (None, false) => "delete offset of",
            (None, true) => "would delete offset of",
        };
        let line = |it: &OffsetChange| {
            let TopicPartition { topic, partition } = &it.partition;
            let offset = |it: &Option<CommittedOffset>| match it {
                Some(commit) => commit.offset.0.to_string(),
                None => "no commit".to_owned(),
            };
            let values = format!("{} -> {}", offset(&it.old), offset(&it.new));
            format!(
                "{} {} {topic}:{partition}: {values}{}",
                verb(&it.new),
                self.group,
                it.meaning()
            )
        };
        self.changes.iter().map(line).collect()
    }

    /// What takes it back.
    pub(crate) fn step(&self) -> Option<Step> {
        let state = |it: &OffsetChange| OffsetState {
            topic: it.partition.topic.clone(),
            partition: it.partition.partition.0,
            was: it.old.as_ref().map(|it| it.offset.0),
            left: it.new.as_ref().map(|it| it.offset.0),
            leader_epoch: it.old.as_ref().and_then(|it| it.leader_epoch).map(|it| it.0),
            metadata: it.old.as_ref().map(|it| it.metadata.clone()).unwrap_or_default(),
        };
        let partitions: Vec<OffsetState> = self.changes.iter().map(state).collect();
        (!partitions.is_empty())
            .then(|| Step::RestoreOffsets { group: self.group.clone(), partitions })
    }

    /// Makes the changes; each partition has its own result.
    pub(crate) async fn apply(&self, admin: &Admin) -> Result<PerPartition, CliError> {
        let commits: BTreeMap<TopicPartition, CommittedOffset> = self
            .changes
            .iter()
            .filter_map(|it| Some((it.partition.clone(), it.new.clone()?)))
            .collect();
        let deleted = self.changes.iter().filter(|it| it.new.is_none());
        let deleted: Vec<TopicPartition> = deleted.map(|it| it.partition.clone()).collect();
        let mut results = PerPartition::new();
        if !commits.is_empty() {
            results.extend(admin.alter_offsets(&self.group, &commits).await?);
        }
        if !deleted.is_empty() {
            results.extend(admin.delete_offsets(&self.group, &deleted).await?);
        }
        Ok(results)
    }

    /// The same, where the first that fails fails all.
    pub(crate) async fn apply_whole(&self, admin: &Admin) -> Result<(), CliError> {
        for result in self.apply(admin).await?.into_values() {
            result.map_err(with_hint)?;
        }
        Ok(())
    }

    /// The plan of those that succeeded.
    pub(crate) fn retain(&mut self, is_made: impl Fn(&TopicPartition) -> bool) {
        self.changes.retain(|it| is_made(&it.partition));
    }
}

/// What the codes of these changes mean to an operator.
pub(crate) fn with_hint(error: kt_client::Error) -> CliError {
    let code = error.code();
    let error = CliError::from(error);
    match code {
        Some(ErrorCode::UnknownMemberId | ErrorCode::NonEmptyGroup) => {
            error.hint("the group has members: kt groups describe GROUP --members")
        }
        Some(ErrorCode::GroupSubscribedToTopic) => {
            error.hint("its members read the topic: stop them first")
        }
        _ => error,
    }
}

fn restoring(
    group: &str,
    partitions: &[OffsetState],
    present: &BTreeMap<TopicPartition, CommittedOffset>,
) -> Result<OffsetPlan, CliError> {
    let mut changes = Vec::new();
    for it in partitions {
        let partition = TopicPartition::new(it.topic.clone(), it.partition);
        let old = present.get(&partition).cloned();
        if old.as_ref().map(|it| it.offset.0) != it.left {
            let message = format!(
                "group \"{group}\" has committed other offsets of {}:{} by now",
                it.topic, it.partition
            );
            let error = CliError::new(Kind::Other, "STATE_CHANGED", message);
            return Err(error.hint(format!("kt groups offsets {group} -t {}", it.topic)));
        }
        let new = it.was.map(|offset| CommittedOffset {
            offset: Offset(offset),
            leader_epoch: it.leader_epoch.map(LeaderEpoch),
            metadata: it.metadata.clone(),
        });
        changes.push(OffsetChange { partition, old, new });
    }
    Ok(OffsetPlan { group: group.to_owned(), changes })
}

impl OffsetChange {
    /// In records: what is read again, and what never is.
    fn meaning(&self) -> String {
        let (Some(old), Some(new)) = (&self.old, &self.new) else { return String::new() };
        let offsets = new.offset.0.abs_diff(old.offset.0);
        let offsets = counted(usize::try_from(offsets).unwrap_or(usize::MAX), "offset");
        match new.offset.cmp(&old.offset) {
            std::cmp::Ordering::Less => format!(" (reads {offsets} again)"),
            std::cmp::Ordering::Equal => String::new(),
            std::cmp::Ordering::Greater => format!(" (skips {offsets})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(partition: i32, old: Option<i64>, new: Option<i64>) -> OffsetChange {
        let partition = TopicPartition::new("orders", partition);
        OffsetChange { partition, old: old.map(plain), new: new.map(plain) }
    }

    fn plan() -> OffsetPlan {
        let changes = vec![
            change(0, Some(5), Some(0)),
            change(1, Some(5), Some(6)),
            change(2, None, Some(9)),
            change(3, Some(5), None),
        ];
        OffsetPlan { group: "app".to_owned(), changes }
    }

    #[test]
    fn plans_say_what_they_mean_in_records() {
        insta::assert_snapshot!(plan().lines(false).join("\n"), @"
        reset app orders:0: 5 -> 0 (reads 5 offsets again)
        reset app orders:1: 5 -> 6 (skips 1 offset)
        reset app orders:2: no commit -> 9
        delete offset of app orders:3: 5 -> no commit
        ");
    }

    #[test]
    fn the_way_back_is_lines_of_ours() {
        insta::assert_snapshot!(plan().step().unwrap().line(), @"kt groups delete-offsets app -t orders:2 && kt groups reset app -t orders:0 -t orders:1 -t orders:3 --to 5");
    }

    #[test]
    fn only_what_the_change_left_is_restored() {
        let Some(Step::RestoreOffsets { group, partitions }) = plan().step() else { panic!() };
        let left = |it: &OffsetChange| Some((it.partition.clone(), it.new.clone()?));
        let mut present: BTreeMap<_, _> = plan().changes.iter().filter_map(left).collect();
        let back = restoring(&group, &partitions, &present).unwrap();
        for (back, forth) in back.changes.iter().zip(plan().changes) {
            assert_eq!((&back.old, &back.new), (&forth.new, &forth.old));
        }
        present.insert(TopicPartition::new("orders", 1), plain(7));
        let error = restoring(&group, &partitions, &present).unwrap_err();
        insta::assert_snapshot!(error.message, @r#"group "app" has committed other offsets of orders:1 by now"#);
    }
}
