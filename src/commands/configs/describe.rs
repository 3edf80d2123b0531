//! `kt configs describe`

use std::io::Write;

use clap::Args;
use kt_client::admin::{ConfigEntry, PerItem, Resource};
use kt_client::{Admin, Error};
use schemars::JsonSchema;
use serde::Serialize;

use super::{entities, explained, missing_broker};
use crate::config_entity::ConfigEntity;
use crate::error::CliError;
use crate::journal::HIDDEN;
use crate::output::{Cell, Column, DocumentKind, Item, Scope, Table};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  kt configs describe topic/orders
  kt configs describe broker/1 --all -o wide
  kt configs describe broker/default group/app
  kt configs describe -r 'topic/logs-.*' --json";

/// Show configs of topics, brokers, loggers, groups and client metrics
///
/// Those that are set on the entity itself; with --all also what it inherits.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct DescribeArgs {
    /// topic/NAME, broker/ID, broker/default, logger/ID, group/NAME, client-metrics/NAME
    #[arg(value_name = "ENTITY", required = true)]
    entities: Vec<String>,

    /// Show also configs that are inherited
    #[arg(long)]
    all: bool,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct DescribedEntity {
    #[serde(rename = "entity", serialize_with = "as_text")]
    #[schemars(with = "String")]
    entity: ConfigEntity,
    configs: Vec<DescribedConfig>,
    #[serde(skip)]
    with_inherited: bool,
}

fn as_text<S: serde::Serializer>(it: &ConfigEntity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(it)
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct DescribedConfig {
    name: String,
    /// Null for secrets.
    value: Option<String>,
    source: &'static str,
    sensitive: bool,
    read_only: bool,
    synonyms: Vec<DescribedSynonym>,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct DescribedSynonym {
    name: String,
    value: Option<String>,
    source: &'static str,
}

const COLUMNS: &[Column] = &[
    Column::text("entity").scope(Scope::Machine),
    Column::text("name"),
    Column::text("value"),
    Column::text("source"),
    Column::text("sensitive").scope(Scope::Wide),
    Column::text("read_only").scope(Scope::Wide),
];

pub(super) const KIND: DocumentKind = DocumentKind::of::<DescribedEntity>();

impl Item for DescribedEntity {
    const KIND: &'static str = "configs.describe";

    fn name(&self) -> String {
        self.entity.to_string()
    }

    fn tables(items: &[DescribedEntity]) -> Vec<Table> {
        items.iter().map(DescribedEntity::table).collect()
    }

    /// As kafka-configs --describe.
    fn kafka(items: &[DescribedEntity], out: &mut dyn Write) -> Result<(), CliError> {
        for it in items {
            writeln!(out, "{}", it.kafka_heading())?;
            for config in &it.configs {
                let null = |value: &Option<String>| value.clone().unwrap_or("null".to_owned());
                let synonym = |it: &DescribedSynonym| {
                    format!("{}:{}={}", it.source, it.name, null(&it.value))
                };
                let synonyms: Vec<String> = config.synonyms.iter().map(synonym).collect();
                let (name, value) = (&config.name, null(&config.value));
                let (sensitive, synonyms) = (config.sensitive, synonyms.join(", "));
                writeln!(out, "  {name}={value} sensitive={sensitive} synonyms={{{synonyms}}}")?;
            }
        }
        Ok(())
    }
}

impl DescribedEntity {
    fn table(&self) -> Table {
        let mut table = Table::new(COLUMNS).heading(self.entity.to_string());
        for it in &self.configs {
            let value = match (&it.value, it.sensitive) {
                (_, true) => Cell::text(HIDDEN),
                (Some(value), false) => Cell::text(value),
                (None, false) => Cell::Unknown,
            };
            table.row(vec![
                Cell::text(self.entity.to_string()),
                Cell::text(&it.name),
                value,
                Cell::text(it.source),
                Cell::Flag(it.sensitive),
                Cell::Flag(it.read_only),
            ]);
        }
        table
    }

    fn kafka_heading(&self) -> String {
        let which = if self.with_inherited { "All" } else { "Dynamic" };
        let (kind, name) = match &self.entity {
            ConfigEntity::BrokerDefault => {
                return "Default configs for brokers in the cluster are:".to_owned();
            }
            ConfigEntity::Topic(name) => ("topic", name.clone()),
            ConfigEntity::Broker(id) => ("broker", id.to_string()),
            ConfigEntity::Logger(id) => ("broker-logger", id.to_string()),
            ConfigEntity::Group(name) => ("group", name.clone()),
            ConfigEntity::ClientMetrics(name) => ("client-metric", name.clone()),
        };
        format!("{which} configs for {kind} {name} are:")
    }
}

pub(crate) fn run(args: &DescribeArgs, session: &Session) -> Result<(), CliError> {
    let admin = session.admin()?;
    session.block_on(async {
        let entities = entities(&args.entities, &admin, session).await?;
        let count = entities.len();
        let mut items = Vec::new();
        let mut failed: Vec<(String, CliError)> = Vec::new();
        for (entity, entries) in ask(&admin, entities).await? {
            match entries {
                Ok(entries) => items.push(described(entity, entries, args.all)),
                Err(error) => failed.push((entity.to_string(), error)),
            }
        }
        for it in items.iter().filter(|it| it.configs.is_empty()) {
            session.note(&format!("no config is set on {}", it.entity));
        }
        session.conclude(&admin, items, &failed, count)
    })
}

type Answers = Vec<(ConfigEntity, Result<Vec<ConfigEntry>, CliError>)>;

/// The entries of each entity, in the order of naming.
async fn ask(admin: &Admin, entities: Vec<ConfigEntity>) -> Result<Answers, CliError> {
    let mut answers = Answers::new();
    let mut asked: Vec<ConfigEntity> = Vec::new();
    let order = entities.clone();
    for entity in entities {
        match missing_broker(admin, &entity).await? {
            Some(error) => answers.push((entity, Err(error))),
            None => asked.push(entity),
        }
    }
    let resources: Vec<Resource> = asked.iter().map(ConfigEntity::resource).collect();
    let found: PerItem<Vec<ConfigEntry>> = admin.describe_configs(&resources, None).await?;
    for (entity, (_, entries)) in asked.into_iter().zip(found) {
        let entries: Result<Vec<ConfigEntry>, Error> = entries;
        let entries = match entries {
            Ok(entries) => Ok(entries),
            Err(error) => Err(explained(admin, &entity, error.into()).await),
        };
        answers.push((entity, entries));
    }
    answers.sort_by_key(|(entity, _)| order.iter().position(|it| it == entity));
    Ok(answers)
}

fn described(
    entity: ConfigEntity,
    mut entries: Vec<ConfigEntry>,
    with_inherited: bool,
) -> DescribedEntity {
    let own = entity.own_source();
    // Loggers have levels, which are all their own: Kafka shows them all.
    entries.retain(|it| with_inherited || it.source == own);
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    let config = |it: ConfigEntry| DescribedConfig {
        name: it.name,
        value: it.value,
        source: it.source.name(),
        sensitive: it.is_sensitive,
        read_only: it.is_read_only,
        synonyms: it
            .synonyms
            .into_iter()
            .map(|it| DescribedSynonym { name: it.name, value: it.value, source: it.source.name() })
            .collect(),
    };
    let configs = entries.into_iter().map(config).collect();
    DescribedEntity { entity, configs, with_inherited }
}
