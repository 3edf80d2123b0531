//! Runs seeds, or one again: `kt-sim --seeds 1000`, `kt-sim --seed 42`.

use std::process::ExitCode;

use clap::Parser;
use kt_sim::{Settings, run, run_groups};

/// Run whole nodes from seeds, and check what their clients saw
#[derive(Debug, Parser)]
struct Arguments {
    /// Run this seed alone
    #[arg(long)]
    seed: Option<u64>,
    /// Run seeds 1 to N
    #[arg(long, default_value_t = 100, value_name = "N")]
    seeds: u64,
    /// Steps of chaos in each run
    #[arg(long, default_value_t = 3_000)]
    steps: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seeds = match arguments.seed {
        Some(seed) => seed..=seed,
        None => 1..=arguments.seeds,
    };
    let mut total = Total::default();
    for seed in seeds {
        for flushes in [true, false] {
            let settings = Settings { seed, steps: arguments.steps, flushes };
            if let Err(message) = total.add(settings) {
                eprintln!("flushes={flushes} {message}");
                return ExitCode::FAILURE;
            }
        }
    }
    let Total { values, commits, crashes, events } = total;
    println!(
        "{values} values and {commits} commits acknowledged, {crashes} crashes, {events} events: \
         all held"
    );
    ExitCode::SUCCESS
}

/// What all runs came to.
#[derive(Default)]
struct Total {
    values: usize,
    commits: usize,
    crashes: u64,
    events: u64,
}

impl Total {
    /// A run of a log, and one of groups.
    fn add(&mut self, settings: Settings) -> Result<(), String> {
        let log = run(settings)?;
        let groups = run_groups(settings).map_err(|error| format!("groups: {error}"))?;
        self.values += log.acknowledged;
        self.commits += groups.acknowledged;
        self.crashes += log.crashes + groups.crashes;
        self.events += log.events + groups.events;
        Ok(())
    }
}
