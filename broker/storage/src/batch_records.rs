//! The records of one batch of an internal log, which is never compressed.

use kt_protocol::records::{BatchView, RecordView};

/// Calls `each` with every record of `batch`, until it fails.
///
/// # Errors
///
/// What `each` says, or what is wrong with the records; compressed ones are not expected in the
/// metadata log and its snapshots, and refused.
pub fn for_each(
    batch: &BatchView<'_>,
    mut each: impl FnMut(&RecordView<'_>) -> Result<(), String>,
) -> Result<(), String> {
    for record in batch.records_in_place().map_err(|it| it.to_string())? {
        each(&record.map_err(|it| it.to_string())?)?;
    }
    Ok(())
}
