//! What the clients saw, in the order in which they saw it.

/// One thing that a client saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The broker acknowledged a value at an offset.
    Acknowledged {
        /// Unique in a run.
        value: u64,
        /// Where it is.
        offset: i64,
    },
    /// A consumer read a value at an offset.
    Read {
        /// What it read.
        value: u64,
        /// Where.
        offset: i64,
    },
    /// A fetch told the high watermark.
    HighWatermark(i64),
    /// The node came back from a crash.
    Restarted {
        /// What was written and not flushed may be gone.
        lost_power: bool,
    },
}

/// Everything that the clients saw.
#[derive(Clone, Debug, Default)]
pub struct History {
    seen: Vec<Seen>,
}

impl History {
    /// Adds what a client saw just now.
    pub fn add(&mut self, seen: Seen) {
        self.seen.push(seen);
    }

    /// All of it.
    pub fn seen(&self) -> &[Seen] {
        &self.seen
    }
}
