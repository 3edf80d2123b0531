//! `kt groups remove-member`

use clap::{ArgGroup, Args};
use kt_client::Admin;
use kt_client::admin::{GroupDescription, GroupMember, MemberName};
use schemars::JsonSchema;
use serde::Serialize;

use crate::change::{Change, Risk, counted};
use crate::error::{CliError, Failed, Kind};
use crate::group_selection;
use crate::journal::{self, Made};
use crate::output::{Cell, Column, DocumentKind, Item, Table};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  kt groups remove-member billing --instance node-7
  kt groups remove-member billing --member consumer-1-5bd3… -n";

/// What brokers log as the reason.
const REASON: &str = "removed by kt groups remove-member";

/// Remove members from a group
///
/// The group shares their partitions out at once, without waiting for a session to time out. A
/// member that still runs joins again.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
#[command(group(ArgGroup::new("who").required(true).multiple(true).args(["member", "instance"])))]
pub(crate) struct RemoveMemberArgs {
    /// The group
    #[arg(value_name = "GROUP")]
    group: String,

    /// By the member id (repeatable)
    #[arg(long, value_name = "ID")]
    member: Vec<String>,

    /// A static member, by its group.instance.id (repeatable)
    #[arg(long, value_name = "ID")]
    instance: Vec<String>,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct Removed {
    group: String,
    member_id: String,
    instance_id: Option<String>,
    client_id: String,
    host: String,
    /// That it had.
    partitions: usize,
    /// False for a dry run.
    removed: bool,
}

pub(super) const KIND: DocumentKind = DocumentKind::of::<Removed>();

const COLUMNS: &[Column] = &[
    Column::text("group"),
    Column::text("member_id"),
    Column::text("instance_id"),
    Column::text("client_id"),
    Column::text("host"),
    Column::number("partitions"),
    Column::text("removed"),
];

impl Item for Removed {
    const KIND: &'static str = "groups.remove_member";

    fn name(&self) -> String {
        self.member_id.clone()
    }

    fn tables(items: &[Removed]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            table.row(vec![
                Cell::text(&it.group),
                Cell::text(&it.member_id),
                it.instance_id.as_ref().map_or(Cell::Unknown, Cell::text),
                Cell::text(&it.client_id),
                Cell::text(&it.host),
                Cell::count(it.partitions),
                Cell::Flag(it.removed),
            ]);
        }
        vec![table]
    }
}

pub(crate) fn run(args: &RemoveMemberArgs, session: &Session) -> Result<(), CliError> {
    session.check_form::<Removed>()?;
    group_selection::exact_only(session)?;
    let admin = session.admin()?;
    session.block_on(async {
        let group = group_selection::find(&admin, &args.group).await?;
        let (chosen, mut failed) = select(args, &group);
        let count = chosen.len() + failed.len();
        let mut items: Vec<Removed> = chosen.iter().map(|it| item(&group, it.1)).collect();
        for it in &items {
            session.say(&plan(it, session.globals.dry_run));
        }
        if !session.globals.dry_run && !chosen.is_empty() {
            let names: Vec<String> = items.iter().map(|it| it.member_id.clone()).collect();
            Change::new(Risk::Change, "remove", "member", &names).allow(session)?;
            let names: Vec<MemberName> = chosen.into_iter().map(|it| it.0).collect();
            failed.extend(remove(&admin, session, &names, &mut items).await?);
        }
        session.conclude(&admin, items, &failed, count)
    })
}

/// The members that are named, none twice.
fn select<'a>(
    args: &RemoveMemberArgs,
    group: &'a GroupDescription,
) -> (Vec<(MemberName, &'a GroupMember)>, Failed) {
    let members = args.member.iter().map(|it| MemberName::Member(it.clone()));
    let instances = args.instance.iter().map(|it| MemberName::Instance(it.clone()));
    let mut chosen: Vec<(MemberName, &GroupMember)> = Vec::new();
    let mut failed = Failed::new();
    for name in members.chain(instances) {
        let found = group.members.iter().find(|it| match &name {
            MemberName::Member(id) => it.member_id == *id,
            MemberName::Instance(id) => it.instance_id.as_ref() == Some(id),
        });
        match found {
            Some(it) if chosen.iter().any(|chosen| chosen.1.member_id == it.member_id) => {}
            Some(it) => chosen.push((name, it)),
            None => failed.push(no_member(&group.name, &name)),
        }
    }
    (chosen, failed)
}

fn no_member(group: &str, name: &MemberName) -> (String, CliError) {
    let (what, id) = match name {
        MemberName::Member(id) => ("member", id),
        MemberName::Instance(id) => ("instance", id),
    };
    let message = format!("group \"{group}\" has no {what} \"{id}\"");
    let error = CliError::new(Kind::NotFound, "UNKNOWN_MEMBER_ID", message);
    (id.clone(), error.hint(format!("kt groups describe {group} --members")))
}

fn item(group: &GroupDescription, it: &GroupMember) -> Removed {
    Removed {
        group: group.name.clone(),
        member_id: it.member_id.clone(),
        instance_id: it.instance_id.clone(),
        client_id: it.client_id.clone(),
        host: it.host.trim_start_matches('/').to_owned(),
        partitions: it.assignment.len(),
        removed: false,
    }
}

fn plan(it: &Removed, is_dry_run: bool) -> String {
    let verb = if is_dry_run { "would remove" } else { "remove" };
    let partitions = counted(it.partitions, "partition");
    let Removed { group, member_id, client_id, host, .. } = it;
    format!(
        "{verb} {member_id} (client {client_id}, host {host}) from {group}: {partitions}; no undo"
    )
}

/// Removes; what failed leaves the items.
async fn remove(
    admin: &Admin,
    session: &Session,
    names: &[MemberName],
    items: &mut Vec<Removed>,
) -> Result<Failed, CliError> {
    let group = items.first().map(|it| it.group.clone()).unwrap_or_default();
    let results = admin.remove_members(&group, names, REASON).await?;
    let mut failed = Failed::new();
    let mut left = Vec::new();
    for (mut item, result) in items.drain(..).zip(results) {
        match result {
            Ok(()) => {
                item.removed = true;
                left.push(item);
            }
            Err(error) => failed.push((item.member_id, error.into())),
        }
    }
    *items = left;
    if !items.is_empty() {
        let lasting = Some("members that were removed have to join again".to_owned());
        let cluster_id = admin.cluster_id();
        journal::record(session, Made { cluster_id, lasting, ..Made::default() });
    }
    Ok(failed)
}
