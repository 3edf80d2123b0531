//! `--offsets`: the lines that `kt groups offsets -o csv` writes, and those of kafka-consumer-groups
//! --export.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use kt_protocol::types::TopicPartition;

use crate::error::{CliError, Kind};
use crate::resolve::Places;

/// The offsets of a file, of lines with a group only those of `group`.
pub(super) fn read(path: &Path, group: &str) -> Result<Places, CliError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| {
        let message = format!("cannot read {name}: {error}");
        match error.kind() {
            std::io::ErrorKind::NotFound => CliError::new(Kind::NotFound, "NOT_FOUND", message),
            _ => CliError::other(message),
        }
    })?;
    parse(file, &name, group)
}

fn parse(text: impl Read, name: &str, group: &str) -> Result<Places, CliError> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    let mut places = Places::new();
    for (index, record) in reader.records().enumerate() {
        let wrong = |line: u64, why: &str| CliError::usage(format!("{name} line {line}: {why}"));
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            wrong(line, &format!("{error}"))
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let fields: Vec<&str> = record.iter().collect();
        let (topic, partition, offset) = match fields.as_slice() {
            [.., "offset"] if index == 0 => continue,
            [of_group, ..] if fields.len() == 4 && *of_group != group => continue,
            [topic, partition, offset] | [_, topic, partition, offset] => {
                (*topic, *partition, *offset)
            }
            _ => return Err(wrong(line, "topic,partition,offset was expected")),
        };
        let number = |text: &str| text.trim().parse::<i64>().ok().filter(|it| 0 <= *it);
        let index = number(partition).and_then(|it| i32::try_from(it).ok());
        let Some(index) = index else {
            return Err(wrong(line, &format!("\"{partition}\" is no partition")));
        };
        let Some(offset) = number(offset) else {
            return Err(wrong(line, &format!("\"{offset}\" is no offset")));
        };
        if places.insert(TopicPartition::new(topic, index), offset).is_some() {
            return Err(wrong(line, &format!("{topic}:{index} stands there twice")));
        }
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        match parse(text.as_bytes(), "saved.csv", "app") {
            Ok(places) => {
                let shown = places.iter().map(|(at, offset)| format!("{at}={offset}"));
                shown.collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.message,
        }
    }

    #[test]
    fn lines_are_ours_or_kafkas() {
        assert_eq!(
            parsed("topic,partition,offset\norders,1,42\norders,0,7\n"),
            "orders-0=7 orders-1=42"
        );
        assert_eq!(parsed("orders,0,7\n\n"), "orders-0=7");
        assert_eq!(parsed("app,orders,0,7\nother,orders,0,9\n"), "orders-0=7");
        assert_eq!(parsed(""), "");
    }

    #[test]
    fn what_is_no_line_is_said_with_its_number() {
        insta::assert_snapshot!(parsed("orders,0\n"), @"saved.csv line 1: topic,partition,offset was expected");
        insta::assert_snapshot!(parsed("orders,0,1\norders,x,1\n"), @r#"saved.csv line 2: "x" is no partition"#);
        insta::assert_snapshot!(parsed("orders,0,-1\n"), @r#"saved.csv line 1: "-1" is no offset"#);
        insta::assert_snapshot!(parsed("orders,0,1\norders,0,2\n"), @"saved.csv line 2: orders:0 stands there twice");
    }
}
