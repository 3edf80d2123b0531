//! `kt groups delete`

use std::collections::BTreeMap;

use clap::Args;
use kt_client::Admin;
use kt_client::admin::{CommittedOffset, GroupDescription};
use kt_protocol::types::TopicPartition;
use schemars::JsonSchema;
use serde::Serialize;

use crate::change::{Change, Risk, WayBack, counted};
use crate::error::{CliError, Failed};
use crate::group_selection;
use crate::journal::{self, Made};
use crate::offset_change::{OffsetChange, OffsetPlan};
use crate::output::{Cell, Column, DocumentKind, Item, Table};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  kt groups delete billing                        asks for the name on a terminal
  kt groups delete -r 'console-consumer-.*' -n    shows what would go
  kt groups delete -r 'test-.*' -y --confirm 12   and only if it is 12 groups";

/// Delete groups with their committed offsets
///
/// Only groups without members. `kt undo` commits the offsets again. On a terminal the name has to
/// be typed; elsewhere -y is needed, and with -r also --confirm with the number of groups.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct DeleteArgs {
    /// Groups
    #[arg(value_name = "GROUP", required = true)]
    groups: Vec<String>,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct Deleted {
    name: String,
    state: &'static str,
    committed_partitions: usize,
    /// False for a dry run.
    deleted: bool,
}

pub(super) const KIND: DocumentKind = DocumentKind::of::<Deleted>();

const COLUMNS: &[Column] = &[
    Column::text("name"),
    Column::text("state"),
    Column::number("committed_partitions"),
    Column::text("deleted"),
];

impl Item for Deleted {
    const KIND: &'static str = "groups.delete";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn tables(items: &[Deleted]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            table.row(vec![
                Cell::text(&it.name),
                Cell::text(it.state),
                Cell::count(it.committed_partitions),
                Cell::Flag(it.deleted),
            ]);
        }
        vec![table]
    }
}

/// What each group has committed, before it goes.
type Commits = BTreeMap<String, BTreeMap<TopicPartition, CommittedOffset>>;

pub(crate) fn run(args: &DeleteArgs, session: &Session) -> Result<(), CliError> {
    session.check_form::<Deleted>()?;
    let admin = session.admin()?;
    session.block_on(async {
        let names = group_selection::names(&admin, session, &args.groups).await?;
        let count = names.len();
        let (groups, mut failed) = group_selection::describe(&admin, &names).await?;
        let (groups, active) = inactive(groups);
        failed.extend(active);
        let names: Vec<String> = groups.iter().map(|it| it.name.clone()).collect();
        let commits = commits(&admin, &names).await?;
        let mut items: Vec<Deleted> = groups.iter().map(|it| item(it, &commits)).collect();
        for it in &items {
            session.say(&plan(it, session.globals.dry_run));
        }
        if !session.globals.dry_run && !names.is_empty() {
            let way_back = WayBack::of(commits.values().any(|it| !it.is_empty()));
            Change::new(Risk::Loss, "delete", "group", &names).with(way_back).allow(session)?;
            failed.extend(delete(&admin, session, &names, commits, &mut items).await?);
        }
        session.conclude(&admin, items, &failed, count)
    })
}

/// Parts those that can be deleted from those with members.
fn inactive(groups: Vec<GroupDescription>) -> (Vec<GroupDescription>, Failed) {
    let mut failed = Failed::new();
    let mut found = Vec::new();
    for group in groups {
        match group_selection::require_inactive(&group) {
            Ok(()) => found.push(group),
            Err(error) => failed.push((group.name, error)),
        }
    }
    (found, failed)
}

/// What cannot be read is not brought back by an undo; it is deleted all the same.
async fn commits(admin: &Admin, names: &[String]) -> Result<Commits, CliError> {
    let found = admin.committed_offsets_of(names).await?;
    let readable = found.into_iter().map(|(name, commits)| {
        let commits = commits.unwrap_or_default().into_iter();
        (name, commits.filter_map(|(at, it)| Some((at, it.ok()?))).collect())
    });
    Ok(readable.collect())
}

fn item(group: &GroupDescription, commits: &Commits) -> Deleted {
    Deleted {
        name: group.name.clone(),
        state: group.state.name(),
        committed_partitions: commits.get(&group.name).map_or(0, BTreeMap::len),
        deleted: false,
    }
}

fn plan(it: &Deleted, is_dry_run: bool) -> String {
    let verb = if is_dry_run { "would delete" } else { "delete" };
    let offsets = counted(it.committed_partitions, "committed offset");
    format!("{verb} group \"{}\": {offsets}", it.name)
}

/// Deletes; what failed leaves the items.
async fn delete(
    admin: &Admin,
    session: &Session,
    names: &[String],
    mut commits: Commits,
    items: &mut Vec<Deleted>,
) -> Result<Failed, CliError> {
    let mut failed = Failed::new();
    let mut inverse = Vec::new();
    let mut results = admin.delete_groups(names).await?;
    for name in names {
        match results.remove(name) {
            Some(Err(error)) => {
                items.retain(|it| it.name != *name);
                failed.push((name.clone(), error.into()));
            }
            None => {
                items.retain(|it| it.name != *name);
                failed.push((name.clone(), CliError::other("the answer lacks it")));
            }
            Some(Ok(())) => {
                items.iter_mut().filter(|it| it.name == *name).for_each(|it| it.deleted = true);
                inverse.extend(gone(name, commits.remove(name).unwrap_or_default()).step());
            }
        }
    }
    if items.iter().any(|it| it.deleted) {
        let lasting = inverse.is_empty().then(|| "the groups had committed nothing".to_owned());
        let cluster_id = admin.cluster_id();
        journal::record(session, Made { cluster_id, inverse, lasting, ..Made::default() });
    }
    Ok(failed)
}

fn gone(group: &str, commits: BTreeMap<TopicPartition, CommittedOffset>) -> OffsetPlan {
    let change = |(partition, old)| OffsetChange { partition, old: Some(old), new: None };
    OffsetPlan { group: group.to_owned(), changes: commits.into_iter().map(change).collect() }
}
