//! `kt configs`: one file for each verb, and the entities that they name.

mod alter;
mod describe;
mod diff;

use clap::{Args, Subcommand};
use kt_client::Admin;
use kt_client::admin::ResourceKind;

use super::Effect;
use crate::config_entity::{self, ConfigEntity};
use crate::error::{CliError, Kind};
use crate::nearest::nearest;
use crate::output::DocumentKind;
use crate::session::Session;
use crate::topic_selection::Patterns;

/// `kt configs`, always with a verb.
#[derive(Args, Debug)]
pub(crate) struct PluralArgs {
    #[command(subcommand)]
    verb: Verb,
}

/// `kt config`: with a verb, or with entities, which describes.
#[derive(Args, Debug)]
#[command(subcommand_precedence_over_arg = true, subcommand_negates_reqs = true)]
pub(crate) struct SingularArgs {
    #[command(flatten)]
    describe: Option<describe::DescribeArgs>,

    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    // The help of each is that of its arguments.
    Describe(describe::DescribeArgs),
    Alter(alter::AlterArgs),
    Diff(diff::DiffArgs),
}

/// What the verbs print.
pub(crate) const KINDS: &[DocumentKind] = &[describe::KIND, alter::KIND, diff::KIND];

impl PluralArgs {
    pub(crate) fn effect(&self) -> Effect {
        self.verb.effect()
    }
}

impl SingularArgs {
    pub(crate) fn effect(&self) -> Effect {
        self.verb.as_ref().map_or(Effect::Reads, Verb::effect)
    }
}

impl Verb {
    fn effect(&self) -> Effect {
        match self {
            Verb::Describe(_) | Verb::Diff(_) => Effect::Reads,
            Verb::Alter(_) => Effect::Changes,
        }
    }
}

pub(crate) fn run_plural(args: &PluralArgs, session: &Session) -> Result<(), CliError> {
    run(&args.verb, session)
}

pub(crate) fn run_singular(args: &SingularArgs, session: &Session) -> Result<(), CliError> {
    match (&args.verb, &args.describe) {
        (Some(verb), _) => run(verb, session),
        (None, Some(args)) => describe::run(args, session),
        (None, None) => Err(CliError::usage("which configs?").hint("kt config topic/NAME")),
    }
}

fn run(verb: &Verb, session: &Session) -> Result<(), CliError> {
    match verb {
        Verb::Describe(args) => describe::run(args, session),
        Verb::Alter(args) => alter::run(args, session),
        Verb::Diff(args) => diff::run(args, session),
    }
}

/// The error that says which brokers there are, if the entity is a broker that is not up: only a
/// broker knows its own configs.
async fn missing_broker(
    admin: &Admin,
    entity: &ConfigEntity,
) -> Result<Option<CliError>, CliError> {
    let (ConfigEntity::Broker(id) | ConfigEntity::Logger(id)) = entity else { return Ok(None) };
    let brokers = admin.describe_cluster().await?.brokers;
    if brokers.iter().any(|it| it.id.0 == *id) {
        return Ok(None);
    }
    let ids: Vec<String> = brokers.iter().map(|it| it.id.to_string()).collect();
    let error = CliError::not_found(format!("broker {id} is not up or does not exist"));
    Ok(Some(error.hint(format!("brokers that are up: {}", ids.join(", ")))))
}

/// An error of the broker, with the topic that was probably meant.
async fn explained(admin: &Admin, entity: &ConfigEntity, error: CliError) -> CliError {
    let ConfigEntity::Topic(name) = entity else { return error };
    if error.kind != Kind::NotFound {
        return error;
    }
    let existing = admin.list_topics().await.unwrap_or_default();
    match nearest(name, existing.iter().map(|it| it.name.as_str())) {
        Some(meant) => error.hint(format!("did you mean topic/{meant}?")),
        None => error.hint("kt topics list"),
    }
}

/// The entities that are named, or with `-r` those that match.
async fn entities(
    texts: &[String],
    admin: &Admin,
    session: &Session,
) -> Result<Vec<ConfigEntity>, CliError> {
    if !session.globals.regex {
        return texts.iter().map(|it| ConfigEntity::parse(it)).collect();
    }
    let mut found: Vec<ConfigEntity> = Vec::new();
    for text in texts {
        let (kind, pattern) = config_entity::split(text)?;
        let patterns = Patterns::new(&[pattern])?;
        if kind == "topic" {
            let topics = patterns.select(admin.list_topics().await?, session)?;
            found.extend(topics.into_iter().map(|it| ConfigEntity::Topic(it.name)));
            continue;
        }
        let mut names = names(kind, admin).await?;
        names.retain(|it| patterns.match_any(it));
        if names.is_empty() {
            return Err(CliError::not_found(format!("no {kind} matches \"{pattern}\"")));
        }
        for name in names {
            found.push(ConfigEntity::parse(&format!("{kind}/{name}"))?);
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

async fn names(kind: &str, admin: &Admin) -> Result<Vec<String>, CliError> {
    Ok(match kind {
        "group" => admin.list_config_resources(ResourceKind::Group).await?,
        "client-metrics" => admin.list_config_resources(ResourceKind::ClientMetrics).await?,
        _ => {
            let brokers = admin.describe_cluster().await?.brokers;
            brokers.iter().map(|it| it.id.to_string()).collect()
        }
    })
}
