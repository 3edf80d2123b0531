//! A compacted log in a random life, beside a model that remembers every record that was ever
//! written: what the cleaner may drop follows from it, and what it must.

mod checks;
mod found;
mod model;
mod world;

use kt_storage::simulated_disk::CrashMode;

use super::harness::Verdict;
pub(crate) use world::World;

/// Plays `seeds` worlds of `steps` each, to the first thing that is wrong.
pub(crate) fn play(seeds: std::ops::Range<u64>, steps: usize) -> Verdict {
    for seed in seeds {
        let mut world = World::new(seed)?;
        for step in 0..steps {
            world.step().map_err(|wrong| {
                format!("seed {seed} step {step}: {wrong}\nafter {:#?}", world.history())
            })?;
        }
    }
    Ok(())
}

/// Crashes a pass at each of its changes of the disk, in every way, and opens what is left.
pub(crate) fn crash_everywhere(seed: u64, steps: usize) -> Result<u64, String> {
    let prepared = |variant: u64| -> Result<World, String> {
        let mut world = World::on_disk_of(seed, variant)?;
        (0..steps).try_for_each(|_| world.write_step())?;
        world.make_cleanable()?;
        Ok(world)
    };
    let mut whole = prepared(0)?;
    let before = whole.changes();
    whole.clean()?;
    let changes = whole.changes() - before;
    for mode in CrashMode::ALL {
        let variants = if mode == CrashMode::Torn { 2 } else { 1 };
        for (after, variant) in
            (0..=changes).flat_map(|after| (0..variants).map(move |variant| (after, variant)))
        {
            let mut world = prepared(variant)?;
            world.clean_and_crash(after, mode).map_err(|wrong| {
                format!("seed {seed} {mode:?} after {after} of {changes} ({variant}): {wrong}")
            })?;
        }
    }
    Ok(changes)
}
