//! Plays a schedule against brokers that answer as a test tells them to, and writes down what was
//! asked. Time goes from one event to the next.

use std::fmt::Write;

use kt_protocol::types::NodeId;

use super::*;

/// How long a question is under way, and what comes of it.
pub(super) type Answered = (u64, Outcome);

#[derive(Default)]
pub(super) struct Play {
    pub(super) schedule: Schedule,
    pub(super) now: u64,
    /// What is under way: when it is answered, when it went out, and what comes of it.
    under_way: Vec<(u64, u64, Question, Outcome)>,
    /// What was asked, and when.
    pub(super) asked: Vec<(u64, Question)>,
}

impl Play {
    pub(super) fn new(kinds: &[Kind], world: &World) -> Play {
        let mut play = Play::default();
        play.schedule.need(needs(kinds));
        play.schedule.learn(world);
        play
    }

    /// Lets time pass up to `until`, what happens then included.
    pub(super) fn run(&mut self, until: u64, mut answer: impl FnMut(&Question, u64) -> Answered) {
        loop {
            self.deliver();
            let mut due = Vec::new();
            self.schedule.due(Millis(self.now), &mut due);
            for question in due {
                let in_lane = |it: &&(u64, u64, Question, Outcome)| it.2.lane == question.lane;
                let before = self.under_way.iter().find(in_lane);
                assert_eq!(before, None, "one request in flight");
                let (took, outcome) = answer(&question, self.now);
                self.under_way.push((self.now + took, self.now, question.clone(), outcome));
                self.asked.push((self.now, question));
            }
            let answers = self.under_way.iter().map(|it| it.0).min();
            let deadline = self.schedule.next_deadline().map(|it| it.0.max(self.now));
            let next = answers.into_iter().chain(deadline).min().filter(|it| *it <= until);
            match next {
                Some(next) => self.now = next,
                None => break,
            }
        }
        self.now = until;
    }

    fn deliver(&mut self) {
        let now = self.now;
        let (come, rest) = self.under_way.drain(..).partition(|it| it.0 <= now);
        self.under_way = rest;
        for (_, went, question, outcome) in come {
            self.schedule.answered(&question, Millis(now), now - went, outcome);
        }
    }

    /// How many questions of a kind went out since `from`.
    pub(super) fn count(&self, kind: Kind, from: u64) -> usize {
        self.asked.iter().filter(|(at, it)| from <= *at && it.lane.kind == kind).count()
    }

    /// What went out since the last call: seconds, kind, broker, part and items.
    pub(super) fn transcript(&mut self) -> String {
        let mut text = String::new();
        for (at, question) in self.asked.drain(..) {
            let Lane { kind, broker } = question.lane;
            let seconds = at as f64 / 1_000.0;
            write!(text, "{seconds:.2} {kind:?}").unwrap();
            if let Some(broker) = broker {
                write!(text, "@{broker}").unwrap();
            }
            if 0 < question.part {
                write!(text, " part {}", question.part).unwrap();
            }
            match question.ask.items() {
                0 => text.push('\n'),
                items => writeln!(text, " of {items}").unwrap(),
            }
        }
        text
    }
}

/// Every broker answers, and soon.
pub(super) fn quick(_: &Question, _: u64) -> Answered {
    (10, Outcome::Known)
}

pub(super) fn needs(kinds: &[Kind]) -> Needs {
    Needs { kinds: kinds.iter().copied().collect(), ..Needs::default() }
}

/// Topics of equal size, and groups, spread over brokers from 1 on.
pub(super) fn world(brokers: i32, topics: i32, partitions: i32, groups: i32) -> World {
    let brokers_up = (1..=brokers).map(NodeId).collect();
    let mut world = World { brokers: brokers_up, ..World::default() };
    for topic in 0..topics {
        let name = format!("topic-{topic:05}");
        for partition in 0..partitions {
            let leader = NodeId(1 + (topic * partitions + partition) % brokers);
            let it = TopicPartition::new(name.clone(), partition);
            world.leaders.entry(leader).or_default().push(it);
            world.partitions += 1;
            world.replicas += 3;
        }
        world.topics.push(name);
    }
    for group in 0..groups {
        let coordinator = NodeId(1 + group % brokers);
        let groups = world.coordinators.entry(coordinator).or_default();
        groups.push(format!("group-{group:05}"));
    }
    world
}
