//! A log on a disk that lies, driven by a seed, beside a model that only remembers what was done.
//!
//! Whatever the log says (offsets, bytes, producers, aborted transactions, times, epochs) must
//! follow from the model, also after each crash, and nothing that was flushed may be missing.

mod checks;
mod model;
mod world;

pub(crate) use world::World;

/// What the log did wrong.
pub(crate) type Verdict = Result<(), String>;

/// Fails unless it holds, saying what does not.
#[macro_export]
macro_rules! ensure {
    ($holds:expr, $($message:tt)*) => {
        if !$holds {
            return Err(format!($($message)*));
        }
    };
}

/// Random numbers of a seed (splitmix64).
pub(crate) struct Random(pub u64);

impl Random {
    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % bound
    }

    /// True once in `count` times.
    pub(crate) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// Plays `seeds` worlds of `steps` each, to the first thing that is wrong.
pub(crate) fn play(seeds: std::ops::Range<u64>, steps: usize) -> Verdict {
    for seed in seeds {
        let mut world = World::new(seed)?;
        for step in 0..steps {
            world.step().map_err(|wrong| {
                let last = world.history();
                format!("seed {seed} step {step}: {wrong}\nafter {last:#?}")
            })?;
        }
    }
    Ok(())
}
