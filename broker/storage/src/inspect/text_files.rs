//! The checkpoint files that are text, read from bytes.

use std::collections::BTreeSet;

use kt_protocol::types::{Offset, TopicPartition};

use crate::checkpoints::{parse_lines, parse_offset};
use crate::leader_epochs::{EpochEntry, parse_entry};

/// The lines of a `leader-epoch-checkpoint`.
///
/// # Errors
/// What is wrong, with the line.
pub fn leader_epochs(bytes: &[u8]) -> Result<Vec<EpochEntry>, String> {
    let entries = parse_lines(bytes, parse_entry)?;
    for (pair, line) in entries.windows(2).zip(4..) {
        let &[before, entry] = pair else { continue };
        if entry.epoch <= before.epoch || entry.start_offset <= before.start_offset {
            let (epoch, offset) = (entry.epoch, entry.start_offset);
            return Err(format!(
                "line {line}: epoch {epoch} at {offset} is not above the line before it"
            ));
        }
    }
    Ok(entries)
}

/// The lines of a file that keeps an offset for each partition, each of which stands there once.
///
/// # Errors
/// What is wrong, with the line.
pub fn partition_offsets(bytes: &[u8]) -> Result<Vec<(TopicPartition, Offset)>, String> {
    let offsets = parse_lines(bytes, parse_offset)?;
    let mut seen = BTreeSet::new();
    for ((partition, _), line) in offsets.iter().zip(3..) {
        if !seen.insert(partition) {
            return Err(format!("line {line}: {partition} stands in a line before it"));
        }
    }
    Ok(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_what_is_wrong_has_its_line() {
        let epochs = leader_epochs(b"0\n2\n1 0\n4 17\n").unwrap();
        assert_eq!(epochs.iter().map(|it| it.start_offset.0).collect::<Vec<_>>(), [0, 17]);
        let fault = leader_epochs(b"0\n2\n4 0\n1 17\n").unwrap_err();
        assert!(fault.starts_with("line 4: epoch 1"), "{fault}");
        assert_eq!(partition_offsets(b"").unwrap(), []);
        let offsets = partition_offsets(b"0\n1\norders 3 42\n").unwrap();
        assert_eq!(offsets, [(TopicPartition::new("orders", 3), Offset(42))]);
        let fault = partition_offsets(b"0\n2\norders 3 42\norders 3 43\n").unwrap_err();
        assert_eq!(fault, "line 4: orders-3 stands in a line before it");
        let fault = partition_offsets(b"0\n1\norders x 42\n").unwrap_err();
        assert!(fault.starts_with("line 3"), "{fault}");
    }
}
