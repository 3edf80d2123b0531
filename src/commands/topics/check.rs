//! `kt topics check`

use clap::Args;
use kt_client::admin::Resource;
use kt_client::{Admin, Topic};
use schemars::JsonSchema;
use serde::Serialize;

use crate::config_change::{ConfigPair, Present};
use crate::error::{CliError, Kind};
use crate::output::{Cell, Column, DocumentKind, Item, Table};
use crate::session::Session;
use crate::topic_selection;
use crate::topic_spec::TopicSpec;

const EXAMPLES: &str = "\
Examples:
  kt topics check orders --partitions 12 --replication-factor 3 --min-isr 2
  kt topics check orders --expect cleanup.policy=compact
  kt topics check -r '.*' --healthy -q

Exit code 0 if all is so, 7 if something is not, 5 if a topic does not exist.";

/// Check that topics are as they should be
///
/// The answer is the exit code, and a line for each thing that was checked. What cannot be looked
/// at is an error, never a no.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct CheckArgs {
    /// Topics
    #[arg(value_name = "TOPIC", required = true)]
    topics: Vec<String>,

    /// Exactly this number of partitions
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,

    /// Exactly this number of copies of each partition
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i16).range(1..))]
    replication_factor: Option<i16>,

    /// Exactly this min.insync.replicas
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    min_isr: Option<i32>,

    /// A config has this value, set or inherited (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    expect: Vec<ConfigPair>,

    /// Every partition has a leader and all its replicas in sync
    #[arg(long)]
    healthy: bool,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct CheckedTopic {
    name: String,
    ok: bool,
    checks: Vec<Check>,
}

#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
struct Check {
    check: String,
    expected: String,
    actual: String,
    ok: bool,
}

const COLUMNS: &[Column] = &[
    Column::text("name"),
    Column::text("check"),
    Column::text("expected"),
    Column::text("actual"),
    Column::text("ok"),
];

pub(super) const KIND: DocumentKind = DocumentKind::of::<CheckedTopic>();

impl Item for CheckedTopic {
    const KIND: &'static str = "topics.check";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn tables(items: &[CheckedTopic]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for topic in items {
            for it in &topic.checks {
                table.row(vec![
                    Cell::text(&topic.name),
                    Cell::text(&it.check),
                    Cell::text(&it.expected),
                    Cell::text(&it.actual),
                    Cell::Flag(it.ok),
                ]);
            }
        }
        vec![table]
    }
}

pub(crate) fn run(args: &CheckArgs, session: &Session) -> Result<(), CliError> {
    if !args.asks_something() {
        let hint = format!("kt topics check {} --healthy", args.topics.join(" "));
        return Err(CliError::usage("nothing to check").hint(hint));
    }
    let admin = session.admin()?;
    session.block_on(async {
        let spec = |name: &String| TopicSpec { topic: name.clone(), partitions: None };
        let specs: Vec<TopicSpec> = args.topics.iter().map(spec).collect();
        let (found, mut failed) = topic_selection::find_specs(&admin, session, &specs).await?;
        let count = found.len() + failed.len();
        let mut items = Vec::new();
        for (topic, _) in found {
            match check(args, &admin, &topic).await {
                Ok(item) => items.push(item),
                Err(error) => failed.push((topic.name, error)),
            }
        }
        let is_so = items.iter().all(|it| it.ok);
        session.conclude(&admin, items, &failed, count)?;
        if is_so { Ok(()) } else { Err(CliError::silent(Kind::CheckFailed)) }
    })
}

impl CheckArgs {
    fn asks_something(&self) -> bool {
        self.partitions.is_some()
            || self.replication_factor.is_some()
            || self.asks_for_configs()
            || self.healthy
    }

    fn asks_for_configs(&self) -> bool {
        self.min_isr.is_some() || !self.expect.is_empty()
    }
}

async fn check(args: &CheckArgs, admin: &Admin, topic: &Topic) -> Result<CheckedTopic, CliError> {
    let mut checks = Vec::new();
    if let Some(count) = args.partitions {
        checks.push(compare("partitions", &count.to_string(), topic.partitions.len().to_string()));
    }
    if let Some(factor) = args.replication_factor {
        checks.push(replication_factor(factor, topic));
    }
    if args.asks_for_configs() {
        checks.extend(configs(args, admin, &topic.name).await?);
    }
    if args.healthy {
        checks.push(health(topic));
    }
    let ok = checks.iter().all(|it| it.ok);
    Ok(CheckedTopic { name: topic.name.clone(), ok, checks })
}

fn compare(check: &str, expected: &str, actual: String) -> Check {
    let (ok, expected) = (expected == actual, expected.to_owned());
    Check { check: check.to_owned(), expected, actual, ok }
}

/// While a reassignment is under way partitions may differ.
fn replication_factor(expected: i16, topic: &Topic) -> Check {
    let mut counts: Vec<usize> = topic.partitions.iter().map(|it| it.replicas.len()).collect();
    counts.sort_unstable();
    counts.dedup();
    let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
    compare("replication_factor", &expected.to_string(), counts.join(","))
}

async fn configs(args: &CheckArgs, admin: &Admin, name: &str) -> Result<Vec<Check>, CliError> {
    let mut described = admin.describe_configs(&[Resource::topic(name)], None).await?;
    let (_, entries) = described.pop().expect("a resource has an answer");
    let present = Present::of(entries?);
    let min_isr = args.min_isr.map(|it| ("min.insync.replicas", it.to_string()));
    let expected = args.expect.iter().map(|it| (it.key.as_str(), it.value.clone()));
    let checks =
        min_isr.into_iter().chain(expected).map(|(key, value)| match present.effective(key) {
            Some(actual) => Ok(compare(key, &value, actual)),
            None if present.is_secret(key) => {
                Err(CliError::other(format!("topic \"{name}\": {key} is secret")))
            }
            None => {
                let message = format!("topic \"{name}\" has no config \"{key}\"");
                let error = CliError::new(Kind::Other, "INVALID_CONFIG", message);
                Err(error.hint(format!("kt configs describe topic/{name} --all")))
            }
        });
    checks.collect()
}

fn health(topic: &Topic) -> Check {
    let leaderless = topic.partitions.iter().filter(|it| it.leader.is_none()).count();
    let lagging = topic.partitions.iter().filter(|it| it.is_under_replicated()).count();
    let actual = match (leaderless, lagging) {
        (0, 0) => "healthy".to_owned(),
        _ => format!("{leaderless} without leader, {lagging} under-replicated"),
    };
    compare("health", "healthy", actual)
}

#[cfg(test)]
mod tests {
    use kt_client::Partition;
    use kt_protocol::types::NodeId;

    use super::*;

    fn topic(partitions: &[(Option<i32>, &[i32], &[i32])]) -> Topic {
        let partition = |(leader, replicas, isr): &(Option<i32>, &[i32], &[i32])| Partition {
            leader: leader.map(NodeId),
            replicas: replicas.to_vec(),
            isr: isr.to_vec(),
            ..Partition::default()
        };
        Topic { partitions: partitions.iter().map(partition).collect(), ..Topic::default() }
    }

    #[test]
    fn health_is_leaders_and_replicas_in_sync() {
        assert!(health(&topic(&[(Some(1), &[1, 2], &[2, 1])])).ok);
        let sick = health(&topic(&[(None, &[1, 2], &[]), (Some(1), &[1, 2], &[1])]));
        assert_eq!(
            (sick.ok, sick.actual.as_str()),
            (false, "1 without leader, 2 under-replicated")
        );
    }

    #[test]
    fn every_partition_has_the_replication_factor() {
        let mixed = topic(&[(Some(1), &[1, 2], &[1]), (Some(1), &[1], &[1])]);
        let check = replication_factor(2, &mixed);
        assert_eq!((check.ok, check.actual.as_str()), (false, "1,2"));
        assert!(replication_factor(1, &topic(&[(Some(1), &[1], &[1])])).ok);
    }
}
