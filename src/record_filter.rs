//! Which records are wanted: `--where`, a small language over a record's fields, and `--grep`.
//!
//! Logic has two values. What is compared with a field that is null or missing does not match, and
//! `!=` is the opposite of `=`: it matches there.

mod expression;
mod parser;
mod token;

use std::cell::OnceCell;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kt_client::consumer::Record;
use kt_protocol::types::TopicPartition;
use regex::bytes::Regex;

use crate::error::CliError;
use expression::Expression;

/// What a record must be to be shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordFilter {
    condition: Option<Expression>,
    /// In the key or in the value.
    pattern: Option<Regex>,
}

/// A record while it is looked at.
#[derive(Debug)]
struct Candidate<'a> {
    /// None for a file of which nobody says whose it is.
    partition: Option<&'a TopicPartition>,
    record: &'a Record<'a>,
    /// The value as JSON, once it is asked for; `None` inside if it is none.
    json: OnceCell<Option<serde_json::Value>>,
}

impl RecordFilter {
    /// Reads both flags; times of a condition are meant at `now` in `zone`.
    pub(crate) fn new(
        condition: Option<&str>,
        pattern: Option<&str>,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Result<RecordFilter, CliError> {
        let condition = condition.map(|text| parser::parse(text, now, zone)).transpose();
        let condition = condition.map_err(|error| {
            let usage = CliError::usage(error.to_string());
            match error.hint {
                Some(hint) => usage.hint(hint),
                None => usage,
            }
        })?;
        let pattern =
            pattern.map(|text| Regex::new(text).map_err(|error| wrong_regex(text, &error)));
        Ok(RecordFilter { condition, pattern: pattern.transpose()? })
    }

    /// True if every record is wanted.
    pub(crate) fn is_empty(&self) -> bool {
        self.condition.is_none() && self.pattern.is_none()
    }

    /// True if the record is wanted.
    pub(crate) fn matches<'p>(
        &self,
        partition: impl Into<Option<&'p TopicPartition>>,
        record: &Record<'_>,
    ) -> bool {
        if let Some(pattern) = &self.pattern {
            let is_in = |bytes: Option<&[u8]>| bytes.is_some_and(|it| pattern.is_match(it));
            if !is_in(record.key) && !is_in(record.value) {
                return false;
            }
        }
        let Some(condition) = &self.condition else { return true };
        let partition = partition.into();
        condition.holds(&Candidate { partition, record, json: OnceCell::new() })
    }
}

fn wrong_regex(text: &str, error: &regex::Error) -> CliError {
    CliError::usage(format!(
        "--grep: \"{text}\" is not a regular expression: {}",
        parser::regex_fault(error)
    ))
}

#[cfg(test)]
mod tests;
