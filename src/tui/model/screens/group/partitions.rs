//! A partition that a group reads, as a line: where it is, how late, and who has it.

use std::collections::BTreeMap;

use kt_client::admin::{GroupMember, GroupState, GroupType};
use kt_protocol::types::TopicPartition;
use serde_json::{Value as Json, json};

use crate::tui::model::checks::Level;
use crate::tui::model::cluster::Group;
use crate::tui::model::lag::{Cells, Expires, Lag, Late, PartitionFacts};
use crate::tui::model::listing::Line;
use crate::tui::model::order::{Rank, Value};

/// A partition of a group.
#[derive(Clone, Debug)]
pub(crate) struct ReadLine {
    key: String,
    pub(crate) at: TopicPartition,
    pub(crate) committed: Option<i64>,
    pub(crate) end: Option<i64>,
    pub(crate) cells: Cells,
    pub(crate) reader: Reader,
}

/// Who reads a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Nobody told yet.
    Unknown,
    /// The members of such a group have no partitions of their own.
    Shared,
    Nobody,
    Member {
        client: String,
        host: String,
    },
}

/// Who has which partition.
#[derive(Debug)]
pub(super) enum Readers<'a> {
    Unknown,
    Shared,
    Told(BTreeMap<&'a TopicPartition, &'a GroupMember>),
}

impl<'a> Readers<'a> {
    pub(super) fn of(group: &'a Group) -> Readers<'a> {
        if group.group_type == GroupType::Share {
            return Readers::Shared;
        }
        if matches!(group.state, Some(GroupState::Empty | GroupState::Dead)) {
            return Readers::Told(BTreeMap::new());
        }
        let Some(told) = &group.description else { return Readers::Unknown };
        let members = told.value.members.iter();
        Readers::Told(members.flat_map(|it| it.assignment.iter().map(move |at| (at, it))).collect())
    }

    pub(super) fn of_partition(&self, at: &TopicPartition) -> Reader {
        match self {
            Readers::Unknown => Reader::Unknown,
            Readers::Shared => Reader::Shared,
            Readers::Told(by_partition) => match by_partition.get(at) {
                Some(it) => Reader::Member { client: called(it), host: it.host.clone() },
                None => Reader::Nobody,
            },
        }
    }
}

/// What a member is called: it may have no client id.
pub(super) fn called(it: &GroupMember) -> String {
    if it.client_id.is_empty() { it.member_id.clone() } else { it.client_id.clone() }
}

impl Line for ReadLine {
    const SORTS: &'static [&'static str] =
        &["level, lag", "topic", "part", "committed", "lag", "late", "read/s", "expires"];

    fn key(&self) -> &str {
        &self.key
    }

    fn level(&self) -> Level {
        let verdict = self.cells.verdict.map_or(Level::Ok, |it| Level::from(it.level()));
        if self.is_orphan() { verdict.max(Level::Warn) } else { verdict }
    }

    fn rank(&self, sort: usize) -> Rank {
        let number = |it: Option<f64>| it.map_or(Value::Missing, Value::Number);
        let place = || format!("{} {:010}", self.at.topic, self.at.partition.0);
        let value = match Self::SORTS.get(sort).copied() {
            Some("topic") => Value::Text(place()),
            Some("part") => Value::Text(format!("{:010}", self.at.partition.0)),
            Some("committed") => number(self.committed.map(|it| it as f64)),
            Some("late") => number(self.cells.late.age_ms().map(|it| it as f64)),
            Some("read/s") => number(self.cells.read.per_second()),
            // The soonest first: of that the largest is the worst.
            Some("expires") => number(match self.cells.expires {
                Expires::Lost(records) => Some(records as f64),
                Expires::In(ms) => Some(-(ms as f64)),
                Expires::Never | Expires::Unknown => None,
            }),
            _ => number(self.lag().map(|it| it as f64)),
        };
        let class = if sort == 0 { self.level() as u8 } else { 0 };
        Rank { class, value }
    }

    fn words(&self) -> Vec<&str> {
        let reader = match &self.reader {
            Reader::Member { client, .. } => client.as_str(),
            Reader::Nobody => "nobody",
            Reader::Unknown | Reader::Shared => "",
        };
        vec![&self.key, reader]
    }
}

impl ReadLine {
    pub(super) fn of(it: &PartitionFacts, cells: Cells, reader: Reader) -> ReadLine {
        ReadLine {
            key: it.at.to_string(),
            at: it.at.clone(),
            committed: it.committed.map(|it| it.0),
            end: it.end.map(|it| it.0),
            cells,
            reader,
        }
    }

    /// In records; `None` without a commit.
    pub(crate) fn lag(&self) -> Option<i64> {
        match self.cells.lag {
            Lag::Records(lag) => Some(lag),
            Lag::NoCommit | Lag::Unknown => None,
        }
    }

    /// Something is unread, and nobody is there to read it.
    pub(crate) fn is_orphan(&self) -> bool {
        self.reader == Reader::Nobody && self.lag().is_some_and(|it| 0 < it)
    }

    pub(crate) fn json(&self) -> Json {
        let cells = &self.cells;
        let member = match &self.reader {
            Reader::Member { client, .. } => Some(client),
            _ => None,
        };
        let expires = match cells.expires {
            Expires::In(ms) => Some(ms),
            Expires::Lost(_) => Some(0),
            Expires::Never | Expires::Unknown => None,
        };
        json!({
            "topic": self.at.topic,
            "partition": self.at.partition.0,
            "committed": self.committed,
            "end": self.end,
            "lag": self.lag(),
            "late_ms": cells.late.age_ms(),
            "late_is_estimated": !matches!(cells.late, Late::Read(_)),
            "read_per_second": cells.read.per_second(),
            "in_per_second": cells.incoming.per_second(),
            "expires_ms": expires,
            "verdict": cells.verdict.map(|it| it.name()),
            "member": member,
        })
    }
}
