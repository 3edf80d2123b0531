//! What is asked of brokers, and when: the table of refreshes as a machine.
//!
//! A lane is a kind of question and the broker that it goes to. A lane has one request under way;
//! what does not fit one request goes out as parts, one after the other, and makes a round. The
//! machine is told what is needed and what the cluster looks like, and reads no clock.
//!
//! Around it goes a loop: perform what is `due`, fold each answer into the cluster, give what that
//! made of it to `answered`, and `learn` the cluster's world again after answers of brokers,
//! metadata, groups and moves.

mod cost;
mod kind;
mod pace;
mod question;
mod world;

#[cfg(test)]
mod minute_tests;
#[cfg(test)]
mod play;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use kt_protocol::types::{Millis, Offset, TopicPartition};

pub(crate) use cost::Cost;
use cost::Spent;
pub(crate) use kind::Kind;
use kind::Place;
pub(crate) use pace::Outcome;
use pace::{Pace, Part};
pub(crate) use question::{Ask, Lane, Question, WhichOffset};
use world::Split;
pub(crate) use world::World;

use crate::config_entity::ConfigEntity;

/// What the screen and the alerts need to know now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Kinds that are asked of the whole cluster.
    pub(crate) kinds: BTreeSet<Kind>,
    /// The groups on screen: their members are asked for.
    pub(crate) members: BTreeSet<String>,
    /// The worst partitions of visible late groups, each with its commit. The first eight count.
    pub(crate) ages: Vec<(TopicPartition, Offset)>,
    /// What the screen is about.
    pub(crate) subject: Option<Subject>,
    /// What the screen shows all configs of.
    pub(crate) configs_of: Option<ConfigEntity>,
}

/// The one thing that a screen is about; it is asked for more often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A topic.
    Topic(String),
    /// A group, and the partitions that it reads.
    Group { name: String, partitions: BTreeSet<TopicPartition> },
}

/// Decides what is asked next.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    needs: Needs,
    world: Split,
    lanes: BTreeMap<Lane, Pace>,
    activity: Activity,
    spent: Spent,
}

/// Whether anybody could look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Activity {
    #[default]
    Running,
    Suspended,
    /// Others ask: their answers are followed.
    Following,
}

/// From here on intervals grow in proportion to the partitions.
const PARTITIONS_AT_BASE: u64 = 10_000;
/// Up to here sizes are asked for often.
const REPLICAS_OF_SMALL: usize = 2_000;
const SMALL_LOG_DIRS_MS: u64 = 5_000;
/// A hundred answers may say that leaders changed: one question follows.
const CALM_MS: u64 = 1_000;
/// Topics that come and go do not make everything be read again each time.
const NEW_TOPICS_MS: u64 = 60_000;

impl Schedule {
    /// Takes over what is needed from now on. What is needed again goes on in its old rhythm.
    pub(crate) fn need(&mut self, needs: Needs) {
        if needs.configs_of.is_some() && needs.configs_of != self.needs.configs_of {
            self.ask_other_configs();
        }
        self.needs = needs;
    }

    /// The rhythm of the configs of one entity says nothing of another one.
    fn ask_other_configs(&mut self) {
        let lane = Lane { kind: Kind::EntityConfigs, broker: None };
        match self.lanes.get_mut(&lane) {
            Some(pace) if pace.is_under_way() => pace.hurry(Millis(0), CALM_MS),
            _ => drop(self.lanes.remove(&lane)),
        }
    }

    /// Takes over what the cluster looks like: whom to ask, and for what.
    pub(crate) fn learn(&mut self, world: &World) {
        let has_new_topics = self.world.lacks_a_topic_of(world);
        self.world = Split::of(world);
        let is_there = |lane: &Lane| lane.broker.is_none_or(|it| world.brokers.contains(&it));
        self.lanes.retain(|lane, pace| is_there(lane) || pace.is_under_way());
        let configs = self.lanes.get_mut(&Lane { kind: Kind::Configs, broker: None });
        if let Some(configs) = configs.filter(|_| has_new_topics) {
            configs.hurry_after(NEW_TOPICS_MS);
        }
    }

    /// Adds what is to be asked now. Each must come back through `answered`.
    pub(crate) fn due(&mut self, now: Millis, questions: &mut Vec<Question>) {
        if self.activity != Activity::Running {
            return;
        }
        let wanted = self.wanted();
        self.drop_unwanted_parts(&wanted);
        for lane in wanted {
            let interval = self.interval(lane.kind);
            let pace = self.lanes.entry(lane).or_default();
            if pace.due_at(lane.kind, interval).is_some_and(|due| due <= now) {
                pace.begin(now, self.world.parts(lane, &self.needs));
            }
            let Some((Part { part, parts }, ask)) = pace.next_part() else { continue };
            self.spent.add(now, cost::bytes(&ask, &self.world));
            questions.push(Question { lane, part, parts, ask });
        }
    }

    /// Takes note of an answer. `took` is how long it was under way, in milliseconds.
    pub(crate) fn answered(
        &mut self,
        question: &Question,
        now: Millis,
        took: u64,
        outcome: Outcome,
    ) {
        let kind = question.lane.kind;
        let interval = self.interval(kind);
        if self.activity == Activity::Following {
            let pace = self.lanes.entry(question.lane).or_default();
            let part = Part { part: question.part, parts: question.parts };
            pace.begin_again(part, Millis(now.0.saturating_sub(took)), &question.ask);
        }
        let Some(pace) = self.lanes.get_mut(&question.lane) else { return };
        let was_failing = pace.is_failing();
        pace.answered(question.part, now, took, outcome, interval);
        if kind == Kind::Brokers && was_failing && !pace.is_failing() {
            self.retry_failed(now);
        }
        if let (Outcome::Changed, Some(follows)) = (outcome, kind.follows_change()) {
            self.hurry(follows, now);
        }
    }

    /// Asks for this kind at once, or as soon as the last question is a second old: something has
    /// changed that only it tells.
    pub(crate) fn hurry(&mut self, kind: Kind, now: Millis) {
        let of_kind = self.lanes.iter_mut().filter(|(lane, _)| lane.kind == kind);
        for (_, pace) in of_kind {
            pace.hurry(now, CALM_MS);
        }
    }

    /// Asks for everything that is needed now, and for what was refused before.
    pub(crate) fn refresh(&mut self, now: Millis) {
        for pace in self.lanes.values_mut() {
            pace.refresh(now);
        }
    }

    /// The cluster is there again: what failed with it need not wait for its next try.
    fn retry_failed(&mut self, now: Millis) {
        for pace in self.lanes.values_mut().filter(|it| it.is_failing()) {
            pace.hurry(now, CALM_MS);
        }
    }

    /// Nothing is asked until `resume`: nobody can look.
    pub(crate) fn suspend(&mut self) {
        self.change(Activity::Running, Activity::Suspended);
    }

    /// Somebody can look again.
    pub(crate) fn resume(&mut self) {
        self.change(Activity::Suspended, Activity::Running);
    }

    /// Nothing is asked ever: answers come that others asked for.
    pub(crate) fn follow(&mut self) {
        self.activity = Activity::Following;
    }

    fn change(&mut self, from: Activity, to: Activity) {
        if self.activity == from {
            self.activity = to;
        }
    }

    /// When `due` has something next, if no answer comes before.
    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        if self.activity != Activity::Running {
            return None;
        }
        self.wanted().into_iter().filter_map(|lane| self.next_try(lane)).min()
    }

    /// When this lane is asked next; `None` while it is asked, and if only `refresh` asks it.
    pub(crate) fn next_try(&self, lane: Lane) -> Option<Millis> {
        match self.lanes.get(&lane) {
            None => Some(Millis(0)),
            Some(pace) if pace.has_part() => Some(Millis(0)),
            Some(pace) => pace.due_at(lane.kind, self.interval(lane.kind)),
        }
    }

    /// Of these lanes those that are asked, by what is needed now.
    pub(crate) fn asked<'a>(&self, lanes: impl Iterator<Item = &'a Lane>) -> BTreeSet<Lane> {
        let mut lanes = lanes.copied().peekable();
        if lanes.peek().is_none() {
            return BTreeSet::new();
        }
        let wanted = self.wanted();
        lanes.filter(|it| wanted.contains(it)).collect()
    }

    /// How often this kind is asked for where it is answered, in milliseconds: slow answers count,
    /// failures do not. Older answers than two of these are stale.
    pub(crate) fn rhythm(&self, kind: Kind) -> u64 {
        let interval = self.interval(kind);
        let of_kind = self.lanes.iter().filter(|(lane, _)| lane.kind == kind);
        of_kind.map(|(_, pace)| pace.rhythm(interval)).max().unwrap_or(interval)
    }

    /// Whether everything that is needed was answered, or refused; what rates are made of twice.
    pub(crate) fn is_settled(&self) -> bool {
        self.world.is_known() && self.unsettled().is_empty()
    }

    /// What of it was not, as far as it is known what is needed.
    pub(crate) fn unsettled(&self) -> BTreeSet<Kind> {
        let is_settled = |lane: &Lane| {
            self.lanes.get(lane).is_some_and(|pace| pace.is_settled(lane.kind.is_sampled()))
        };
        let wanted = self.wanted();
        wanted.iter().filter(|it| !is_settled(it)).map(|it| it.kind).collect()
    }

    /// What all this costs, over the last half minute.
    pub(crate) fn cost(&self, now: Millis) -> Cost {
        self.spent.cost(now)
    }

    /// The interval of a kind in this cluster, in milliseconds.
    fn interval(&self, kind: Kind) -> u64 {
        if kind == Kind::LogDirs && self.world.replicas <= REPLICAS_OF_SMALL {
            return SMALL_LOG_DIRS_MS;
        }
        if !kind.grows_with_partitions() {
            return kind.every();
        }
        let partitions = self.world.partitions.max(PARTITIONS_AT_BASE);
        kind.every().saturating_mul(partitions) / PARTITIONS_AT_BASE
    }

    /// The lanes that somebody needs, those without anything to ask for left out.
    fn wanted(&self) -> BTreeSet<Lane> {
        Kind::ALL.into_iter().flat_map(|it| self.lanes(it)).collect()
    }

    /// Those of one kind: whoever leads or coordinates nothing is not asked for that.
    pub(crate) fn lanes(&self, kind: Kind) -> Vec<Lane> {
        match kind.place() {
            _ if !self.is_needed(kind) => Vec::new(),
            Place::Anywhere => vec![Lane { kind, broker: None }],
            Place::There => self.world.lanes(kind, &self.needs),
        }
    }

    fn is_needed(&self, kind: Kind) -> bool {
        match kind {
            Kind::Members => !self.needs.members.is_empty(),
            Kind::Ages => !self.needs.ages.is_empty(),
            Kind::SubjectEnds | Kind::SubjectStableEnds => self.needs.subject.is_some(),
            Kind::SubjectPartitions => matches!(self.needs.subject, Some(Subject::Topic(_))),
            Kind::SubjectCommits => matches!(self.needs.subject, Some(Subject::Group { .. })),
            Kind::EntityConfigs => self.needs.configs_of.is_some(),
            // Where sizes come every few seconds anyway, moves need none of their own.
            Kind::MovingLogDirs => {
                self.needs.kinds.contains(&kind) && kind.every() < self.interval(Kind::LogDirs)
            }
            Kind::Configs => self.needs.kinds.contains(&kind) && self.world.is_known(),
            _ => self.needs.kinds.contains(&kind),
        }
    }

    /// A round that nobody waits for any more ends with the part that is under way.
    fn drop_unwanted_parts(&mut self, wanted: &BTreeSet<Lane>) {
        let unwanted = self.lanes.iter_mut().filter(|(lane, _)| !wanted.contains(lane));
        for (_, pace) in unwanted {
            pace.drop_parts();
        }
    }
}
