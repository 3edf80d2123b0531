//! Tests of the whole log, over the simulated disk.

mod append;
mod bench;
mod crash;
