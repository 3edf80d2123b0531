//! `kt topics offsets`

use std::collections::BTreeMap;
use std::io::Write;
use std::str::FromStr;

use clap::Args;
use kt_client::Admin;
use kt_client::admin::{Isolation, OffsetQuery};
use kt_protocol::types::TopicPartition;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{CliError, Failed};
use crate::output::{Cell, Column, DocumentKind, Item, Scope, Table};
use crate::position::{At, ParseAtError};
use crate::resolve::{self, Bounds, OutOfRange};
use crate::session::Session;
use crate::topic_selection;
use crate::topic_spec::TopicSpec;

const EXAMPLES: &str = "\
Examples:
  kt topics offsets orders
  kt topics offsets orders:0 --at earliest --at latest
  kt topics offsets orders --at -1h -o csv         where the last hour begins
  kt topics offsets orders --at 2026-11-21T02:00 --utc";

/// Show which offset a position is in each partition
///
/// A time is the first record with that timestamp or later, else latest.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct OffsetsArgs {
    /// Topics, each with all its partitions or some: orders, orders:3, orders:0,2-4
    #[arg(value_name = "TOPIC[:P]", required = true)]
    topics: Vec<TopicSpec>,

    /// The position: earliest, latest, an offset, a time, -10, +10 (repeatable)
    #[arg(long, value_name = "AT", default_value = "latest", allow_hyphen_values = true)]
    at: Vec<WrittenAt>,
}

/// A position, and how it was written.
#[derive(Clone, Debug, PartialEq)]
struct WrittenAt {
    text: String,
    at: At,
}

impl FromStr for WrittenAt {
    type Err = ParseAtError;

    fn from_str(text: &str) -> Result<WrittenAt, ParseAtError> {
        Ok(WrittenAt { text: text.to_owned(), at: text.parse()? })
    }
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct FoundAt {
    topic: String,
    partition: i32,
    /// As it was written.
    at: String,
    offset: i64,
    /// Of the record, where a time was asked for and there is one.
    timestamp: Option<i64>,
    /// False where `latest` stands for a record that is not there.
    #[serde(skip)]
    is_found: bool,
}

const COLUMNS: &[Column] = &[
    Column::text("topic"),
    Column::number("partition"),
    Column::text("at"),
    Column::number("offset"),
    Column::number("timestamp").scope(Scope::Wide),
];

pub(super) const KIND: DocumentKind = DocumentKind::of::<FoundAt>();

impl Item for FoundAt {
    const KIND: &'static str = "topics.offsets";

    fn name(&self) -> String {
        format!("{}:{}", self.topic, self.partition)
    }

    fn tables(items: &[FoundAt]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            table.row(vec![
                Cell::text(&it.topic),
                Cell::Number(it.partition.into()),
                Cell::text(&it.at),
                Cell::Number(it.offset),
                Cell::number(it.timestamp),
            ]);
        }
        vec![table]
    }

    /// As kafka-get-offsets: no line where there is no such record, ordered as texts.
    fn kafka(items: &[FoundAt], out: &mut dyn Write) -> Result<(), CliError> {
        if items.iter().any(|it| it.at != items[0].at) {
            return Err(CliError::usage("-o kafka shows one position").hint("name one --at"));
        }
        let mut found: Vec<&FoundAt> = items.iter().filter(|it| it.is_found).collect();
        found.sort_by_key(|it| format!("{}-{}", it.topic, it.partition));
        for it in found {
            writeln!(out, "{}:{}:{}", it.topic, it.partition, it.offset)?;
        }
        Ok(())
    }
}

pub(crate) fn run(args: &OffsetsArgs, session: &Session) -> Result<(), CliError> {
    let admin = session.admin()?;
    session.block_on(async {
        let (partitions, mut failed) = select(args, &admin, session).await?;
        let (bounds, silent) = bounds(&admin, &partitions).await?;
        failed.extend(silent);
        let count = bounds.len() + failed.len();
        let mut items = Vec::new();
        for at in &args.at {
            items.extend(find(&admin, session, at, &bounds).await?);
        }
        let place = |it: &FoundAt| partitions.iter().position(|p| is_of(p, it));
        items.sort_by_key(place);
        session.conclude(&admin, items, &failed, count)
    })
}

fn is_of(partition: &TopicPartition, it: &FoundAt) -> bool {
    partition.topic == it.topic && partition.partition.0 == it.partition
}

/// The partitions that are named, in the order of naming.
async fn select(
    args: &OffsetsArgs,
    admin: &Admin,
    session: &Session,
) -> Result<(Vec<TopicPartition>, Failed), CliError> {
    let (found, mut failed) = topic_selection::find_specs(admin, session, &args.topics).await?;
    let mut partitions: Vec<TopicPartition> = Vec::new();
    for (topic, set) in found {
        match topic_selection::partitions(&topic, set.as_ref()) {
            Ok(chosen) => {
                let new = chosen.into_iter().filter(|it| !partitions.contains(it));
                partitions.extend(new.collect::<Vec<_>>());
            }
            Err(error) => failed.push((topic.name, error)),
        }
    }
    Ok((partitions, failed))
}

/// The bounds of each partition that answers, and why the others do not.
async fn bounds(
    admin: &Admin,
    partitions: &[TopicPartition],
) -> Result<(BTreeMap<TopicPartition, Bounds>, Failed), CliError> {
    let ask = |query: OffsetQuery| partitions.iter().map(|it| (it.clone(), query)).collect();
    let ends = admin.list_offsets(&ask(OffsetQuery::Latest), Isolation::ReadUncommitted).await?;
    let mut failed = Failed::new();
    let mut answering = BTreeMap::new();
    for (partition, result) in ends {
        match result {
            Ok(found) => {
                answering.insert(partition, found.offset.map_or(0, |it| it.0));
            }
            Err(error) => {
                let name = format!("{}:{}", partition.topic, partition.partition);
                failed.push((name, error.into()));
            }
        }
    }
    let queries = answering.keys().map(|it| (it.clone(), OffsetQuery::Earliest)).collect();
    let mut bounds = BTreeMap::new();
    for (partition, result) in admin.list_offsets(&queries, Isolation::ReadUncommitted).await? {
        let start = result?.offset.map_or(0, |it| it.0);
        let end = answering[&partition];
        bounds.insert(partition, Bounds { start, end });
    }
    Ok((bounds, failed))
}

async fn find(
    admin: &Admin,
    session: &Session,
    written: &WrittenAt,
    bounds: &BTreeMap<TopicPartition, Bounds>,
) -> Result<Vec<FoundAt>, CliError> {
    let item = |it: &TopicPartition, offset, timestamp, is_found| FoundAt {
        topic: it.topic.clone(),
        partition: it.partition.0,
        at: written.text.clone(),
        offset,
        timestamp,
        is_found,
    };
    let At::Time(time) = &written.at else {
        let places =
            resolve::places(admin, session, "--at", &written.at, bounds, OutOfRange::Refuse)
                .await
                .map_err(without_clamp)?;
        return Ok(places.iter().map(|(it, offset)| item(it, *offset, None, true)).collect());
    };
    let instant = resolve::instant(session, "--at", time)?;
    let query = OffsetQuery::At(instant.as_millisecond().into());
    let queries = bounds.keys().map(|it| (it.clone(), query)).collect();
    let mut items = Vec::new();
    for (partition, found) in admin.list_offsets(&queries, Isolation::ReadUncommitted).await? {
        let found = found?;
        items.push(match found.offset {
            Some(offset) => item(&partition, offset.0, found.timestamp.map(|it| it.0), true),
            None => item(&partition, bounds[&partition].end, None, false),
        });
    }
    Ok(items)
}

/// There is nothing to clamp here.
fn without_clamp(error: CliError) -> CliError {
    match &error.hint {
        Some(hint) if hint.starts_with("--clamp") => error.hint("--at earliest --at latest"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(partition: i32, at: &str, is_found: bool) -> FoundAt {
        let (topic, at) = ("ten".to_owned(), at.to_owned());
        FoundAt { topic, partition, at, offset: 7, timestamp: None, is_found }
    }

    #[test]
    fn kafkas_lines_are_ordered_as_texts_and_leave_out_what_is_not_there() {
        let items =
            [found(2, "latest", true), found(10, "latest", true), found(3, "latest", false)];
        let mut out = Vec::new();
        FoundAt::kafka(&items, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "ten:10:7\nten:2:7\n");
        let two = [found(0, "latest", true), found(0, "earliest", true)];
        assert!(FoundAt::kafka(&two, &mut Vec::new()).is_err());
    }
}
