//! How fast log directories fill: what they take now against what they took before.

use std::collections::BTreeMap;

use kt_protocol::types::{Millis, NodeId};

use crate::tui::model::cluster::Cluster;
use crate::tui::model::cluster::brokers::Dir;

/// What directories took over the last hour, a mark for each minute.
#[derive(Debug, Default)]
pub(crate) struct Disks {
    of: BTreeMap<(NodeId, String), Vec<(Millis, u64)>>,
}

const MARK_MS: u64 = 60_000;
const MARKS: usize = 60;
const DAY_MS: f64 = 86_400_000.0;

impl Disks {
    pub(super) fn observe(&mut self, node: NodeId, cluster: &Cluster, at: Millis) {
        let Some(broker) = cluster.brokers.get(&node) else { return };
        self.of.retain(|(id, path), _| *id != node || broker.dirs.contains_key(path));
        for (path, dir) in &broker.dirs {
            let marks = self.of.entry((node, path.clone())).or_default();
            if marks.last().is_none_or(|it| MARK_MS <= at - it.0) {
                marks.push((at, taken(dir)));
            }
            if MARKS < marks.len() {
                marks.remove(0);
            }
        }
    }

    /// Bytes a day; `None` until a minute of it was seen.
    pub(crate) fn per_day(&self, node: NodeId, path: &str, dir: &Dir) -> Option<f64> {
        let marks = self.of.get(&(node, path.to_owned()))?;
        let (from, before) = marks.first()?;
        let elapsed = dir.at - *from;
        if elapsed < MARK_MS {
            return None;
        }
        let grown = taken(dir) as f64 - *before as f64;
        Some((grown / elapsed as f64 * DAY_MS).max(0.0))
    }

    /// Until it is full, in ms; `None` where it does not grow, or nobody tells how large it is.
    pub(crate) fn full_in(&self, node: NodeId, path: &str, dir: &Dir) -> Option<u64> {
        let per_day = self.per_day(node, path, dir).filter(|it| 0.0 < *it)?;
        let left = dir.usable? as f64 / per_day * DAY_MS;
        Some(left as u64)
    }
}

/// Of the volume, where that is told; else its replicas.
fn taken(dir: &Dir) -> u64 {
    match dir.total.zip(dir.usable) {
        Some((total, usable)) => total.saturating_sub(usable),
        None => dir.used,
    }
}
