//! Runs seeds, or one again: `kt-sim --seeds 1000`, `kt-sim --seed 42`.

use std::process::ExitCode;

use clap::Parser;
use kt_sim::{Settings, run, run_clients, run_groups};

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
    /// Run only what is named so: log, groups, clients
    #[arg(long)]
    only: Option<Scenario>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Scenario {
    Log,
    Groups,
    Clients,
}

/// Clients take more steps: there are more of them, and less happens in each.
const CLIENT_STEPS: u64 = 5;

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
            if let Err(message) = total.add(settings, arguments.only) {
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
    /// A run of a log, one of groups, and one of clients.
    fn add(&mut self, settings: Settings, only: Option<Scenario>) -> Result<(), String> {
        let is_wanted = |it| only.is_none_or(|only| only == it);
        if is_wanted(Scenario::Log) {
            let log = run(settings)?;
            self.values += log.acknowledged;
            self.crashes += log.crashes;
            self.events += log.events;
        }
        if is_wanted(Scenario::Groups) {
            let groups = run_groups(settings).map_err(|error| format!("groups: {error}"))?;
            self.commits += groups.acknowledged;
            self.crashes += groups.crashes;
            self.events += groups.events;
        }
        if is_wanted(Scenario::Clients) {
            let settings = Settings { steps: settings.steps * CLIENT_STEPS, ..settings };
            let clients = run_clients(settings).map_err(|error| format!("clients: {error}"))?;
            self.values += clients.delivered;
            self.commits += clients.committed;
            self.crashes += clients.crashes;
            self.events += clients.events;
        }
        Ok(())
    }
}
