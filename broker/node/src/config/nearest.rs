//! The name that was probably meant.

/// The name of `names` with the fewest edits to `given`, if they are few (a third of its length).
pub fn nearest<'a>(given: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let edits_max = given.chars().count() / 3;
    let ranked = names.into_iter().map(|name| (edits(given, name), name));
    ranked.filter(|(edits, _)| *edits <= edits_max).min().map(|(_, name)| name)
}

/// Levenshtein's distance, row by row.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, left_char) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut left_cell = i + 1;
        for (cell, right_char) in row.iter_mut().skip(1).zip(&right) {
            let changed = diagonal + usize::from(left_char != *right_char);
            diagonal = *cell;
            left_cell = changed.min(*cell + 1).min(left_cell + 1);
            *cell = left_cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_slip_and_nothing_far_off() {
        let names = ["retention.ms", "retention.bytes", "segment.ms"];
        assert_eq!(nearest("retension.ms", names), Some("retention.ms"));
        assert_eq!(nearest("colour", names), None);
        assert_eq!(edits("kitten", "sitting"), 3);
    }
}
