//! What must hold of every history. One invariant a file; they know no scenario.

pub mod acknowledged_is_never_lost;
pub mod offsets_are_a_function;

use crate::history::History;

/// Checks a history whose last reads went over the whole partition.
///
/// # Errors
///
/// The first violation, as a sentence.
pub fn check(history: &History) -> Result<(), String> {
    offsets_are_a_function::check(history)?;
    acknowledged_is_never_lost::check(history)
}
