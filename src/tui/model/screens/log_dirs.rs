//! Log directories: how full they are, when they will be, and what fills them.

use std::collections::{BTreeMap, BTreeSet};

use kt_client::admin::Admission;
use kt_protocol::types::{NodeId, Now};
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::tui::model::checks::Level;
use crate::tui::model::cluster::brokers::{Broker, Dir};
use crate::tui::model::cluster::topics::StoredAs;
use crate::tui::model::listing::{Line, List, Listing};
use crate::tui::model::order::{Rank, Value};
use crate::tui::model::page::{About, Page, Target};
use crate::tui::model::schedule::Kind;
use crate::tui::model::screen::Screen;
use crate::tui::model::watch::Watch;

/// A directory, as a line.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DirLine {
    #[serde(skip)]
    key: String,
    pub(crate) broker: i32,
    pub(crate) path: String,
    pub(crate) level: Level,
    /// The used share of its volume, 0 to 1.
    pub(crate) used: Option<f64>,
    /// In bytes.
    pub(crate) free: Option<u64>,
    pub(crate) total: Option<u64>,
    /// What its replicas take, in bytes.
    pub(crate) size: u64,
    pub(crate) replicas: usize,
    /// Bytes.
    pub(crate) per_day: Option<f64>,
    pub(crate) full_in_ms: Option<u64>,
    pub(crate) standing: Standing,
    /// Another directory of the broker is on the same volume.
    pub(crate) is_shared: bool,
    /// Its broker answers: what is not known yet will be.
    #[serde(skip)]
    pub(crate) is_live: bool,
}

/// What takes the place of the bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    Open,
    Offline,
    /// Nothing new is put into it (KIP-1066).
    Cordoned,
}

impl Line for DirLine {
    const SORTS: &'static [&'static str] =
        &["level, used", "directory", "free", "total", "repl", "per day", "full in", "brk", "used"];

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
        let count = |it: Option<u64>| number(it.map(|it| it as f64));
        let value = match sort {
            1 => Value::Text(self.key.clone()),
            2 => count(self.free),
            3 => count(self.total),
            4 => Value::Number(self.replicas as f64),
            5 => number(self.per_day),
            // The soonest first.
            6 => number(self.full_in_ms.map(|it| -(it as f64))),
            7 => Value::Text(format!("{:010} {}", self.broker, self.path)),
            _ => number(self.used.or(Some(0.0))),
        };
        let class = if sort == 0 { self.level.rank() } else { 0 };
        Rank { class, value }
    }

    fn words(&self) -> Vec<&str> {
        vec![&self.key]
    }
}

/// A replica in a directory, as a line.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReplicaLine {
    #[serde(skip)]
    key: String,
    pub(crate) topic: String,
    pub(crate) partition: i32,
    /// In bytes.
    pub(crate) size: u64,
    /// Of all in the directory, 0 to 1.
    pub(crate) share: Option<f64>,
    pub(crate) offset_lag: i64,
    /// How far its copy for another directory is, 0 to 1.
    pub(crate) future: Option<f64>,
}

impl Line for ReplicaLine {
    const SORTS: &'static [&'static str] = &["size", "partition", "offset lag", "share", "future"];

    fn key(&self) -> &str {
        &self.key
    }

    fn level(&self) -> Level {
        Level::Ok
    }

    fn rank(&self, sort: usize) -> Rank {
        let value = match sort {
            1 => Value::Text(format!("{} {:010}", self.topic, self.partition)),
            2 => Value::Number(self.offset_lag as f64),
            4 => self.future.map_or(Value::Missing, Value::Number),
            _ => Value::Number(self.size as f64),
        };
        Rank { class: 0, value }
    }
}

/// The screen.
#[derive(Debug, Default)]
pub(crate) struct LogDirs {
    pub(crate) dirs: Listing<DirLine>,
    pub(crate) largest: Listing<ReplicaLine>,
    /// The directory that `largest` is of.
    pub(crate) of: Option<String>,
    pub(crate) is_known: bool,
    pub(crate) pane: usize,
    /// The cursor goes to the first directory of this broker, once it is known.
    wanted: Option<Wanted>,
    /// Directories that are on the volume of another one, as was seen when they were told last.
    shared: BTreeSet<(NodeId, String)>,
}

/// A broker whose directories are waited for.
#[derive(Clone, Debug)]
struct Wanted {
    broker: i32,
    /// What the cursor was on then: when the user moves it, nothing is waited for any more.
    held: Option<String>,
}

impl LogDirs {
    /// Puts the cursor on a directory of the broker that was asked for.
    fn find_wanted(&mut self) {
        let Some(Wanted { broker, held }) = &self.wanted else { return };
        let has_moved = self.dirs.rows.held() != held.as_deref();
        let found = self.dirs.shown().find(|it| it.broker == *broker).map(|it| it.key.clone());
        if has_moved || found.is_some() {
            self.wanted = None;
        }
        if let Some(key) = found.filter(|_| !has_moved) {
            self.dirs.seek(&key);
        }
    }

    /// What the directory under the cursor holds.
    fn renew_largest(&mut self, watch: &Watch, now: Now) {
        let Some((key, broker, path, size)) =
            self.dirs.line().map(|it| (it.key.clone(), it.broker, it.path.clone(), it.size))
        else {
            return;
        };
        if self.of.as_ref() != Some(&key) {
            self.largest.clear();
            self.of = Some(key);
        }
        self.largest.take(now.monotonic, replicas(watch, NodeId(broker), &path, size));
    }
}

impl Page for LogDirs {
    fn renew(&mut self, watch: &Watch, now: Now) {
        self.is_known =
            watch.cluster.hearing.of_kind(Kind::LogDirs).any(|it| it.1.answered.is_some());
        let cluster = &watch.cluster;
        self.shared = shared(&cluster.brokers, &self.shared);
        let mut lines = Vec::new();
        for (id, broker) in &cluster.brokers {
            for (path, dir) in &broker.dirs {
                let is_shared = self.shared.contains(&(*id, path.clone()));
                lines.push(DirLine { is_shared, ..line(watch, (*id, broker), path, dir) });
            }
        }
        self.dirs.take_told(now.monotonic, watch.round_of(&[Kind::LogDirs]), lines);
        self.find_wanted();
        self.renew_largest(watch, now);
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::LogDirs]
    }

    fn list(&self) -> &dyn List {
        if self.pane == 0 { &self.dirs } else { &self.largest }
    }

    fn list_mut(&mut self) -> &mut dyn List {
        if self.pane == 0 { &mut self.dirs } else { &mut self.largest }
    }

    /// A broker stands for its directories.
    fn uncover(&mut self, cursor: Option<&str>, only_faults: bool) {
        let held = self.dirs.rows.held().map(str::to_owned);
        let broker = cursor.and_then(|it| it.parse().ok());
        self.wanted = broker.map(|broker| Wanted { broker, held });
        let cursor = cursor.filter(|_| self.wanted.is_none());
        self.dirs.uncover(cursor, only_faults);
        self.find_wanted();
    }

    fn pane_mut(&mut self, pane: usize) -> Option<&mut dyn List> {
        match pane {
            0 => Some(&mut self.dirs),
            1 => Some(&mut self.largest),
            _ => None,
        }
    }

    fn cursor_moved(&mut self, watch: &Watch, now: Now) {
        self.renew_largest(watch, now);
    }

    fn panes(&self) -> usize {
        2
    }

    fn focused(&self) -> usize {
        self.pane
    }

    fn focus(&mut self, pane: usize) {
        self.pane = pane;
    }

    fn open(&self, watch: &Watch) -> Option<Target> {
        let dir = self.dirs.line()?;
        // The lower pane may not have followed the cursor of the upper one yet.
        let is_of_it = self.of.as_ref() == Some(&dir.key);
        let told = || replicas(watch, NodeId(dir.broker), &dir.path, dir.size);
        let largest = (!is_of_it).then(told).into_iter().flatten().max_by_key(|it| it.size);
        let listed = || self.largest.line().or_else(|| self.largest.shown().next());
        let it = if is_of_it { listed()? } else { largest.as_ref()? };
        let target = Target::about(Screen::Topic, About::Topic(it.topic.clone()));
        Some(Target { cursor: Some(it.partition.to_string()), ..target })
    }

    fn kt_line(&self) -> String {
        "kt dashboard --once dirs".to_owned()
    }

    fn details(&self, _watch: &Watch) -> Option<Json> {
        if self.pane == 0 {
            return serde_json::to_value(self.dirs.line()?).ok();
        }
        serde_json::to_value(self.largest.line()?).ok()
    }

    fn json(&self) -> Json {
        json!({ "directories": self.dirs.shown().collect::<Vec<_>>() })
    }
}

fn line(watch: &Watch, (id, broker): (NodeId, &Broker), path: &str, dir: &Dir) -> DirLine {
    let used = dir.share();
    let standing = match (&dir.failure, dir.admission) {
        (Some(_), _) => Standing::Offline,
        (_, Admission::Cordoned) => Standing::Cordoned,
        _ => Standing::Open,
    };
    let is_stale = dir.at < watch.fresh_since(Kind::LogDirs);
    let level = match (standing, used) {
        (Standing::Offline, _) => Level::Bad,
        _ if !broker.is_up() => Level::Unknown,
        (_, Some(0.9..)) => Level::Bad,
        _ if is_stale => Level::Unknown,
        (_, Some(0.8..)) => Level::Warn,
        _ => Level::Ok,
    };
    let is_live = broker.is_up();
    DirLine {
        key: format!("{id} {path}"),
        broker: id.0,
        path: path.to_owned(),
        level,
        used,
        free: dir.usable,
        total: dir.total,
        size: dir.used,
        replicas: dir.replicas,
        per_day: watch.disks.per_day(id, path, dir).filter(|_| is_live),
        full_in_ms: watch.disks.full_in(id, path, dir).filter(|_| is_live),
        standing,
        is_shared: false,
        is_live,
    }
}

/// Two that differ by so little are looked at as one volume: it fills while a broker looks at one
/// directory after the other. In bytes.
const SAME_VOLUME: u64 = 16 << 20;

/// Which directories are on the volume of one before them. What was found stays while they differ
/// by less than a hundredth, so that it does not come and go.
fn shared(
    brokers: &BTreeMap<NodeId, Broker>,
    before: &BTreeSet<(NodeId, String)>,
) -> BTreeSet<(NodeId, String)> {
    let mut found = BTreeSet::new();
    for (id, broker) in brokers {
        let mut firsts: Vec<(u64, u64)> = Vec::new();
        for (path, it) in &broker.dirs {
            let Some((total, usable)) = it.total.zip(it.usable) else { continue };
            let key = (*id, path.clone());
            let limit = if before.contains(&key) { total / 100 } else { SAME_VOLUME };
            let is_same = |it: &(u64, u64)| it.0 == total && it.1.abs_diff(usable) <= limit;
            match firsts.iter().any(is_same) {
                true => drop(found.insert(key)),
                false => firsts.push((total, usable)),
            }
        }
    }
    found
}

fn replicas(watch: &Watch, node: NodeId, path: &str, all: u64) -> Vec<ReplicaLine> {
    let mut lines = Vec::new();
    for (name, topic) in &watch.cluster.topics {
        for (index, partition) in &topic.partitions {
            let at = |how: StoredAs| partition.stored.get(&(node, how));
            let Some(it) = at(StoredAs::Current).filter(|it| &*it.directory == path) else {
                continue;
            };
            let size = it.size.value;
            let share = |of: u64, all: u64| (0 < all).then(|| of as f64 / all as f64);
            let future = at(StoredAs::Future).and_then(|it| share(it.size.value.min(size), size));
            lines.push(ReplicaLine {
                key: format!("{name}-{index}"),
                topic: name.clone(),
                partition: index.0,
                size,
                share: share(size, all),
                offset_lag: it.offset_lag,
                future,
            });
        }
    }
    lines
}

/// Bytes of all volumes: used and whole, each volume counted once.
pub(crate) fn volumes(lines: &[&DirLine]) -> Option<(u64, u64)> {
    let own = lines.iter().filter(|it| !it.is_shared);
    let known = own.filter_map(|it| it.total.zip(it.free));
    let sizes = known.map(|(total, free)| (total.saturating_sub(free), total));
    sizes.reduce(|(used, all), it| (used.saturating_add(it.0), all.saturating_add(it.1)))
}
