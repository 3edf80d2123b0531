//! Brokers: who is up, what each leads and holds.

use std::collections::BTreeSet;

use kt_protocol::types::{NodeId, Now};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::quorum::{self, QuorumRole, ReplicaLine as QuorumLine};
use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::checks::Level;
use crate::tui::model::checks::hold::Rise;
use crate::tui::model::cluster::brokers::{Broker, BrokerState};
use crate::tui::model::listing::{Line, List, Listing};
use crate::tui::model::order::{Rank, Value};
use crate::tui::model::page::{About, Page, Target};
use crate::tui::model::schedule::Kind;
use crate::tui::model::screen::Screen;
use crate::tui::model::watch::{Load, Skew, Watch};

/// A broker, as a line.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct BrokerLine {
    pub(crate) id: i32,
    /// The id as text: the subject.
    #[serde(skip)]
    key: String,
    pub(crate) level: Level,
    /// `kafka-1:9092`
    pub(crate) address: String,
    pub(crate) rack: Option<String>,
    pub(crate) role: Role,
    /// For how long it is down, in ms.
    pub(crate) down_ms: Option<u64>,
    pub(crate) leaders: usize,
    pub(crate) replicas: usize,
    /// Its replicas that are out of sync.
    pub(crate) out_of_sync: usize,
    /// Of its replicas, in bytes.
    pub(crate) size: Option<u64>,
    /// The used share of its fullest directory.
    pub(crate) disk: Option<f64>,
    pub(crate) dirs: usize,
    /// Until the first of its directories is full, in ms.
    pub(crate) full_in_ms: Option<u64>,
    pub(crate) bytes_in: Option<f64>,
    pub(crate) bytes_in_is_estimated: bool,
}

/// What a node does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    #[default]
    Broker,
    /// It votes in the metadata quorum, and is no broker.
    Controller,
    Both,
    Fenced,
    Down,
}

impl Line for BrokerLine {
    const SORTS: &'static [&'static str] = &[
        "level, id",
        "id",
        "lead",
        "repl",
        "urp",
        "size",
        "disk",
        "in B/s",
        "dirs",
        "full in",
        "address",
        "rack",
        "role",
    ];

    /// A lost broker is marked at once.
    const RISE: Rise = Rise::AtOnce;

    fn key(&self) -> &str {
        &self.key
    }

    fn level(&self) -> Level {
        self.level
    }

    fn set_level(&mut self, level: Level) {
        self.level = level;
    }

    fn rank(&self, sort: usize) -> Rank {
        let number = |it: Option<f64>| it.map_or(Value::Missing, Value::Number);
        let value = match Self::SORTS.get(sort).copied() {
            Some("lead") => Value::Number(self.leaders as f64),
            Some("repl") => Value::Number(self.replicas as f64),
            Some("urp") => Value::Number(self.out_of_sync as f64),
            Some("size") => number(self.size.map(|it| it as f64)),
            Some("disk") => number(self.disk),
            Some("in B/s") => number(self.bytes_in),
            Some("dirs") => Value::Number(self.dirs as f64),
            // The soonest first.
            Some("full in") => number(self.full_in_ms.map(|it| -(it as f64))),
            Some("address") => Value::Text(self.address.clone()),
            Some("rack") => self.rack.clone().map_or(Value::Missing, Value::Text),
            Some("role") => Value::Text(format!("{:?}", self.role)),
            // From the lowest id on.
            _ => Value::Text(format!("{:010}", self.id)),
        };
        let class = if sort == 0 { self.level.rank() } else { 0 };
        Rank { class, value }
    }

    fn words(&self) -> Vec<&str> {
        vec![&self.key, &self.address, self.rack.as_deref().unwrap_or_default()]
    }
}

/// The screen.
#[derive(Debug, Default)]
pub(crate) struct Brokers {
    pub(crate) list: Listing<BrokerLine>,
    pub(crate) is_known: bool,
    pub(crate) head: Head,
}

/// What stands above the brokers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Head {
    pub(crate) up: usize,
    pub(crate) all: usize,
    /// Zero where brokers have none.
    pub(crate) racks: usize,
    /// How much more than its share the broker leads that leads the most.
    pub(crate) leader_skew: Option<f64>,
}

impl Head {
    fn of(lines: &[BrokerLine]) -> Head {
        let racks: BTreeSet<&str> = lines.iter().filter_map(|it| it.rack.as_deref()).collect();
        let up = lines.iter().filter(|it| it.down_ms.is_none());
        let skew = Skew::of(up.clone().map(|it| it.leaders), up.clone().count());
        Head {
            up: up.clone().count(),
            all: lines.len(),
            racks: racks.len(),
            leader_skew: skew.share,
        }
    }
}

impl Page for Brokers {
    fn renew(&mut self, watch: &Watch, now: Now) {
        self.is_known = !watch.cluster.brokers.is_empty();
        let mut lines = lines(watch, now);
        self.head = Head::of(&lines);
        lines.extend(controllers(watch, now));
        self.list.take_told(now.monotonic, watch.round_of(&[Kind::Brokers]), lines);
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Brokers, Kind::Metadata, Kind::LogDirs]
    }

    fn list(&self) -> &dyn List {
        &self.list
    }

    fn list_mut(&mut self) -> &mut dyn List {
        &mut self.list
    }

    fn open(&self, _watch: &Watch) -> Option<Target> {
        let it = self.list.line()?;
        let screen = match it.role {
            Role::Controller => Screen::Quorum,
            _ => Screen::LogDirs,
        };
        Some(Target { cursor: Some(it.key.clone()), ..Target::about(screen, About::Cluster) })
    }

    fn kt_line(&self) -> String {
        "kt brokers list".to_owned()
    }

    fn details(&self, _watch: &Watch) -> Option<Json> {
        serde_json::to_value(self.list.line()?).ok()
    }

    fn charts(&self) -> Vec<(Subject, Metric)> {
        let brokers = self.list.shown().filter(|it| it.role != Role::Controller);
        brokers.map(|it| (Subject::Broker(it.id), Metric::BytesIn)).collect()
    }

    fn json(&self) -> Json {
        json!({ "brokers": self.list.shown().collect::<Vec<_>>() })
    }
}

/// All brokers as lines.
pub(crate) fn lines(watch: &Watch, now: Now) -> Vec<BrokerLine> {
    let line = |(id, it): (&NodeId, &Broker)| line(watch, *id, it, watch.placement.load(*id), now);
    watch.cluster.brokers.iter().map(line).collect()
}

/// Voters of the metadata quorum that are no brokers: of them is known what the quorum tells.
fn controllers(watch: &Watch, now: Now) -> Vec<BrokerLine> {
    let is_broker = |it: &QuorumLine| watch.cluster.brokers.contains_key(&NodeId(it.id));
    let voters = quorum::lines(&watch.cluster, now).into_iter();
    let voters = voters.filter(|it| it.role != QuorumRole::Observer && !is_broker(it));
    let line = |it: QuorumLine| BrokerLine {
        id: it.id,
        key: it.id.to_string(),
        level: it.level,
        role: Role::Controller,
        ..BrokerLine::default()
    };
    voters.map(line).collect()
}

fn line(watch: &Watch, id: NodeId, it: &Broker, load: Load, now: Now) -> BrokerLine {
    let votes = |of: &kt_client::admin::QuorumDescription| of.voters.iter().any(|it| it.node == id);
    let is_voter = watch.cluster.quorum.as_ref().is_some_and(|it| votes(&it.value));
    let standing = watch.cluster.standing(id, it);
    let role = match standing {
        BrokerState::Fenced => Role::Fenced,
        BrokerState::Down => Role::Down,
        BrokerState::Up if is_voter => Role::Both,
        BrokerState::Up => Role::Broker,
    };
    let disk = it.fullest();
    let bytes = watch.growth.of_broker(id).filter(|_| it.is_up());
    let is_offline = it.dirs.values().any(|it| it.failure.is_some());
    let level = match (standing, disk) {
        (BrokerState::Down, _) => Level::Bad,
        (_, Some(share)) if 0.9 <= share => Level::Bad,
        _ if is_offline => Level::Bad,
        (_, Some(share)) if 0.8 <= share => Level::Warn,
        (BrokerState::Fenced, _) => Level::Warn,
        _ => Level::Ok,
    };
    BrokerLine {
        id: id.0,
        key: id.to_string(),
        level,
        address: it
            .endpoint
            .as_ref()
            .map_or_else(String::new, |it| format!("{}:{}", it.host, it.port)),
        rack: it.endpoint.as_ref().and_then(|it| it.rack.clone()),
        role,
        down_ms: (!it.is_up()).then(|| now.monotonic - it.since),
        leaders: load.leaders,
        replicas: load.replicas,
        out_of_sync: load.out_of_sync,
        size: it.size(),
        disk,
        dirs: it.dirs.len(),
        full_in_ms: it.is_up().then(|| full_in(watch, id, it)).flatten(),
        bytes_in: bytes.map(|it| it.per_second),
        bytes_in_is_estimated: bytes.is_some_and(|it| it.is_estimated),
    }
}

/// Until the first of its directories is full, in ms.
fn full_in(watch: &Watch, id: NodeId, it: &Broker) -> Option<u64> {
    let each = it.dirs.iter().filter_map(|(path, dir)| watch.disks.full_in(id, path, dir));
    each.min()
}
