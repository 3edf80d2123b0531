//! Partitions that move, and throttles that were left behind.

use kt_protocol::types::{Now, TopicPartition};
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::tui::model::checks::Level;
use crate::tui::model::cluster::Cluster;
use crate::tui::model::listing::{Line, List, Listing};
use crate::tui::model::order::{Rank, Value};
use crate::tui::model::page::{About, Page, Target};
use crate::tui::model::schedule::{Kind, Needs};
use crate::tui::model::screen::Screen;
use crate::tui::model::throttles::{Throttle, throttles};
use crate::tui::model::watch::{Progress, Watch};

/// A partition that moves, as a line.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MoveLine {
    #[serde(skip)]
    key: String,
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) level: Level,
    pub(crate) from: Vec<i32>,
    pub(crate) to: Vec<i32>,
    /// 0 to 1.
    pub(crate) done: Option<f64>,
    /// In bytes.
    pub(crate) left: Option<u64>,
    pub(crate) bytes_per_second: Option<f64>,
    pub(crate) eta_ms: Option<u64>,
    pub(crate) is_stalled: bool,
}

impl Line for MoveLine {
    const SORTS: &'static [&'static str] =
        &["level, name", "partition", "left", "B/s", "eta", "from", "to", "done"];

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
        let value = match sort {
            2 => number(self.left.map(|it| it as f64)),
            3 => number(self.bytes_per_second),
            4 => number(self.eta_ms.map(|it| it as f64)),
            5 => Value::Text(format!("{:?}", self.from)),
            6 => Value::Text(format!("{:?}", self.to)),
            7 => number(self.done),
            _ => Value::Text(format!("{} {:010}", self.topic, self.partition)),
        };
        let class = if sort == 0 { self.level.rank() } else { 0 };
        Rank { class, value }
    }
}

/// The screen.
#[derive(Debug, Default)]
pub(crate) struct Reassignments {
    pub(crate) list: Listing<MoveLine>,
    /// `None` until somebody told which moves run.
    pub(crate) head: Option<Head>,
    /// Why nobody tells, if that is so.
    pub(crate) failure: Option<String>,
    /// Topics and brokers with a throttle.
    pub(crate) throttled: Vec<Throttle>,
    /// Those of them that slow down no move.
    pub(crate) left_behind: Vec<Throttle>,
}

/// All moves together.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Head {
    /// In bytes.
    pub(crate) left: Option<u64>,
    pub(crate) bytes_per_second: Option<f64>,
    pub(crate) eta_ms: Option<u64>,
    /// Moves that ended while we watched.
    pub(crate) finished: usize,
    /// Of some moves nobody knows how large they are.
    #[serde(skip)]
    pub(crate) is_part: bool,
}

impl Page for Reassignments {
    fn renew(&mut self, watch: &Watch, now: Now) {
        let cluster = &watch.cluster;
        self.throttled = throttles(cluster);
        let mut heard = cluster.hearing.of_kind(Kind::Moves);
        self.failure =
            heard.find_map(|(_, it)| it.failing.as_ref().map(|it| it.failure.words.clone()));
        let Some(moves) = &cluster.moves else { return };
        let lines: Vec<MoveLine> = moves
            .iter()
            .map(|(partition, it)| {
                let progress = watch.moves.progress(cluster, partition, &it.adding);
                line(cluster, partition, it, progress)
            })
            .collect();
        let moving = moves.keys().map(|it| it.topic.as_str()).collect();
        let behind = self.throttled.iter().filter(|it| it.is_left_behind(&moving));
        self.left_behind = behind.cloned().collect();
        let is_part = lines.iter().any(|it| it.left.is_none());
        let left = lines.iter().filter_map(|it| it.left).reduce(u64::saturating_add);
        let rate = lines.iter().filter_map(|it| it.bytes_per_second).reduce(|sum, it| sum + it);
        let eta = lines.iter().filter_map(|it| it.eta_ms).max();
        let finished = watch.moves.finished;
        self.head = Some(Head { left, bytes_per_second: rate, eta_ms: eta, finished, is_part });
        self.list.take_told(now.monotonic, watch.round_of(&[Kind::Moves]), lines);
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Moves, Kind::LogDirs]
    }

    fn needs(&self, _watch: &Watch, needs: &mut Needs) {
        needs.kinds.insert(Kind::MovingLogDirs);
    }

    fn list(&self) -> &dyn List {
        &self.list
    }

    fn list_mut(&mut self) -> &mut dyn List {
        &mut self.list
    }

    fn open(&self, _watch: &Watch) -> Option<Target> {
        let topic = self.list.line()?.topic.clone();
        Some(Target::about(Screen::Topic, About::Topic(topic)))
    }

    fn kt_line(&self) -> String {
        let clears = self.left_behind.first().map(Throttle::kt_line);
        clears.unwrap_or_else(|| "kt dashboard --once moves".to_owned())
    }

    fn details(&self, _watch: &Watch) -> Option<Json> {
        serde_json::to_value(self.list.line()?).ok()
    }

    fn json(&self) -> Json {
        let moves: Vec<&MoveLine> = self.list.shown().collect();
        let throttled: Vec<String> = self.throttled.iter().map(Throttle::name).collect();
        json!({ "total": self.head, "moves": moves, "throttled": throttled })
    }
}

fn line(
    cluster: &Cluster,
    partition: &TopicPartition,
    it: &kt_client::admin::Reassignment,
    progress: Progress,
) -> MoveLine {
    let Progress { done, left, rate, eta_ms, is_stalled } = progress;
    // The present replicas are those that stay, come and go: in the cluster's order.
    let known = cluster.partition(partition);
    let replicas = known.map_or_else(Vec::new, |it| it.replicas.iter().map(|id| id.0).collect());
    let replicas = if replicas.is_empty() { it.replicas.clone() } else { replicas };
    let without = |gone: &[i32]| replicas.iter().copied().filter(|id| !gone.contains(id)).collect();
    MoveLine {
        key: partition.to_string(),
        topic: partition.topic.clone(),
        partition: partition.partition.0,
        level: if is_stalled { Level::Warn } else { Level::Ok },
        from: without(&it.adding),
        to: without(&it.removing),
        done,
        left,
        bytes_per_second: rate,
        eta_ms,
        is_stalled,
    }
}
