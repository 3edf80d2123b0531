//! Runs seeds, or one again: `kt-sim --seeds 1000`, `kt-sim --seed 42`.

use std::process::ExitCode;

use clap::Parser;
use kt_sim::{Settings, run};

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
    let (mut acknowledged, mut crashes, mut events) = (0, 0, 0);
    for seed in seeds {
        for flushes in [true, false] {
            match run(Settings { seed, steps: arguments.steps, flushes }) {
                Ok(outcome) => {
                    acknowledged += outcome.acknowledged;
                    crashes += outcome.crashes;
                    events += outcome.events;
                }
                Err(message) => {
                    eprintln!("flushes={flushes} {message}");
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    println!("{acknowledged} values acknowledged, {crashes} crashes, {events} events: all held");
    ExitCode::SUCCESS
}
