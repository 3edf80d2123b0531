//! How moves of partitions get on, whoever started them.

use std::collections::{BTreeMap, VecDeque};

use kt_client::admin::Reassignment;
use kt_protocol::types::{Millis, NodeId, TopicPartition};

use crate::tui::model::cluster::Cluster;
use crate::tui::model::cluster::topics::{Partition, StoredAs};

/// What is known of moves beside that they run.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    seen: BTreeMap<TopicPartition, Seen>,
    /// Those that run no more, until it is known whether they came to their end.
    ended: BTreeMap<TopicPartition, Reassignment>,
    /// Moves that came to their end while we watched.
    pub(crate) finished: usize,
}

#[derive(Debug)]
struct Seen {
    moving: Reassignment,
    samples: VecDeque<Sample>,
}

/// In bytes.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Millis,
    left: u64,
    /// What the new replicas have: it grows by what is copied, whatever the leader gets meanwhile.
    copied: u64,
}

/// Whether moves that ran before run no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    None,
    Some,
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
/// A size that stays is sampled so often, in ms.
const SAMPLE_MS: u64 = 5_000;

impl Moves {
    /// Takes over which moves run, and how large their replicas are.
    pub(super) fn observe(&mut self, cluster: &Cluster, at: Millis) -> Ended {
        let Some(running) = &cluster.moves else { return Ended::None };
        let mut ended = Ended::None;
        for (partition, seen) in std::mem::take(&mut self.seen) {
            if running.contains_key(&partition) {
                self.seen.insert(partition, seen);
            } else {
                ended = Ended::Some;
                self.ended.insert(partition, seen.moving);
            }
        }
        for (partition, moving) in running {
            self.ended.remove(partition);
            let new = || Seen { moving: moving.clone(), samples: VecDeque::new() };
            let seen = self.seen.entry(partition.clone()).or_insert_with(new);
            if seen.moving != *moving {
                *seen = new();
            }
            if let Some(sizes) = sizes(cluster, partition, &moving.adding) {
                seen.sample(Sample { at, left: sizes.left, copied: sizes.copied });
            }
        }
        ended
    }

    /// Counts those that came to their end, as soon as it is told who has the replicas now: others
    /// were taken back, or their topic is gone.
    pub(super) fn settle(&mut self, cluster: &Cluster) {
        for (partition, moved) in std::mem::take(&mut self.ended) {
            let Some(it) = cluster.partition(&partition) else { continue };
            let has = |id: &i32| it.replicas.contains(&NodeId(*id));
            match (moved.adding.iter().all(has), moved.removing.iter().any(has)) {
                (true, false) => self.finished += 1,
                // So it stood while it ran: somebody will tell.
                (true, true) => drop(self.ended.insert(partition, moved)),
                (false, _) => {}
            }
        }
    }

    pub(crate) fn progress(
        &self,
        cluster: &Cluster,
        partition: &TopicPartition,
        adding: &[i32],
    ) -> Progress {
        let Some(Sizes { whole, left, .. }) = sizes(cluster, partition, adding) else {
            return Progress::default();
        };
        let done = (0 < whole).then(|| whole.saturating_sub(left) as f64 / whole as f64);
        let mut progress = Progress { done, left: Some(left), ..Progress::default() };
        let samples = self.seen.get(partition).map(|it| &it.samples);
        let ends = samples.and_then(|it| it.front().zip(it.back()));
        if let Some((from, to)) = ends
            && from.at < to.at
        {
            let elapsed = to.at - from.at;
            let per_second = |bytes: u64| bytes as f64 * 1_000.0 / elapsed as f64;
            let copied = to.copied.saturating_sub(from.copied);
            progress.rate = Some(per_second(copied));
            progress.is_stalled = copied == 0 && WINDOW_MS <= elapsed && 0 < left;
            let nearer = per_second(from.left.saturating_sub(to.left));
            if 0.0 < nearer {
                progress.eta_ms = Some((left as f64 / nearer * 1_000.0) as u64);
            }
        }
        progress
    }
}

impl Seen {
    fn sample(&mut self, now: Sample) {
        let samples = &mut self.samples;
        let is_new = samples.back().is_none_or(|it| {
            (it.left, it.copied) != (now.left, now.copied) || SAMPLE_MS <= now.at - it.at
        });
        if is_new {
            samples.push_back(now);
        }
        let is_old = |it: Option<&Sample>| it.is_some_and(|it| WINDOW_MS < now.at - it.at);
        // One sample from before the window is kept, so that the window is full.
        while SAMPLES_MAX < samples.len() || is_old(samples.get(1)) {
            samples.pop_front();
        }
    }
}

/// In bytes.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    /// What the new replicas will take.
    whole: u64,
    /// What they lack.
    left: u64,
    /// What they have.
    copied: u64,
}

fn sizes(cluster: &Cluster, partition: &TopicPartition, adding: &[i32]) -> Option<Sizes> {
    let it = cluster.partition(partition)?;
    let each = stored(it, it.leader?)?;
    let has = |id: &i32| stored(it, NodeId(*id)).unwrap_or(0);
    let sum = |of: &dyn Fn(&i32) -> u64| adding.iter().map(of).fold(0, u64::saturating_add);
    Some(Sizes {
        whole: each.saturating_mul(adding.len() as u64),
        left: sum(&|id| each.saturating_sub(has(id))),
        copied: sum(&has),
    })
}

fn stored(it: &Partition, on: NodeId) -> Option<u64> {
    it.stored.get(&(on, StoredAs::Current)).map(|it| it.size.value)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kt_protocol::types::PartitionIndex;

    use super::*;
    use crate::tui::model::cluster::{Sample, StoredOn, Topic};

    const MOVED: i32 = 4;

    fn at() -> TopicPartition {
        TopicPartition::new("orders", 0)
    }

    /// A partition that moves from broker 3 to 4, and what it takes on its leader and there.
    fn moving(replicas: &[i32], sizes: [u64; 2]) -> Cluster {
        let on = |size| StoredOn {
            directory: Arc::from("/data"),
            size: Sample { value: size, at: Millis(0) },
            offset_lag: 0,
        };
        let partition = Partition {
            leader: Some(NodeId(1)),
            replicas: replicas.iter().map(|id| NodeId(*id)).collect(),
            stored: [
                ((NodeId(1), StoredAs::Current), on(sizes[0])),
                ((NodeId(MOVED), StoredAs::Current), on(sizes[1])),
            ]
            .into(),
            ..Partition::default()
        };
        let topic =
            Topic { partitions: [(PartitionIndex(0), partition)].into(), ..Topic::default() };
        let moves =
            Reassignment { replicas: vec![1, 2, 3, MOVED], adding: vec![MOVED], removing: vec![3] };
        Cluster {
            topics: [("orders".to_owned(), topic)].into(),
            moves: Some([(at(), moves)].into()),
            ..Cluster::default()
        }
    }

    #[test]
    fn what_is_copied_is_not_what_comes_nearer() {
        let mut moves = Moves::default();
        let all = [1, 2, 3, MOVED];
        moves.observe(&moving(&all, [1_000, 0]), Millis(0));
        // As fast as the leader grows: copied, and no end in sight.
        let cluster = moving(&all, [1_100, 100]);
        moves.observe(&cluster, Millis(10_000));
        let progress = moves.progress(&cluster, &at(), &[MOVED]);
        assert_eq!((progress.rate, progress.left), (Some(10.0), Some(1_000)));
        assert_eq!((progress.eta_ms, progress.is_stalled), (None, false));
        let cluster = moving(&all, [1_100, 600]);
        moves.observe(&cluster, Millis(20_000));
        let progress = moves.progress(&cluster, &at(), &[MOVED]);
        assert_eq!((progress.rate, progress.eta_ms), (Some(30.0), Some(20_000)));
        for second in (25..=90).step_by(5) {
            moves.observe(&cluster, Millis(second * 1_000));
        }
        assert!(moves.progress(&cluster, &at(), &[MOVED]).is_stalled);
    }

    #[test]
    fn only_moves_that_came_to_their_end_are_counted() {
        let ended = |then: &[i32]| {
            let mut moves = Moves::default();
            moves.observe(&moving(&[1, 2, 3, MOVED], [9, 0]), Millis(0));
            let mut cluster = moving(&[1, 2, 3, MOVED], [9, 9]);
            cluster.moves = Some(BTreeMap::new());
            assert_eq!(moves.observe(&cluster, Millis(5_000)), Ended::Some);
            // Nobody has told who has the replicas now.
            moves.settle(&cluster);
            assert_eq!(moves.finished, 0);
            let mut cluster = moving(then, [9, 9]);
            if then.is_empty() {
                cluster.topics.clear();
            }
            moves.settle(&cluster);
            moves.finished
        };
        assert_eq!(ended(&[1, 2, MOVED]), 1);
        assert_eq!(ended(&[1, 2, 3]), 0, "it was taken back");
        assert_eq!(ended(&[]), 0, "its topic is gone");
    }
}
