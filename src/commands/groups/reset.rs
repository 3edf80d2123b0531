//! `kt groups reset`

mod saved_offsets;
mod shift;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use kt_client::Admin;
use kt_client::admin::{CommittedOffset, Isolation};
use kt_protocol::types::TopicPartition;
use schemars::JsonSchema;
use serde::Serialize;

use crate::change::{Change, Risk};
use crate::error::{CliError, Failed, Kind};
use crate::group_selection;
use crate::journal::{self, Made};
use crate::offset_change::{self, OffsetChange, OffsetPlan, plain, with_hint};
use crate::output::{Cell, Column, DocumentKind, Item, Table};
use crate::position::At;
use crate::resolve::{self, Bounds, OutOfRange, Places};
use crate::session::Session;
use crate::topic_selection;
use crate::topic_spec::TopicSpec;
use shift::Shift;

const EXAMPLES: &str = "\
Examples:
  kt groups reset billing --all-topics --to earliest -n      shows what would change
  kt groups reset billing -t orders --to -1h                 the last hour again
  kt groups reset billing -t orders:3 --shift +1             skips a record that cannot be read
  kt groups reset billing -t orders --to committed:invoices  where another group is
  kt groups reset billing --offsets saved.csv                as kt groups offsets -o csv saved it";

/// Move a group's committed offsets
///
/// The group must have no members; one that does not exist is created. Offsets that do not change
/// stay as they are. `kt undo` gives the old ones back.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
#[command(group(ArgGroup::new("target").required(true).args(["to", "shift", "offsets"])))]
pub(crate) struct ResetArgs {
    /// The group
    #[arg(value_name = "GROUP")]
    group: String,

    /// Topics, each with all its partitions or some: orders, orders:3, orders:0,2-4 (repeatable)
    #[arg(short, long, value_name = "TOPIC[:P]", conflicts_with = "all_topics")]
    topic: Vec<TopicSpec>,

    /// Every partition that the group has committed
    #[arg(long, conflicts_with = "offsets")]
    all_topics: bool,

    /// The next to read: earliest, latest, an offset, a time, -10, +10, committed:GROUP
    #[arg(long, value_name = "AT", allow_hyphen_values = true)]
    to: Option<At>,

    /// Forth or back from what is committed: +10, -10 offsets; +1h, -1h in time
    #[arg(long, value_name = "±N|±DURATION", allow_hyphen_values = true)]
    shift: Option<Shift>,

    /// Offsets from a file: lines of topic,partition,offset or group,topic,partition,offset
    #[arg(long, value_name = "FILE")]
    offsets: Option<PathBuf>,

    /// Take the nearest offset that there is, where one is out of range
    #[arg(long)]
    clamp: bool,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct Reset {
    group: String,
    topic: String,
    partition: i32,
    /// Null without a commit.
    offset_before: Option<i64>,
    offset: i64,
    log_end_offset: i64,
    /// With the new offset.
    lag: i64,
    /// False for a dry run, and where nothing was to be changed.
    reset: bool,
}

pub(super) const KIND: DocumentKind = DocumentKind::of::<Reset>();

const COLUMNS: &[Column] = &[
    Column::text("group"),
    Column::text("topic"),
    Column::number("partition"),
    Column::number("offset_before"),
    Column::number("offset"),
    Column::number("log_end_offset"),
    Column::number("lag"),
    Column::text("reset"),
];

impl Item for Reset {
    const KIND: &'static str = "groups.reset";

    fn name(&self) -> String {
        format!("{}:{}", self.topic, self.partition)
    }

    fn tables(items: &[Reset]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            table.row(vec![
                Cell::text(&it.group),
                Cell::text(&it.topic),
                Cell::Number(it.partition.into()),
                Cell::number(it.offset_before),
                Cell::Number(it.offset),
                Cell::Number(it.log_end_offset),
                Cell::Number(it.lag),
                Cell::Flag(it.reset),
            ]);
        }
        vec![table]
    }

    /// As kafka-consumer-groups --reset-offsets.
    fn kafka(items: &[Reset], out: &mut dyn Write) -> Result<(), CliError> {
        let widest = |cell: fn(&Reset) -> &str| {
            let widths = items.iter().map(|it| cell(it).encode_utf16().count());
            widths.max().unwrap_or_default().max(15)
        };
        let (group, topic) = (widest(|it| &it.group), widest(|it| &it.topic));
        write!(out, "\n{:group$} {:topic$} {:10} NEW-OFFSET", "GROUP", "TOPIC", "PARTITION")?;
        for it in items {
            let Reset { partition, offset, .. } = it;
            write!(out, "\n{:group$} {:topic$} {partition:<10} {offset}", it.group, it.topic)?;
        }
        writeln!(out)?;
        Ok(())
    }
}

type Commits = BTreeMap<TopicPartition, CommittedOffset>;

pub(crate) fn run(args: &ResetArgs, session: &Session) -> Result<(), CliError> {
    session.check_form::<Reset>()?;
    group_selection::exact_only(session)?;
    if args.offsets.is_none() && args.topic.is_empty() && !args.all_topics {
        return Err(CliError::usage("which topics?").hint("-t TOPIC, or --all-topics"));
    }
    let admin = session.admin()?;
    session.block_on(async {
        let exists = match group_selection::find_if_any(&admin, &args.group).await? {
            Some(group) => group_selection::require_inactive(&group).map(|()| true)?,
            None => false,
        };
        let commits = offset_change::present(&admin, &args.group).await?;
        let (bounds, places, mut failed) = targets(args, &admin, session, &commits).await?;
        let mut items: Vec<Reset> = places
            .iter()
            .map(|(at, offset)| item(args, at, commits.get(at), *offset, bounds[at]))
            .collect();
        let count = items.len() + failed.len();
        let mut plan = plan(&args.group, &commits, &places);
        if !exists && !plan.changes.is_empty() {
            session.note(&format!("group \"{}\" does not exist: it is created", args.group));
        }
        for line in plan.lines(session.globals.dry_run) {
            session.say(&line);
        }
        if plan.changes.is_empty() && failed.is_empty() {
            session.note("nothing to reset: the group is there already");
        }
        if !session.globals.dry_run && !plan.changes.is_empty() {
            let names = [args.group.clone()];
            let change = Change::new(Risk::Change, "reset", "group", &names);
            change.of_offsets(&plan).allow(session)?;
            failed.extend(reset(&admin, session, &mut plan, &mut items).await?);
        }
        session.conclude(&admin, items, &failed, count)
    })
}

/// The partitions that are meant, what offsets they have, and which of them is to be the next read.
async fn targets(
    args: &ResetArgs,
    admin: &Admin,
    session: &Session,
    commits: &Commits,
) -> Result<(BTreeMap<TopicPartition, Bounds>, Places, Failed), CliError> {
    let saved = match &args.offsets {
        Some(path) => Some(saved_offsets::read(path, &args.group)?),
        None => None,
    };
    let named = |it: &&TopicPartition| {
        args.topic.is_empty() || args.topic.iter().any(|spec| spec.names(it))
    };
    let (partitions, failed) = match &saved {
        Some(saved) => existing(admin, saved.keys().filter(named)).await?,
        None if args.all_topics => existing(admin, commits.keys()).await?,
        None => select(args, admin, session).await?,
    };
    if partitions.is_empty() && failed.is_empty() {
        let message = format!("group \"{}\" has committed nothing", args.group);
        let message = match &args.offsets {
            Some(path) => format!("{} names no such partition", path.display()),
            None => message,
        };
        return Err(CliError::new(Kind::NotFound, "NO_OFFSET", message).hint("-t TOPIC"));
    }
    let bounds = resolve::bounds(admin, &partitions, Isolation::ReadUncommitted).await?;
    let out_of_range = if args.clamp { OutOfRange::Clamp } else { OutOfRange::Refuse };
    let places = match (&args.to, &args.shift, &saved) {
        (Some(at), ..) => {
            resolve::places(admin, session, "--to", at, &bounds, out_of_range).await?
        }
        (None, Some(shift), _) => shift.places(admin, commits, &bounds, out_of_range).await?,
        (None, None, saved) => {
            let saved = saved.iter().flatten().filter(|it| bounds.contains_key(it.0));
            let place = |(at, offset): (&TopicPartition, &i64)| {
                let wanted = At::Offset(*offset);
                let place = resolve::place("--offsets", &wanted, at, bounds[at], out_of_range)?;
                Ok((at.clone(), place))
            };
            saved.map(place).collect::<Result<Places, CliError>>()?
        }
    };
    Ok((bounds, places, failed))
}

/// Those that exist; the others are errors of their own.
async fn existing<'a>(
    admin: &Admin,
    partitions: impl Iterator<Item = &'a TopicPartition>,
) -> Result<(Vec<TopicPartition>, Failed), CliError> {
    let partitions: Vec<TopicPartition> = partitions.cloned().collect();
    let mut names: Vec<String> = partitions.iter().map(|it| it.topic.clone()).collect();
    names.dedup();
    let mut topics = BTreeMap::new();
    let mut failed = Failed::new();
    for (name, topic) in topic_selection::find_all(admin, &names).await? {
        match topic {
            Ok(topic) => drop(topics.insert(name, topic)),
            Err(error) => failed.push((name, error)),
        }
    }
    let mut found = Vec::new();
    for it in partitions {
        let Some(topic) = topics.get(&it.topic) else { continue };
        match topic.partition(it.partition.0) {
            Some(_) => found.push(it),
            None => {
                let error = topic_selection::no_partition(topic, it.partition.0);
                failed.push((format!("{}:{}", it.topic, it.partition), error));
            }
        }
    }
    Ok((found, failed))
}

async fn select(
    args: &ResetArgs,
    admin: &Admin,
    session: &Session,
) -> Result<(Vec<TopicPartition>, Failed), CliError> {
    let (found, mut failed) = topic_selection::find_specs(admin, session, &args.topic).await?;
    let mut partitions = Vec::new();
    for (topic, set) in found {
        match topic_selection::partitions(&topic, set.as_ref()) {
            Ok(chosen) => partitions.extend(chosen),
            Err(error) => failed.push((topic.name, error)),
        }
    }
    partitions.sort();
    partitions.dedup();
    Ok((partitions, failed))
}

fn plan(group: &str, commits: &Commits, places: &Places) -> OffsetPlan {
    let change = |(at, offset): (&TopicPartition, &i64)| {
        let old = commits.get(at).cloned();
        let is_there = old.as_ref().is_some_and(|it| it.offset.0 == *offset);
        let change = OffsetChange { partition: at.clone(), old, new: Some(plain(*offset)) };
        (!is_there).then_some(change)
    };
    OffsetPlan { group: group.to_owned(), changes: places.iter().filter_map(change).collect() }
}

fn item(
    args: &ResetArgs,
    at: &TopicPartition,
    commit: Option<&CommittedOffset>,
    offset: i64,
    bounds: Bounds,
) -> Reset {
    Reset {
        group: args.group.clone(),
        topic: at.topic.clone(),
        partition: at.partition.0,
        offset_before: commit.map(|it| it.offset.0),
        offset,
        log_end_offset: bounds.end,
        lag: (bounds.end - offset).max(0),
        reset: false,
    }
}

/// Commits; what failed leaves the items.
async fn reset(
    admin: &Admin,
    session: &Session,
    plan: &mut OffsetPlan,
    items: &mut Vec<Reset>,
) -> Result<Failed, CliError> {
    let results = plan.apply(admin).await?;
    plan.retain(|it| matches!(results.get(it), Some(Ok(()))));
    let mut failed = Failed::new();
    for (partition, result) in results {
        let index = partition.partition.0;
        let is_it = |it: &Reset| it.topic == partition.topic && it.partition == index;
        match result {
            Ok(()) => items.iter_mut().filter(|it| is_it(it)).for_each(|it| it.reset = true),
            Err(error) => {
                items.retain(|it| !is_it(it));
                failed.push((format!("{}:{index}", partition.topic), with_hint(error)));
            }
        }
    }
    if let Some(step) = plan.step() {
        let cluster_id = admin.cluster_id();
        journal::record(session, Made { cluster_id, inverse: vec![step], ..Made::default() });
    }
    Ok(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As kafka-consumer-groups of Apache Kafka 4.3.1 printed the same.
    #[test]
    fn kafkas_lines_are_as_wide_as_its_own() {
        let item = |partition, offset| Reset {
            group: "idle".to_owned(),
            topic: "orders".to_owned(),
            partition,
            offset_before: None,
            offset,
            log_end_offset: 9,
            lag: 0,
            reset: false,
        };
        let mut out = Vec::new();
        Reset::kafka(&[item(0, 1), item(1, 0)], &mut out).unwrap();
        let lines = [
            "",
            "GROUP           TOPIC           PARTITION  NEW-OFFSET",
            "idle            orders          0          1",
            "idle            orders          1          0",
            "",
        ];
        assert_eq!(String::from_utf8(out).unwrap(), lines.join("\n"));
    }
}
