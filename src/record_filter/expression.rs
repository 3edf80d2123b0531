//! What a condition means for one record.

use std::cmp::Ordering;

use regex::bytes::Regex;
use serde_json::Value;

use super::Candidate;

/// A condition.
#[derive(Clone, Debug)]
pub(super) enum Expression {
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    Test(Field, Test),
}

/// What of a record is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Topic,
    Partition,
    Offset,
    Timestamp,
    Key,
    Value,
    /// The last header of that name, as Kafka's `lastHeader`.
    Header(String),
    /// A place in the value, if that is JSON.
    Json(Vec<String>),
}

/// What is asked of a field.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Compare(Comparison, Literal),
    In(Vec<Literal>),
    /// `~` and `like`
    Matches(Regex),
    IsNull,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Number(Number),
    Bool(bool),
}

/// A number: exact as long as it is whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(i64),
    Real(f64),
}

/// What a field holds.
enum Held<'a> {
    Null,
    Whole(i64),
    Bytes(&'a [u8]),
    Json(&'a Value),
}

impl Expression {
    pub(super) fn holds(&self, candidate: &Candidate<'_>) -> bool {
        match self {
            Expression::And(a, b) => a.holds(candidate) && b.holds(candidate),
            Expression::Or(a, b) => a.holds(candidate) || b.holds(candidate),
            Expression::Not(it) => !it.holds(candidate),
            Expression::Test(field, test) => test.holds(&candidate.get(field)),
        }
    }
}

impl Candidate<'_> {
    fn get(&self, field: &Field) -> Held<'_> {
        let bytes = |it: Option<_>| it.map_or(Held::Null, Held::Bytes);
        match field {
            Field::Topic => bytes(self.partition.map(|it| it.topic.as_bytes())),
            Field::Partition => {
                self.partition.map_or(Held::Null, |it| Held::Whole(it.partition.0.into()))
            }
            Field::Offset => Held::Whole(self.record.offset.0),
            Field::Timestamp => self.record.timestamp.map_or(Held::Null, |it| Held::Whole(it.0)),
            Field::Key => bytes(self.record.key),
            Field::Value => bytes(self.record.value),
            Field::Header(name) => {
                let headers = self.record.headers.clone();
                let last = headers.filter(|it| it.key_bytes == name.as_bytes()).last();
                bytes(last.and_then(|it| it.value))
            }
            Field::Json(path) => {
                let json = self.json.get_or_init(|| {
                    self.record.value.and_then(|it| serde_json::from_slice(it).ok())
                });
                let found = json.as_ref().and_then(|it| walk(it, path));
                match found {
                    None | Some(Value::Null) => Held::Null,
                    Some(found) => Held::Json(found),
                }
            }
        }
    }
}

fn walk<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| match value {
        Value::Object(fields) => fields.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

impl Test {
    fn holds(&self, held: &Held<'_>) -> bool {
        match self {
            Test::Compare(comparison, literal) => comparison.holds(held.compare(literal)),
            Test::In(literals) => {
                literals.iter().any(|it| held.compare(it) == Some(Ordering::Equal))
            }
            Test::Matches(pattern) => held.matches(pattern),
            Test::IsNull => matches!(held, Held::Null),
        }
    }
}

impl Comparison {
    /// `None`: the two cannot be compared.
    fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Comparison::Equal => order == Some(Ordering::Equal),
            Comparison::NotEqual => order != Some(Ordering::Equal),
            Comparison::Less => order == Some(Ordering::Less),
            Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
            Comparison::Greater => order == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }
}

impl Held<'_> {
    fn compare(&self, literal: &Literal) -> Option<Ordering> {
        match (self, literal) {
            (Held::Whole(held), Literal::Number(number)) => Number::Whole(*held).order(*number),
            (Held::Bytes(held), Literal::Text(text)) => Some((*held).cmp(text.as_bytes())),
            (Held::Bytes(held), Literal::Number(number)) => Number::read(held)?.order(*number),
            (Held::Json(Value::String(held)), Literal::Text(text)) => Some(held.as_str().cmp(text)),
            (Held::Json(Value::Number(held)), Literal::Number(number)) => {
                let held = match (held.as_i64(), held.as_f64()) {
                    (Some(whole), _) => Number::Whole(whole),
                    (None, Some(real)) => Number::Real(real),
                    (None, None) => return None,
                };
                held.order(*number)
            }
            (Held::Json(Value::Bool(held)), Literal::Bool(other)) => Some(held.cmp(other)),
            _ => None,
        }
    }

    fn matches(&self, pattern: &Regex) -> bool {
        match self {
            Held::Null => false,
            Held::Whole(number) => pattern.is_match(number.to_string().as_bytes()),
            Held::Bytes(bytes) => pattern.is_match(bytes),
            Held::Json(Value::String(text)) => pattern.is_match(text.as_bytes()),
            Held::Json(other) => pattern.is_match(other.to_string().as_bytes()),
        }
    }
}

impl Number {
    /// A number as text has it.
    pub(super) fn read(bytes: &[u8]) -> Option<Number> {
        let text = std::str::from_utf8(bytes).ok()?;
        if let Ok(whole) = text.parse() {
            return Some(Number::Whole(whole));
        }
        // "inf" and "nan" are words.
        if !text.contains(|it: char| it.is_ascii_digit()) {
            return None;
        }
        text.parse().ok().map(Number::Real)
    }

    fn order(self, other: Number) -> Option<Ordering> {
        match (self, other) {
            (Number::Whole(a), Number::Whole(b)) => Some(a.cmp(&b)),
            (a, b) => a.real().partial_cmp(&b.real()),
        }
    }

    fn real(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "the other side is no whole number")]
            Number::Whole(whole) => whole as f64,
            Number::Real(real) => real,
        }
    }
}
