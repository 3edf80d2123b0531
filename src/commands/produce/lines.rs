//! From a line to a record.

use kt_protocol::records::NewRecord;
use kt_protocol::types::Timestamp;

use crate::error::CliError;
use crate::record_format::input::{FormattedRecord, InputFormat, Parsed};
use crate::record_json::{self, JsonRecord};

use super::input::Input;
use super::now_ms;

/// How lines are to be read, and what the command line says of every record.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    pub(super) shape: Shape,
    /// Records are not lines, but have this form.
    pub(super) format: Option<InputFormat>,
    pub(super) topic: Option<String>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) partition: Option<i32>,
    /// Milliseconds since 1970; `None` is now, for each record.
    pub(super) timestamp: Option<i64>,
    pub(super) null: Option<Vec<u8>>,
    /// False under `--repartition`.
    pub(super) keeps_partition: bool,
    /// False under `--now`.
    pub(super) keeps_timestamp: bool,
}

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A value.
    Values,
    /// A key, whose value is null.
    Keys,
    /// A key, this separator, a value.
    KeyValue(Vec<u8>),
    /// A JSON object.
    Json,
}

/// A record out of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LineRecord {
    pub(super) topic: String,
    pub(super) partition: Option<i32>,
    /// `None` is now.
    pub(super) timestamp: Option<i64>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Option<Vec<u8>>)>,
}

/// Headers as the producer takes them.
pub(super) type Headers<'a> = Vec<(&'a str, Option<&'a [u8]>)>;

impl LineRecord {
    pub(super) fn borrowed_headers(&self) -> Headers<'_> {
        self.headers.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect()
    }

    /// The record to be written now, with its own headers.
    pub(super) fn now<'a>(&'a self, headers: &'a Headers<'a>) -> NewRecord<'a> {
        NewRecord {
            timestamp: Timestamp(self.timestamp.unwrap_or_else(now_ms)),
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers,
        }
    }
}

impl Lines {
    /// The next record that is there already. The error names its line.
    pub(super) fn next(&self, input: &mut Input) -> Result<Option<LineRecord>, CliError> {
        self.next_ready(input).map_err(|reason| match self.format {
            None => CliError::other(format!("line {}: {reason}", input.line())),
            Some(_) => CliError::other(format!("record {}: {reason}", input.line() + 1)),
        })
    }

    fn next_ready(&self, input: &mut Input) -> Result<Option<LineRecord>, String> {
        let Some(format) = &self.format else {
            return input.next_ready().map(|line| self.read(line)).transpose();
        };
        let (bytes, tail) = input.rest();
        if bytes.is_empty() {
            return Ok(None);
        }
        match format.read(bytes, tail)? {
            Parsed::NeedsMore => Ok(None),
            Parsed::Record(record, length) => {
                input.advance(length);
                self.of_format(*record).map(Some)
            }
        }
    }

    /// What to write before a line on a terminal.
    pub(super) fn prompt(&self) -> String {
        format!("{}> ", self.topic.as_deref().unwrap_or("kt"))
    }

    fn of_format(&self, found: FormattedRecord) -> Result<LineRecord, String> {
        let Some(topic) = self.topic.clone().or(found.topic) else {
            return Err("no topic, neither here nor on the command line".to_owned());
        };
        let unless_null = |it: Option<Vec<u8>>| it.filter(|it| self.null.as_ref() != Some(it));
        Ok(LineRecord {
            topic,
            partition: self.partition.or(found.partition),
            timestamp: self.timestamp.or(found.timestamp),
            key: unless_null(found.key).or_else(|| self.key.clone()),
            value: unless_null(found.value),
            headers: found.headers.into_iter().chain(self.own_headers()).collect(),
        })
    }

    /// Reads a line. The error is what is wrong with it.
    pub(super) fn read(&self, line: &[u8]) -> Result<LineRecord, String> {
        let (key, value) = match &self.shape {
            Shape::Json => return self.of_json(record_json::read(line)?),
            Shape::Values => (self.key.clone(), self.unless_null(line)),
            Shape::Keys => (self.unless_null(line), None),
            Shape::KeyValue(separator) => {
                let at = line.windows(separator.len()).position(|it| it == separator.as_slice());
                let at = at.ok_or_else(|| {
                    let separator = String::from_utf8_lossy(separator);
                    format!("no \"{}\" between key and value", separator.escape_debug())
                })?;
                let value = &line[at + separator.len()..];
                (self.unless_null(&line[..at]), self.unless_null(value))
            }
        };
        Ok(self.record(key, value))
    }

    /// The one record of `-k KEY --tombstone`.
    pub(super) fn tombstone(&self) -> LineRecord {
        self.record(self.key.clone(), None)
    }

    fn record(&self, key: Option<Vec<u8>>, value: Option<Vec<u8>>) -> LineRecord {
        LineRecord {
            topic: self.topic.clone().unwrap_or_default(),
            partition: self.partition,
            timestamp: self.timestamp,
            key,
            value,
            headers: self.own_headers().collect(),
        }
    }

    fn own_headers(&self) -> impl Iterator<Item = (String, Option<Vec<u8>>)> {
        self.headers.iter().map(|(key, value)| (key.clone(), Some(value.clone().into_bytes())))
    }

    fn unless_null(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        (self.null.as_deref() != Some(bytes)).then(|| bytes.to_vec())
    }

    fn of_json(&self, json: JsonRecord) -> Result<LineRecord, String> {
        let Some(topic) = self.topic.clone().or(json.topic) else {
            return Err("no topic, neither here nor on the command line".to_owned());
        };
        let of_line = json.partition.filter(|_| self.keeps_partition);
        if of_line.is_some_and(|it| it < 0) {
            return Err("the partition is negative".to_owned());
        }
        let headers = json.headers.into_iter().map(|it| (it.key, it.value.0));
        Ok(LineRecord {
            topic,
            partition: self.partition.or(of_line),
            timestamp: self.timestamp.or(json.timestamp.filter(|_| self.keeps_timestamp)),
            key: json.key.0,
            value: json.value.0,
            headers: headers.chain(self.own_headers()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(shape: Shape) -> Lines {
        Lines {
            shape,
            format: None,
            topic: Some("orders".to_owned()),
            key: None,
            headers: Vec::new(),
            partition: None,
            timestamp: None,
            null: None,
            keeps_partition: true,
            keeps_timestamp: true,
        }
    }

    fn pair(lines: &Lines, line: &str) -> Result<(Option<String>, Option<String>), String> {
        let text = |it: Option<Vec<u8>>| it.map(|it| String::from_utf8(it).unwrap());
        lines.read(line.as_bytes()).map(|it| (text(it.key), text(it.value)))
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn a_line_is_a_value_unless_it_has_a_key() {
        let values = lines(Shape::Values);
        assert_eq!(pair(&values, "a:b"), Ok((None, some("a:b"))));
        assert_eq!(pair(&values, ""), Ok((None, some(""))));
        let keyed = lines(Shape::KeyValue(b"::".to_vec()));
        assert_eq!(pair(&keyed, "k::v::w"), Ok((some("k"), some("v::w"))));
        assert_eq!(pair(&keyed, "::"), Ok((some(""), some(""))));
        assert_eq!(pair(&keyed, "k:v").unwrap_err(), "no \"::\" between key and value");
        assert_eq!(pair(&lines(Shape::Keys), "k"), Ok((some("k"), None)));
    }

    #[test]
    fn a_text_can_stand_for_null() {
        let keyed = Lines { null: Some(b"NULL".to_vec()), ..lines(Shape::KeyValue(b":".to_vec())) };
        assert_eq!(pair(&keyed, "NULL:NULL"), Ok((None, None)));
        assert_eq!(pair(&keyed, "k:NULLS"), Ok((some("k"), some("NULLS"))));
    }

    #[test]
    fn json_keeps_its_place_and_time_unless_told_otherwise() {
        let line = br#"{"topic":"other","partition":3,"timestamp":5,"value":"v"}"#;
        let kept = lines(Shape::Json).read(line).unwrap();
        assert_eq!(
            (kept.topic.as_str(), kept.partition, kept.timestamp),
            ("orders", Some(3), Some(5))
        );
        let anew = Lines {
            keeps_partition: false,
            keeps_timestamp: false,
            topic: None,
            ..lines(Shape::Json)
        };
        let anew = anew.read(line).unwrap();
        assert_eq!((anew.topic.as_str(), anew.partition, anew.timestamp), ("other", None, None));
        let nowhere = Lines { topic: None, ..lines(Shape::Json) };
        assert!(nowhere.read(br#"{"value":"v"}"#).unwrap_err().contains("no topic"));
    }
}
