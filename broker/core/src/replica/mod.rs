//! What the leader of one partition decides: who may speak to it, what is committed, when an
//! append may be acknowledged.
//!
//! Now for a partition whose ISR is the leader alone; followers bring their fetch offsets
//! ([`LeaderState::on_progress`] takes them) and the changes of the ISR.

mod acks;
mod epoch;
mod leader;

pub use acks::{Acks, check_acknowledgeable, check_appendable, effective_min_isr};
pub use epoch::check_leader_epoch;
pub use leader::{LeaderState, LogFacts};
