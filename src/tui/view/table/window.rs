//! Which rows are in sight: the cursor always is, and the window moves no more than it must.

/// The first row to show of `rows`, when `first` was and `cursor` must be in sight of `height`.
pub(crate) fn first_shown(first: usize, cursor: usize, rows: usize, height: usize) -> usize {
    if height == 0 {
        return cursor.min(rows.saturating_sub(1));
    }
    let cursor = cursor.min(rows.saturating_sub(1));
    let lowest = (cursor + 1).saturating_sub(height);
    // A table that became shorter fills its room again.
    let last = rows.saturating_sub(height);
    first.min(last).clamp(lowest, cursor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_window_follows_the_cursor() {
        assert_eq!(first_shown(0, 4, 100, 5), 0);
        assert_eq!(first_shown(0, 5, 100, 5), 1);
        assert_eq!(first_shown(9, 5, 100, 5), 5);
        assert_eq!(first_shown(90, 3, 4, 10), 0);
        assert_eq!(first_shown(0, 0, 0, 5), 0);
    }

    proptest! {
        #[test]
        fn the_cursor_is_in_sight(
            first in 0usize..200,
            cursor in 0usize..200,
            rows in 1usize..200,
            height in 1usize..60,
        ) {
            let shown = first_shown(first, cursor, rows, height);
            let cursor = cursor.min(rows - 1);
            prop_assert!(shown <= cursor && cursor < shown + height);
            prop_assert!(shown + height <= rows.max(height));
        }
    }
}
