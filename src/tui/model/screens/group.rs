//! One group: what is wrong with it in a sentence, how its lag went, its partitions and members.

mod members;
mod partitions;

use std::collections::BTreeSet;

use kt_protocol::types::{Millis, NodeId, Now, TopicPartition};
use serde_json::{Value as Json, json};

pub(crate) use self::members::{MemberLine, Since};
pub(crate) use self::partitions::{ReadLine, Reader};
use super::groups::{self, GroupLine};
use crate::shell_words::quoted;
use crate::tui::history::store::{Metric, Subject as Charted};
use crate::tui::model::cluster::{Broker, Group};
use crate::tui::model::lag::{GroupFacts, Lag};
use crate::tui::model::listing::{List, Listing};
use crate::tui::model::page::{About, Page, Target};
use crate::tui::model::schedule::{Kind, Needs, Subject};
use crate::tui::model::screen::Screen;
use crate::tui::model::screens::topic::Standing;
use crate::tui::model::watch::{Watch, clocks};

/// The panes, in the order of Tab.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pane {
    #[default]
    Partitions,
    Members,
}

/// The screen.
#[derive(Debug, Default)]
pub(crate) struct GroupPage {
    /// Empty until one was opened.
    pub(crate) name: String,
    pub(crate) standing: Standing,
    /// All of it, as on groups.
    pub(crate) whole: Option<GroupLine>,
    pub(crate) coordinator: Option<NodeId>,
    pub(crate) assignor: Option<String>,
    /// Verdict, worst partition, reason.
    pub(crate) sentence: Option<String>,
    pub(crate) partitions: Listing<ReadLine>,
    pub(crate) members: Listing<MemberLine>,
    /// Why its members are not told.
    pub(crate) members_failure: Option<String>,
    pub(crate) pane: Pane,
    /// Who does not tell its groups, while nobody else knows this one.
    pub(crate) untold: Option<String>,
    /// Since when it is listed nowhere. It may be on its way to another coordinator.
    missed: Option<Millis>,
    /// Members, and when each was seen first.
    seen: members::Seen,
}

/// So many records are read to learn how old lag is.
const AGES_MAX: usize = 8;

impl GroupPage {
    fn renew_group(&mut self, watch: &Watch, group: &Group, now: Now) {
        self.whole = Some(groups::line(watch, &self.name, group));
        self.coordinator = Some(group.coordinator);
        let told = group.description.as_ref().map(|it| &it.value);
        self.assignor = told.and_then(|it| it.assignor.clone());
        self.members_failure = group.members_failure.as_ref().map(|it| it.words.clone());
        let facts = watch.group_facts(&self.name, now.monotonic);
        let cells = watch.groups.get(&self.name).map(|it| &it.cells);
        self.sentence = facts.as_ref().and_then(|facts| cells?.sentence(facts));
        let lines = facts.as_ref().map_or_else(Vec::new, |it| self.lines(it, group, now));
        self.renew_members(group, &lines, now.monotonic);
        self.partitions.take(now.monotonic, lines);
    }

    fn lines(&self, facts: &GroupFacts, group: &Group, now: Now) -> Vec<ReadLine> {
        let readers = partitions::Readers::of(group);
        let of_each = facts.each_partition(clocks(now));
        of_each.map(|(it, cells)| ReadLine::of(it, cells, readers.of_partition(&it.at))).collect()
    }

    fn renew_members(&mut self, group: &Group, lines: &[ReadLine], now: Millis) {
        let Some(told) = &group.description else { return };
        let members = &told.value.members;
        self.seen.look(members.iter().map(|it| it.member_id.as_str()), now);
        let lines = lines.iter().map(|it| (&it.at, it)).collect();
        let line = |it| MemberLine::of(it, &lines, &self.seen, now);
        let lines: Vec<MemberLine> = members.iter().map(line).collect();
        self.members.take(now, lines);
    }

    /// No broker lists it. That it is gone is said once every broker was heard later: a group that
    /// moves to another coordinator is listed nowhere for a while.
    fn renew_absent(&mut self, watch: &Watch, now: Millis) {
        let since = match self.standing {
            Standing::Here => *self.missed.get_or_insert(now),
            _ => Millis(0),
        };
        let brokers = &watch.cluster.brokers;
        let is_up = |id: NodeId| brokers.get(&id).is_none_or(Broker::is_up);
        let asked = watch.cluster.hearing.of_kind(Kind::Groups);
        let mut asked = asked.filter(|(lane, _)| lane.broker.is_none_or(is_up)).peekable();
        if asked.peek().is_none() {
            return;
        }
        let mut untold = None;
        for (lane, it) in asked {
            match &it.failing {
                _ if it.answered.is_some_and(|at| since < at) => {}
                Some(it) => {
                    let who = lane.broker.map_or_else(String::new, |id| format!("broker {id}: "));
                    untold = untold.or(Some(format!("{who}{}", it.failure.words)));
                }
                // It will answer.
                None => return,
            }
        }
        self.standing = match (self.standing, &untold) {
            (_, Some(_)) => Standing::Unknown,
            (Standing::Here | Standing::Deleted, None) => Standing::Deleted,
            (Standing::Unknown | Standing::Missing, None) => Standing::Missing,
        };
        self.untold = untold;
        self.clear();
    }

    /// Whether every broker that tells its groups knows none of this name.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self.standing, Standing::Deleted | Standing::Missing)
    }

    /// What it reads, as far as it is shown.
    fn read(&self) -> BTreeSet<TopicPartition> {
        self.partitions.all().map(|it| it.at.clone()).collect()
    }

    fn clear(&mut self) {
        self.whole = None;
        self.sentence = None;
        self.assignor = None;
        self.coordinator = None;
        self.members_failure = None;
        self.seen = members::Seen::default();
        self.partitions.clear();
        self.members.clear();
    }
}

impl Page for GroupPage {
    fn renew(&mut self, watch: &Watch, now: Now) {
        match watch.cluster.groups.get(&self.name) {
            Some(group) => {
                (self.standing, self.missed, self.untold) = (Standing::Here, None, None);
                self.renew_group(watch, group, now);
            }
            None => self.renew_absent(watch, now.monotonic),
        }
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Groups, Kind::Commits, Kind::ShareCommits, Kind::LogEnds]
    }

    fn needs(&self, watch: &Watch, needs: &mut Needs) {
        if self.name.is_empty() || self.is_absent() {
            return;
        }
        let name = self.name.clone();
        needs.subject = Some(Subject::Group { name: name.clone(), partitions: self.read() });
        needs.members.insert(name);
        // The worst of the group goes first, whatever is in sight.
        groups::add_ages(watch, &self.whole.iter().collect::<Vec<_>>(), needs);
        let (first, height) = self.partitions.seen();
        for it in self.partitions.shown().skip(first).take(height) {
            let is_late = matches!(it.cells.lag, Lag::Records(1..));
            let Some(committed) = watch.committed(&self.name, &it.at).filter(|_| is_late) else {
                continue;
            };
            let age = (it.at.clone(), committed);
            let is_asked = !watch.lacks_age(&it.at, committed) || needs.ages.contains(&age);
            if needs.ages.len() < AGES_MAX && !is_asked {
                needs.ages.push(age);
            }
        }
    }

    fn list(&self) -> &dyn List {
        match self.pane {
            Pane::Partitions => &self.partitions,
            Pane::Members => &self.members,
        }
    }

    fn list_mut(&mut self) -> &mut dyn List {
        match self.pane {
            Pane::Partitions => &mut self.partitions,
            Pane::Members => &mut self.members,
        }
    }

    fn pane_mut(&mut self, pane: usize) -> Option<&mut dyn List> {
        match pane {
            0 => Some(&mut self.partitions),
            1 => Some(&mut self.members),
            _ => None,
        }
    }

    fn panes(&self) -> usize {
        2
    }

    fn focused(&self) -> usize {
        self.pane as usize
    }

    fn focus(&mut self, pane: usize) {
        self.pane = if pane == 0 { Pane::Partitions } else { Pane::Members };
    }

    fn set_about(&mut self, about: &About) {
        let About::Group(name) = about else { return };
        self.pane = Pane::Partitions;
        if self.name != *name {
            self.name.clone_from(name);
            self.standing = Standing::Unknown;
            (self.missed, self.untold) = (None, None);
            self.clear();
        }
    }

    fn about(&self) -> About {
        match self.name.is_empty() {
            true => About::Cluster,
            false => About::Group(self.name.clone()),
        }
    }

    fn open(&self, _watch: &Watch) -> Option<Target> {
        let at = match self.pane {
            Pane::Partitions => self.partitions.line()?,
            // A member is where it reads: its first partition.
            Pane::Members => {
                let first = self.members.line()?.assignment.first()?.to_string();
                self.partitions.get(&first)?
            }
        };
        let about = About::Partition {
            topic: at.at.topic.clone(),
            partition: at.at.partition.0,
            offset: at.committed,
        };
        Some(Target::about(Screen::Records, about))
    }

    fn kt_line(&self) -> String {
        let members = if self.pane == Pane::Members { " --members" } else { "" };
        format!("kt groups describe {}{members}", quoted(&self.name))
    }

    fn details(&self, _watch: &Watch) -> Option<Json> {
        match self.pane {
            Pane::Partitions => Some(self.partitions.line()?.json()),
            Pane::Members => serde_json::to_value(self.members.line()?).ok(),
        }
    }

    fn charts(&self) -> Vec<(Charted, Metric)> {
        let metrics = [Metric::Lag, Metric::RecordsOut, Metric::GroupIn];
        metrics.map(|it| (Charted::Group(self.name.clone()), it)).to_vec()
    }

    fn json(&self) -> Json {
        json!({
            "group": self.whole.as_ref().map(GroupLine::json),
            "sentence": self.sentence,
            "coordinator": self.coordinator.map(|it| it.0),
            "assignor": self.assignor,
            "partitions": self.partitions.shown().map(ReadLine::json).collect::<Vec<_>>(),
            "members": self.members.shown().collect::<Vec<_>>(),
        })
    }
}
