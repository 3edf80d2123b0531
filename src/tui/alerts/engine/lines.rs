//! What the screen shows: a line for each check and each rule, the worst first.

use kt_protocol::types::Millis;

use super::outbox::Sent;
use super::watched::Watched;
use super::{Engine, RuleId};
use crate::tui::figures;
use crate::tui::model::checks::{Badge, CheckKind, Level, Place};

/// A line of the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) level: Level,
    /// The check's name, or that of the user's rule.
    pub(crate) rule: String,
    /// None: a rule of the user.
    pub(crate) check: Option<CheckKind>,
    /// The worst subject.
    pub(crate) subject: String,
    /// How many more fire beside it.
    pub(crate) more: u64,
    /// What the subject is, for `Enter`.
    pub(crate) place: Option<Place>,
    pub(crate) value: String,
    pub(crate) limit: String,
    /// Since when it fires; `None` if nothing does.
    pub(crate) since: Option<Millis>,
    pub(crate) sent: Sent,
}

impl Line {
    /// The subject and how many more there are, in at most so many cells.
    pub(crate) fn subject_text(&self, width: usize) -> String {
        if self.more == 0 {
            return figures::name(&self.subject, width);
        }
        let more = format!(" +{}", figures::count(self.more));
        format!("{}{more}", figures::name(&self.subject, width.saturating_sub(more.len())))
    }
}

/// The counts of the title.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Rules by level: what the badge counts.
    pub(crate) badge: Badge,
    pub(crate) subjects: usize,
    /// The built-in checks among them.
    pub(crate) rules: usize,
}

impl Engine {
    /// One line for each check and each rule, the worst first, then in the order of the file.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = self.rule_ids().map(|id| self.line(id)).collect();
        lines.sort_by_key(|it| std::cmp::Reverse(it.level));
        lines
    }

    /// How many rules fire, of how many that look at how many subjects.
    pub(crate) fn summary(&self) -> Summary {
        let mut levels = Vec::new();
        let (mut subjects, mut rules) = (0, 0);
        for id in self.rule_ids() {
            let watched = self.watched.get(id.name());
            levels.push(watched.map_or(Level::Unknown, Watched::level));
            subjects += watched.map_or(0, |it| it.seen);
            rules += 1;
        }
        Summary { badge: Badge::of(levels), subjects, rules }
    }

    fn line(&self, id: RuleId<'_>) -> Line {
        let name = id.name();
        let watched = self.watched.get(name);
        let level = watched.map_or(Level::Unknown, Watched::level);
        let worst = watched.and_then(Watched::worst);
        let mut line = Line {
            level,
            rule: name.to_owned(),
            check: id.check(),
            subject: format!("all {}", watched.map_or(0, |it| it.seen)),
            more: 0,
            place: None,
            value: if level == Level::Unknown { "?" } else { "ok" }.to_owned(),
            limit: "–".to_owned(),
            since: None,
            sent: Sent::Nothing,
        };
        let key = worst.map(|it| it.0);
        let muted = self.at.and_then(|at| self.mutes.left(at.now, name, key));
        line.sent = muted.map_or(Sent::Nothing, Sent::Muted);
        let Some((_, subject, more)) = worst else { return line };
        line.subject.clone_from(&subject.name);
        line.more = more;
        line.place.clone_from(&subject.place);
        line.value.clone_from(&subject.value_text);
        line.limit.clone_from(&subject.limit_text);
        line.since = subject.firing.map(|it| it.since);
        if muted.is_none() {
            line.sent = self.outbox.sent(&self.rules, name, self.send_of(id));
        }
        line
    }
}
