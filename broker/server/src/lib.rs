//! placeholder

mod disk;

pub use disk::RealDisk;
