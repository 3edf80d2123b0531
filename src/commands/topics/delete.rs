//! `kt topics delete`

use clap::Args;
use kt_client::admin::Expected;
use kt_client::{Admin, Topic};
use kt_protocol::ErrorCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::change::{Change, Risk, counted};
use crate::error::{CliError, Failed, Kind};
use crate::journal::{self, Made};
use crate::output::{Cell, Column, DocumentKind, Item, Table};
use crate::session::Session;
use crate::topic_selection::{self, Patterns};

const EXAMPLES: &str = "\
Examples:
  kt topics delete orders                          asks for the name on a terminal
  kt topics delete orders payments -y              for scripts
  kt topics delete -r 'test-.*' -n                 shows what would go
  kt topics delete -r 'test-.*' -y --confirm 12    and only if it is 12 topics";

/// Delete topics and all their records
///
/// Nothing brings them back. On a terminal the name has to be typed; elsewhere -y is needed, and
/// with -r also --confirm with the number of topics.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct DeleteArgs {
    /// Their names
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,

    /// Succeed if the topic does not exist
    #[arg(long)]
    if_exists: bool,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct Deleted {
    name: String,
    topic_id: Option<String>,
    partitions: usize,
    /// False for a dry run.
    deleted: bool,
}

pub(super) const KIND: DocumentKind = DocumentKind::of::<Deleted>();

const COLUMNS: &[Column] = &[
    Column::text("name"),
    Column::number("partitions"),
    Column::text("topic_id"),
    Column::text("deleted"),
];

impl Item for Deleted {
    const KIND: &'static str = "topics.delete";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn tables(items: &[Deleted]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            table.row(vec![
                Cell::text(&it.name),
                Cell::count(it.partitions),
                it.topic_id.as_ref().map_or(Cell::Unknown, Cell::text),
                Cell::Flag(it.deleted),
            ]);
        }
        vec![table]
    }
}

pub(crate) fn run(args: &DeleteArgs, session: &Session) -> Result<(), CliError> {
    session.check_form::<Deleted>()?;
    let admin = session.admin()?;
    session.block_on(async {
        let (topics, mut failed) = find(args, &admin, session).await?;
        let count = topics.len() + failed.len();
        let names: Vec<String> = topics.iter().map(|it| it.name.clone()).collect();
        for topic in &topics {
            session.say(&plan(topic, session.globals.dry_run));
        }
        let mut items: Vec<Deleted> = topics.iter().map(deleted).collect();
        if !session.globals.dry_run && !names.is_empty() {
            Change::new(Risk::Loss, "delete", "topic", &names).allow(session)?;
            for (name, result) in admin.delete_topics(&names).await? {
                match result {
                    Ok(()) => {
                        let item = items.iter_mut().find(|it| it.name == name);
                        item.expect("each name has an item").deleted = true;
                    }
                    Err(error) => {
                        items.retain(|it| it.name != name);
                        failed.push((name, with_hint(error)));
                    }
                }
            }
            if items.iter().any(|it| it.deleted) {
                let lasting = Some("records that were deleted are gone".to_owned());
                let cluster_id = admin.cluster_id();
                journal::record(session, Made { cluster_id, lasting, ..Made::default() });
            }
            let deleted = items.iter().filter(|it| it.deleted);
            let expected: Vec<_> = deleted.map(|it| (it.name.clone(), Expected::Gone)).collect();
            topic_selection::wait_until_known(&admin, session, &expected).await?;
        }
        session.conclude(&admin, items, &failed, count)
    })
}

async fn find(
    args: &DeleteArgs,
    admin: &Admin,
    session: &Session,
) -> Result<(Vec<Topic>, Failed), CliError> {
    if session.globals.regex {
        let topics = Patterns::new(&args.names)?.select(admin.list_topics().await?, session)?;
        return Ok((topics, Failed::new()));
    }
    let mut topics: Vec<Topic> = Vec::new();
    let mut failed = Failed::new();
    for (name, topic) in topic_selection::find_all(admin, &args.names).await? {
        match topic {
            Ok(topic) if topic.is_internal && !session.globals.internal => {
                let error = topic_selection::internal(&name);
                failed.push((name, error));
            }
            Ok(topic) if topics.iter().any(|it| it.name == topic.name) => {}
            Ok(topic) => topics.push(topic),
            Err(error) if args.if_exists && error.kind == Kind::NotFound => {
                session.note(&error.message);
            }
            Err(error) => failed.push((name, error)),
        }
    }
    Ok((topics, failed))
}

fn plan(topic: &Topic, is_dry_run: bool) -> String {
    let verb = if is_dry_run { "would delete" } else { "delete" };
    let partitions = counted(topic.partitions.len(), "partition");
    format!("{verb} topic \"{}\": {partitions} with all records; no undo", topic.name)
}

fn deleted(topic: &Topic) -> Deleted {
    Deleted {
        name: topic.name.clone(),
        topic_id: (!topic.id.is_zero()).then(|| topic.id.to_string()),
        partitions: topic.partitions.len(),
        deleted: false,
    }
}

fn with_hint(error: kt_client::Error) -> CliError {
    match error.code() {
        Some(ErrorCode::TopicDeletionDisabled) => {
            CliError::from(error).hint("the brokers have delete.topic.enable=false")
        }
        _ => CliError::from(error),
    }
}
