//! `kt groups delete-offsets`

use std::collections::BTreeMap;

use clap::Args;
use kt_client::Admin;
use kt_client::admin::CommittedOffset;
use kt_protocol::types::TopicPartition;
use schemars::JsonSchema;
use serde::Serialize;

use crate::change::{Change, Risk};
use crate::error::{CliError, Failed, Kind};
use crate::group_selection;
use crate::journal::{self, Made};
use crate::offset_change::{self, OffsetChange, OffsetPlan, with_hint};
use crate::output::{Cell, Column, DocumentKind, Item, Table};
use crate::session::Session;
use crate::topic_spec::TopicSpec;

const EXAMPLES: &str = "\
Examples:
  kt groups delete-offsets billing -t orders -n
  kt groups delete-offsets billing -t orders:0,2-4 -y";

/// Delete what a group has committed of topics
///
/// A group that runs must not read these topics. `kt undo` commits the offsets again.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct DeleteOffsetsArgs {
    /// The group
    #[arg(value_name = "GROUP")]
    group: String,

    /// Topics, each with all its partitions or some: orders, orders:3, orders:0,2-4 (repeatable)
    #[arg(short, long, value_name = "TOPIC[:P]", required = true)]
    topic: Vec<TopicSpec>,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct DeletedOffset {
    group: String,
    topic: String,
    partition: i32,
    offset_before: i64,
    /// False for a dry run.
    deleted: bool,
}

pub(super) const KIND: DocumentKind = DocumentKind::of::<DeletedOffset>();

const COLUMNS: &[Column] = &[
    Column::text("group"),
    Column::text("topic"),
    Column::number("partition"),
    Column::number("offset_before"),
    Column::text("deleted"),
];

impl Item for DeletedOffset {
    const KIND: &'static str = "groups.delete_offsets";

    fn name(&self) -> String {
        format!("{}:{}", self.topic, self.partition)
    }

    fn tables(items: &[DeletedOffset]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            table.row(vec![
                Cell::text(&it.group),
                Cell::text(&it.topic),
                Cell::Number(it.partition.into()),
                Cell::Number(it.offset_before),
                Cell::Flag(it.deleted),
            ]);
        }
        vec![table]
    }
}

pub(crate) fn run(args: &DeleteOffsetsArgs, session: &Session) -> Result<(), CliError> {
    session.check_form::<DeletedOffset>()?;
    group_selection::exact_only(session)?;
    let admin = session.admin()?;
    session.block_on(async {
        group_selection::find(&admin, &args.group).await?;
        let commits = offset_change::present(&admin, &args.group).await?;
        let (mut plan, mut failed) = select(args, &commits);
        let mut items: Vec<DeletedOffset> =
            plan.changes.iter().filter_map(|it| item(args, it)).collect();
        let count = items.len() + failed.len();
        for line in plan.lines(session.globals.dry_run) {
            session.say(&line);
        }
        if !session.globals.dry_run && !plan.changes.is_empty() {
            let names = [args.group.clone()];
            let change = Change::new(Risk::Change, "delete offsets of", "group", &names);
            change.of_offsets(&plan).allow(session)?;
            failed.extend(delete(&admin, session, &mut plan, &mut items).await?);
        }
        session.conclude(&admin, items, &failed, count)
    })
}

/// The commits that are named; a name without any is an error of its own.
fn select(
    args: &DeleteOffsetsArgs,
    commits: &BTreeMap<TopicPartition, CommittedOffset>,
) -> (OffsetPlan, Failed) {
    let is_named = |it: &TopicPartition| args.topic.iter().any(|spec| spec.names(it));
    let named = commits.iter().filter(|it| is_named(it.0));
    let change = |(at, old): (&TopicPartition, &CommittedOffset)| OffsetChange {
        partition: at.clone(),
        old: Some(old.clone()),
        new: None,
    };
    let changes = named.map(change).collect();
    let idle = args.topic.iter().filter(|spec| !commits.keys().any(|it| spec.names(it)));
    let failed = idle.map(|spec| {
        let message =
            format!("group \"{}\" has committed no offset of \"{}\" there", args.group, spec.topic);
        let error = CliError::new(Kind::NotFound, "NO_OFFSET", message);
        (spec.topic.clone(), error.hint(format!("kt groups offsets {}", args.group)))
    });
    (OffsetPlan { group: args.group.clone(), changes }, failed.collect())
}

fn item(args: &DeleteOffsetsArgs, it: &OffsetChange) -> Option<DeletedOffset> {
    Some(DeletedOffset {
        group: args.group.clone(),
        topic: it.partition.topic.clone(),
        partition: it.partition.partition.0,
        offset_before: it.old.as_ref()?.offset.0,
        deleted: false,
    })
}

/// Deletes; what failed leaves the items.
async fn delete(
    admin: &Admin,
    session: &Session,
    plan: &mut OffsetPlan,
    items: &mut Vec<DeletedOffset>,
) -> Result<Failed, CliError> {
    let results = plan.apply(admin).await?;
    plan.retain(|it| matches!(results.get(it), Some(Ok(()))));
    let mut failed = Failed::new();
    for (partition, result) in results {
        let index = partition.partition.0;
        let is_it = |it: &DeletedOffset| it.topic == partition.topic && it.partition == index;
        match result {
            Ok(()) => items.iter_mut().filter(|it| is_it(it)).for_each(|it| it.deleted = true),
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
