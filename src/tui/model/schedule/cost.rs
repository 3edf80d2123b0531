//! What the questions cost the cluster: requests and bytes a second.

use std::collections::VecDeque;

use kt_protocol::types::Millis;

use super::Ask;
use super::world::Split;

/// Rates are means over this long, in milliseconds.
const WINDOW_MS: u64 = 30_000;
/// More requests than a machine makes in the window, so that memory is bounded.
const REQUESTS_MAX: usize = 8_192;

/// A mean over the last half minute.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cost {
    pub(crate) requests_per_second: f64,
    /// Estimated from what is asked for.
    pub(crate) bytes_per_second: f64,
}

/// The requests of the window, each with its bytes.
#[derive(Debug, Default)]
pub(super) struct Spent {
    began: Option<Millis>,
    requests: VecDeque<(Millis, u64)>,
}

impl Spent {
    pub(super) fn add(&mut self, now: Millis, bytes: u64) {
        self.began.get_or_insert(now);
        while self.requests.front().is_some_and(|(at, _)| WINDOW_MS <= now - *at) {
            self.requests.pop_front();
        }
        if self.requests.len() < REQUESTS_MAX {
            self.requests.push_back((now, bytes));
        }
    }

    pub(super) fn cost(&self, now: Millis) -> Cost {
        let Some(began) = self.began else { return Cost::default() };
        // A burst at the start is no rate: it counts as if it took five seconds.
        let window = (now - began).clamp(5_000, WINDOW_MS);
        let within = self.requests.iter().filter(|(at, _)| now - *at < WINDOW_MS);
        let (count, bytes) = within.fold((0_u64, 0_u64), |(count, sum), (_, bytes)| {
            (count + 1, sum.saturating_add(*bytes))
        });
        let seconds = window as f64 / 1_000.0;
        Cost {
            requests_per_second: count as f64 / seconds,
            bytes_per_second: bytes as f64 / seconds,
        }
    }
}

/// About how many bytes a question takes over the wire, both ways: what an item takes with names
/// of usual lengths, times the items.
pub(super) fn bytes(ask: &Ask, world: &Split) -> u64 {
    let brokers = world.brokers().max(1);
    let each = |count: u64, bytes: u64| count.saturating_mul(bytes);
    match ask {
        Ask::Metadata => each(world.partitions, 47),
        Ask::Offsets(_, partitions) => each(partitions.len() as u64, 49),
        Ask::Commits(groups) | Ask::ShareCommits(groups) | Ask::Members(groups) => {
            each(groups.len() as u64, 290)
        }
        Ask::Groups => each(world.groups() / brokers, 40),
        Ask::LogDirs => each(world.replicas as u64 / brokers, 24),
        Ask::TopicConfigs(topics) => each(topics.len() as u64, 250),
        Ask::Ages(positions) => each(positions.len() as u64, 16 << 10),
        Ask::EntityConfigs(_) => 20_000,
        Ask::Brokers | Ask::Quorum | Ask::Moves | Ask::BrokerConfigs | Ask::Topic(_) => 500,
    }
}
