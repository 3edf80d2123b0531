//! What rules look at, taken from everything that is known of the cluster.

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::types::Now;

use super::{BrokerMeasure, DirectoryMeasure, GroupMeasure, Measured, TimesTold, TopicMeasure};
use crate::tui::figures::Reading;
use crate::tui::history::Rate;
use crate::tui::model::checks::facts::{
    Answer, BrokerFact, BrokerState, DirectoryFact, Facts, PartitionFact,
};
use crate::tui::model::facts::{Stale, facts};
use crate::tui::model::lag::{Lag, Late};
use crate::tui::model::schedule::Kind;
use crate::tui::model::watch::Watch;

impl Measured<'_> {
    /// All that a watch knows. While nobody in the cluster answers, all its brokers are down, and
    /// the rest is not known.
    pub(crate) fn of(watch: &Watch, now: Now) -> Measured<'_> {
        if let Some(silent_ms) = watch.silent_ms(now) {
            // Which brokers there are is known from before, however old that is.
            let facts = facts(&watch.cluster, Vec::new(), &Stale::default(), now);
            let down = |it: &BrokerFact<'_>| BrokerMeasure { id: it.id, down_ms: Some(silent_ms) };
            return Measured { brokers: each(facts.brokers, down), ..Measured::nothing() };
        }
        let facts = facts(&watch.cluster, Vec::new(), &watch.stale(), now);
        Measured {
            groups: map(facts.groups.clone(), |_| groups(watch)),
            topics: topics(watch, &facts),
            brokers: each(facts.brokers, broker),
            directories: each(facts.directories, directory),
            told: TimesTold {
                commits: watch.round_of(&[Kind::Commits, Kind::ShareCommits]),
                log_ends: watch.round_of(&[Kind::LogEnds]),
                metadata: watch.round_of(&[Kind::Metadata]),
                sizes: watch.round_of(&[Kind::LogDirs]),
                brokers: watch.round_of(&[Kind::Brokers]),
            },
        }
    }
}

fn map<T, U>(answer: Answer<T>, read: impl FnOnce(T) -> U) -> Answer<U> {
    match answer {
        Answer::Pending => Answer::Pending,
        Answer::Refused(why) => Answer::Refused(why),
        Answer::Known(it) => Answer::Known(read(it)),
    }
}

fn each<T, U>(answer: Answer<Vec<T>>, read: impl Fn(&T) -> U) -> Answer<Vec<U>> {
    map(answer, |all| all.iter().map(read).collect())
}

fn broker(it: &BrokerFact<'_>) -> BrokerMeasure {
    let down_ms = match it.state {
        BrokerState::Up | BrokerState::Fenced => None,
        BrokerState::Down { since_ms } => Some(since_ms),
    };
    BrokerMeasure { id: it.id, down_ms }
}

/// A broker that does not tell how full its volumes are fires nothing.
fn directory<'a>(it: &DirectoryFact<'a>) -> DirectoryMeasure<'a> {
    let used = match it.is_stale {
        true => Reading::Pending,
        false => it.used.map_or(Reading::Missing, Reading::Known),
    };
    DirectoryMeasure { broker: it.broker, path: it.path, used }
}

fn groups(watch: &Watch) -> Vec<GroupMeasure<'_>> {
    let group = |name| match watch.groups.get(name) {
        Some(it) if !it.is_stale => GroupMeasure { name, lag: it.cells.lag, late: it.cells.late },
        _ => GroupMeasure { name, lag: Lag::Unknown, late: Late::Unknown },
    };
    watch.cluster.groups.keys().map(|it| group(it.as_str())).collect()
}

fn topics<'a>(watch: &'a Watch, facts: &Facts<'a>) -> Answer<Vec<TopicMeasure<'a>>> {
    map(facts.partitions.clone(), |partitions| {
        let mut behind: BTreeMap<&str, u64> = BTreeMap::new();
        for it in &partitions {
            *behind.entry(it.topic).or_default() += u64::from(is_out_of_sync(it, &facts.down));
        }
        let sizes = match &facts.directories {
            Answer::Refused(_) => Reading::Failed,
            _ => Reading::Pending,
        };
        behind.into_iter().map(|(name, behind)| topic(watch, name, behind, sizes)).collect()
    })
}

/// Whether a replica is out of sync whose broker is up.
fn is_out_of_sync(it: &PartitionFact<'_>, down: &BTreeSet<i32>) -> bool {
    it.replicas.iter().any(|id| !it.isr.contains(id) && !down.contains(&id.0))
}

fn topic<'a>(
    watch: &'a Watch,
    name: &'a str,
    behind: u64,
    unknown: Reading<u64>,
) -> TopicMeasure<'a> {
    let partitions =
        watch.cluster.topics.get(name).into_iter().flat_map(|it| it.partitions.values());
    let sizes = partitions.filter_map(|it| it.leader_size()).map(|it| it.value);
    let size = sizes.reduce(u64::saturating_add);
    TopicMeasure {
        name,
        size_bytes: size.map_or(unknown, Reading::Known),
        rate: match watch.rates.get(name) {
            Some(Rate::PerSecond(rate)) => Reading::Known(*rate),
            _ => Reading::Pending,
        },
        under_replicated: Reading::Known(behind),
    }
}
