//! What is told of a rule: the same to a program, to a webhook and on stdout.
//!
//! A webhook gets the document that `-o json` would print, of one item; `-o jsonl` prints the item.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::output::{ENVELOPE_VERSION, rfc3339_ms};
use crate::tui::model::checks::Level;

/// Its kind, as the envelope says it.
pub(crate) const KIND: &str = "alerts.run";

/// So many subjects are named; the others are counted.
pub(crate) const SUBJECTS_MAX: usize = 100;

/// What became of a rule, or was to be told.
#[derive(Clone, Copy, Debug, JsonSchema, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Something is beyond its limit that was not, or is worse than it was.
    Fired,
    /// It still is, and it is time to say so again.
    Still,
    /// It is beyond its limit, and less than it was.
    Eased,
    /// It is over.
    Resolved,
    /// Nothing is wrong: somebody tries whether he is told.
    Test,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Fired => "fired",
            State::Still => "still",
            State::Eased => "eased",
            State::Resolved => "resolved",
            State::Test => "test",
        }
    }
}

/// One thing that is told, or happened.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub(crate) struct Notice {
    #[serde(serialize_with = "rfc3339_ms")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub(crate) time: Timestamp,
    pub(crate) state: State,
    /// The rule's name, or that of a built-in check; null in a test.
    pub(crate) rule: Option<String>,
    /// What the rule watches; `check` for a built-in check.
    pub(crate) kind: Option<String>,
    /// The worst of the subjects; `ok` once it is over.
    #[serde(serialize_with = "word")]
    #[schemars(with = "String")]
    pub(crate) level: Level,
    /// The first of them.
    pub(crate) subjects: Vec<NoticeSubject>,
    /// All of them.
    pub(crate) subject_count: u64,
    /// The whole in one sentence.
    pub(crate) text: String,
}

/// A group, topic, broker or directory.
#[derive(Clone, Debug, JsonSchema, PartialEq, Serialize)]
pub(crate) struct NoticeSubject {
    pub(crate) subject: String,
    #[serde(serialize_with = "word")]
    #[schemars(with = "String")]
    pub(crate) level: Level,
    /// Records, partitions, ms, bytes, records a second, or a share of 1; null if it has none.
    pub(crate) value: Option<f64>,
    /// The same for people.
    pub(crate) value_text: String,
    pub(crate) limit_text: String,
    #[serde(serialize_with = "maybe_rfc3339")]
    #[schemars(with = "Option<String>")]
    pub(crate) since: Option<Timestamp>,
}

/// As files and documents say it.
pub(crate) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Ok => "ok",
        Level::Unknown => "unknown",
        Level::Warn => "warn",
        Level::Bad => "bad",
    }
}

fn word<S: serde::Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(level_name(*level))
}

fn maybe_rfc3339<S: serde::Serializer>(
    time: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => rfc3339_ms(time, serializer),
        None => serializer.serialize_none(),
    }
}

impl Notice {
    /// Of a rule: `subjects` are the first of `count`, the worst before the others.
    pub(super) fn of_rule(
        time: Timestamp,
        state: State,
        rule: &str,
        kind: &str,
        subjects: Vec<NoticeSubject>,
        count: u64,
    ) -> Notice {
        let level = match state {
            State::Resolved => Level::Ok,
            _ => subjects.iter().map(|it| it.level).max().unwrap_or(Level::Ok),
        };
        let first = subjects.first();
        let mut text = format!("{rule} {}: ", state.name());
        if let Some(it) = first {
            text.push_str(&it.subject);
        }
        if let Some(it) = first.filter(|_| state != State::Resolved) {
            text.push_str(&format!(" {}", it.value_text));
        }
        if 1 < count {
            text.push_str(&format!(", +{}", count - 1));
        }
        Notice {
            time,
            state,
            rule: Some(rule.to_owned()),
            kind: Some(kind.to_owned()),
            level,
            subjects,
            subject_count: count,
            text,
        }
    }

    /// That nothing is wrong.
    pub(crate) fn test(time: Timestamp, target: &str) -> Notice {
        Notice {
            time,
            state: State::Test,
            rule: None,
            kind: None,
            level: Level::Ok,
            subjects: Vec::new(),
            subject_count: 0,
            text: format!("a test of target {target}: nothing is wrong"),
        }
    }

    /// The document for programs and webhooks.
    pub(crate) fn document(&self, cluster_id: Option<&str>) -> Vec<u8> {
        let time = self.time.round(jiff::Unit::Millisecond).unwrap_or(self.time);
        let document = json!({
            "kind": KIND,
            "version": ENVELOPE_VERSION,
            "cluster_id": cluster_id,
            "time": format!("{time:.3}"),
            "items": [self],
            "errors": [],
        });
        document.to_string().into_bytes()
    }

    /// The same as a program's environment: names and values.
    pub(crate) fn environment(&self, cluster_id: Option<&str>) -> Vec<(&'static str, String)> {
        let first = self.subjects.first();
        let of_first = |text: fn(&NoticeSubject) -> &str| first.map_or("", text).to_owned();
        let plain = |text: &Option<String>| text.clone().unwrap_or_default();
        let time = self.time.round(jiff::Unit::Millisecond).unwrap_or(self.time);
        let mut environment = vec![
            ("KT_ALERT_STATE", self.state.name().to_owned()),
            ("KT_ALERT_RULE", plain(&self.rule)),
            ("KT_ALERT_KIND", plain(&self.kind)),
            ("KT_ALERT_LEVEL", level_name(self.level).to_owned()),
            ("KT_ALERT_SUBJECT", of_first(|it| &it.subject)),
            ("KT_ALERT_SUBJECT_COUNT", self.subject_count.to_string()),
            ("KT_ALERT_VALUE", of_first(|it| &it.value_text)),
            ("KT_ALERT_LIMIT", of_first(|it| &it.limit_text)),
            ("KT_ALERT_TIME", format!("{time:.3}")),
            ("KT_ALERT_CLUSTER_ID", cluster_id.unwrap_or_default().to_owned()),
            ("KT_ALERT_TEXT", self.text.clone()),
        ];
        // A path may hold any byte but this one; an environment cannot hold it.
        environment.iter_mut().for_each(|(_, value)| value.retain(|it| it != '\0'));
        environment
    }
}
