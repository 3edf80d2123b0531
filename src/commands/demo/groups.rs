//! The demo's groups: one that is well, one that lags, one with an idle member, and one that a burst
//! overtakes.

use std::time::Duration;

use kt_client::consumer::group::{AutoCommit, GroupConfig, GroupConsumer, Subscription};
use kt_client::consumer::{ConsumerConfig, OffsetReset};
use kt_client::{Client, ClientConfig, Error};
use tokio::time::MissedTickBehavior;

use super::topics::{BALANCES, CHANGES, ENRICHED, LOGS, METRICS, ORDERS, PAGE_VIEWS};

/// A slow member reads so often.
const SLOW_TICK: Duration = Duration::from_millis(250);

/// Longest wait of one poll.
const POLL: Duration = Duration::from_secs(5);

/// A member whose poll failed waits so long.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// How often members commit: what they have read meanwhile counts as lag.
const COMMITS: Duration = Duration::from_secs(1);

/// Bytes of one fetch: members are small programs.
const FETCH_BYTES_MAX: i32 = 1 << 20;

/// A group, and how it reads.
pub(super) struct DemoGroup {
    pub(super) name: &'static str,
    pub(super) topic: &'static str,
    /// What its members call themselves, with a number behind.
    pub(super) client: &'static str,
    pub(super) members: usize,
    pub(super) reads: Reads,
    pub(super) start: Start,
}

/// How fast each member reads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reads {
    /// All that comes.
    AsItComes,
    /// So many records a tick at most.
    PerTick(usize),
    /// All that comes, and writes what it makes of it.
    Pipeline,
}

/// What a group has read when the demo begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    /// Everything.
    CaughtUp,
    /// All but the youngest records, of so long.
    Behind(Duration),
}

const fn group(name: &'static str, topic: &'static str, client: &'static str) -> DemoGroup {
    let (reads, start) = (Reads::AsItComes, Start::CaughtUp);
    DemoGroup { name, topic, client, members: 1, reads, start }
}

pub(super) const GROUPS: [DemoGroup; 8] = [
    DemoGroup { members: 2, ..group("order-fulfilment", ORDERS, "fulfilment") },
    // 56 a second: more than come in, but for the seconds of a burst.
    DemoGroup { reads: Reads::PerTick(14), ..group("invoice-mailer", ORDERS, "mailer") },
    DemoGroup { reads: Reads::Pipeline, ..group("page-view-enricher", PAGE_VIEWS, "enricher") },
    // 8 a second, of 25 that come in.
    DemoGroup {
        reads: Reads::PerTick(2),
        start: Start::Behind(Duration::from_secs(600)),
        ..group("warehouse-loader", PAGE_VIEWS, "loader")
    },
    group("audience-report", ENRICHED, "report"),
    DemoGroup { members: 2, ..group("metrics-rollup", METRICS, "rollup") },
    DemoGroup { members: 2, ..group("log-search", LOGS, "indexer") },
    group("balance-cache", BALANCES, "cache"),
];

/// One partition and two members: one of them waits for the other to fail.
pub(super) const WITH_IDLE_MEMBER: DemoGroup =
    DemoGroup { members: 2, ..group("stock-replica", CHANGES, "replica") };

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static DemoGroup> {
    GROUPS.iter().chain([&WITH_IDLE_MEMBER])
}

impl DemoGroup {
    /// A member that has not joined yet; its first poll does.
    pub(super) fn member(&self, bootstrap: &str, number: usize) -> Result<GroupConsumer, Error> {
        let client = Client::new(ClientConfig {
            bootstrap: vec![bootstrap.to_owned()],
            client_id: format!("{}-{number}", self.client),
            ..ClientConfig::default()
        });
        let reading = ConsumerConfig {
            offset_reset: OffsetReset::Earliest,
            fetch_max_bytes: FETCH_BYTES_MAX,
            poll_records_max: match self.reads {
                Reads::PerTick(records) => records,
                Reads::AsItComes | Reads::Pipeline => ConsumerConfig::default().poll_records_max,
            },
            ..ConsumerConfig::default()
        };
        let auto_commit = AutoCommit { is_enabled: true, interval: COMMITS };
        let config = GroupConfig { auto_commit, ..GroupConfig::new(self.name) };
        let member = GroupConsumer::new(client, reading, config)?;
        member.subscribe(Subscription::names([self.topic]));
        Ok(member)
    }
}

/// Reads as it comes, for ever.
pub(super) async fn read(member: GroupConsumer) {
    loop {
        if member.poll(POLL).await.is_err() {
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}

/// Reads one poll's records a tick, for ever.
pub(super) async fn read_slowly(member: GroupConsumer) {
    let mut ticks = tokio::time::interval(SLOW_TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if member.poll(POLL).await.is_err() {
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}
