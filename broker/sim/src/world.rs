//! The operating system that lies: time, jobs, flushes, wakes and deadlines of one node, all in one
//! queue, carried out late and out of order.

use std::collections::BTreeMap;

use kt_core::random::Random;
use kt_node::{
    ConnectionId, Effect, FlushTicket, Input, Job, JobId, MachineId, Node, Reply, ReplyTo,
};
use kt_protocol::types::{Millis, Now, Timestamp};
use kt_storage::disk::{Disk, DiskError};
use kt_storage::simulated_disk::SimulatedDisk;

/// How late things happen, at most, in milliseconds.
const WAKE_LATE_MAX: usize = 5;
const FLUSH_LATE_MAX: usize = 40;
const JOB_LATE_MAX: usize = 30;

/// Something that will happen to the node.
enum Pending {
    Flush(FlushTicket),
    Job(JobId, Job),
    Wake(MachineId),
    Timer(MachineId),
    Expiry(ReplyTo),
}

/// What a node said that concerns its clients or its operator.
pub enum News {
    /// An answer.
    Reply(ReplyTo, Reply),
    /// A connection was closed, and why.
    Close(ConnectionId, String),
    /// It serves.
    Ready,
    /// It cannot go on.
    Fatal(String),
    /// It stopped cleanly.
    Stopped,
}

/// Time and everything that waits for it.
pub struct World {
    /// The disk.
    pub disk: SimulatedDisk,
    now: u64,
    /// Shifted by jumps; record timestamps come from it.
    wall_offset: i64,
    /// By time, then by a random number: things of one time happen in any order.
    queue: BTreeMap<(u64, u64), Pending>,
    timers: BTreeMap<u64, (u64, u64)>,
}

impl World {
    /// An empty world with this disk.
    pub fn new(disk: SimulatedDisk) -> World {
        let world = World {
            disk,
            now: 1_000,
            wall_offset: 1_700_000_000_000,
            queue: BTreeMap::new(),
            timers: BTreeMap::new(),
        };
        world.disk.set_wall(world.now().wall);
        world
    }

    /// The time.
    pub fn now(&self) -> Now {
        let wall = Timestamp(self.wall_offset + i64::try_from(self.now).unwrap_or(0));
        Now { monotonic: Millis(self.now), wall }
    }

    /// Lets time pass.
    pub fn advance(&mut self, ms: u64) {
        self.now += ms;
        self.disk.set_wall(self.now().wall);
    }

    /// The process is gone: whatever it waited for will not happen.
    pub fn forget(&mut self) {
        self.queue.clear();
        self.timers.clear();
    }

    /// When the next thing happens.
    pub fn next_at(&self) -> Option<u64> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    /// Takes up what a node asked for; gives what concerns others.
    pub fn carry_out(&mut self, effects: Vec<Effect>, random: &mut Random) -> Vec<News> {
        let mut news = Vec::new();
        for effect in effects {
            match effect {
                Effect::Reply(to, reply) => news.push(News::Reply(to, reply)),
                Effect::Close(connection, why) => news.push(News::Close(connection, why)),
                Effect::Log { .. } => {}
                Effect::Ready => news.push(News::Ready),
                Effect::Stopped => news.push(News::Stopped),
                Effect::Fatal { message, .. } => news.push(News::Fatal(message)),
                Effect::Flush(ticket) => self.late(Pending::Flush(ticket), FLUSH_LATE_MAX, random),
                Effect::Run(id, job) => self.late(Pending::Job(id, job), JOB_LATE_MAX, random),
                Effect::Wake(machine) => {
                    self.late(Pending::Wake(machine), WAKE_LATE_MAX, random);
                    // A wake may come twice.
                    if random.below(8) == 0 {
                        self.late(Pending::Wake(machine), WAKE_LATE_MAX, random);
                    }
                }
                Effect::WakeAt(machine, at) => self.set_timer(machine, at, random),
                Effect::Expire(to, at) => {
                    self.at(at.0, Pending::Expiry(to), random);
                }
            }
        }
        news
    }

    fn late(&mut self, pending: Pending, late_max: usize, random: &mut Random) {
        let late = random.below(late_max + 1) as u64;
        self.at(self.now + late, pending, random);
    }

    fn at(&mut self, at: u64, pending: Pending, random: &mut Random) -> (u64, u64) {
        let key = (at.max(self.now), random.next_bits());
        self.queue.insert(key, pending);
        key
    }

    fn set_timer(&mut self, machine: MachineId, at: Millis, random: &mut Random) {
        if let Some(old) = self.timers.remove(&machine.0) {
            self.queue.remove(&old);
        }
        let key = self.at(at.0, Pending::Timer(machine), random);
        self.timers.insert(machine.0, key);
    }

    /// Does the next thing of the queue, if it is due. The text is for the trace.
    pub fn step(&mut self, node: &Node, effects: &mut Vec<Effect>) -> Option<String> {
        let key = *self.queue.keys().next()?;
        if self.now < key.0 {
            return None;
        }
        let pending = self.queue.remove(&key)?;
        let now = self.now();
        let (text, input) = match pending {
            Pending::Flush(ticket) => {
                let result = self.flush(&ticket);
                (format!("flush {ticket:?} {}", result.is_ok()), Input::Flushed(ticket, result))
            }
            Pending::Job(id, job) => {
                let text = format!("job {}", job.name);
                (text, Input::Done(id, (job.run)()))
            }
            Pending::Wake(machine) => (format!("wake {machine:?}"), Input::Wake(machine)),
            Pending::Timer(machine) => {
                self.timers.remove(&machine.0);
                (format!("timer {machine:?}"), Input::Wake(machine))
            }
            Pending::Expiry(to) => (format!("expiry {to:?}"), Input::Expired(to)),
        };
        node.handle(now, input, effects);
        Some(text)
    }

    fn flush(&self, ticket: &FlushTicket) -> Result<(), DiskError> {
        for file in &ticket.files {
            file.sync()?;
        }
        ticket.directories.iter().try_for_each(|directory| self.disk.sync_directory(directory))
    }
}
