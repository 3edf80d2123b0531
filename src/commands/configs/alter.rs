//! `kt configs alter`

use clap::Args;
use kt_client::Admin;
use kt_client::admin::{Apply, ConfigChange};
use schemars::JsonSchema;
use serde::Serialize;

use super::{entities, explained, missing_broker};
use crate::change::{Change, Risk, WayBack};
use crate::config_change::{ConfigEdits, ConfigPlan, Present};
use crate::config_entity::ConfigEntity;
use crate::error::{CliError, Failed};
use crate::journal::{self, HIDDEN, Made};
use crate::output::{Cell, Column, DocumentKind, Item, Table};
use crate::session::Session;
use crate::topic_selection;

const EXAMPLES: &str = "\
Examples:
  kt configs alter topic/orders --set retention.ms=86400000
  kt configs alter broker/default --set log.cleaner.threads=2 -n
  kt configs alter broker/1 --unset log.cleaner.threads
  kt configs alter logger/1 --set kafka.server.ReplicaManager=DEBUG";

/// Change configs of one entity
///
/// All of the changes are made, or none. Those that lower retention or min ISR, allow unclean
/// leaders or a further cleanup policy may lose data: on a terminal the name has to be typed.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct AlterArgs {
    /// topic/NAME, broker/ID, broker/default, logger/ID, group/NAME, client-metrics/NAME
    #[arg(value_name = "ENTITY")]
    entity: String,

    #[command(flatten)]
    configs: ConfigEdits,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct Altered {
    entity: String,
    name: String,
    /// What counts now; null for secrets and where the broker does not tell.
    value: Option<String>,
    value_before: Option<String>,
    sensitive: bool,
    /// False for a dry run.
    altered: bool,
}

const COLUMNS: &[Column] = &[
    Column::text("entity"),
    Column::text("name"),
    Column::text("value"),
    Column::text("value_before"),
    Column::text("altered"),
];

pub(super) const KIND: DocumentKind = DocumentKind::of::<Altered>();

impl Item for Altered {
    const KIND: &'static str = "configs.alter";

    fn name(&self) -> String {
        self.entity.clone()
    }

    fn tables(items: &[Altered]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            let shown = |value: &Option<String>| match value {
                _ if it.sensitive => Cell::text(HIDDEN),
                Some(value) => Cell::text(value),
                None => Cell::Unknown,
            };
            table.row(vec![
                Cell::text(&it.entity),
                Cell::text(&it.name),
                shown(&it.value),
                shown(&it.value_before),
                Cell::Flag(it.altered),
            ]);
        }
        vec![table]
    }
}

pub(crate) fn run(args: &AlterArgs, session: &Session) -> Result<(), CliError> {
    session.check_form::<Altered>()?;
    if args.configs.is_empty() {
        let hint = format!("kt configs alter {} --set KEY=VALUE", args.entity);
        return Err(CliError::usage("nothing to alter: name --set or --unset").hint(hint));
    }
    let changes = args.configs.values()?;
    let admin = session.admin()?;
    session.block_on(async {
        let entities = entities(std::slice::from_ref(&args.entity), &admin, session).await?;
        let count = entities.len();
        let mut plans = Vec::new();
        let mut failed = Failed::new();
        for entity in entities {
            match plan(&admin, session, &entity, &changes).await {
                Ok(plan) => plans.push(plan),
                Err(error) => failed.push((entity.to_string(), error)),
            }
        }
        let items = match failed.is_empty() || !plans.is_empty() {
            true => change(&admin, session, &plans, &mut failed).await?,
            false => Vec::new(),
        };
        session.conclude(&admin, items, &failed, count)
    })
}

async fn plan(
    admin: &Admin,
    session: &Session,
    entity: &ConfigEntity,
    changes: &[ConfigChange],
) -> Result<(ConfigPlan, Present), CliError> {
    if let Some(error) = missing_broker(admin, entity).await? {
        return Err(error);
    }
    if let ConfigEntity::Topic(name) = entity
        && !session.globals.internal
        && topic_selection::find(admin, name).await?.is_internal
    {
        return Err(topic_selection::internal(name));
    }
    let mut present = match Present::ask(admin, entity).await {
        Ok(present) => present,
        Err(error) => return Err(explained(admin, entity, error).await),
    };
    if let ConfigEntity::Topic(_) = entity {
        present.know_retention(admin, changes).await?;
    }
    Ok((ConfigPlan::new(entity.clone(), changes, &present)?, present))
}

/// Shows the plans, asks, makes the changes or has them checked.
async fn change(
    admin: &Admin,
    session: &Session,
    plans: &[(ConfigPlan, Present)],
    failed: &mut Failed,
) -> Result<Vec<Altered>, CliError> {
    let is_dry_run = session.globals.dry_run;
    for (plan, _) in plans.iter().filter(|it| it.0.keys.is_empty()) {
        session.note(&format!("{} is so already", plan.entity));
    }
    let plans: Vec<_> = plans.iter().filter(|it| !it.0.keys.is_empty()).collect();
    for line in plans.iter().flat_map(|it| it.0.lines(is_dry_run)) {
        session.say(&line);
    }
    if !plans.is_empty() && !is_dry_run {
        let names: Vec<String> = plans.iter().map(|it| it.0.entity.to_string()).collect();
        let risk = plans.iter().map(|it| it.0.risk()).max().unwrap_or(Risk::Change);
        let way_back = WayBack::of(plans.iter().any(|it| it.0.step().is_some()));
        Change::new(risk, "alter", "config", &names).with(way_back).allow(session)?;
    }
    let apply = if is_dry_run { Apply::ValidateOnly } else { Apply::Change };
    let mut made = Made { cluster_id: admin.cluster_id(), ..Made::default() };
    let mut items = Vec::new();
    for (plan, present) in plans {
        made.secret_keys.extend(plan.secret_keys());
        if let Err(error) = plan.apply(admin, apply, present).await {
            failed.push((plan.entity.to_string(), error));
            continue;
        }
        made.inverse.extend(plan.step());
        made.lasting = made.lasting.or(plan.lasting());
        items.extend(altered(plan, !is_dry_run));
    }
    if !is_dry_run && !items.is_empty() {
        journal::record(session, made);
    }
    Ok(items)
}

fn altered(plan: &ConfigPlan, altered: bool) -> impl Iterator<Item = Altered> {
    plan.keys.iter().map(move |it| Altered {
        entity: plan.entity.to_string(),
        name: it.key.clone(),
        value: it.value(),
        value_before: it.old_value(),
        sensitive: it.is_secret,
        altered,
    })
}
