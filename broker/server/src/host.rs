//! Everything around a node, and the place where its effects are carried out.
//!
//! Any thread may bring an input. Its effects are carried out before the call returns: wakes by
//! calling the node again, in a loop; all others by leaving something with whoever does the work.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use kt_node::{ConnectionId, Effect, Input, LogLevel, MachineId};
use kt_protocol::types::Now;

use crate::budget::RequestBudget;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::flusher::FlushQueues;
use crate::jobs::Jobs;
use crate::lifecycle::Lifecycle;
use crate::mailbox::{Connections, Delivery};
use crate::metrics::Metrics;
use crate::wakes::Wakes;

/// Machines called again within one call. One that wakes itself for ever goes on by the timer, so
/// that the thread gets back to its connection.
const WAKES_PER_CALL_MAX: usize = 1_000;

/// A node with its surroundings.
pub(crate) struct Host {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) clock: Clock,
    pub(crate) connections: Connections,
    pub(crate) budget: Arc<RequestBudget>,
    pub(crate) flushes: FlushQueues,
    pub(crate) jobs: Jobs,
    pub(crate) wakes: Wakes,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) metrics: Metrics,
}

/// The connection that brings an input: what is meant for it needs no mailbox.
pub(crate) struct Own<'a> {
    pub(crate) connection: ConnectionId,
    pub(crate) inbox: &'a mut Vec<Delivery>,
}

thread_local! {
    static EFFECTS: RefCell<Vec<Effect>> = const { RefCell::new(Vec::new()) };
}

impl Host {
    /// Brings an input that no connection brings.
    pub(crate) fn handle(&self, input: Input) {
        self.handle_all(self.clock.now(), input, None);
    }

    /// Brings an input of a connection, at a time it has just read.
    pub(crate) fn handle_own(&self, now: Now, input: Input, own: Own<'_>) {
        self.handle_all(now, input, Some(own));
    }

    /// Carries out what the node asked for while it was opened.
    pub(crate) fn carry_out_first(&self, mut effects: Vec<Effect>) {
        self.drive(self.clock.now(), &mut effects, None);
    }

    fn handle_all(&self, now: Now, input: Input, own: Option<Own<'_>>) {
        // Taken, not borrowed: a panic in the node must not leave the cell borrowed.
        let mut effects = EFFECTS.take();
        self.engine.handle(now, input, &mut effects);
        self.drive(now, &mut effects, own);
        EFFECTS.set(effects);
    }

    fn drive(&self, now: Now, effects: &mut Vec<Effect>, mut own: Option<Own<'_>>) {
        let mut due: VecDeque<MachineId> = VecDeque::new();
        let mut called = 0;
        loop {
            for effect in effects.drain(..) {
                match effect {
                    Effect::Wake(machine) if due.contains(&machine) => {}
                    Effect::Wake(machine) => due.push_back(machine),
                    other => self.carry_out(other, own.as_mut()),
                }
            }
            let Some(machine) = due.pop_front() else { return };
            if called == WAKES_PER_CALL_MAX {
                self.wakes.set(machine, now.monotonic);
                for machine in due {
                    self.wakes.set(machine, now.monotonic);
                }
                return;
            }
            called += 1;
            self.engine.handle(now, Input::Wake(machine), effects);
        }
    }

    fn carry_out(&self, effect: Effect, own: Option<&mut Own<'_>>) {
        match effect {
            Effect::Reply(to, reply) => {
                self.deliver(to.connection, Delivery::Reply(to.sequence, reply), own);
            }
            Effect::Expire(to, at) => {
                self.deliver(to.connection, Delivery::Expire(to.sequence, at), own);
            }
            Effect::Close(connection, why) => self.deliver(connection, Delivery::Close(why), own),
            Effect::Flush(ticket) => self.flushes.put(ticket),
            Effect::Run(id, job) => self.jobs.put(id, job),
            Effect::Wake(_) => unreachable!("wakes are taken out before"),
            Effect::WakeAt(machine, at) => self.wakes.set(machine, at),
            Effect::Log { level: LogLevel::Info, message } => tracing::info!("{message}"),
            Effect::Log { level: LogLevel::Warn, message } => tracing::warn!("{message}"),
            Effect::Log { level: LogLevel::Error, message } => tracing::error!("{message}"),
            Effect::Ready => self.lifecycle.ready(),
            Effect::Stopped => self.lifecycle.stopped(),
            Effect::Fatal { exit_code, message } => self.lifecycle.fatal(exit_code, message),
        }
    }

    fn deliver(&self, to: ConnectionId, delivery: Delivery, own: Option<&mut Own<'_>>) {
        match own {
            Some(own) if own.connection == to => own.inbox.push(delivery),
            _ => self.connections.deliver(to, delivery),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What all requests of a test may fill.
    pub(crate) const BUDGET_BYTES: u64 = 64 * 1024 * 1024;

    /// Surroundings without flushers.
    pub(crate) fn host_around(engine: Arc<dyn Engine>) -> Arc<Host> {
        let host = Arc::new(Host {
            engine,
            clock: Clock::start(),
            connections: Connections::new(),
            budget: RequestBudget::new(BUDGET_BYTES, 0),
            flushes: FlushQueues::default(),
            jobs: Jobs::new(1),
            wakes: Wakes::default(),
            lifecycle: Lifecycle::new(),
            metrics: Metrics::default(),
        });
        host.jobs.serve(&host);
        host
    }

    /// Wakes itself for ever.
    struct Restless;

    impl Engine for Restless {
        fn handle(&self, _: Now, _: Input, effects: &mut Vec<Effect>) {
            effects.extend([Effect::Wake(MachineId(1)), Effect::Wake(MachineId(1))]);
        }
    }

    #[test]
    fn a_machine_that_wakes_itself_for_ever_gives_the_thread_back() {
        let host = host_around(Arc::new(Restless));
        host.handle(Input::Stop);
    }
}
