//! What rules look at: plain facts, and whether they are known.

mod of_watch;

use crate::tui::figures::Reading;
use crate::tui::model::checks::facts::Answer;
use crate::tui::model::checks::rounds::Told;
use crate::tui::model::checks::{Level, Place};
use crate::tui::model::lag::{Lag, Late};

use super::rules::{Rule, RuleKind, Value};

/// All that was measured for one evaluation.
#[derive(Clone, Debug)]
pub(crate) struct Measured<'a> {
    pub(crate) groups: Answer<Vec<GroupMeasure<'a>>>,
    pub(crate) topics: Answer<Vec<TopicMeasure<'a>>>,
    pub(crate) brokers: Answer<Vec<BrokerMeasure>>,
    pub(crate) directories: Answer<Vec<DirectoryMeasure<'a>>>,
    /// When that was told.
    pub(crate) told: TimesTold,
}

/// When the last round of answers came that each kind of rules is made of; none where each
/// evaluation is one of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TimesTold {
    pub(crate) commits: Option<Told>,
    pub(crate) log_ends: Option<Told>,
    pub(crate) metadata: Option<Told>,
    pub(crate) sizes: Option<Told>,
    pub(crate) brokers: Option<Told>,
}

/// A group. One that committed nothing has no lag, and fires nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupMeasure<'a> {
    pub(crate) name: &'a str,
    /// Unread records.
    pub(crate) lag: Lag,
    /// The age of the oldest of them.
    pub(crate) late: Late,
}

/// A topic. What is `Missing` cannot be measured of it, and fires nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TopicMeasure<'a> {
    pub(crate) name: &'a str,
    /// Of the leaders' replicas.
    pub(crate) size_bytes: Reading<u64>,
    /// Records a second.
    pub(crate) rate: Reading<f64>,
    /// Partitions with replicas out of sync, those left out that are so only because a broker is
    /// down.
    pub(crate) under_replicated: Reading<u64>,
}

/// A broker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BrokerMeasure {
    pub(crate) id: i32,
    /// For how many ms it is down; `None` if it is up.
    pub(crate) down_ms: Option<u64>,
}

/// A log directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DirectoryMeasure<'a> {
    pub(crate) broker: i32,
    pub(crate) path: &'a str,
    /// Of its volume, 0 to 1.
    pub(crate) used: Reading<f64>,
}

/// One subject as one rule sees it.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) level: Level,
    /// `None` if it is not known.
    pub(super) value: Option<Value>,
    pub(super) limit: Option<Value>,
    /// It may be worse: this is enough to fire, and never to ease.
    pub(super) is_least: bool,
}

impl Look {
    /// The same, and nothing is known of it.
    pub(super) fn unknown(self) -> Look {
        Look { level: Level::Unknown, value: None, limit: None, ..self }
    }
}

impl Measured<'_> {
    /// Nothing is known yet.
    pub(crate) fn nothing() -> Measured<'static> {
        Measured {
            groups: Answer::Pending,
            topics: Answer::Pending,
            brokers: Answer::Pending,
            directories: Answer::Pending,
            told: TimesTold::default(),
        }
    }

    /// When that came which rules of this kind look at.
    pub(super) fn told(&self, kind: RuleKind) -> Option<Told> {
        match kind {
            RuleKind::Lag | RuleKind::TimeLag => self.told.commits,
            RuleKind::BrokerDown => self.told.brokers,
            RuleKind::UnderReplicated => self.told.metadata,
            RuleKind::ProduceRate => self.told.log_ends,
            RuleKind::TopicSize | RuleKind::Disk => self.told.sizes,
        }
    }

    /// Why what rules of this kind look at is not known.
    pub(crate) fn refusal(&self, kind: RuleKind) -> Option<&str> {
        match kind {
            RuleKind::Lag | RuleKind::TimeLag => why(&self.groups),
            RuleKind::BrokerDown => why(&self.brokers),
            RuleKind::UnderReplicated | RuleKind::TopicSize | RuleKind::ProduceRate => {
                why(&self.topics)
            }
            RuleKind::Disk => why(&self.directories),
        }
    }

    /// Each subject of a rule; `None` while they are not known.
    pub(super) fn looks(&self, rule: &Rule) -> Option<Vec<Look>> {
        match rule.kind {
            RuleKind::Lag | RuleKind::TimeLag => {
                Some(known(&self.groups)?.iter().filter_map(|it| group(rule, it)).collect())
            }
            RuleKind::BrokerDown => {
                Some(known(&self.brokers)?.iter().filter_map(|it| broker(rule, it)).collect())
            }
            RuleKind::UnderReplicated | RuleKind::TopicSize | RuleKind::ProduceRate => {
                Some(known(&self.topics)?.iter().filter_map(|it| topic(rule, it)).collect())
            }
            RuleKind::Disk => {
                Some(known(&self.directories)?.iter().filter_map(|it| disk(rule, it)).collect())
            }
        }
    }
}

fn why<T>(answer: &Answer<T>) -> Option<&str> {
    if let Answer::Refused(why) = answer { Some(why) } else { None }
}

fn known<T>(answer: &Answer<T>) -> Option<&T> {
    if let Answer::Known(facts) = answer { Some(facts) } else { None }
}

fn group(rule: &Rule, it: &GroupMeasure<'_>) -> Option<Look> {
    let value = match rule.kind {
        RuleKind::Lag => lag(it.lag),
        _ => late(it.late),
    };
    look(rule, it.name, || Place::Group(it.name.to_owned()), value)
}

fn lag(lag: Lag) -> Read {
    match lag {
        Lag::Records(records) => Read::Value(Value::Count(u64::try_from(records).unwrap_or(0))),
        Lag::NoCommit => Read::Nothing,
        Lag::Unknown => Read::Unknown,
    }
}

fn late(late: Late) -> Read {
    match late {
        Late::CaughtUp => Read::Value(Value::Time(0)),
        Late::Read(age) | Late::Estimated(age) => Read::Value(Value::Time(age)),
        Late::OlderThan(age) => Read::AtLeast(Value::Time(age)),
        Late::NoCommit => Read::Nothing,
        Late::Unknown => Read::Unknown,
    }
}

fn topic(rule: &Rule, it: &TopicMeasure<'_>) -> Option<Look> {
    let value = match rule.kind {
        RuleKind::TopicSize => read(it.size_bytes, Value::Bytes),
        RuleKind::ProduceRate => read(it.rate, Value::PerSecond),
        _ => read(it.under_replicated, Value::Count),
    };
    look(rule, it.name, || Place::Topic(it.name.to_owned()), value)
}

/// A broker is matched by its id, and called what people call it.
fn broker(rule: &Rule, it: &BrokerMeasure) -> Option<Look> {
    let place = || Place::Broker(it.id);
    let seen = look(
        rule,
        &it.id.to_string(),
        place,
        match it.down_ms {
            None => Read::Nothing,
            Some(ms) => Read::Value(Value::Down(ms)),
        },
    )?;
    Some(Look { name: format!("broker {}", it.id), ..seen })
}

fn disk(rule: &Rule, it: &DirectoryMeasure<'_>) -> Option<Look> {
    let name = format!("{} {}", it.broker, it.path);
    let place = || Place::Directory(it.broker, it.path.to_owned());
    look(rule, &name, place, read(it.used, Value::Share))
}

#[derive(Clone, Copy)]
enum Read {
    Value(Value),
    /// It is not known how much more.
    AtLeast(Value),
    /// There is nothing that could fire.
    Nothing,
    Unknown,
}

fn read<T>(reading: Reading<T>, value: impl FnOnce(T) -> Value) -> Read {
    match reading {
        Reading::Known(it) => Read::Value(value(it)),
        Reading::Missing => Read::Nothing,
        Reading::Pending | Reading::Failed => Read::Unknown,
    }
}

fn look(rule: &Rule, name: &str, place: impl FnOnce() -> Place, value: Read) -> Option<Look> {
    if !rule.subjects.hold(name) {
        return None;
    }
    let is_least = matches!(value, Read::AtLeast(_));
    let (level, value, limit) = match value {
        Read::Value(value) | Read::AtLeast(value) => match rule.limits.judge(value) {
            (Level::Ok, _) if is_least => (Level::Unknown, None, None),
            (level, limit) => (level, Some(value), limit),
        },
        Read::Nothing => (Level::Ok, None, None),
        Read::Unknown => (Level::Unknown, None, None),
    };
    Some(Look { name: name.to_owned(), place: place(), level, value, limit, is_least })
}
