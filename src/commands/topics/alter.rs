//! `kt topics alter`

use clap::Args;
use kt_client::admin::{Apply, ConfigChange, Expected, Resource};
use kt_client::{Admin, Topic};
use kt_protocol::ErrorCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::change::{Change, Risk, WayBack};
use crate::config_change::{ConfigEdits, ConfigPlan, Present};
use crate::config_entity::ConfigEntity;
use crate::error::{CliError, Failed, Kind};
use crate::journal::{self, Made};
use crate::output::{Cell, Column, DocumentKind, Item, Table};
use crate::session::Session;
use crate::topic_selection;
use crate::topic_spec::TopicSpec;

const EXAMPLES: &str = "\
Examples:
  kt topics alter orders --partitions 6
  kt topics alter orders --set retention.ms=86400000 --unset segment.bytes
  kt topics alter -r 'logs-.*' --set retention.bytes=1073741824 -n";

/// Change the partitions and configs of topics
///
/// Partitions can be added, not taken away. Configs that lower retention or min ISR, allow unclean
/// leaders or a further cleanup policy may lose data: on a terminal the name has to be typed.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct AlterArgs {
    /// Their names
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,

    /// Number of partitions, more than there are
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,

    #[command(flatten)]
    configs: ConfigEdits,

    /// Not here: replicas are moved by reassigning.
    #[arg(long, value_name = "N", hide = true)]
    replication_factor: Option<String>,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct Altered {
    name: String,
    /// The number there is now.
    partitions: i32,
    partitions_before: i32,
    configs: Vec<AlteredConfig>,
    /// False for a dry run, and where nothing was to be changed.
    altered: bool,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct AlteredConfig {
    name: String,
    /// What counts now; null for secrets and where the broker does not tell.
    value: Option<String>,
    value_before: Option<String>,
}

const COLUMNS: &[Column] = &[
    Column::text("name"),
    Column::number("partitions"),
    Column::text("configs"),
    Column::text("altered"),
];

pub(super) const KIND: DocumentKind = DocumentKind::of::<Altered>();

impl Item for Altered {
    const KIND: &'static str = "topics.alter";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn tables(items: &[Altered]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            let config =
                |it: &AlteredConfig| format!("{}={}", it.name, it.value.as_deref().unwrap_or("-"));
            table.row(vec![
                Cell::text(&it.name),
                Cell::Number(it.partitions.into()),
                Cell::text(it.configs.iter().map(config).collect::<Vec<_>>().join(",")),
                Cell::Flag(it.altered),
            ]);
        }
        vec![table]
    }
}

/// What becomes of one topic.
struct Plan {
    name: String,
    partitions_before: i32,
    partitions: i32,
    configs: ConfigPlan,
    present: Present,
}

pub(crate) fn run(args: &AlterArgs, session: &Session) -> Result<(), CliError> {
    session.check_form::<Altered>()?;
    let changes = args.changes()?;
    let admin = session.admin()?;
    session.block_on(async {
        let (plans, mut failed) = plan(args, &changes, &admin, session).await?;
        let count = plans.len() + failed.len();
        let mut done = Vec::new();
        let (plans, idle): (Vec<Plan>, Vec<Plan>) = plans.into_iter().partition(Plan::is_change);
        for it in &idle {
            session.note(&format!("topic \"{}\" is so already", it.name));
            done.push(it.item(false));
        }
        for line in plans.iter().flat_map(|it| it.lines(session.globals.dry_run)) {
            session.say(&line);
        }
        if !plans.is_empty() && !session.globals.dry_run {
            let names: Vec<String> = plans.iter().map(|it| it.name.clone()).collect();
            let risk = plans.iter().map(|it| it.configs.risk()).max().unwrap_or(Risk::Change);
            let way_back = WayBack::of(plans.iter().any(|it| it.configs.step().is_some()));
            Change::new(risk, "alter", "topic", &names).with(way_back).allow(session)?;
        }
        let (altered, more_failed) = apply(&admin, session, &plans).await?;
        done.extend(altered);
        failed.extend(more_failed);
        session.conclude(&admin, done, &failed, count)
    })
}

impl AlterArgs {
    fn changes(&self) -> Result<Vec<ConfigChange>, CliError> {
        if let Some(factor) = &self.replication_factor {
            let message = "the replication factor is changed by moving replicas";
            let names = self.names.join(" ");
            let hint = format!("kt reassign plan {names} --replication-factor {factor}");
            return Err(CliError::usage(message).hint(hint));
        }
        if self.partitions.is_none() && self.configs.is_empty() {
            let error = CliError::usage("nothing to alter: name --partitions, --set or --unset");
            let hint = format!("kt topics alter {} --partitions 6", self.names.join(" "));
            return Err(error.hint(hint));
        }
        self.configs.values()
    }
}

async fn plan(
    args: &AlterArgs,
    changes: &[ConfigChange],
    admin: &Admin,
    session: &Session,
) -> Result<(Vec<Plan>, Failed), CliError> {
    let spec = |name: &String| TopicSpec { topic: name.clone(), partitions: None };
    let specs: Vec<TopicSpec> = args.names.iter().map(spec).collect();
    let (found, mut failed) = topic_selection::find_for_change(admin, session, &specs).await?;
    let mut topics: Vec<Topic> = Vec::new();
    for (topic, _) in found {
        if !topics.iter().any(|it| it.name == topic.name) {
            topics.push(topic);
        }
    }
    let resources: Vec<Resource> = topics.iter().map(|it| Resource::topic(&it.name)).collect();
    let described = match changes.is_empty() {
        true => resources.into_iter().map(|it| (it.name, Ok(Vec::new()))).collect(),
        false => admin.describe_configs(&resources, None).await?,
    };
    let mut plans = Vec::new();
    for (topic, (_, entries)) in topics.iter().zip(described) {
        let plan = match entries {
            Ok(entries) => {
                let mut present = Present::of(entries);
                present.know_retention(admin, changes).await?;
                Plan::new(args, topic, changes, present)
            }
            Err(error) => Err(error.into()),
        };
        match plan {
            Ok(plan) => plans.push(plan),
            Err(error) => failed.push((topic.name.clone(), error)),
        }
    }
    Ok((plans, failed))
}

impl Plan {
    fn new(
        args: &AlterArgs,
        topic: &Topic,
        changes: &[ConfigChange],
        present: Present,
    ) -> Result<Plan, CliError> {
        let name = topic.name.clone();
        let partitions_before = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        let partitions = args.partitions.unwrap_or(partitions_before);
        if partitions < partitions_before {
            return Err(fewer(&name, partitions_before, partitions));
        }
        let entity = ConfigEntity::Topic(name.clone());
        let configs = ConfigPlan::new(entity, changes, &present)?;
        Ok(Plan { name, partitions_before, partitions, configs, present })
    }

    fn grows(&self) -> bool {
        self.partitions_before < self.partitions
    }

    fn is_change(&self) -> bool {
        self.grows() || !self.configs.keys.is_empty()
    }

    fn lines(&self, is_dry_run: bool) -> Vec<String> {
        let mut lines = self.configs.lines(is_dry_run);
        if self.grows() {
            let verb = if is_dry_run { "would alter" } else { "alter" };
            let Plan { name, partitions_before, partitions, .. } = self;
            lines.insert(
                0,
                format!(
                    "{verb} topic/{name}: partitions {partitions_before} -> {partitions}; \
                     keys move to other partitions; no undo"
                ),
            );
        }
        lines
    }

    fn item(&self, altered: bool) -> Altered {
        let configs = self.configs.keys.iter().map(|it| AlteredConfig {
            name: it.key.clone(),
            value: it.value(),
            value_before: it.old_value(),
        });
        Altered {
            name: self.name.clone(),
            partitions: self.partitions,
            partitions_before: self.partitions_before,
            configs: configs.collect(),
            altered,
        }
    }
}

fn fewer(name: &str, before: i32, partitions: i32) -> CliError {
    let message = format!(
        "topic \"{name}\" has {before} partitions and cannot have {partitions}: \
         the records of the others would be lost"
    );
    let error = CliError::new(Kind::Other, "INVALID_PARTITIONS", message);
    error.hint(format!("kt topics create NEW --like {name} --partitions {partitions}"))
}

/// Makes the changes, or has them checked; partitions before configs.
async fn apply(
    admin: &Admin,
    session: &Session,
    plans: &[Plan],
) -> Result<(Vec<Altered>, Failed), CliError> {
    let is_dry_run = session.globals.dry_run;
    let apply = if is_dry_run { Apply::ValidateOnly } else { Apply::Change };
    let growing = plans.iter().filter(|it| it.grows());
    let counts: Vec<(String, i32)> = growing.map(|it| (it.name.clone(), it.partitions)).collect();
    let mut failed = Failed::new();
    let mut grown: Vec<String> = Vec::new();
    if !counts.is_empty() {
        for (name, result) in admin.create_partitions(&counts, apply).await? {
            match result {
                Ok(()) => grown.push(name),
                Err(error) => failed.push((name, with_hint(error))),
            }
        }
    }
    let mut made = Made { cluster_id: admin.cluster_id(), ..Made::default() };
    let mut altered = Vec::new();
    for plan in plans {
        if failed.iter().any(|(name, _)| *name == plan.name) {
            continue;
        }
        if !plan.configs.keys.is_empty() {
            // Written down in any case: the words of the command line are in the journal.
            made.secret_keys.extend(plan.configs.secret_keys());
            if let Err(error) = plan.configs.apply(admin, apply, &plan.present).await {
                failed.push((plan.name.clone(), error));
                continue;
            }
            made.inverse.extend(plan.configs.step());
            made.lasting = made.lasting.or(plan.configs.lasting());
        }
        altered.push(plan.item(!is_dry_run));
    }
    if !is_dry_run && (!altered.is_empty() || !grown.is_empty()) {
        if !grown.is_empty() {
            made.lasting = Some("partitions that were added stay".to_owned());
        }
        journal::record(session, made);
        let expected = |it: &(String, i32)| {
            (it.0.clone(), Expected::Partitions(usize::try_from(it.1).unwrap_or_default()))
        };
        let expected: Vec<_> =
            counts.iter().filter(|it| grown.contains(&it.0)).map(expected).collect();
        topic_selection::wait_until_known(admin, session, &expected).await?;
    }
    Ok((altered, failed))
}

fn with_hint(error: kt_client::Error) -> CliError {
    match error.code() {
        Some(ErrorCode::InvalidPartitions) => CliError::from(error).hint("kt topics describe"),
        Some(ErrorCode::ReassignmentInProgress) => {
            CliError::from(error).hint("its replicas are moving: try again when they have arrived")
        }
        _ => CliError::from(error),
    }
}
