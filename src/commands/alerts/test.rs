//! `kt alerts test`

use clap::Args;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::RulesFile;
use crate::error::{self, CliError, Failed};
use crate::interrupt::Interrupt;
use crate::nearest::nearest;
use crate::output::{Cell, Column, DocumentKind, Item, ItemError, Table};
use crate::session::Session;
use crate::tui::alerts::engine::{Engine, Outgoing};
use crate::tui::alerts::rules::Rules;
use crate::tui::{Delivered, deliver};

const EXAMPLES: &str = "\
Examples:
  kt alerts test alerts.toml
  kt alerts test alerts.toml --target ops

Exit code 0 if all were told, 1 if none was, 3 if some were.";

/// Tell the targets of a file that nothing is wrong
///
/// Each gets a notice of state test, on its way: bell, command or webhook. The cluster is not asked.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct TestArgs {
    #[command(flatten)]
    file: RulesFile,

    /// Only this target (repeatable)
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct TestedTarget {
    target: String,
    /// `bell`, `command` or `webhook`
    way: &'static str,
    delivered: bool,
}

const COLUMNS: &[Column] =
    &[Column::text("target"), Column::text("way"), Column::text("delivered")];

pub(super) const KIND: DocumentKind = DocumentKind::of::<TestedTarget>();

impl Item for TestedTarget {
    const KIND: &'static str = "alerts.test";

    fn name(&self) -> String {
        self.target.clone()
    }

    fn tables(items: &[TestedTarget]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            let (target, way) = (Cell::text(&it.target), Cell::text(it.way));
            table.row(vec![target, way, Cell::Flag(it.delivered)]);
        }
        vec![table]
    }
}

pub(super) fn run(args: &TestArgs, session: &Session) -> Result<(), CliError> {
    let rules = super::read(&args.file.rules)?;
    let names = names(args, &rules)?;
    session.check_form::<TestedTarget>()?;
    let mut engine = Engine::new(rules);
    let now = Timestamp::now();
    let tests: Vec<Outgoing> = names.iter().filter_map(|it| engine.test(it, now)).collect();
    session.block_on(async {
        let mut interrupt = Interrupt::listen()?;
        let (mut items, mut failed) = (Vec::new(), Failed::new());
        for it in &tests {
            let (target, way) = (it.target.clone(), it.way.name());
            // Whoever wants to leave takes along what was started.
            let told = tokio::select! {
                told = deliver(it) => told,
                kind = interrupt.next() => return Err(CliError::silent(kind)),
            };
            match told {
                Ok(delivered) => {
                    if delivered == Delivered::Ring {
                        session.terminal.ring();
                    }
                    items.push(TestedTarget { target, way, delivered: true });
                }
                Err(why) => {
                    let error = CliError::other(format!("target \"{target}\" was not told: {why}"));
                    items.push(TestedTarget { target: target.clone(), way, delivered: false });
                    failed.push((target, error));
                }
            }
        }
        let mut report = session.local_report(items);
        report.errors = failed.iter().map(|(name, it)| ItemError::new(name, it)).collect();
        session.print(&report)?;
        error::summary(failed.iter().map(|it| &it.1), tests.len())
    })
}

fn names(args: &TestArgs, rules: &Rules) -> Result<Vec<String>, CliError> {
    let path = args.file.rules.display();
    if rules.targets.is_empty() {
        return Err(CliError::usage(format!("{path}: there is no [target.NAME]")));
    }
    if args.target.is_empty() {
        return Ok(rules.targets.keys().cloned().collect());
    }
    if let Some(name) = args.target.iter().find(|it| !rules.targets.contains_key(*it)) {
        let error = CliError::not_found(format!("{path}: there is no [target.{name}]"));
        return Err(match nearest(name, rules.targets.keys()) {
            Some(meant) => error.hint(format!("did you mean \"{meant}\"?")),
            None => error,
        });
    }
    Ok(args.target.clone())
}
