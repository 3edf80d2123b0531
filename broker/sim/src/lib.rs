//! Whole nodes in one thread from one seed: seeded time, disk and connections, crashes, and
//! invariants that are checked against everything the clients saw.
//!
//! The node is the real one. What lies is around it: effects are carried out late and in another
//! order than they were asked for, wakes are delayed and shuffled, the process dies or the power
//! goes in the middle of anything. The same seed gives the same trace, to the last event.

pub mod client;
pub mod client_history;
pub mod clients;
pub mod group_history;
pub mod groups;
pub mod history;
mod host;
pub mod invariants;
pub mod simulation;
pub mod trace;
pub mod world;

pub use clients::{ClientsOutcome, run_clients};
pub use groups::{GroupOutcome, run_groups};
pub use simulation::{Outcome, Settings, run};
