//! `--watch`: a read that is repeated, and shown again where it has changed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use jiff::Zoned;

use crate::error::{CliError, Kind};
use crate::output::{Format, Item, Report, View};
use crate::session::Session;
use crate::terminal::{Label, escaped};

/// What was shown last, for the next round to differ from.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    lines: RefCell<BTreeMap<String, Vec<u8>>>,
    count: RefCell<u64>,
}

/// Home, and nothing behind it.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Runs `once` again and again, until the process is ended. What fails at once fails; later the
/// cluster may come back.
pub(crate) fn repeat(
    every: Duration,
    session: &Session,
    once: impl Fn() -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut is_first = true;
    loop {
        match once() {
            Ok(()) => {}
            Err(error) if error.kind == Kind::ReaderGone => return Err(error),
            Err(error) if is_first && !is_an_answer(error.kind) => return Err(error),
            Err(error) if error.message.is_empty() => {}
            Err(error) => session.terminal.tell(Label::Error, &error.message),
        }
        is_first = false;
        std::thread::sleep(every);
    }
}

/// The question was answered, if not as one might wish.
fn is_an_answer(kind: Kind) -> bool {
    matches!(kind, Kind::CheckFailed | Kind::Partial)
}

impl Rounds {
    /// Shows one round: on a terminal the picture anew, in a pipe one after the other; of `jsonl`
    /// the lines that are new or changed, and `{"removed":NAME}` for what has gone.
    pub(crate) fn show<I: Item>(
        &self,
        report: &Report<I>,
        session: &Session,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let view = session.globals.view();
        if session.format() == Format::Jsonl {
            self.show_changes(report, &view, out)?;
        } else {
            let mut picture = Vec::new();
            report.write(&session.format(), &view, session.style(), &mut picture)?;
            self.frame(session, out)?;
            out.write_all(&picture)?;
        }
        *self.count.borrow_mut() += 1;
        out.flush()?;
        Ok(())
    }

    fn show_changes<I: Item>(
        &self,
        report: &Report<I>,
        view: &View,
        out: &mut dyn Write,
    ) -> Result<(), CliError> {
        let lines = report.lines(view)?;
        let mut last = self.lines.borrow_mut();
        for (name, line) in &lines {
            if last.get(name) != Some(line) {
                out.write_all(line)?;
            }
        }
        for name in last.keys().filter(|name| !lines.contains_key(*name)) {
            let removed = serde_json::json!({ "removed": name });
            writeln!(out, "{removed}")?;
        }
        *last = lines;
        Ok(())
    }

    /// What separates two pictures.
    fn frame(&self, session: &Session, out: &mut dyn Write) -> io::Result<()> {
        if !session.terminal.stdout_is_terminal {
            return match *self.count.borrow() {
                0 => Ok(()),
                _ if session.format() == Format::Json => Ok(()),
                _ => out.write_all(b"\n"),
            };
        }
        let words: Vec<String> = std::env::args().skip(1).collect();
        let time = Zoned::now().with_time_zone(session.zone()).strftime("%H:%M:%S").to_string();
        let line = format!("kt {}  {time}", words.join(" "));
        write!(out, "{CLEAR}{}\n\n", escaped(&line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Cell, Column, Table};

    #[derive(schemars::JsonSchema, serde::Serialize)]
    struct Thing(&'static str, i32);

    impl Item for Thing {
        const KIND: &'static str = "things";

        fn name(&self) -> String {
            self.0.to_owned()
        }

        fn tables(_: &[Thing]) -> Vec<Table> {
            const COLUMNS: &[Column] = &[Column::text("name")];
            let mut table = Table::new(COLUMNS);
            table.row(vec![Cell::Unknown]);
            vec![table]
        }
    }

    #[test]
    fn lines_are_printed_for_what_changes() {
        let rounds = Rounds::default();
        let mut seen = String::new();
        for items in [
            vec![Thing("a", 1), Thing("b", 1)],
            vec![Thing("a", 1), Thing("b", 2)],
            vec![Thing("a", 1), Thing("a", 7)],
            vec![Thing("a", 1), Thing("a", 7)],
        ] {
            let report = Report {
                cluster_id: None,
                time: jiff::Timestamp::UNIX_EPOCH,
                items,
                errors: Vec::new(),
            };
            let mut out = Vec::new();
            rounds.show_changes(&report, &View::default(), &mut out).unwrap();
            seen.push_str(&String::from_utf8(out).unwrap());
            seen.push_str("--\n");
        }
        insta::assert_snapshot!(seen, @r#"
        ["a",1]
        ["b",1]
        --
        ["b",2]
        --
        ["a",7]
        {"removed":"b"}
        --
        --
        "#);
    }
}
