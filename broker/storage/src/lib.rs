//! One partition's log over a disk, with everything Kafka keeps beside it.

pub mod atomic_file;
pub mod batch_records;
pub mod batch_walk;
pub mod checkpoints;
pub mod clean_shutdown;
pub mod cleaner;
pub mod config;
pub mod directory_names;
pub mod disk;
pub mod error;
pub mod file_cache;
pub mod file_names;
mod index_builder;
pub mod inspect;
mod intact_search;
#[cfg(test)]
mod kafkas_files;
pub mod leader_epochs;
mod loader;
pub mod log;
pub mod lookup;
pub mod meta_properties;
pub mod metadata_snapshot;
pub mod offset_index;
pub mod partition_metadata;
pub mod producer_state;
pub mod quorum_state;
mod random;
pub mod read;
mod recovery;
pub mod scan;
pub mod segment;
pub mod simulated_disk;
mod small_file_error;
mod sparse_index;
pub mod time_index;
pub mod transaction_index;
pub mod verify;

pub use batch_walk::{WalkError, walk_batches};
pub use config::LogConfig;
pub use disk::{Disk, DiskError, File, FileRange};
pub use error::LogError;
pub use file_cache::FileCache;
pub use log::{
    Appended, Deletion, FlushCandidates, LoadFacts, Log, LogHome, RecoveryReport, Swapped,
    UnsyncedSnapshot, WallClockGuard,
};
pub use lookup::{FoundRecord, offset_for_timestamp, offset_of_max_timestamp};
pub use read::{LogSlice, ReadRequest, aborted_transactions, read};
pub use segment::Segment;
pub use small_file_error::SmallFileError;
