//! `kt alerts check`

use clap::Args;
use jiff::Timestamp;
use kt_client::Admin;
use schemars::JsonSchema;
use serde::Serialize;

use super::{RulesFile, ages};
use crate::duration::Span;
use crate::error::{CliError, Failed, Kind};
use crate::output::{Cell, Column, DocumentKind, Item, Table};
use crate::session::Session;
use crate::tui::alerts::engine::{Engine, Line};
use crate::tui::alerts::measured::Measured;
use crate::tui::alerts::notice::{NoticeSubject, SUBJECTS_MAX, level_name};
use crate::tui::alerts::rules::Rules;
use crate::tui::{Level, Watcher};

const EXAMPLES: &str = "\
Examples:
  kt alerts check alerts.toml
  kt alerts check alerts.toml -q -o json | jq '.items[] | select(.ok | not)'

Exit code 0 if nothing fires, 7 if something does, 3 if a rule could not be looked at.";

/// Check the rules of a file once
///
/// Asks the cluster, twice where rates are needed, and holds each rule against the answers. The
/// built-in checks take part if the file has [checks]. Nobody is told, and `for` is not waited for:
/// what is beyond its limit now fires.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    file: RulesFile,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct CheckedRule {
    rule: String,
    /// What it watches; `check` for a built-in check.
    kind: &'static str,
    /// `ok`, `warn` or `bad`
    level: &'static str,
    ok: bool,
    /// The first of those that fire, the worst before the others.
    subjects: Vec<NoticeSubject>,
    /// All of those that fire.
    subject_count: u64,
}

const COLUMNS: &[Column] = &[
    Column::text("level"),
    Column::text("rule"),
    Column::text("kind"),
    Column::text("subject"),
    Column::number("value"),
    Column::number("limit"),
];

pub(super) const KIND: DocumentKind = DocumentKind::of::<CheckedRule>();

impl Item for CheckedRule {
    const KIND: &'static str = "alerts.check";

    fn name(&self) -> String {
        self.rule.clone()
    }

    fn tables(items: &[CheckedRule]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for rule in items {
            let mut row = |level: &str, cells: [Cell; 3]| {
                let [subject, value, limit] = cells;
                let (level, name) = (Cell::text(level), Cell::text(&rule.rule));
                table.row(vec![level, name, Cell::text(rule.kind), subject, value, limit]);
            };
            for it in &rule.subjects {
                let cells = [&it.subject, &it.value_text, &it.limit_text].map(Cell::text);
                row(level_name(it.level), cells);
            }
            if rule.subjects.is_empty() {
                row(rule.level, [Cell::Unknown, Cell::Unknown, Cell::Unknown]);
            }
        }
        vec![table]
    }
}

pub(super) fn run(args: &CheckArgs, session: &Session) -> Result<(), CliError> {
    let mut rules = super::read_watched(&args.file.rules)?;
    for rule in &mut rules.rules {
        rule.holds = Span { milliseconds: 0 };
    }
    let admin = session.admin()?;
    session.block_on(async {
        let (items, failed) = look(rules, &admin, session).await?;
        let count = items.len() + failed.len();
        let is_well = items.iter().all(|it| it.ok);
        session.conclude(&admin, items, &failed, count)?;
        if is_well { Ok(()) } else { Err(CliError::silent(Kind::CheckFailed)) }
    })
}

async fn look(
    rules: Rules,
    admin: &Admin,
    session: &Session,
) -> Result<(Vec<CheckedRule>, Failed), CliError> {
    // Whoever does not answer says why in the words of all commands.
    admin.describe_cluster().await?;
    let patience = session.globals.timeout.to_std();
    let mut watcher = Watcher::start(admin.clone());
    watcher.settle(patience).await;
    watcher.need_ages();
    watcher.settle(patience).await;
    let now = watcher.now();
    let mut measured = Measured::of(&watcher.watch, now);
    let ages = ages::ask(admin, &ages::wanted(&rules, &measured)).await?;
    ages::put(&ages, &mut measured);
    let Some(checks) = watcher.watch.checks.clone() else {
        return Err(CliError::new(Kind::Unreachable, "TIMED_OUT", "no answer in time"));
    };
    let mut engine = Engine::new(rules);
    // Nobody is told: what is to be delivered stays here.
    drop(engine.evaluate(now.monotonic, Timestamp::now(), &measured, &checks));
    let (mut items, mut failed) = (Vec::new(), Failed::new());
    for line in engine.lines() {
        if line.check.is_some_and(|it| !engine.rules().wants(it)) {
            continue;
        }
        match line.level {
            Level::Unknown => failed.push((line.rule.clone(), unknown(&engine, &measured, &line))),
            _ => items.push(checked(&engine, &line)),
        }
    }
    Ok((items, failed))
}

fn checked(engine: &Engine, line: &Line) -> CheckedRule {
    let mut subjects = engine.firing(&line.rule);
    // A check names its worst subject, and counts the others.
    let others = if line.check.is_some() { line.more } else { 0 };
    let count = subjects.len() as u64;
    subjects.truncate(SUBJECTS_MAX);
    CheckedRule {
        rule: line.rule.clone(),
        kind: engine.rules().rule(&line.rule).map_or("check", |it| it.kind.name()),
        level: level_name(line.level),
        ok: line.level == Level::Ok,
        subject_count: if count == 0 { 0 } else { count + others },
        subjects,
    }
}

fn unknown(engine: &Engine, measured: &Measured<'_>, line: &Line) -> CliError {
    let kind = engine.rules().rule(&line.rule).map(|it| it.kind);
    let why = kind.and_then(|it| measured.refusal(it)).unwrap_or("not all of it is known");
    CliError::other(format!("rule \"{}\" could not be looked at: {why}", line.rule))
}
