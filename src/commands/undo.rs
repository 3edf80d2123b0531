//! `kt undo`

use std::collections::BTreeMap;

use clap::Args;
use kt_client::Admin;
use kt_client::admin::{Apply, Isolation, OffsetQuery};
use kt_protocol::types::TopicPartition;
use schemars::JsonSchema;
use serde::Serialize;

use crate::change::{Change, Risk, WayBack, counted};
use crate::config_change::{ConfigPlan, Present};
use crate::config_entity::ConfigEntity;
use crate::error::{CliError, Failed, Kind};
use crate::journal::{self, Entry, Made, Step};
use crate::offset_change::OffsetPlan;
use crate::output::{Cell, Column, DocumentKind, Item, Table};
use crate::session::Session;
use crate::topic_selection;

const EXAMPLES: &str = "\
Examples:
  kt undo -n              what the last change was, and what takes it back
  kt undo                 asks, and takes it back
  kt undo 7 -y            takes change 7 of kt history back";

/// Take a change back
///
/// The last one that was not taken back yet, or the one with that number in kt history. Only on the
/// cluster where it was made, and only if everything is still as the change left it.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct UndoArgs {
    /// The number of the change in kt history
    #[arg(value_name = "ID")]
    id: Option<usize>,
}

/// One thing that was taken back.
#[derive(Clone, Debug, JsonSchema, Serialize)]
struct Undone {
    /// The change.
    id: usize,
    thing: String,
    /// The line that does the same.
    command: String,
    /// False for a dry run.
    undone: bool,
}

const COLUMNS: &[Column] =
    &[Column::number("id"), Column::text("thing"), Column::text("command"), Column::text("undone")];

pub(super) const KIND: DocumentKind = DocumentKind::of::<Undone>();

impl Item for Undone {
    const KIND: &'static str = "undo";

    fn name(&self) -> String {
        self.thing.clone()
    }

    fn tables(items: &[Undone]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            table.row(vec![
                Cell::count(it.id),
                Cell::text(&it.thing),
                Cell::text(&it.command),
                Cell::Flag(it.undone),
            ]);
        }
        vec![table]
    }
}

/// What a step does to what is there.
enum Plan {
    DeleteTopic { name: String, partitions: usize },
    Configs { plan: ConfigPlan, present: Present },
    Offsets { plan: OffsetPlan },
}

pub(crate) fn run(args: &UndoArgs, session: &Session) -> Result<(), CliError> {
    session.check_form::<Undone>()?;
    let entries = journal::read(session)?;
    let (id, entry) = choose(args.id, &entries)?;
    let admin = session.admin()?;
    session.block_on(async {
        same_cluster(&admin, id, entry).await?;
        let mut plans = Vec::new();
        // The last thing that was done is the first to be taken back.
        for step in entry.inverse.iter().rev() {
            plans.push((step, plan(&admin, step).await?));
        }
        let is_dry_run = session.globals.dry_run;
        let verb = if is_dry_run { "would undo" } else { "undo" };
        session.say(&format!("{verb} change {id}: {}", entry.line()));
        for line in plans.iter().flat_map(|it| it.1.lines(is_dry_run)) {
            session.say(&line);
        }
        if let Some(lasting) = &entry.lasting {
            session.note(&format!("not all is undone: {lasting}"));
        }
        if !is_dry_run {
            let names: Vec<String> = plans.iter().map(|it| it.1.name()).collect();
            let risk = plans.iter().map(|it| it.1.risk()).max().unwrap_or(Risk::Change);
            let way_back = WayBack::of(plans.iter().any(|it| it.1.inverse().is_some()));
            Change::new(risk, "undo", "change", &names).with(way_back).allow(session)?;
        }
        let count = plans.len();
        let (items, failed) = undo(&admin, session, id, plans).await;
        session.conclude(&admin, items, &failed, count)
    })
}

/// The change that is meant, if it can be taken back.
fn choose(
    id: Option<usize>,
    entries: &[(usize, Option<Entry>)],
) -> Result<(usize, &Entry), CliError> {
    let hint = "kt history";
    let (id, entry) = match id {
        Some(id) => {
            let found = entries.iter().find(|it| it.0 == id);
            let missing = || CliError::not_found(format!("there is no change {id}")).hint(hint);
            (id, found.ok_or_else(missing)?.1.as_ref())
        }
        None => {
            // What took something back is undone by its number only: undo goes backwards.
            let is_last = |(id, it): &&(usize, Option<Entry>)| {
                let is_undo = it.as_ref().is_some_and(|it| it.undoes.is_some());
                !is_undo && journal::undone_by(entries, *id).is_none()
            };
            let found = entries.iter().rev().find(is_last);
            let none = || CliError::not_found("there is no change to undo").hint(hint);
            let (id, entry) = found.ok_or_else(none)?;
            (*id, entry.as_ref())
        }
    };
    let Some(entry) = entry else {
        return Err(CliError::other(format!("line {id} of the journal cannot be read")).hint(hint));
    };
    if let Some(by) = journal::undone_by(entries, id) {
        let message = format!("change {id} was undone already, by change {by}");
        return Err(CliError::other(message).hint(format!("kt undo {by} makes it again")));
    }
    if entry.inverse.is_empty() {
        let reason = entry.lasting.as_deref().unwrap_or("it has no inverse");
        let message = format!("change {id} ({}) has no undo: {reason}", entry.line());
        return Err(CliError::other(message).hint("kt history shows others; kt undo ID"));
    }
    Ok((id, entry))
}

async fn same_cluster(admin: &Admin, id: usize, entry: &Entry) -> Result<(), CliError> {
    let here = admin.describe_cluster().await?.cluster_id;
    if here.is_some() && here == entry.cluster_id {
        return Ok(());
    }
    let shown = |it: Option<&String>| it.cloned().unwrap_or("without an id".to_owned());
    let (there, here) = (shown(entry.cluster_id.as_ref()), shown(here.as_ref()));
    let message = format!("change {id} was made on cluster {there}, this is cluster {here}");
    Err(CliError::new(Kind::Other, "OTHER_CLUSTER", message).hint("-b names another cluster"))
}

/// Looks at what is there; refuses if it is not what the change left.
async fn plan(admin: &Admin, step: &Step) -> Result<Plan, CliError> {
    match step {
        Step::DeleteTopic { name, topic_id } => plan_delete(admin, name, topic_id.as_ref()).await,
        Step::RestoreConfigs { entity, keys } => {
            let entity = ConfigEntity::parse(entity)?;
            let present = Present::ask(admin, &entity).await?;
            let plan = ConfigPlan::to_restore(entity, keys, &present)?;
            Ok(Plan::Configs { plan, present })
        }
        Step::RestoreOffsets { group, partitions } => {
            Ok(Plan::Offsets { plan: OffsetPlan::to_restore(admin, group, partitions).await? })
        }
    }
}

async fn plan_delete(
    admin: &Admin,
    name: &str,
    topic_id: Option<&String>,
) -> Result<Plan, CliError> {
    let topic = topic_selection::find(admin, name).await?;
    let changed = |message: String| CliError::new(Kind::Other, "STATE_CHANGED", message);
    if topic_id.is_some_and(|it| *it != topic.id.to_string()) {
        let message = format!("topic \"{name}\" is another one by now: its id has changed");
        return Err(changed(message).hint(format!("kt topics describe {name}")));
    }
    let partitions = topic_selection::partitions(&topic, None)?;
    let queries: BTreeMap<TopicPartition, OffsetQuery> =
        partitions.iter().map(|it| (it.clone(), OffsetQuery::Latest)).collect();
    let mut written = 0;
    for (_, found) in admin.list_offsets(&queries, Isolation::ReadUncommitted).await? {
        written += found?.offset.map_or(0, |it| it.0);
    }
    if 0 < written {
        let used = counted(usize::try_from(written).unwrap_or(usize::MAX), "offset");
        let message = format!("topic \"{name}\" was written to by now: {used}");
        return Err(changed(message).hint(format!("kt topics delete {name} takes them too")));
    }
    Ok(Plan::DeleteTopic { name: name.to_owned(), partitions: partitions.len() })
}

impl Plan {
    fn name(&self) -> String {
        match self {
            Plan::DeleteTopic { name, .. } => format!("topic/{name}"),
            Plan::Configs { plan, .. } => plan.entity.to_string(),
            Plan::Offsets { plan } => format!("group/{}", plan.group),
        }
    }

    fn risk(&self) -> Risk {
        match self {
            // It is empty.
            Plan::DeleteTopic { .. } => Risk::Change,
            Plan::Configs { plan, .. } => plan.risk(),
            Plan::Offsets { .. } => Risk::Change,
        }
    }

    fn lines(&self, is_dry_run: bool) -> Vec<String> {
        match self {
            Plan::DeleteTopic { name, partitions } => {
                let verb = if is_dry_run { "would delete" } else { "delete" };
                let partitions = counted(*partitions, "empty partition");
                vec![format!("{verb} topic \"{name}\": {partitions}; no undo")]
            }
            Plan::Configs { plan, .. } => plan.lines(is_dry_run),
            Plan::Offsets { plan } => plan.lines(is_dry_run),
        }
    }

    async fn run(&self, admin: &Admin, apply: Apply) -> Result<(), CliError> {
        match self {
            Plan::DeleteTopic { .. } if apply == Apply::ValidateOnly => Ok(()),
            Plan::DeleteTopic { name, .. } => {
                let mut results = admin.delete_topics(std::slice::from_ref(name)).await?;
                let (_, result) = results.pop().expect("a topic has an answer");
                Ok(result?)
            }
            Plan::Configs { plan, present } => plan.apply(admin, apply, present).await,
            Plan::Offsets { .. } if apply == Apply::ValidateOnly => Ok(()),
            Plan::Offsets { plan } => plan.apply_whole(admin).await,
        }
    }

    /// What takes the undo back.
    fn inverse(&self) -> Option<Step> {
        match self {
            Plan::DeleteTopic { .. } => None,
            Plan::Configs { plan, .. } => plan.step(),
            Plan::Offsets { plan } => plan.step(),
        }
    }
}

async fn undo(
    admin: &Admin,
    session: &Session,
    id: usize,
    plans: Vec<(&Step, Plan)>,
) -> (Vec<Undone>, Failed) {
    let is_dry_run = session.globals.dry_run;
    let apply = if is_dry_run { Apply::ValidateOnly } else { Apply::Change };
    let mut failed = Failed::new();
    let mut items = Vec::new();
    let mut made = Made { cluster_id: admin.cluster_id(), ..Made::default() };
    for (step, plan) in plans {
        if let Err(error) = plan.run(admin, apply).await {
            failed.push((plan.name(), error));
            continue;
        }
        let (thing, command) = (plan.name(), step.line());
        items.push(Undone { id, thing, command, undone: !is_dry_run });
        match plan.inverse() {
            Some(inverse) => made.inverse.push(inverse),
            None => made.lasting = Some("the topic that was deleted is gone".to_owned()),
        }
    }
    if !is_dry_run && !items.is_empty() {
        // Half of it is not all of it: the rest can be tried again.
        made.undoes = failed.is_empty().then_some(id);
        journal::record(session, made);
    }
    (items, failed)
}
