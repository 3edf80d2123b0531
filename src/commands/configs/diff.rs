//! `kt configs diff`

use clap::Args;
use kt_client::Admin;
use schemars::JsonSchema;
use serde::Serialize;

use super::{explained, missing_broker};
use crate::config_change::Present;
use crate::config_entity::ConfigEntity;
use crate::error::{CliError, Kind};
use crate::output::{Cell, Column, DocumentKind, Item, Table};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  kt configs diff topic/orders topic/payments
  kt configs diff broker/1 broker/2 --all
  kt configs diff topic/orders topic/model --check     exit code 7 if they differ
  kt configs diff topic/orders @staging/topic/orders   that of another context's cluster";

/// Compare the configs of two entities
///
/// Those that are set on one of them; with --all also what they inherit. The values shown are those
/// that count.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct DiffArgs {
    /// topic/NAME, broker/ID, broker/default, logger/ID, group/NAME, client-metrics/NAME; with
    /// @CONTEXT/ before it, of that context's cluster
    #[arg(value_name = "ENTITY")]
    left: String,

    /// What to compare it with
    #[arg(value_name = "ENTITY")]
    right: String,

    /// Compare also configs that are inherited
    #[arg(long)]
    all: bool,

    /// End with exit code 7 if they differ
    #[arg(long)]
    check: bool,
}

/// A config that differs.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
struct Difference {
    name: String,
    left: Option<String>,
    right: Option<String>,
}

const COLUMNS: &[Column] = &[Column::text("name"), Column::text("left"), Column::text("right")];

pub(super) const KIND: DocumentKind = DocumentKind::of::<Difference>();

impl Item for Difference {
    const KIND: &'static str = "configs.diff";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn tables(items: &[Difference]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            let cell = |value: &Option<String>| value.as_ref().map_or(Cell::Unknown, Cell::text);
            table.row(vec![Cell::text(&it.name), cell(&it.left), cell(&it.right)]);
        }
        vec![table]
    }
}

pub(crate) fn run(args: &DiffArgs, session: &Session) -> Result<(), CliError> {
    let (left, right) = (Place::parse(&args.left)?, Place::parse(&args.right)?);
    let (left_admin, right_admin) = (left.admin(session)?, right.admin(session)?);
    session.block_on(async {
        let of_left = ask(&left_admin, &left.entity).await?;
        let of_right = ask(&right_admin, &right.entity).await?;
        let one = Side { entity: &left.entity, present: &of_left };
        let other = Side { entity: &right.entity, present: &of_right };
        let (differences, unknown) = compare(one, other, args.all);
        let is_same = differences.is_empty();
        if is_same && unknown.is_empty() {
            session.note(&format!("{} and {} do not differ", args.left, args.right));
        }
        for key in &unknown {
            session.warn(&format!("{key} is secret: nobody can tell whether it differs"));
        }
        session.print(&session.report(&left_admin, differences))?;
        match (args.check, is_same) {
            (true, false) => Err(CliError::silent(Kind::CheckFailed)),
            (true, true) if !unknown.is_empty() => Err(CliError::silent(Kind::Other)),
            _ => Ok(()),
        }
    })
}

/// An entity, and the cluster that it is in.
struct Place {
    /// None for the cluster that the flags name.
    context: Option<String>,
    entity: ConfigEntity,
}

impl Place {
    /// Reads `[@CONTEXT/]KIND/NAME`.
    fn parse(text: &str) -> Result<Place, CliError> {
        let Some(rest) = text.strip_prefix('@') else {
            return Ok(Place { context: None, entity: ConfigEntity::parse(text)? });
        };
        match rest.split_once('/') {
            Some((context, entity)) if !context.is_empty() => {
                let entity = ConfigEntity::parse(entity)?;
                Ok(Place { context: Some(context.to_owned()), entity })
            }
            _ => Err(CliError::usage(format!(
                "\"{text}\" names no context and entity: write @CONTEXT/topic/NAME"
            ))),
        }
    }

    fn admin(&self, session: &Session) -> Result<Admin, CliError> {
        match &self.context {
            Some(context) => session.admin_of(context),
            None => session.admin(),
        }
    }
}

async fn ask(admin: &Admin, entity: &ConfigEntity) -> Result<Present, CliError> {
    if let Some(error) = missing_broker(admin, entity).await? {
        return Err(error);
    }
    match Present::ask(admin, entity).await {
        Ok(present) => Ok(present),
        Err(error) => Err(explained(admin, entity, error).await),
    }
}

#[derive(Clone, Copy)]
struct Side<'a> {
    entity: &'a ConfigEntity,
    present: &'a Present,
}

impl Side<'_> {
    fn own(self, key: &str) -> Option<String> {
        self.present.own(key, self.entity.own_source())
    }

    fn is_set(self, key: &str) -> bool {
        self.present.is_set(key, self.entity.own_source())
    }
}

/// What differs, and the secrets that both have, which nobody can compare.
fn compare(
    left: Side<'_>,
    right: Side<'_>,
    with_inherited: bool,
) -> (Vec<Difference>, Vec<String>) {
    let mut names: Vec<&str> = left.present.names().chain(right.present.names()).collect();
    names.sort_unstable();
    names.dedup();
    let (mut differences, mut unknown) = (Vec::new(), Vec::new());
    for name in names {
        let is_set = left.is_set(name) || right.is_set(name);
        if !with_inherited && !is_set {
            continue;
        }
        if left.present.is_secret(name) || right.present.is_secret(name) {
            if is_set {
                unknown.push(name.to_owned());
            }
            continue;
        }
        let values = |it: Side<'_>| (it.own(name), it.present.effective(name));
        let ((left_own, left), (right_own, right)) = (values(left), values(right));
        let differs = if with_inherited { left != right } else { left_own != right_own };
        if differs {
            differences.push(Difference { name: name.to_owned(), left, right });
        }
    }
    (differences, unknown)
}
