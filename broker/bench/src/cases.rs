//! The cases: what is asked of a broker, and what is counted.

use std::time::{Duration, Instant};

use crate::broker::{Broker, Durability};
use crate::cleaning;
use crate::figures::Measured;
use crate::groups;
use crate::load::{self, Produce};

/// Groups that commit at once.
const COMMITTING_GROUPS: u64 = 8;

/// One case.
#[derive(Clone, Debug)]
pub(crate) enum Case {
    /// Start of the process to the first Metadata answer.
    Start,
    /// Resident memory of a broker that has served one request.
    IdleMemory,
    /// Resident memory of a broker that has taken and given as much as all other cases ask of one.
    LoadedMemory,
    /// As fast as it takes them.
    Produce {
        /// Bytes of a value.
        size: usize,
        /// Partitions of the topic.
        partitions: i32,
        /// How many in all.
        count: u64,
    },
    /// One record of 100 bytes in each request.
    OnePerRequest {
        /// How many in all.
        count: u64,
    },
    /// Groups commit, each as soon as its last commit was answered.
    Commit {
        /// How many commits in all.
        count: u64,
    },
    /// A log is compacted, from the change of its policy on.
    Clean {
        /// Records of some hundred bytes.
        records: u64,
        /// Over so many keys.
        keys: u64,
    },
    /// From the start after `kill -9` until all groups are listed.
    LoadGroups {
        /// How many.
        groups: u64,
    },
    /// What was produced before, from the page cache.
    Consume {
        /// Bytes of a value.
        size: usize,
        /// How many in all.
        count: u64,
    },
}

const TOPIC: &str = "bench";

const ONE_PER_REQUEST: Produce =
    Produce { topic: TOPIC, size: 100, partitions: 1, count: 0, batched: false };

/// What a broker goes through before its memory is looked at again.
const LOADS: &[Produce] = &[
    Produce { topic: "small", size: 100, partitions: 1, count: 3_000_000, batched: true },
    Produce { topic: "large", size: 1024, partitions: 1, count: 800_000, batched: true },
    Produce { topic: "spread", size: 1024, partitions: 6, count: 800_000, batched: true },
    Produce { topic: "single", count: 40_000, ..ONE_PER_REQUEST },
];

const BOTH: &[Durability] = &[Durability::Flushed, Durability::PageCache];

impl Case {
    pub(crate) fn all() -> Vec<Case> {
        vec![
            Case::Start,
            Case::IdleMemory,
            Case::Produce { size: 100, partitions: 1, count: 3_000_000 },
            Case::Produce { size: 1024, partitions: 1, count: 800_000 },
            Case::Produce { size: 1024, partitions: 6, count: 800_000 },
            Case::OnePerRequest { count: 40_000 },
            Case::Consume { size: 100, count: 3_000_000 },
            Case::Consume { size: 1024, count: 800_000 },
            Case::Commit { count: 40_000 },
            Case::LoadGroups { groups: 2_000 },
            Case::Clean { records: 10_000_000, keys: 9_000_000 },
            Case::LoadedMemory,
        ]
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Case::Start => "start to first Metadata".to_owned(),
            Case::IdleMemory => "idle RSS".to_owned(),
            Case::LoadedMemory => "RSS after such loads".to_owned(),
            Case::Produce { size, partitions, .. } => {
                format!("produce {size} B, {partitions} part., acks=all")
            }
            Case::OnePerRequest { .. } => "one 100 B record per request".to_owned(),
            Case::Commit { .. } => format!("commits of {COMMITTING_GROUPS} groups"),
            Case::Clean { records, keys } => {
                format!("clean {} M records, {} M keys", records / 1_000_000, keys / 1_000_000)
            }
            Case::LoadGroups { groups } => format!("load {groups} groups after kill -9"),
            Case::Consume { size, .. } => format!("consume {size} B, 1 partition"),
        }
    }

    /// Where flushing cannot matter, one is enough.
    pub(crate) fn durabilities(&self) -> &'static [Durability] {
        match self {
            Case::Produce { .. } | Case::OnePerRequest { .. } => BOTH,
            Case::Start | Case::IdleMemory | Case::LoadGroups { .. } => &[Durability::Flushed],
            Case::Consume { .. } | Case::Clean { .. } => &[Durability::PageCache],
            Case::LoadedMemory | Case::Commit { .. } => BOTH,
        }
    }

    /// What the brokers are told for it.
    pub(crate) fn settings(&self) -> &'static [&'static str] {
        match self {
            Case::Clean { .. } => cleaning::SETTINGS,
            _ => &[],
        }
    }

    pub(crate) fn run(&self, broker: &mut Broker) -> Result<Measured, String> {
        match self {
            Case::Start => {
                let value = broker.first_metadata_after.as_secs_f64() * 1e3;
                Ok(Measured { value, unit: "ms", cpu_us: None })
            }
            Case::IdleMemory => Ok(resident(broker)),
            Case::LoadedMemory => {
                for load in LOADS {
                    load::produce(&broker.address, load)?;
                    let some = load.count / load.partitions as u64 / 2;
                    load::consume(&broker.address, load.topic, some)?;
                }
                Ok(resident(broker))
            }
            Case::Commit { count } => {
                let count = *count;
                counted(broker, count, || groups::commit(&broker.address, COMMITTING_GROUPS, count))
            }
            Case::Clean { records, keys } => {
                let data = broker.data();
                let dirty = cleaning::fill(&broker.address, &data, *records, *keys)?;
                let cpu_before = broker.cpu();
                let took = cleaning::compact(&broker.address, &data, &dirty)?;
                let cpu = broker.cpu().saturating_sub(cpu_before);
                let megabytes = dirty.bytes as f64 / 1e6;
                Ok(Measured {
                    value: megabytes / took.as_secs_f64(),
                    unit: "MB/s",
                    cpu_us: Some(cpu.as_secs_f64() * 1e6 / megabytes),
                })
            }
            Case::LoadGroups { groups } => {
                groups::commit_groups(&broker.address, *groups)?;
                let started = Instant::now();
                broker.kill_and_restart()?;
                let count = usize::try_from(*groups).map_err(|it| it.to_string())?;
                groups::list_groups(&broker.address, count)?;
                Ok(milliseconds(started.elapsed()))
            }
            Case::Produce { size, partitions, count } => {
                let (size, partitions, count) = (*size, *partitions, *count);
                let load = Produce { topic: TOPIC, size, partitions, count, batched: true };
                counted(broker, count, || load::produce(&broker.address, &load))
            }
            Case::OnePerRequest { count } => {
                let load = Produce { count: *count, ..ONE_PER_REQUEST };
                counted(broker, *count, || load::produce(&broker.address, &load))
            }
            Case::Consume { size, count } => {
                let (size, count) = (*size, *count);
                let load = Produce { topic: TOPIC, size, partitions: 1, count, batched: true };
                load::produce(&broker.address, &load)?;
                counted(broker, count, || load::consume(&broker.address, TOPIC, count))
            }
        }
    }
}

fn milliseconds(took: Duration) -> Measured {
    Measured { value: took.as_secs_f64() * 1e3, unit: "ms", cpu_us: None }
}

fn resident(broker: &Broker) -> Measured {
    let value = broker.resident_bytes() as f64 / f64::from(1 << 20);
    Measured { value, unit: "MiB", cpu_us: None }
}

/// Rate and broker CPU of `work`, which handles `count` records and says how long it took.
fn counted(
    broker: &Broker,
    count: u64,
    work: impl FnOnce() -> Result<Duration, String>,
) -> Result<Measured, String> {
    let cpu_before = broker.cpu();
    let elapsed = work()?;
    let cpu = broker.cpu().saturating_sub(cpu_before);
    let count = count as f64;
    Ok(Measured {
        value: count / elapsed.as_secs_f64() / 1e3,
        unit: "k/s",
        cpu_us: Some(cpu.as_secs_f64() * 1e6 / count),
    })
}
