//! Where a member begins in the partitions that the group gives it, and where it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kt_client::admin::Isolation;
use kt_client::consumer::OffsetReset;
use kt_client::consumer::group::{OffsetAndMetadata, Offsets};
use kt_protocol::types::{Offset, TopicPartition};
use tokio::time::Instant;

use super::super::reading::Span;
use super::{Member, listed};
use crate::error::CliError;
use crate::position::At;
use crate::resolve::{self, Bounds, Places};
use crate::topic_selection;

/// A member without partitions stays so long: rebalances may come in two steps.
const WITHOUT_PARTITIONS: Duration = Duration::from_secs(6);

impl Member<'_> {
    /// Begins to read these where the group has come to, or where `--from` says.
    pub(super) async fn begin(&mut self, added: BTreeSet<TopicPartition>) -> Result<(), CliError> {
        self.owned.extend(added.iter().cloned());
        self.alone_until = match self.owned.is_empty() && self.args.until().is_some() {
            true => Some(Instant::now() + WITHOUT_PARTITIONS),
            false => None,
        };
        self.tell("reads", &added);
        if added.is_empty() {
            self.reading.begin(Vec::new());
            // Others may have all of it; or there is nothing to have any more.
            return if self.owned.is_empty() { self.check_topics().await } else { Ok(()) };
        }
        let isolation = self.consumer.reader().config().isolation;
        let all: Vec<TopicPartition> = added.iter().cloned().collect();
        let mut committed = self.consumer.committed(&added).await?;
        let bounds = resolve::bounds(self.admin, &all, isolation).await?;
        self.leave_out_what_is_gone(&mut committed, &bounds).await?;
        let from = self.from(&committed, &bounds).await?;
        self.find_ends(&bounds).await?;
        let mut spans = Vec::new();
        for (partition, bounds) in bounds {
            let commit = committed.get(&partition).map(|it| it.offset.0);
            let from = self.place(&partition, bounds, commit, from.get(&partition).copied());
            let until = self.ends.get(&partition).copied();
            spans.push(Span { partition, from, until, is_exact: false });
        }
        self.say_who_wins(&committed);
        let spans: Vec<Span> = spans.into_iter().filter(|it| !it.is_empty()).collect();
        self.consumer.resume(spans.iter().map(|it| &it.partition));
        self.reading.begin(spans);
        Ok(())
    }

    /// A commit behind the end of its log is of records that are gone (an unclean election, a topic
    /// that was made again): said, and then as if there were none.
    async fn leave_out_what_is_gone(
        &self,
        committed: &mut Offsets,
        bounds: &BTreeMap<TopicPartition, Bounds>,
    ) -> Result<(), CliError> {
        let is_behind = |(it, commit): &(&TopicPartition, &OffsetAndMetadata)| {
            bounds.get(it).is_some_and(|bounds| bounds.end < commit.offset.0)
        };
        let behind: Vec<TopicPartition> =
            committed.iter().filter(is_behind).map(|(it, _)| it.clone()).collect();
        if behind.is_empty() {
            return Ok(());
        }
        // What is committed may lie above the last stable offset.
        let bounds = resolve::bounds(self.admin, &behind, Isolation::ReadUncommitted).await?;
        for (partition, bounds) in bounds {
            let end = bounds.end;
            let Some(commit) = committed.get(&partition).filter(|it| end < it.offset.0) else {
                continue;
            };
            let place = match self.reset {
                OffsetReset::Earliest => "from earliest",
                OffsetReset::Latest => "from latest",
                OffsetReset::None | OffsetReset::ByDuration(_) => "as auto.offset.reset says",
            };
            let place = if self.args.from.is_some() { "as --from says" } else { place };
            self.session.warn(&format!(
                "group \"{}\" had come to {} in {partition}, which ends at {end} now: the records \
                 in between are gone; it goes on {place}",
                self.name, commit.offset
            ));
            committed.remove(&partition);
        }
        Ok(())
    }

    /// Fails if a topic has gone.
    async fn check_topics(&self) -> Result<(), CliError> {
        if self.session.globals.regex {
            return Ok(());
        }
        let names: Vec<String> = self.args.topics.iter().map(|it| it.topic.clone()).collect();
        let found = topic_selection::find_all(self.admin, &names).await?;
        found.into_iter().try_for_each(|(_, found)| found.map(drop))
    }

    /// Where to begin in partitions that have no commit.
    async fn from(
        &self,
        committed: &Offsets,
        bounds: &BTreeMap<TopicPartition, Bounds>,
    ) -> Result<Places, CliError> {
        let by_key = match self.reset {
            OffsetReset::Earliest => Some(At::Earliest),
            OffsetReset::Latest => Some(At::Latest),
            OffsetReset::None | OffsetReset::ByDuration(_) => None,
        };
        let Some(from) = self.args.from.clone().or(by_key) else { return Ok(Places::new()) };
        let without = bounds.iter().filter(|(it, _)| !committed.contains_key(it));
        let without = without.map(|(it, bounds)| (it.clone(), *bounds)).collect();
        let out_of_range = self.args.out_of_range();
        resolve::places(self.admin, self.session, "--from", &from, &without, out_of_range).await
    }

    /// Where those end that were not read before in this run.
    async fn find_ends(
        &mut self,
        bounds: &BTreeMap<TopicPartition, Bounds>,
    ) -> Result<(), CliError> {
        let Some(until) = self.args.until() else { return Ok(()) };
        let new = bounds.iter().filter(|(it, _)| !self.ends.contains_key(it));
        let new = new.map(|(it, bounds)| (it.clone(), *bounds)).collect();
        let out_of_range = self.args.out_of_range();
        let ends = resolve::places(self.admin, self.session, "--until", &until, &new, out_of_range);
        self.ends.extend(ends.await?);
        Ok(())
    }

    /// Where one partition is read from; puts the consumer there if it is not.
    fn place(
        &self,
        partition: &TopicPartition,
        bounds: Bounds,
        commit: Option<i64>,
        from: Option<i64>,
    ) -> i64 {
        match (commit, from) {
            (Some(commit), _) if bounds.start <= commit => commit,
            (Some(commit), _) => {
                let (name, start) = (self.name, bounds.start);
                self.session.warn(&format!(
                    "group \"{name}\" had come to {commit} in {partition}, which begins at {start} \
                     now: {} offsets are gone unread",
                    start - commit
                ));
                self.consumer.seek(partition, Offset(start));
                start
            }
            (None, Some(from)) => {
                self.consumer.seek(partition, Offset(from));
                if bounds.start < from {
                    // Who comes back goes on from there, also if nothing came until then.
                    let mut ledger = self.ledger.lock();
                    ledger.note(partition, Offset(from).into(), 0);
                    ledger.flushed(0);
                }
                from
            }
            (None, None) => bounds.start,
        }
    }

    fn say_who_wins(&mut self, committed: &Offsets) {
        if self.args.from.is_none() || committed.is_empty() || self.has_said_who_wins {
            return;
        }
        self.has_said_who_wins = true;
        let partitions: Vec<&TopicPartition> = committed.keys().collect();
        let name = self.name;
        self.session.note(&format!(
            "group \"{name}\" has committed offsets of {}: they win over --from; kt groups reset \
             {name} --to AT moves them",
            listed(partitions)
        ));
    }
}
