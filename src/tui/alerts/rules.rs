//! The file of rules: what is watched, from which values on, and who is told.
//!
//! ```toml
//! [[rule]]
//! name = "billing"
//! kind = "time-lag"
//! match = "billing-.*"
//! warn = "5m"      # from then on
//! bad = "1h"
//! for = "2m"
//! send = ["ops"]
//!
//! [checks]
//! send = ["ops"]
//!
//! [target.ops]
//! webhook = "https://alerts.example/kt"
//! headers_file = "ops.headers"
//! repeat = "30m"
//! ```

mod fault;
mod file;
mod limits;
mod reading;
#[cfg(test)]
pub(super) mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

pub(crate) use self::fault::RulesError;
pub(crate) use self::limits::{Limits, Value};
use crate::duration::Span;
use crate::topic_selection::Patterns;
use crate::tui::model::checks::{CheckKind, Level};
use crate::tui::model::lag::BehindRule;

/// What a rule watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleKind {
    /// Unread records of a group.
    Lag,
    /// The age of the oldest unread record of a group.
    TimeLag,
    /// For how long a broker is down.
    BrokerDown,
    /// Partitions of a topic with replicas out of sync, those of a broker that is down left out.
    UnderReplicated,
    /// What the leaders' replicas of a topic take.
    TopicSize,
    /// Records a second that are written to a topic.
    ProduceRate,
    /// The used share of the volume of a log directory.
    Disk,
}

impl RuleKind {
    pub(crate) const ALL: [RuleKind; 7] = [
        RuleKind::Lag,
        RuleKind::TimeLag,
        RuleKind::BrokerDown,
        RuleKind::UnderReplicated,
        RuleKind::TopicSize,
        RuleKind::ProduceRate,
        RuleKind::Disk,
    ];

    /// As the file says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            RuleKind::Lag => "lag",
            RuleKind::TimeLag => "time-lag",
            RuleKind::BrokerDown => "broker-down",
            RuleKind::UnderReplicated => "under-replicated",
            RuleKind::TopicSize => "topic-size",
            RuleKind::ProduceRate => "produce-rate",
            RuleKind::Disk => "disk",
        }
    }
}

/// All that a file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rules {
    /// In the order of the file.
    pub(crate) rules: Vec<Rule>,
    /// Which built-in checks take part, and who is told of them; `None` if the file says nothing.
    pub(crate) checks: Option<Checks>,
    pub(crate) targets: BTreeMap<String, Target>,
    /// None of rules that no file is to hold.
    pub(crate) origin: Option<Origin>,
}

/// Where rules are read, and when that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) path: PathBuf,
    /// `None`: there was no file yet.
    pub(crate) read: Option<Timestamp>,
}

impl Rules {
    /// The same, where nobody is told.
    pub(crate) fn without_targets(mut self) -> Rules {
        self.targets.clear();
        self.rules.iter_mut().for_each(|it| it.send.clear());
        if let Some(checks) = &mut self.checks {
            checks.send.clear();
        }
        self
    }
}

/// A rule of the user.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) kind: RuleKind,
    pub(crate) subjects: Subjects,
    pub(crate) limits: Limits,
    /// A value counts once it has been beyond its limit for so long.
    pub(crate) holds: Span,
    /// Names of targets.
    pub(crate) send: Vec<String>,
}

/// Which groups, topics, brokers or directories a rule is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subjects {
    wanted: Vec<String>,
    unwanted: Vec<String>,
    only: Option<Matching>,
    except: Option<Matching>,
}

#[derive(Clone, Debug)]
struct Matching(std::sync::Arc<Patterns>);

/// Compiled patterns are as equal as their texts.
impl PartialEq for Subjects {
    fn eq(&self, other: &Subjects) -> bool {
        (&self.wanted, &self.unwanted) == (&other.wanted, &other.unwanted)
    }
}

impl Subjects {
    pub(crate) fn hold(&self, name: &str) -> bool {
        let matches = |it: &Matching| it.0.match_any(name);
        self.only.as_ref().is_none_or(matches) && !self.except.as_ref().is_some_and(matches)
    }
}

/// The built-in checks as a file has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checks {
    /// Names of targets.
    pub(crate) send: Vec<String>,
    /// None: all of them.
    pub(crate) only: Option<Vec<CheckKind>>,
}

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) way: Way,
    /// The levels that it is told of.
    pub(crate) levels: Vec<Level>,
    /// It is told again of what still fires after so long, and of what comes again not sooner.
    pub(crate) repeat: Option<Span>,
    /// Deliveries within an hour, those that failed included.
    pub(crate) max_per_hour: usize,
    /// Whether it is told of what is over.
    pub(crate) resolved: Resolved,
}

/// Whether a target hears of the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    Told,
    Untold,
}

/// How a target is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The terminal's bell.
    Bell,
    /// A program with its arguments; no shell reads them.
    Command { argv: Vec<String>, timeout: Span },
    /// A POST to a URL.
    Webhook { url: String, headers_file: Option<PathBuf>, timeout: Span },
}

impl Way {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Way::Bell => "bell",
            Way::Command { .. } => "command",
            Way::Webhook { .. } => "webhook",
        }
    }
}

impl Rules {
    /// Reads a file of rules; `now` is when that is.
    ///
    /// # Errors
    ///
    /// It cannot be read, or something in it is wrong: the first such thing.
    pub(crate) fn read(path: &Path, now: Timestamp) -> Result<Rules, RulesError> {
        let text = file::read(path)?;
        let parent = path.parent().unwrap_or(Path::new(""));
        let rules = reading::parse(&text, parent).map_err(|it| it.in_file(path))?;
        let origin = Some(Origin { path: path.to_owned(), read: Some(now) });
        Ok(Rules { origin, ..rules })
    }

    /// None yet: where they will be read, once there is a file.
    pub(crate) fn awaited(path: PathBuf) -> Rules {
        Rules { origin: Some(Origin { path, read: None }), ..Rules::default() }
    }

    /// Whether the file wants this check to take part. A dashboard shows all of them.
    pub(crate) fn wants(&self, kind: CheckKind) -> bool {
        let only = self.checks.as_ref().map(|it| &it.only);
        only.is_some_and(|only| only.as_ref().is_none_or(|it| it.contains(&kind)))
    }

    /// The targets that are told of a check.
    pub(crate) fn told_of(&self, kind: CheckKind) -> &[String] {
        match &self.checks {
            Some(checks) if self.wants(kind) => &checks.send,
            _ => &[],
        }
    }

    pub(crate) fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|it| it.name == name)
    }

    /// When the user calls a group behind: by the first rules about its lag and its age.
    pub(crate) fn behind(&self, group: &str) -> Option<BehindRule> {
        let first = |kind: RuleKind| {
            let mut its = self.rules.iter().filter(|it| it.kind == kind);
            let limits = its.find(|it| it.subjects.hold(group))?.limits;
            limits.warn.from.or(limits.bad.from)
        };
        // A rule fires from its limit on, and a verdict beyond it.
        let lag = match first(RuleKind::Lag) {
            Some(Value::Count(from)) => i64::try_from(from - 1).ok(),
            _ => None,
        };
        let late_ms = match first(RuleKind::TimeLag) {
            Some(Value::Time(from)) => Some(from - 1),
            _ => None,
        };
        (lag.is_some() || late_ms.is_some()).then_some(BehindRule { lag, late_ms })
    }
}
