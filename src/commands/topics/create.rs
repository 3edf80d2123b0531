//! `kt topics create`

use std::collections::BTreeMap;
use std::str::FromStr;

use clap::Args;
use kt_client::admin::{
    Apply, ConfigSource, CreatedTopic, Expected, NewTopic, PerItem, Placement, Resource,
};
use kt_client::{Admin, Error};
use kt_protocol::ErrorCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::config_change::ConfigPair;
use crate::error::CliError;
use crate::journal::{self, Made, Step};
use crate::output::{Cell, Column, DocumentKind, Item, Scope, Table};
use crate::session::Session;
use crate::topic_selection;

const EXAMPLES: &str = "\
Examples:
  kt topics create orders --partitions 3 --replication-factor 2
  kt topics create events --set cleanup.policy=compact --set retention.ms=86400000
  kt topics create audit --like orders --dry-run
  kt topics create pinned --assignment 1:2,2:3";

/// Create topics
///
/// Partitions and replication factor are the broker's defaults if they are not given.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct CreateArgs {
    /// Their names
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,

    /// Number of partitions
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,

    /// Copies of each partition
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i16).range(1..))]
    replication_factor: Option<i16>,

    /// Brokers of each partition's copies: 1:2,2:3 puts partition 0 on 1 and 2
    #[arg(long, value_name = "LIST", conflicts_with_all = ["partitions", "replication_factor"])]
    assignment: Option<Assignment>,

    /// A config of the topic (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<ConfigPair>,

    /// Copy partitions, replication factor and configs of this topic
    #[arg(long, value_name = "TOPIC", conflicts_with = "assignment")]
    like: Option<String>,

    /// Succeed if the topic exists already
    #[arg(long)]
    if_not_exists: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Assignment(Vec<Vec<i32>>);

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Assignment, String> {
        let brokers = |partition: &str| -> Option<Vec<i32>> {
            partition.split(':').map(|it| it.trim().parse().ok().filter(|it| 0 <= *it)).collect()
        };
        let partitions: Option<Vec<Vec<i32>>> = text.split(',').map(brokers).collect();
        partitions.map(Assignment).ok_or_else(|| {
            "write broker ids, with : between copies and , between partitions: 1:2,2:3".to_owned()
        })
    }
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct Created {
    name: String,
    topic_id: Option<String>,
    partitions: Option<i32>,
    replication_factor: Option<i16>,
    /// False for a dry run, and for a topic that was there.
    created: bool,
}

pub(super) const KIND: DocumentKind = DocumentKind::of::<Created>();

const COLUMNS: &[Column] = &[
    Column::text("name"),
    Column::number("partitions"),
    Column::number("replication_factor"),
    Column::text("topic_id"),
    Column::text("created").scope(Scope::Wide),
];

impl Item for Created {
    const KIND: &'static str = "topics.create";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn tables(items: &[Created]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            table.row(vec![
                Cell::text(&it.name),
                Cell::number(it.partitions.map(i64::from)),
                Cell::number(it.replication_factor.map(i64::from)),
                it.topic_id.as_ref().map_or(Cell::Unknown, Cell::text),
                Cell::Flag(it.created),
            ]);
        }
        vec![table]
    }
}

pub(crate) fn run(args: &CreateArgs, session: &Session) -> Result<(), CliError> {
    session.check_form::<Created>()?;
    let admin = session.admin()?;
    session.block_on(async {
        let model = match &args.like {
            Some(like) => Some(model(&admin, like).await?),
            None => None,
        };
        let topics: Vec<NewTopic> = args.names.iter().map(|it| args.topic(it, &model)).collect();
        for topic in &topics {
            session.say(&plan(topic, session.globals.dry_run));
        }
        let apply = if session.globals.dry_run { Apply::ValidateOnly } else { Apply::Change };
        let results = admin.create_topics(&topics, apply).await?;
        if apply == Apply::Change {
            wait(&admin, session, &topics, &results).await?;
        }
        finish(args, &admin, session, results)
    })
}

/// A script's next line may ask any broker for what was made.
async fn wait(
    admin: &Admin,
    session: &Session,
    topics: &[NewTopic],
    results: &PerItem<CreatedTopic>,
) -> Result<(), CliError> {
    let made = topics.iter().zip(results).filter(|(_, (_, result))| result.is_ok());
    let expected = made.map(|(topic, _)| {
        let partitions = match &topic.placement {
            Placement::Manual(partitions) => partitions.len(),
            Placement::Counts { partitions, .. } => {
                partitions.and_then(|it| usize::try_from(it).ok()).unwrap_or(1)
            }
        };
        (topic.name.clone(), Expected::Partitions(partitions))
    });
    topic_selection::wait_until_known(admin, session, &expected.collect::<Vec<_>>()).await
}

/// What `--like` copies.
struct Model {
    partitions: i32,
    replication_factor: i16,
    configs: BTreeMap<String, String>,
}

async fn model(admin: &Admin, like: &str) -> Result<Model, CliError> {
    let topic = topic_selection::find(admin, like).await?;
    let entries = admin.describe_configs(&[Resource::topic(like)], None).await?;
    let mut configs = BTreeMap::new();
    for (_, entries) in entries {
        let set = entries?.into_iter().filter(|it| it.source == ConfigSource::DYNAMIC_TOPIC);
        configs.extend(set.filter_map(|it| Some((it.name, it.value?))));
    }
    Ok(Model {
        partitions: i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
        replication_factor: i16::try_from(topic.replication_factor()).unwrap_or(i16::MAX),
        configs,
    })
}

impl CreateArgs {
    fn topic(&self, name: &str, model: &Option<Model>) -> NewTopic {
        let model = model.as_ref();
        let placement = match &self.assignment {
            Some(assignment) => Placement::Manual(assignment.0.clone()),
            None => Placement::Counts {
                partitions: self.partitions.or(model.map(|it| it.partitions)),
                replication_factor: self
                    .replication_factor
                    .or(model.map(|it| it.replication_factor)),
            },
        };
        let mut configs = model.map(|it| it.configs.clone()).unwrap_or_default();
        configs.extend(self.set.iter().map(|it| (it.key.clone(), it.value.clone())));
        NewTopic { name: name.to_owned(), placement, configs }
    }
}

/// What will happen, as one line.
fn plan(topic: &NewTopic, is_dry_run: bool) -> String {
    let verb = if is_dry_run { "would create" } else { "create" };
    let mut line = format!("{verb} topic \"{}\": ", topic.name);
    match &topic.placement {
        Placement::Counts { partitions, replication_factor } => {
            let or_default = |it: Option<String>| it.unwrap_or("the broker's default".to_owned());
            line.push_str(&format!(
                "partitions {}, replication factor {}",
                or_default(partitions.map(|it| it.to_string())),
                or_default(replication_factor.map(|it| it.to_string())),
            ));
        }
        Placement::Manual(partitions) => {
            line.push_str(&format!("partitions {}", partitions.len()));
            for (brokers, index) in partitions.iter().zip(0..) {
                line.push_str(&format!(", {index} on {brokers:?}"));
            }
        }
    }
    for (key, value) in &topic.configs {
        line.push_str(&format!(", {key}={value}"));
    }
    line
}

fn finish(
    args: &CreateArgs,
    admin: &Admin,
    session: &Session,
    results: PerItem<CreatedTopic>,
) -> Result<(), CliError> {
    let count = results.len();
    let mut items = Vec::new();
    let mut failed: Vec<(String, CliError)> = Vec::new();
    for (name, result) in results {
        match result {
            Ok(topic) => items.push(created(name, &topic, !session.globals.dry_run)),
            Err(error) if args.if_not_exists && is_there(&error) => {
                session.note(&format!("topic \"{name}\" exists already"));
                let nothing = CreatedTopic { id: None, partitions: None, replication_factor: None };
                items.push(created(name, &nothing, false));
            }
            Err(error) => failed.push((name.clone(), with_hint(&name, error))),
        }
    }
    let made = items.iter().filter(|it| it.created);
    let inverse: Vec<Step> = made
        .map(|it| Step::DeleteTopic { name: it.name.clone(), topic_id: it.topic_id.clone() })
        .collect();
    if !inverse.is_empty() {
        let made = Made { cluster_id: admin.cluster_id(), inverse, ..Made::default() };
        journal::record(session, made);
    }
    session.conclude(admin, items, &failed, count)
}

fn is_there(error: &Error) -> bool {
    error.code() == Some(ErrorCode::TopicAlreadyExists)
}

fn with_hint(name: &str, error: Error) -> CliError {
    match error.code() {
        Some(ErrorCode::TopicAlreadyExists) => {
            CliError::from(error).hint(format!("kt topics describe {name}"))
        }
        Some(ErrorCode::InvalidReplicationFactor) => {
            CliError::from(error).hint("a cluster needs as many brokers as there are copies")
        }
        _ => CliError::from(error),
    }
}

fn created(name: String, topic: &CreatedTopic, is_change: bool) -> Created {
    Created {
        name,
        topic_id: topic.id.map(|it| it.to_string()),
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        created: is_change,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_are_read_partition_by_partition() {
        let assignment: Assignment = "1:2,2:3".parse().unwrap();
        assert_eq!(assignment.0, [[1, 2], [2, 3]]);
        for text in ["", "1:", ",1", "a", "-1:2"] {
            assert!(text.parse::<Assignment>().is_err(), "{text}");
        }
    }

    #[test]
    fn plans_say_what_is_the_brokers_choice() {
        let topic = NewTopic {
            name: "orders".to_owned(),
            placement: Placement::Counts { partitions: Some(3), replication_factor: None },
            configs: BTreeMap::from([("retention.ms".to_owned(), "1".to_owned())]),
        };
        insta::assert_snapshot!(plan(&topic, false), @r#"create topic "orders": partitions 3, replication factor the broker's default, retention.ms=1"#);
        let pinned = NewTopic {
            name: "pinned".to_owned(),
            placement: Placement::Manual(vec![vec![1, 2], vec![2, 3]]),
            configs: BTreeMap::new(),
        };
        insta::assert_snapshot!(plan(&pinned, true), @r#"would create topic "pinned": partitions 2, 0 on [1, 2], 1 on [2, 3]"#);
    }
}
