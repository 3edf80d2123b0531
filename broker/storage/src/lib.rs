//! One partition's log over a disk, with everything Kafka keeps beside it.

pub mod disk;

pub use disk::{Disk, DiskError, File, FileRange};
