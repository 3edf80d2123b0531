//! How moves of partitions get on, whoever started them.

use std::collections::{BTreeMap, VecDeque};

use kt_protocol::types::{Millis, NodeId, TopicPartition};

use crate::tui::model::cluster::Cluster;
use crate::tui::model::cluster::topics::{Partition, StoredAs};

/// What is known of moves beside that they run.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    seen: BTreeMap<TopicPartition, VecDeque<(Millis, u64)>>,
    /// Moves that ended while we watched.
    pub(crate) finished: usize,
}

/// One move, as far as sizes tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    /// Of what the new replicas will take, 0 to 1.
    pub(crate) done: Option<f64>,
    /// In bytes.
    pub(crate) left: Option<u64>,
    /// Bytes a second.
    pub(crate) rate: Option<f64>,
    /// In ms.
    pub(crate) eta_ms: Option<u64>,
    /// Nothing was copied for a minute.
    pub(crate) is_stalled: bool,
}

/// Samples older than this count no more, in ms.
const WINDOW_MS: u64 = 60_000;
const SAMPLES_MAX: usize = 64;

impl Moves {
    /// Takes over which moves run, and how large their replicas are.
    pub(super) fn observe(&mut self, cluster: &Cluster, at: Millis) {
        let Some(running) = &cluster.moves else { return };
        let before = self.seen.len();
        self.seen.retain(|it, _| running.contains_key(it));
        self.finished += before - self.seen.len();
        for (partition, it) in running {
            let samples = self.seen.entry(partition.clone()).or_default();
            let Some((_, left)) = sizes(cluster, partition, &it.adding) else { continue };
            let is_new = samples.back().is_none_or(|(_, known)| *known != left)
                || samples.back().is_some_and(|(seen, _)| 5_000 <= at - *seen);
            if is_new {
                samples.push_back((at, left));
            }
            let is_old = |it: Option<&(Millis, u64)>| it.is_some_and(|it| WINDOW_MS < at - it.0);
            // One sample from before the window is kept, so that the window is full.
            while SAMPLES_MAX < samples.len() || is_old(samples.get(1)) {
                samples.pop_front();
            }
        }
    }

    pub(crate) fn progress(
        &self,
        cluster: &Cluster,
        partition: &TopicPartition,
        adding: &[i32],
    ) -> Progress {
        let Some((whole, left)) = sizes(cluster, partition, adding) else {
            return Progress::default();
        };
        let done = (0 < whole).then(|| whole.saturating_sub(left) as f64 / whole as f64);
        let mut progress = Progress { done, left: Some(left), ..Progress::default() };
        let samples = self.seen.get(partition);
        let ends = samples.and_then(|it| it.front().zip(it.back()));
        if let Some(((from, before), (to, now))) = ends
            && from < to
        {
            let elapsed = *to - *from;
            let copied = before.saturating_sub(*now) as f64;
            let rate = copied * 1_000.0 / elapsed as f64;
            progress.rate = Some(rate);
            progress.is_stalled = copied == 0.0 && WINDOW_MS <= elapsed && 0 < left;
            if 0.0 < rate {
                progress.eta_ms = Some((left as f64 / rate * 1_000.0) as u64);
            }
        }
        progress
    }
}

/// What the new replicas will take, and what they lack.
fn sizes(cluster: &Cluster, partition: &TopicPartition, adding: &[i32]) -> Option<(u64, u64)> {
    let it = cluster.partition(partition)?;
    let whole = stored(it, it.leader?)?;
    let lacks = |id: &i32| whole.saturating_sub(stored(it, NodeId(*id)).unwrap_or(0));
    let left = adding.iter().map(lacks).fold(0, u64::saturating_add);
    Some((whole.saturating_mul(adding.len() as u64), left))
}

fn stored(it: &Partition, on: NodeId) -> Option<u64> {
    it.stored.get(&(on, StoredAs::Current)).map(|it| it.size.value)
}
