//! The order in which Java's HashMap gives its entries, for output that must be equal to that of
//! Java programs, byte for byte.

/// What a new map has room for, and the share of it that may be filled before it doubles.
const CAPACITY: usize = 16;
const FILLED_MAX: (usize, usize) = (3, 4);

/// `items`, which were put into a map by `key` one after the other, as the map gives them.
pub(crate) fn ordered<T>(mut items: Vec<T>, key: impl Fn(&T) -> &str) -> Vec<T> {
    let mut capacity = CAPACITY;
    while capacity * FILLED_MAX.0 / FILLED_MAX.1 < items.len() {
        capacity *= 2;
    }
    // Entries of one bucket keep the order in which they came, also when the map grows.
    items.sort_by_key(|it| bucket(key(it), capacity));
    items
}

fn bucket(key: &str, capacity: usize) -> usize {
    let hash = key
        .encode_utf16()
        .fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
    (hash ^ (hash >> 16)) as usize & (capacity - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As kafka-topics of Apache Kafka 4.3.1 ordered the same keys, in a map of 33.
    #[test]
    fn keys_come_in_the_order_of_their_buckets() {
        let shown = ["compression.type", "min.insync.replicas", "cleanup.policy", "segment.bytes"];
        let buckets: Vec<usize> = shown.iter().map(|it| bucket(it, 64)).collect();
        assert!(buckets.is_sorted(), "{buckets:?}");
        let mut items = vec!["segment.bytes", "cleanup.policy", "compression.type"];
        items.resize(33, "");
        let ordered = ordered(items, |it| it);
        let ordered: Vec<&str> = ordered.into_iter().filter(|it| !it.is_empty()).collect();
        assert_eq!(ordered, ["compression.type", "cleanup.policy", "segment.bytes"]);
    }

    #[test]
    fn hashes_are_those_of_java() {
        // "Aa" and "BB" are the classic pair with one hash.
        assert_eq!(bucket("Aa", 1 << 20), bucket("BB", 1 << 20));
        assert_eq!(bucket("Aa", 1 << 20), 2112);
        assert_eq!(bucket("", 16), 0);
    }
}
