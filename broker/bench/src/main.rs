//! Measures kt, and Apache Kafka beside it, with librdkafka, and the machine's own floors.
//!
//! `cargo build --release && cargo run --release -p kt-bench` prints the first figures of kt;
//! `--beside apache-kafka` alternates each case with Apache Kafka from `tests/interop`. Rates drift
//! with the machine: quote the medians, and ratios of the same run.

mod broker;
mod cases;
mod cleaning;
mod client_consume;
mod clients;
mod commands;
mod figures;
mod floors;
mod groups;
mod load;
mod memory;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use crate::broker::{Broker, Durability, Product};
use crate::cases::Case;
use crate::figures::Figures;

/// Measure kt, and Apache Kafka beside it
#[derive(Debug, Parser)]
struct Arguments {
    /// The kt binary [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    kt: Option<PathBuf>,
    /// Alternate each case with this product
    #[arg(long, value_enum)]
    beside: Option<Peer>,
    /// Counted runs of each case
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Only cases whose name contains this text
    #[arg(long, default_value = "")]
    only: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Peer {
    ApacheKafka,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let kt = match &arguments.kt {
        Some(path) => path.clone(),
        None => std::env::current_exe().map_err(|it| it.to_string())?.with_file_name("kt"),
    };
    if !kt.exists() {
        return Err(format!("{} is not there; build it: cargo build --release", kt.display()));
    }
    if "floors".contains(&arguments.only) {
        floors::print()?;
    }
    if "commands".contains(&arguments.only) {
        println!("{}", Figures::header());
        commands::print(&kt, arguments.runs)?;
    }
    let clients = "client consume".contains(&arguments.only) || arguments.only.contains("client");
    if clients {
        println!("{}", Figures::header());
        client_consume::print(&kt, arguments.runs, &arguments.only)?;
    }
    let mut products = vec![Product::Kt(kt)];
    if arguments.beside.is_some() {
        products.push(Product::ApacheKafka);
    }
    println!("{}", Figures::header());
    clients::print(&kt, arguments.runs, &arguments.only)?;
    for case in Case::all().into_iter().filter(|it| it.name().contains(&arguments.only)) {
        for durability in case.durabilities() {
            measure(&case, *durability, &products, arguments.runs)?;
        }
    }
    Ok(())
}

/// Runs the products in turn (A B A B …), so that the machine's drift meets both.
fn measure(
    case: &Case,
    durability: Durability,
    products: &[Product],
    runs: usize,
) -> Result<(), String> {
    let mut figures: Vec<Figures> = products.iter().map(|_| Figures::default()).collect();
    for _ in 0..runs {
        for (product, figures) in products.iter().zip(&mut figures) {
            memory::touch_and_free();
            let mut broker = Broker::start(product, durability, case.settings())?;
            figures.add(case.run(&mut broker)?);
        }
    }
    for (product, figures) in products.iter().zip(&figures) {
        println!("{}", figures.row(&case.name(), product.name(), durability.name()));
    }
    if let [ours, theirs] = figures.as_slice() {
        println!("{}", ours.ratio_row(theirs));
    }
    Ok(())
}
