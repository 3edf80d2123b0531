//! The metadata quorum: who leads, who votes, who is behind.

use kt_client::admin::QuorumReplica;
use kt_protocol::types::{Now, Timestamp};
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::tui::history::store::{Metric, Subject};
use crate::tui::model::checks::Level;
use crate::tui::model::checks::facts::VoterFact;
use crate::tui::model::checks::quorum::Following;
use crate::tui::model::cluster::Cluster;
use crate::tui::model::facts::{self, follower, quorum_time, since};
use crate::tui::model::listing::{Line, List, Listing};
use crate::tui::model::order::{Rank, Value};
use crate::tui::model::page::Page;
use crate::tui::model::schedule::Kind;
use crate::tui::model::watch::Watch;

/// A node that has the metadata log, as a line.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ReplicaLine {
    pub(crate) id: i32,
    #[serde(skip)]
    key: String,
    pub(crate) level: Level,
    pub(crate) role: QuorumRole,
    pub(crate) log_end: Option<i64>,
    /// Records behind the leader.
    pub(crate) lag: Option<u64>,
    /// Since it fetched last, in ms; none of the leader.
    pub(crate) last_fetch_ms: Option<u64>,
    pub(crate) caught_up_ms: Option<u64>,
    pub(crate) directory_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum QuorumRole {
    Leader,
    Voter,
    Observer,
}

impl QuorumRole {
    pub(crate) fn name(self) -> &'static str {
        match self {
            QuorumRole::Leader => "LEADER",
            QuorumRole::Voter => "voter",
            QuorumRole::Observer => "observer",
        }
    }
}

impl Line for ReplicaLine {
    const SORTS: &'static [&'static str] = &["role, id", "id", "lag", "last fetch"];

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
        let number = |it: Option<u64>| it.map_or(Value::Missing, |it| Value::Number(it as f64));
        let (class, value) = match sort {
            0 => (2 - self.role as u8, Value::Text(format!("{:010}", self.id))),
            2 => (0, number(self.lag)),
            3 => (0, number(self.last_fetch_ms)),
            _ => (0, Value::Text(format!("{:010}", self.id))),
        };
        Rank { class, value }
    }

    fn words(&self) -> Vec<&str> {
        vec![&self.key, self.role.name(), self.directory_id.as_deref().unwrap_or_default()]
    }
}

/// The screen.
#[derive(Debug, Default)]
pub(crate) struct Quorum {
    pub(crate) list: Listing<ReplicaLine>,
    pub(crate) head: Option<Head>,
    /// Why nobody tells, if that is so.
    pub(crate) failure: Option<String>,
}

/// What stands above the nodes.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Head {
    pub(crate) leader: i32,
    pub(crate) epoch: i32,
    pub(crate) high_watermark: i64,
    pub(crate) voters: usize,
    /// Voters that fetched lately, the leader among them.
    pub(crate) fetching: usize,
}

impl Page for Quorum {
    fn renew(&mut self, watch: &Watch, now: Now) {
        let mut heard = watch.cluster.hearing.of_kind(Kind::Quorum);
        self.failure =
            heard.find_map(|(_, it)| it.failing.as_ref().map(|it| it.failure.words.clone()));
        let Some(told) = &watch.cluster.quorum else { return };
        let quorum = &told.value;
        let lines = lines(&watch.cluster, now);
        self.head = Some(Head {
            leader: quorum.leader.0,
            epoch: quorum.leader_epoch.0,
            high_watermark: quorum.high_watermark.0,
            voters: quorum.voters.len(),
            fetching: facts::quorum(&watch.cluster, now).there(),
        });
        self.list.take_told(now.monotonic, watch.round_of(&[Kind::Quorum]), lines);
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Quorum]
    }

    fn list(&self) -> &dyn List {
        &self.list
    }

    fn list_mut(&mut self) -> &mut dyn List {
        &mut self.list
    }

    fn kt_line(&self) -> String {
        "kt dashboard --once quorum".to_owned()
    }

    fn details(&self, _watch: &Watch) -> Option<Json> {
        serde_json::to_value(self.list.line()?).ok()
    }

    fn charts(&self) -> Vec<(Subject, Metric)> {
        vec![(Subject::Total, Metric::QuorumLag)]
    }

    fn json(&self) -> Json {
        json!({ "quorum": self.head, "replicas": self.list.shown().collect::<Vec<_>>() })
    }
}

/// All nodes of it, as they were told last.
pub(super) fn lines(cluster: &Cluster, now: Now) -> Vec<ReplicaLine> {
    let Some(told) = &cluster.quorum else { return Vec::new() };
    let quorum = &told.value;
    let (fact, time) = (facts::quorum(cluster, now), quorum_time(told, now));
    let down = cluster.down();
    let line = |it: &QuorumReplica, role: QuorumRole| {
        let role = if it.node == quorum.leader { QuorumRole::Leader } else { role };
        let follower = follower(quorum, it, time);
        let level = match (role, Following::of(&follower, fact.leader)) {
            (QuorumRole::Observer, Following::Gone) => Level::Warn,
            (QuorumRole::Observer, _) => Level::Ok,
            _ => fact.level_of(&follower, &down),
        };
        line(it, role, level, &follower, time)
    };
    let voters = quorum.voters.iter().map(|it| line(it, QuorumRole::Voter));
    let observers = quorum.observers.iter().map(|it| line(it, QuorumRole::Observer));
    voters.chain(observers).collect()
}

fn line(
    it: &QuorumReplica,
    role: QuorumRole,
    level: Level,
    follower: &VoterFact,
    time: Timestamp,
) -> ReplicaLine {
    let follows = role != QuorumRole::Leader;
    ReplicaLine {
        id: it.node.0,
        key: it.node.to_string(),
        level,
        role,
        log_end: it.log_end.map(|it| it.0),
        lag: follower.lag,
        last_fetch_ms: follower.last_fetch_ms.filter(|_| follows),
        caught_up_ms: it.last_caught_up.filter(|_| follows).map(|it| since(it, time)),
        directory_id: (!it.directory.is_zero()).then(|| it.directory.to_string()),
    }
}
