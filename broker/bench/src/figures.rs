//! Figures of repeated runs: minimum, median, maximum, and medians of ratios.

/// What one run of a case measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// Things per second, or the one quantity of the case.
    pub(crate) value: f64,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// Broker CPU per thing, in microseconds, where things are counted.
    pub(crate) cpu_us: Option<f64>,
}

/// All runs of a case.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    runs: Vec<Measured>,
}

impl Figures {
    pub(crate) fn add(&mut self, measured: Measured) {
        self.runs.push(measured);
    }

    pub(crate) fn header() -> String {
        format!(
            "{:<34} {:<13} {:<11} {:>12} {:>12} {:>12}  {:<6} {:>10}",
            "case", "product", "durability", "min", "median", "max", "unit", "CPU us"
        )
    }

    pub(crate) fn row(&self, case: &str, product: &str, durability: &str) -> String {
        let values = sorted(self.runs.iter().map(|it| it.value));
        let cpu = sorted(self.runs.iter().filter_map(|it| it.cpu_us));
        let unit = self.runs.first().map_or("", |it| it.unit);
        let cpu = if cpu.is_empty() { String::new() } else { format!("{:.2}", median(&cpu)) };
        format!(
            "{case:<34} {product:<13} {durability:<11} {:>12.1} {:>12.1} {:>12.1}  {unit:<6} {cpu:>10}",
            values.first().copied().unwrap_or(0.0),
            median(&values),
            values.last().copied().unwrap_or(0.0),
        )
    }

    /// Medians of the ratios of runs that stood side by side.
    pub(crate) fn ratio_row(&self, other: &Figures) -> String {
        let pairs = || self.runs.iter().zip(&other.runs);
        let values = sorted(pairs().map(|(ours, theirs)| ours.value / theirs.value));
        let cpu = sorted(pairs().filter_map(|(a, b)| Some(a.cpu_us? / b.cpu_us?)));
        let cpu = if cpu.is_empty() { String::new() } else { format!(", CPU {:.2}", median(&cpu)) };
        format!("{:<34} {:.2}{cpu}", "  ratio", median(&values))
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
