//! Limits and what is held against them: one kind of value for each kind of rule.

use crate::duration::Span;
use crate::rate::Rate;
use crate::size::Size;
use crate::tui::figures;
use crate::tui::model::checks::Level;

use super::RuleKind;
use super::file::Amount;

/// Something that was measured, or the limit of it.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) enum Value {
    /// Records, or partitions.
    Count(u64),
    /// In ms.
    Time(u64),
    Bytes(u64),
    /// Records a second.
    PerSecond(f64),
    /// 0 to 1.
    Share(f64),
    /// A broker that is down, for so many ms.
    Down(u64),
}

impl Value {
    /// As a cell has it.
    pub(crate) fn text(self) -> String {
        match self {
            Value::Count(count) => figures::count(count),
            Value::Time(ms) => figures::duration(ms),
            Value::Bytes(bytes) => figures::bytes(bytes),
            Value::PerSecond(rate) => figures::rate(rate),
            Value::Share(share) => figures::share(share),
            Value::Down(_) => "down".to_owned(),
        }
    }

    /// As the cell of a limit has it.
    pub(crate) fn limit_text(self) -> String {
        match self {
            Value::Down(0) => "up".to_owned(),
            Value::Down(ms) | Value::Time(ms) => figures::period(ms),
            other => other.text(),
        }
    }

    /// In its base unit: records, ms, bytes, records a second, a share of 1.
    #[expect(clippy::cast_precision_loss, reason = "what is told is read by people and thresholds")]
    pub(crate) fn number(self) -> f64 {
        match self {
            Value::Count(it) | Value::Time(it) | Value::Bytes(it) | Value::Down(it) => it as f64,
            Value::PerSecond(it) | Value::Share(it) => it,
        }
    }
}

/// From which values on something is warn or bad.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Limits {
    pub(crate) warn: Bounds,
    pub(crate) bad: Bounds,
}

/// The range that is fine: at or beyond its ends it is not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bounds {
    /// Less than this is beyond.
    pub(crate) below: Option<Value>,
    /// This or more is beyond.
    pub(crate) from: Option<Value>,
}

impl Bounds {
    /// The end that a value is beyond.
    fn passed(self, value: Value) -> Option<Value> {
        let from = self.from.filter(|it| it.number() <= value.number());
        from.or(self.below.filter(|it| value.number() < it.number()))
    }

    fn is_empty(self) -> bool {
        self.below.is_none() && self.from.is_none()
    }
}

impl Limits {
    pub(crate) fn is_empty(&self) -> bool {
        self.warn.is_empty() && self.bad.is_empty()
    }

    /// The level of a value, and the limit that it is beyond, else the nearest one.
    pub(crate) fn judge(&self, value: Value) -> (Level, Option<Value>) {
        if let Some(limit) = self.bad.passed(value) {
            return (Level::Bad, Some(limit));
        }
        if let Some(limit) = self.warn.passed(value) {
            return (Level::Warn, Some(limit));
        }
        let first = [self.warn.from, self.bad.from, self.warn.below, self.bad.below];
        (Level::Ok, first.into_iter().flatten().next())
    }
}

/// Reads a limit of a rule of this kind.
pub(super) fn parse(kind: RuleKind, amount: &Amount) -> Result<Value, String> {
    match (kind, amount) {
        (RuleKind::Lag, amount) => count(amount, "records"),
        (RuleKind::UnderReplicated, amount) => count(amount, "partitions"),
        (RuleKind::TimeLag, Amount::Text(text)) => Ok(Value::Time(positive_time(text)?)),
        (RuleKind::BrokerDown, Amount::Text(text)) => Ok(Value::Down(time(text)?)),
        (RuleKind::TimeLag | RuleKind::BrokerDown, Amount::Number(number)) => {
            Err(format!("{number} lacks a unit: write \"{number}s\" for seconds"))
        }
        (RuleKind::TopicSize, Amount::Text(text)) => {
            text.parse::<Size>().map(|it| Value::Bytes(it.0)).map_err(|it| it.to_string())
        }
        (RuleKind::TopicSize, Amount::Number(number)) => {
            Err(format!("{number} lacks a unit: write \"{number}B\" or \"10GiB\""))
        }
        (RuleKind::ProduceRate, Amount::Text(text)) => rate(text),
        (RuleKind::ProduceRate, Amount::Number(number)) => {
            Err(format!("{number} lacks a unit: write \"{number}/s\""))
        }
        (RuleKind::Disk, Amount::Text(text)) => share(text),
        (RuleKind::Disk, Amount::Number(number)) => {
            Err(format!("{number} lacks a unit: write \"{number}%\""))
        }
    }
}

fn count(amount: &Amount, what: &str) -> Result<Value, String> {
    match amount {
        Amount::Number(number) if 0 < *number => Ok(Value::Count(number.unsigned_abs())),
        Amount::Number(number) => Err(format!("{number} would always fire: 1 is the least")),
        Amount::Text(text) => Err(format!("\"{text}\" is not a number of {what}: write 1000")),
    }
}

fn time(text: &str) -> Result<u64, String> {
    text.parse::<Span>().map(Span::as_millis).map_err(|it| it.to_string())
}

fn positive_time(text: &str) -> Result<u64, String> {
    match time(text)? {
        0 => Err("0 would always fire".to_owned()),
        time => Ok(time),
    }
}

#[expect(clippy::cast_precision_loss, reason = "no topic takes 2^53 records a second")]
fn rate(text: &str) -> Result<Value, String> {
    match text.parse::<Rate>() {
        Ok(Rate::Records(records)) => Ok(Value::PerSecond(records as f64)),
        Ok(Rate::Bytes(_)) => Err(format!("\"{text}\" counts bytes: write records as 500/s")),
        Err(_) => Err(format!("\"{text}\" is not a rate of records: write 500/s")),
    }
}

fn share(text: &str) -> Result<Value, String> {
    let percent = text.strip_suffix('%').and_then(|it| it.parse::<u8>().ok());
    let percent = percent.filter(|it| (1..=100).contains(it));
    let share = percent.map(|it| Value::Share(f64::from(it) / 100.0));
    share.ok_or_else(|| format!("\"{text}\" is not a share: write 1% to 100%"))
}
