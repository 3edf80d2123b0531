//! `kt context list`

use schemars::JsonSchema;
use serde::Serialize;

use crate::contexts::Contexts;
use crate::error::CliError;
use crate::output::{Cell, Column, DocumentKind, Item, Scope, Table};
use crate::session::Session;

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct ListedContext {
    name: String,
    in_use: bool,
    bootstrap: String,
    protected: bool,
    /// A name of the sixteen, or #rrggbb.
    color: Option<String>,
    cluster_id: Option<String>,
    file: String,
}

pub(super) const KIND: DocumentKind = DocumentKind::of::<ListedContext>();

const COLUMNS: &[Column] = &[
    Column::text("name"),
    Column::text("in_use"),
    Column::text("bootstrap"),
    Column::text("protected"),
    Column::text("color").scope(Scope::Wide),
    Column::text("cluster_id").scope(Scope::Wide),
    Column::text("file").scope(Scope::Wide),
];

impl Item for ListedContext {
    const KIND: &'static str = "context.list";

    fn name(&self) -> String {
        self.name.clone()
    }

    fn tables(items: &[ListedContext]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            table.row(vec![
                Cell::text(&it.name),
                Cell::Flag(it.in_use),
                Cell::text(&it.bootstrap),
                Cell::Flag(it.protected),
                it.color.as_ref().map_or(Cell::Unknown, Cell::text),
                it.cluster_id.as_ref().map_or(Cell::Unknown, Cell::text),
                Cell::text(&it.file),
            ]);
        }
        vec![table]
    }
}

pub(super) fn run(session: &Session) -> Result<(), CliError> {
    let contexts = Contexts::load()?;
    // A context in use that does not exist is said where it is needed; a list helps to mend it.
    let target = contexts.target(&session.globals.asked()).ok();
    let in_use = target.and_then(|it| it.context).map(|it| it.name);
    let listed = contexts.all().map(|(name, context, file)| ListedContext {
        name: name.to_owned(),
        in_use: in_use.as_deref() == Some(name),
        bootstrap: context.bootstrap.clone(),
        protected: context.protected,
        color: context.color.map(|it| it.to_string()),
        cluster_id: context.cluster_id.clone(),
        file: file.display().to_string(),
    });
    let items: Vec<ListedContext> = listed.collect();
    if items.is_empty() {
        session.note("no contexts yet: kt context add NAME --bootstrap HOST:PORT");
    }
    session.print(&session.local_report(items))
}
