//! What the checks look at: plain values, and whether they are known.

use std::collections::BTreeSet;

use kt_protocol::types::{NodeId, TopicPartition};

use super::Finding;
use crate::group_verdict::Verdict;
use crate::tui::model::throttles::Throttled;

/// Something that was asked of the cluster.
#[derive(Clone, Debug)]
pub(crate) enum Answer<T> {
    /// It did not come yet, or not for too long.
    Pending,
    /// It will not come, for this reason.
    Refused(String),
    Known(T),
}

impl<T> Answer<T> {
    pub(super) fn found(&self, look: impl FnOnce(&T) -> Finding) -> Finding {
        match self {
            Answer::Pending => Finding::unknown("not known yet"),
            Answer::Refused(why) => Finding::unknown(why),
            Answer::Known(facts) => look(facts),
        }
    }
}

/// All facts of one evaluation.
#[derive(Clone, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) brokers: Answer<Vec<BrokerFact<'a>>>,
    pub(crate) partitions: Answer<Vec<PartitionFact<'a>>>,
    pub(crate) quorum: Answer<QuorumFact>,
    pub(crate) directories: Answer<Vec<DirectoryFact<'a>>>,
    pub(crate) groups: Answer<Vec<GroupFact<'a>>>,
    pub(crate) moves: Answer<MovesFact>,
    /// Brokers that were down when anybody told last, however long ago: what they cause has their
    /// mark.
    pub(crate) down: BTreeSet<i32>,
}

/// A registered broker.
#[derive(Clone, Debug)]
pub(crate) struct BrokerFact<'a> {
    pub(crate) id: i32,
    /// Empty if only replicas name it.
    pub(crate) host: &'a str,
    pub(crate) port: i32,
    pub(crate) state: BrokerState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BrokerState {
    Up,
    Fenced,
    Down { since_ms: u64 },
}

/// A partition as Metadata tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartitionFact<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) leader: Option<NodeId>,
    pub(crate) replicas: &'a [NodeId],
    pub(crate) isr: &'a [NodeId],
    /// `min.insync.replicas`; `None` if the config is not known.
    pub(crate) min_isr: Option<usize>,
}

/// The metadata quorum.
#[derive(Clone, Debug)]
pub(crate) struct QuorumFact {
    pub(crate) leader: Option<i32>,
    pub(crate) epoch: i32,
    pub(crate) voters: Vec<VoterFact>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct VoterFact {
    pub(crate) id: i32,
    /// Records behind the leader; `None` if that is not told of it.
    pub(crate) lag: Option<u64>,
    /// Since it last fetched, in ms; `None` for the leader, and where nobody tells.
    pub(crate) last_fetch_ms: Option<u64>,
    /// Whether the quorum tells when its nodes fetched: from Kafka 3.3 on.
    pub(crate) is_timed: bool,
}

/// A log directory.
#[derive(Clone, Debug)]
pub(crate) struct DirectoryFact<'a> {
    pub(crate) broker: i32,
    pub(crate) path: &'a str,
    /// Of the volume, 0 to 1; `None` if the broker does not tell.
    pub(crate) used: Option<f64>,
    /// In ms.
    pub(crate) full_in_ms: Option<u64>,
    pub(crate) is_offline: bool,
    /// Its broker does not answer any more: this is from before.
    pub(crate) is_stale: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct GroupFact<'a> {
    pub(crate) name: &'a str,
    /// `None` while it is not known.
    pub(crate) verdict: Option<Verdict>,
    /// Of two equally bad ones the later is worse.
    pub(crate) late_ms: Option<u64>,
}

/// Reassignments, whoever started them.
#[derive(Clone, Debug, Default)]
pub(crate) struct MovesFact {
    pub(crate) running: usize,
    pub(crate) left_bytes: Option<u64>,
    /// In ms.
    pub(crate) eta_ms: Option<u64>,
    /// Those that copied nothing for 60 s.
    pub(crate) stalled: Vec<TopicPartition>,
    /// Topics and brokers with a throttle, in order; `None` while not all have told.
    pub(crate) throttled: Option<Vec<Throttled>>,
}
