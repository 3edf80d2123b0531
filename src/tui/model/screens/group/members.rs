//! A member of a group, as a line: what it has, and how far it is behind with that.

use std::collections::{BTreeMap, BTreeSet};

use kt_client::admin::GroupMember;
use kt_protocol::types::{Millis, TopicPartition};
use serde::Serialize;

use super::partitions::{ReadLine, called};
use crate::tui::model::checks::Level;
use crate::tui::model::lag::Trend;
use crate::tui::model::listing::Line;
use crate::tui::model::order::{Rank, Value};

/// A member.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MemberLine {
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) host: String,
    #[serde(serialize_with = "as_text")]
    pub(crate) assignment: Vec<TopicPartition>,
    /// What it has, by topic and with ranges: `orders:0-8 refunds:0`.
    #[serde(skip)]
    pub(crate) assigned: String,
    /// Records, of what it has and somebody has committed.
    pub(crate) lag: Option<i64>,
    #[serde(skip)]
    pub(crate) trend: Option<Trend>,
    #[serde(rename = "read_per_second")]
    pub(crate) read: Option<f64>,
    #[serde(skip)]
    pub(crate) since: Since,
    level: Level,
}

/// How long a member is known, in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// It came while we watched.
    Came(u64),
    /// It was there when we looked first.
    Before(u64),
}

/// When members were seen first. Kafka does not tell when they came.
#[derive(Debug, Default)]
pub(super) struct Seen {
    began: Option<Millis>,
    first: BTreeMap<String, Millis>,
}

impl Seen {
    pub(super) fn look<'a>(&mut self, ids: impl Iterator<Item = &'a str>, now: Millis) {
        self.began.get_or_insert(now);
        let mut first = BTreeMap::new();
        for id in ids {
            first.insert(id.to_owned(), self.first.get(id).copied().unwrap_or(now));
        }
        self.first = first;
    }

    fn since(&self, id: &str, now: Millis) -> Since {
        let first = self.first.get(id).copied().unwrap_or(now);
        let was_there = self.began.is_none_or(|began| first <= began);
        if was_there { Since::Before(now - first) } else { Since::Came(now - first) }
    }
}

impl Line for MemberLine {
    const SORTS: &'static [&'static str] =
        &["level, lag", "client", "host", "part", "lag", "read/s"];

    fn key(&self) -> &str {
        &self.member_id
    }

    fn level(&self) -> Level {
        self.level
    }

    fn rank(&self, sort: usize) -> Rank {
        let number = |it: Option<f64>| it.map_or(Value::Missing, Value::Number);
        let value = match Self::SORTS.get(sort).copied() {
            Some("client") => Value::Text(self.client_id.clone()),
            Some("host") => Value::Text(self.host.clone()),
            Some("part") => Value::Number(self.assignment.len() as f64),
            Some("read/s") => number(self.read),
            _ => number(self.lag.map(|it| it as f64)),
        };
        let class = if sort == 0 { self.level as u8 } else { 0 };
        Rank { class, value }
    }

    fn words(&self) -> Vec<&str> {
        vec![&self.client_id, &self.host, &self.member_id, &self.assigned]
    }
}

/// The lines of a group by their partitions: made once for all members.
pub(super) type Lines<'a> = BTreeMap<&'a TopicPartition, &'a ReadLine>;

impl MemberLine {
    /// `lines` are the partitions of the group.
    pub(super) fn of(it: &GroupMember, lines: &Lines<'_>, seen: &Seen, now: Millis) -> MemberLine {
        let assigned: BTreeSet<&TopicPartition> = it.assignment.iter().collect();
        let own = || assigned.iter().filter_map(|at| lines.get(at).copied());
        let sum = |all: &mut dyn Iterator<Item = f64>| all.reduce(|sum, it| sum + it);
        let read = sum(&mut own().filter_map(|it| it.cells.read.per_second()));
        let incoming = sum(&mut own().filter_map(|it| it.cells.incoming.per_second()));
        let lag = own().filter_map(ReadLine::lag).reduce(i64::saturating_add);
        let trend = || Some(Trend::of_rates(lag? as f64, read?, incoming?));
        MemberLine {
            member_id: it.member_id.clone(),
            instance_id: it.instance_id.clone(),
            client_id: called(it),
            host: it.host.trim_start_matches('/').to_owned(),
            assigned: ranges(&it.assignment),
            assignment: it.assignment.clone(),
            lag,
            trend: trend(),
            read,
            since: seen.since(&it.member_id, now),
            level: own().map(Line::level).max().unwrap_or(Level::Ok),
        }
    }
}

fn as_text<S: serde::Serializer>(of: &[TopicPartition], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(of.iter().map(ToString::to_string))
}

/// `orders:0-8,11 refunds:0`
fn ranges(assignment: &[TopicPartition]) -> String {
    let mut by_topic: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for it in assignment {
        by_topic.entry(&it.topic).or_default().insert(it.partition.0);
    }
    let text = |(topic, partitions): (&str, BTreeSet<i32>)| {
        let mut ranges: Vec<(i32, i32)> = Vec::new();
        for it in partitions {
            match ranges.last_mut() {
                Some((_, to)) if to.checked_add(1) == Some(it) => *to = it,
                _ => ranges.push((it, it)),
            }
        }
        let range = |(from, to): (i32, i32)| match from == to {
            true => from.to_string(),
            false => format!("{from}-{to}"),
        };
        format!("{topic}:{}", ranges.into_iter().map(range).collect::<Vec<_>>().join(","))
    };
    by_topic.into_iter().map(text).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_member_has_is_said_in_ranges() {
        let at = |topic: &str, index| TopicPartition::new(topic, index);
        let assignment =
            [at("refunds", 0), at("orders", 2), at("orders", 0), at("orders", 1), at("orders", 7)];
        assert_eq!(ranges(&assignment), "orders:0-2,7 refunds:0");
        assert_eq!(ranges(&[]), "");
    }

    #[test]
    fn who_was_there_at_the_first_look_came_before() {
        let mut seen = Seen::default();
        seen.look(["a"].into_iter(), Millis(1_000));
        seen.look(["a", "b"].into_iter(), Millis(5_000));
        assert_eq!(seen.since("a", Millis(9_000)), Since::Before(8_000));
        assert_eq!(seen.since("b", Millis(9_000)), Since::Came(4_000));
        seen.look(["b"].into_iter(), Millis(9_000));
        seen.look(["a", "b"].into_iter(), Millis(10_000));
        assert_eq!(seen.since("a", Millis(11_000)), Since::Came(1_000));
    }
}
