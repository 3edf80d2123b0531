//! The name that was probably meant: the nearest of those that exist.

/// The candidate that differs least from `text`, if it is near enough to be a slip of the fingers:
/// a third of its letters, and at least one.
pub(crate) fn nearest<'a, S>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a S>,
) -> Option<&'a str>
where
    S: AsRef<str> + ?Sized + 'a,
{
    let letters: Vec<char> = text.to_lowercase().chars().collect();
    let slips_max = (letters.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&letters, candidate.as_ref()), candidate.as_ref()))
        .filter(|(distance, _)| *distance <= slips_max)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap of neighbours) between the two, capitals aside.
fn distance(from: &[char], to: &str) -> usize {
    let to: Vec<char> = to.to_lowercase().chars().collect();
    // Three rows of the edit table: the one before last is needed for swaps.
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for row in 1..=from.len() {
        let mut here = vec![row; to.len() + 1];
        for column in 1..=to.len() {
            let differs = usize::from(from[row - 1] != to[column - 1]);
            let mut least = (above[column] + 1).min(here[column - 1] + 1);
            least = least.min(above[column - 1] + differs);
            let is_swap = 1 < row
                && 1 < column
                && from[row - 1] == to[column - 2]
                && from[row - 2] == to[column - 1];
            if is_swap {
                least = least.min(before[column - 2] + 1);
            }
            here[column] = least;
        }
        before = std::mem::replace(&mut above, here);
    }
    above[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_name_and_strangers_do_not() {
        let names = ["orders", "payments", "order-events"];
        assert_eq!(nearest("order", &names), Some("orders"));
        assert_eq!(nearest("Orders", &names), Some("orders"));
        assert_eq!(nearest("odrers", &names), Some("orders"));
        assert_eq!(nearest("paymnts", &names), Some("payments"));
        assert_eq!(nearest("invoices", &names), None);
        assert_eq!(nearest("x", &["y"]), Some("y"));
        assert_eq!(nearest("anything", &[] as &[&str]), None);
    }
}
