//! What goes into the series of charts, once all of a second's answers are in.

use std::collections::BTreeSet;

use kt_protocol::types::{Millis, NodeId};

use super::{News, Watch};
use crate::tui::history::Rate;
use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::checks::facts::{Answer, Facts};
use crate::tui::model::checks::partitions::Fault;
use crate::tui::model::cluster::brokers::Broker;
use crate::tui::model::lag::Lag;
use crate::tui::model::schedule::Kind;

impl Watch {
    pub(super) fn renew_rates(&mut self) {
        let since = self.fresh_since(Kind::LogEnds);
        let rate = |name: &String| (name.clone(), self.store.topic_rate(name, since));
        self.rates = self.cluster.topics.keys().map(rate).collect();
    }

    pub(super) fn push_samples(&mut self, news: &News, faults: Option<FaultCounts>, now: Millis) {
        if news.offsets {
            self.push_records(now);
            self.push_groups(now);
        }
        if !news.sizes.is_empty() {
            self.push_bytes(&news.sizes, now);
        }
        if let Some(faults) = faults {
            self.push_faults(faults, now);
        }
        if news.quorum {
            self.push_quorum(now);
        }
    }

    fn push_records(&mut self, now: Millis) {
        let mut total = None;
        for (name, rate) in &self.rates {
            let Some(rate) = rate.per_second() else { continue };
            let subject = Subject::Topic(name.clone());
            self.store.push(now, &subject, Metric::RecordsIn, rate as f32);
            total = Some(total.unwrap_or(0.0) + rate);
        }
        if let Some(total) = total {
            self.store.push(now, &Subject::Total, Metric::RecordsIn, total as f32);
        }
    }

    fn push_groups(&mut self, now: Millis) {
        let mut total = None;
        for (name, it) in self.groups.iter().filter(|(_, it)| !it.is_stale) {
            let subject = Subject::Group(name.clone());
            let cells = &it.cells;
            if let Lag::Records(lag) = cells.lag {
                self.store.push(now, &subject, Metric::Lag, lag as f32);
            }
            if let Rate::PerSecond(rate) = cells.incoming {
                self.store.push(now, &subject, Metric::GroupIn, rate as f32);
            }
            if let Rate::PerSecond(rate) = cells.read {
                self.store.push(now, &subject, Metric::RecordsOut, rate as f32);
                total = Some(total.unwrap_or(0.0) + rate);
            }
        }
        if let Some(total) = total {
            self.store.push(now, &Subject::Total, Metric::RecordsOut, total as f32);
        }
    }

    /// What these brokers have told now.
    fn push_bytes(&mut self, told: &BTreeSet<NodeId>, now: Millis) {
        let mut total = None;
        for name in self.cluster.topics.keys() {
            let Some(rate) = self.growth.of_topic(name, &self.cluster) else { continue };
            let subject = Subject::Topic(name.clone());
            self.store.push(now, &subject, Metric::BytesIn, rate.per_second as f32);
            total = Some(total.unwrap_or(0.0) + rate.per_second);
        }
        if let Some(total) = total {
            self.store.push(now, &Subject::Total, Metric::BytesIn, total as f32);
        }
        for (id, broker) in self.cluster.brokers.iter().filter(|(id, _)| told.contains(id)) {
            let subject = Subject::Broker(id.0);
            if let Some(rate) = self.growth.of_broker(*id) {
                self.store.push(now, &subject, Metric::BytesIn, rate.per_second as f32);
            }
            if let Some(size) = broker.size() {
                self.store.push(now, &subject, Metric::Size, size as f32);
            }
            if let Some(used) = broker.fullest() {
                self.store.push(now, &subject, Metric::DiskUsed, used as f32);
            }
        }
    }

    fn push_faults(&mut self, faults: FaultCounts, now: Millis) {
        let all = [
            (Metric::Offline, faults.offline),
            (Metric::BelowMinIsr, faults.below_min_isr),
            (Metric::OutOfSync, faults.out_of_sync),
        ];
        for (metric, count) in all {
            self.store.push(now, &Subject::Total, metric, count as f32);
        }
    }

    fn push_quorum(&mut self, now: Millis) {
        let Some(quorum) = &self.cluster.quorum else { return };
        let leader = quorum.value.voters.iter().find(|it| it.node == quorum.value.leader);
        let Some(end) = leader.and_then(|it| it.log_end) else { return };
        let ends = quorum.value.voters.iter().filter_map(|it| it.log_end);
        let slowest = ends.map(|it| end.0.saturating_sub(it.0).max(0)).max();
        if let Some(lag) = slowest {
            self.store.push(now, &Subject::Total, Metric::QuorumLag, lag as f32);
        }
    }
}

/// Partitions by what is wrong with them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FaultCounts {
    offline: u32,
    below_min_isr: u32,
    out_of_sync: u32,
}

impl FaultCounts {
    /// `None` while nobody tells of partitions.
    pub(super) fn of(facts: &Facts<'_>) -> Option<FaultCounts> {
        let Answer::Known(partitions) = &facts.partitions else { return None };
        let mut counts = FaultCounts::default();
        for it in partitions {
            match Fault::of(it, &facts.down) {
                Fault::Offline => counts.offline += 1,
                Fault::BelowMinIsr => counts.below_min_isr += 1,
                Fault::OutOfSync | Fault::OutOfSyncByDown => counts.out_of_sync += 1,
                Fault::None => {}
            }
        }
        Some(counts)
    }
}

impl Broker {
    /// What its replicas take, in bytes; `None` until it told.
    pub(crate) fn size(&self) -> Option<u64> {
        self.dirs.values().map(|it| it.used).reduce(u64::saturating_add)
    }

    /// The used share of its fullest directory, 0 to 1; `None` where it does not tell.
    pub(crate) fn fullest(&self) -> Option<f64> {
        let shares = self.dirs.values().filter_map(|it| it.share());
        shares.reduce(f64::max)
    }
}
