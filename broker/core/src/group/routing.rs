//! Which partition of `__consumer_offsets` a group lives in.

use kt_protocol::types::PartitionIndex;

/// The group's partition of `partitions` (`GroupCoordinatorService.partitionFor`).
///
/// # Panics
///
/// If there are no partitions.
pub fn partition_for(group_id: &str, partitions: i32) -> PartitionIndex {
    assert!(0 < partitions, "the topic has partitions");
    // `Utils.abs`: the number without an absolute value becomes 0.
    let positive = java_hash(group_id).checked_abs().unwrap_or(0);
    PartitionIndex(positive % partitions)
}

/// `String.hashCode` of Java, over UTF-16 units.
fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_java_s() {
        // As Java 17 prints them.
        assert_eq!(java_hash(""), 0);
        assert_eq!(java_hash("hello"), 99_162_322);
        assert_eq!(java_hash("my-group"), -1_906_497_762);
        assert_eq!(java_hash("größe-ß😀"), 1_096_176_838);
        assert_eq!(java_hash("polygenelubricants"), i32::MIN);
    }

    #[test]
    fn a_group_has_one_partition() {
        assert_eq!(partition_for("hello", 50), PartitionIndex(22));
        assert_eq!(partition_for("my-group", 50), PartitionIndex(12));
        assert_eq!(partition_for("", 50), PartitionIndex(0));
        assert_eq!(partition_for("polygenelubricants", 50), PartitionIndex(0));
    }
}
