//! The message line: what was done, or what fails now.

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

/// What was done is said for so long, in ms.
const SAID_MS: u64 = 8_000;

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
        let says = || self.page_says();
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
        let cluster = &self.watch.cluster;
        let (up, all) = (cluster.up().count(), cluster.brokers.len());
        let age = figures::duration(aged.age);
        let (_, failing) = self.worst_failure()?;
        let (level, text) = if aged.is_lost() && self.nobody_answers() {
            let next = self.next_try();
            let word = word(failing.failure.kind);
            let times = figures::count(u64::from(failing.times));
            (Level::Bad, format!("STALE {age}: no broker answers ({word} ×{times}{next})"))
        } else {
            let level = if aged.is_lost() { Level::Bad } else { Level::Warn };
            let name = if aged.is_lost() { "STALE" } else { "stale" };
            (level, format!("{name} {age}: {up} of {all} brokers answer"))
        };
        Some(Message { level: Some(level), text, right: "r retry".to_owned(), until: None })
    }

    fn nobody_answers(&self) -> bool {
        let brokers = Lane { kind: Kind::Brokers, broker: None };
        let heard = self.watch.cluster.hearing.lanes.get(&brokers);
        heard.is_some_and(|it| it.failing.is_some())
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
        let ago = self.now.monotonic - failing.last;
        let at = self.now.wall.0.saturating_sub_unsigned(ago);
        let at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
        let right = match failing.failure.kind {
            ErrorKind::Authorization => "d details".to_owned(),
            _ => figures::clock_of(at, &self.setting.zone),
        };
        Some(Message { level: Some(level), text, right, until: None })
    }

    /// Of what the screens need, the failure that hides most: nobody answers, then one broker,
    /// then one request.
    fn worst_failure(&self) -> Option<(Lane, &Failing)> {
        let failing = self.watch.cluster.hearing.failing();
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
