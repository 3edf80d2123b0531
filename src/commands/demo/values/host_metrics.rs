//! Metrics: what hosts measure of themselves, all of them in turn.

use jiff::Timestamp;
use kt_client::Random;

use super::{Event, Values};

const HOSTS: [&str; 8] =
    ["web-1", "web-2", "web-3", "cart-1", "cart-2", "search-1", "db-1", "db-2"];

/// How far a load moves from one measurement to the next, in per mille.
const STEP: u64 = 60;

/// Loads of hosts that wander.
pub(in super::super) struct HostMetrics {
    random: Random,
    /// Of each host, in per mille.
    loads: [u64; HOSTS.len()],
    turn: usize,
}

impl HostMetrics {
    pub(in super::super) fn new(mut random: Random) -> HostMetrics {
        let loads = [(); HOSTS.len()].map(|()| 200 + random.below(400));
        HostMetrics { random, loads, turn: 0 }
    }
}

impl Values for HostMetrics {
    fn next(&mut self, at: Timestamp) -> Event {
        let turn = self.turn % HOSTS.len();
        self.turn = turn + 1;
        let up = self.random.below(2 * STEP + 1);
        let load = (self.loads[turn] + up).saturating_sub(STEP).clamp(20, 980);
        self.loads[turn] = load;
        let memory = 3_000 + load * 4 + self.random.below(200);
        let host = HOSTS[turn];
        let value = format!(
            r#"{{"host":"{host}","cpu":0.{load:03},"memory_mib":{memory},"at":"{at:.3}"}}"#
        );
        Event::new(Some(host.to_owned()), value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{first, shown};
    use super::*;

    #[test]
    fn metrics_look_like_metrics() {
        let events = first(&mut HostMetrics::new(Random::new(1)), 3);
        insta::assert_snapshot!(shown(&events), @r#"
        web-1 {"host":"web-1","cpu":0.400,"memory_mib":4758,"at":"2026-11-21T01:14:07.000Z"}
        web-2 {"host":"web-2","cpu":0.486,"memory_mib":5065,"at":"2026-11-21T01:14:08.000Z"}
        web-3 {"host":"web-3","cpu":0.583,"memory_mib":5438,"at":"2026-11-21T01:14:09.000Z"}
        "#);
    }
}
