//! A node on its machine: opened, called, crashed, and opened again on what the disk has left.

mod open;

use kt_core::random::Random;
use kt_node::{ConnectionId, Input, Node};
use kt_storage::simulated_disk::{CrashMode, SimulatedDisk};

use crate::simulation::Settings;
use crate::trace::Trace;
use crate::world::{News, World};

/// A node, the world around it, and what has happened.
pub(crate) struct Host {
    pub(crate) random: Random,
    pub(crate) world: World,
    pub(crate) trace: Trace,
    /// Set by who hears that the node is.
    pub(crate) is_ready: bool,
    /// How often the node went down.
    pub(crate) crashes: u64,
    settings: Settings,
    /// What the node is configured to, beside what every simulated node is.
    configs: &'static [(&'static str, &'static str)],
    node: Option<Node>,
    /// The last connection.
    connection: u64,
    /// How often the machine itself went down: its boot id.
    boots: u64,
}

impl Host {
    /// A machine with an empty disk.
    pub(crate) fn new(
        settings: Settings,
        configs: &'static [(&'static str, &'static str)],
    ) -> Host {
        Host {
            random: Random::new(settings.seed),
            world: World::new(SimulatedDisk::new(settings.seed)),
            trace: Trace::default(),
            is_ready: false,
            crashes: 0,
            settings,
            configs,
            node: None,
            connection: 0,
            boots: 0,
        }
    }

    /// Opens the node. Connections from before are gone.
    pub(crate) fn start(&mut self) -> Result<Vec<News>, String> {
        let mut effects = Vec::new();
        let seed = self.random.next_bits();
        let (disk, now) = (self.world.disk.clone(), self.world.now());
        let opening = open::Opening {
            disk,
            boot: self.boots,
            flushes: self.settings.flushes,
            configs: self.configs,
        };
        self.node = Some(open::open(opening, seed, now, &mut effects)?);
        self.is_ready = false;
        self.trace.note(format_args!("start {}", self.crashes + 1));
        Ok(self.world.carry_out(effects, &mut self.random))
    }

    /// The process dies, or the machine; without flushes only the process. It stays down.
    pub(crate) fn crash(&mut self) -> CrashMode {
        let mode = match (self.settings.flushes, self.random.below(4)) {
            (false, _) | (true, 0) => CrashMode::Process,
            (true, 1) => CrashMode::LoseUnsynced,
            (true, 2) => CrashMode::KeepUnsynced,
            (true, _) => CrashMode::Torn,
        };
        self.crash_with(mode);
        mode
    }

    /// As [`Host::crash`], with this left of what was not synced.
    pub(crate) fn crash_with(&mut self, mode: CrashMode) {
        self.crashes += 1;
        self.node = None;
        self.world.forget();
        self.trace.note(format_args!("crash {mode:?}"));
        self.world.disk.crash();
        self.world.disk.restart(mode);
        self.boots += u64::from(mode != CrashMode::Process);
        let down_ms = self.random.below(200) as u64;
        self.world.advance(down_ms);
    }

    /// A connection with a number of its own.
    pub(crate) fn connect(&mut self) -> ConnectionId {
        self.connection += 1;
        ConnectionId(self.connection)
    }

    /// Gives the node an input.
    pub(crate) fn call(&mut self, input: Input) -> Vec<News> {
        let Some(node) = &self.node else { return Vec::new() };
        let mut effects = Vec::new();
        node.handle(self.world.now(), input, &mut effects);
        self.world.carry_out(effects, &mut self.random)
    }

    /// Does what is due; if nothing is, time passes, by `wait_max_ms` at most.
    pub(crate) fn step(&mut self, wait_max_ms: u64) -> Vec<News> {
        let Some(node) = &self.node else { return Vec::new() };
        let mut effects = Vec::new();
        match self.world.step(node, &mut effects) {
            Some(text) => self.trace.note(text),
            None => {
                let wait = self.world.next_at().map_or(10, |at| at - self.world.now().monotonic.0);
                self.world.advance(wait.clamp(1, wait_max_ms));
            }
        }
        self.world.carry_out(effects, &mut self.random)
    }
}
