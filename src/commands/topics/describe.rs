//! `kt topics describe`

use std::collections::BTreeMap;

use clap::Args;
use kt_client::admin::{ConfigSource, FoundOffsets, Isolation, OffsetQuery, Resource};
use kt_client::{Admin, Partition, Topic};
use kt_protocol::types::{NodeId, TopicPartition};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{self, CliError};
use crate::output::{Cell, Column, DocumentKind, Item, ItemError, Scope, Table};
use crate::session::Session;
use crate::topic_selection::{self, Patterns};
use crate::topic_spec::TopicSpec;

const EXAMPLES: &str = "\
Examples:
  kt topics describe orders
  kt topics describe orders:0,2-4 --configs
  kt topics describe orders --json | jq '.items[].partitions[] | select(.under_replicated)'";

/// Show partitions, replicas, offsets and sizes of topics
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct DescribeArgs {
    /// Topics, each with all its partitions or some: orders, orders:3, orders:0,2-4
    #[arg(value_name = "TOPIC[:P]", required = true)]
    topics: Vec<TopicSpec>,

    /// Show configs, those that are set somewhere
    #[arg(long)]
    configs: bool,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct DescribedTopic {
    name: String,
    topic_id: Option<String>,
    internal: bool,
    replication_factor: usize,
    partitions: Vec<DescribedPartition>,
    /// Only where they were asked for and may be seen.
    configs: Option<Vec<DescribedConfig>>,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct DescribedPartition {
    partition: i32,
    leader: Option<i32>,
    leader_epoch: Option<i32>,
    replicas: Vec<i32>,
    isr: Vec<i32>,
    elr: Option<Vec<i32>>,
    offline: Vec<i32>,
    log_start_offset: Option<i64>,
    high_watermark: Option<i64>,
    /// Of the leader's replica.
    size_bytes: Option<u64>,
    under_replicated: bool,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct DescribedConfig {
    name: String,
    value: Option<String>,
    source: &'static str,
    sensitive: bool,
}

pub(super) const KIND: DocumentKind = DocumentKind::of::<DescribedTopic>();

const COLUMNS: &[Column] = &[
    Column::text("topic").scope(Scope::Machine),
    Column::number("partition"),
    Column::number("leader"),
    Column::number("leader_epoch").scope(Scope::Wide),
    Column::text("replicas"),
    Column::text("isr"),
    Column::text("elr").scope(Scope::Wide),
    Column::text("offline").scope(Scope::Wide),
    Column::number("log_start_offset"),
    Column::number("high_watermark"),
    Column::number("size_bytes"),
    Column::text("under_replicated"),
];

impl Item for DescribedTopic {
    const KIND: &'static str = "topics.describe";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn tables(items: &[DescribedTopic]) -> Vec<Table> {
        items.iter().map(DescribedTopic::table).collect()
    }
}

impl DescribedTopic {
    fn table(&self) -> Table {
        let mut table = Table::new(COLUMNS).heading(self.heading());
        for it in &self.partitions {
            table.row(vec![
                Cell::text(&self.name),
                Cell::Number(it.partition.into()),
                Cell::number(it.leader.map(i64::from)),
                Cell::number(it.leader_epoch.map(i64::from)),
                Cell::List(it.replicas.clone()),
                Cell::List(it.isr.clone()),
                it.elr.clone().map_or(Cell::Unknown, Cell::List),
                Cell::List(it.offline.clone()),
                Cell::number(it.log_start_offset),
                Cell::number(it.high_watermark),
                Cell::number(it.size_bytes.and_then(|it| i64::try_from(it).ok())),
                Cell::Flag(it.under_replicated),
            ]);
        }
        table
    }

    fn heading(&self) -> String {
        let mut heading = format!("{}  replication factor {}", self.name, self.replication_factor);
        if let Some(id) = &self.topic_id {
            heading.push_str(&format!("  id {id}"));
        }
        for config in self.configs.iter().flatten() {
            let value = match (&config.value, config.sensitive) {
                (_, true) => "(hidden)",
                (Some(value), false) => value,
                (None, false) => "-",
            };
            heading.push_str(&format!("\n  {}={value}  ({})", config.name, config.source));
        }
        heading
    }
}

pub(crate) fn run(args: &DescribeArgs, session: &Session) -> Result<(), CliError> {
    let admin = session.admin()?;
    session.block_on(async {
        let (topics, failed) = find(args, &admin, session).await?;
        let items = describe_all(&admin, &topics, args.configs).await?;
        let mut report = session.report(&admin, items);
        report.errors = failed.iter().map(|(name, it)| ItemError::new(name, it)).collect();
        session.print(&report)?;
        let count = topics.len() + failed.len();
        let failed: Vec<CliError> = failed.into_iter().map(|it| it.1).collect();
        error::summary(&failed, count)
    })
}

type Failed = Vec<(String, CliError)>;

/// The topics, with the partitions that were named only.
async fn find(
    args: &DescribeArgs,
    admin: &Admin,
    session: &Session,
) -> Result<(Vec<Topic>, Failed), CliError> {
    let mut names: Vec<String> = args.topics.iter().map(|it| it.topic.clone()).collect();
    let mut specs = args.topics.clone();
    if session.globals.regex {
        let all = Patterns::new(&names)?.select(admin.list_topics().await?, session)?;
        names = all.into_iter().map(|it| it.name).collect();
        specs =
            names.iter().map(|name| TopicSpec { topic: name.clone(), partitions: None }).collect();
    }
    let found = topic_selection::find_all(admin, &names).await?;
    let mut topics = Vec::new();
    let mut failed = Failed::new();
    for (spec, (name, topic)) in specs.iter().zip(found) {
        match topic.and_then(|it| with_partitions(it, spec)) {
            Ok(topic) => topics.push(topic),
            Err(error) => failed.push((name, error)),
        }
    }
    Ok((topics, failed))
}

fn with_partitions(mut topic: Topic, spec: &TopicSpec) -> Result<Topic, CliError> {
    if let Some(set) = &spec.partitions {
        let existing: Vec<i32> = topic.partitions.iter().map(|it| it.index).collect();
        let chosen =
            set.select(&existing).map_err(|it| topic_selection::no_partition(&topic, it))?;
        topic.partitions.retain(|it| chosen.contains(&it.index));
    }
    Ok(topic)
}

async fn describe_all(
    admin: &Admin,
    topics: &[Topic],
    with_configs: bool,
) -> Result<Vec<DescribedTopic>, CliError> {
    let led: BTreeMap<TopicPartition, NodeId> = topics
        .iter()
        .flat_map(|topic| {
            let name = topic.name.as_str();
            let led = |it: &Partition| Some((TopicPartition::new(name, it.index), it.leader?));
            topic.partitions.iter().filter_map(led).collect::<Vec<_>>()
        })
        .collect();
    let ask = |query: OffsetQuery| led.keys().map(|it| (it.clone(), query)).collect();
    let (earliest, latest) = (ask(OffsetQuery::Earliest), ask(OffsetQuery::Latest));
    let (starts, ends, sizes, configs) = tokio::join!(
        admin.list_offsets(&earliest, Isolation::ReadUncommitted),
        admin.list_offsets(&latest, Isolation::ReadUncommitted),
        sizes(admin, &led),
        configs(admin, topics, with_configs),
    );
    // What may not be seen is unknown; the rest of the description is still worth showing.
    let facts = Facts {
        starts: starts.unwrap_or_default(),
        ends: ends.unwrap_or_default(),
        sizes,
        configs,
    };
    Ok(topics.iter().map(|it| facts.describe(it)).collect())
}

/// What other answers than the metadata tell.
struct Facts {
    starts: FoundOffsets,
    ends: FoundOffsets,
    sizes: BTreeMap<TopicPartition, u64>,
    configs: BTreeMap<String, Vec<DescribedConfig>>,
}

impl Facts {
    fn describe(&self, topic: &Topic) -> DescribedTopic {
        DescribedTopic {
            name: topic.name.clone(),
            topic_id: (!topic.id.is_zero()).then(|| topic.id.to_string()),
            internal: topic.is_internal,
            replication_factor: topic.replication_factor(),
            partitions: topic.partitions.iter().map(|it| self.partition(topic, it)).collect(),
            configs: self.configs.get(&topic.name).cloned(),
        }
    }

    fn partition(&self, topic: &Topic, it: &Partition) -> DescribedPartition {
        let key = TopicPartition::new(topic.name.as_str(), it.index);
        let offset = |from: &FoundOffsets| match from.get(&key) {
            Some(Ok(found)) => found.offset.map(|it| it.0),
            _ => None,
        };
        DescribedPartition {
            partition: it.index,
            leader: it.leader.map(|it| it.0),
            leader_epoch: (0 <= it.leader_epoch.0).then_some(it.leader_epoch.0),
            replicas: it.replicas.clone(),
            isr: it.isr.clone(),
            elr: it.elr.clone(),
            offline: it.offline.clone(),
            log_start_offset: offset(&self.starts),
            high_watermark: offset(&self.ends),
            size_bytes: self.sizes.get(&key).copied(),
            under_replicated: it.is_under_replicated(),
        }
    }
}

/// The size of each partition on its leader's disk, where the leader tells it.
async fn sizes(
    admin: &Admin,
    led: &BTreeMap<TopicPartition, NodeId>,
) -> BTreeMap<TopicPartition, u64> {
    let mut by_leader: BTreeMap<NodeId, Vec<TopicPartition>> = BTreeMap::new();
    for (partition, leader) in led {
        by_leader.entry(*leader).or_default().push(partition.clone());
    }
    let mut sizes = BTreeMap::new();
    for (leader, partitions) in by_leader {
        sizes.extend(admin.replica_sizes(leader, &partitions).await.unwrap_or_default());
    }
    sizes
}

async fn configs(
    admin: &Admin,
    topics: &[Topic],
    is_wanted: bool,
) -> BTreeMap<String, Vec<DescribedConfig>> {
    if !is_wanted {
        return BTreeMap::new();
    }
    let resources: Vec<Resource> = topics.iter().map(|it| Resource::topic(&it.name)).collect();
    let answers = admin.describe_configs(&resources, None).await.unwrap_or_default();
    let told = answers.into_iter().filter_map(|(name, entries)| Some((name, entries.ok()?)));
    told.map(|(name, entries)| {
        let set = entries.into_iter().filter(|it| it.source != ConfigSource::DEFAULT);
        let described = set.map(|it| DescribedConfig {
            name: it.name,
            value: it.value,
            source: it.source.name(),
            sensitive: it.is_sensitive,
        });
        (name, described.collect())
    })
    .collect()
}
