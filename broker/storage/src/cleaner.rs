//! The cleaner: has a compacted log keep the last value of each key. Kafka's `LogCleaner`.
//!
//! ```text
//! Log::cleaning_view ── CleaningView::dirtiness ── Cleaner::clean ── for each group of segments:
//!   (under the log's    (which log is next)        map the keys       write X.cleaned, no lock
//!    lock, cheap)                                  of the dirty part  Log::swap_cleaned, lock
//! ```
//!
//! Offsets never change, records never change places. What goes are records that a later one with
//! the same key has replaced, tombstones and markers whose time has come (KIP-534), records of
//! aborted transactions, and records without a key. A pass reads every byte with its checksum:
//! damage ends it, and makes the replica faulty.

mod batch_reader;
mod checkpoint;
mod cleaned;
mod error;
mod filter;
mod groups;
mod legacy;
mod offset_map;
mod output;
mod pass;
mod records;
mod transactions;
mod view;

use std::ops::ControlFlow;
use std::path::PathBuf;

pub use checkpoint::CleanerCheckpoint;
pub use cleaned::Cleaned;
pub use error::CleanError;
pub use pass::CleanReport;
pub(crate) use view::LastBatch;
pub use view::{CleaningView, Dirtiness};

use batch_reader::{ReadBuffer, ReadLimits};
use offset_map::OffsetMap;

/// The key of the hash that keys of records go by: secret and random, drawn once in a process's
/// life. Who knew it could make two keys with one hash, and have the cleaner take one for the other.
#[derive(Clone, Copy)]
pub struct HashKey(pub [u8; 16]);

impl HashKey {
    fn halves(self) -> (u64, u64) {
        let whole = u128::from_le_bytes(self.0);
        (whole as u64, (whole >> 64) as u64)
    }
}

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey(secret)")
    }
}

/// What one cleaner (one of `log.cleaner.threads`) may take. Kafka's names and units.
#[derive(Clone, Copy, Debug)]
pub struct CleanerConfig {
    /// `log.cleaner.dedupe.buffer.size`, divided by the threads: bytes of the map of keys, 24 for
    /// each key.
    pub dedupe_buffer_bytes: u64,
    /// `log.cleaner.io.buffer.load.factor`: how full the map may get.
    pub load_factor: f64,
    /// `log.cleaner.io.buffer.size`, divided by the threads: half of it reads, half of it writes.
    pub io_buffer_bytes: u32,
    /// `message.max.bytes`: a batch as large as this or the topic's `max.message.bytes` is read,
    /// and one of twice that, as cleaning may make a batch larger. A log with a larger one is
    /// uncleanable.
    pub message_max_bytes: u32,
    /// The key of the hash.
    pub hash_key: HashKey,
}

impl CleanerConfig {
    /// The defaults of Apache Kafka 4.3.
    pub fn new(hash_key: HashKey) -> CleanerConfig {
        CleanerConfig {
            dedupe_buffer_bytes: 128 << 20,
            load_factor: 0.9,
            io_buffer_bytes: 512 << 10,
            message_max_bytes: (1 << 20) + 12,
            hash_key,
        }
    }
}

/// Told of the bytes that a pass has read or written since it was last told: it may wait
/// (`log.cleaner.io.max.bytes.per.second`), or end the pass.
pub type Pace<'a> = dyn FnMut(u64) -> ControlFlow<()> + 'a;

/// Who paces a pass, and of which log it is.
struct Pacing<'a> {
    pace: &'a mut Pace<'a>,
    directory: PathBuf,
}

impl Pacing<'_> {
    fn passed(&mut self, bytes: u64) -> ControlFlow<()> {
        match bytes {
            0 => ControlFlow::Continue(()),
            bytes => (self.pace)(bytes),
        }
    }

    fn stopped(&self) -> CleanError {
        CleanError::Stopped { directory: self.directory.clone() }
    }
}

/// Cleans one log after the other, with memory that is taken once.
pub struct Cleaner {
    config: CleanerConfig,
    map: OffsetMap,
    buffer: ReadBuffer,
}

impl Cleaner {
    /// Takes the memory of the map: one allocation, which stays untouched where no keys are.
    pub fn new(config: CleanerConfig) -> Cleaner {
        let map = OffsetMap::new(config.dedupe_buffer_bytes, config.load_factor, config.hash_key);
        Cleaner { config, map, buffer: ReadBuffer::default() }
    }

    /// The bytes of the map of keys.
    pub fn map_bytes(&self) -> u64 {
        self.map.bytes()
    }

    fn limits(&self, view: &CleaningView) -> ReadLimits {
        let largest = self.config.message_max_bytes.max(view.config.max_message_bytes);
        ReadLimits {
            read_bytes: (self.config.io_buffer_bytes as usize / 2).max(4096),
            batch_bytes: (largest as usize).saturating_mul(2),
        }
    }
}
