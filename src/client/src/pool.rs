//! The connections of a client: one for each address and lane, made when first needed.

use std::collections::BTreeMap;
use std::sync::Arc;

use kt_protocol::types::NodeId;
use parking_lot::Mutex;

use crate::client::Limit;
use crate::config::ClientConfig;
use crate::connection::Connection;
use crate::error::Error;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Requests that are answered at once.
    Calls,
    /// Fetches, which wait for records.
    Fetches,
    /// Produce requests, which wait for acknowledgements.
    Produces,
    /// One consumer's requests to its group's coordinator: JoinGroup waits for other members, who
    /// may be in this process.
    Group(u64),
}

/// Connections by where they go. A broker that advertises the bootstrap address shares that
/// connection.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    slots: Mutex<BTreeMap<(String, Lane), Arc<Slot>>>,
}

/// One place for a connection. Whoever comes while it is being made waits for it.
type Slot = tokio::sync::Mutex<Option<Arc<Connection>>>;

impl Pool {
    /// The connection to `address`, made anew if there is none or it was closed.
    pub(crate) async fn connection(
        &self,
        address: &str,
        node: Option<NodeId>,
        lane: Lane,
        config: &ClientConfig,
        limit: Limit,
    ) -> Result<Arc<Connection>, Error> {
        let key = (address.to_owned(), lane);
        let slot = Arc::clone(self.slots.lock().entry(key).or_default());
        let mut place = slot.lock().await;
        if let Some(connection) = place.as_ref().filter(|it| !it.is_closed()) {
            return Ok(Arc::clone(connection));
        }
        *place = None;
        let connection = Connection::open(address, node, config, limit.deadline).await?;
        Ok(Arc::clone(place.insert(Arc::new(connection))))
    }

    /// A connection of this lane that stands, if there is one.
    pub(crate) fn established(&self, lane: Lane) -> Option<Arc<Connection>> {
        let slots = self.slots.lock();
        let of_lane = slots.iter().filter(|((_, its_lane), _)| *its_lane == lane);
        // A slot that is locked is being connected: not one to lean on.
        let mut ready = of_lane.filter_map(|(_, slot)| slot.try_lock().ok()?.clone());
        ready.find(|it| !it.is_closed())
    }
}
