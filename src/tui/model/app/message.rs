//! The message line: what was done, or what fails now.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kt_client::ErrorKind;
use kt_protocol::types::{Millis, NodeId};

use super::App;
use crate::tui::figures;
use crate::tui::model::checks::Level;
use crate::tui::model::cluster::heard::Failing;
use crate::tui::model::schedule::{Kind, Lane};

/// One line of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) level: Option<Level>,
    pub(crate) text: String,
    pub(crate) right: String,
    /// Until when it stays; what fails stays for as long as it does.
    until: Option<Millis>,
}

/// So many brokers are named.
const NAMED_MOST: usize = 3;
/// What was done is said for so long, in ms.
const SAID_MS: u64 = 8_000;

impl Message {
    /// Stays until there is something else.
    pub(super) fn standing(level: Option<Level>, text: String) -> Message {
        Message { level, text, right: String::new(), until: None }
    }
}

impl App {
    /// Says what was done.
    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.say_level(None, text);
    }

    /// Says what went wrong.
    pub(crate) fn say_level(&mut self, level: Option<Level>, text: impl Into<String>) {
        let until = Some(self.now.monotonic + SAID_MS);
        self.message = Some(Message { level, text: text.into(), right: String::new(), until });
    }

    /// What was said makes way for what fails, after a while.
    pub(super) fn renew_message(&mut self) {
        let stays = self.message.as_ref().and_then(|it| it.until);
        if stays.is_some_and(|until| self.now.monotonic < until) {
            return;
        }
        let says = || self.end_of_recording().or_else(|| self.page_says());
        self.message = says().or_else(|| self.staleness()).or_else(|| self.failure());
    }

    /// What the screen itself has to say.
    fn page_says(&self) -> Option<Message> {
        let (text, right) = self.page().says(self.now)?;
        Some(Message { level: None, text, right, until: None })
    }

    /// The picture is old: who answers, and who does not.
    fn staleness(&self) -> Option<Message> {
        let aged = self.age().filter(|it| it.is_stale())?;
        let age = figures::duration(aged.age);
        let (lane, failing) = self.worst_failure()?;
        let level = if aged.is_lost() { Level::Bad } else { Level::Warn };
        let name = if aged.is_lost() { "STALE" } else { "stale" };
        let says = if self.nobody_answers() {
            let next = self.next_try();
            let word = word(failing.failure.kind);
            let times = figures::count(u64::from(failing.times));
            format!("no broker answers ({word} ×{times}{next})")
        } else {
            self.who_answers().unwrap_or_else(|| self.described(lane, failing).1)
        };
        let text = format!("{name} {age}: {says}");
        Some(Message { level: Some(level), text, right: "r retry".to_owned(), until: None })
    }

    /// `5 of 6 brokers answer; broker 3 is shown as of 15:00:01`, by what the screen is made of.
    /// Nothing if all of them do.
    fn who_answers(&self) -> Option<String> {
        let brokers = &self.watch.cluster.brokers;
        let mut silent: BTreeMap<NodeId, Option<Millis>> = BTreeMap::new();
        for kind in self.page().kinds() {
            let since = self.now.monotonic.0.saturating_sub(2 * self.watch.schedule.rhythm(*kind));
            for (lane, heard) in self.heard(*kind) {
                let node = lane.broker.filter(|it| brokers.contains_key(it));
                let is_silent = heard.answered.is_none_or(|it| it.0 < since);
                if let Some(node) = node.filter(|_| is_silent) {
                    let oldest = silent.entry(node).or_insert(heard.answered);
                    *oldest = (*oldest).min(heard.answered);
                }
            }
        }
        for (node, broker) in brokers.iter().filter(|(_, it)| !it.is_up()) {
            silent.entry(*node).or_insert(Some(broker.since));
        }
        if silent.is_empty() {
            return None;
        }
        let answers =
            format!("{} of {} brokers answer", brokers.len() - silent.len(), brokers.len());
        let shown = silent.iter().filter_map(|(node, at)| Some((node.to_string(), (*at)?)));
        let (ids, times): (Vec<String>, Vec<Millis>) = shown.unzip();
        let none_answers = silent.len() == brokers.len();
        Some(match (ids.as_slice(), times.iter().min().map(|at| self.clock(*at))) {
            (_, Some(at)) if none_answers => format!("{answers}; shown as of {at}"),
            ([id], Some(at)) => format!("{answers}; broker {id} is shown as of {at}"),
            ([_, ..], Some(at)) if ids.len() <= NAMED_MOST => {
                format!("{answers}; brokers {} as of {at}", ids.join(" "))
            }
            _ => answers,
        })
    }

    /// A moment of our own clock as people tell it.
    fn clock(&self, at: Millis) -> String {
        let wall = self.now.wall.0.saturating_sub_unsigned(self.now.monotonic - at);
        let at = Timestamp::from_millisecond(wall).unwrap_or(Timestamp::UNIX_EPOCH);
        figures::clock_of(at, &self.setting.zone)
    }

    fn nobody_answers(&self) -> bool {
        let brokers = Lane { kind: Kind::Brokers, broker: None };
        let heard = self.watch.cluster.hearing.lanes.get(&brokers);
        // Who may not ask, or not in this way, was answered.
        let is_answer = |it: &Failing| {
            matches!(it.failure.kind, ErrorKind::Authorization | ErrorKind::Unsupported)
        };
        heard.and_then(|it| it.failing.as_ref()).is_some_and(|it| !is_answer(it))
    }

    fn next_try(&self) -> String {
        let brokers = Lane { kind: Kind::Brokers, broker: None };
        let next = self.watch.schedule.next_try(brokers);
        next.map_or_else(String::new, |at| {
            format!(", next in {}", figures::duration((at - self.now.monotonic).max(1_000)))
        })
    }

    /// What fails now, the worst of it.
    fn failure(&self) -> Option<Message> {
        let (lane, failing) = self.worst_failure()?;
        let (level, text) = self.described(lane, failing);
        let right = match failing.failure.kind {
            ErrorKind::Authorization => "d details".to_owned(),
            _ => self.clock(failing.last),
        };
        Some(Message { level: Some(level), text, right, until: None })
    }

    /// Of what is asked now, the failure that hides most: nobody answers, then one broker,
    /// then one request.
    fn worst_failure(&self) -> Option<(Lane, &Failing)> {
        let failing = || self.watch.cluster.hearing.failing();
        let asked = self.watch.schedule.asked(failing().map(|it| it.0));
        let failing = failing().filter(|(lane, _)| asked.contains(lane));
        // What a broker does not have is no news: its cells say so.
        let news = failing.filter(|(_, it)| it.failure.kind != ErrorKind::Unsupported);
        let worst = news.min_by_key(|(lane, it)| {
            (lane.kind, it.failure.kind == ErrorKind::Authorization, lane.broker)
        });
        worst.map(|(lane, it)| (*lane, it))
    }

    fn described(&self, lane: Lane, failing: &Failing) -> (Level, String) {
        let word = word(failing.failure.kind);
        if failing.failure.kind == ErrorKind::Authorization {
            let api = api(lane.kind);
            return (Level::Bad, format!("{word}: {api} denied; {} unknown", hidden(lane.kind)));
        }
        let subject = lane.broker.map_or_else(|| "the cluster".to_owned(), |it| self.broker(it));
        let times = match failing.times {
            1 => String::new(),
            times => format!(" ×{}", figures::count(u64::from(times))),
        };
        let next = self.watch.schedule.next_try(lane).map_or_else(String::new, |at| {
            let wait = (at - self.now.monotonic).max(1_000);
            format!(", next try in {}", figures::duration(wait))
        });
        let api = api(lane.kind);
        (Level::Bad, format!("{subject} did not answer {api}: {word}{times}{next}"))
    }

    /// `broker 3 (kafka-3:9092)`
    fn broker(&self, id: NodeId) -> String {
        let endpoint = self.watch.cluster.brokers.get(&id).and_then(|it| it.endpoint.as_ref());
        match endpoint {
            Some(it) => format!("broker {id} ({}:{})", it.host, it.port),
            None => format!("broker {id}"),
        }
    }
}

/// As exit codes are named.
fn word(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Authorization => "authorization",
        ErrorKind::Authentication => "authentication",
        ErrorKind::Unreachable => "unreachable",
        ErrorKind::TimedOut => "timed out",
        ErrorKind::Unsupported => "not supported",
        ErrorKind::NotFound => "not found",
        ErrorKind::Config => "config",
        _ => "error",
    }
}

/// What is asked, by Kafka's name of the request.
fn api(kind: Kind) -> &'static str {
    match kind {
        Kind::Brokers => "DescribeCluster",
        Kind::Metadata => "Metadata",
        Kind::LogEnds | Kind::LogStarts | Kind::SubjectEnds | Kind::SubjectStableEnds => {
            "ListOffsets"
        }
        Kind::Commits | Kind::SubjectCommits => "OffsetFetch",
        Kind::ShareCommits => "DescribeShareGroupOffsets",
        Kind::Groups => "ListGroups",
        Kind::Members => "DescribeGroups",
        Kind::Quorum => "DescribeQuorum",
        Kind::Moves => "ListPartitionReassignments",
        Kind::LogDirs | Kind::MovingLogDirs => "DescribeLogDirs",
        Kind::Configs | Kind::EntityConfigs => "DescribeConfigs",
        Kind::Ages => "Fetch",
        Kind::SubjectPartitions => "DescribeTopicPartitions",
    }
}

/// What cannot be shown without it.
fn hidden(kind: Kind) -> &'static str {
    match kind {
        Kind::Brokers => "brokers",
        Kind::Metadata | Kind::SubjectPartitions => "topics",
        Kind::LogEnds | Kind::LogStarts | Kind::SubjectEnds | Kind::SubjectStableEnds => "offsets",
        Kind::Commits | Kind::ShareCommits | Kind::SubjectCommits => "commits and lag",
        Kind::Groups => "groups",
        Kind::Members => "members",
        Kind::Quorum => "the quorum",
        Kind::Moves => "moves",
        Kind::LogDirs | Kind::MovingLogDirs => "sizes and disks",
        Kind::Configs | Kind::EntityConfigs => "configs",
        Kind::Ages => "the age of lag",
    }
}

#[cfg(test)]
mod tests;
