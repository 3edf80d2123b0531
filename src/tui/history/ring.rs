//! Samples at a fixed distance in time, the oldest making room; what was not measured is a gap.

use kt_protocol::types::Millis;
use serde::{Deserialize, Serialize};

/// The last `SLOTS` times of `PERIOD_MS` each, as means of the samples that fell into them.
///
/// A slot belongs to a fixed stretch of the clock, so that rings of several subjects line up and a
/// missing sample leaves its slot empty instead of moving the others.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Ring<const PERIOD_MS: u64, const SLOTS: usize> {
    /// NaN is a gap. Slot `n` of the clock is kept at `n % SLOTS`.
    slots: Box<[f32]>,
    newest: Option<u64>,
    /// Samples in the newest slot.
    samples: u32,
}

impl<const PERIOD_MS: u64, const SLOTS: usize> Default for Ring<PERIOD_MS, SLOTS> {
    fn default() -> Self {
        Ring { slots: vec![f32::NAN; SLOTS].into_boxed_slice(), newest: None, samples: 0 }
    }
}

impl<const PERIOD_MS: u64, const SLOTS: usize> Ring<PERIOD_MS, SLOTS> {
    /// What the samples take, in bytes.
    pub(crate) const BYTES: usize = SLOTS * size_of::<f32>();

    /// Adds a sample. One that is older than the newest slot is too late to count.
    pub(crate) fn push(&mut self, now: Millis, value: f32) {
        if !value.is_finite() {
            return;
        }
        let slot = now.0 / PERIOD_MS;
        match self.newest {
            Some(newest) if slot < newest => return,
            Some(newest) if slot == newest => {}
            Some(newest) => self.start(newest + 1, slot),
            None => self.start(slot, slot),
        }
        self.samples = self.samples.saturating_add(1);
        let (count, at) = (self.samples as f32, place::<SLOTS>(slot));
        let Some(held) = self.slots.get_mut(at) else { return };
        // The first one replaces the gap; later ones move the mean.
        *held = if held.is_nan() { value } else { *held + (value - *held) / count };
    }

    /// Makes `slot` the newest; those from `first` on are gaps.
    fn start(&mut self, first: u64, slot: u64) {
        let first = first.max((slot + 1).saturating_sub(SLOTS as u64));
        for passed in first..=slot {
            if let Some(held) = self.slots.get_mut(place::<SLOTS>(passed)) {
                *held = f32::NAN;
            }
        }
        self.newest = Some(slot);
        self.samples = 0;
    }

    /// The mean of all samples from `from` on and before `until`, at the grain of the slots: a
    /// slot counts if any of it lies within.
    pub(crate) fn mean(&self, from: Millis, until: Millis) -> Option<f32> {
        let (mut sum, mut count) = (0.0_f64, 0_u32);
        for (_, value) in self.slots_between(from, until) {
            sum += f64::from(value);
            count += 1;
        }
        (0 < count).then(|| (sum / f64::from(count)) as f32)
    }

    /// The largest of them.
    pub(crate) fn peak(&self, from: Millis, until: Millis) -> Option<f32> {
        self.slots_between(from, until).map(|(_, value)| value).reduce(f32::max)
    }

    /// The samples of that time with the starts of their slots, the oldest first.
    pub(crate) fn slots_between(
        &self,
        from: Millis,
        until: Millis,
    ) -> impl Iterator<Item = (Millis, f32)> + '_ {
        let (first, last) = match self.newest {
            Some(newest) if from < until => {
                let oldest = (newest + 1).saturating_sub(SLOTS as u64);
                let last = (until.0 - 1) / PERIOD_MS;
                ((from.0 / PERIOD_MS).max(oldest), last.min(newest))
            }
            // An empty range.
            _ => (1, 0),
        };
        (first..=last).filter_map(|slot| {
            let value = *self.slots.get(place::<SLOTS>(slot))?;
            (!value.is_nan()).then_some((Millis(slot * PERIOD_MS), value))
        })
    }

    /// Whether the ring reaches back to `time`: what is older was overwritten or never kept.
    pub(crate) fn reaches(&self, time: Millis, now: Millis) -> bool {
        now.0 / PERIOD_MS < time.0 / PERIOD_MS + SLOTS as u64
    }
}

fn place<const SLOTS: usize>(slot: u64) -> usize {
    (slot % SLOTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Small = Ring<1_000, 4>;

    fn shown(ring: &Small) -> String {
        let all = ring.slots_between(Millis(0), Millis(u64::MAX));
        all.map(|(at, value)| format!("{}={value}", at.0)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_oldest_makes_room_and_a_missing_sample_is_a_gap() {
        let mut ring = Small::default();
        let mut text = String::new();
        for (at, value) in [(500, 1.0), (1_100, 2.0), (1_900, 4.0), (3_000, 0.0), (6_200, 8.0)] {
            ring.push(Millis(at), value);
            text += &format!("{at}: {}\n", shown(&ring));
        }
        ring.push(Millis(5_000), 99.0);
        ring.push(Millis(6_300), f32::NAN);
        text += &format!("late and not a number: {}\n", shown(&ring));
        ring.push(Millis(60_000), 5.0);
        text += &format!("after a long gap: {}", shown(&ring));
        insta::assert_snapshot!(text, @"
        500: 0=1
        1100: 0=1 1000=2
        1900: 0=1 1000=3
        3000: 0=1 1000=3 3000=0
        6200: 3000=0 6000=8
        late and not a number: 3000=0 6000=8
        after a long gap: 60000=5
        ");
    }

    proptest! {
        #[test]
        fn a_ring_is_the_newest_of_what_was_pushed(
            steps in prop::collection::vec((0_u64..9_000, 0_u16..100), 1..40),
        ) {
            let (mut ring, mut now, mut model) = (Small::default(), 0, std::collections::BTreeMap::new());
            for (step, value) in steps {
                now += step;
                ring.push(Millis(now), f32::from(value));
                model.entry(now / 1_000).or_insert_with(Vec::new).push(f64::from(value));
            }
            let oldest = (now / 1_000 + 1).saturating_sub(4);
            let wanted: Vec<(u64, f64)> = model
                .range(oldest..)
                .map(|(slot, all)| (slot * 1_000, all.iter().sum::<f64>() / all.len() as f64))
                .collect();
            let held: Vec<(Millis, f32)> = ring.slots_between(Millis(0), Millis(u64::MAX)).collect();
            prop_assert_eq!(held.len(), wanted.len());
            for ((at, value), (wanted_at, mean)) in held.into_iter().zip(wanted) {
                prop_assert_eq!(at.0, wanted_at);
                prop_assert!((f64::from(value) - mean).abs() < 0.01);
            }
        }
    }
}
