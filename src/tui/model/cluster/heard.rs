//! When each question was answered last, and what has failed since.

use std::collections::BTreeMap;

use kt_client::{Error, ErrorKind};
use kt_protocol::ErrorCode;
use kt_protocol::types::{Millis, NodeId};
use serde::{Deserialize, Serialize};

use super::super::schedule::{Kind, Lane, Outcome};
use crate::tui::figures::Reading;

/// When each question was answered last, by what is asked of whom.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    pub(crate) lanes: BTreeMap<Lane, Heard>,
}

/// What came of one lane of questions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// When the last answer came.
    pub(crate) answered: Option<Millis>,
    /// What has failed since.
    pub(crate) failing: Option<Failing>,
}

/// A failure that came once or more often in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failing {
    /// The last one.
    pub(crate) failure: Failure,
    /// How often this kind of failure came in a row.
    pub(crate) times: u32,
    /// When the first of them came.
    pub(crate) since: Millis,
    /// When the last of them came.
    pub(crate) last: Millis,
}

/// Why a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    /// The broker's code, if one answered.
    pub(crate) code: Option<ErrorCode>,
    /// A sentence.
    pub(crate) words: String,
}

impl Failure {
    /// True if it is the same again, in whatever words.
    fn repeats(&self, other: &Failure) -> bool {
        (self.kind, self.code) == (other.kind, other.code)
    }

    /// What it means for asking again. A wrong password is not tried again and again: some
    /// clusters count.
    fn outcome(&self) -> Outcome {
        match self.kind {
            ErrorKind::Authorization
            | ErrorKind::Authentication
            | ErrorKind::Config
            | ErrorKind::Unsupported => Outcome::Refused,
            _ => Outcome::Failed,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure { kind: error.kind(), code: error.code(), words: error.to_string() }
    }
}

impl Hearing {
    pub(super) fn answered(&mut self, lane: Lane, at: Millis) {
        self.lanes.insert(lane, Heard { answered: Some(at), failing: None });
    }

    pub(super) fn failed(&mut self, lane: Lane, at: Millis, failure: Failure) -> Outcome {
        let heard = self.lanes.entry(lane).or_default();
        let outcome = failure.outcome();
        let (times, since) = match &heard.failing {
            Some(it) if it.failure.repeats(&failure) => (it.times.saturating_add(1), it.since),
            _ => (1, at),
        };
        heard.failing = Some(Failing { failure, times, since, last: at });
        outcome
    }

    /// When each lane of a kind was answered last, of brokers that count.
    pub(super) fn times(
        &self,
        kind: Kind,
        counts: impl Fn(NodeId) -> bool,
    ) -> impl Iterator<Item = Option<Millis>> {
        let of_kind = self.of_kind(kind);
        let counted = of_kind.filter(move |(lane, _)| lane.broker.is_none_or(&counts));
        counted.map(|(_, heard)| heard.answered)
    }

    /// Why nothing is known by a kind of question: the answer is awaited, or all of them that were
    /// asked refuse it or fail. What a cluster does not have is not there to be told.
    pub(crate) fn lack<T>(&self, kind: Kind) -> Reading<T> {
        let mut lack = Reading::Pending;
        for (_, it) in self.of_kind(kind) {
            match &it.failing {
                _ if it.answered.is_some() => return Reading::Pending,
                Some(it) if it.failure.kind == ErrorKind::Unsupported => lack = Reading::Missing,
                Some(_) => lack = Reading::Failed,
                None => {}
            }
        }
        lack
    }

    /// The same of what one broker tells.
    pub(crate) fn lack_of<T>(&self, kind: Kind, node: NodeId) -> Reading<T> {
        match self.lanes.get(&Lane { kind, broker: Some(node) }) {
            Some(Heard { answered: None, failing: Some(it) }) => match it.failure.kind {
                ErrorKind::Unsupported => Reading::Missing,
                _ => Reading::Failed,
            },
            _ => Reading::Pending,
        }
    }

    /// What a kind of question came to, at each broker.
    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (&Lane, &Heard)> {
        self.lanes.iter().filter(move |(lane, _)| lane.kind == kind)
    }

    /// All that fails now.
    pub(crate) fn failing(&self) -> impl Iterator<Item = (&Lane, &Failing)> {
        self.lanes.iter().filter_map(|(lane, heard)| Some((lane, heard.failing.as_ref()?)))
    }

    /// Forgets brokers that no longer belong to the cluster.
    pub(super) fn keep_brokers(&mut self, belongs: impl Fn(NodeId) -> bool) {
        self.lanes.retain(|lane, _| lane.broker.is_none_or(&belongs));
    }
}
