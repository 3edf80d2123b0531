//! What happened, as one number and as the last lines before a failure.

use std::collections::VecDeque;
use std::fmt;

/// How many lines are kept for reading a failure; `KT_SIM_LINES` asks for more.
const LINES_KEPT: usize = 200;

/// The trace of a run.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    events: u64,
    lines: VecDeque<String>,
    lines_kept: usize,
}

impl Default for Trace {
    fn default() -> Trace {
        let asked = std::env::var("KT_SIM_LINES").ok().and_then(|it| it.parse().ok());
        let lines_kept = asked.unwrap_or(LINES_KEPT);
        Trace { hash: 0, events: 0, lines: VecDeque::new(), lines_kept }
    }
}

impl Trace {
    /// Notes an event.
    pub fn note(&mut self, event: impl fmt::Display) {
        let line = event.to_string();
        for byte in line.bytes() {
            // FNV-1a: good enough to tell two traces apart.
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.events += 1;
        if self.lines.len() == self.lines_kept {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// Two runs of one seed have the same.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How many events there were.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The last events.
    pub fn tail(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}
