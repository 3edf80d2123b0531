//! A description as kafka-consumer-groups --describe prints it, byte for byte.

use std::cmp::Reverse;
use std::io::Write;

use kt_client::Broker;
use kt_client::admin::{GroupDescription, GroupMember};
use kt_protocol::types::TopicPartition;

use super::{Described, Partition, Shown};
use crate::error::CliError;

/// What it says of a group beside what we say.
#[derive(Clone, Debug, Default)]
pub(super) struct OfGroup {
    members: Vec<GroupMember>,
    coordinator: Option<Broker>,
}

impl OfGroup {
    pub(super) fn new(group: &GroupDescription, coordinator: Option<Broker>) -> OfGroup {
        OfGroup { members: group.members.clone(), coordinator }
    }
}

const MISSING: &str = "-";

pub(super) fn write(items: &[Described], out: &mut dyn Write) -> Result<(), CliError> {
    let mut items: Vec<&Described> = items.iter().collect();
    items.sort_by(|one, other| one.name.cmp(&other.name));
    for it in items {
        match it.shown {
            Shown::Partitions => write_offsets(it, out)?,
            Shown::Members => write_members(it, out)?,
            Shown::State => write_state(it, out)?,
        }
    }
    Ok(())
}

/// The widest of a column, as Java counts letters; none is narrower than `least`.
fn width<'a>(least: usize, cells: impl Iterator<Item = &'a str>) -> usize {
    cells.map(|it| it.encode_utf16().count()).max().unwrap_or_default().max(least)
}

/// Partitions that are read, those of the member with most first; then those that nobody reads.
fn rows(item: &Described) -> Vec<(&Partition, Option<&GroupMember>)> {
    let mut members: Vec<&GroupMember> = item.beside.members.iter().collect();
    members.sort_by_key(|it| Reverse(it.assignment.len()));
    let key = |it: &Partition| TopicPartition::new(it.topic.clone(), it.partition);
    let mut rows = Vec::new();
    for member in &members {
        let of_member = item.partitions.iter().filter(|it| member.assignment.contains(&key(it)));
        rows.extend(of_member.map(|it| (it, Some(*member))));
    }
    let is_read = |it: &Partition| members.iter().any(|by| by.assignment.contains(&key(it)));
    rows.extend(item.partitions.iter().filter(|it| !is_read(it)).map(|it| (it, None)));
    rows
}

fn write_offsets(item: &Described, out: &mut dyn Write) -> Result<(), CliError> {
    let rows = rows(item);
    if rows.is_empty() {
        return Ok(());
    }
    let of_member = |it: &Option<&'_ GroupMember>, field: fn(&GroupMember) -> &String| {
        it.map_or(MISSING.to_owned(), |it| field(it).clone())
    };
    let cells: Vec<[String; 9]> = rows
        .iter()
        .map(|(it, member)| {
            // Kafka's own lag of a commit beyond the end is negative.
            let lag = it.log_end_offset.zip(it.committed_offset).map(|(end, at)| end - at);
            [
                item.name.clone(),
                it.topic.clone(),
                it.partition.to_string(),
                or_missing(it.committed_offset),
                or_missing(it.log_end_offset),
                or_missing(lag),
                of_member(member, |it| &it.member_id),
                of_member(member, |it| &it.host),
                of_member(member, |it| &it.client_id),
            ]
        })
        .collect();
    let column = |at: usize| width(15, cells.iter().map(|it| it[at].as_str()));
    let (group, topic, consumer, host) = (column(0), column(1), column(6), column(7));
    let title = [
        "GROUP",
        "TOPIC",
        "PARTITION",
        "CURRENT-OFFSET",
        "LOG-END-OFFSET",
        "LAG",
        "CONSUMER-ID",
        "HOST",
        "CLIENT-ID",
    ]
    .map(str::to_owned);
    for [a, b, c, d, e, f, g, h, i] in std::iter::once(&title).chain(&cells) {
        write!(
            out,
            "\n{a:group$} {b:topic$} {c:10} {d:15} {e:15} {f:15} {g:consumer$} {h:host$} {i}"
        )?;
    }
    writeln!(out)?;
    Ok(())
}

fn or_missing(number: Option<i64>) -> String {
    number.map_or(MISSING.to_owned(), |it| it.to_string())
}

fn write_members(item: &Described, out: &mut dyn Write) -> Result<(), CliError> {
    let members = &item.beside.members;
    let instance = |it: &GroupMember| it.instance_id.clone().unwrap_or_default();
    let has_instances = members.iter().any(|it| !instance(it).is_empty());
    // The name is as wide as the groups that are shown with members.
    let named = members.first().map(|_| item.name.as_str());
    let group = width(15, named.into_iter());
    let consumer = width(15, members.iter().map(|it| it.member_id.as_str()));
    let static_id = width(17, members.iter().filter_map(|it| it.instance_id.as_deref()));
    let host = width(15, members.iter().map(|it| it.host.as_str()));
    let client = width(15, members.iter().map(|it| it.client_id.as_str()));
    // The blank line stands before each group.
    writeln!(out)?;
    let mut line = |cells: [&str; 6]| {
        let [a, b, c, d, e, f] = cells;
        match has_instances {
            true => {
                writeln!(
                    out,
                    "{a:group$} {b:consumer$} {c:static_id$} {d:host$} {e:client$} {f:15} "
                )
            }
            false => writeln!(out, "{a:group$} {b:consumer$} {d:host$} {e:client$} {f:15} "),
        }
    };
    let title = ["CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS"];
    let [b, c, d, e, f] = title;
    line(["GROUP", b, c, d, e, f])?;
    for it in members {
        let count = it.assignment.len().to_string();
        line([&item.name, &it.member_id, &instance(it), &it.host, &it.client_id, &count])?;
    }
    Ok(())
}

fn write_state(item: &Described, out: &mut dyn Write) -> Result<(), CliError> {
    let coordinator = match &item.beside.coordinator {
        Some(it) => format!("{}  ({})", it.address(), it.id),
        None => format!("  ({})", item.coordinator),
    };
    let group = width(15, std::iter::once(item.name.as_str()));
    let wide = width(25, std::iter::once(coordinator.as_str()));
    let assignor = item.assignor.as_deref().unwrap_or(MISSING);
    let members = item.members.len().to_string();
    for [a, b, c, d, e] in [
        ["GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS"],
        [&item.name, &coordinator, assignor, item.state, &members],
    ] {
        write!(out, "\n{a:group$} {b:wide$} {c:20} {d:20} {e}")?;
    }
    writeln!(out)?;
    Ok(())
}
