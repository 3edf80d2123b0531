//! What other threads have for a connection, and the table of all connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use hashbrown::HashMap;
use kt_node::{ConnectionId, Reply};
use kt_protocol::types::Millis;
use parking_lot::{Mutex, RwLock};

/// Something for a connection.
#[derive(Debug)]
pub(crate) enum Delivery {
    /// The answer to request number so-and-so.
    Reply(u64, Reply),
    /// Tell the node when this request's time is up.
    Expire(u64, Millis),
    /// Close; the text is for the log.
    Close(String),
    /// The file range at the head of what is to be sent is in memory now.
    Resident,
    /// The server stops: finish what is under way and start nothing new.
    Drain,
}

/// A connection's mailbox. It holds at most a few deliveries for each request under way.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    deliveries: Vec<Delivery>,
    waker: Option<Waker>,
}

impl Mailbox {
    /// Leaves a delivery and wakes the connection.
    pub(crate) fn put(&self, delivery: Delivery) {
        let waker = {
            let mut state = self.state.lock();
            state.deliveries.push(delivery);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Moves all deliveries to `inbox`, which is empty, and asks to be woken by the next one.
    pub(crate) fn take(&self, inbox: &mut Vec<Delivery>, waker: &Waker) {
        let mut state = self.state.lock();
        std::mem::swap(inbox, &mut state.deliveries);
        match &mut state.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }
}

/// So many tables that threads rarely meet at one.
const TABLES: u64 = 32;

/// All open connections by number.
#[derive(Debug)]
pub(crate) struct Connections {
    tables: Vec<RwLock<HashMap<ConnectionId, Arc<Mailbox>>>>,
    next_id: AtomicU64,
}

impl Connections {
    /// None.
    pub(crate) fn new() -> Connections {
        let tables = (0..TABLES).map(|_| RwLock::default()).collect();
        Connections { tables, next_id: AtomicU64::new(0) }
    }

    /// Enters a new connection.
    pub(crate) fn open(&self) -> (ConnectionId, Arc<Mailbox>) {
        let id = ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let mailbox = Arc::new(Mailbox::default());
        self.table(id).write().insert(id, mailbox.clone());
        (id, mailbox)
    }

    /// Forgets a connection. What is still delivered to it goes nowhere.
    pub(crate) fn close(&self, id: ConnectionId) {
        self.table(id).write().remove(&id);
    }

    /// Delivers, if the connection is still open.
    pub(crate) fn deliver(&self, id: ConnectionId, delivery: Delivery) {
        let mailbox = self.table(id).read().get(&id).cloned();
        if let Some(mailbox) = mailbox {
            mailbox.put(delivery);
        }
    }

    /// Tells all connections that the server stops.
    pub(crate) fn drain(&self) {
        for table in &self.tables {
            for mailbox in table.read().values() {
                mailbox.put(Delivery::Drain);
            }
        }
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.tables.iter().map(|table| table.read().len()).sum()
    }

    fn table(&self, id: ConnectionId) -> &RwLock<HashMap<ConnectionId, Arc<Mailbox>>> {
        let index = usize::try_from(id.0 % TABLES).expect("a remainder below TABLES is small");
        &self.tables[index]
    }
}
