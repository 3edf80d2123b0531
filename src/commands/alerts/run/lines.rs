//! What `kt alerts run` prints: a line for each thing that happens.

use std::io::{self, Write};

use crate::error::CliError;
use crate::output::{Cell, Column, Format, Item, Style, Table};
use crate::session::Session;
use crate::terminal::escaped;
use crate::tui::alerts::engine::Event;
use crate::tui::alerts::notice::{self, Notice, level_name};
use crate::tui::alerts::rules::Rules;
use crate::tui::{CheckKind, Level};

const COLUMNS: &[Column] = &[
    Column::text("time"),
    Column::text("level"),
    Column::text("rule"),
    Column::text("state"),
    Column::text("subject"),
    Column::text("value"),
    Column::text("limit"),
    Column::number("subject_count"),
];

impl Item for Notice {
    const KIND: &'static str = notice::KIND;

    fn name(&self) -> String {
        self.rule.clone().unwrap_or_default()
    }

    fn tables(items: &[Notice]) -> Vec<Table> {
        let mut table = Table::new(COLUMNS);
        for it in items {
            let first = it.subjects.first();
            let of_first = |text: Option<&String>| text.map_or(Cell::Unknown, Cell::text);
            table.row(vec![
                Cell::text(format!("{:.3}", it.time)),
                Cell::text(level_name(it.level)),
                Cell::text(it.name()),
                Cell::text(it.state.name()),
                of_first(first.map(|it| &it.subject)),
                of_first(first.map(|it| &it.value_text)),
                of_first(first.map(|it| &it.limit_text)),
                Cell::Number(i64::try_from(it.subject_count).unwrap_or(i64::MAX)),
            ]);
        }
        vec![table]
    }
}

/// Where events are printed, and how.
pub(super) struct Lines<'a> {
    session: &'a Session,
    style: Style,
}

impl<'a> Lines<'a> {
    /// # Errors
    /// The format or the order cannot be had of what has no end.
    pub(super) fn new(session: &'a Session) -> Result<Lines<'a>, CliError> {
        let format = session.format();
        if matches!(format, Format::Kafka | Format::Screen(_)) {
            let error = CliError::usage(format!("alerts are not printed as {format}"));
            return Err(error.hint("-o jsonl"));
        }
        if session.globals.sort.is_some() {
            return Err(CliError::usage("--sort orders what has an end; alerts have none"));
        }
        Ok(Lines { session, style: session.style() })
    }

    /// # Errors
    /// Those of stdout, once all that goes elsewhere was said.
    pub(super) fn print(&mut self, rules: &Rules, events: Vec<Event>) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        let mut printed = Ok(());
        for event in events {
            let Some(notice) = event.notice else {
                self.say(event.level, &event.text);
                continue;
            };
            let check = CheckKind::ALL.into_iter().find(|it| it.name() == notice.name());
            if printed.is_ok() && check.is_none_or(|it| rules.wants(it)) {
                printed = self.write(notice, &mut out);
            }
        }
        printed?;
        Ok(out.flush()?)
    }

    /// What is about deliveries and the file goes where no data goes.
    fn say(&self, level: Level, text: &str) {
        match level {
            Level::Ok => self.session.note(text),
            _ => self.session.warn(text),
        }
    }

    fn write(&mut self, notice: Notice, out: &mut dyn Write) -> Result<(), CliError> {
        let format = self.session.format();
        let globals = &self.session.globals;
        if matches!(format, Format::Table | Format::Wide) && globals.fields.is_empty() {
            let time = notice.time.to_zoned(self.session.zone());
            let time = time.strftime("%Y-%m-%d %H:%M:%S%.3f");
            let line = format!("{time} {:<4} {}", level_name(notice.level), notice.text);
            return Ok(writeln!(out, "{}", escaped(&line))?);
        }
        let report = self.session.local_report(vec![notice]);
        report.write(&format, &globals.view(), self.style, out)?;
        // One line of titles for all.
        self.style.header = false;
        Ok(())
    }
}
