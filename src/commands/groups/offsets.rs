//! `kt groups offsets`

use clap::Args;
use kt_client::Admin;
use kt_client::admin::CommittedOffset;
use kt_protocol::types::TopicPartition;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::CliError;
use crate::group_selection;
use crate::offset_change;
use crate::output::{Cell, Column, DocumentKind, Item, Table};
use crate::session::Session;
use crate::topic_spec::TopicSpec;

const EXAMPLES: &str = "\
Examples:
  kt groups offsets billing
  kt groups offsets billing -t orders:0,2-4 --json
  kt groups offsets billing -o csv > saved.csv       what kt groups reset --offsets reads";

/// Show what a group has committed
///
/// Partitions without a commit are not shown. -o csv is what `kt groups reset --offsets` reads, and
/// without its title (--no-header) what kafka-consumer-groups --from-file reads.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct OffsetsArgs {
    /// The group
    #[arg(value_name = "GROUP")]
    group: String,

    /// Only these topics or partitions: orders, orders:3, orders:0,2-4 (repeatable)
    #[arg(short, long, value_name = "TOPIC[:P]")]
    topic: Vec<TopicSpec>,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct Committed {
    topic: String,
    partition: i32,
    /// The next to read.
    offset: i64,
    /// Of the record before it.
    leader_epoch: Option<i32>,
    /// What the committer wrote beside it.
    metadata: String,
}

pub(super) const KIND: DocumentKind = DocumentKind::of::<Committed>();

// Other columns would make it another file than the one that is read back.
const COLUMNS: &[Column] =
    &[Column::text("topic"), Column::number("partition"), Column::number("offset")];

impl Item for Committed {
    const KIND: &'static str = "groups.offsets";

    fn name(&self) -> String {
        format!("{}:{}", self.topic, self.partition)
    }

    fn tables(items: &[Committed]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            table.row(vec![
                Cell::text(&it.topic),
                Cell::Number(it.partition.into()),
                Cell::Number(it.offset),
            ]);
        }
        vec![table]
    }
}

pub(crate) fn run(args: &OffsetsArgs, session: &Session) -> Result<(), CliError> {
    group_selection::exact_only(session)?;
    let admin = session.admin()?;
    session.block_on(async {
        let commits = existing(&admin, &args.group).await?;
        let is_wanted = |it: &TopicPartition| {
            args.topic.is_empty() || args.topic.iter().any(|spec| spec.names(it))
        };
        let items: Vec<Committed> =
            commits.iter().filter(|it| is_wanted(it.0)).map(|(at, it)| item(at, it)).collect();
        if items.is_empty() {
            session.note(&format!("group \"{}\" has committed nothing there", args.group));
        }
        session.print(&session.report(&admin, items))
    })
}

/// The commits of a group that exists.
async fn existing(
    admin: &Admin,
    group: &str,
) -> Result<std::collections::BTreeMap<TopicPartition, CommittedOffset>, CliError> {
    let commits = offset_change::present(admin, group).await?;
    if commits.is_empty() {
        // A group that does not exist is told as one without commits.
        group_selection::find(admin, group).await?;
    }
    Ok(commits)
}

fn item(at: &TopicPartition, it: &CommittedOffset) -> Committed {
    Committed {
        topic: at.topic.clone(),
        partition: at.partition.0,
        offset: it.offset.0,
        leader_epoch: it.leader_epoch.map(|it| it.0),
        metadata: it.metadata.clone(),
    }
}
