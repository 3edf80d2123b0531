//! `kt groups describe`

mod kafka;

use std::collections::BTreeMap;
use std::io::Write;

use clap::Args;
use jiff::Timestamp;
use kt_client::Admin;
use kt_client::admin::{GroupDescription, GroupMember};
use kt_protocol::types::TopicPartition;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::change::counted;
use crate::error::CliError;
use crate::group_lag::{self, Assigned, End, GroupLag, PartitionLag};
use crate::group_selection;
use crate::output::{Cell, Column, DocumentKind, Format, Item, Scope, Table, rfc3339_ms};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  kt groups describe billing
  kt groups describe billing --members
  kt groups describe -r 'billing-.*' --state
  kt groups describe billing --json | jq '.items[].partitions[] | select(.lag > 0)'";

/// Show members, committed offsets and lag of groups
///
/// A partition without a commit has no lag. The oldest unread record of each partition is read from
/// its leader, in one request for all its partitions.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct DescribeArgs {
    /// Groups
    #[arg(value_name = "GROUP", required = true)]
    groups: Vec<String>,

    /// Show members with their partitions
    #[arg(long, conflicts_with = "state")]
    members: bool,

    /// Show state and coordinator only
    #[arg(long)]
    state: bool,
}

/// Which table is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Partitions,
    Members,
    State,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct Described {
    name: String,
    state: &'static str,
    #[serde(rename = "type")]
    group_type: &'static str,
    /// What its members are; empty of a group that only commits.
    protocol_type: String,
    /// Who decides which member has what.
    assignor: Option<String>,
    coordinator: i32,
    /// Of groups of type Consumer.
    group_epoch: Option<i32>,
    assignment_epoch: Option<i32>,
    /// Records, over partitions with a commit.
    lag: Option<i64>,
    /// The age of the oldest unread record.
    time_lag_ms: Option<i64>,
    /// Members without partitions.
    idle_members: usize,
    /// The most partitions that a member has minus the fewest; null without members.
    skew: Option<usize>,
    members: Vec<Member>,
    partitions: Vec<Partition>,
    #[serde(skip)]
    shown: Shown,
    #[serde(skip)]
    beside: kafka::OfGroup,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct Member {
    member_id: String,
    instance_id: Option<String>,
    client_id: String,
    host: String,
    /// It has no partitions.
    idle: bool,
    partitions: usize,
    /// Records, over its partitions with a commit.
    lag: Option<i64>,
    assignment: Vec<Assignment>,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct Assignment {
    topic: String,
    partitions: Vec<i32>,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct Partition {
    topic: String,
    partition: i32,
    /// Null if the group has committed nothing of it.
    committed_offset: Option<i64>,
    log_end_offset: Option<i64>,
    lag: Option<i64>,
    /// The time of the oldest unread record.
    #[serde(serialize_with = "rfc3339_if_any")]
    #[schemars(with = "Option<String>")]
    oldest_unread: Option<Timestamp>,
    /// Its age.
    time_lag_ms: Option<i64>,
    committed_leader_epoch: Option<i32>,
    committed_metadata: Option<String>,
    /// Who reads it; null if nobody does.
    member_id: Option<String>,
    client_id: Option<String>,
    host: Option<String>,
}

fn rfc3339_if_any<S: Serializer>(
    time: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => rfc3339_ms(time, serializer),
        None => serializer.serialize_none(),
    }
}

pub(super) const KIND: DocumentKind = DocumentKind::of::<Described>();

const OF_PARTITIONS: &[Column] = &[
    Column::text("group").scope(Scope::Machine),
    Column::text("topic"),
    Column::number("partition"),
    Column::number("committed_offset"),
    Column::number("log_end_offset"),
    Column::number("lag"),
    Column::number("time_lag_ms"),
    Column::text("client_id"),
    Column::text("host"),
    Column::text("member_id").scope(Scope::Wide),
    Column::text("oldest_unread").scope(Scope::Wide),
];

const OF_MEMBERS: &[Column] = &[
    Column::text("group").scope(Scope::Machine),
    Column::text("member_id"),
    Column::text("instance_id"),
    Column::text("client_id"),
    Column::text("host"),
    Column::number("partitions"),
    Column::text("idle"),
    Column::number("lag"),
    Column::text("assignment"),
];

const OF_STATE: &[Column] = &[
    Column::text("name"),
    Column::text("state"),
    Column::text("type"),
    Column::text("assignor"),
    Column::number("coordinator"),
    Column::number("members"),
    Column::number("idle_members"),
    Column::number("skew"),
    Column::number("lag"),
    Column::number("time_lag_ms"),
    Column::number("group_epoch").scope(Scope::Wide),
    Column::number("assignment_epoch").scope(Scope::Wide),
];

impl Item for Described {
    const KIND: &'static str = "groups.describe";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn tables(items: &[Described]) -> Vec<Table> {
        match items.first().map_or(Shown::Partitions, |it| it.shown) {
            Shown::Partitions => items.iter().map(Described::partition_table).collect(),
            Shown::Members => items.iter().map(Described::member_table).collect(),
            Shown::State => vec![state_table(items)],
        }
    }

    fn kafka(items: &[Described], out: &mut dyn Write) -> Result<(), CliError> {
        kafka::write(items, out)
    }
}

impl Described {
    fn partition_table(&self) -> Table {
        let mut table = Table::new(OF_PARTITIONS).heading(self.heading());
        for it in &self.partitions {
            let text = |it: &Option<String>| it.as_ref().map_or(Cell::Unknown, Cell::text);
            table.row(vec![
                Cell::text(&self.name),
                Cell::text(&it.topic),
                Cell::Number(it.partition.into()),
                Cell::number(it.committed_offset),
                Cell::number(it.log_end_offset),
                Cell::number(it.lag),
                Cell::number(it.time_lag_ms),
                text(&it.client_id),
                text(&it.host),
                text(&it.member_id),
                it.oldest_unread.map_or(Cell::Unknown, |it| Cell::text(format!("{it:.3}"))),
            ]);
        }
        table
    }

    fn member_table(&self) -> Table {
        let mut table = Table::new(OF_MEMBERS).heading(self.heading());
        for it in &self.members {
            let assignment = it.assignment.iter().map(|it| {
                let partitions: Vec<String> = it.partitions.iter().map(i32::to_string).collect();
                format!("{}:{}", it.topic, partitions.join(","))
            });
            table.row(vec![
                Cell::text(&self.name),
                Cell::text(&it.member_id),
                it.instance_id.as_ref().map_or(Cell::Unknown, Cell::text),
                Cell::text(&it.client_id),
                Cell::text(&it.host),
                Cell::count(it.partitions),
                Cell::Flag(it.idle),
                Cell::number(it.lag),
                Cell::text(assignment.collect::<Vec<_>>().join(" ")),
            ]);
        }
        table
    }

    fn heading(&self) -> String {
        let mut words = vec![self.name.clone(), self.state.to_owned(), self.group_type.to_owned()];
        words.extend(self.assignor.as_ref().map(|it| format!("assignor {it}")));
        words.push(format!("coordinator {}", self.coordinator));
        let mut members = counted(self.members.len(), "member");
        if 0 < self.idle_members {
            members.push_str(&format!(" ({} idle)", self.idle_members));
        }
        words.push(members);
        words.extend(self.skew.filter(|it| 1 < *it).map(|it| format!("skew {it}")));
        words.push(self.lag.map_or("lag -".to_owned(), |it| format!("lag {it}")));
        words.join("  ")
    }
}

fn state_table(items: &[Described]) -> Table {
    let mut table = Table::new(OF_STATE);
    for it in items {
        table.row(vec![
            Cell::text(&it.name),
            Cell::text(it.state),
            Cell::text(it.group_type),
            it.assignor.as_ref().map_or(Cell::Unknown, Cell::text),
            Cell::Number(it.coordinator.into()),
            Cell::count(it.members.len()),
            Cell::count(it.idle_members),
            it.skew.map_or(Cell::Unknown, Cell::count),
            Cell::number(it.lag),
            Cell::number(it.time_lag_ms),
            Cell::number(it.group_epoch.map(i64::from)),
            Cell::number(it.assignment_epoch.map(i64::from)),
        ]);
    }
    table
}

pub(crate) fn run(args: &DescribeArgs, session: &Session) -> Result<(), CliError> {
    let admin = session.admin()?;
    let shown = match (args.members, args.state) {
        (true, _) => Shown::Members,
        (_, true) => Shown::State,
        _ => Shown::Partitions,
    };
    session.block_on(async {
        let names = group_selection::names(&admin, session, &args.groups).await?;
        let (groups, mut failed) = group_selection::describe(&admin, &names).await?;
        let count = names.len();
        let assigned: Assigned = groups.iter().map(|it| (it.name.clone(), assigned(it))).collect();
        let names: Vec<String> = groups.iter().map(|it| it.name.clone()).collect();
        let mut lags = group_lag::ask(&admin, &names, &assigned).await?;
        if session.format() != Format::Kafka {
            group_lag::ask_times(&admin, lags.values_mut().flatten()).await?;
        }
        let mut items = Vec::new();
        let now = Timestamp::now();
        for group in &groups {
            match lags.remove(&group.name).unwrap_or_else(|| Ok(GroupLag::default())) {
                Ok(lag) => items.push(described(&admin, group, &lag, shown, now)),
                Err(error) => failed.push((group.name.clone(), error)),
            }
        }
        session.conclude(&admin, items, &failed, count)
    })
}

fn assigned(group: &GroupDescription) -> std::collections::BTreeSet<TopicPartition> {
    group.members.iter().flat_map(|it| it.assignment.iter().cloned()).collect()
}

fn described(
    admin: &Admin,
    group: &GroupDescription,
    lag: &GroupLag,
    shown: Shown,
    now: Timestamp,
) -> Described {
    let readers: BTreeMap<&TopicPartition, &GroupMember> =
        group.members.iter().flat_map(|it| it.assignment.iter().map(move |p| (p, it))).collect();
    let partition =
        |(at, it): (&TopicPartition, &PartitionLag)| partition(at, it, readers.get(at), now);
    let sizes = || group.members.iter().map(|it| it.assignment.len());
    let coordinator = admin.client().metadata().brokers.get(&group.coordinator).cloned();
    Described {
        name: group.name.clone(),
        state: group.state.name(),
        group_type: group.group_type.name(),
        protocol_type: group.protocol_type.clone(),
        assignor: group.assignor.clone(),
        coordinator: group.coordinator.0,
        group_epoch: group.group_epoch,
        assignment_epoch: group.assignment_epoch,
        lag: lag.total_known(),
        time_lag_ms: lag.time_known_ms(now),
        idle_members: sizes().filter(|it| *it == 0).count(),
        skew: sizes().max().zip(sizes().min()).map(|(most, fewest)| most - fewest),
        members: group.members.iter().map(|it| member(it, lag)).collect(),
        partitions: lag.partitions.iter().map(partition).collect(),
        shown,
        beside: kafka::OfGroup::new(group, coordinator),
    }
}

fn partition(
    at: &TopicPartition,
    it: &PartitionLag,
    reader: Option<&&GroupMember>,
    now: Timestamp,
) -> Partition {
    let commit = it.committed.as_ref();
    Partition {
        topic: at.topic.clone(),
        partition: at.partition.0,
        committed_offset: commit.map(|it| it.offset.0),
        log_end_offset: match it.end {
            End::Known(end) => Some(end),
            End::Gone | End::Unknown(_) => None,
        },
        lag: it.lag(),
        oldest_unread: it.oldest_unread,
        time_lag_ms: it.time_lag_ms(now),
        committed_leader_epoch: commit.and_then(|it| it.leader_epoch).map(|it| it.0),
        committed_metadata: commit.map(|it| it.metadata.clone()),
        member_id: reader.map(|it| it.member_id.clone()),
        client_id: reader.map(|it| it.client_id.clone()),
        host: reader.map(|it| host(it)),
    }
}

fn member(it: &GroupMember, lag: &GroupLag) -> Member {
    let mut assignment: Vec<Assignment> = Vec::new();
    for partition in &it.assignment {
        let index = partition.partition.0;
        match assignment.last_mut() {
            Some(last) if last.topic == partition.topic => last.partitions.push(index),
            _ => assignment
                .push(Assignment { topic: partition.topic.clone(), partitions: vec![index] }),
        }
    }
    let lags = it.assignment.iter().filter_map(|it| lag.partitions.get(it)?.lag());
    Member {
        member_id: it.member_id.clone(),
        instance_id: it.instance_id.clone(),
        client_id: it.client_id.clone(),
        host: host(it),
        idle: it.assignment.is_empty(),
        partitions: it.assignment.len(),
        lag: lags.reduce(i64::saturating_add),
        assignment,
    }
}

/// Brokers write addresses as Java does, with a slash before.
fn host(it: &GroupMember) -> String {
    it.host.trim_start_matches('/').to_owned()
}
