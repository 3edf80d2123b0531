//! `kt topics trim`

use std::collections::BTreeMap;

use clap::Args;
use kt_client::Admin;
use kt_client::admin::Isolation;
use kt_protocol::ErrorCode;
use kt_protocol::types::{Offset, TopicPartition};
use schemars::JsonSchema;
use serde::Serialize;

use crate::change::{Change, Risk, counted};
use crate::error::{CliError, Failed};
use crate::journal::{self, Made};
use crate::output::{Cell, Column, DocumentKind, Item, Table};
use crate::position::At;
use crate::resolve::{self, Bounds, OutOfRange, Places};
use crate::session::Session;
use crate::topic_selection;
use crate::topic_spec::TopicSpec;

const EXAMPLES: &str = "\
Examples:
  kt topics trim orders:0 --before 42              offset 42 becomes the first
  kt topics trim orders --before -7d -n            shows what would go
  kt topics trim orders --before latest -y         empties it";

/// Delete the oldest records of topics
///
/// Nothing brings them back. A time means the first record of that time or later in each partition.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct TrimArgs {
    /// Topics, each with all its partitions or some: orders, orders:3, orders:0,2-4
    #[arg(value_name = "TOPIC[:P]", required = true)]
    topics: Vec<TopicSpec>,

    /// The first position that stays: an offset, a time, latest, -10, +10
    #[arg(long, value_name = "AT", required = true, allow_hyphen_values = true)]
    before: At,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct Trimmed {
    topic: String,
    partition: i32,
    log_start_offset_before: i64,
    /// Of the replica that lags most.
    log_start_offset: i64,
    /// False for a dry run, and where nothing was to be deleted.
    trimmed: bool,
}

const COLUMNS: &[Column] = &[
    Column::text("topic"),
    Column::number("partition"),
    Column::number("log_start_offset_before"),
    Column::number("log_start_offset"),
    Column::text("trimmed"),
];

pub(super) const KIND: DocumentKind = DocumentKind::of::<Trimmed>();

impl Item for Trimmed {
    const KIND: &'static str = "topics.trim";

    fn name(&self) -> String {
        format!("{}:{}", self.topic, self.partition)
    }

    fn tables(items: &[Trimmed]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            table.row(vec![
                Cell::text(&it.topic),
                Cell::Number(it.partition.into()),
                Cell::Number(it.log_start_offset_before),
                Cell::Number(it.log_start_offset),
                Cell::Flag(it.trimmed),
            ]);
        }
        vec![table]
    }
}

pub(crate) fn run(args: &TrimArgs, session: &Session) -> Result<(), CliError> {
    session.check_form::<Trimmed>()?;
    let admin = session.admin()?;
    session.block_on(async {
        let (partitions, mut failed) = select(args, &admin, session).await?;
        let bounds = resolve::bounds(&admin, &partitions, Isolation::ReadUncommitted).await?;
        let refuse = OutOfRange::Refuse;
        let places = resolve::places(&admin, session, "--before", &args.before, &bounds, refuse)
            .await
            .map_err(|error| offsets_hint(error, args))?;
        say_plan(session, &bounds, &places);
        let mut items: Vec<Trimmed> =
            places.iter().map(|(it, place)| item(it, bounds[it], *place)).collect();
        let count = items.len() + failed.len();
        let cuts: BTreeMap<TopicPartition, Offset> = places
            .iter()
            .filter(|(it, place)| bounds[it].start < **place)
            .map(|(it, place)| (it.clone(), Offset(*place)))
            .collect();
        if !cuts.is_empty() && !session.globals.dry_run {
            let mut names: Vec<String> = cuts.keys().map(|it| it.topic.clone()).collect();
            names.dedup();
            Change::new(Risk::Loss, "trim", "topic", &names).allow(session)?;
            failed.extend(trim(&admin, session, &cuts, &mut items).await?);
        }
        session.conclude(&admin, items, &failed, count)
    })
}

async fn select(
    args: &TrimArgs,
    admin: &Admin,
    session: &Session,
) -> Result<(Vec<TopicPartition>, Failed), CliError> {
    let (found, mut failed) =
        topic_selection::find_for_change(admin, session, &args.topics).await?;
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

/// An offset that is not there cannot be clamped here: what is there is the next question.
fn offsets_hint(error: CliError, args: &TrimArgs) -> CliError {
    if error.name != "OFFSET_OUT_OF_RANGE" || error.hint.as_ref().is_some_and(|it| it.contains('@'))
    {
        return error;
    }
    let topics: Vec<&str> = args.topics.iter().map(|it| it.topic.as_str()).collect();
    let topics = topics.join(" ");
    error.hint(format!("kt topics offsets {topics} --at earliest --at latest"))
}

fn say_plan(session: &Session, bounds: &BTreeMap<TopicPartition, Bounds>, places: &Places) {
    let verb = if session.globals.dry_run { "would trim" } else { "trim" };
    let mut is_idle = true;
    for (partition, place) in places {
        let (topic, index) = (&partition.topic, partition.partition);
        let Bounds { start, end } = bounds[partition];
        if *place <= start {
            continue;
        }
        is_idle = false;
        let gone = counted(usize::try_from(place - start).unwrap_or(usize::MAX), "offset");
        let last = place - 1;
        let left = end - place;
        session.say(&format!(
            "{verb} {topic}:{index}: deletes {gone} ({start} to {last}), {left} stay; no undo"
        ));
    }
    if is_idle && !places.is_empty() {
        session.note("nothing to trim: no record is before that position");
    }
}

fn item(partition: &TopicPartition, bounds: Bounds, place: i64) -> Trimmed {
    Trimmed {
        topic: partition.topic.clone(),
        partition: partition.partition.0,
        log_start_offset_before: bounds.start,
        log_start_offset: bounds.start.max(place),
        trimmed: false,
    }
}

/// Deletes; what failed leaves the items.
async fn trim(
    admin: &Admin,
    session: &Session,
    cuts: &BTreeMap<TopicPartition, Offset>,
    items: &mut Vec<Trimmed>,
) -> Result<Failed, CliError> {
    let mut failed = Failed::new();
    for (partition, result) in admin.delete_records(cuts).await? {
        let index = partition.partition.0;
        let is_it = |it: &Trimmed| it.topic == partition.topic && it.partition == index;
        match result {
            Ok(start) => {
                let item = items.iter_mut().find(|it| is_it(it));
                let item = item.expect("each partition has an item");
                item.log_start_offset = start.0;
                item.trimmed = true;
            }
            Err(error) => {
                items.retain(|it| !is_it(it));
                failed.push((format!("{}:{index}", partition.topic), with_hint(error)));
            }
        }
    }
    if items.iter().any(|it| it.trimmed) {
        let lasting = Some("records that were deleted are gone".to_owned());
        let cluster_id = admin.cluster_id();
        journal::record(session, Made { cluster_id, lasting, ..Made::default() });
    }
    Ok(failed)
}

fn with_hint(error: kt_client::Error) -> CliError {
    match error.code() {
        Some(ErrorCode::PolicyViolation) => {
            CliError::from(error).hint("only topics with cleanup.policy=delete can be trimmed")
        }
        _ => CliError::from(error),
    }
}
