//! What the lines of a recording say.
//!
//! The question of an answer follows from the answer: what was asked for is what was told. Of what
//! failed, the kind of question and whom it went to are enough.

use std::borrow::Cow;

use jiff::Timestamp as Wall;
use kt_protocol::types::{Millis, NodeId, Now, Offset, Timestamp};
use serde::{Deserialize, Serialize};

use crate::tui::model::cluster::{Failure, Said};
use crate::tui::model::schedule::{Ask, Kind, Lane, Question, WhichOffset};

/// The form that this kt writes, and the newest that it reads.
pub(crate) const SCHEMA: u32 = 1;

/// The first line: what this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    kind: HeaderKind,
    pub(crate) schema: u32,
    /// The version that wrote it.
    pub(crate) kt: String,
    pub(crate) began: Wall,
    /// The name of the context; the address, where there was none.
    pub(crate) context: String,
    /// Flags that reach the same cluster; none where names are hidden.
    pub(crate) reach: Option<String>,
    /// Whether changes were locked.
    pub(crate) protected: bool,
    /// Whether names are stand-ins.
    pub(crate) redacted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum HeaderKind {
    Recording,
}

/// What every first line has, whatever its schema.
#[derive(Deserialize)]
pub(super) struct AnySchema {
    #[expect(dead_code, reason = "that it is there is what counts")]
    kind: HeaderKind,
    pub(super) schema: u32,
}

impl Header {
    pub(crate) fn new(began: Wall, context: String, reach: String, protected: bool) -> Header {
        Header {
            kind: HeaderKind::Recording,
            schema: SCHEMA,
            kt: env!("CARGO_PKG_VERSION").to_owned(),
            began,
            context,
            reach: Some(reach),
            protected,
            redacted: false,
        }
    }
}

/// An answer, and when it came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) at: Now,
    pub(crate) lane: Lane,
    /// Which part of its round it answers, and how many that had.
    pub(crate) part: usize,
    pub(crate) parts: usize,
    /// How long it was under way, in ms.
    pub(crate) took: u64,
    pub(crate) said: Result<Said, Failure>,
}

/// The line of an answer, but for when it came.
#[derive(Serialize)]
struct Body<'a> {
    asked: Kind,
    broker: Option<NodeId>,
    part: usize,
    of: usize,
    took: u64,
    said: &'a Result<Said, Failure>,
}

/// The same as it is read.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    wall: i64,
    ms: u64,
    asked: Kind,
    broker: Option<NodeId>,
    part: usize,
    #[serde(default)]
    of: usize,
    took: u64,
    said: Result<Said, Failure>,
}

/// When a line is of; nothing else of it is read.
pub(super) struct When(Option<Wall>);

/// What every line has, whatever else a later kt writes into it.
#[derive(Deserialize)]
struct AnyLine<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
}

/// What the line of an answer begins with.
#[derive(Deserialize)]
struct Came {
    wall: i64,
}

impl When {
    pub(super) fn of(line: &[u8]) -> serde_json::Result<When> {
        if !is_answer(line)? {
            return Ok(When(None));
        }
        let Came { wall } = serde_json::from_slice(line)?;
        Ok(When(Wall::from_millisecond(wall).ok()))
    }

    /// What the wall clock showed when the answer came, if it is one.
    pub(super) fn wall(&self) -> Option<Wall> {
        self.0
    }
}

const ANSWER: &str = "Answer";

fn is_answer(line: &[u8]) -> serde_json::Result<bool> {
    let it: AnyLine<'_> = serde_json::from_slice(line)?;
    Ok(it.kind == ANSWER)
}

/// All of an answer's line but its beginning: what takes long to write is written before it is
/// known when it counts.
pub(crate) fn body(
    question: &Question,
    said: &Result<Said, Failure>,
    took: u64,
) -> serde_json::Result<Vec<u8>> {
    let Question { lane: Lane { kind, broker }, part, parts, .. } = *question;
    let mut bytes = serde_json::to_vec(&Body { asked: kind, broker, part, of: parts, took, said })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// What goes before a body, instead of the brace that it begins with.
pub(crate) fn beginning(at: Now) -> String {
    format!(r#"{{"kind":"{ANSWER}","wall":{},"ms":{},"#, at.wall.0, at.monotonic.0)
}

/// Our clock counts from a start: what is larger is damage, and would overflow.
const MS_MAX: u64 = 1 << 52;
/// No round has more parts.
const PARTS_MAX: usize = 1 << 20;

impl Entry {
    /// Reads a line; `None` of a kind that a later kt may write.
    pub(super) fn parse(line: &[u8]) -> Result<Option<Entry>, String> {
        let it: Line<'_> = match serde_json::from_slice(line) {
            Ok(it) => it,
            Err(_) if is_answer(line).is_ok_and(|it| !it) => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        if it.kind != ANSWER {
            return Ok(None);
        }
        if MS_MAX < it.ms || MS_MAX < it.took || Wall::from_millisecond(it.wall).is_err() {
            return Err("a time out of range".to_owned());
        }
        if PARTS_MAX < it.part || PARTS_MAX < it.of {
            return Err("a round of too many parts".to_owned());
        }
        if it.said.as_ref().is_ok_and(|it| !has_possible_offsets(it)) {
            return Err("an offset below zero".to_owned());
        }
        Ok(Some(Entry {
            at: Now { monotonic: Millis(it.ms), wall: Timestamp(it.wall) },
            lane: Lane { kind: it.asked, broker: it.broker },
            part: it.part,
            // Where nothing is said of parts, each is as good as the last one.
            parts: it.of.max(it.part + 1),
            took: it.took,
            said: it.said,
        }))
    }

    /// The question that this answers.
    pub(crate) fn question(&self) -> Question {
        let ask = match &self.said {
            Ok(said) => asked(said, self.lane.kind),
            Err(_) => of_kind(self.lane.kind),
        };
        Question { lane: self.lane, part: self.part, parts: self.parts, ask }
    }
}

/// Whether its offsets are such as a client hears them: the difference of any two is a number.
fn has_possible_offsets(said: &Said) -> bool {
    let is_possible = |it: Offset| 0 <= it.0;
    let is_none_or = |it: Option<Offset>| it.is_none_or(is_possible);
    match said {
        Said::Offsets(_, found) => found.values().flatten().all(|it| is_none_or(it.offset)),
        Said::Commits(found) => {
            let commits = found.values().flatten().flat_map(|it| it.values().flatten());
            commits.map(|it| it.offset).all(is_possible)
        }
        Said::ShareCommits(found) => {
            let shares = found.values().flatten().flat_map(|it| it.values().flatten());
            shares.map(|it| it.start).all(is_none_or)
        }
        Said::Ages(found) => found.iter().map(|it| it.1).all(is_possible),
        Said::Quorum(quorum) => {
            let ends = quorum.voters.iter().chain(&quorum.observers).map(|it| it.log_end);
            // A leader that was just elected knows of none.
            Offset(-1) <= quorum.high_watermark && ends.into_iter().all(is_none_or)
        }
        _ => true,
    }
}

fn asked(said: &Said, kind: Kind) -> Ask {
    match said {
        Said::Offsets(which, found) => Ask::Offsets(*which, found.keys().cloned().collect()),
        Said::Commits(found) => Ask::Commits(found.keys().cloned().collect()),
        Said::ShareCommits(found) => Ask::ShareCommits(found.keys().cloned().collect()),
        Said::Members(found) => Ask::Members(found.keys().cloned().collect()),
        Said::TopicConfigs(found) => Ask::TopicConfigs(found.keys().cloned().collect()),
        Said::Ages(found) => Ask::Ages(found.iter().map(|it| (it.0.clone(), it.1)).collect()),
        Said::Topic(topic) => Ask::Topic(topic.name.clone()),
        Said::EntityConfigs(entity, _) => Ask::EntityConfigs(entity.clone()),
        Said::BrokerConfigs(_) => Ask::BrokerConfigs,
        Said::Brokers(_)
        | Said::Metadata { .. }
        | Said::Groups(_)
        | Said::Quorum(_)
        | Said::Moves(_)
        | Said::LogDirs(_) => of_kind(kind),
    }
}

/// What is asked in a lane of this kind, of nothing by name.
fn of_kind(kind: Kind) -> Ask {
    match kind {
        Kind::Brokers => Ask::Brokers,
        Kind::Metadata => Ask::Metadata,
        Kind::LogStarts => Ask::Offsets(WhichOffset::Start, [].into()),
        Kind::LogEnds | Kind::SubjectEnds => Ask::Offsets(WhichOffset::End, [].into()),
        Kind::SubjectStableEnds => Ask::Offsets(WhichOffset::StableEnd, [].into()),
        Kind::Commits | Kind::SubjectCommits => Ask::Commits([].into()),
        Kind::ShareCommits => Ask::ShareCommits([].into()),
        Kind::Groups => Ask::Groups,
        Kind::Members => Ask::Members([].into()),
        Kind::Quorum => Ask::Quorum,
        Kind::Moves => Ask::Moves,
        Kind::LogDirs | Kind::MovingLogDirs => Ask::LogDirs,
        Kind::Configs | Kind::EntityConfigs => Ask::TopicConfigs([].into()),
        Kind::Ages => Ask::Ages([].into()),
        Kind::SubjectPartitions => Ask::Topic(String::new()),
    }
}
