//! `kt topics describe`

mod kafka;

use std::collections::BTreeMap;
use std::io::Write;

use clap::Args;
use kt_client::admin::{
    ConfigEntry, ConfigSource, FoundOffsets, Isolation, OffsetQuery, Reassignment, Resource,
};
use kt_client::{Admin, Partition, Topic};
use kt_protocol::types::{NodeId, TopicPartition};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::CliError;
use crate::output::{Cell, Column, DocumentKind, Format, Item, Scope, Table};
use crate::session::Session;
use crate::topic_selection;
use crate::topic_spec::{PartitionSet, TopicSpec};

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
    #[serde(skip)]
    beside: kafka::OfTopic,
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
    #[serde(skip)]
    beside: kafka::OfPartition,
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

    fn kafka(items: &[DescribedTopic], out: &mut dyn Write) -> Result<(), CliError> {
        kafka::write(items, out)
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
        let (found, mut failed) =
            topic_selection::find_specs(&admin, session, &args.topics).await?;
        let mut topics = Vec::new();
        for (topic, set) in found {
            let name = topic.name.clone();
            match Chosen::new(topic, set.as_ref()) {
                Ok(chosen) => topics.push(chosen),
                Err(error) => failed.push((name, error)),
            }
        }
        let form = if session.format() == Format::Kafka { Form::Kafka } else { Form::Own };
        let items = describe_all(&admin, &topics, args.configs, form).await?;
        let count = topics.len() + failed.len();
        session.conclude(&admin, items, &failed, count)
    })
}

/// Whose words the description is for: Kafka's need more questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Own,
    Kafka,
}

/// A topic, and which of its partitions are shown.
struct Chosen {
    topic: Topic,
    shown: Vec<i32>,
}

impl Chosen {
    fn new(topic: Topic, set: Option<&PartitionSet>) -> Result<Chosen, CliError> {
        let chosen = topic_selection::partitions(&topic, set)?;
        let shown = chosen.into_iter().map(|it| it.partition.0).collect();
        Ok(Chosen { topic, shown })
    }

    fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.topic.partitions.iter().filter(|it| self.shown.contains(&it.index))
    }
}

async fn describe_all(
    admin: &Admin,
    topics: &[Chosen],
    with_configs: bool,
    form: Form,
) -> Result<Vec<DescribedTopic>, CliError> {
    let led: BTreeMap<TopicPartition, NodeId> = topics
        .iter()
        .flat_map(|chosen| {
            let name = chosen.topic.name.as_str();
            let led = |it: &Partition| Some((TopicPartition::new(name, it.index), it.leader?));
            chosen.partitions().filter_map(led).collect::<Vec<_>>()
        })
        .collect();
    let ask = |query: OffsetQuery| led.keys().map(|it| (it.clone(), query)).collect();
    let (earliest, latest) = (ask(OffsetQuery::Earliest), ask(OffsetQuery::Latest));
    let with_configs = with_configs || form == Form::Kafka;
    let (starts, ends, sizes, configs, moves) = tokio::join!(
        admin.list_offsets(&earliest, Isolation::ReadUncommitted),
        admin.list_offsets(&latest, Isolation::ReadUncommitted),
        sizes(admin, &led),
        configs(admin, topics, with_configs),
        moves(admin, form),
    );
    // What may not be seen is unknown; the rest of the description is still worth showing.
    let facts = Facts {
        starts: starts.unwrap_or_default(),
        ends: ends.unwrap_or_default(),
        sizes,
        configs,
        moves,
    };
    Ok(topics.iter().map(|it| facts.describe(it)).collect())
}

/// What other answers than the metadata tell.
struct Facts {
    starts: FoundOffsets,
    ends: FoundOffsets,
    sizes: BTreeMap<TopicPartition, u64>,
    /// As they came, those of nobody included.
    configs: BTreeMap<String, Vec<ConfigEntry>>,
    moves: BTreeMap<TopicPartition, Reassignment>,
}

impl Facts {
    fn describe(&self, chosen: &Chosen) -> DescribedTopic {
        let topic = &chosen.topic;
        let configs = self.configs.get(&topic.name);
        DescribedTopic {
            name: topic.name.clone(),
            topic_id: (!topic.id.is_zero()).then(|| topic.id.to_string()),
            internal: topic.is_internal,
            replication_factor: topic.replication_factor(),
            partitions: chosen.partitions().map(|it| self.partition(topic, it)).collect(),
            configs: configs.map(|it| described(it)),
            beside: kafka::OfTopic::new(topic, configs, &self.moves),
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
            beside: kafka::OfPartition {
                last_known_elr: it.last_known_elr.clone(),
                reassignment: self.moves.get(&key).cloned(),
            },
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
    topics: &[Chosen],
    is_wanted: bool,
) -> BTreeMap<String, Vec<ConfigEntry>> {
    if !is_wanted {
        return BTreeMap::new();
    }
    let resource = |it: &Chosen| Resource::topic(&it.topic.name);
    let resources: Vec<Resource> = topics.iter().map(resource).collect();
    let answers = admin.describe_configs(&resources, None).await.unwrap_or_default();
    answers.into_iter().filter_map(|(name, entries)| Some((name, entries.ok()?))).collect()
}

/// Those that are set somewhere.
fn described(entries: &[ConfigEntry]) -> Vec<DescribedConfig> {
    let set = entries.iter().filter(|it| it.source != ConfigSource::DEFAULT);
    let described = set.map(|it| DescribedConfig {
        name: it.name.clone(),
        value: it.value.clone(),
        source: it.source.name(),
        sensitive: it.is_sensitive,
    });
    let mut described: Vec<DescribedConfig> = described.collect();
    described.sort_by(|one, other| one.name.cmp(&other.name));
    described
}

/// What moves, where that is shown. Brokers that know no moves have none.
async fn moves(admin: &Admin, form: Form) -> BTreeMap<TopicPartition, Reassignment> {
    match form {
        Form::Own => BTreeMap::new(),
        Form::Kafka => admin.list_reassignments().await.unwrap_or_default(),
    }
}
