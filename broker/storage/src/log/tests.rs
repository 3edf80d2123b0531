//! Tests of the whole log, over the simulated disk.

mod append;
mod bench;
mod checkpoint;
mod cleaning;
mod crash;
mod faults;
mod fixtures;
mod lookup;
mod retention;
mod transactions;
