//! Where blocks stand in the file, and where the next one goes.

use super::{FILE_BYTES_MAX, PAGE_BYTES};

/// Whole pages for so many bytes.
pub(super) fn pages(bytes: u64) -> u64 {
    bytes.next_multiple_of(PAGE_BYTES)
}

/// Where a block of so many bytes goes that is written after the one which ends at `end`: behind it,
/// or at the front again. `None` if it has no place at all.
pub(super) fn next(end: u64, bytes: u64, limit: u64) -> Option<u64> {
    debug_assert!(limit <= FILE_BYTES_MAX, "no file is larger");
    let at = pages(end.max(PAGE_BYTES));
    if at.checked_add(bytes)? <= limit {
        return Some(at);
    }
    (PAGE_BYTES.checked_add(bytes)? <= limit).then_some(PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_go_on_behind_the_last_one_and_begin_again_at_the_front() {
        assert_eq!(next(0, 10, 65_536), Some(4_096));
        assert_eq!(next(4_106, 10, 65_536), Some(8_192));
        assert_eq!(next(8_192, 10, 65_536), Some(8_192));
        assert_eq!(next(61_440, 4_096, 65_536), Some(61_440));
        assert_eq!(next(61_440, 4_097, 65_536), Some(4_096));
        assert_eq!(next(65_536, 1, 65_536), Some(4_096));
        assert_eq!(next(0, 61_440, 65_536), Some(4_096));
        assert_eq!(next(0, 61_441, 65_536), None);
        assert_eq!(next(0, u64::MAX, 65_536), None);
    }
}
