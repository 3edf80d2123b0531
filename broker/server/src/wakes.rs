//! The machines that asked to be called at a time: one table, one timer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kt_node::{Input, MachineId};
use kt_protocol::types::Millis;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::host::Host;

/// Who is to be called when. A machine has one time: the last it asked for.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    table: Mutex<Table>,
    earlier: Notify,
}

#[derive(Debug, Default)]
struct Table {
    by_machine: BTreeMap<MachineId, Millis>,
    by_time: BTreeSet<(Millis, MachineId)>,
}

impl Wakes {
    /// Sets a machine's time.
    pub(crate) fn set(&self, machine: MachineId, at: Millis) {
        let is_first = {
            let mut table = self.table.lock();
            if let Some(before) = table.by_machine.insert(machine, at) {
                table.by_time.remove(&(before, machine));
            }
            table.by_time.insert((at, machine));
            table.by_time.first() == Some(&(at, machine))
        };
        if is_first {
            self.earlier.notify_one();
        }
    }

    fn next(&self) -> Option<Millis> {
        self.table.lock().by_time.first().map(|(at, _)| *at)
    }

    fn take_due(&self, now: Millis) -> Option<MachineId> {
        let mut table = self.table.lock();
        let (at, machine) = *table.by_time.first()?;
        if now < at {
            return None;
        }
        table.by_time.pop_first();
        table.by_machine.remove(&machine);
        Some(machine)
    }
}

/// Calls the machines whose time has come, for as long as the process runs.
pub(crate) async fn run(host: Arc<Host>) {
    loop {
        let now = host.clock.monotonic();
        while let Some(machine) = host.wakes.take_due(now) {
            host.handle(Input::Wake(machine));
        }
        let earlier = host.wakes.earlier.notified();
        match host.wakes.next() {
            None => earlier.await,
            Some(at) => {
                let _ = tokio::time::timeout_at(host.clock.instant(at), earlier).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_one_time_the_last() {
        let wakes = Wakes::default();
        wakes.set(MachineId(1), Millis(10));
        wakes.set(MachineId(2), Millis(20));
        wakes.set(MachineId(1), Millis(30));
        assert_eq!(wakes.next(), Some(Millis(20)));
        assert_eq!(wakes.take_due(Millis(19)), None);
        assert_eq!(wakes.take_due(Millis(30)), Some(MachineId(2)));
        assert_eq!(wakes.take_due(Millis(30)), Some(MachineId(1)));
        assert_eq!(wakes.take_due(Millis(30)), None);
    }
}
