//! What goes wrong, and when: in some runs seldom, so that things can grow old; in others often.

use kt_core::random::Random;
use kt_storage::simulated_disk::{Call, CrashMode, Fault};

use super::Simulation;
use super::network::Cut;
use crate::client_history::ClientSeen;

/// Steps between two faults, on the average, in the different kinds of runs.
const FAULT_EVERY: [usize; 3] = [150, 500, 2_000];
/// How long a process is down, at most, in milliseconds.
const DOWN_MS_MAX: usize = 1_500;
/// How long a process is stopped, in milliseconds: longer than a session, or not.
const STOPPED_MS: std::ops::Range<usize> = 50..3_500;

/// How things go wrong in a run.
#[derive(Debug)]
pub(super) struct Faults {
    every: usize,
    flushes: bool,
    /// A sync was made to fail: the node may give up.
    sync_fails: bool,
    has_given_up: bool,
}

impl Faults {
    pub(super) fn new(flushes: bool, random: &mut Random) -> Faults {
        let every = FAULT_EVERY[random.below(FAULT_EVERY.len())];
        Faults { every, flushes, sync_fails: false, has_given_up: false }
    }

    pub(super) fn node_starts(&mut self) {
        self.sync_fails = false;
        self.has_given_up = false;
    }

    /// After a failed sync the machine goes down: what the page cache says then is not to be
    /// believed.
    pub(super) fn mode_after_failed_sync(&self) -> Option<CrashMode> {
        self.sync_fails.then_some(CrashMode::LoseUnsynced)
    }

    pub(super) fn expects_fatal(&self) -> bool {
        self.sync_fails
    }

    pub(super) fn node_gives_up(&mut self) {
        self.has_given_up = true;
    }

    pub(super) fn node_gave_up(&self) -> bool {
        self.has_given_up
    }
}

impl Simulation {
    /// Something goes wrong, now and then.
    pub(super) fn go_wrong(&mut self) -> Result<(), String> {
        if !self.one_in(self.faults.every) {
            return Ok(());
        }
        match self.host.random.below(12) {
            0 => self.crash(None),
            // In page-cache mode what was acknowledged may go with the machine that then goes down.
            1 if self.faults.flushes => {
                let nth = 1 + self.host.random.below(3) as u64;
                self.host.trace.note(format_args!("sync {nth} from now fails"));
                self.host.world.disk.fail(Call::Sync, nth, Fault::Eio);
                self.faults.sync_fails = true;
                Ok(())
            }
            2..4 => {
                self.kill_process();
                Ok(())
            }
            4..7 => {
                self.stop_process();
                Ok(())
            }
            _ => {
                self.cut_connection();
                Ok(())
            }
        }
    }

    fn kill_process(&mut self) {
        let number = self.host.random.below(self.processes.len());
        if !self.processes[number].is_mortal() {
            return;
        }
        let until = self.now() + self.host.random.below(DOWN_MS_MAX) as u64;
        self.end_process(number, until);
    }

    fn stop_process(&mut self) {
        let number = self.host.random.below(self.processes.len());
        let ms = STOPPED_MS.start + self.host.random.below(STOPPED_MS.len());
        let until = self.now() + ms as u64;
        if self.processes[number].is_mortal() {
            self.host.trace.note(format_args!("client {number} is stopped until {until}"));
            let life = self.processes[number].stop(until);
            self.history.extend(life.map(|life| ClientSeen::Stopped { life, until }));
        }
    }

    fn cut_connection(&mut self) {
        let open = self.network.open_ones();
        if open.is_empty() {
            return;
        }
        let connection = open[self.host.random.below(open.len())];
        let cut = if self.one_in(3) { Cut::Silent } else { Cut::Reset };
        self.host.trace.note(format_args!("{cut:?} of {connection:?}"));
        let now = self.now();
        self.network.cut(connection, cut, now, &mut self.host.random);
    }
}
