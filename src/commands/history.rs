//! `kt history`

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::CliError;
use crate::journal::{self, Entry, Step};
use crate::output::{Cell, Column, DocumentKind, Item, Report, Scope, Table};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  kt history
  kt history --utc -o wide
  kt history --json | jq '.items[] | select(.undo == \"possible\").id'";

/// Show the changes that were made with kt
///
/// The oldest first, of all clusters, as this user's journal has them. It asks no broker.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct HistoryArgs {}

/// Whether a change can be taken back.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Undo {
    /// If what it left is still so.
    Possible,
    /// There is no inverse.
    None,
    /// It was taken back.
    Done,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct Remembered {
    id: usize,
    #[serde(serialize_with = "crate::output::rfc3339_ms")]
    #[schemars(with = "String")]
    time: Timestamp,
    cluster_id: Option<String>,
    /// The line that made it, without secrets.
    command: String,
    undo: Undo,
    /// Lines that do what undo does.
    inverse: Vec<String>,
    /// What no undo takes back.
    lasting: Option<String>,
    /// The change that this one took back.
    undoes: Option<usize>,
    /// The change that took this one back.
    undone_by: Option<usize>,
    #[serde(skip)]
    shown_time: String,
}

const COLUMNS: &[Column] = &[
    Column::number("id"),
    Column::text("time"),
    Column::text("command"),
    Column::text("undo"),
    Column::text("cluster_id").scope(Scope::Wide),
    Column::text("inverse").scope(Scope::Wide),
];

pub(super) const KIND: DocumentKind = DocumentKind::of::<Remembered>();

impl Item for Remembered {
    const KIND: &'static str = "history";

    fn name(&self) -> String {
        self.id.to_string()
    }

    fn tables(items: &[Remembered]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            table.row(vec![
                Cell::count(it.id),
                Cell::text(&it.shown_time),
                Cell::text(&it.command),
                Cell::text(match it.undo {
                    Undo::Possible => "possible",
                    Undo::None => "none",
                    Undo::Done => "done",
                }),
                it.cluster_id.as_ref().map_or(Cell::Unknown, Cell::text),
                Cell::text(it.inverse.join("; ")),
            ]);
        }
        vec![table]
    }
}

pub(crate) fn run(_: &HistoryArgs, session: &Session) -> Result<(), CliError> {
    let entries = journal::read(session)?;
    let mut items = Vec::new();
    for (id, entry) in &entries {
        match entry {
            Some(entry) => {
                let undone_by = journal::undone_by(&entries, *id);
                items.push(remembered(*id, entry, undone_by, &session.zone()));
            }
            None => session.warn(&format!("line {id} of the journal cannot be read")),
        }
    }
    if items.is_empty() {
        session.note("no changes yet");
    }
    let (time, errors) = (Timestamp::now(), Vec::new());
    session.print(&Report { cluster_id: None, time, items, errors })
}

fn remembered(id: usize, it: &Entry, undone_by: Option<usize>, zone: &TimeZone) -> Remembered {
    let undo = match (undone_by, it.inverse.is_empty()) {
        (Some(_), _) => Undo::Done,
        (None, true) => Undo::None,
        (None, false) => Undo::Possible,
    };
    Remembered {
        id,
        time: it.time,
        cluster_id: it.cluster_id.clone(),
        command: it.line(),
        undo,
        inverse: it.inverse.iter().map(Step::line).collect(),
        lasting: it.lasting.clone(),
        undoes: it.undoes,
        undone_by,
        shown_time: it.time.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
    }
}
