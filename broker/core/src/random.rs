//! Random numbers as a value: the same seed gives the same ids and placements (xoshiro256++).

use kt_protocol::types::Uuid;

/// A stream of numbers that look random. Not for secrets.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// The stream of this seed; the seed is spread over the state by splitmix64.
    pub fn new(seed: u64) -> Random {
        let mut spread = seed;
        let mut next = || {
            spread = spread.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = spread;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        Random { state: [next(), next(), next(), next()] }
    }

    /// The next 64 bits.
    pub fn next_bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A number below `bound`.
    ///
    /// # Panics
    ///
    /// If `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(0 < bound, "there is no number below 0");
        // The high half of a product: the bias is below bound / 2^64.
        let product = u128::from(self.next_bits()) * bound as u128;
        (product >> 64) as usize
    }

    /// A new id that means something: random, and none of the reserved ones.
    pub fn id(&mut self) -> Uuid {
        let bits = u128::from(self.next_bits()) << 64 | u128::from(self.next_bits());
        Uuid::from_random_bits(bits)
    }

    /// Puts `items` in a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_stream() {
        let stream = |seed| {
            let mut random = Random::new(seed);
            [random.next_bits(), random.next_bits(), random.next_bits()]
        };
        assert_eq!(stream(1), stream(1));
        assert_ne!(stream(1), stream(2));
        // The reference implementation's first output for the state that splitmix64 makes of 0.
        assert_eq!(stream(0)[0], 5987356902031041503);
    }

    #[test]
    fn numbers_below_a_bound_are_all_hit() {
        let mut random = Random::new(7);
        let mut hits = [0; 5];
        for _ in 0..1000 {
            hits[random.below(5)] += 1;
        }
        assert!(hits.iter().all(|count| 100 < *count), "{hits:?}");
    }

    #[test]
    fn a_shuffle_keeps_everything() {
        let mut items: Vec<u32> = (0..100).collect();
        Random::new(3).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<u32>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<u32>>());
    }
}
