//! What must hold of every history. One invariant a file; they know no scenario.

pub mod a_partition_has_one_owner;
pub mod acknowledged_is_never_lost;
pub mod commits_do_not_go_back;
pub mod deliveries_are_exact;
pub mod fenced_members_do_not_commit;
pub mod generations_go_up;
mod group_lives;
pub mod groups_miss_nothing;
pub mod members_own_alone;
pub mod memory_is_bounded;
pub mod offsets_are_a_function;
pub mod readers_skip_nothing;
pub mod requests_are_answered;
pub mod sends_are_answered;

use crate::client_history::ClientSeen;
use crate::group_history::GroupSeen;
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

/// Checks what members of groups saw. `answered_within_ms` is how long any answer may take.
///
/// # Errors
///
/// The first violation, as a sentence.
pub fn check_groups(history: &[GroupSeen], answered_within_ms: u64) -> Result<(), String> {
    a_partition_has_one_owner::check(history)?;
    generations_go_up::check(history)?;
    commits_do_not_go_back::check(history)?;
    fenced_members_do_not_commit::check(history)?;
    requests_are_answered::check(history, answered_within_ms)
}

/// Checks what callers of the client library saw, of whom some are members of `groups` groups, in a
/// history that ends with all of the log.
///
/// # Errors
///
/// The first violation, as a sentence.
pub fn check_clients(history: &[ClientSeen], groups: usize) -> Result<(), String> {
    deliveries_are_exact::check(history)?;
    sends_are_answered::check(history)?;
    readers_skip_nothing::check(history)?;
    groups_miss_nothing::check(history, groups)?;
    members_own_alone::check(history)?;
    memory_is_bounded::check(history)
}
