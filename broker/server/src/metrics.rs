//! What is counted, and the log lines that strangers could otherwise fill a disk with.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::time::Instant;

/// Counters of the edge. They only grow.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) requests: AtomicU64,
    pub(crate) request_bytes: AtomicU64,
    pub(crate) received_bytes: AtomicU64,
    pub(crate) sent_bytes: AtomicU64,
    pub(crate) memory_waits: AtomicU64,
    pub(crate) refused_connections: AtomicU64,
    pub(crate) delayed_connections: AtomicU64,
    offences: Mutex<OffenceLog>,
}

/// At most one line a second; those left out are counted in the next.
#[derive(Debug, Default)]
struct OffenceLog {
    last: Option<Instant>,
    left_out: u64,
}

impl Metrics {
    pub(crate) fn request(&self, bytes: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.request_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.received_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn waited_for_memory(&self) {
        self.memory_waits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn delayed_connection(&self) {
        self.delayed_connections.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection was closed for what its peer did, or not taken.
    pub(crate) fn refused(&self, reason: &str, listener: &str, peer: IpAddr) {
        self.refused_connections.fetch_add(1, Ordering::Relaxed);
        if let Some(left_out) = self.next_line() {
            tracing::warn!(%peer, listener, reason, left_out, "connection closed");
        }
    }

    pub(crate) fn out_of_descriptors(&self, listener: &str) {
        self.refused_connections.fetch_add(1, Ordering::Relaxed);
        if let Some(left_out) = self.next_line() {
            tracing::error!(
                listener,
                left_out,
                "out of file descriptors: raise the limit (ulimit -n)"
            );
        }
    }

    /// Leave for a line, with the number of those that had none since the last.
    fn next_line(&self) -> Option<u64> {
        let mut offences = self.offences.lock();
        let now = Instant::now();
        if offences.last.is_some_and(|last| now.duration_since(last).as_secs() == 0) {
            offences.left_out += 1;
            return None;
        }
        offences.last = Some(now);
        Some(std::mem::take(&mut offences.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_a_second_counts_those_left_out() {
        let metrics = Metrics::default();
        assert_eq!(metrics.next_line(), Some(0));
        assert_eq!(metrics.next_line(), None);
        assert_eq!(metrics.next_line(), None);
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        assert_eq!(metrics.next_line(), Some(2));
    }
}
