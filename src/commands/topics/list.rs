//! `kt topics list`

use std::collections::BTreeMap;
use std::io::Write;

use clap::Args;
use kt_client::admin::Resource;
use kt_client::{Admin, Topic};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{self, CliError};
use crate::nearest::nearest;
use crate::output::{Cell, Column, DocumentKind, Item, Scope, Table};
use crate::session::Session;
use crate::topic_selection::Patterns;

const EXAMPLES: &str = "\
Examples:
  kt topics
  kt topics list --under-replicated
  kt topics list -r 'orders-.*' -o name
  kt topics list --json | jq '.items[] | select(.partitions > 100).name'";

/// List topics
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ListArgs {
    /// Only these topics
    #[arg(value_name = "TOPIC")]
    topics: Vec<String>,

    #[command(flatten)]
    filter: Filter,
}

// Which topics are wanted; several flags ask for topics with any of these faults.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Filter {
    /// Only topics with partitions that lack an in-sync replica
    #[arg(long)]
    under_replicated: bool,

    /// Only topics with partitions that have fewer in-sync replicas than min.insync.replicas
    #[arg(long)]
    under_min_isr: bool,

    /// Only topics with partitions that have no leader
    #[arg(long)]
    offline: bool,
}

impl Filter {
    pub(crate) fn is_set(self) -> bool {
        self.under_replicated || self.under_min_isr || self.offline
    }

    fn wants(self, topic: &ListedTopic) -> bool {
        !self.is_set()
            || (self.under_replicated && 0 < topic.under_replicated)
            || (self.under_min_isr && topic.under_min_isr.is_some_and(|it| 0 < it))
            || (self.offline && 0 < topic.offline)
    }
}

impl ListArgs {
    pub(crate) fn of_all(filter: Filter) -> ListArgs {
        ListArgs { topics: Vec::new(), filter }
    }

    /// With the flags that stood before the verb.
    pub(crate) fn with(&self, before: Filter) -> ListArgs {
        let filter = Filter {
            under_replicated: self.filter.under_replicated || before.under_replicated,
            under_min_isr: self.filter.under_min_isr || before.under_min_isr,
            offline: self.filter.offline || before.offline,
        };
        ListArgs { topics: self.topics.clone(), filter }
    }
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct ListedTopic {
    name: String,
    /// From brokers of 2.8 and later.
    topic_id: Option<String>,
    internal: bool,
    partitions: usize,
    replication_factor: usize,
    under_replicated: usize,
    /// Counted only where it was asked for: it takes every topic's configs.
    under_min_isr: Option<usize>,
    offline: usize,
}

pub(super) const KIND: DocumentKind = DocumentKind::of::<ListedTopic>();

const COLUMNS: &[Column] = &[
    Column::text("name"),
    Column::number("partitions"),
    Column::number("replication_factor"),
    Column::number("under_replicated").scope(Scope::Wide),
    Column::number("under_min_isr").scope(Scope::Wide),
    Column::number("offline").scope(Scope::Wide),
    Column::text("internal").scope(Scope::Wide),
    Column::text("topic_id").scope(Scope::Wide),
];

impl Item for ListedTopic {
    const KIND: &'static str = "topics.list";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn tables(items: &[ListedTopic]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for item in items {
            table.row(vec![
                Cell::text(&item.name),
                Cell::count(item.partitions),
                Cell::count(item.replication_factor),
                Cell::count(item.under_replicated),
                item.under_min_isr.map_or(Cell::Unknown, Cell::count),
                Cell::count(item.offline),
                Cell::Flag(item.internal),
                item.topic_id.as_ref().map_or(Cell::Unknown, Cell::text),
            ]);
        }
        vec![table]
    }

    /// As kafka-topics --list, which ends an empty list with a line, too.
    fn kafka(items: &[ListedTopic], out: &mut dyn Write) -> Result<(), CliError> {
        let mut names: Vec<&str> = items.iter().map(|it| it.name.as_str()).collect();
        names.sort_unstable();
        writeln!(out, "{}", names.join("\n"))?;
        Ok(())
    }
}

pub(crate) fn run(args: &ListArgs, session: &Session) -> Result<(), CliError> {
    let admin = session.admin()?;
    session.block_on(async {
        let all = admin.list_topics().await?;
        let (topics, missing) = select(args, all, session)?;
        let min_isr = match args.filter.under_min_isr {
            true => min_isr(&admin, &topics).await?,
            false => BTreeMap::new(),
        };
        let listed = topics.iter().map(|it| listed(it, min_isr.get(&it.name).copied()));
        let items: Vec<ListedTopic> = listed.filter(|it| args.filter.wants(it)).collect();
        if items.is_empty() && missing.is_empty() {
            session.note(if args.filter.is_set() { "no such topics" } else { "no topics yet" });
        }
        session.conclude(&admin, items, &missing, args.topics.len())
    })
}

type Missing = Vec<(String, CliError)>;

fn select(
    args: &ListArgs,
    all: Vec<Topic>,
    session: &Session,
) -> Result<(Vec<Topic>, Missing), CliError> {
    if args.topics.is_empty() {
        let shown = |it: &Topic| session.globals.internal || !it.is_internal;
        return Ok((all.into_iter().filter(shown).collect(), Missing::new()));
    }
    if session.globals.regex {
        return Ok((Patterns::new(&args.topics)?.select(all, session)?, Missing::new()));
    }
    let mut found = Vec::new();
    let mut missing = Missing::new();
    for name in &args.topics {
        match all.iter().find(|it| it.name == *name) {
            Some(topic) => found.push(topic.clone()),
            None => missing.push((name.clone(), not_there(name, &all))),
        }
    }
    Ok((found, missing))
}

fn not_there(name: &str, all: &[Topic]) -> CliError {
    let code = "UNKNOWN_TOPIC_OR_PARTITION";
    let message = format!("topic \"{name}\" does not exist");
    let error = CliError::new(error::Kind::NotFound, code, message);
    match nearest(name, all.iter().map(|it| it.name.as_str())) {
        Some(meant) => error.hint(format!("did you mean \"{meant}\"?")),
        None => error.hint("kt topics list"),
    }
}

/// `min.insync.replicas` of each topic that tells it.
async fn min_isr(admin: &Admin, topics: &[Topic]) -> Result<BTreeMap<String, usize>, CliError> {
    let resources: Vec<Resource> = topics.iter().map(|it| Resource::topic(&it.name)).collect();
    let configs = admin.describe_configs(&resources, Some(&["min.insync.replicas"])).await?;
    let known = configs.into_iter().filter_map(|(name, entries)| {
        let value = entries.ok()?.into_iter().next()?.value?;
        Some((name, value.parse().ok()?))
    });
    Ok(known.collect())
}

fn listed(topic: &Topic, min_isr: Option<usize>) -> ListedTopic {
    let partitions = &topic.partitions;
    ListedTopic {
        name: topic.name.clone(),
        topic_id: (!topic.id.is_zero()).then(|| topic.id.to_string()),
        internal: topic.is_internal,
        partitions: partitions.len(),
        replication_factor: topic.replication_factor(),
        under_replicated: partitions.iter().filter(|it| it.is_under_replicated()).count(),
        under_min_isr: min_isr
            .map(|min_isr| partitions.iter().filter(|it| it.isr.len() < min_isr).count()),
        offline: partitions.iter().filter(|it| it.leader.is_none()).count(),
    }
}
