//! The last 12 values of an offset, with their times.

use kt_protocol::types::Millis;
use serde::{Deserialize, Serialize};

const KEPT: usize = 12;

/// Offsets are exact and many, so their times are kept as the low 32 bits of the clock: 12 samples
/// never lie 49 days apart.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Samples {
    newest_ms: u64,
    times: [u32; KEPT],
    values: [i64; KEPT],
    len: u8,
    next: u8,
}

impl Samples {
    pub(super) fn push(&mut self, now: Millis, value: i64) {
        let at = usize::from(self.next) % KEPT;
        self.newest_ms = now.0;
        // Truncation is meant: `time` puts the high bits back.
        self.times[at] = now.0 as u32;
        self.values[at] = value;
        self.next = ((at + 1) % KEPT) as u8;
        self.len = (self.len + 1).min(KEPT as u8);
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Takes out one, counted back from the newest.
    pub(super) fn remove(&mut self, back: usize) {
        if self.len() <= back {
            return;
        }
        let slot = |back: usize| (usize::from(self.next) + 2 * KEPT - 1 - back) % KEPT;
        for at in (0..back).rev() {
            let (from, to) = (slot(at), slot(at + 1));
            (self.times[to], self.values[to]) = (self.times[from], self.values[from]);
        }
        self.next = slot(0) as u8;
        self.len -= 1;
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub(super) fn newest(&self) -> Option<(Millis, i64)> {
        self.newest_first().next()
    }

    pub(super) fn oldest(&self) -> Option<(Millis, i64)> {
        self.newest_first().last()
    }

    pub(super) fn newest_first(&self) -> impl DoubleEndedIterator<Item = (Millis, i64)> + '_ {
        let newest = usize::from(self.next) % KEPT + KEPT - 1;
        (0..usize::from(self.len).min(KEPT)).map(move |back| {
            let at = (newest - back) % KEPT;
            (self.time(self.times[at]), self.values[at])
        })
    }

    fn time(&self, low: u32) -> Millis {
        let age = (self.newest_ms as u32).wrapping_sub(low);
        Millis(self.newest_ms.saturating_sub(u64::from(age)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_are_kept_and_the_clock_may_pass_32_bits() {
        let mut samples = Samples::default();
        assert_eq!(samples.newest(), None);
        let start = u64::from(u32::MAX) - 20_000;
        for n in 0..20 {
            samples.push(Millis(start + n * 5_000), n as i64);
        }
        let held: Vec<i64> = samples.newest_first().map(|it| it.1).collect();
        assert_eq!(held, [19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8]);
        let back = samples.newest_first().rev();
        assert!(back.zip(8..).all(|((at, _), n)| at == Millis(start + n * 5_000)));
    }

    #[test]
    fn any_of_them_can_be_taken_out() {
        let mut samples = Samples::default();
        for n in 0..14 {
            samples.push(Millis(n * 1_000), n as i64);
        }
        samples.remove(1);
        samples.remove(2);
        let held: Vec<_> = samples.newest_first().map(|(at, it)| (at.0 / 1_000, it)).collect();
        assert_eq!(held[..4], [(13, 13), (11, 11), (9, 9), (8, 8)]);
        assert_eq!((held.len(), held[9]), (10, (2, 2)));
        samples.push(Millis(14_000), 14);
        let values: Vec<i64> = samples.newest_first().map(|it| it.1).collect();
        assert_eq!(values[..3], [14, 13, 11]);
        let mut one = Samples::default();
        one.push(Millis(1), 1);
        one.remove(1);
        assert_eq!(one.newest(), Some((Millis(1), 1)));
        one.remove(0);
        assert_eq!(one.newest(), None);
    }
}
