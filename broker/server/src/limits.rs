//! How many connections there may be: in all, from one address, and how many new ones a second.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashMap;
use kt_protocol::types::Millis;
use parking_lot::Mutex;

/// Descriptors that connections leave for log segments, listeners and the rest.
const DESCRIPTORS_KEPT: u64 = 1_024;

/// The bounds, in Kafka's keys.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionBounds {
    /// `max.connections`, and what descriptors allow.
    pub(crate) connections_max: usize,
    /// `max.connections.per.ip`.
    pub(crate) per_ip_max: usize,
    /// `max.connections.per.ip.overrides`, by address.
    pub(crate) per_ip_overrides: BTreeMap<IpAddr, usize>,
    /// `max.connection.creation.rate`, a second.
    pub(crate) creation_rate: u64,
}

/// Why a connection is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("max.connections or the limit of open files is reached")]
    TooMany,
    #[error("max.connections.per.ip is reached")]
    TooManyFromAddress,
}

/// Counts connections against the bounds.
#[derive(Debug)]
pub(crate) struct ConnectionLimits {
    bounds: ConnectionBounds,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
    /// The second that is counted, and what was taken in it.
    second: u64,
    taken_in_second: u64,
}

/// A connection's place in the counts; dropping it frees the place.
#[derive(Debug)]
pub(crate) struct Place {
    limits: Arc<ConnectionLimits>,
    address: IpAddr,
}

impl ConnectionLimits {
    /// Nothing taken yet.
    pub(crate) fn new(bounds: ConnectionBounds) -> Arc<ConnectionLimits> {
        Arc::new(ConnectionLimits { bounds, state: Mutex::default() })
    }

    /// Takes a place for a connection from `address`.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Place, Refusal> {
        let mut state = self.state.lock();
        if self.bounds.connections_max <= state.total {
            return Err(Refusal::TooMany);
        }
        let address_max = self.bounds.per_ip_overrides.get(&address.to_canonical());
        let address_max = address_max.copied().unwrap_or(self.bounds.per_ip_max);
        let from_address = state.by_address.get(&address).copied().unwrap_or(0);
        if address_max <= from_address {
            return Err(Refusal::TooManyFromAddress);
        }
        state.total += 1;
        state.by_address.insert(address, from_address + 1);
        Ok(Place { limits: self.clone(), address })
    }

    /// How long to wait before the next connection is accepted, so that the rate is kept.
    pub(crate) fn creation_delay_ms(&self, now: Millis) -> u64 {
        let mut state = self.state.lock();
        let second = now.0 / 1_000;
        if state.second != second {
            state.second = second;
            state.taken_in_second = 0;
        }
        state.taken_in_second += 1;
        if state.taken_in_second <= self.bounds.creation_rate {
            return 0;
        }
        1_000 - now.0 % 1_000
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.limits.state.lock();
        state.total -= 1;
        if let Some(count) = state.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                state.by_address.remove(&self.address);
            }
        }
    }
}

/// Raises the limit of open files as far as it goes; says how many connections it leaves room for.
pub(crate) fn raise_descriptor_limit() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let is_raised = setrlimit(Resource::Nofile, raised).is_ok();
    let descriptors = if is_raised { limit.maximum } else { limit.current };
    let descriptors = descriptors.unwrap_or(u64::MAX);
    let for_connections = descriptors.saturating_sub(DESCRIPTORS_KEPT).max(descriptors / 2);
    usize::try_from(for_connections).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
    }

    fn limits(connections_max: usize, per_ip_max: usize) -> Arc<ConnectionLimits> {
        ConnectionLimits::new(ConnectionBounds {
            connections_max,
            per_ip_max,
            per_ip_overrides: BTreeMap::from([(address(9), 0)]),
            creation_rate: 2,
        })
    }

    #[test]
    fn places_are_counted_in_all_and_by_address() {
        let limits = limits(3, 2);
        let one = limits.take(address(1)).unwrap();
        let _two = limits.take(address(1)).unwrap();
        assert_eq!(limits.take(address(1)).unwrap_err(), Refusal::TooManyFromAddress);
        assert_eq!(limits.take(address(9)).unwrap_err(), Refusal::TooManyFromAddress);
        let _three = limits.take(address(2)).unwrap();
        assert_eq!(limits.take(address(3)).unwrap_err(), Refusal::TooMany);
        drop(one);
        assert!(limits.take(address(1)).is_ok());
    }

    #[test]
    fn new_connections_beyond_the_rate_wait_for_the_next_second() {
        let limits = limits(9, 9);
        let delays = [5_000, 5_100, 5_300, 6_000].map(|now| limits.creation_delay_ms(Millis(now)));
        assert_eq!(delays, [0, 0, 700, 0]);
    }
}
