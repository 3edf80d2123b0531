//! `kt context show`

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use kt_client::is_secret;
use schemars::JsonSchema;
use serde::Serialize;

use crate::contexts::{Context, Contexts, Scalar};
use crate::error::CliError;
use crate::output::{Cell, Column, DocumentKind, Item, Table};
use crate::session::Session;

/// Show a context
///
/// Without a name, the one in use.
#[derive(Args, Clone, Debug)]
pub(super) struct ShowArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

impl ShowArgs {
    pub(super) fn in_use() -> ShowArgs {
        ShowArgs { name: None }
    }
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct ShownContext {
    name: String,
    bootstrap: String,
    protected: bool,
    /// A name of the sixteen, or #rrggbb.
    color: Option<String>,
    cluster_id: Option<String>,
    command_config: Option<String>,
    /// Null: a secret, which does not belong there.
    client: BTreeMap<String, Option<String>>,
    file: String,
}

pub(super) const KIND: DocumentKind = DocumentKind::of::<ShownContext>();

const COLUMNS: &[Column] = &[Column::text("setting"), Column::text("value")];

impl Item for ShownContext {
    const KIND: &'static str = "context.show";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn tables(items: &[ShownContext]) -> Vec<Table> {
        let rows = |it: &ShownContext| {
            let mut table = Table::new(COLUMNS);
            let mut row = |setting: &str, value: Cell| {
                table.row(vec![Cell::text(setting), value]);
            };
            let text = |it: &Option<String>| it.as_ref().map_or(Cell::Unknown, Cell::text);
            row("name", Cell::text(&it.name));
            row("bootstrap", Cell::text(&it.bootstrap));
            row("protected", Cell::Flag(it.protected));
            row("color", text(&it.color));
            row("cluster_id", text(&it.cluster_id));
            row("command_config", text(&it.command_config));
            for (key, value) in &it.client {
                row(&format!("client.{key}"), text(value));
            }
            row("file", Cell::text(&it.file));
            table
        };
        items.iter().map(rows).collect()
    }
}

pub(super) fn run(args: &ShowArgs, session: &Session) -> Result<(), CliError> {
    let contexts = Contexts::load()?;
    let item = match &args.name {
        Some(name) => {
            let (context, file) = contexts.find(name)?;
            shown(name, context, file)
        }
        None => match contexts.target(&session.globals.asked())?.context {
            Some(it) => shown(&it.name, &it.context, &it.file),
            None => {
                let error = CliError::not_found("no context is in use");
                return Err(error.hint("kt context list; kt context use NAME"));
            }
        },
    };
    session.print(&session.local_report(vec![item]))
}

fn shown(name: &str, context: &Context, file: &Path) -> ShownContext {
    let shown = |(key, value): (&String, &Scalar)| {
        (key.clone(), (!is_secret(key)).then(|| value.to_string()))
    };
    let client = context.client.iter().map(shown);
    ShownContext {
        name: name.to_owned(),
        bootstrap: context.bootstrap.clone(),
        protected: context.protected,
        color: context.color.map(|it| it.to_string()),
        cluster_id: context.cluster_id.clone(),
        command_config: context.command_config.as_ref().map(|it| it.display().to_string()),
        client: client.collect(),
        file: file.display().to_string(),
    }
}
