//! The connections of a client: one for each address and lane, made when first needed.

use std::collections::BTreeMap;
use std::sync::Arc;

use kt_protocol::types::NodeId;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::backoff::Backoff;
use crate::client::Limit;
use crate::config::ClientConfig;
use crate::connection::Connection;
use crate::dialer::Dialer;
use crate::error::Error;
use crate::random::Random;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Requests that are answered at once.
    Calls,
    /// One reader's fetches, which wait for records: another's must not wait behind them.
    Fetches(u64),
    /// Produce requests, which wait for acknowledgements.
    Produces,
    /// One consumer's requests to its group's coordinator: JoinGroup waits for other members, who
    /// may be in this process.
    Group(u64),
}

/// Connections by where they go. A broker that advertises the bootstrap address shares that
/// connection.
#[derive(Debug)]
pub(crate) struct Pool {
    dialer: Dialer,
    slots: Mutex<BTreeMap<(String, Lane), Arc<Slot>>>,
    /// Addresses that could not be reached lately.
    failing: Mutex<BTreeMap<String, Failing>>,
    random: Mutex<Random>,
}

/// One place for a connection. Whoever comes while it is being made waits for it.
type Slot = tokio::sync::Mutex<Option<Arc<Connection>>>;

/// An address that could not be reached.
#[derive(Debug)]
struct Failing {
    reconnect: Backoff,
    setup: Backoff,
    not_before: Instant,
}

impl Pool {
    pub(crate) fn new(config: ClientConfig) -> Pool {
        let random = Mutex::new(Random::new(config.seed));
        let dialer = Dialer::new(config);
        Pool { dialer, slots: Mutex::default(), failing: Mutex::default(), random }
    }

    pub(crate) fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// The connection to `address`, made anew if there is none or it was closed.
    pub(crate) async fn connection(
        &self,
        address: &str,
        node: Option<NodeId>,
        lane: Lane,
        limit: Limit,
    ) -> Result<Arc<Connection>, Error> {
        let key = (address.to_owned(), lane);
        let slot = Arc::clone(self.slots.lock().entry(key).or_default());
        // Who is before us in line may have more time than we have.
        let Ok(mut place) = timeout_at(limit.deadline, slot.lock()).await else {
            let reason = format!("{address} is being connected to by somebody else");
            return Err(Error::Unreachable { node, reason });
        };
        if let Some(connection) = place.as_ref().filter(|it| !it.is_closed()) {
            return Ok(Arc::clone(connection));
        }
        *place = None;
        let connection = self.connect(address, node, limit).await?;
        Ok(Arc::clone(place.insert(connection)))
    }

    /// Connects, not too soon after a failure, and with more patience the more there were.
    async fn connect(
        &self,
        address: &str,
        node: Option<NodeId>,
        limit: Limit,
    ) -> Result<Arc<Connection>, Error> {
        let config = self.dialer.config();
        let (not_before, patience) = match self.failing.lock().get_mut(address) {
            None => (None, config.connect_timeout.first),
            Some(it) => (Some(it.not_before), it.setup.next(&mut self.random.lock())),
        };
        if let Some(not_before) = not_before {
            sleep_until(not_before.min(limit.deadline)).await;
        }
        let deadline = limit.deadline.min(Instant::now() + patience);
        let connected = Connection::open(&self.dialer, address, node, deadline).await;
        let mut failing = self.failing.lock();
        if connected.is_ok() {
            failing.remove(address);
            return connected;
        }
        let failed = failing.entry(address.to_owned()).or_insert_with(|| {
            let mut setup = Backoff::new(config.connect_timeout);
            // The first try had the first time-out.
            setup.next(&mut self.random.lock());
            Failing {
                reconnect: Backoff::new(config.reconnect_backoff),
                setup,
                not_before: Instant::now(),
            }
        });
        failed.not_before = Instant::now() + failed.reconnect.next(&mut self.random.lock());
        connected
    }

    /// Forgets a lane that nobody uses any more: its connections end with their last requests.
    pub(crate) fn end(&self, lane: Lane) {
        self.slots.lock().retain(|(_, of), _| *of != lane);
    }

    /// A connection of this lane that stands, if there is one.
    pub(crate) fn established(&self, lane: Lane) -> Option<Arc<Connection>> {
        let slots = self.slots.lock();
        let of_lane = slots.iter().filter(|((_, its_lane), _)| *its_lane == lane);
        // A slot that is locked is being connected: not one to lean on.
        let mut ready = of_lane.filter_map(|(_, slot)| slot.try_lock().ok()?.clone());
        ready.find(|it| !it.is_closed())
    }

    /// Lets go of all connections. Requests that are under way keep theirs until they end.
    pub(crate) fn clear(&self) {
        self.slots.lock().clear();
    }
}
