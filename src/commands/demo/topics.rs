//! The demo's topics: one for each kind of use, with configs that fit it.

use std::time::Duration;

use kt_client::Random;
use kt_client::admin::{NewTopic, Placement};

use super::rate::{Bursts, Rate};
use super::values::Values;
use super::values::account_balances::AccountBalances;
use super::values::enrichment::EnrichedViews;
use super::values::host_metrics::HostMetrics;
use super::values::inventory_changes::InventoryChanges;
use super::values::orders::Orders;
use super::values::page_views::PageViews;
use super::values::service_logs::ServiceLogs;

pub(super) const ORDERS: &str = "orders";
pub(super) const PAGE_VIEWS: &str = "page-views";
pub(super) const ENRICHED: &str = "page-views-enriched";
pub(super) const METRICS: &str = "host-metrics";
pub(super) const LOGS: &str = "service-logs";
pub(super) const BALANCES: &str = "account-balances";
pub(super) const CHANGES: &str = "inventory-changes";

/// A topic, what it held when the demo began, and what comes into it.
pub(super) struct DemoTopic {
    pub(super) name: &'static str,
    pub(super) partitions: u16,
    /// Beside the broker's defaults. Each topic is bounded in bytes, by time or by compaction.
    pub(super) configs: &'static [(&'static str, &'static str)],
    pub(super) values: fn(Random) -> Box<dyn Values>,
    pub(super) history: History,
    /// None: who reads another topic writes this one.
    pub(super) rate: Option<Rate>,
}

/// Records that are spread evenly over the time before the demo.
#[derive(Clone, Copy)]
pub(super) struct History {
    pub(super) records: u32,
    pub(super) over: Duration,
}

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// Orders come in at a rate that every reader can follow, until many come at once.
const BURSTS_OF_ORDERS: Bursts = Bursts {
    records: 700.0,
    first: Duration::from_secs(10),
    every: Duration::from_secs(80),
    lasting: Duration::from_secs(3),
};

/// Records that a topic has as page views, in each second of its history.
const PAGE_VIEWS_PER_S: u32 = 25;

pub(super) const TOPICS: [DemoTopic; 7] = [
    DemoTopic {
        name: ORDERS,
        partitions: 6,
        // A queue: kept for a week, so that work can be done again.
        configs: &[
            ("retention.ms", "604800000"),
            ("retention.bytes", "33554432"),
            ("segment.bytes", "4194304"),
        ],
        values: |random| Box::new(Orders::new(random)),
        history: History { records: 1_500, over: minutes(26 * 60) },
        rate: Some(Rate { per_s: 30.0, bursts: Some(BURSTS_OF_ORDERS) }),
    },
    DemoTopic {
        name: PAGE_VIEWS,
        partitions: 4,
        // Activity tracking: much of it, for a few days.
        configs: &[
            ("retention.ms", "259200000"),
            ("retention.bytes", "67108864"),
            ("segment.bytes", "8388608"),
        ],
        values: |random| Box::new(PageViews::new(random)),
        // As dense as what follows: who is ten minutes late stays so for long.
        history: History { records: 12 * 60 * PAGE_VIEWS_PER_S, over: minutes(12) },
        rate: Some(Rate::steady(PAGE_VIEWS_PER_S as f64)),
    },
    DemoTopic {
        name: ENRICHED,
        partitions: 4,
        // Made of another topic: it can be made again.
        configs: &[
            ("retention.ms", "86400000"),
            ("retention.bytes", "33554432"),
            ("segment.bytes", "8388608"),
        ],
        values: |random| Box::new(EnrichedViews::new(random)),
        history: History { records: 1_000, over: minutes(12) },
        rate: None,
    },
    DemoTopic {
        name: METRICS,
        partitions: 3,
        // Metrics age fast; segments of a quarter of an hour go one by one.
        configs: &[("retention.ms", "7200000"), ("segment.ms", "900000")],
        values: |random| Box::new(HostMetrics::new(random)),
        history: History { records: 3_000, over: minutes(3 * 60) },
        rate: Some(Rate::steady(40.0)),
    },
    DemoTopic {
        name: LOGS,
        partitions: 3,
        configs: &[
            ("retention.ms", "43200000"),
            ("retention.bytes", "33554432"),
            ("segment.bytes", "4194304"),
        ],
        values: |random| Box::new(ServiceLogs::new(random)),
        history: History { records: 2_000, over: minutes(5 * 60) },
        rate: Some(Rate::steady(50.0)),
    },
    DemoTopic {
        name: BALANCES,
        partitions: 3,
        // Keyed state: only the last record of each key counts.
        configs: &[
            ("cleanup.policy", "compact"),
            ("min.cleanable.dirty.ratio", "0.2"),
            ("max.compaction.lag.ms", "600000"),
            ("delete.retention.ms", "600000"),
            ("segment.ms", "120000"),
        ],
        values: |random| Box::new(AccountBalances::new(random)),
        history: History { records: 2_000, over: minutes(60) },
        rate: Some(Rate::steady(15.0)),
    },
    DemoTopic {
        name: CHANGES,
        partitions: 1,
        // A commit log: one order, and no age at which it goes.
        configs: &[
            ("retention.ms", "-1"),
            ("retention.bytes", "67108864"),
            ("segment.bytes", "4194304"),
        ],
        values: |random| Box::new(InventoryChanges::new(random)),
        history: History { records: 1_500, over: minutes(48 * 60) },
        rate: Some(Rate::steady(10.0)),
    },
];

impl DemoTopic {
    /// As the controller is asked for it.
    pub(super) fn asked(&self) -> NewTopic {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        NewTopic {
            name: self.name.to_owned(),
            placement: Placement::Counts {
                partitions: Some(i32::from(self.partitions)),
                replication_factor: Some(1),
            },
            configs: self.configs.iter().map(owned).collect(),
        }
    }
}

impl History {
    /// How old each record is when the demo begins, the oldest first.
    pub(super) fn ages(self) -> impl Iterator<Item = Duration> {
        let step = self.over / self.records.max(1);
        (0..self.records).rev().map(move |younger| step * (younger + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_spread_and_ends_before_now() {
        let ages = |records, over| History { records, over }.ages().collect::<Vec<_>>();
        assert_eq!(ages(3, minutes(1)), [60, 40, 20].map(Duration::from_secs));
        assert!(ages(0, minutes(1)).is_empty());
    }

    #[test]
    fn no_topic_grows_for_ever() {
        for topic in &TOPICS {
            let value = |key| topic.configs.iter().find(|it| it.0 == key).map(|it| it.1);
            let by_time =
                value("retention.ms").is_some_and(|it| it.len() <= "7200000".len() && it != "-1");
            let is_bounded = by_time
                || value("retention.bytes").is_some()
                || value("cleanup.policy") == Some("compact");
            assert!(is_bounded, "{}", topic.name);
        }
    }
}
