//! Segments, batches and records as lines of a list: what they are sorted and filtered by.

use super::looking::{BatchLine, SegmentLine};
use crate::tui::model::checks::Level;
use crate::tui::model::listing::Line;
use crate::tui::model::order::{Rank, Value};
use crate::tui::model::screens::records::line::RecordLine;

impl Line for SegmentLine {
    const SORTS: &'static [&'static str] = &["base offset", "size", "B/idx"];

    fn key(&self) -> &str {
        &self.name
    }

    fn level(&self) -> Level {
        self.level
    }

    fn rank(&self, sort: usize) -> Rank {
        let value = match sort {
            1 => Value::Number(self.size as f64),
            2 => self.bytes_per_entry.map_or(Value::Missing, |it| Value::Number(it as f64)),
            _ => Value::Text(self.name.clone()),
        };
        Rank { class: 0, value }
    }
}

impl Line for BatchLine {
    const SORTS: &'static [&'static str] = &["position"];

    fn key(&self) -> &str {
        &self.name
    }

    fn level(&self) -> Level {
        if self.fault.is_some() { Level::Bad } else { Level::Ok }
    }

    fn rank(&self, _sort: usize) -> Rank {
        Rank { class: 0, value: Value::Text(self.name.clone()) }
    }

    fn words(&self) -> Vec<&str> {
        let mut words = vec![self.offset.as_str(), self.codec.as_str(), self.flags.as_str()];
        words.extend(self.fault.as_deref());
        words
    }
}

impl Line for RecordLine {
    const SORTS: &'static [&'static str] = &["offset"];

    fn key(&self) -> &str {
        &self.name
    }

    fn level(&self) -> Level {
        Level::Ok
    }

    fn rank(&self, _sort: usize) -> Rank {
        Rank { class: 0, value: Value::Text(format!("{:020}", self.offset)) }
    }
}
